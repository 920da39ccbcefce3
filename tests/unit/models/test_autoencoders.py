"""Networks of pictures: shapes, and that this project's start where it is said."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.models import pca


@pytest.fixture(scope="module")
def models():
    from nnlab import backend

    backend.start("cpu")

    return pictures


def test_the_reports_networks_have_its_sizes(models):
    dense = models.dense_autoencoder((32, 32, 3), 256, "sigmoid")
    assert dense.count_params() == (3073 * 1000 + 1001 * 256) + (257 * 1000 + 1001 * 3072)
    conv = models.conv_autoencoder((32, 32, 3), "softmax")
    assert conv.output_shape == (None, 32, 32, 3)
    assert conv.layers[4].output.shape[1:] == (8, 8, 16)
    softmax = np.asarray(conv(np.random.default_rng(0).random((2, 32, 32, 3))))
    assert np.allclose(softmax.sum(axis=-1), 1, atol=1e-5)
    sound = models.dense_autoencoder((21_167,), 256, "tanh")
    assert sound.output_shape == (None, 21_167)


def test_blocks_go_there_and_back(models):
    x = np.random.default_rng(0).random((2, 8, 4, 3)).astype("float32")
    there = models.SpaceToDepth()(x)
    assert there.shape == (2, 4, 2, 12)
    assert np.allclose(np.asarray(there)[0, 1, 1, :3], x[0, 2, 2])
    assert np.array_equal(np.asarray(models.DepthToSpace()(there)), x)


def test_noise_is_there_in_training_only(models):
    layer = models.Noise(0.5)
    x = np.full((4, 16, 16, 3), 0.5, "float32")
    assert np.array_equal(np.asarray(layer(x, training=False)), x)
    one, two = (np.asarray(layer(x, training=True)) for _ in range(2))
    assert one.min() == 0
    assert one.max() == 1
    assert not np.array_equal(one, two)
    assert 0.3 < np.clip(np.random.default_rng(0).normal(0.5, 0.5, 10_000), 0, 1).std() < 0.4
    assert one.std() == pytest.approx(0.352, abs=0.03)


@pytest.mark.parametrize("shape", [(32, 32, 3), (60, 64, 1), (90, 64, 1)])  # 90 is odd once halved
def test_the_residual_autoencoder_starts_as_pca(models, shape):
    rng = np.random.default_rng(0)
    values = int(np.prod(shape))
    rows = (rng.normal(size=(200, 8)) @ rng.normal(size=(8, values)) * 0.05 + 0.5).astype("float32")
    found = pca.fit(lambda: iter([rows]), 5)
    model = models.residual_autoencoder(shape, 5, (8, 16), (0, 1), (1, 0), gain=3.0)
    models.init_from_pca(model, found.mean, found.components, found.deviation)
    made = np.asarray(model(rows.reshape(-1, *shape))).reshape(200, -1)
    assert np.abs(made - found.back(rows)).max() < 1e-4
    few = models.residual_autoencoder(shape, 7, (8, 16), (0, 1), (1, 0))
    models.init_from_pca(few, found.mean, found.components, found.deviation)
    made = np.asarray(few(rows.reshape(-1, *shape))).reshape(200, -1)
    assert np.abs(made - found.back(rows)).max() < 1e-4


def test_the_denoiser_starts_by_halving_what_it_sees(models):
    model = models.residual_denoiser((16, 16, 3), 0.5)
    x = np.random.default_rng(0).random((2, 16, 16, 3)).astype("float32")
    assert np.allclose(np.asarray(model(x)), 0.5 + 0.5 * (x - 0.5), atol=1e-5)
    assert model.count_params() < 500_000
