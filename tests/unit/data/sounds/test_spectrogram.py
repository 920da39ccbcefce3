"""The spectrogram and back: against plain transforms, and against differences of its own loss."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.data.sounds import audio, spectrogram
from nnlab.data.sounds.audio import RATE
from nnlab.data.sounds.spectrogram import LogMelFrontEnd, WaveformFrontEnd
from nnlab.evaluation.metrics import spectral_distance_db


@pytest.fixture(scope="module")
def wave():
    return audio.sing_sample(6, 1.0).test[0]


def tone(hertz: float, seconds: float = 1.0, level: float = 0.2):
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(RATE * seconds)) / RATE)).astype(np.float32)


def test_a_tone_stands_in_its_band():
    decibels = spectrogram.log_mel(tone(3000, level=1.0))
    assert decibels.shape == (90, 64)
    loudest = decibels[45].argmax()
    assert abs(spectrogram.centres()[loudest] - 3000) < 150
    assert -20 < decibels[45].max() <= 0
    assert spectrogram.log_mel(np.zeros(RATE, np.float32)).max() == spectrogram.FLOOR_DB


def test_frames_are_those_of_a_plain_transform(wave):
    spectrum = spectrogram.stft(wave)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    for frame in (0, 7, len(spectrum) - 1):
        middle = frame * 245 + 122
        part = np.zeros(1024)
        for place in range(1024):
            if 0 <= middle - 512 + place < len(wave):
                part[place] = wave[middle - 512 + place]
        expected = np.fft.rfft(part * hann)
        assert np.abs(spectrum[frame] - expected).max() < 1e-5 * np.abs(expected).max() + 1e-7


def test_there_and_back_through_the_spectrum(wave):
    there = spectrogram.stft(wave)
    assert np.abs(spectrogram.istft(there, len(wave)) - wave).max() < 1e-4 * np.abs(wave).max() + 1e-6


def test_a_sound_from_its_log_mel_spectrogram(wave):
    wave = wave[: RATE // 2]
    wanted = spectrogram.log_mel(wave)
    sound = spectrogram.sound(wanted, len(wave))
    rough = spectrogram.sound(wanted, len(wave), iterations=1, refinements=0)
    far = spectral_distance_db(wanted, spectrogram.log_mel(rough))
    assert sound.shape == wave.shape
    assert spectral_distance_db(wanted, spectrogram.log_mel(sound)) < 0.9
    assert spectral_distance_db(wanted, spectrogram.log_mel(sound)) < 0.5 * far
    assert np.array_equal(sound, spectrogram.sound(wanted, len(wave)))


def test_the_gradient_of_the_refinement_is_the_slope_of_the_loss(wave):
    wanted = spectrogram.log_mel(wave[:3000])
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 0.05, 3000)  # float64, for the differences
    loss, gradient = spectrogram.squared_error(samples, wanted)
    assert loss == pytest.approx(
        float(np.square(spectrogram.log_mel(samples.astype(np.float32)) - wanted).mean()), rel=1e-3
    )
    for _ in range(4):
        way = rng.normal(size=3000)
        way /= np.linalg.norm(way)
        step = 1e-4
        ahead, _ = spectrogram.squared_error(samples + step * way, wanted)
        behind, _ = spectrogram.squared_error(samples - step * way, wanted)
        assert float(gradient @ way) == pytest.approx((ahead - behind) / (2 * step), rel=0.01)
    assert np.allclose(spectrogram.squared_error(samples, wanted, 0.1)[1], 0.1 * gradient, rtol=1e-5)


def test_windows_are_filled_with_the_last_frame():
    frames = np.arange(14).reshape(7, 2)
    cut = spectrogram.windows(frames, 5)
    assert cut.shape == (2, 5, 2)
    assert cut[1, 1:].tolist() == [[12, 13]] * 4
    assert spectrogram.windows(frames[:5], 5).shape == (1, 5, 2)


def test_front_ends_give_back_what_they_were_given(wave):
    front = LogMelFrontEnd(-70.0, 12.0)
    rows = front.rows(wave)
    assert rows.shape[1:] == (60, 64, 1)
    frames = spectrogram.frame_count(len(wave))
    assert np.abs(front.decibels(rows, frames) - spectrogram.log_mel(wave)).max() < 1e-3
    slow = WaveformFrontEnd()
    low = audio.resample(tone(400, 13.0), RATE, RATE)
    rows = slow.rows(low)
    assert rows.shape == (2, 21_167)
    assert np.abs(rows).max() == 1
    back = slow.sound(rows, low)
    assert len(back) == len(low)
    inner = slice(RATE, -RATE)
    assert np.abs(back[inner] - low[inner]).max() < 0.02
    assert slow.rows(np.zeros(500, np.float32)).max() == 0  # nothing divides by silence


@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 0.0), (0.0, -1.0), (float("nan"), 1.0), (0.0, float("inf"))])
def test_a_front_end_of_a_damaged_record_is_refused(mean, deviation):
    with pytest.raises(ValueError, match="expected a mean and a deviation above 0"):
        LogMelFrontEnd(mean, deviation)


def test_jobs_run_side_by_side_and_stay_in_order():
    jobs = [lambda number=number: np.full(2, number, np.float32) for number in range(20)]
    assert [int(wave[0]) for wave in spectrogram.sounds_of(jobs)] == list(range(20))
