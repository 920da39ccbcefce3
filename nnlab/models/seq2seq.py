"""Encoder and decoder networks that translate sentences, id by id.

:class:`EncoderDecoder` is the published network: one LSTM reads the sentence into its state, a second starts from
there and writes (Sutskever, Vinyals and Le 2014). :class:`AttentionSeq2Seq` encodes in both directions and attends
to all of the sentence while it decodes (Bahdanau, Cho and Bengio 2015; Luong, Pham and Manning 2015). Both are
trained with the right ids so far as the decoder's input (teacher forcing).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from nnlab.data.texts.tokenizers import PAD, SPECIAL, UNKNOWN
from nnlab.models.lstm import ScanLSTM, mask_padding

MASKED = -1e9  # added to a logit it makes the probability exactly 0
MOST_IN_TABLES = 16_000_000  # numbers: 64 MB


class Seq2Seq(keras.Model, ABC):  # type: ignore[misc]
    """Base of both networks: an encoder, and a decoder that predicts each next id from those so far.

    Called with ids ``source`` ``(batch, source time)`` and ``target`` ``(batch, time)``, which begins with its start;
    returns logits of each next id ``(batch, time, target vocabulary)``. The constructors take the sizes of the two
    vocabularies, special ids included.
    """

    pad_left = False  # on which side sources are padded
    target_vocabulary: int
    _config: dict[str, Any]  # the constructor's arguments

    def tables(self) -> list[Any]:
        """What :meth:`encode` and :meth:`step` may look up of each id instead of computing it anew; as yet nothing."""
        return []

    @abstractmethod
    def encode(self, source: Any, training: bool = False, tables: Sequence[Any] = ()) -> tuple[list[Any], list[Any]]:
        """(memory, states): what the decoder attends to, and what it starts from."""

    @abstractmethod
    def decode(self, target: Any, memory: list[Any], states: list[Any], training: bool = False) -> Any:
        """Logits after every id of ``target`` ``(batch, time)``: ``(batch, time, target vocabulary)``."""

    @abstractmethod
    def step(self, ids: Any, memory: list[Any], states: list[Any], tables: Sequence[Any] = ()) -> tuple[Any, list[Any]]:
        """Logits ``(batch, target vocabulary)`` after one more id ``(batch,)``, and the states there."""

    def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Teacher forcing."""
        memory, states = self.encode(inputs["source"], training=training)
        return self.decode(inputs["target"], memory, states, training=training)

    def build(self, input_shape: Any = None) -> None:
        """Build every layer by encoding one sentence: their shapes do not depend on the input's."""
        self.built = True
        self({"source": np.full((1, 4), SPECIAL, "int32"), "target": np.full((1, 4), SPECIAL, "int32")})

    def build_from_config(self, config: Any) -> None:
        """Keras calls this for a saved model, before its weights are read."""
        self.build()

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to be built again."""
        return dict(self._config)


@keras.saving.register_keras_serializable("nnlab")
class EncoderDecoder(Seq2Seq):
    """The published network: the decoder LSTM starts from the last state of an encoder LSTM.

    Padding stands on the left of the source and changes nothing.
    """

    pad_left = True

    def __init__(
        self, *, source_vocabulary: int, target_vocabulary: int, units: int, dropout: float, **options: Any
    ) -> None:
        super().__init__(**options)
        self._config = {
            "source_vocabulary": source_vocabulary,
            "target_vocabulary": target_vocabulary,
            "units": units,
            "dropout": dropout,
        }
        self.target_vocabulary = target_vocabulary
        self.source_embedding = layers.Embedding(source_vocabulary, 4 * units, embeddings_initializer="glorot_uniform")
        self.encoder = ScanLSTM(units)
        self.target_embedding = layers.Embedding(target_vocabulary, 4 * units, embeddings_initializer="glorot_uniform")
        self.decoder = ScanLSTM(units)
        self.dropout = layers.Dropout(dropout)
        self.logits = layers.Dense(target_vocabulary)

    def encode(self, source: Any, training: bool = False, tables: Sequence[Any] = ()) -> tuple[list[Any], list[Any]]:
        """No memory; the states are the encoder's last."""
        gates = mask_padding(self.source_embedding(source), ops.not_equal(source, PAD))
        _, h, c = _scan(self.encoder, gates)
        return [], [h, c]

    def decode(self, target: Any, memory: list[Any], states: list[Any], training: bool = False) -> Any:
        """Logits after every id."""
        outputs, _, _ = _scan(self.decoder, self.target_embedding(target), states)
        return self.logits(self.dropout(outputs, training=training))

    def step(self, ids: Any, memory: list[Any], states: list[Any], tables: Sequence[Any] = ()) -> tuple[Any, list[Any]]:
        """One step of the decoder."""
        h, c = self.decoder.step(self.target_embedding(ids), *states)
        return self.logits(h), [h, c]


@keras.saving.register_keras_serializable("nnlab")
class AttentionSeq2Seq(Seq2Seq):
    """Bidirectional LSTM encoder, and a two-layer LSTM decoder with dot-product attention between its layers.

    The first decoder layer makes the query; the second reads its output and what was attended to. The sum of both
    outputs is compared with the target embedding (tied weights, Press and Wolf 2017).

    ``lexical``: a second path to the logits, from the embeddings of the source ids, weighted as they were attended to,
    so that what a word means need not be learned through the states (Nguyen and Chiang 2018, "Improving Lexical Choice
    in Neural Machine Translation"). Their path has an output matrix of its own; this one is compared with the target
    embedding, too. ``depth``: layers of the encoder, with a residual sum around each but the first. ``dropout``: of the
    inputs of each layer. ``word_dropout``: the probability of replacing an input id by UNKNOWN while training (Bowman
    and others 2016), so that unknown ids can be read later and neither side leans on single ones.
    """

    def __init__(
        self,
        *,
        source_vocabulary: int,
        target_vocabulary: int,
        units: int,
        depth: int,
        dropout: float,
        word_dropout: float,
        lexical: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._config = {
            "source_vocabulary": source_vocabulary,
            "target_vocabulary": target_vocabulary,
            "units": units,
            "depth": depth,
            "dropout": dropout,
            "word_dropout": word_dropout,
            "lexical": lexical,
        }
        self.units, self.word_dropout, self.target_vocabulary = units, word_dropout, target_vocabulary
        rows = keras.initializers.RandomNormal(stddev=units**-0.5)
        self.source_embedding = layers.Embedding(source_vocabulary, units, embeddings_initializer=rows)
        self.encoder_gates = [layers.Dense(8 * units, use_bias=False) for _ in range(depth)]  # of both directions
        self.encoder = [(ScanLSTM(units), ScanLSTM(units)) for _ in range(depth)]  # forward, backward
        self.values = layers.Dense(units, use_bias=False)
        self.keys = layers.Dense(units, use_bias=False)
        self.initial_states = layers.Dense(4 * units, activation="tanh")
        self.target_embedding = layers.Embedding(target_vocabulary, units, embeddings_initializer=rows)
        self.decoder_1_gates = layers.Dense(4 * units, use_bias=False)
        self.decoder_1 = ScanLSTM(units)
        self.query = layers.Dense(units, use_bias=False)
        self.decoder_2_gates = layers.Dense(4 * units, use_bias=False)
        self.decoder_2 = ScanLSTM(units)
        self.output_projection = layers.Dense(units, use_bias=False)
        self.lexical_projection = layers.Dense(units, use_bias=False) if lexical else None
        self.dropout = layers.Dropout(dropout)
        self.seed_generator = keras.random.SeedGenerator()

    def tables(self) -> list[Any]:
        """The gates' inputs in the first layers of the encoder and the decoder, ``(vocabulary, 8 or 4 * units)``.

        They save a quarter of a translation's arithmetic. None where they would be large.
        """
        source, target = self.source_embedding.embeddings, self.target_embedding.embeddings
        if (8 * source.shape[0] + 4 * target.shape[0]) * self.units > MOST_IN_TABLES:
            return []
        return [self.encoder_gates[0](source), self.decoder_1_gates(target)]

    def encode(self, source: Any, training: bool = False, tables: Sequence[Any] = ()) -> tuple[list[Any], list[Any]]:
        """Memory: keys ``(batch, source time, units)``, values, and what masks padding ``(batch, source time)``.

        Values are ``(batch, source time, units)``, of a lexical network with the embedding beside each, twice as many.
        """
        present = ops.not_equal(source, PAD)
        x = embedded = self.dropout(self.source_embedding(self._drop_words(source, training)), training=training)
        for number, (forward, backward) in enumerate(self.encoder):
            if number == 0 and tables:
                gates = ops.take(tables[0], source, axis=0)
            else:
                gates = self.encoder_gates[number](self.dropout(x, training=training) if number else embedded)
            forward_gates, backward_gates = ops.split(gates, 2, axis=-1)
            left, _, _ = _scan(forward, forward_gates)
            reverse = mask_padding(ops.flip(backward_gates, axis=1), ops.flip(present, axis=1))
            right, _, _ = _scan(backward, reverse)
            both = ops.concatenate([left, ops.flip(right, axis=1)], axis=-1)  # (batch, source time, 2 * units)
            x = both if number == 0 else x + both
        return self.summarize(self.dropout(x, training=training), embedded, ops.cast(present, "float32"))

    def summarize(self, x: Any, embedded: Any, present: Any) -> tuple[list[Any], list[Any]]:
        """(memory, states) of what the encoder's layers made, ``(batch, time, 2 * units)``, and of the embeddings.

        ``present`` is ``(batch, time)``, 0 where there is padding.
        """
        weights = present / ops.maximum(ops.sum(present, axis=1, keepdims=True), 1.0)
        states = self.initial_states(ops.sum(x * weights[:, :, None], axis=1))  # (batch, 4 * units)
        padding = (1.0 - present) * MASKED
        values = self.values(x)
        if self.lexical_projection:
            values = ops.concatenate([values, embedded], axis=-1)
        return [self.keys(x), values, padding], list(ops.split(states, 4, axis=-1))

    def decode(self, target: Any, memory: list[Any], states: list[Any], training: bool = False) -> Any:
        """Logits after every id."""
        x = self.target_embedding(self._drop_words(target, training))
        first, _, _ = _scan(self.decoder_1, self.decoder_1_gates(self.dropout(x, training=training)), states[:2])
        attended, embedded, _ = self.attend(self.dropout(first, training=training), memory)
        second, _, _ = _scan(self.decoder_2, self.decoder_2_gates(attended), states[2:])
        return self._logits(self.dropout(second + first, training=training), embedded)

    def step(self, ids: Any, memory: list[Any], states: list[Any], tables: Sequence[Any] = ()) -> tuple[Any, list[Any]]:
        """One step of both decoder layers."""
        gates = ops.take(tables[1], ids, axis=0) if tables else self.decoder_1_gates(self.target_embedding(ids))
        h_1, c_1 = self.decoder_1.step(gates, *states[:2])
        attended, embedded, _ = self.attend(h_1[:, None], memory)
        h_2, c_2 = self.decoder_2.step(self.decoder_2_gates(attended)[:, 0], *states[2:])
        return self._logits(h_2 + h_1, embedded[:, 0]), [h_1, c_1, h_2, c_2]

    def attention(self, inputs: dict[str, Any]) -> Any:
        """The attention weights at each step of a given target: ``(batch, time, source time)``, rows add up to 1."""
        memory, states = self.encode(inputs["source"])
        gates = self.decoder_1_gates(self.target_embedding(inputs["target"]))
        first, _, _ = _scan(self.decoder_1, gates, states[:2])
        return self.attend(first, memory)[2]

    def attend(self, queries: Any, memory: list[Any]) -> tuple[Any, Any, Any]:
        """``(batch, time, units)`` with what they attend to, ``(batch, time, 2 * units)``; the embeddings; the weights.

        The embeddings are ``(batch, time, units)``, of a network that is not lexical ``(batch, time, 0)``.
        """
        keys, values, padding = memory
        scores = ops.matmul(self.query(queries), ops.transpose(keys, (0, 2, 1)))  # (batch, time, source time)
        weights = ops.softmax(scores / self.units**0.5 + padding[:, None, :])
        attended = ops.concatenate([queries, ops.matmul(weights, values)], axis=-1)
        return attended[..., : 2 * self.units], attended[..., 2 * self.units :], weights

    def _logits(self, outputs: Any, embedded: Any) -> Any:
        return ops.matmul(self.compared(outputs, embedded), ops.transpose(self.target_embedding.embeddings))

    def compared(self, outputs: Any, embedded: Any) -> Any:
        """``(…, units)``: what is compared with the target embedding.

        Of ``outputs`` ``(…, units)``, the sum of the decoder's layers, and the embeddings attended to (:meth:`attend`).
        """
        compared = self.output_projection(outputs)
        if self.lexical_projection is None:
            return compared
        embedded = ops.tanh(embedded)
        return compared + embedded + ops.tanh(self.lexical_projection(embedded))

    def _drop_words(self, ids: Any, training: bool) -> Any:
        if not training or not self.word_dropout:
            return ids
        dropped = keras.random.uniform(ops.shape(ids), seed=self.seed_generator) < self.word_dropout
        return ops.where(ops.logical_and(dropped, ids >= SPECIAL), UNKNOWN, ids)


def _scan(lstm: ScanLSTM, gates: Any, states: Any = None) -> tuple[Any, Any, Any]:
    """A ScanLSTM with its states, built where it is not yet."""
    if not lstm.built:
        lstm.build(gates.shape)
        lstm.built = True
    return lstm.scan(gates, states)


@keras.saving.register_keras_serializable("nnlab")
class MaskedCrossEntropy(keras.losses.Loss):  # type: ignore[misc]
    """Mean cross-entropy in nats per id that is not padding, with label smoothing (Szegedy and others 2016)."""

    def __init__(self, smoothing: float = 0.0, name: str = "masked_cross_entropy", **options: Any) -> None:
        super().__init__(name=name, reduction="sum")
        self.smoothing = smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """``(batch, time)`` ids and ``(batch, time, vocabulary)`` logits to one number."""
        log_probabilities = ops.log_softmax(y_pred)
        ids = ops.cast(y_true, "int32")
        of_target = ops.take_along_axis(log_probabilities, ids[:, :, None], axis=-1)[:, :, 0]
        loss = -(1 - self.smoothing) * of_target - self.smoothing * ops.mean(log_probabilities, axis=-1)
        counted = ops.cast(ops.not_equal(ids, PAD), "float32")
        return ops.sum(loss * counted) / ops.maximum(ops.sum(counted), 1.0)

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to build this loss again."""
        return {"smoothing": self.smoothing, "name": self.name}
