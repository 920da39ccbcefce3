"""Translating with a trained network: sentences in, sentences out, by beam search in one compiled loop."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

from nnlab.backend import jit_compile, predict_threads, trace_once
from nnlab.data.texts.batching import compiled_width, pad
from nnlab.data.texts.tokenizers import END, PAD, START, UNKNOWN, Tokenizer
from nnlab.models.seq2seq import MASKED, Seq2Seq

BATCH_SIZE = 128  # sentences times beam
Found: TypeAlias = tuple[list[list[int]], list[float], list[bool]]  # of one sentence: ids, scores, whether they ended


class Translator:
    """Translates sentences with one network.

    Batches have one size and a sentence's width depends on itself alone, so a translation is the same alone, among
    others, and after reload.

    ``source``, ``target``: the tokenizers that the network was trained with; ``limit``: the most ids of a
    translation; ``beam``: translations followed at once, 1 for greedy decoding; ``best``: how many of them
    :meth:`n_best` gives, at most ``beam``.
    """

    def __init__(
        self, model: Seq2Seq, source: Tokenizer, target: Tokenizer, limit: int, *, beam: int = 1, best: int = 1
    ) -> None:
        self.model, self.source, self.target = model, source, target
        self._search = BeamSearch(model, beam=beam, limit=limit, best=best)
        self._batch_size = max(8, BATCH_SIZE // beam)
        trace_once(self._search, samples=self._batch_size)

    def translate(self, sentences: Sequence[str]) -> list[str]:
        """The translation of each sentence, in order; none of them empty."""
        return [self.target.decode(ids[0]) for ids, _, _ in self._found(sentences)]

    def n_best(self, sentences: Sequence[str]) -> list[list[tuple[str, float]]]:
        """The best translations of each sentence, best first, with their scores; sentences as for :meth:`translate`.

        A score is the mean log-probability (nats) per id, the end among them: what the search ranks by. There are
        up to ``best``: fewer where less was finished, or where two ways to cut it into ids are one text.
        """
        return [self._texts(*found) for found in self._found(sentences)]

    def _texts(self, ids: list[list[int]], scores: list[float], ended: list[bool]) -> list[tuple[str, float]]:
        """Different translations with their scores; where none came to its end, the best as it stands."""
        texts: dict[str, float] = {}
        for one, score, done in zip(ids, scores, ended, strict=True):
            if done or not texts:
                texts.setdefault(self.target.decode(one), score)
        return list(texts.items())

    def _found(self, sentences: Sequence[str]) -> list[Found]:
        """The best of each sentence, in order."""
        encoded = [self.source.encode(sentence) for sentence in sentences]
        lengths = np.array([len(ids) for ids in encoded])
        widths = np.array([compiled_width(length) for length in lengths])
        groups: list[tuple[int, list[int]]] = []  # (width, rows)
        for width in sorted(set(widths.tolist())):
            rows = np.flatnonzero(widths == width)
            rows = rows[np.argsort(lengths[rows], kind="stable")]  # similar lengths end together
            for start in range(0, len(rows), self._batch_size):
                groups.append((width, rows[start : start + self._batch_size].tolist()))

        def search(group: tuple[int, list[int]]) -> list[Found]:
            width, rows = group
            filled = [encoded[row] for row in rows] + [encoded[rows[-1]]] * (self._batch_size - len(rows))
            arrays = self._search.predict_on_batch(pad(filled, left=self.model.pad_left, width=width))
            return list(zip(*(array[: len(rows)].tolist() for array in arrays), strict=True))

        found: dict[int, Found] = {}
        with ThreadPoolExecutor(predict_threads()) as pool:  # a search is many small steps: two fill the cores better
            for (_, numbers), outputs in zip(groups, pool.map(search, groups), strict=True):
                found |= dict(zip(numbers, outputs, strict=True))
        return [found[row] for row in range(len(sentences))]

    def attention(self, sentence: str) -> tuple[list[str], list[str], list[list[float]]]:
        """(source tokens, translation's tokens, weights ``(translation + 1, source)``): where each next id looked.

        Only of a network that has attention.
        """
        encoded = self.source.encode(sentence).astype("int32")
        translation = self.target.encode(self.translate([sentence])[0]).astype("int32")
        model: Any = self.model
        weights = model.attention({"source": encoded[None], "target": np.array([[START, *translation]], "int32")})
        tokens = self.source.tokens(encoded.tolist()), self.target.tokens(translation.tolist())
        return *tokens, np.array(weights)[0].tolist()


class BeamSearch(keras.Model):  # type: ignore[misc]
    """Source ids ``(batch, source time)`` to the best translations: ids ``(batch, best, limit)``, scores, and ends.

    ``beam`` translations are followed at once; with 1 it is greedy. A finished one stays as it is. The score
    ``(batch, best)`` is the mean log-probability per id, best first, those that came to no end ``(batch, best)``
    last. Stops when all are finished.
    """

    def __init__(self, model: Seq2Seq, *, beam: int, limit: int, best: int = 1) -> None:
        super().__init__()
        self.model, self.beam, self.limit, self.best = model, beam, limit, best
        self.tables = model.tables()
        self.compile(jit_compile=jit_compile())

    def call(self, source: Any) -> Any:
        """Search."""
        beam, limit = self.beam, self.limit
        batch = source.shape[0]
        memory, states = self.model.encode(source, tables=self.tables)
        memory = [ops.repeat(array, beam, axis=0) for array in memory]
        states = [ops.repeat(array, beam, axis=0) for array in states]
        vocabulary = self.model.target_vocabulary
        columns = ops.arange(limit)
        never = ops.sum(ops.one_hot([PAD, START, UNKNOWN], vocabulary), axis=0) * MASKED  # (vocabulary,)
        only_pad = (1 - ops.one_hot(PAD, vocabulary)) * MASKED
        first = ops.arange(batch)[:, None] * beam  # the row of each sentence's first beam

        def step(number: Any, ids: Any, scores: Any, done: Any, outputs: Any, *states: Any) -> Any:
            logits, after = self.model.step(ids, memory, list(states), self.tables)
            logits = logits + never
            if beam == 1:  # the same, with less to compute
                best = ops.argmax(logits, axis=-1)[:, None]
                score = ops.take_along_axis(logits, best, axis=-1) - ops.logsumexp(logits, axis=-1, keepdims=True)
                ids = ops.where(done, PAD, ops.cast(best, "int32"))
                scores = ops.where(done, scores, scores + score)
            else:
                log_probabilities = ops.where(ops.reshape(done, (-1, 1)), only_pad, ops.log_softmax(logits))
                total = ops.reshape(scores, (-1, 1)) + log_probabilities  # (batch * beam, vocabulary)
                scores, best = ops.top_k(ops.reshape(total, (batch, beam * vocabulary)), beam)
                ids = ops.cast(best % vocabulary, "int32")  # (batch, beam)
                rows = ops.reshape(first + ops.cast(best // vocabulary, "int32"), (-1,))
                after = [ops.take(state, rows, axis=0) for state in after]
                done = ops.reshape(ops.take(ops.reshape(done, (-1,)), rows, axis=0), (batch, beam))
                outputs = ops.reshape(ops.take(ops.reshape(outputs, (-1, limit)), rows, axis=0), (batch, beam, limit))
            outputs = ops.where(columns == number, ids[:, :, None], outputs)
            done = ops.logical_or(done, ids == END)
            return (number + 1, ops.reshape(ids, (-1,)), scores, done, outputs, *after)

        def unfinished(number: Any, ids: Any, scores: Any, done: Any, *rest: Any) -> Any:
            return ops.logical_and(number < limit, ops.logical_not(ops.all(done)))

        start = (
            ops.convert_to_tensor(0, "int32"),
            ops.full((batch * beam,), START, "int32"),
            ops.tile(ops.one_hot(0, beam)[None] * -MASKED + MASKED, (batch, 1)),
            ops.zeros((batch, beam), "bool"),
            ops.full((batch, beam, limit), PAD, "int32"),
        )
        _, _, scores, done, outputs, *_ = ops.while_loop(unfinished, step, (*start, *states))
        length = ops.sum(ops.cast(outputs != PAD, "float32"), axis=-1)
        mean = scores / length
        _, chosen = ops.top_k(mean + ops.where(done, 0.0, MASKED / 2), self.best)  # unfinished ones come last
        found = ops.take_along_axis(outputs, chosen[:, :, None], axis=1)
        return found, ops.take_along_axis(mean, chosen, axis=1), ops.take_along_axis(done, chosen, axis=1)
