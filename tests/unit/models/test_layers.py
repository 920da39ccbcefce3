"""Our own Keras layers, each against NumPy."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.stats import norm

from nnlab import backend
from nnlab.models.arithmetic import SYMBOLS, ColumnEmbedding, carried_states, column_network
from nnlab.models.layers import (
    DeltaDense,
    DepthToSpace,
    Noise,
    NoiseGates,
    OneHot,
    RandomAffine,
    RandomShift,
    SpaceToDepth,
)


@pytest.fixture(autouse=True, scope="module")
def _backend():
    backend.start("cpu")


def test_one_hot():
    ids = np.array([[2, 0, 1]], np.uint8)
    assert np.array_equal(np.asarray(OneHot(3)(ids)), np.eye(3)[ids])


def test_space_to_depth_and_back():
    x = np.random.default_rng(0).random((2, 8, 4, 3)).astype("float32")
    blocks = SpaceToDepth()(x)
    assert blocks.shape == (2, 4, 2, 12)
    assert np.allclose(np.asarray(blocks)[0, 1, 1, :3], x[0, 2, 2])
    assert np.array_equal(np.asarray(DepthToSpace()(blocks)), x)


def test_noise_in_training_only():
    layer = Noise(0.5)
    x = np.full((4, 16, 16, 3), 0.5, "float32")
    assert np.array_equal(np.asarray(layer(x, training=False)), x)
    first, second = (np.asarray(layer(x, training=True)) for _ in range(2))
    assert first.min() == 0
    assert first.max() == 1
    assert not np.array_equal(first, second)
    # N(0.5, 0.5) clipped to [0, 1]: half its variance beyond one deviation folded onto the ends
    assert first.std() == pytest.approx(0.359, abs=0.02)


def test_noise_of_a_range_has_a_deviation_per_picture():
    keras.utils.set_random_seed(0)
    x = np.full((400, 16, 16, 3), 0.5, "float32")
    noisy = np.asarray(Noise(0.1, 0.5, clip=False)(x, training=True))
    deviations = noisy.std(axis=(1, 2, 3))
    assert deviations.min() == pytest.approx(0.1, abs=0.02)
    assert deviations.max() == pytest.approx(0.5, abs=0.03)
    assert deviations.mean() == pytest.approx(0.3, abs=0.02)
    assert np.histogram(deviations, 4, (0.1, 0.5))[0].min() > 60  # all of the range alike
    assert (np.diff(deviations.reshape(20, 20).mean(axis=1)) > 0).all()  # in the order of the batch
    assert noisy.min() < 0  # not clipped
    assert np.abs(noisy.mean(axis=(1, 2, 3)) - 0.5).max() < 0.1
    clipped = np.asarray(Noise(0.1, 0.5)(x, training=True))
    assert (clipped.min(), clipped.max()) == (0, 1)


@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.4])
def test_noise_gates_tell_how_strong_the_noise_of_a_picture_is(sigma):
    from scipy.ndimage import gaussian_filter
    from skimage.data import astronaut

    clean = gaussian_filter(astronaut()[:256, :256] / 255, (1, 1, 0)).astype("float32")[None]
    noisy = clean + np.random.default_rng(0).normal(0, sigma, clean.shape).astype("float32")
    gates = np.asarray(NoiseGates([0.25, 0.05])(SpaceToDepth()(np.concatenate([noisy, clean]))))
    assert gates.shape == (2, 128, 128, 2)
    assert np.ptp(gates, axis=(1, 2)).max() == 0  # the same everywhere
    variances = 0.25**2 * (1 / gates[:, 0, 0, 0] - 1)
    assert np.sqrt(variances[0]) == pytest.approx(sigma, rel=0.1)
    assert np.sqrt(variances[1]) < 0.005
    assert gates[0, 0, 0, 1] == pytest.approx(0.05**2 / (0.05**2 + variances[0]), rel=1e-3)


def test_random_affine_is_scipys_map_of_what_was_drawn(monkeypatch):
    from scipy.ndimage import affine_transform, gaussian_filter

    rng = np.random.default_rng(0)
    pictures = gaussian_filter(rng.random((5, 28, 28, 1)), (0, 1, 1, 0)).astype(np.float32)
    drawn = rng.uniform(-1, 1, (6, 5)).astype(np.float32)
    monkeypatch.setattr(keras.random, "uniform", lambda shape, low, high, seed: keras.ops.convert_to_tensor(drawn))
    given = np.asarray(RandomAffine(2.0, turn=15.0, scale=0.2, slant=0.1)(pictures, training=True))[..., 0]
    for picture, made, (turn, across, down, slant, right, below) in zip(pictures[..., 0], given, drawn.T, strict=True):
        angle = np.radians(15 * turn)
        turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        scaled = np.diag([1 + 0.2 * across, 1 + 0.2 * down])
        matrix = scaled @ turned @ np.array([[1, 0.1 * slant], [0, 1]])  # of (x, y)
        matrix = matrix[::-1, ::-1]  # of (row, column)
        middle = np.array([13.5, 13.5])
        offset = middle - matrix @ middle + 2 * np.array([below, right])
        wanted = affine_transform(picture, matrix, offset, order=1, mode="grid-constant")
        assert np.abs(made - wanted).max() < 2e-3
    used = np.asarray(RandomAffine(2.0)(pictures))
    assert np.array_equal(used, pictures)


def test_random_shift_moves_each_picture_within_its_bounds():
    keras.utils.set_random_seed(0)
    layer = RandomShift(2)
    x = np.zeros((200, 28, 28), "uint8")
    x[:, 10, 14] = 255
    assert np.array_equal(np.asarray(layer(x, training=False)), x)
    moved = np.asarray(layer(x, training=True))
    rows, columns = np.array([np.argwhere(picture)[0] for picture in moved]).T
    assert moved.sum() == x.sum()
    assert set(rows) == set(range(8, 13))
    assert set(columns) == set(range(12, 17))
    corner = np.zeros((50, 28, 28), "uint8")
    corner[:, 0, 0] = 255
    counts = np.count_nonzero(np.asarray(layer(corner, training=True)), axis=(1, 2))
    assert set(counts) == {0, 1}  # what leaves is gone, what comes in is black


def test_delta_dense_is_the_frozen_matrix_and_a_scaled_correction():
    layer = DeltaDense(3, 2, 0.5)
    x = np.random.default_rng(0).random((4, 3)).astype("float32")
    assert not np.asarray(layer(x)).any()
    initial, delta, offset = np.arange(6).reshape(3, 2), np.ones((3, 2)), np.array([1, -1])
    layer.initial.assign(initial)
    layer.delta.assign(delta)
    layer.offset.assign(offset)
    assert np.allclose(np.asarray(layer(x)), x @ (initial + 0.5 * delta) + offset, atol=1e-6)
    assert [weight.name for weight in layer.trainable_weights] == ["delta"]


@pytest.mark.parametrize(("op", "commuting"), [("add", False), ("sub", True), ("mul", False), ("mul", True)])
def test_column_embedding_adds_up_the_pairs_that_meet(op, commuting):
    width, columns, units = 3, 6 if op == "mul" else 3, 4
    layer = ColumnEmbedding(units, columns, op, commuting)
    ids = np.random.default_rng(0).integers(0, SYMBOLS, (2, width, 2))
    embedded = np.asarray(layer(ids.astype("uint8")))
    table = np.asarray(layer.embedding.embeddings).reshape(SYMBOLS, SYMBOLS, units)
    expected = np.zeros((2, columns, units), np.float32)
    for left in range(width):
        for right in range(width) if op == "mul" else [left]:
            column = left + right if op == "mul" else left
            pair = ids[:, left, 0], ids[:, right, 1]
            expected[:, column] += (
                table[np.maximum(*pair), np.minimum(*pair)] if op == "mul" and commuting else table[pair]
            )
    assert np.allclose(embedded, expected, atol=1e-6)


@pytest.mark.parametrize(("recurrence", "seen"), [("carried", False), ("one_way", False), ("both_ways", True)])
def test_products_are_read_from_right_to_left_or_both_ways(recurrence, seen):
    keras.utils.set_random_seed(0)
    model = column_network(op="mul", width=2, answer_length=4, units=4, pair_size=3, recurrence=recurrence)
    low, high = np.array([[[3, 7], [1, 2]], [[3, 7], [9, 2]]], "uint8"), np.array([[[3, 7], [1, 2]], [[4, 7], [1, 2]]])
    changed = np.abs(np.diff(np.asarray(model(low)), axis=0)).max(axis=(0, 2)) > 1e-6  # by the tens, per place
    assert changed.tolist() == [seen, True, True, True]
    assert (np.abs(np.diff(np.asarray(model(high.astype("uint8"))), axis=0)).max(axis=(0, 2)) > 1e-6).all()


def test_carried_states_are_sines_of_a_sum_and_what_was_carried():
    keras.utils.set_random_seed(0)
    sums = np.random.default_rng(0).normal(size=(2, 3, 5)).astype("float32")
    symbols = keras.Input((3, 5))
    model = keras.Model(symbols, carried_states(symbols, 7))
    kernels = {weight.path: np.array(weight) for weight in model.weights}
    carried, states = np.zeros((2, 5)), []
    for column in range(3):
        total = sums[:, column] + carried
        states.append(np.sin(30 * (total @ kernels["phases/kernel"] + kernels["phases/bias"])))
        x = states[-1] @ kernels["carry_hidden/kernel"]
        carried = x * norm.cdf(x) @ kernels["carry/kernel"]
    assert np.allclose(np.asarray(model(sums)), np.stack(states, axis=1), atol=1e-3)


def test_noise_of_a_range_reaches_all_of_it_also_in_batches_of_one():
    keras.utils.set_random_seed(0)
    layer = Noise(0.1, 0.5, clip=False)
    x = np.full((1, 32, 32, 3), 0.5, "float32")
    found = [np.asarray(layer(x, training=True)).std() for _ in range(60)]
    assert min(found) < 0.15
    assert max(found) > 0.45
