"""Adversarial training against TensorFlow's automatic differentiation, which shares no code with it."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from nnlab import backend
from nnlab.models.adversarial import AdversarialMLP


@pytest.fixture(autouse=True)
def _backend():
    backend.start("cpu")


@pytest.fixture
def layer():
    made = AdversarialMLP((20, 12), 4, 1.5)
    made.build((None, 9))
    rng = np.random.default_rng(0)
    for _, normalisation in made.hidden:
        for variable in (normalisation.moving_mean, normalisation.beta):
            variable.assign(rng.normal(0, 0.3, variable.shape))
        for variable in (normalisation.moving_variance, normalisation.gamma):
            variable.assign(rng.uniform(0.5, 2, variable.shape))
    return made


def test_direction_is_the_gradient_of_the_loss_of_the_networks_own_class(layer):
    x = tf.constant(np.random.default_rng(1).random((6, 9)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = -tf.reduce_sum(tf.reduce_max(tf.nn.log_softmax(layer(x)), axis=-1))
    gradient = tape.gradient(loss, x).numpy()
    assert np.asarray(layer.direction(x)) == pytest.approx(
        gradient / np.linalg.norm(gradient, axis=1, keepdims=True), abs=1e-5
    )


def test_training_moves_each_sample_by_the_distance_and_use_moves_none(layer):
    x = np.random.default_rng(1).random((6, 9)).astype("float32")
    moved = x + 1.5 * np.asarray(layer.direction(x))
    assert np.linalg.norm(moved - x, axis=1) == pytest.approx(np.full(6, 1.5), abs=1e-5)
    weights = [np.asarray(weight) for weight in layer.weights]
    assert np.asarray(layer(x)) == pytest.approx(by_hand(x, weights, in_training=False), abs=1e-4)
    assert np.asarray(layer(x, training=True)) == pytest.approx(by_hand(moved, weights, in_training=True), abs=1e-3)


def by_hand(x, weights, *, in_training):
    """The logits, of a layer's weights in their order; in training normalised by the batch."""
    for kernel, gamma, beta, mean, variance in (weights[:5], weights[5:10]):
        x = x @ kernel
        centre, spread = (x.mean(axis=0), x.var(axis=0)) if in_training else (mean, variance)
        x = np.maximum(gamma * (x - centre) / np.sqrt(spread + 1e-3) + beta, 0)
    return x @ weights[10] + weights[11]
