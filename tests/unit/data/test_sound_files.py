"""One sound file of any kind: read at its level, refused by its size, written back as it came."""

from __future__ import annotations

import contextlib
import struct

import numpy as np
import pytest
import soundfile

from nnlab.data import sound_files
from nnlab.data.sound_files import SoundFile, read_sound, write_sound
from nnlab.errors import InputError

RATE = 22_050


def tone(level: float = 0.3, count: int = 4000, channels: int = 1):
    wave = level * np.sin(np.arange(count) * 0.3)
    return np.stack([wave * (0.5**channel) for channel in range(channels)], axis=1)


def saved(path, wave, rate=RATE, subtype="PCM_16", form="WAV"):
    soundfile.write(path, wave, rate, subtype=subtype, format=form)
    return path


def wav_claiming(frames: int, rate: int = RATE, channels: int = 1) -> bytes:
    """A WAV whose header says how long it is, with next to nothing in it."""
    size = frames * 2 * channels
    head = struct.pack("<HHIIHH", 1, channels, rate, (rate * 2 * channels) & 0xFFFFFFFF, 2 * channels, 16)
    body = b"fmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", size & 0xFFFFFFFF) + bytes(64)
    return b"RIFF" + struct.pack("<I", (len(body) + 4) & 0xFFFFFFFF) + b"WAVE" + body


@pytest.mark.parametrize(
    ("form", "subtype", "written", "bits"),
    [
        ("WAV", "PCM_U8", "PCM_U8", 7),
        ("WAV", "PCM_16", "PCM_16", 15),
        ("WAV", "PCM_24", "PCM_24", 23),
        ("WAV", "PCM_32", "PCM_32", 23),
        ("WAV", "FLOAT", "FLOAT", 23),
        ("WAV", "DOUBLE", "DOUBLE", 23),
        ("FLAC", "PCM_24", "PCM_24", 23),
        ("FLAC", "PCM_S8", "PCM_U8", 7),
        ("AIFF", "PCM_16", "PCM_16", 15),
        ("CAF", "ALAC_24", "PCM_24", 23),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_file_comes_back_with_its_rate_and_sample_format(tmp_path, form, subtype, written, bits, channels):
    wave = tone(0.9, channels=channels)
    sound = read_sound(saved(tmp_path / "in", wave, 44_100, subtype, form))
    assert sound.samples.shape == wave.shape
    assert np.abs(sound.samples - wave).max() < 2.0 ** (1 - bits)
    assert (sound.rate, sound.subtype, sound.scale) == (44_100, subtype, 1)
    assert write_sound(tmp_path / "out.wav", sound.samples, sound) == ""
    again = soundfile.info(tmp_path / "out.wav")
    assert (again.format, again.subtype, again.samplerate, again.channels) == ("WAV", written, 44_100, channels)
    back = read_sound(tmp_path / "out.wav")
    assert np.abs(back.samples - sound.samples).max() <= 2.0 ** (1 - bits)


@pytest.mark.parametrize(("form", "subtype"), [("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"), ("OGG", "OPUS")])
def test_compressed_files_come_back_in_16_bits(tmp_path, form, subtype):
    wave = tone(0.3, 200_000)
    sound = read_sound(saved(tmp_path / "in", wave, 48_000, subtype, form))
    assert sound.subtype == subtype
    assert write_sound(tmp_path / "out.wav", sound.samples, sound) == ""
    back = read_sound(tmp_path / "out.wav")
    assert (back.subtype, back.rate) == ("PCM_16", 48_000)
    assert np.corrcoef(back.samples[5000:90_000, 0], wave[5000:90_000, 0])[0, 1] > 0.98


def test_floats_with_headroom_are_neither_scaled_nor_clipped(tmp_path):
    sound = read_sound(saved(tmp_path / "in.wav", tone(3.5), subtype="FLOAT"))
    assert sound.scale == 1
    assert sound.peak == pytest.approx(3.5, rel=1e-3)
    assert write_sound(tmp_path / "out.wav", sound.samples * 1.5, sound) == ""
    assert read_sound(tmp_path / "out.wav").peak == pytest.approx(5.25, rel=1e-3)


def test_floats_on_another_scale_come_back_on_it(tmp_path):
    sound = read_sound(saved(tmp_path / "in.wav", tone(30_000.0), subtype="FLOAT"))
    assert sound.scale == 32_768
    assert np.abs(sound.samples).max() == pytest.approx(30_000 / 32_768, rel=1e-3)
    assert sound.peak == pytest.approx(30_000, rel=1e-3)
    assert write_sound(tmp_path / "out.wav", sound.samples, sound) == ""
    assert read_sound(tmp_path / "out.wav").peak == pytest.approx(30_000, rel=1e-3)


def test_what_is_too_loud_for_its_format_is_made_quieter_and_told(tmp_path):
    sound = read_sound(saved(tmp_path / "in.wav", tone(0.9), subtype="PCM_24"))
    note = write_sound(tmp_path / "out.wav", sound.samples * np.float32(2), sound)
    assert note == "5.1 dB quieter than it came out, to fit into PCM_24"
    back = read_sound(tmp_path / "out.wav")
    assert back.peak == pytest.approx(1, rel=1e-3)
    assert (np.abs(back.samples) > 0.999).mean() < 0.03  # one wave's top, not a clipped plateau
    assert np.corrcoef(back.samples[:, 0], sound.samples[:, 0])[0, 1] > 0.99999


def test_numbers_that_are_none_are_not_written(tmp_path):
    like = SoundFile(tone().astype(np.float32), RATE)
    with pytest.raises(InputError, match="NaN or infinite"):
        write_sound(tmp_path / "out.wav", like.samples * np.float32(np.nan), like)
    assert not (tmp_path / "out.wav").exists()


def test_sizes_are_read_before_samples(tmp_path, monkeypatch):
    monkeypatch.setattr(sound_files, "MOST_SAMPLES", 5000)
    saved(tmp_path / "long.flac", np.zeros(9000), form="FLAC")
    with pytest.raises(InputError, match=r"long\.flac: expected at most 5,000 samples, got 9,000 in each of 1"):
        read_sound(tmp_path / "long.flac")
    saved(tmp_path / "wide.wav", np.zeros((3000, 2)))
    with pytest.raises(InputError, match="got 3,000 in each of 2 channels"):
        read_sound(tmp_path / "wide.wav")
    (tmp_path / "lies.wav").write_bytes(wav_claiming(2_000_000_000))
    with contextlib.suppress(InputError):
        assert len(read_sound(tmp_path / "lies.wav").samples) < 100  # as many as there are


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"hello, this is no sound", "format not recognised"),
        (bytes(range(256)) * 4, "format not recognised"),
        (b"RIFF nothing", "it cannot be read"),
        (b"ID3\x04" + bytes(500), "cannot be read|empty"),
        (b"fLaC" + bytes(500), "it cannot be read"),
        (wav_claiming(9, rate=0), "rate|cannot be read"),
        (wav_claiming(9, rate=100), "expected a rate of 1,000 to 1,000,000 Hz, got 100"),
        (wav_claiming(9, rate=2**31 - 1), "expected a rate"),
        (wav_claiming(9, channels=0), "it cannot be read"),
    ],
)
def test_what_is_no_sound(tmp_path, content, says):
    (tmp_path / "a.mp3").write_bytes(content)
    with pytest.raises(InputError, match=says):
        read_sound(tmp_path / "a.mp3")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300, 3e38, 1e10])
def test_samples_that_are_no_numbers(tmp_path, bad):
    wave = tone()
    wave[7] = bad
    with pytest.raises(InputError, match=r"a\.wav: expected a sound, some samples are not numbers"):
        read_sound(saved(tmp_path / "a.wav", wave, subtype="DOUBLE"))


def test_no_file_and_a_folder(tmp_path):
    (tmp_path / "folder.wav").mkdir()
    for name in ("folder.wav", "nothing.wav"):
        with pytest.raises(InputError, match="there is no such file"):
            read_sound(tmp_path / name)
