"""Baselines: the linear codes of sounds against NumPy's singular values."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.data.sounds import audio, spectrogram
from nnlab.evaluation.baselines import fit_pca_baselines
from nnlab.evaluation.metrics import spectral_distance_db


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
