"""Sounds: any format, rate and length; conditioned as said; held out by recording; and back from a spectrum."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from nnlab.data import audio, spectrogram
from nnlab.data.audio import RATE
from nnlab.errors import InputError, UsageError
from nnlab.evaluation.metrics import log_mel_distance_db, snr_db, spectral_distance_db


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NNLAB_CACHE", str(tmp_path / "cache"))


def tone(hertz, rate, seconds=1.0, level=0.2):
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def test_a_folder_of_mixed_sounds(tmp_path):
    folder = tmp_path / "mine"
    (folder / "more").mkdir(parents=True)
    for number, (ending, rate) in enumerate(
        [("wav", 8000), ("flac", 44_100), ("ogg", 48_000), ("mp3", 44_100), ("wav", 22_050), ("wav", 22_000)]
    ):
        wave = tone(1000 + 100 * number, rate, 0.5 + 0.1 * number)
        stereo = np.stack([wave, wave], axis=1) if number % 2 else wave
        soundfile.write(folder / "more" / f"{number}.{ending}", stereo, rate)
    (folder / "broken.wav").write_bytes(b"RIFF nothing")
    soundfile.write(folder / "silent.wav", np.zeros(20_000), 22_050)
    soundfile.write(folder / "hum.wav", tone(50, 22_050) + 0.3, 22_050)  # an offset and a hum: nothing is left
    found = audio.load(str(folder))
    assert len(found.train) + len(found.test) == 7
    assert sorted(name.partition(" ")[0] for name in found.skipped) == ["broken.wav", "silent.wav"]
    lengths = {
        name: len(wave) for part in (found.train, found.test) for name, wave in zip(part.names, part, strict=True)
    }
    assert abs(lengths["more/0.wav"] - 0.5 * RATE) <= 2
    assert abs(lengths["more/5.wav"] - RATE) <= 2
    again = audio.load(str(folder))  # now from the cache
    assert again.test.names == found.test.names
    assert again.train.samples.tobytes() == found.train.samples.tobytes()


def test_what_is_no_folder_of_sounds(tmp_path):
    with pytest.raises(UsageError, match="expected a folder of sound files"):
        audio.load(str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="found none"):
        audio.load(str(tmp_path))
    for number in range(6):
        (tmp_path / f"{number}.wav").write_bytes(b"RIFF nothing")
    with pytest.raises(InputError, match=r"0 of 6 can be used; the first that cannot be used: 0\.wav"):
        audio.load(str(tmp_path))


def test_copies_of_a_recording_stay_together():
    rng = np.random.default_rng(0)
    waves = {f"{number}": rng.normal(size=100).astype(np.float32) for number in range(20)}
    waves |= {f"copy of {name}": wave for name, wave in waves.items()}
    out = audio.held_out(waves)
    assert len(out) == 8
    assert all((name in out) == (f"copy of {name}" in out) for name in list(waves)[:20])
    assert audio.held_out({"a/train/1.wav": waves["1"], "a/test/2.wav": waves["1"]}) == {"a/test/2.wav"}


def test_offset_and_rumble_are_taken_away_and_the_song_stays():
    song, rumble = tone(3000, RATE, 2.0), tone(60, RATE, 2.0)
    found = audio.condition(song + rumble + 0.4, RATE)
    inner = slice(RATE // 4, -RATE // 4)
    assert snr_db(song[inner], found[inner]) > 40
    assert abs(float(found.mean())) < 1e-4


def test_a_tone_stands_in_its_band():
    decibels = spectrogram.log_mel(tone(3000, RATE, 1.0, level=1.0))
    assert decibels.shape == (90, 64)
    loudest = decibels[45].argmax()
    assert abs(spectrogram.centres()[loudest] - 3000) < 150
    assert -20 < decibels[45].max() <= 0
    assert spectrogram.log_mel(np.zeros(RATE, np.float32)).max() == spectrogram.FLOOR_DB


def test_there_and_back_through_the_spectrum():
    wave = audio.sing_sample(6, 1.5).test[0]
    there = spectrogram.stft(wave)
    assert np.abs(spectrogram.istft(there, len(wave)) - wave).max() < 1e-4 * np.abs(wave).max() + 1e-6
    wanted = spectrogram.log_mel(wave)
    made = spectrogram.sound(wanted, len(wave))
    rough = spectrogram.sound(wanted, len(wave), iterations=1, refinements=0)
    assert made.shape == wave.shape
    assert spectral_distance_db(wanted, spectrogram.log_mel(made)) < 0.8
    assert log_mel_distance_db(wave, made) < 0.5 * log_mel_distance_db(wave, rough)
    assert np.array_equal(made, spectrogram.sound(wanted, len(wave)))


def test_the_gradient_of_the_refinement_is_the_slope():
    wave = audio.sing_sample(6, 0.5).test[0]
    wanted = spectrogram.log_mel(wave)
    noise = np.random.default_rng(0).normal(0, wave.std(), len(wave)).astype(np.float32)
    better = spectrogram._refined(noise, wanted, 15)
    assert spectral_distance_db(wanted, spectrogram.log_mel(better)) < 0.5 * spectral_distance_db(
        wanted, spectrogram.log_mel(noise)
    )


def test_real_birds(birds):
    assert len(birds.train) + len(birds.test) == 97
    assert not set(birds.train.names) & set(birds.test.names)
    assert birds.skipped == ()
