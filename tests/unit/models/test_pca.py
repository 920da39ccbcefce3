"""Pca components, both ways of finding them, against NumPy's singular values."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.evaluation.pictures import classical, loss_of, psnr_db
from nnlab.models import pca


@pytest.mark.parametrize("count", [15, 300])  # fewer rows than values, and more
def test_principal_components_are_those_of_the_singular_value_decomposition(count):
    rows = np.random.default_rng(0).normal(size=(count, 40)).astype(np.float32) * np.linspace(3, 0.1, 40, dtype="f")
    found = pca.fit(lambda: iter(np.array_split(rows, 4)), 10)
    _, values, axes = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    assert found.components.shape == (40, 10)
    assert np.allclose(np.abs(axes[:10] @ found.components), np.eye(10), atol=2e-3)
    assert np.allclose(found.deviation, values[:10] / np.sqrt(count), rtol=1e-3)
    error = np.square(found.back(rows) - rows).sum()
    assert np.isclose(error, np.square(values[10:]).sum(), rtol=1e-3)


def test_fewer_rows_give_fewer_components():
    rows = np.random.default_rng(0).normal(size=(5, 30)).astype(np.float32)
    found = pca.fit(lambda: iter([rows]), 10)
    assert found.size == 4
    assert np.allclose(found.back(rows), rows, atol=1e-4)


def test_losses_are_those_of_keras():
    import keras

    rng = np.random.default_rng(0)
    made, wanted = rng.random((4, 8, 8, 3)).astype("f"), rng.random((4, 8, 8, 3)).astype("f")
    for kind, loss in (("mse", "mean_squared_error"), ("mae", "mean_absolute_error"), ("bce", "binary_crossentropy")):
        theirs = float(np.mean(keras.losses.get(loss)(wanted, made)))
        assert loss_of(kind, made, wanted) == pytest.approx(theirs, rel=1e-4)
    assert psnr_db(0.01) == pytest.approx(20)


def test_classical_methods_take_noise_away():
    clean = np.full((3, 32, 32, 3), 0.5, np.float32)
    clean[:, 8:24, 8:24] = 0.8
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 0.2, clean.shape), 0, 1).astype(np.float32)
    before = loss_of("mse", noisy, clean)
    for name, made in classical(noisy, 0.2).items():
        assert made.shape == clean.shape
        assert loss_of("mse", made, clean) < 0.5 * before, name
