"""A recurrence that reads a sequence of any length from both ends, for long sequences and small states.

Its cell is a gated recurrent unit (Cho and others 2014) without the reset gate (Ravanelli and others 2018): the new
state lies between the old one and a candidate, so it stays between -1 and 1 however long the sequence is. A gate that
is a hard sigmoid can be exactly 1, and what it then holds it holds to rounding; a sigmoid's loses some in each step.
Both directions go through one scan, one batched product per step, and the gradient is written by hand as in
:mod:`nnlab.models.lstm`: half the steps, and of the recurrent weights one product at the end.
"""

from __future__ import annotations

from typing import Any, Literal

import keras
import numpy as np
from keras import layers, ops

Gates = Literal["hard_sigmoid", "sigmoid"]
HARD_SLOPE = 1 / 6  # of Keras's hard sigmoid where it is neither 0 nor 1


def scan_gated(x: Any, recurrent: Any, h: Any, gates: Gates = "sigmoid") -> Any:
    """All states ``(time, 2, batch, units)`` of a gated recurrence in two directions, time-major.

    ``x`` ``(time, 2, batch, 2 * units)`` is the input's part of gate and candidate, bias included; ``recurrent``
    ``(2, units, 2 * units)``; ``h`` ``(2, batch, units)`` the first state. With ``f`` the gate and ``g`` the
    candidate, the next state is ``f * h + (1 - f) * g``.
    """
    return _SCANS[gates](x, recurrent, h)


def _scan(x: Any, recurrent: Any, h: Any, *, hard: bool) -> Any:
    units = recurrent.shape[1]
    gate_of = ops.hard_sigmoid if hard else ops.sigmoid

    def step(carry: Any, inputs: Any) -> Any:
        h, _, _ = carry
        z = inputs + ops.matmul(h, recurrent)
        gate, candidate = gate_of(z[..., :units]), ops.tanh(z[..., units:])
        carry = (candidate + gate * (h - candidate), gate, candidate)
        return carry, carry  # ops.scan on TensorFlow wants outputs shaped like the carry

    _, (hs, gates, candidates) = ops.scan(step, (h, h, h), x)

    def gradient(*upstream: Any) -> Any:
        d_hs = upstream[0][0] if isinstance(upstream[0], tuple | list) else upstream[0]
        before = ops.concatenate([h[None], hs[:-1]], axis=0)
        slope = HARD_SLOPE * ops.cast((gates > 0) & (gates < 1), gates.dtype) if hard else gates * (1 - gates)
        slopes = ops.concatenate([(before - candidates) * slope, (1 - gates) * (1 - candidates * candidates)], axis=-1)
        transposed = ops.transpose(recurrent, (0, 2, 1))

        def back(carry: Any, inputs: Any) -> Any:
            d_h, _ = carry
            d_output, gate, slopes = ops.split(inputs, [units, 2 * units], axis=-1)
            d_h = d_h + d_output
            d_z = ops.concatenate([d_h, d_h], axis=-1) * slopes
            carry = (d_h * gate + ops.matmul(d_z, transposed), d_z)
            return carry, carry

        backwards = ops.flip(ops.concatenate([d_hs, gates, slopes], axis=-1), axis=0)
        (d_h, _), (_, d_z) = ops.scan(back, (ops.zeros_like(h), x[0]), backwards)
        d_z = ops.flip(d_z, axis=0)
        rows = ops.reshape(ops.transpose(before, (1, 3, 0, 2)), (2, units, -1))
        d_recurrent = ops.matmul(rows, ops.reshape(ops.transpose(d_z, (1, 0, 2, 3)), (2, -1, 2 * units)))
        return d_z, d_recurrent, d_h

    return hs, gradient


_SCANS = {
    "hard_sigmoid": ops.custom_gradient(lambda x, recurrent, h: _scan(x, recurrent, h, hard=True)),
    "sigmoid": ops.custom_gradient(lambda x, recurrent, h: _scan(x, recurrent, h, hard=False)),
}


@keras.saving.register_keras_serializable("nnlab")
class BidirectionalGated(layers.Layer):  # type: ignore[misc]
    """``(batch, time, inputs)`` to ``(batch, time, 2 * units)``: the states of both directions in each place.

    ``noise``: the standard deviation of Gaussian noise that is added, while training, to what gates and candidates are
    made of (Jim, Giles and Horne 1996): a state that is to last has to be one that it comes back to. ``gates``: the
    function that a gate is made with.
    """

    def __init__(self, units: int, noise: float = 0.0, gates: Gates = "sigmoid", **options: Any) -> None:
        super().__init__(**options)
        self.units, self.noise, self.gates = units, noise, gates
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights: one product for the inputs of both directions, one square per direction and gate."""
        width = 4 * self.units
        self.kernel = self.add_weight(shape=(input_shape[-1], width), initializer="glorot_uniform", name="kernel")
        self.recurrent = self.add_weight(
            shape=(2, self.units, 2 * self.units), initializer=_orthogonal, name="recurrent_kernel"
        )
        self.bias = self.add_weight(shape=(width,), initializer=_open_gates, name="bias")

    def call(self, x: Any, training: bool = False) -> Any:
        """The states."""
        x = ops.transpose(ops.matmul(x, self.kernel) + self.bias, (1, 0, 2))  # (time, batch, 4 * units)
        if training and self.noise:
            x = x + keras.random.normal(ops.shape(x), stddev=self.noise, seed=self.seed_generator)
        forward, backward = ops.split(x, 2, axis=-1)
        x = ops.stack([forward, ops.flip(backward, axis=0)], axis=1)
        recurrent = ops.copy(self.recurrent)  # a gradient is written for tensors, not for variables
        states = scan_gated(x, recurrent, ops.zeros_like(x[0, :, :, : self.units]), self.gates)
        both = ops.concatenate([states[:, 0], ops.flip(states[:, 1], axis=0)], axis=-1)
        return ops.transpose(both, (1, 0, 2))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Keras asks instead of trying: the scan cannot be run on symbols."""
        return (*input_shape[:-1], 2 * self.units)

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to build this layer again."""
        return {**super().get_config(), "units": self.units, "noise": self.noise, "gates": self.gates}


def _orthogonal(shape: tuple[int, ...], dtype: Any = None) -> Any:
    """An orthogonal square (Saxe, McClelland and Ganguli 2014) per direction, for gate and candidate each."""
    directions, units, width = shape
    square = keras.initializers.Orthogonal()
    squares = [np.array(square((units, units))) for _ in range(directions * width // units)]
    return np.concatenate(squares, axis=1).reshape(units, directions, width).transpose(1, 0, 2)


def _open_gates(shape: tuple[int, ...], dtype: Any = None) -> np.ndarray[Any, Any]:
    """Zeros, and ones for the gates that keep the state, as Jozefowicz and others (2015) have it for the LSTM."""
    bias = np.zeros(shape, "float32").reshape(2, 2, -1)
    bias[:, 0] = 1.0
    return bias.reshape(shape)
