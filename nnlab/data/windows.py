"""Windows of a text, as a model that carries its state reads them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from nnlab.data.text import Ids


def training_windows(ids: Ids, streams: int, window: int, rng: np.random.Generator) -> tuple[Ids, Ids]:
    """An epoch of a stream model: ``(steps * streams, window)`` ids and what follows each.

    Row ``step * streams + s`` goes on where row ``(step - 1) * streams + s`` ended. The text is cut into
    streams at another place each epoch.
    """
    steps = (len(ids) - 1) // (streams * window)
    total = steps * streams * window
    start = int(rng.integers(len(ids) - total))

    def cut(start: int) -> Ids:
        rows = ids[start : start + total].reshape(streams, steps, window)
        return rows.transpose(1, 0, 2).reshape(-1, window)

    return cut(start), cut(start + 1)


def held_out_windows(ids: Ids, streams: int, window: int) -> Iterator[tuple[Ids, Ids, Ids]]:
    """(ids, next ids, counted) ``(streams, window)``, step by step: every next character of a tail counts once.

    Each stream but the first reads one window before its part, which is not counted: so it is not asked
    without having read anything.
    """
    last = len(ids) - 1  # characters to predict
    part = max(1, math.ceil((last - window) / streams))
    steps = math.ceil((part + window) / window)
    for step in range(steps):
        place = np.arange(window) + step * window  # within a stream
        at = np.arange(streams)[:, None] * part + place  # within the tail
        counted = (place < part + window) & (at < last) & ((place >= window) | (np.arange(streams)[:, None] == 0))
        at = np.minimum(at, last - 1)
        yield ids[at], ids[at + 1], counted
