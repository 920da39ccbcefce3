"""The hand-written LSTM is Keras's LSTM: the same outputs, the same gradients."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, ops

from nnlab import backend
from nnlab.models.lstm import ScanLSTM, mask_padding

BATCH, TIME, INPUTS, UNITS = 3, 7, 5, 6


@pytest.fixture(autouse=True, scope="module")
def _backend():
    backend.start("cpu")


def both():
    """A Keras LSTM and ours with the same weights, each as a model that also has a loss."""
    keras.utils.set_random_seed(1)
    kernel, recurrent = np.random.normal(size=(INPUTS, 4 * UNITS)), np.random.normal(size=(UNITS, 4 * UNITS)) / 2
    bias = np.random.normal(size=4 * UNITS)
    order = [0, 1, 3, 2]  # Keras: input, forget, candidate, output

    def ours_to_keras(array):
        return np.concatenate([np.split(array, 4, axis=-1)[gate] for gate in order], axis=-1)

    x = keras.Input((TIME, INPUTS))
    theirs = keras.Model(x, layers.LSTM(UNITS, return_sequences=True, use_cudnn=False)(x))
    theirs.set_weights([ours_to_keras(kernel), ours_to_keras(recurrent), ours_to_keras(bias)])
    lstm = ScanLSTM(UNITS)
    ours = keras.Model(x, lstm(layers.Dense(4 * UNITS, use_bias=False)(x)))
    ours.set_weights([kernel, recurrent, bias])
    return theirs, ours, ours_to_keras


def test_lstm_outputs_and_gradients_are_those_of_keras():
    theirs, ours, ours_to_keras = both()
    x = np.random.default_rng(0).normal(size=(BATCH, TIME, INPUTS)).astype("float32")
    y = np.random.default_rng(1).normal(size=(BATCH, TIME, UNITS)).astype("float32")
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), atol=1e-6)
    steps = []
    for model in (theirs, ours):
        before = model.get_weights()
        model.compile(keras.optimizers.SGD(1.0), "mse", jit_compile=False)
        model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0)
        steps.append([after - first for after, first in zip(model.get_weights(), before, strict=True)])
    for keras_step, our_step in zip(steps[0], steps[1], strict=True):
        assert np.abs(keras_step).max() > 1e-3
        np.testing.assert_allclose(ours_to_keras(our_step), keras_step, atol=2e-6)


def test_lstm_padding_on_the_left_changes_nothing():
    keras.utils.set_random_seed(2)
    lstm = ScanLSTM(UNITS)
    lstm.build((1, TIME, 4 * UNITS))
    x = np.random.default_rng(0).normal(size=(1, TIME, 4 * UNITS)).astype("float32")
    _, h, c = lstm.scan(ops.convert_to_tensor(x))
    long = np.concatenate([np.full((1, 3, 4 * UNITS), 5, "float32"), x], axis=1)
    present = np.array([[0] * 3 + [1] * TIME], "float32")
    _, padded_h, padded_c = lstm.scan(mask_padding(ops.convert_to_tensor(long), present))
    assert np.array_equal(h, padded_h)
    assert np.array_equal(c, padded_c)


def test_lstm_step_is_a_step_of_the_scan():
    keras.utils.set_random_seed(3)
    lstm = ScanLSTM(UNITS)
    lstm.build((BATCH, TIME, 4 * UNITS))
    x = np.random.default_rng(0).normal(size=(BATCH, TIME, 4 * UNITS)).astype("float32")
    outputs, _, _ = lstm.scan(ops.convert_to_tensor(x))
    h = c = ops.zeros((BATCH, UNITS))
    for time in range(TIME):
        h, c = lstm.step(x[:, time], h, c)
        np.testing.assert_allclose(h, outputs[:, time], atol=1e-6)


def test_stateful_lstm_goes_on_where_it_stopped():
    keras.utils.set_random_seed(4)
    lstm = ScanLSTM(UNITS, stateful=True)
    x = keras.Input((4, 4 * UNITS), batch_size=BATCH)
    model = keras.Model(x, lstm(x))
    whole = np.random.default_rng(0).normal(size=(BATCH, 8, 4 * UNITS)).astype("float32")
    parts = [model.predict_on_batch(whole[:, :4]), model.predict_on_batch(whole[:, 4:])]
    expected, _, _ = lstm.scan(ops.convert_to_tensor(whole))
    np.testing.assert_allclose(np.concatenate(parts, axis=1), expected, atol=1e-6)
    lstm.reset_state()
    assert np.array_equal(model.predict_on_batch(whole[:, :4]), parts[0])
