"""Ctrl-C, SIGTERM (a scheduler's polite kill) and SIGHUP (a terminal that goes) end a run; the checkpoint stays.

Python raises KeyboardInterrupt wherever the main thread happens to be. Inside a finalizer, that of tf.data's
iterators say, it is printed and forgotten, and inside C code it may come out as a SystemError; so it is also
remembered: training asks after each batch, and an error that follows it is its own.
"""

from __future__ import annotations

import signal
import sys
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

    def unraisable(told: sys.UnraisableHookArgs) -> None:
        if not isinstance(told.exc_value, KeyboardInterrupt):
            hook(told)

    previous: dict[signal.Signals, Any] = {}
    hook, sys.unraisablehook = sys.unraisablehook, unraisable
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
        sys.unraisablehook = hook
        for number, handler in previous.items():
            signal.signal(number, handler)


def asked() -> bool:
    """Whether one of these signals came."""
    return _asked


def check() -> None:
    """Raise the KeyboardInterrupt that was asked for and got lost."""
    if _asked:
        raise KeyboardInterrupt
