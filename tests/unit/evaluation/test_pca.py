"""Principal components, both ways of finding them, against NumPy's singular values."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.evaluation.pca import fit_pca


@pytest.mark.parametrize("count", [15, 300])  # fewer rows than values, and more
def test_pca_is_the_singular_value_decomposition(count):
    rows = np.random.default_rng(0).normal(size=(count, 40)).astype(np.float32) * np.linspace(3, 0.1, 40, dtype="f")
    pca = fit_pca(lambda: iter(np.array_split(rows, 4)), 10)
    _, values, axes = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    assert pca.components.shape == (40, 10)
    assert np.allclose(np.abs(axes[:10] @ pca.components), np.eye(10), atol=2e-3)
    assert np.allclose(pca.deviation, values[:10] / np.sqrt(count), rtol=1e-3)
    error = np.square(pca.reconstruct(rows) - rows).sum()
    assert np.isclose(error, np.square(values[10:]).sum(), rtol=1e-3)


def test_pca_of_few_rows_has_few_components():
    rows = np.random.default_rng(0).normal(size=(5, 30)).astype(np.float32)
    pca = fit_pca(lambda: iter([rows]), 10)
    assert pca.size == 4
    assert np.allclose(pca.reconstruct(rows), rows, atol=1e-4)


def test_pca_of_constant_rows_is_their_mean():
    rows = np.full((6, 30), 0.25, np.float32)
    pca = fit_pca(lambda: iter([rows]), 10)
    assert np.array_equal(pca.reconstruct(rows), rows)
    assert np.isfinite(pca.components).all()
