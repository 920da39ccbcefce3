"""Recurrent networks that read a sum and write its answer, character by character.

Two designs. :func:`seq2seq` is the published one: read the question's characters backwards into one
vector, then write the answer from it (Sutskever, Vinyals and Le 2014, as Keras's addition example has
it). :func:`columns` reads the sum as it is written on paper, one column a step: an embedding of each
pair of digits that meet in the column, then bidirectional recurrence, so that carries can travel to
the left and the sign of a difference can be known from its first digit.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from nnlab.data.arithmetic import BLANK, VOCABULARY_SIZE

SYMBOLS = BLANK + 1  # an operand has digits and blanks


@keras.saving.register_keras_serializable("nnlab")
class OneHot(layers.Layer):  # type: ignore[misc]
    """Ids to one-hot vectors: ``(batch, time)`` to ``(batch, time, depth)``."""

    def __init__(self, depth: int, **options: Any) -> None:
        super().__init__(**options)
        self.depth = depth

    def call(self, ids: Any) -> Any:
        """One-hot, as floats."""
        return ops.one_hot(ids, self.depth)

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to build this layer again."""
        return {**super().get_config(), "depth": self.depth}


@keras.saving.register_keras_serializable("nnlab")
class ColumnEmbedding(layers.Layer):  # type: ignore[misc]
    """Embeds the pairs of digits that meet in each column of a sum on paper.

    For sums and differences column ``k`` holds the pair ``(left[k], right[k])``. For products
    (``crossed``) it holds all pairs ``(left[i], right[k - i])``, as in long multiplication, and the
    layer adds their embeddings up.

    Input ids ``(batch, digits, 2)``, least significant first; output ``(batch, columns, units)``.
    """

    def __init__(self, units: int, columns: int, crossed: bool, **options: Any) -> None:
        super().__init__(**options)
        self.units, self.columns, self.crossed = units, columns, crossed
        self.embedding = layers.Embedding(SYMBOLS**2, units)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the table of pairs and, for products, the sum along the columns."""
        self.digits = int(input_shape[1] or 0)
        self.embedding.build(input_shape[:2])
        if self.crossed:
            place = np.add.outer(np.arange(self.digits), np.arange(self.digits)).reshape(-1)
            self.collect = np.eye(self.columns, dtype="float32")[place].T  # (columns, digits * digits)

    def call(self, ids: Any) -> Any:
        """Embed each column."""
        ids = ops.cast(ids, "int32")
        left, right = ids[:, :, 0], ids[:, :, 1]  # (batch, digits)
        if not self.crossed:
            return self.embedding(left * SYMBOLS + right)  # (batch, digits, units)
        pairs = left[:, :, None] * SYMBOLS + right[:, None, :]  # (batch, digits, digits)
        flat = ops.reshape(pairs, (-1, self.digits**2))
        return ops.matmul(ops.convert_to_tensor(self.collect), self.embedding(flat))  # (batch, columns, units)

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to build this layer again."""
        return {**super().get_config(), "units": self.units, "columns": self.columns, "crossed": self.crossed}


def seq2seq(question_length: int, answer_length: int, units: int) -> keras.Model:
    """The published network: ids ``(batch, question_length)`` to logits ``(batch, answer_length, 12)``."""
    question = keras.Input((question_length,), dtype="uint8", name="question")
    x = OneHot(VOCABULARY_SIZE)(question)  # (batch, question_length, 12)
    x = layers.LSTM(units)(x)  # (batch, units)
    x = layers.RepeatVector(answer_length)(x)  # (batch, answer_length, units)
    x = layers.LSTM(units, return_sequences=True)(x)  # (batch, answer_length, units)
    return keras.Model(question, layers.Dense(VOCABULARY_SIZE)(x), name="seq2seq")


def columns(digits: int, columns: int, units: int, *, crossed: bool) -> keras.Model:
    """The column network: ids ``(batch, digits, 2)`` to logits ``(batch, columns, 12)``.

    Both sides least significant first. Sums and differences go through two bidirectional LSTM layers.
    Products (``crossed``) add the embeddings of their pairs up, so what recurs reads off a sum and
    carries: one bidirectional layer between two dense ones.
    """
    operands = keras.Input((digits, 2), dtype="uint8", name="operands")
    x = ColumnEmbedding(units, columns, crossed)(operands)  # (batch, columns, units)
    if crossed:
        x = layers.Dense(2 * units, activation="gelu")(x)
        x = layers.Bidirectional(layers.RNN(layers.GRUCell(units), return_sequences=True, unroll=True))(x)
        x = layers.Dense(2 * units, activation="gelu")(x)
    else:
        for _ in range(2):
            x = layers.Bidirectional(layers.RNN(layers.LSTMCell(units), return_sequences=True, unroll=True))(x)
    return keras.Model(operands, layers.Dense(VOCABULARY_SIZE)(x), name="columns")
