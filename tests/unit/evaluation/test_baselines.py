"""Baselines: the classical denoisers, and the linear codes of sounds against NumPy's singular values."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.data import audio, spectrogram
from nnlab.evaluation.baselines import classical_denoisers, fit_pca_baselines, has_scikit_image
from nnlab.evaluation.metrics import loss_of, spectral_distance_db


@pytest.mark.skipif(not has_scikit_image(), reason="the extra classical is not installed")
def test_classical_denoisers_take_noise_away():
    clean = np.full((3, 32, 32, 3), 0.5, np.float32)
    clean[:, 8:24, 8:24] = 0.8
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 0.2, clean.shape), 0, 1).astype(np.float32)
    before = loss_of("mse", noisy, clean)
    restored = classical_denoisers(noisy, 0.2)
    assert {"non_local_means", "wavelet", "total_variation_1"} <= set(restored)
    for name, pictures in restored.items():
        assert pictures.shape == clean.shape
        assert loss_of("mse", pictures, clean) < 0.5 * before, name


@pytest.fixture(scope="module")
def sounds():
    data = audio.sing_sample(10, 2.0)
    return data, [spectrogram.log_mel(wave) for wave in data.train]


def test_waveform_baseline_is_the_singular_value_decomposition(sounds):
    data, spectra = sounds
    baselines = fit_pca_baselines(data.train, spectra, 60, 20)
    length = 60 * spectrogram.HOP
    rows = np.concatenate([np.pad(wave, (0, -len(wave) % length)).reshape(-1, length) for wave in data.train])
    _, _, axes = np.linalg.svd((rows - rows.mean(axis=0)).astype(np.float64), full_matrices=False)
    assert np.allclose(np.abs(np.sum(axes[:3] * baselines.waveform.components.T[:3], axis=1)), 1, atol=1e-3)
    wave = data.test[0]
    row = np.pad(wave, (0, -len(wave) % length)).reshape(-1, length) - rows.mean(axis=0)
    expected = (row @ axes[:20].T @ axes[:20] + rows.mean(axis=0)).reshape(-1)[: len(wave)]
    assert np.allclose(baselines.reconstruct_waveform(wave), expected, atol=1e-3)


def test_log_mel_baseline_is_better_with_more_values(sounds):
    data, spectra = sounds
    distances = []
    for size in (20, 90):
        baselines = fit_pca_baselines(data.train, spectra, 60, size)
        assert baselines.log_mel.components.shape == (60 * 64, size)
        decoded = [baselines.reconstruct_log_mel(wave) for wave in data.train]
        assert [part.shape for part in decoded] == [part.shape for part in spectra]
        distances.append(sum(map(spectral_distance_db, spectra, decoded)))
    assert distances[1] < 0.7 * distances[0]
