"""Translating with a trained model: sentences in, sentences out, whatever their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlab.data.encoding import Vocabulary
from nnlab.data.pairs import START, padded
from nnlab.models.search import BeamSearch
from nnlab.models.translation import Translator

BATCH = 128
WIDTHS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 400)  # source lengths the search is compiled for


class Interpreter:
    """Translates with one model. Batches have one size and a sentence's width depends on itself alone,
    so a translation is the same alone, among others, and after reload."""

    def __init__(self, model: Translator, source: Vocabulary, target: Vocabulary, limit: int, *, beam: int = 1) -> None:
        self.model, self.source, self.target = model, source, target
        self._search = BeamSearch(model, beam=beam, limit=limit)
        self._batch = max(8, BATCH // beam)

    def translate(self, sentences: Sequence[str]) -> list[str]:
        """The translation of each sentence (none of them empty), in order."""
        read = [self.source.read(sentence) for sentence in sentences]
        widths = np.array([next(width for width in WIDTHS if width >= len(ids)) for ids in read])
        lengths = np.array([len(ids) for ids in read])
        answers: dict[int, str] = {}
        for width in sorted(set(widths.tolist())):
            rows = np.flatnonzero(widths == width)
            rows = rows[np.argsort(lengths[rows], kind="stable")]  # like lengths end together
            for start in range(0, len(rows), self._batch):
                group = rows[start : start + self._batch].tolist()
                filled = [read[row] for row in group] + [read[group[-1]]] * (self._batch - len(group))
                ids = self._search.predict_on_batch(padded(filled, left=self.model.left, to=width))
                answers |= {row: self.target.write(found) for row, found in zip(group, ids.tolist(), strict=False)}
        return [answers[row] for row in range(len(sentences))]

    def attention(self, sentence: str) -> tuple[list[str], list[str], list[list[float]]]:
        """What was read, what was written, and ``(written + 1, read)`` weights: where each written one looked."""
        read = self.source.read(sentence).astype("int32")
        written = self.target.read(self.translate([sentence])[0]).astype("int32")
        model: Any = self.model
        weights = model.attention({"source": read[None], "target": np.array([[START, *written]], "int32")})
        return self.source.names(read.tolist()), self.target.names(written.tolist()), np.array(weights)[0].tolist()
