"""AdamW against Keras's own."""

from __future__ import annotations

from unittest import mock

import keras
import numpy as np
import pytest

from nnlab import backend
from nnlab.models import optimizers
from nnlab.models.optimizers import AdamW, cosine_adamw


@pytest.fixture(scope="module", autouse=True)
def _backend():
    backend.start()


def trained(kind, monkeypatch):
    """The weights after five steps with the rate of a warm-up and a cosine, and how often the rate was computed."""
    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            keras.layers.Embedding(7, 8),  # its gradient is sparse, with rows more than once
            keras.layers.Flatten(),
            keras.layers.Dense(5, bias_initializer="ones"),
        ]
    )
    monkeypatch.setattr(optimizers, "AdamW", kind)
    optimizer = cosine_adamw(0.03, 5, warm_up=2, least=0.1, weight_decay=0.5, beta_2=0.98, clip=0.2)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    optimizer.build(model.trainable_variables)  # as before every training here: else it is traced twice
    schedule = type(optimizer._learning_rate)
    rate = mock.Mock(wraps=schedule.__call__)
    monkeypatch.setattr(schedule, "__call__", lambda self, step: rate(self, step))
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    ids = np.random.default_rng(0).integers(0, 7, (5, 6, 4)).astype("int32")
    losses = [model.train_on_batch(batch, batch[:, 0] % 5) for batch in ids]
    return [weight.tobytes() for weight in model.get_weights()], losses, rate.call_count


def test_a_step_is_that_of_keras_to_the_bit_with_its_rate_computed_once(monkeypatch):
    with monkeypatch.context() as patch:
        keras_weights, keras_losses, times = trained(keras.optimizers.AdamW, patch)
    with monkeypatch.context() as patch:
        weights, losses, once = trained(AdamW, patch)
    assert weights == keras_weights
    assert losses == keras_losses
    assert len(set(losses)) == 5
    assert (times, once) == (3, 1)  # traced; Keras: of the two variables that decay as well
