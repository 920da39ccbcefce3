"""Subwords: what a translator reads and writes where single characters are too small (sentencepiece).

A unigram language model over pieces (Kudo 2018) is fitted on the training sentences; while training, a
sentence is cut into pieces at random, another way each time, as if there were more sentences (:mod:`.cuts`).
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from nnlab.data.batching import Ragged
from nnlab.data.sentence_pairs import END, PAD, START, UNKNOWN, Ids
from nnlab.data.subword_sampling import SubwordSampler

SMOOTHNESS = 0.2  # Kudo's alpha: nearer 0 the cuts are more at random


class Subwords:
    """The pieces of one side, both ways; the counterpart of ``pairs.Language``."""

    def __init__(self, model: bytes, characters: str) -> None:
        from sentencepiece import SentencePieceProcessor

        self.model, self.characters = model, characters
        self._pieces: Any = SentencePieceProcessor(model_proto=model)
        self._known = frozenset(characters)

    @classmethod
    def of(cls, sentences: Sequence[str], size: int) -> Subwords:
        """About ``size`` pieces at most, fitted on sentences; every character they have is a piece."""
        import sentencepiece

        characters = "".join(sorted(set().union(*sentences)))
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=model,
            vocab_size=max(size, len(characters) + 50),
            hard_vocab_limit=False,
            character_coverage=1.0,
            normalization_rule_name="identity",
            pad_id=PAD,
            bos_id=START,
            eos_id=END,
            unk_id=UNKNOWN,
            num_threads=1,  # the order of sums, and with it the bits
            minloglevel=2,
        )
        return cls(model.getvalue(), characters)

    def __len__(self) -> int:
        return int(self._pieces.get_piece_size())

    def read(self, sentence: str) -> Ids:
        """The ids of the most probable pieces."""
        return np.array(self._pieces.encode(sentence), np.uint16)

    def read_at_random(self, sentences: Sequence[str], seed: int) -> Ragged:
        """Each sentence cut another way; the same seed cuts the same."""
        return self._cuts.draw(self._pieces.normalize(list(sentences)), np.random.default_rng([seed, 9]))

    @cached_property
    def _cuts(self) -> SubwordSampler:
        pieces = self._pieces
        known = {pieces.id_to_piece(n): (n, pieces.get_score(n)) for n in range(UNKNOWN + 1, len(self))}
        return SubwordSampler(known, SMOOTHNESS)

    def unknown(self, sentence: str) -> str:
        """The characters of a sentence that are not known, each once."""
        return "".join(dict.fromkeys(character for character in sentence if character not in self._known))

    def write(self, ids: Sequence[int]) -> str:
        """The sentence of ids, up to its end."""
        known = []
        for number in ids:
            if number == END:
                break
            if number > UNKNOWN:
                known.append(int(number))
        return str(self._pieces.decode(known))

    def names(self, ids: Sequence[int]) -> list[str]:
        """Each piece as it is written."""
        return [str(self._pieces.id_to_piece(int(number))).replace("▁", " ").strip() or "␣" for number in ids]

    def record(self) -> dict[str, str]:
        """As plain JSON values."""
        return {"characters": self.characters, "pieces": base64.b64encode(self.model).decode()}
