"""nnlab: classic neural-network experiments that anyone can run, trust and use, from a terminal or from Python.

>>> import nnlab
>>> run = nnlab.train("arith", op="sub", preset="quick", epochs=3)  # doctest: +SKIP
>>> run.predict(["46-601"])  # doctest: +SKIP
['-555']
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "load", "train"]


def __getattr__(name: str) -> Any:
    """``train`` and ``load`` are imported when they are first used: ``import nnlab`` stays light."""
    if name in ("train", "load"):
        from nnlab import api

        return getattr(api, name)
    raise AttributeError(f"module 'nnlab' has no attribute {name!r}")
