"""One sound file of any kind: read at its level, refused by its size, written back as it came."""

from __future__ import annotations

import io
import os
import struct
import wave as stdlib_wave

import numpy as np
import pytest
import soundfile

from nnlab.data.sounds import audio, sound_files, sound_streams
from nnlab.data.sounds.sound_files import SoundFile, read_sound, write_sound
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


@pytest.mark.parametrize(
    ("peak", "scale"),
    [
        (0.9, 1),
        (1.2, 1),  # clipped, or loud
        (7.9, 1),
        (9, 2**15),  # quiet in 16 bits, not loud in 8
        (100, 2**15),
        (3276.7, 2**15),
        (32_768, 2**15),
        (40_000, 2**23),
        (8_388_608, 2**23),
        (9e6, 2**31),
        (2.0**31, 2**31),
        (4e9, 2**31),
    ],
)
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_floats_on_the_scale_of_integers_are_divided_by_full_scale(tmp_path, peak, scale, subtype):
    wave = np.linspace(-1, 0.5, 400) * peak
    sound = read_sound(saved(tmp_path / "in.wav", wave, subtype=subtype))
    assert sound.scale == scale
    assert np.allclose(sound.samples[:, 0], wave / scale, rtol=1e-6, atol=1e-9)
    write_sound(tmp_path / "out.wav", sound.samples, sound)
    assert np.allclose(soundfile.read(tmp_path / "out.wav")[0], wave, rtol=1e-6, atol=1e-6 * peak)


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
    with pytest.raises(InputError, match=r"expected 4,000,000,000 bytes of samples, .* the file ends after 64"):
        read_sound(tmp_path / "lies.wav")


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
    (tmp_path / "a folder.wav").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "null.wav").symlink_to("/dev/null")
    for name, says, hint in (
        ("nothing.wav", "there is no such file", "Give a WAV, FLAC, OGG or MP3 file"),
        ("a folder.wav", "it is a folder", f"Give the files in it: nnlab predict RUN '{tmp_path / 'a folder.wav'}'/*"),
        ("pipe.wav", "it is a pipe", "Save its contents as a file"),  # not waited for
        ("null.wav", "it is a device", "Save its contents as a file"),
    ):
        with pytest.raises(InputError, match=rf"{name}: .*{says}") as told:
            read_sound(tmp_path / name)
        assert told.value.hint == hint


# ---- files that end early, and files that only seem to ------------------------------------------------


def by_hand(
    data: bytes, claimed: int | None = None, riff: int | None = None, before=b"", after=b"", order="<"
) -> bytes:
    """A WAV of 16 bits, mono, with any sizes in its header, and chunks around its samples."""
    size = struct.Struct(order + "I")
    head = struct.pack(order + "HHIIHH", 1, 1, RATE, RATE * 2, 2, 16)
    body = b"fmt " + size.pack(16) + head + before + b"data" + size.pack(len(data) if claimed is None else claimed)
    body += data + after
    whole = len(body) + 4 if riff is None else riff
    return (b"RIFF" if order == "<" else b"RIFX") + size.pack(whole) + b"WAVE" + body


INTEGERS = np.random.default_rng(0).integers(-9000, 9000, 3000).astype("<i2")


def read_integers(path, content: bytes):
    path.write_bytes(content)
    return np.rint(read_sound(path).samples[:, 0] * 2**15).astype(int).tolist()


@pytest.mark.parametrize("left", [0, 1, 2000, 5934, 5935])
def test_a_wav_that_ends_early_is_refused_by_its_sizes(tmp_path, left):
    path = tmp_path / "a.wav"
    with stdlib_wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(INTEGERS.tobytes())
    whole = path.read_bytes()
    assert read_integers(path, whole) == INTEGERS.tolist()
    assert read_integers(path, whole[:-64]) == INTEGERS[:-32].tolist()  # its header may have been counted
    path.write_bytes(whole[: 44 + left])
    says = f"expected 6,000 bytes of samples, as its header says, the file ends after {left:,}: it was cut short"
    with pytest.raises(InputError) as refused:
        read_sound(path)
    assert refused.value.message == f"{path}: {says}"
    assert refused.value.hint.startswith("Copy or fetch it again")


@pytest.mark.parametrize(
    ("form", "subtype"),
    [
        *(("WAVEX", "PCM_24"), ("WAV", "FLOAT"), ("WAV", "IMA_ADPCM"), ("RF64", "PCM_16"), ("W64", "PCM_16")),
        *(("AIFF", "PCM_16"), ("SVX", "PCM_16"), ("AU", "PCM_16"), ("CAF", "PCM_16"), ("CAF", "ALAC_16")),
        *(("OGG", "VORBIS"), ("OGG", "OPUS"), ("FLAC", "PCM_16"), ("MP3", "MPEG_LAYER_III")),
    ],
)
def test_files_of_every_format_that_end_early_are_refused(tmp_path, form, subtype):
    noise = np.random.default_rng(0).normal(0, 0.1, 96_000)
    path = saved(tmp_path / "a.wav", noise, 48_000, subtype, form)
    whole = path.read_bytes()
    assert len(read_sound(path).samples) >= len(noise)
    cuts = [len(whole) * 3 // 10, len(whole) // 2, len(whole) * 9 // 10]
    for cut in cuts if form == "MP3" else [*cuts, len(whole) - 100]:
        path.write_bytes(whole[:cut])
        with pytest.raises(InputError, match="it was cut short"):
            read_sound(path)


@pytest.mark.parametrize("riff", [0, 8, 36, 2**31 - 4060, 2**32 - 1])
@pytest.mark.parametrize("claimed", [0, 2**31 - 4096, 2**31 - 37, 2**31 - 1, 2**31, 2**32 - 37, 2**32 - 1])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_wav_written_into_a_pipe_is_whole(tmp_path, claimed, riff, order):
    data = INTEGERS.astype(order + "i2").tobytes()
    assert read_integers(tmp_path / "a.wav", by_hand(data, claimed, riff, order=order)) == INTEGERS.tolist()


@pytest.mark.parametrize(
    ("form", "size", "placeholder"),
    [
        ("AIFF", struct.pack(">I", 6008), struct.pack(">I", 0x7F000008)),
        ("AU", struct.pack(">I", 6000), b"\xff" * 4),
        ("AIFF", struct.pack(">I", 6008), bytes(4)),
        ("W64", struct.pack("<Q", 6024), struct.pack("<Q", 2**63 - 1)),
        ("W64", struct.pack("<Q", 6024), bytes(8)),
        ("RF64", struct.pack("<Q", 6000), struct.pack("<Q", 2**63 - 1)),  # libsndfile knows no other
    ],
)
def test_other_formats_written_into_a_pipe_are_whole(tmp_path, form, size, placeholder):
    whole = saved(tmp_path / "a.wav", INTEGERS, form=form).read_bytes()
    assert whole.count(size) == 1
    assert read_integers(tmp_path / "a.wav", whole.replace(size, placeholder)) == INTEGERS.tolist()


def test_only_samples_that_are_missing_make_a_wav_cut_short(tmp_path):
    path, data, tag = tmp_path / "a.wav", INTEGERS.tobytes(), b"LIST" + struct.pack("<I", 40) + b"INFO" + bytes(36)
    odd = b"note" + struct.pack("<I", 3) + b"abc" + b"\0"  # padded
    fake = b"junk" + struct.pack("<I", 12) + b"data" + struct.pack("<I", 10**6) + bytes(4)
    for content in (
        by_hand(data, after=tag[:-20]),  # cut within what comes after them
        by_hand(data, riff=10**6),
        by_hand(data, before=odd),
        by_hand(data, before=fake),
        by_hand(data, after=b"TAG" + bytes(125), riff=len(data) + 36),
    ):
        assert read_integers(path, content) == INTEGERS.tolist()
    with pytest.raises(InputError, match="ends after 5,930"):
        read_integers(path, by_hand(data[:-70], len(data), before=odd + fake))
    for content in (by_hand(b""), by_hand(b"", after=tag)):  # what follows is no samples
        with pytest.raises(InputError, match="the file is empty"):
            read_integers(path, content)


@pytest.mark.parametrize("padding", [b"", b"\0"])
def test_an_odd_number_of_bytes_with_and_without_its_padding(tmp_path, padding):
    content = by_hand(bytes(range(1, 128)), riff=36 + 127 + 1, after=padding)
    content = content[:32] + struct.pack("<HH", 1, 8) + content[36:]  # of 8 bits
    (tmp_path / "a.wav").write_bytes(content)
    assert len(read_sound(tmp_path / "a.wav").samples) == 127
    (tmp_path / "a.wav").write_bytes(content[: 44 + 60])
    with pytest.raises(InputError, match=r"expected 127 bytes of samples, .* ends after 60"):
        read_sound(tmp_path / "a.wav")


def test_an_mp3_is_cut_short_only_where_it_says_how_long_it_is(tmp_path):
    noise = np.random.default_rng(0).normal(0, 0.1, 96_000) * (np.arange(96_000) > 48_000)  # first frames cost least
    path = saved(tmp_path / "a.mp3", noise, 48_000, "MPEG_LAYER_III", "MP3")
    whole = path.read_bytes()
    assert whole[:40].count(b"Xing") + whole[:40].count(b"Info") == 1
    tag = b"ID3\4\0\0" + bytes([0, 0, 2, 44]) + bytes(300)
    path.write_bytes(tag + whole)
    assert len(read_sound(path).samples) == len(noise)
    path.write_bytes(tag + whole[: len(whole) // 2])
    with pytest.raises(InputError, match="expected 96,000 samples per channel, as its header says, got"):
        read_sound(path)
    second = whole.index(whole[:2], 40)  # without the frame that says it, libsndfile guesses from the first one's rate
    for content in (whole[second:], whole[second : len(whole) * 3 // 4]):
        path.write_bytes(content)
        assert len(read_sound(path).samples) > 60_000


@pytest.mark.parametrize(("form", "subtype"), [("WAV", "GSM610"), ("AU", "G721_32"), ("WAV", "NMS_ADPCM_16")])
def test_what_cannot_be_searched_is_read_from_its_beginning(tmp_path, form, subtype):
    wave = tone(0.3, 16_000)
    sound = read_sound(saved(tmp_path / "a", wave, 8000, subtype, form))
    assert len(sound.samples) >= len(wave)
    assert np.corrcoef(sound.samples[: len(wave), 0], wave.reshape(len(wave), -1)[:, 0])[0, 1] > 0.9


def test_a_flac_written_into_a_pipe_is_told_as_such(tmp_path):
    path = saved(tmp_path / "a.flac", tone(0.3, 16_000), 8000, "PCM_16", "FLAC")
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # the number of samples is 36 bits of STREAMINFO
    content[22:26] = bytes(4)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"expected a length in its header, it does not say one"):
        read_sound(path)


# ---- several recordings in one file, holes, and what the decoder says ---------------------------------


def compressed(form: str, subtype: str, count: int, *, rate: int = 48_000, channels: int = 1) -> bytes:
    """An OGG or MP3 of noise."""
    buffer = io.BytesIO()
    noise = np.random.default_rng(count).normal(0, 0.1, (count, channels))
    soundfile.write(buffer, noise, rate, format=form, subtype=subtype)
    return buffer.getvalue()


def pages_of(content: bytes) -> list[bytes]:
    """The pages of an OGG file, found by their names: no code of nnlab."""
    return [b"OggS" + page for page in content.split(b"OggS")[1:]]


KINDS = [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")]


@pytest.mark.parametrize(("form", "subtype"), KINDS)
def test_recordings_one_after_the_other_are_all_read(tmp_path, form, subtype, capfd):
    first, second = (compressed(form, subtype, count) for count in (96_000, 50_000))
    path = tmp_path / "a"
    apart = []
    for content in (first, second):
        path.write_bytes(content)
        apart.append(read_sound(path).samples)
    path.write_bytes(second + first + first)
    sound = read_sound(path)
    assert sound.remark == ""
    assert np.array_equal(sound.samples, np.concatenate([apart[1], apart[0], apart[0]]))
    assert capfd.readouterr().err == ""  # libmpg123 warns of a size that is off


@pytest.mark.parametrize(("form", "subtype"), [("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")])
def test_more_recordings_than_are_read_are_no_recording_less(tmp_path, monkeypatch, form, subtype):
    monkeypatch.setattr(sound_streams, "MOST_RECORDINGS", 2)
    one = compressed(form, subtype, 50_000)
    (tmp_path / "a").write_bytes(2 * one)
    assert len(read_sound(tmp_path / "a").samples) == 100_000
    (tmp_path / "a").write_bytes(3 * one)
    with pytest.raises(InputError, match="expected at most 2 recordings in one file, it has more"):
        read_sound(tmp_path / "a")


def test_tags_before_between_and_after_mp3s_are_no_sound(tmp_path):
    one = compressed("MP3", "MPEG_LAYER_III", 50_000)
    tag, old = b"ID3\4\0\0" + bytes([0, 0, 2, 44]) + bytes(300), b"TAG" + bytes(125)
    (tmp_path / "a").write_bytes(tag + one + old + tag + one + old)
    assert len(read_sound(tmp_path / "a").samples) == 100_000
    (tmp_path / "a").write_bytes(one + bytes(5000))
    assert len(read_sound(tmp_path / "a").samples) == 50_000


@pytest.mark.parametrize(("form", "subtype"), KINDS)
def test_of_recordings_of_different_kinds_the_first_is_read_and_told(tmp_path, form, subtype):
    mono, stereo = compressed(form, subtype, 50_000), compressed(form, subtype, 60_000, channels=2)
    path = tmp_path / "a"
    path.write_bytes(mono + stereo)
    sound = read_sound(path)
    assert sound.samples.shape == (50_000, 1)
    assert audio.mono(sound)[1] == sound_files.SEVERAL


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_without_some_of_its_pages_is_refused(tmp_path, subtype):
    pages = pages_of(compressed("OGG", subtype, 96_000))
    path = tmp_path / "a.ogg"
    for kept, says in (
        (pages[:-1], "its last page is missing: it was cut short"),
        (pages[:3] + pages[4:], "it has a hole"),
        ([*pages[:3], b"x" * 500, *pages[3:]], "it is damaged at byte"),
    ):
        path.write_bytes(b"".join(kept))
        with pytest.raises(InputError, match=says):
            read_sound(path)
    path.write_bytes(b"".join(pages) + b"TAG" + bytes(125))
    assert len(read_sound(path).samples) == 96_000


def test_what_cannot_be_opened_says_why(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.wav", tone())

    def denied(*given, **named):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("builtins.open", denied)
    with pytest.raises(InputError, match=r"it cannot be read \(permission denied\)"):
        read_sound(path)
