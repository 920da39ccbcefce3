"""The optimizers against Keras's own."""

from __future__ import annotations

from unittest import mock

import keras
import numpy as np
import pytest

from nnlab import backend
from nnlab.models import optimizers
from nnlab.models.optimizers import cosine_adamw


@pytest.fixture(scope="module", autouse=True)
def _backend():
    backend.start()


def adamw(kind, monkeypatch):
    """On a warm-up and a cosine, with clipping, and variables that do not decay."""
    monkeypatch.setattr(optimizers, "AdamW", kind)
    optimizer = cosine_adamw(0.03, 5, warm_up=2, least=0.1, weight_decay=0.5, beta_2=0.98, clip=0.2)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


MADE = {
    "AdamW": adamw,
    "AdamW without clipping": lambda kind, monkeypatch: kind(0.01, weight_decay=0.1),
    "RMSprop": lambda kind, monkeypatch: kind(0.01),
    "Adadelta": lambda kind, monkeypatch: kind(1.0, rho=0.95),
}


def trained(optimizer, monkeypatch, *, sparse):
    """The weights and losses of twenty steps, and how often the rate of a schedule was computed."""
    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            # An embedding's gradient is of some rows, with rows more than once, of which Keras squares each by itself.
            *([keras.layers.Embedding(7, 8), keras.layers.Flatten()] if sparse else [keras.layers.Rescaling(1 / 7)]),
            keras.layers.Dense(5, bias_initializer="ones"),
        ]
    )
    optimizer.build(model.trainable_variables)  # as before every training here: else it is traced twice
    rate = mock.Mock()
    schedule = keras.optimizers.schedules.CosineDecay
    computed = schedule.__call__
    monkeypatch.setattr(schedule, "__call__", lambda self, step: (rate(), computed(self, step))[1])
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    ids = np.random.default_rng(0).integers(0, 7, (20, 6, 4)).astype("int32")
    losses = [float(model.train_on_batch(batch, batch[:, 0] % 5)) for batch in ids]
    return model.get_weights(), losses, rate.call_count


def classes(name):
    """(Keras's, this project's) of an optimizer that is made as ``name`` says."""
    return getattr(keras.optimizers, name.split()[0]), getattr(optimizers, name.split()[0])


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("name", MADE)
def test_steps_are_those_of_keras(monkeypatch, name, sparse):
    """Other roundings, after twenty steps of which each builds on the one before; and the same from run to run."""
    results = []
    kerass, own = classes(name)
    for kind in (kerass, own, own):
        with monkeypatch.context() as patch:
            results.append(trained(MADE[name](kind, patch), patch, sparse=sparse))
    (expected, expected_losses, times), (weights, losses, once), (again, _, _) = results
    for mine, theirs, second in zip(weights, expected, again, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-5, atol=1e-6)
        assert mine.tobytes() == second.tobytes()
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
    assert len(set(losses)) == 20
    if name == "AdamW":  # the others have no schedule
        assert (times, once) == (2 + sparse, 1)  # traced; Keras: of each variable that decays as well


@pytest.mark.parametrize("name", MADE)
def test_slots_are_those_of_keras(monkeypatch, name):
    """So that a checkpoint of an earlier version is gone on with."""
    variable = keras.Variable(np.ones((3, 2), "float32"))
    names = []
    for kind in classes(name):
        optimizer = MADE[name](kind, monkeypatch)
        optimizer.build([variable])
        names.append([slot.name for slot in optimizer.variables])
    assert names[0] == names[1]


@pytest.mark.parametrize("name", MADE)
def test_an_update_is_one_operation(monkeypatch, name):
    import tensorflow as tf

    optimizer = MADE[name](classes(name)[1], monkeypatch)
    variable = keras.Variable(np.ones((3, 2), "float32"))
    optimizer.build([variable])

    @tf.function(autograph=False)
    def step(gradient):
        optimizer.apply([gradient], [variable])

    graph = step.get_concrete_function(tf.TensorSpec((3, 2))).graph
    applied = [one.type for one in graph.get_operations() if one.type.startswith("ResourceApply")]
    assert len(applied) == 1
