"""Ctrl-C, SIGTERM (a scheduler's polite kill) and SIGHUP (a terminal that goes) end a run; the checkpoint stays.

Python raises KeyboardInterrupt wherever the main thread happens to be. Inside a finalizer, that of tf.data's
iterators say, it is printed and forgotten; so it is also remembered, and training asks after each batch.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# nohup has SIGHUP ignored: then it stays so.
HEEDED = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name) and not (name == "SIGHUP" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)
)
_asked = False


@contextmanager
def interrupt_on_sigterm() -> Iterator[None]:
    """Within, these signals raise KeyboardInterrupt and are remembered for :func:`check`."""
    global _asked

    def interrupt(number: int, frame: object) -> None:
        global _asked
        _asked = True
        raise KeyboardInterrupt

    previous: dict[signal.Signals, Any] = {}
    _asked = False
    try:
        for number in HEEDED:
            previous[number] = signal.signal(number, interrupt)
    except ValueError:  # not the main thread
        previous = {}
    try:
        yield
    finally:
        _asked = False
        for number, handler in previous.items():
            signal.signal(number, handler)


def check() -> None:
    """Raise the KeyboardInterrupt that was asked for and got lost."""
    if _asked:
        raise KeyboardInterrupt
