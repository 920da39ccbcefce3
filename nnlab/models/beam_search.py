"""Beam search over a translator, many sentences at once in one compiled loop on any Keras backend."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from nnlab.data.sentence_pairs import END, PAD, START, UNKNOWN
from nnlab.models.seq2seq import FAR, Translator


class BeamSearch(keras.Model):  # type: ignore[misc]
    """Source ids ``(batch, source)`` to the ids of the best translation found ``(batch, limit)``.

    ``beam`` translations are followed at once; with 1 it is greedy. A finished one stays as it is. The
    best is that of the highest mean log-probability a character. Stops when all are finished.
    """

    def __init__(self, translator: Translator, *, beam: int, limit: int) -> None:
        super().__init__()
        self.translator, self.beam, self.limit = translator, beam, limit
        self.compile(jit_compile=False)

    def call(self, source: Any) -> Any:
        """Search."""
        beam, limit = self.beam, self.limit
        batch = source.shape[0]
        memory, states = self.translator.encode(source)
        memory = [ops.repeat(array, beam, axis=0) for array in memory]
        states = [ops.repeat(array, beam, axis=0) for array in states]
        vocabulary = self.translator.vocabulary
        places = ops.arange(limit)
        never = ops.sum(ops.one_hot([PAD, START, UNKNOWN], vocabulary), axis=0) * FAR  # (vocabulary,)
        only_pad = (1 - ops.one_hot(PAD, vocabulary)) * FAR
        first = ops.arange(batch)[:, None] * beam  # the row of each sentence's first beam

        def step(number: Any, ids: Any, scores: Any, done: Any, written: Any, *now: Any) -> Any:
            logits, after = self.translator.advance(ids, memory, list(now))
            share = ops.log_softmax(logits + never)
            share = ops.where(ops.reshape(done, (-1, 1)), only_pad, share)
            total = ops.reshape(scores, (-1, 1)) + share  # (batch * beam, vocabulary)
            scores, best = ops.top_k(ops.reshape(total, (batch, beam * vocabulary)), beam)
            ids = ops.cast(best % vocabulary, "int32")  # (batch, beam)
            if beam > 1:
                rows = ops.reshape(first + ops.cast(best // vocabulary, "int32"), (-1,))
                after = [ops.take(state, rows, axis=0) for state in after]
                done = ops.reshape(ops.take(ops.reshape(done, (-1,)), rows, axis=0), (batch, beam))
                written = ops.reshape(ops.take(ops.reshape(written, (-1, limit)), rows, axis=0), (batch, beam, limit))
            written = ops.where(places == number, ids[:, :, None], written)
            done = ops.logical_or(done, ids == END)
            return (number + 1, ops.reshape(ids, (-1,)), scores, done, written, *after)

        def unfinished(number: Any, ids: Any, scores: Any, done: Any, *rest: Any) -> Any:
            return ops.logical_and(number < limit, ops.logical_not(ops.all(done)))

        start = (
            ops.convert_to_tensor(0, "int32"),
            ops.full((batch * beam,), START, "int32"),
            ops.tile(ops.one_hot(0, beam)[None] * -FAR + FAR, (batch, 1)),
            ops.zeros((batch, beam), "bool"),
            ops.full((batch, beam, limit), PAD, "int32"),
        )
        _, _, scores, done, written, *_ = ops.while_loop(unfinished, step, (*start, *states))
        length = ops.sum(ops.cast(written != PAD, "float32"), axis=-1)
        mean = scores / length + ops.where(done, 0.0, FAR / 2)  # an unfinished one only where none is finished
        chosen = ops.argmax(mean, axis=1)
        return ops.take_along_axis(written, chosen[:, None, None], axis=1)[:, 0]
