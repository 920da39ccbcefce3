"""nnlab: classic neural-network experiments that anyone can run, trust and use, from a terminal or from Python.

>>> import nnlab
>>> run = nnlab.train("arith", preset="quick")
>>> run.results["exact_match"] > 0.97
True
>>> run.predict(["291+7", "46+601"])
['298', '647']
>>> [row["epoch"] for row in run.metrics]
[1, 2, 3, 4, 5, 6]
>>> nnlab.load(run.path).config.op
'add'
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
