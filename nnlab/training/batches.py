"""Batches made when they are asked for: memory grows with the data, not with what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any


class Batches:
    """``make(rows)`` of each group of rows, in order; shapes may differ from batch to batch."""

    def __init__(self, groups: Sequence[Any], make: Callable[[Any], Any]) -> None:
        self._groups = groups
        self._make = make

    def __len__(self) -> int:
        return len(self._groups)

    def __iter__(self) -> Iterator[Any]:
        return map(self._make, self._groups)
