"""Sentence pairs as ids, of single characters or of subwords."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from nnlab.data.pairs import END, START, Language, padded
from nnlab.data.subwords import Subwords

Vocabulary: TypeAlias = Language | Subwords


@dataclass(frozen=True)
class Encoded:
    """Pairs as ids, each sentence an array of its own; targets begin and end."""

    sources: list[np.ndarray[Any, Any]]
    targets: list[np.ndarray[Any, Any]]
    characters: np.ndarray[Any, Any]  # of each target and its end

    @property
    def lengths(self) -> np.ndarray[Any, Any]:
        """``(pairs, 2)``."""
        return np.array([[len(s), len(t) - 1] for s, t in zip(self.sources, self.targets, strict=True)])

    def batch(self, rows: Any, *, left: bool, multiple: int = 1) -> tuple[dict[str, Any], Any]:
        """Inputs and next characters of some pairs; ``multiple``: lengths are rounded up to one of this."""
        sources = padded([self.sources[row] for row in rows], left=left, multiple=multiple)
        targets = padded([self.targets[row][:-1] for row in rows], multiple=multiple)
        following = padded([self.targets[row][1:] for row in rows], multiple=multiple)
        return {"source": sources, "target": targets}, following


def encode(
    pairs: Sequence[tuple[str, str]], source: Vocabulary, target: Vocabulary, seed: int | None = None
) -> Encoded:
    """Pairs of sentences as ids; with a seed, subwords are cut at random."""
    sides = [[pair[side] for pair in pairs] for side in (0, 1)]
    if seed is not None and isinstance(source, Subwords) and isinstance(target, Subwords):
        read = [source.read_at_random(sides[0], seed), target.read_at_random(sides[1], seed)]
    else:
        read = [[source.read(one) for one in sides[0]], [target.read(one) for one in sides[1]]]
    start, end = np.array([START], np.uint16), np.array([END], np.uint16)
    characters = np.array([len(sentence) + 1 for sentence in sides[1]])
    return Encoded(read[0], [np.concatenate([start, ids, end]) for ids in read[1]], characters)


def known_of(pairs: Sequence[tuple[str, str]], pieces: int) -> tuple[Vocabulary, Vocabulary]:
    """What can be read and written, from the training pairs alone: a character that only others have is unknown."""
    sides = ([source for source, _ in pairs], [target for _, target in pairs])
    if pieces:
        return Subwords.of(sides[0], pieces), Subwords.of(sides[1], pieces)
    return Language.of(sides[0]), Language.of(sides[1])


def vocabulary_of(record: Mapping[str, str]) -> Vocabulary:
    """What :func:`known_of` found, as the run folder keeps it."""
    if "pieces" in record:
        return Subwords(base64.b64decode(record["pieces"]), record["characters"])
    return Language(record["characters"])
