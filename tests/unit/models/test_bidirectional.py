"""The recurrence from both ends: its outputs and gradients are those of the definition, its length is free."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, ops

from nnlab import backend
from nnlab.models.bidirectional import BidirectionalGated

BATCH, TIME, INPUTS, UNITS = 3, 6, 5, 4


@pytest.fixture(autouse=True, scope="module")
def _backend():
    backend.start("cpu")


class Plain(layers.Layer):  # type: ignore[misc]
    """The same by its definition, step by step, differentiated by the backend."""

    def __init__(self, layer, **options):
        super().__init__(**options)
        self.layer = layer

    def call(self, x):
        units = self.layer.units
        gates = ops.matmul(x, self.layer.kernel) + self.layer.bias
        both = []
        for direction, steps in ((0, range(TIME)), (1, reversed(range(TIME)))):
            h, states = ops.zeros((BATCH, units)), {}
            for step in steps:
                z = gates[:, step, 2 * units * direction : 2 * units * (direction + 1)]
                z = z + ops.matmul(h, self.layer.recurrent[direction])
                gate = ops.clip(z / 6 + 0.5, 0, 1) if self.layer.gates == "hard_sigmoid" else ops.sigmoid(z)
                f, g = gate[:, :units], ops.tanh(z[:, units:])
                h = states[step] = f * h + (1 - f) * g
            both.append(ops.stack([states[step] for step in range(TIME)], axis=1))
        return ops.concatenate(both, axis=-1)


@pytest.mark.parametrize("gates", ["sigmoid", "hard_sigmoid"])
def test_outputs_and_gradients_are_those_of_the_definition(gates):
    keras.utils.set_random_seed(1)
    layer = BidirectionalGated(UNITS, gates=gates)
    inputs = keras.Input((TIME, INPUTS), batch_size=BATCH)
    ours = keras.Model(inputs, layer(inputs))
    start = [np.random.normal(size=weight.shape).astype("float32") for weight in layer.weights]
    plain = keras.Model(inputs, Plain(layer)(inputs))
    x, y = (np.random.normal(size=(BATCH, TIME, size)).astype("float32") for size in (INPUTS, 2 * UNITS))
    steps, outputs = [], []
    for model in (ours, plain):
        layer.set_weights(start)
        outputs.append(np.array(model(x)))
        model.compile(keras.optimizers.SGD(1.0), "mse", jit_compile=False)
        model.train_on_batch(x, y)
        steps.append([after - before for after, before in zip(layer.get_weights(), start, strict=True)])
    np.testing.assert_allclose(outputs[0], outputs[1], atol=1e-6)
    for ours_moved, plain_moved in zip(*steps, strict=True):
        assert np.abs(plain_moved).max() > 1e-3
        np.testing.assert_allclose(ours_moved, plain_moved, atol=2e-6)


def test_a_hard_gate_holds_what_it_has_for_any_time():
    """Open for one column and then shut by its input: what it read there stays to rounding; a sigmoid's is gone."""
    held = {}
    for gates in ("hard_sigmoid", "sigmoid"):
        layer = BidirectionalGated(1, gates=gates)
        layer.build((None, None, 2))
        kernel = np.zeros((2, 4), "float32")  # columns: gate and candidate of each direction
        kernel[0, 0], kernel[1, 1], kernel[0, 1] = 8.0, 1.0, -0.3  # later candidates are others
        layer.set_weights([kernel, np.zeros((2, 1, 2)), np.array([-4.0, 0, 0, 0])])
        x = np.zeros((1, 1000, 2), "float32")
        x[0, 0], x[0, 1:, 0] = (0, 1), 1
        states = np.array(layer(x))[0, :, 0]
        held[gates] = states[-1] / states[0]
    assert abs(held["hard_sigmoid"] - 1) < 1e-5
    assert held["sigmoid"] < 0


def test_any_length_is_read_and_states_stay_small():
    keras.utils.set_random_seed(2)
    layer = BidirectionalGated(UNITS)
    x = np.random.default_rng(0).normal(size=(1, 300, INPUTS)).astype("float32")
    long = np.array(layer(x))
    assert long.shape == (1, 300, 2 * UNITS)
    assert np.abs(long).max() <= 1
    short = np.array(layer(x[:, :10]))
    np.testing.assert_allclose(short[..., :UNITS], long[:, :10, :UNITS], atol=1e-6)  # forwards: as if alone
    assert np.abs(short[..., UNITS:] - long[:, :10, UNITS:]).max() > 1e-3


def test_each_direction_begins_with_squares_that_keep_lengths():
    keras.utils.set_random_seed(3)
    layer = BidirectionalGated(UNITS)
    layer.build((None, None, INPUTS))
    for direction in np.array(layer.recurrent):
        for square in np.split(direction, 2, axis=1):
            np.testing.assert_allclose(square @ square.T, np.eye(UNITS), atol=1e-5)
    assert np.array(layer.bias).reshape(4, UNITS).tolist() == [[1.0] * UNITS, [0.0] * UNITS] * 2
