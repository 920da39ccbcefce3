"""Several networks in one model: each as it would be alone, and the mean of their probabilities."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from nnlab import backend
from nnlab.configs.textgen import TextgenConfig
from nnlab.evaluation.metrics import cross_entropy
from nnlab.experiments import textgen
from nnlab.models.ensemble import EachCrossEntropy, networks_of
from nnlab.models.language_model import stream_model

SIZES: dict[str, Any] = {"vocabulary": 7, "streams": 3, "window": 5, "units": 4, "depth": 2, "dropout": 0.0}
RNG = np.random.default_rng(0)
IDS, FOLLOWING = (RNG.integers(0, 7, (3, 10)).astype("int32") for _ in range(2))


@pytest.fixture(autouse=True, scope="module")
def _backend():
    backend.start("cpu")


@pytest.fixture
def several():
    """A model of two networks, and each as a model of its own."""
    model = stream_model(**SIZES, networks=2)
    for variable in model.trainable_variables:
        variable.assign(RNG.normal(0, 0.5, variable.shape))
    alone = [stream_model(**SIZES) for _ in range(2)]
    for network, own in zip(networks_of(model), alone, strict=True):
        own.set_weights(network.get_weights())
    return model, alone


def probabilities(logits):
    odds = np.exp(np.asarray(logits, np.float64))
    return odds / odds.sum(-1, keepdims=True)


def test_what_comes_out_is_the_mean_of_the_probabilities(several):
    model, alone = several
    for half in np.split(IDS, 2, axis=1):  # the second from the states after the first
        each = [probabilities(network.predict_on_batch(half)) for network in alone]
        assert np.abs(each[0] - each[1]).max() > 0.05
        np.testing.assert_allclose(np.exp(model.predict_on_batch(half)), np.mean(each, axis=0), atol=1e-6)


def test_each_network_learns_what_it_learns_alone(several):
    """Half of each gradient, so twice the rate; the loss is the mean of the two."""
    model, alone = several
    model.compile(keras.optimizers.SGD(0.4), EachCrossEntropy(), run_eagerly=True)
    for network in alone:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        network.compile(keras.optimizers.SGD(0.2), loss, run_eagerly=True)
    for x, y in zip(np.split(IDS, 2, axis=1), np.split(FOLLOWING, 2, axis=1), strict=True):
        losses = [network.train_on_batch(x, y) for network in alone]
        assert losses[0] != pytest.approx(losses[1], rel=1e-3)
        assert model.train_on_batch(x, y) == pytest.approx(np.mean(losses), rel=1e-5)
    for network, own in zip(networks_of(model), alone, strict=True):
        for found, wanted in zip(network.get_weights(), own.get_weights(), strict=True):
            np.testing.assert_allclose(found, wanted, atol=1e-5)
    logits = model.predict_on_batch(IDS[:, :5])
    textgen.reset(model)
    assert not any(np.any(state) for network in networks_of(model) for state in network.non_trainable_variables[:2])
    again = model.predict_on_batch(IDS[:, :5])
    textgen.reset(model)
    assert np.abs(logits - again).max() > 1e-3
    tested = model.test_on_batch(IDS[:, :5], FOLLOWING[:, :5])
    assert tested == pytest.approx(cross_entropy(again, FOLLOWING[:, :5]), rel=1e-5)  # that of the average


def test_a_record_of_before_is_of_one_network():
    record = TextgenConfig.from_options({"epochs": 1, "units": 320}, settings=True).record()
    assert record.pop("networks") == 2
    config = TextgenConfig.from_record(record)
    assert (config.networks, config.units) == (1, 320)
    assert networks_of(textgen.build(config, 7, 3))[0].name == "stream"
