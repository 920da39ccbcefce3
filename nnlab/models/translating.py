"""Translating with a trained model: sentences in, sentences out, whatever their number."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from nnlab.backend import predict_threads
from nnlab.data.sentence_pairs import START, padded
from nnlab.data.tokenizers import Vocabulary
from nnlab.models.beam_search import BeamSearch
from nnlab.models.seq2seq import Translator

BATCH = 128
WIDTHS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 400)  # source lengths the search is compiled for


class SentenceTranslator:
    """Translates with one model. Batches have one size and a sentence's width depends on itself alone,
    so a translation is the same alone, among others, and after reload."""

    def __init__(self, model: Translator, source: Vocabulary, target: Vocabulary, limit: int, *, beam: int = 1) -> None:
        self.model, self.source, self.target = model, source, target
        self._search = BeamSearch(model, beam=beam, limit=limit)
        self._search.make_predict_function()  # before threads ask for it
        self._batch = max(8, BATCH // beam)

    def translate(self, sentences: Sequence[str]) -> list[str]:
        """The translation of each sentence (none of them empty), in order."""
        read = [self.source.read(sentence) for sentence in sentences]
        widths = np.array([next(width for width in WIDTHS if width >= len(ids)) for ids in read])
        lengths = np.array([len(ids) for ids in read])
        groups: list[tuple[int, list[int]]] = []
        for width in sorted(set(widths.tolist())):
            rows = np.flatnonzero(widths == width)
            rows = rows[np.argsort(lengths[rows], kind="stable")]  # like lengths end together
            for start in range(0, len(rows), self._batch):
                groups.append((width, rows[start : start + self._batch].tolist()))

        def answer(group: tuple[int, list[int]]) -> list[str]:
            width, members = group
            filled = [read[row] for row in members] + [read[members[-1]]] * (self._batch - len(members))
            ids = self._search.predict_on_batch(padded(filled, left=self.model.left, to=width))
            return [self.target.write(found) for found in ids[: len(members)].tolist()]

        answers: dict[int, str] = {}
        with ThreadPoolExecutor(predict_threads()) as pool:  # a search is many small steps: two fill the cores better
            for (_, members), found in zip(groups, pool.map(answer, groups), strict=True):
                answers |= dict(zip(members, found, strict=True))
        return [answers[row] for row in range(len(sentences))]

    def attention(self, sentence: str) -> tuple[list[str], list[str], list[list[float]]]:
        """What was read, what was written, and ``(written + 1, read)`` weights: where each written one looked."""
        read = self.source.read(sentence).astype("int32")
        written = self.target.read(self.translate([sentence])[0]).astype("int32")
        model: Any = self.model
        weights = model.attention({"source": read[None], "target": np.array([[START, *written]], "int32")})
        return self.source.names(read.tolist()), self.target.names(written.tolist()), np.array(weights)[0].tolist()
