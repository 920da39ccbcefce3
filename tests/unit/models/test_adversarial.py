"""Adversarial training against TensorFlow's automatic differentiation in double precision, which shares no code."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from nnlab import backend
from nnlab.models.adversarial import AdversarialMLP


@pytest.fixture(autouse=True)
def _backend():
    backend.start("cpu")


def layer(confidence=1.0):
    """One with weights as after some training, its logits so many times as far apart."""
    keras.utils.set_random_seed(3)
    made = AdversarialMLP((20, 12), 4, 1.5)
    made.build((None, 9))
    rng = np.random.default_rng(0)
    for _, normalisation in made.hidden:
        for variable in (normalisation.moving_mean, normalisation.beta):
            variable.assign(rng.normal(0, 0.3, variable.shape))
        for variable in (normalisation.moving_variance, normalisation.gamma):
            variable.assign(rng.uniform(0.5, 2, variable.shape))
    made.logits.kernel.assign(made.logits.kernel * confidence)
    return made


def by_hand(x, layer, *, in_training=False):
    """The logits in double precision, of a layer's weights in their order; in training normalised by the batch."""
    weights = [tf.constant(np.asarray(weight), tf.float64) for weight in layer.weights]
    for kernel, gamma, beta, mean, variance in (weights[:5], weights[5:10]):
        x = x @ kernel
        centre, spread = tf.nn.moments(x, axes=[0]) if in_training else (mean, variance)
        x = tf.nn.relu(gamma * (x - centre) / tf.sqrt(spread + 1e-3) + beta)
    return x @ weights[10] + weights[11]


@pytest.mark.parametrize("confidence", [1.0, 12.0])
def test_direction_is_the_gradient_of_the_loss_of_the_networks_own_class(confidence):
    made = layer(confidence)
    x = np.random.default_rng(1).random((6, 9)).astype("float32")
    exact = tf.constant(x, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(exact)
        logits = by_hand(exact, made)
        loss = -tf.reduce_sum(tf.reduce_max(tf.nn.log_softmax(logits), axis=-1))
    ordered = np.sort(logits.numpy())
    widest = (ordered[:, -1] - ordered[:, -2]).max()
    assert confidence == 1 or 17 < widest < 30  # 1 - p is nothing in single precision, and not yet in double
    gradient = tape.gradient(loss, exact).numpy()
    expected = gradient / np.linalg.norm(gradient, axis=1, keepdims=True)
    assert np.asarray(made.direction(x)) == pytest.approx(expected, abs=1e-4)


def test_training_moves_each_sample_by_the_distance_and_use_moves_none():
    made = layer()
    x = np.random.default_rng(1).random((6, 9)).astype("float32")
    moved = x + 1.5 * np.asarray(made.direction(x))
    assert np.linalg.norm(moved - x, axis=1) == pytest.approx(np.full(6, 1.5), abs=1e-5)
    assert np.asarray(made(x)) == pytest.approx(by_hand(x.astype("float64"), made).numpy(), abs=1e-4)
    expected = by_hand(moved.astype("float64"), made, in_training=True).numpy()
    assert np.asarray(made(x, training=True)) == pytest.approx(expected, abs=1e-3)
