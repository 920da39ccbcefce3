"""Ctrl-C and SIGTERM (a scheduler's polite kill) end a run at its next step; the checkpoint stays.

Python raises KeyboardInterrupt wherever the main thread happens to be. Inside a finalizer, that of tf.data's
iterators say, it is printed and forgotten; so it is also remembered, and training asks after each batch.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_asked = False


@contextmanager
def interrupt_on_sigterm() -> Iterator[None]:
    """Within, both signals raise KeyboardInterrupt and are remembered for :func:`check`."""
    global _asked

    def interrupt(number: int, frame: object) -> None:
        global _asked
        _asked = True
        raise KeyboardInterrupt

    previous: dict[signal.Signals, Any] = {}
    _asked = False
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
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
