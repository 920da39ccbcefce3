"""Sentences of different lengths in one array, and in batches with little padding."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from nnlab.data.texts.tokenizers import END, PAD, START, SubwordTokenizer, Tokenizer

Array: TypeAlias = np.ndarray[Any, Any]
BUCKET_WIDTH = 2  # lengths that differ by less count as one
WIDTHS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 400)  # that programs are compiled for


def compiled_width(longest: int) -> int:
    """The least of a few widths that so many ids fit into."""
    return next((width for width in WIDTHS if width >= longest), -(-longest // WIDTHS[-1]) * WIDTHS[-1])


@dataclass(frozen=True)
class Ragged:
    """Rows of ids: ``ids`` of all one after the other, uint16; ``ends`` ``(rows,)``: where in it each row ends.

    A small array for each of 100,000 sentences would cost ten times its ids.
    """

    ids: Array
    ends: Array

    @classmethod
    def of(cls, rows: Iterable[Array]) -> Ragged:
        """Rows as they come, of uint16 each."""
        ids, ends = array("H"), array("q")
        for row in rows:
            ids.frombytes(row.astype(np.uint16).tobytes())
            ends.append(len(ids))
        return cls(np.array(ids), np.array(ends))

    def __len__(self) -> int:
        return len(self.ends)

    def __iter__(self) -> Iterator[Array]:
        return iter(np.split(self.ids, self.ends[:-1])) if len(self) else iter(())

    @property
    def lengths(self) -> Array:
        """``(rows,)``."""
        return np.diff(self.ends, prepend=0)

    def pad(self, rows: Any, *, left: bool = False, width: int = 0, end: int | None = None) -> Array:
        """Some rows as int32 ``(len(rows), time)``, 0 beyond each, ``end`` after its last id.

        ``rows``: their numbers. Padded to the longest, at least to ``width``, on the right or the left.
        """
        numbers = np.asarray(rows)
        begins = np.where(numbers > 0, self.ends[numbers - 1], 0)
        lengths = self.ends[numbers] - begins
        width = max(int(lengths.max()) + (end is not None), width)
        places = np.arange(width) - ((width - lengths)[:, None] if left else 0)  # in its row
        inside = (places >= 0) & (places < lengths[:, None])
        padded = np.zeros((len(lengths), width), np.int32)
        padded[inside] = self.ids[(begins[:, None] + places)[inside]]
        if end is not None:
            padded[places == lengths[:, None]] = end
        return padded


def pad(rows: Sequence[Array], *, left: bool = False, width: int = 0) -> Array:
    """Rows of ids as one int32 array ``(rows, time)``, padded with 0 to the longest, at least to ``width``."""
    return Ragged.of(rows).pad(np.arange(len(rows)), left=left, width=width)


@dataclass(frozen=True)
class Encoded:
    """Sentence pairs as ids."""

    sources: Ragged
    targets: Ragged
    characters: Array  # (pairs,): of each target and its end

    @property
    def lengths(self) -> Array:
        """``(pairs, 2)``; a target's with its end."""
        return np.stack([self.sources.lengths, self.targets.lengths + 1], axis=1)

    def batch(self, rows: Any, *, left: bool, compiled_for: int | None = None) -> tuple[dict[str, Array], Array]:
        """Inputs and next ids of the pairs numbered ``rows``.

        ``left``: sources are padded on the left; ``compiled_for``: each shape is a program of its own, so batches of
        up to so many pairs get one of few: both sides one width, and rows of nothing but padding. Returns
        ``{"source": (batch, source time), "target": (batch, target time)}`` and the ids that follow each target id.
        """
        width = compiled_width(int(self.lengths[rows].max())) if compiled_for else 0
        sources = self.sources.pad(rows, left=left, width=width)
        following = self.targets.pad(rows, width=width, end=END)
        if compiled_for:
            sources, following = (
                _with_rows(ids, compiled_rows(len(rows), compiled_for)) for ids in (sources, following)
            )
        targets = np.full_like(following, START)
        targets[:, 1:] = np.where(following[:, :-1] == END, PAD, following[:, :-1])
        return {"source": sources, "target": targets}, following


def compiled_rows(rows: int, at_most: int) -> int:
    """The least that so many rows fit into of ``at_most``, its half (rounded up), its quarter and so on."""
    while rows <= (half := -(-at_most // 2)) < at_most:
        at_most = half
    return at_most


def _with_rows(ids: Array, rows: int) -> Array:
    """More rows of nothing but padding."""
    return np.pad(ids, ((0, rows - len(ids)), (0, 0)), constant_values=PAD)


def encode(pairs: Sequence[tuple[str, str]], source: Tokenizer, target: Tokenizer, seed: int | None = None) -> Encoded:
    """Pairs of sentences as ids; with a seed, subwords are drawn at random."""
    sides = [[pair[side] for pair in pairs] for side in (0, 1)]
    if seed is not None and isinstance(source, SubwordTokenizer) and isinstance(target, SubwordTokenizer):
        encoded = [Ragged(*source.encode_sampled(sides[0], seed)), Ragged(*target.encode_sampled(sides[1], seed))]
    else:
        encoded = [Ragged.of(map(source.encode, sides[0])), Ragged.of(map(target.encode, sides[1]))]
    return Encoded(encoded[0], encoded[1], np.array([len(sentence) + 1 for sentence in sides[1]]))


def bucket_by_length(
    lengths: Array, batch_size: int, rng: np.random.Generator | None, budget: int = 4096
) -> list[Array]:
    """Row numbers in batches of similar length, in a random order, so that little padding is computed.

    ``lengths`` ``(rows, sides)``. A batch has up to ``batch_size`` rows and, where sentences are long, up to
    ``budget`` ids per side. Without ``rng`` the order is that of length.
    """
    noise = rng.random(len(lengths)) if rng is not None else np.zeros(len(lengths))
    order = np.lexsort((noise, lengths[:, 0] // BUCKET_WIDTH, lengths[:, -1] // BUCKET_WIDTH))
    batches: list[Array] = []
    start = 0
    while start < len(order):
        rows = order[start : start + batch_size]
        longest = np.maximum.accumulate(lengths[rows].max(axis=1))
        rows = rows[: max(1, int(np.searchsorted(longest * np.arange(1, len(rows) + 1), budget, side="right")))]
        batches.append(rows)
        start += len(rows)
    return [batches[number] for number in rng.permutation(len(batches))] if rng is not None else batches
