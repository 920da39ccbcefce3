"""Encoder and decoder networks that translate character by character.

:class:`EncoderDecoder` is the published network: one LSTM reads the sentence into its state, a second
writes from there (Sutskever, Vinyals and Le 2014). :class:`Attentive` reads in both directions and looks
at all it has read while it writes (Bahdanau, Cho and Bengio 2015; Luong, Pham and Manning 2015).
Both are trained with the right characters so far as the decoder's input (teacher forcing).
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from nnlab.data.sentence_pairs import PAD, SPECIAL, UNKNOWN
from nnlab.models.lstm import ScanLSTM, mask_padding

FAR = -1e9


class Translator(keras.Model):  # type: ignore[misc]
    """Base of the two networks. Called with ``source`` ``(batch, source)`` and ``target`` ``(batch, time)``
    ids, the target begun by its start: logits of each next character ``(batch, time, vocabulary)``."""

    left = False  # on which side sentences are padded

    def encode(self, source: Any, training: bool = False) -> tuple[list[Any], list[Any]]:
        """(memory, states): what the decoder looks at, and what it starts from."""
        raise NotImplementedError

    def teach(self, target: Any, memory: list[Any], states: list[Any], training: bool = False) -> Any:
        """Logits after every character of the target."""
        raise NotImplementedError

    def advance(self, ids: Any, memory: list[Any], states: list[Any]) -> tuple[Any, list[Any]]:
        """Logits after one more character ``(batch,)``, and the states there."""
        raise NotImplementedError

    def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Teacher forcing."""
        memory, states = self.encode(inputs["source"], training=training)
        return self.teach(inputs["target"], memory, states, training=training)

    def build(self, input_shape: Any = None) -> None:
        """Build every layer by reading one sentence: their shapes do not depend on the input's."""
        self.built = True
        self({"source": np.full((1, 4), SPECIAL, "int32"), "target": np.full((1, 4), SPECIAL, "int32")})

    def build_from_config(self, config: Any) -> None:
        """Keras calls this for a saved model, before its weights are read."""
        self.build()

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to be built again."""
        return dict(self._own)


@keras.saving.register_keras_serializable("nnlab")
class EncoderDecoder(Translator):
    """The published network: the last state of an LSTM over the sentence starts the LSTM that writes.

    Padding stands on the left of the sentence and changes nothing.
    """

    left = True

    def __init__(self, source: int, target: int, units: int, dropout: float, **options: Any) -> None:
        super().__init__(**options)
        self._own = {"source": source, "target": target, "units": units, "dropout": dropout}
        self.vocabulary = target
        self.reading = layers.Embedding(source, 4 * units, embeddings_initializer="glorot_uniform")
        self.reader = ScanLSTM(units)
        self.writing = layers.Embedding(target, 4 * units, embeddings_initializer="glorot_uniform")
        self.writer = ScanLSTM(units)
        self.drop = layers.Dropout(dropout)
        self.logits = layers.Dense(target)

    def encode(self, source: Any, training: bool = False) -> tuple[list[Any], list[Any]]:
        """No memory; the states are the reader's last."""
        _, h, c = _run(self.reader, mask_padding(self.reading(source), ops.not_equal(source, PAD)))
        return [], [h, c]

    def teach(self, target: Any, memory: list[Any], states: list[Any], training: bool = False) -> Any:
        """Logits after every character."""
        outputs, _, _ = _run(self.writer, self.writing(target), states)
        return self.logits(self.drop(outputs, training=training))

    def advance(self, ids: Any, memory: list[Any], states: list[Any]) -> tuple[Any, list[Any]]:
        """One step of the writer."""
        h, c = self.writer.step(self.writing(ids), *states)
        return self.logits(h), [h, c]


@keras.saving.register_keras_serializable("nnlab")
class Attentive(Translator):
    """Bidirectional reader, and a writer of two LSTMs with attention between them.

    The first LSTM asks, attention answers with a mix of what was read, the second LSTM writes from both.
    What is written is compared with the rows that are read back (tied weights, Press and Wolf 2017).
    While training, a share ``forget`` of the ids is read as unknown, so that unknown ones can be read
    later, and neither side leans on single ones.
    """

    def __init__(
        self, source: int, target: int, units: int, depth: int, dropout: float, forget: float, **options: Any
    ) -> None:
        super().__init__(**options)
        self._own: dict[str, Any] = {"source": source, "target": target, "units": units, "depth": depth}
        self._own |= {"dropout": dropout, "forget": forget}
        self.units, self.forget, self.vocabulary = units, forget, target
        rows = keras.initializers.RandomNormal(stddev=units**-0.5)
        self.reading = layers.Embedding(source, units, embeddings_initializer=rows)
        self.into = [layers.Dense(8 * units, use_bias=False) for _ in range(depth)]
        self.readers = [(ScanLSTM(units), ScanLSTM(units)) for _ in range(depth)]
        self.values = layers.Dense(units, use_bias=False)
        self.keys = layers.Dense(units, use_bias=False)
        self.first_states = layers.Dense(4 * units, activation="tanh")
        self.writing = layers.Embedding(target, units, embeddings_initializer=rows)
        self.into_asker = layers.Dense(4 * units, use_bias=False)
        self.asker = ScanLSTM(units)
        self.query = layers.Dense(units, use_bias=False)
        self.joined = layers.Dense(4 * units, use_bias=False)
        self.writer = ScanLSTM(units)
        self.out = layers.Dense(units, use_bias=False)
        self.drop = layers.Dropout(dropout)
        self.seeds = keras.random.SeedGenerator()

    def encode(self, source: Any, training: bool = False) -> tuple[list[Any], list[Any]]:
        """Memory: keys and values ``(batch, source, units)``, and what to leave out ``(batch, source)``."""
        present = ops.not_equal(source, PAD)
        found = self.reading(self._forget(source, training))  # (batch, source, units)
        for number, (forward, backward) in enumerate(self.readers):
            gates = self.into[number](self.drop(found, training=training))
            ahead, back = ops.split(gates, 2, axis=-1)
            left, _, _ = _run(forward, ahead)
            right, _, _ = _run(backward, mask_padding(ops.flip(back, axis=1), ops.flip(present, axis=1)))
            both = ops.concatenate([left, ops.flip(right, axis=1)], axis=-1)  # (batch, source, 2 * units)
            found = both if number == 0 else found + both
        share = ops.cast(present, "float32")
        share = share / ops.maximum(ops.sum(share, axis=1, keepdims=True), 1.0)
        found = self.drop(found, training=training)
        states = self.first_states(ops.sum(found * share[:, :, None], axis=1))  # (batch, 4 * units)
        away = (1.0 - ops.cast(present, "float32")) * FAR
        return [self.keys(found), self.values(found), away], list(ops.split(states, 4, axis=-1))

    def teach(self, target: Any, memory: list[Any], states: list[Any], training: bool = False) -> Any:
        """Logits after every id."""
        gates = self.into_asker(self.drop(self.writing(self._forget(target, training)), training=training))
        asked, _, _ = _run(self.asker, gates, states[:2])
        found, _ = self._attend(self.drop(asked, training=training), memory)
        outputs, _, _ = _run(self.writer, self.joined(found), states[2:])
        return self._say(self.drop(outputs + asked, training=training))

    def advance(self, ids: Any, memory: list[Any], states: list[Any]) -> tuple[Any, list[Any]]:
        """One step of both LSTMs."""
        asked, asked_c = self.asker.step(self.into_asker(self.writing(ids)), *states[:2])
        found, _ = self._attend(asked[:, None], memory)
        h, c = self.writer.step(self.joined(found)[:, 0], *states[2:])
        return self._say(h + asked), [asked, asked_c, h, c]

    def _say(self, found: Any) -> Any:
        return ops.matmul(self.out(found), ops.transpose(self.writing.embeddings))

    def attention(self, inputs: dict[str, Any]) -> Any:
        """Where each step of a known translation looks: ``(batch, time, source)``, each row adding up to 1."""
        memory, states = self.encode(inputs["source"])
        asked, _, _ = _run(self.asker, self.into_asker(self.writing(inputs["target"])), states[:2])
        return self._attend(asked, memory)[1]

    def _attend(self, asked: Any, memory: list[Any]) -> tuple[Any, Any]:
        keys, values, away = memory
        scores = ops.matmul(self.query(asked), ops.transpose(keys, (0, 2, 1)))  # (batch, time, source)
        share = ops.softmax(scores / self.units**0.5 + away[:, None, :])
        return ops.concatenate([asked, ops.matmul(share, values)], axis=-1), share

    def _forget(self, ids: Any, training: bool) -> Any:
        if not training or not self.forget:
            return ids
        lost = keras.random.uniform(ops.shape(ids), seed=self.seeds) < self.forget
        return ops.where(ops.logical_and(lost, ids >= SPECIAL), UNKNOWN, ids)


def _run(lstm: ScanLSTM, gates: Any, states: Any = None) -> Any:
    """A ScanLSTM with its states, built where it is not yet."""
    if not lstm.built:
        lstm.build(gates.shape)
        lstm.built = True
    return lstm.run(gates, states)


@keras.saving.register_keras_serializable("nnlab")
class MaskedCrossEntropy(keras.losses.Loss):  # type: ignore[misc]
    """Nats a character that is not padding, with label smoothing (Szegedy and others 2016)."""

    def __init__(self, smoothing: float = 0.0, name: str = "masked_cross_entropy", **options: Any) -> None:
        super().__init__(name=name, reduction="sum")
        self.smoothing = smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """``(batch, time)`` ids and ``(batch, time, vocabulary)`` logits to one number."""
        share = ops.log_softmax(y_pred)
        ids = ops.cast(y_true, "int32")
        right = ops.take_along_axis(share, ids[:, :, None], axis=-1)[:, :, 0]
        loss = -(1 - self.smoothing) * right - self.smoothing * ops.mean(share, axis=-1)
        counted = ops.cast(ops.not_equal(ids, PAD), "float32")
        return ops.sum(loss * counted) / ops.maximum(ops.sum(counted), 1.0)

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to build this loss again."""
        return {"smoothing": self.smoothing, "name": self.name}
