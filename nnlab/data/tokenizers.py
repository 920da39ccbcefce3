"""Sentence pairs as ids, of single characters or of subwords."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from nnlab.data.batching import Ragged
from nnlab.data.sentence_pairs import END, PAD, START, Language
from nnlab.data.subwords import Subwords

Vocabulary: TypeAlias = Language | Subwords


@dataclass(frozen=True)
class Encoded:
    """Pairs as ids."""

    sources: Ragged
    targets: Ragged
    characters: np.ndarray[Any, Any]  # of each target and its end

    @property
    def lengths(self) -> np.ndarray[Any, Any]:
        """``(pairs, 2)``; a target's with its end."""
        return np.stack([self.sources.lengths, self.targets.lengths + 1], axis=1)

    def batch(self, rows: Any, *, left: bool, multiple: int = 1) -> tuple[dict[str, Any], Any]:
        """Inputs and next characters of some pairs; ``multiple``: lengths are rounded up to one of this."""
        sources = self.sources.padded(rows, left=left, multiple=multiple)
        following = self.targets.padded(rows, multiple=multiple, end=END)
        targets = np.full_like(following, START)
        targets[:, 1:] = np.where(following[:, :-1] == END, PAD, following[:, :-1])
        return {"source": sources, "target": targets}, following


def encode(
    pairs: Sequence[tuple[str, str]], source: Vocabulary, target: Vocabulary, seed: int | None = None
) -> Encoded:
    """Pairs of sentences as ids; with a seed, subwords are cut at random."""
    sides = [[pair[side] for pair in pairs] for side in (0, 1)]
    if seed is not None and isinstance(source, Subwords) and isinstance(target, Subwords):
        read = [source.read_at_random(sides[0], seed), target.read_at_random(sides[1], seed)]
    else:
        read = [Ragged.of(map(source.read, sides[0])), Ragged.of(map(target.read, sides[1]))]
    return Encoded(read[0], read[1], np.array([len(sentence) + 1 for sentence in sides[1]]))


def fit_tokenizers(pairs: Sequence[tuple[str, str]], pieces: int) -> tuple[Vocabulary, Vocabulary]:
    """What can be read and written, from the training pairs alone: a character that only others have is unknown."""
    sides = ([source for source, _ in pairs], [target for _, target in pairs])
    if pieces:
        return Subwords.of(sides[0], pieces), Subwords.of(sides[1], pieces)
    return Language.of(sides[0]), Language.of(sides[1])


def tokenizer_from_json(record: Mapping[str, str]) -> Vocabulary:
    """What :func:`fit_tokenizers` found, as the run folder keeps it."""
    if "pieces" in record:
        return Subwords(base64.b64decode(record["pieces"]), record["characters"])
    return Language(record["characters"])
