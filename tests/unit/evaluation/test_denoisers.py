"""The classical denoisers: noise goes, and the strength is the one that is best on the pictures to choose by."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import filters, restoration

from nnlab.configs.denoise import METHODS
from nnlab.data.pictures.images import draw_sample
from nnlab.evaluation.denoisers import Denoiser, figures_of, tuned_denoisers
from nnlab.evaluation.metrics import loss_of, psnr_db


@pytest.fixture(scope="module")
def scenes():
    clean = draw_sample(10, 8).test / np.float32(255)
    return clean, (clean + np.random.default_rng(0).normal(0, 0.2, clean.shape)).astype(np.float32)


@pytest.mark.parametrize("clipped", [True, False])
def test_each_method_takes_noise_away(scenes, clipped):
    clean, noisy = scenes
    noisy = np.clip(noisy, 0, 1) if clipped else noisy
    tuned = tuned_denoisers(noisy[:4], clean[:4], 0.2, "mse")
    assert tuple(tuned) == METHODS  # which the schema of the results has
    before = loss_of("mse", noisy[4:], clean[4:])
    for name, method in tuned.items():
        restored = method(noisy[4:])
        assert restored.shape == clean[4:].shape
        assert (restored >= 0).all()
        assert (restored <= 1).all()
        assert loss_of("mse", restored, clean[4:]) < 0.5 * before, name


def test_strengths_are_chosen_and_are_those_of_scikit_image(scenes):
    clean, noisy = scenes
    tuned = tuned_denoisers(noisy[:3], clean[:3], 0.2, "mae")
    losses = {
        strength: loss_of("mae", Denoiser("gaussian", strength, 0.2)(noisy[:3]), clean[:3])
        for strength in (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
    }
    assert losses[tuned["gaussian"].strength] == min(losses.values())
    blurred = filters.gaussian(noisy[5], sigma=1.25, channel_axis=-1)
    assert np.allclose(Denoiser("gaussian", 1.25, 0.2)(noisy[5:6])[0], np.clip(blurred, 0, 1), atol=1e-6)
    flat = restoration.denoise_tv_chambolle(noisy[5], weight=0.14, channel_axis=-1)
    assert np.allclose(Denoiser("total_variation", 0.7, 0.2)(noisy[5:6])[0], np.clip(flat, 0, 1), atol=1e-6)


def test_figures_are_of_all_noises_together():
    clean = np.full((2, 8, 8, 3), 0.5, np.float32)
    found = figures_of([clean + 0.1, clean + 0.3], clean, "mae")
    assert found["test_loss"] == pytest.approx(0.2)
    assert found["psnr_db"] == pytest.approx(psnr_db((0.01 + 0.09) / 2), rel=1e-5)
