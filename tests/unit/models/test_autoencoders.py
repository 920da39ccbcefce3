"""Networks of pictures: their sizes, and that this project's start where it is said."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from nnlab import backend
from nnlab.evaluation.pca import fit_pca
from nnlab.models import autoencoders
from nnlab.models.layers import Noise


@pytest.fixture(autouse=True, scope="module")
def _backend():
    backend.start("cpu")


def test_published_networks_have_the_reports_sizes():
    dense = autoencoders.dense_autoencoder((32, 32, 3), 256, "sigmoid")
    assert dense.count_params() == (3073 * 1000 + 1001 * 256) + (257 * 1000 + 1001 * 3072)
    conv = autoencoders.conv_autoencoder((32, 32, 3), "softmax")
    assert conv.output_shape == (None, 32, 32, 3)
    assert conv.layers[4].output.shape[1:] == (8, 8, 16)
    softmax = np.asarray(conv(np.random.default_rng(0).random((2, 32, 32, 3))))
    assert np.allclose(softmax.sum(axis=-1), 1, atol=1e-5)
    sound = autoencoders.dense_autoencoder((21_167,), 256, "tanh")
    assert sound.output_shape == (None, 21_167)


@pytest.mark.parametrize("shape", [(32, 32, 3), (60, 64, 1), (90, 64, 1)])  # 90 is odd once halved
def test_residual_autoencoder_starts_as_pca(shape):
    rng = np.random.default_rng(0)
    values = int(np.prod(shape))
    rows = (rng.normal(size=(200, 8)) @ rng.normal(size=(8, values)) * 0.05 + 0.5).astype("float32")
    pca = fit_pca(lambda: iter([rows]), 5)
    for code, gain in ((5, 3.0), (7, 1.0)):  # as many components as the code, and fewer
        model = autoencoders.residual_autoencoder(
            shape, code, widths=(8, 16), down_blocks=(0, 1), up_blocks=(1, 0), gain=gain
        )
        autoencoders.init_from_pca(model, pca.mean, pca.components, pca.deviation)
        outputs = np.asarray(model(rows.reshape(-1, *shape))).reshape(200, -1)
        assert np.abs(outputs - pca.reconstruct(rows)).max() < 1e-4


def of_pictures(shape, code, **design):
    sizes: dict[str, Any] = {"widths": (8, 16), "down_blocks": (0, 1), "up_blocks": (1, 0), "gain": 3.0}
    return autoencoders.picture_autoencoder(shape, code, **sizes, **design)


def grown(shape, code):
    return of_pictures(shape, code, grown=True)


def of_sounds(shape, code):
    return autoencoders.sound_autoencoder(shape, code, widths=(4, 6, 8))


@pytest.mark.parametrize(
    ("shape", "build"),
    [((60, 64, 1), of_sounds), ((20, 16, 1), of_sounds), ((32, 32, 3), of_pictures), ((20, 20, 3), grown)],
)
def test_both_ways_it_starts_as_pca_and_the_code_learns_from_its_convolutions(shape, build):
    rng = np.random.default_rng(0)
    values = int(np.prod(shape))
    rows = (rng.normal(size=(200, 8)) @ rng.normal(size=(8, values)) * 0.05).astype("float32")
    pca = fit_pca(lambda: iter([rows]), 5)
    model = build(shape, 5)
    autoencoders.init_from_pca(model, pca.mean, pca.components, pca.deviation)
    samples = rows.reshape(-1, *shape)
    given = np.asarray(model(samples)).reshape(200, -1)
    assert np.abs(given - pca.reconstruct(rows)).max() < 1e-4
    added = model.get_layer("code").input[1]._keras_history.operation
    before = added.kernel.numpy()
    model.compile(keras.optimizers.SGD(1.0), "mse")
    model.train_on_batch(samples, samples)
    assert np.abs(added.kernel.numpy() - before).max() > 0  # a kernel of zeros learns all the same
    assert model.get_layer("code").output.shape == (None, 5)
    assert autoencoders.encoder(model).output.shape == (None, 5)


def test_residual_denoiser_starts_by_halving_what_it_sees():
    model = autoencoders.residual_denoiser((16, 16, 3), Noise(0.5))
    x = np.random.default_rng(0).random((2, 16, 16, 3)).astype("float32")
    assert np.allclose(np.asarray(model(x)), 0.5 + 0.5 * (x - 0.5), atol=1e-5)
    assert model.count_params() < 500_000


def test_blind_denoiser_starts_by_believing_a_picture_as_much_as_it_is_clean():
    model = autoencoders.blind_denoiser((16, 16, 3), Noise(0.02, 0.5))
    grey = np.full((2, 16, 16, 3), 0.7, "float32")
    assert np.allclose(np.asarray(model(grey)), grey, atol=1e-3)
    noisy = grey + np.random.default_rng(0).normal(0, 0.25, grey.shape).astype("float32")
    given = np.asarray(model(noisy))
    assert np.allclose(given, 0.5 + 0.5 * (noisy - 0.5), atol=0.05)  # s² / (s² + s²)
    assert model.count_params() < 510_000


@pytest.mark.parametrize(("seen", "taken"), [(0.0, 0.15), (0.2, 0.2), (2.0, 0.675)])
def test_blind_denoiser_takes_no_noise_for_less_or_more_than_it_was_taught(seen, taken):
    model = autoencoders.blind_denoiser((32, 32, 3), Noise(0.3, 0.5))
    offset = np.random.default_rng(0).normal(0, seen, (1, 32, 32, 3)).astype("float32")
    share = 0.25**2 / (0.25**2 + taken**2)
    given = np.asarray(model(0.7 + offset)) - 0.5
    assert given == pytest.approx(share * (0.2 + offset), abs=0.02 * max(seen, 1))


@pytest.mark.parametrize(("build", "expected"), [(of_pictures, False), (grown, True)])
def test_coarsest_level_is_grown_from_the_code(build, expected):
    shape = (8, 8, 3)
    keras.utils.set_random_seed(0)
    model = build(shape, 5)  # its linear path is zero: no PCA
    for weights in model.get_layer("code").input[1]._keras_history.operation.trainable_variables:
        weights.assign(weights + 0.1)  # the code follows the picture
    [last] = [layer for layer in model.layers if layer.name.startswith("conv2d") and layer.output.shape[-1] == 12]
    last.kernel.assign(np.random.default_rng(0).normal(size=last.kernel.shape))
    samples = np.random.default_rng(1).random((2, *shape)).astype("float32")
    first, second = np.asarray(model(samples))
    assert (np.abs(first - second).max() > 1e-3) == expected
