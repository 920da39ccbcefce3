"""The optimizers against Keras's own."""

from __future__ import annotations

from unittest import mock

import keras
import numpy as np
import pytest

from nnlab import backend
from nnlab.models import optimizers
from nnlab.models.optimizers import on_a_cosine


@pytest.fixture(scope="module", autouse=True)
def _backend():
    backend.start()


def adamw(kind):
    """On a warm-up and a cosine, with clipping, and variables that do not decay."""
    optimizer = on_a_cosine(0.03, 5, warm_up=2, least=0.1, weight_decay=0.5, beta_2=0.98, clip=0.2, kind=kind)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


MADE = {
    "AdamW": adamw,
    "AdamW without clipping": lambda kind: kind(0.01, weight_decay=0.1),
    "RMSprop": lambda kind: kind(0.01),
    "Adadelta": lambda kind: kind(1.0, rho=0.95),
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
            results.append(trained(MADE[name](kind), patch, sparse=sparse))
    (expected, expected_losses, times), (weights, losses, once), (again, _, _) = results
    for mine, theirs, second in zip(weights, expected, again, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-5, atol=1e-6)
        assert mine.tobytes() == second.tobytes()
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
    assert len(set(losses)) == 20
    if name == "AdamW":  # the others have no schedule
        assert (times, once) == (2 + sparse, 1)  # traced; Keras: of each variable that decays as well


@pytest.mark.parametrize("name", MADE)
def test_slots_are_those_of_keras(name):
    """So that a checkpoint of an earlier version is gone on with."""
    variable = keras.Variable(np.ones((3, 2), "float32"))
    names = []
    for kind in classes(name):
        optimizer = MADE[name](kind)
        optimizer.build([variable])
        names.append([slot.name for slot in optimizer.variables])
    assert names[0] == names[1]


@pytest.mark.parametrize("name", MADE)
def test_an_update_is_one_operation(name):
    import tensorflow as tf

    optimizer = MADE[name](classes(name)[1])
    variable = keras.Variable(np.ones((3, 2), "float32"))
    optimizer.build([variable])

    @tf.function(autograph=False)
    def step(gradient):
        optimizer.apply([gradient], [variable])

    graph = step.get_concrete_function(tf.TensorSpec((3, 2))).graph
    applied = [one.type for one in graph.get_operations() if one.type.startswith("ResourceApply")]
    assert len(applied) == 1


# ---- Muon ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 40, 17), (2, 17, 40), (1, 20, 20)])
def test_steps_have_the_singular_vectors_of_the_gradient_and_values_near_one(shape):
    """Against the quintic on NumPy's singular values, in float64."""
    gradients = np.random.default_rng(0).normal(size=shape) * 1e-4
    gradients[0] *= 1e3  # of any size
    found = keras.ops.convert_to_numpy(optimizers.nearly_orthogonal(keras.ops.convert_to_tensor(gradients, "float32")))
    for given, step in zip(gradients, found, strict=True):
        u, values, v = np.linalg.svd(given, full_matrices=False)
        values /= np.linalg.norm(values)
        for _ in range(5):
            values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
        assert 0.65 < values.min() <= values.max() < 1.25
        np.testing.assert_allclose(step, u @ np.diag(values) @ v, atol=2e-5)


def test_a_gradient_of_zeros_and_one_of_low_rank_move_nothing_to_infinity():
    column, row = np.random.default_rng(0).normal(size=(2, 32))
    given = np.stack([np.zeros((32, 32)), np.outer(column, row)]).astype("float32")
    none, one = keras.ops.convert_to_numpy(optimizers.nearly_orthogonal(keras.ops.convert_to_tensor(given)))
    assert not none.any()
    values = np.linalg.svd(one, compute_uv=False)
    assert 0.65 < values[0] < 1.25
    assert values[1] < 0.01


def test_matrices_and_convolutions_are_muons_and_all_else_is_adamws():
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8,), dtype="int32"),
            layers.Embedding(50, 32),
            layers.Conv1D(24, 3, name="convolution"),
            layers.Flatten(),
            layers.Dense(16, name="matrix"),
            layers.Dense(15, name="narrow"),
        ]
    )
    found = {variable.path: optimizers.matrix_shape(variable) for variable in model.trainable_variables}
    assert {path.split("/")[-2]: shape for path, shape in found.items() if shape} == {
        "convolution": (96, 24),
        "matrix": (144, 16),
    }


def test_muon_moves_matrices_as_keras_does():
    """Two layers of one shape and one of another, that decay, against Keras's own of the same settings."""
    layers = keras.layers
    x, y = np.random.default_rng(0).normal(size=(2, 12, 64, 20)).astype("float32")
    ends = []
    own = optimizers.Muon(0.01, weight_decay=0.3, beta_2=0.99)
    kerass = keras.optimizers.Muon(0.01, weight_decay=0.3, adam_weight_decay=0.3, adam_beta_2=0.99)
    for optimizer in (own, kerass):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [keras.Input((20,)), *(layers.Dense(n, "tanh", name=f"d{k}") for k, n in enumerate((20, 20, 32, 20)))]
        )
        optimizer.build(model.trainable_variables)
        model.compile(optimizer, "mse", jit_compile=False)
        losses = [float(model.train_on_batch(*batch)) for batch in zip(x, y, strict=True)]
        ends.append([*model.get_weights(), np.array(losses)])
    for mine, theirs in zip(*ends, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-3, atol=2e-4)


def test_muon_is_saved_with_its_settings():
    made = optimizers.Muon(0.02, momentum=0.9, weight_decay=0.1)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    assert type(again) is optimizers.Muon
    assert (again.momentum, again.weight_decay) == (0.9, 0.1)
    assert float(again.learning_rate) == pytest.approx(0.02)
