"""Metrics against Keras's, and against values worked out by hand."""

from __future__ import annotations

import random

import numpy as np
import pytest

from nnlab.data.sounds.spectrogram import log_mel
from nnlab.evaluation import metrics
from nnlab.evaluation.metrics import (
    collapse,
    cross_entropy,
    loss_of,
    psnr_db,
    snr_db,
    song_distance_db,
    spectral_distance_db,
    token_nll,
)


def test_cross_entropy_by_hand():
    logits = np.log(np.array([[[0.7, 0.2, 0.1], [0.25, 0.25, 0.5]]], np.float32)) + 100
    expected = -(np.log(0.7) + np.log(0.5)) / 2
    assert cross_entropy(logits, np.array([[0, 2]], np.uint8)) == pytest.approx(expected, rel=1e-4)


def test_token_nll_in_blocks_is_that_of_the_whole(monkeypatch):
    logits = np.random.default_rng(0).normal(0, 3, (7, 5, 11)).astype(np.float32)
    ids = np.random.default_rng(1).integers(0, 11, (7, 5))
    whole = token_nll(logits, ids)
    probabilities = np.exp(logits.astype(float)) / np.exp(logits.astype(float)).sum(-1, keepdims=True)
    np.testing.assert_allclose(whole, -np.log(np.take_along_axis(probabilities, ids[..., None], -1)[..., 0]))
    monkeypatch.setattr(metrics, "BLOCK", 25)
    assert np.array_equal(token_nll(logits, ids), whole)


def test_losses_are_those_of_keras():
    import keras

    rng = np.random.default_rng(0)
    outputs, targets = rng.random((4, 8, 8, 3)).astype("f"), rng.random((4, 8, 8, 3)).astype("f")
    for kind, loss in (("mse", "mean_squared_error"), ("mae", "mean_absolute_error"), ("bce", "binary_crossentropy")):
        theirs = float(np.mean(keras.losses.get(loss)(targets, outputs)))
        assert loss_of(kind, outputs, targets) == pytest.approx(theirs, rel=1e-4)


def test_losses_with_weights_equal_keras():
    import keras

    rng = np.random.default_rng(2)
    outputs, targets = rng.random((2, 4, 5, 6, 1), dtype=np.float32)
    weights = rng.integers(1, 7, (4, 5, 6)).astype(np.float32)
    for kind, theirs in (("mse", keras.losses.MeanSquaredError()), ("mae", keras.losses.MeanAbsoluteError())):
        wanted = float(theirs(targets, outputs, sample_weight=weights))
        assert loss_of(kind, outputs, targets, weights[..., None]) == pytest.approx(wanted, rel=1e-5)


def test_bce_of_values_at_the_ends_is_finite():
    assert np.isfinite(loss_of("bce", np.array([0.0, 1.0], np.float32), np.array([1.0, 0.0], np.float32)))


@pytest.mark.parametrize(("error", "expected"), [(0.01, 20), (1.0, 0), (0.0, 120)])
def test_psnr(error, expected):
    assert psnr_db(error) == pytest.approx(expected)


def test_snr_of_a_hundredth_of_the_amplitude_is_40_db():
    wave = np.random.default_rng(0).normal(0, 0.1, 1000).astype(np.float32)
    assert snr_db(wave, wave * np.float32(1.01)) == pytest.approx(40, abs=0.1)
    assert snr_db(wave, np.zeros_like(wave)) == 0


def test_spectral_distance_is_the_mean_over_frames_of_the_root_mean_square():
    original = np.zeros((2, 4), np.float32)
    assert spectral_distance_db(original, np.array([[3, 3, 3, 3], [2, 0, 0, 0]], np.float32)) == pytest.approx(2)


def test_log_mel_distance_of_twice_the_amplitude_is_6_db():
    wave = np.random.default_rng(0).normal(0, 0.1, 22_050).astype(np.float32)
    assert spectral_distance_db(log_mel(wave), log_mel(2 * wave)) == pytest.approx(20 * np.log10(2), abs=1e-3)


def test_song_distance_is_that_of_the_cells_far_above_their_band():
    """Three frames of two bands; only 15 stands 9 dB above the median of its band, only 40 does of the other."""
    original = np.array([[0, 30], [15, 30], [1, 40]], np.float32)
    back = original + np.array([[50, -50], [3, 50], [50, -4]], np.float32)
    assert song_distance_db(original, back) == pytest.approx(np.sqrt((3**2 + 4**2) / 2))
    assert song_distance_db(original[:1], back[:1]) is None  # nothing sings in one frame


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("well then " + "e" * 300, "writes 'e' only"),
        ("in the beginning " + "of the same of the " * 30, "repeats '"),
        ("x" * 20, None),
        ("".join(random.Random(0).choices("abcdefg ", k=400)), None),
    ],
)
def test_collapse(text, says):
    found = collapse(text)
    assert found is None if says is None else str(found).startswith(says)
