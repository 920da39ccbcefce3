"""Rows of different lengths in one array: a small array for each of 100,000 sentences costs ten times its ids."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Ragged:
    """``ids`` of all rows one after the other, uint16; ``ends`` ``(rows,)``: where in it each row ends."""

    ids: np.ndarray[Any, Any]
    ends: np.ndarray[Any, Any]

    @classmethod
    def of(cls, rows: Iterable[np.ndarray[Any, Any]]) -> Ragged:
        """Rows as they come, of uint16 each."""
        ids, ends = array("H"), array("q")
        for row in rows:
            ids.frombytes(row.astype(np.uint16).tobytes())
            ends.append(len(ids))
        return cls(np.array(ids), np.array(ends))

    def __len__(self) -> int:
        return len(self.ends)

    def __iter__(self) -> Iterator[np.ndarray[Any, Any]]:
        return iter(np.split(self.ids, self.ends[:-1])) if len(self) else iter(())

    @property
    def lengths(self) -> np.ndarray[Any, Any]:
        """``(rows,)``."""
        return np.diff(self.ends, prepend=0)

    def padded(
        self, rows: Any, *, left: bool = False, multiple: int = 1, end: int | None = None
    ) -> np.ndarray[Any, Any]:
        """Some rows as int32 ``(len(rows), time)``, 0 beyond each, ``end`` after its last id.

        Padded to the longest, rounded up to a multiple, on the right or the left.
        """
        numbers = np.asarray(rows)
        begins = np.where(numbers > 0, self.ends[numbers - 1], 0)
        lengths = self.ends[numbers] - begins
        longest = int(lengths.max()) + (end is not None)
        width = -(-longest // multiple) * multiple
        places = np.arange(width) - ((width - lengths)[:, None] if left else 0)  # in its row
        inside = (places >= 0) & (places < lengths[:, None])
        made = np.zeros((len(lengths), width), np.int32)
        made[inside] = self.ids[(begins[:, None] + places)[inside]]
        if end is not None:
            made[places == lengths[:, None]] = end
        return made
