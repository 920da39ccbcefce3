"""Recurrent networks that read a sum and write its answer, character by character.

Two designs. :func:`seq2seq_network` is the published one: read the question's characters backwards into one
vector, then write the answer from it (Sutskever, Vinyals and Le 2014, as Keras's addition example has it).
:func:`column_network` reads the sum as it is written on paper, one column a step: an embedding of each pair of
digits that meet in the column, then recurrence: of sums and differences in both directions, so that carries can
travel to the left and the sign of a difference can be known from its first digit, and of any length; of products from
right to left, where what is carried is added to the next column's total, which is read by sines.
"""

from __future__ import annotations

from typing import Any, Literal

import keras
import numpy as np
from keras import layers, ops

from nnlab.data.sums.arithmetic import BLANK, VOCABULARY_SIZE
from nnlab.models.bidirectional import BidirectionalGated, Gates
from nnlab.models.ensemble import ensemble
from nnlab.models.layers import OneHot

SYMBOLS = BLANK + 1  # an operand has digits and blanks
FREQUENCY = 30  # omega_0 of SIREN (Sitzmann and others 2020)
Recurrence = Literal["carried", "one_way", "both_ways"]


@keras.saving.register_keras_serializable("nnlab")
class ColumnEmbedding(layers.Layer):  # type: ignore[misc]
    """Embeds the pairs of digits that meet in each column of a sum on paper.

    Input ids ``(batch, width, 2)``, both operands least significant first; output ``(batch, columns, units)``.
    For ``op`` ``add`` and ``sub`` column ``k`` holds the pair ``(left[k], right[k])``, and there are ``width``
    columns. For ``mul`` the pairs are ``crossed``: a column holds all ``(left[i], right[k - i])``, as in long
    multiplication, and the layer adds their embeddings up; ``commuting``: a pair has one embedding in either order.
    """

    def __init__(self, units: int, columns: int, op: str, commuting: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.units, self.columns, self.op, self.commuting = units, columns, op, commuting
        self.crossed = op == "mul"
        self.embedding = layers.Embedding(SYMBOLS**2, units)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the table of pairs and, for products, the matrix that sums along the columns."""
        self.width = int(input_shape[1] or 0)
        self.embedding.build(input_shape[:2])
        if self.crossed:
            column = np.add.outer(np.arange(self.width), np.arange(self.width)).reshape(-1)  # of each pair
            self.column_sums = np.eye(self.columns, dtype="float32")[column].T  # (columns, width * width)

    def call(self, ids: Any) -> Any:
        """Embed each column."""
        ids = ops.cast(ids, "int32")
        left, right = ids[:, :, 0], ids[:, :, 1]  # (batch, width)
        if not self.crossed:
            return self.embedding(left * SYMBOLS + right)  # (batch, width, units)
        left, right = left[:, :, None], right[:, None, :]
        if self.commuting:
            left, right = ops.maximum(left, right), ops.minimum(left, right)
        pairs = left * SYMBOLS + right  # (batch, width, width)
        flat = ops.reshape(pairs, (-1, self.width**2))
        return ops.matmul(ops.convert_to_tensor(self.column_sums), self.embedding(flat))  # (batch, columns, units)

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to build this layer again."""
        return {
            **super().get_config(),
            "units": self.units,
            "columns": self.columns,
            "op": self.op,
            "commuting": self.commuting,
        }


def seq2seq_network(*, question_length: int, answer_length: int, units: int) -> keras.Model:
    """The published network: ids ``(batch, question_length)`` to logits ``(batch, answer_length, 12)``."""
    question = keras.Input((question_length,), dtype="uint8", name="question")
    x = OneHot(VOCABULARY_SIZE)(question)  # (batch, question_length, 12)
    x = layers.LSTM(units)(x)  # (batch, units)
    x = layers.RepeatVector(answer_length)(x)  # (batch, answer_length, units)
    x = layers.LSTM(units, return_sequences=True)(x)  # (batch, answer_length, units)
    return keras.Model(question, layers.Dense(VOCABULARY_SIZE)(x), name="seq2seq")


def column_network(
    *,
    op: str,
    width: int,
    answer_length: int,
    units: int,
    dropout: float = 0.0,
    noise: float = 0.0,
    gates: Gates = "sigmoid",
    commuting: bool = False,
    pair_size: int = 0,
    recurrence: Recurrence = "both_ways",
    networks: int = 1,
) -> keras.Model:
    """The column network: ids ``(batch, width, 2)`` to logits ``(batch, answer_length, 12)``.

    Operands and answer least significant first. Sums and differences go through two layers that recur in both
    directions, with ``noise`` in their ``gates`` while they learn, each followed by ``dropout``; their answer is as
    long as they are, and ``width`` is not looked at: any will do. For products the embedding adds its pairs up, so what
    recurs reads off a total and carries. ``recurrence``: ``carried`` is :func:`carried_states`, as wide as the dense
    layers after it (twice ``units``); ``both_ways`` and ``one_way`` are gated, after one more dense layer, of ``units``
    in each direction or of twice as many from right to left. ``pair_size``: numbers of a pair of digits (0: as many as
    ``units``). ``commuting``: a pair is the same in either order, the dense layers and the carried states are twice as
    wide, and there is one more dense layer. Of several ``networks`` the logits are those of an
    :func:`~nnlab.models.ensemble.ensemble`.
    """
    crossed = op == "mul"
    operands = keras.Input((width if crossed else None, 2), dtype="uint8", name="operands")
    size = (pair_size if crossed else 0) or units

    def network(name: str) -> keras.Model:
        x = ColumnEmbedding(size, answer_length, op, commuting and crossed)(operands)
        if crossed:
            hidden = 4 * units if commuting else 2 * units
            x = carried_states(x, hidden) if recurrence == "carried" else _gated_states(x, units, hidden, recurrence)
            for _ in range(2 if commuting else 1):
                x = layers.Dense(hidden, activation="gelu")(x)
        else:
            for _ in range(2):
                x = layers.Dropout(dropout)(BidirectionalGated(units, noise, gates)(x))
        return keras.Model(operands, layers.Dense(VOCABULARY_SIZE)(x), name=name)

    return network("columns") if networks == 1 else ensemble(operands, network, networks, "columns")


def carried_states(totals: Any, units: int) -> Any:
    """States of a recurrence whose activation is a sine: ``(batch, columns, size)`` to ``(batch, columns, units)``.

    ``totals`` are of each column, least significant first. What was carried is added to a column's total; sines of
    linear maps of it are the column's state, from which two layers make what is carried to the next. A digit is the
    remainder after division by ten, so it is periodic in the total. The kernel of the sines begins as in SIREN's first
    layer (Sitzmann and others, "Implicit Neural Representations with Periodic Activation Functions", 2020).
    """
    columns, size = totals.shape[1:]
    phases = layers.Dense(
        units,
        kernel_initializer=keras.initializers.RandomUniform(-1 / size, 1 / size),
        bias_initializer=keras.initializers.RandomUniform(-0.1, 0.1),  # FREQUENCY * 0.1 is about pi: any phase
        name="phases",
    )
    hidden = layers.Dense(units, activation="gelu", use_bias=False, name="carry_hidden")
    little = keras.initializers.VarianceScaling(0.01, "fan_avg", "uniform")  # at first next to nothing is carried
    carry = layers.Dense(size, use_bias=False, kernel_initializer=little, name="carry")
    states: list[Any] = []
    for column in range(columns):
        total = totals[:, column]  # (batch, size)
        if states:
            total = total + carry(hidden(states[-1]))
        states.append(ops.sin(FREQUENCY * phases(total)))  # (batch, units)
    return ops.stack(states, axis=1)


def _gated_states(x: Any, units: int, hidden: int, recurrence: Recurrence) -> Any:
    """The states of a gated recurrence over the columns, after a dense layer."""
    x = layers.Dense(hidden, activation="gelu")(x)
    one_way = recurrence == "one_way"
    gated = layers.RNN(layers.GRUCell(2 * units if one_way else units), return_sequences=True, unroll=True)
    return (gated if one_way else layers.Bidirectional(gated))(x)
