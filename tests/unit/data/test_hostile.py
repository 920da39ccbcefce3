"""Hostile files: each is read or refused with its name, nothing crashes, nothing is written beside, sizes are bounded.

Generated inputs (hypothesis, the same ones each time) call the loaders in this process: data as promised, or an error
that a user is told, never another exception.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import struct
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from nnlab.data.digits import digits, idx
from nnlab.data.digits.digit_pictures import MNIST, prepare_digit, read_picture
from nnlab.data.pictures import images
from nnlab.data.pictures.levels import Levels, to_uint8
from nnlab.data.pictures.pixels import open_picture
from nnlab.data.sounds import audio
from nnlab.data.sounds.sound_files import read_sound, write_sound
from nnlab.errors import InputError, NnlabError
from tests.unit.data.pictures.test_pixels import png_claiming
from tests.unit.data.sounds.test_sound_files import wav_claiming
from tests.unit.data.test_npz import with_member

COUNT = 500
GENERATED = settings(
    derandomize=True,
    max_examples=80,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NNLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def png(width: int, height: int, rng) -> bytes:
    with io.BytesIO() as buffer:
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(buffer, "PNG")
        return buffer.getvalue()


def hostile_picture(number: int, rng) -> tuple[str, bytes]:
    good = png(20, 20, rng)
    damaged = bytearray(good)
    damaged[int(rng.integers(8, len(good)))] ^= 0xFF
    kinds = [
        ("truncated.png", good[: int(rng.integers(1, len(good) - 1))]),
        ("empty.png", b""),
        ("text.png", b"this is not a picture\n" * 20),
        ("flipped.png", bytes(damaged)),
        ("noise.jpg", rng.bytes(300)),
        ("wide.png", png_claiming(60_000, 1)),
        ("huge.png", png_claiming(60_000, 60_000)),
        ("large.png", png_claiming(10_000, 10_000)),
        ("nothing.png", png_claiming(0, 0)),
        ("narrow.png", png(1, 300, rng)),
        ("one.png", png(1, 1, rng)),
        ("a.gif", b"GIF89a" + rng.bytes(20)),
        ("header.bmp", b"BM" + rng.bytes(60)),
        ("noise.tif", b"II*\0" + rng.bytes(80)),
        ("noise.webp", b"RIFF" + rng.bytes(4) + b"WEBPVP8 " + rng.bytes(60)),
    ]
    name, content = kinds[number % len(kinds)]
    return f"{number:03d}-{name}", content


def wav(samples: np.ndarray, rate: int, subtype: str) -> bytes:
    with io.BytesIO() as buffer:
        soundfile.write(buffer, samples, rate, format="WAV", subtype=subtype)
        return buffer.getvalue()


def hostile_sound(number: int, rng) -> tuple[str, bytes]:
    noise = rng.normal(0, 0.1, 12_000)
    good = wav(noise, 22_050, "PCM_16")
    damaged = bytearray(good)
    damaged[int(rng.integers(0, 44))] ^= 0xFF
    kinds = [
        ("truncated.wav", good[: int(rng.integers(1, len(good)))]),
        ("empty.wav", b""),
        ("text.wav", b"this is not a sound\n" * 20),
        ("flipped.wav", bytes(damaged)),
        ("none.wav", wav(noise[:0], 22_050, "PCM_16")),
        ("nan.wav", wav(np.full(12_000, np.nan), 22_050, "FLOAT")),
        ("some-nan.wav", wav(np.where(np.arange(12_000) % 7 == 0, np.inf, noise), 22_050, "FLOAT")),
        ("deep.wav", wav(noise, 44_100, "PCM_24")),
        ("eight.wav", wav(np.tile(noise[:, None], (1, 8)), 48_000, "PCM_16")),
        ("one.wav", wav(noise[:1], 22_050, "PCM_16")),
        ("slow.wav", wav(noise[:4000], 100, "PCM_16")),
        ("still.wav", wav(np.zeros(12_000), 22_050, "PCM_16")),
        ("huge.wav", wav(noise * 1e9, 22_050, "FLOAT")),
        ("nonsense.wav", wav(noise * 1e30, 22_050, "FLOAT")),
        ("lies.wav", wav_claiming(2**30)),
        ("noise.flac", b"fLaC" + rng.bytes(300)),
        ("noise.ogg", b"OggS" + rng.bytes(300)),
        ("noise.mp3", rng.bytes(300)),
    ]
    name, content = kinds[number % len(kinds)]
    return f"{number:03d}-{name}", content


def everything(folder) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


# ---- folders and zips --------------------------------------------------------------------------------


@pytest.mark.parametrize("zipped", [False, True])
def test_hostile_pictures_in_a_folder_or_a_zip(tmp_path, zipped):
    rng = np.random.default_rng(1)
    files = dict(hostile_picture(number, rng) for number in range(COUNT))
    files |= {f"good-{number:02d}.png": png(24, 24, rng) for number in range(40)}
    place = tmp_path / "pictures"
    if zipped:
        place = place.with_suffix(".zip")
        with zipfile.ZipFile(place, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
            archive.writestr("../outside.png", png(24, 24, rng))  # never unpacked; hidden, as all names with a dot
            archive.writestr("/root-outside.png", png(24, 24, rng))
        whole = bytearray(place.read_bytes())
        whole[whole.index(files["good-00.png"]) + 500] ^= 0xFF  # damaged in the zip: its sum is wrong
        place.write_bytes(whole)
    else:
        place.mkdir()
        for name, content in files.items():
            (place / name).write_bytes(content)
    before = everything(tmp_path)
    data = images.load(str(place))
    skipped = " ".join(data.skipped)
    assert len(data.train) + len(data.test) + len(data.skipped) == len(files) + zipped
    bad = ("empty.png", "text.png", "huge.png", "large.png", "nothing.png", "noise.jpg", "noise.tif", "noise.webp")
    for name in files:
        assert (name in skipped) or name.partition("-")[2] not in bad, name
        assert not name.startswith("good") or (name in skipped) == (zipped and name == "good-00.png")
    assert data.train.shape[1:] == (32, 32, 3)
    written = everything(tmp_path) - before
    assert all(name.startswith("cache/") for name in written), written
    assert not (tmp_path.parent / "outside.png").exists()


def test_hostile_sounds_in_a_folder(tmp_path):
    rng = np.random.default_rng(2)
    files = dict(hostile_sound(number, rng) for number in range(COUNT))
    files |= {f"good-{number:02d}.wav": wav(rng.normal(0, 0.1, 44_100), 44_100, "PCM_16") for number in range(20)}
    place = tmp_path / "sounds"
    place.mkdir()
    for name, content in files.items():
        (place / name).write_bytes(content)
    before = everything(tmp_path)
    data = audio.load(str(place))
    skipped = " ".join(data.skipped)
    assert len(data.train) + len(data.test) + len(data.skipped) == len(files)
    bad = ("truncated.wav", "empty.wav", "text.wav", "none.wav", "nan.wav", "some-nan.wav", "one.wav", "slow.wav",
           "still.wav", "noise.flac", "noise.ogg", "noise.mp3", "nonsense.wav")  # fmt: skip
    for name in files:
        assert (name in skipped) or name.partition("-")[2] not in bad, name
        if name.startswith("good") or name.partition("-")[2] in ("deep.wav", "eight.wav", "huge.wav"):
            assert name not in skipped
    for wave in (*data.train, *data.test):
        assert np.isfinite(wave).all()
        assert np.abs(wave).max() < 20
    written = everything(tmp_path) - before
    assert all(name.startswith("cache/") for name in written), written


# ---- generated ---------------------------------------------------------------------------------------


def damaged(whole: bytes) -> st.SearchStrategy[bytes]:
    """A file with bytes changed, cut out, put in, or cut off."""

    def apply(changes: list[tuple[str, int, bytes]]) -> bytes:
        content = bytearray(whole)
        for kind, place, new in changes:
            place %= max(1, len(content))
            if kind == "change":
                content[place : place + len(new)] = new
            elif kind == "insert":
                content[place:place] = new
            elif kind == "remove":
                del content[place : place + 7]
            else:
                del content[place:]
        return bytes(content)

    kinds = st.sampled_from(["change", "change", "change", "insert", "remove", "cut"])
    change = st.tuples(kinds, st.integers(0, max(300, len(whole))), st.binary(min_size=1, max_size=4))
    return st.lists(change, min_size=1, max_size=4).map(apply)


def picture_files() -> list[bytes]:
    rng = np.random.default_rng(3)
    made = []
    for form, mode in (("PNG", "RGBA"), ("JPEG", "RGB"), ("GIF", "P"), ("BMP", "RGB"), ("TIFF", "L"), ("WEBP", "RGB"),
                       ("PPM", "L"), ("PNG", "I;16"), ("TIFF", "F")):  # fmt: skip
        rows = rng.integers(0, 256, (12, 9, 3), dtype=np.uint8)
        picture = Image.fromarray(rows)
        if mode == "I;16":
            picture = Image.fromarray(rows[..., 0].astype(np.uint16) * 200)
        elif mode != "RGB":
            picture = picture.convert(mode)
        buffer = io.BytesIO()
        picture.save(buffer, form)
        made.append(buffer.getvalue())
    return made


@GENERATED
@given(st.one_of(*map(damaged, picture_files()), st.binary(max_size=200)))
def test_generated_pictures_are_pictures_or_refused(tmp_path, content):
    try:
        picture = open_picture(io.BytesIO(content), alpha=True)
    except InputError:
        return
    assert picture.mode in ("RGB", "RGBA")
    assert np.asarray(picture).shape[:2] == (picture.height, picture.width)
    (tmp_path / "one.png").write_bytes(content)
    with contextlib.suppress(InputError):
        assert read_picture(tmp_path / "one.png").shape == (28, 28)


def sounds() -> list[bytes]:
    wave = np.random.default_rng(4).normal(0, 0.1, (1500, 2))
    made = []
    for form, subtype in (
        ("WAV", "PCM_16"),
        ("WAV", "FLOAT"),
        ("FLAC", "PCM_24"),
        ("OGG", "VORBIS"),
        ("AIFF", "PCM_S8"),
    ):
        buffer = io.BytesIO()
        soundfile.write(buffer, wave, 22_050, format=form, subtype=subtype)
        made.append(buffer.getvalue())
    return made


@GENERATED
@given(st.one_of(*map(damaged, sounds()), st.binary(max_size=200).map(lambda rest: b"RIFF" + rest)))
def test_generated_sounds_are_sounds_or_refused(tmp_path, content):
    path = tmp_path / "one.wav"
    path.write_bytes(content)
    try:
        sound = read_sound(path)
        wave, _ = audio.mono(sound)
    except InputError:
        return
    assert np.isfinite(wave).all()
    assert wave.dtype == np.float32
    write_sound(tmp_path / "out.wav", sound.samples, sound)
    assert len(read_sound(tmp_path / "out.wav").samples) == len(sound.samples)


numbers = st.one_of(
    st.sampled_from(["u1", "i1", "u2", "i2", "i4", "u4", "i8", "f2", "f4", "f8", "?"]),
    st.sampled_from(["c8", "U3", "O", "M8[D]"]),
)


def an_array(draw: Callable, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of some type and range, a few of them strange."""
    dtype = np.dtype(draw(numbers))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    low, high = sorted(draw(st.tuples(st.sampled_from([-1e300, -70_000, -1, 0, 0.5, 255]), st.sampled_from(
        [0, 1, 9, 255, 4000, 65_535, 2.0**31, 1e300]))))  # fmt: skip
    with np.errstate(all="ignore"):
        array = (
            (low + rng.random(shape) * (high - low)).astype(dtype)
            if dtype.kind not in "OM"
            else np.full(shape, 1, dtype)
        )
    if dtype.kind == "f" and array.size and draw(st.booleans()):
        array.flat[0] = draw(st.sampled_from([np.nan, np.inf, -0.0, 5.0]))
    return array


@GENERATED
@given(st.data())
def test_generated_arrays_become_bytes_or_are_refused(data):
    array = an_array(data.draw, data.draw(st.sampled_from([(3, 4, 4), (0, 4), (1, 1, 1, 3)])))
    if array.dtype.kind not in "biuf":
        return
    try:
        (scaled,), _ = to_uint8({"x": array})
    except InputError:
        assert not (np.abs(array.astype(np.float64)) < 1e38).all()
        return
    assert scaled.dtype == np.uint8
    order = array.astype(np.float64).ravel().argsort()
    assert (np.diff(scaled.ravel()[order].astype(int)) >= 0).all()  # no number is darker than a smaller one
    if array.size and np.ptp(array.astype(np.float64)) > 0:
        levels = Levels.of(float(array.min()), float(array.max()), whole=array.dtype.kind != "f")
        assert levels.black <= float(array.min())
        assert float(array.max()) <= levels.white


@GENERATED
@given(st.data())
def test_generated_npz_of_digits_and_pictures_are_read_or_refused(tmp_path, data):
    shapes = {
        "x_train": st.sampled_from(
            [(12, 28, 28), (12, 28, 28, 1), (12, 784), (12, 32, 32, 3), (9, 28, 28), (), (12, 0, 0)]
        ),
        "x_test": st.sampled_from([(11, 28, 28), (11, 32, 32, 3), (0, 28, 28), (11, 28)]),
        "y_train": st.sampled_from([(12,), (12, 1), (12, 10), (11,), ()]),
        "y_test": st.sampled_from([(11,), (11, 10), (0,)]),
    }
    arrays = {
        name: an_array(data.draw, data.draw(shape)) for name, shape in shapes.items() if data.draw(st.integers(0, 9))
    }
    path = tmp_path / "one.npz"
    np.savez(path, allow_pickle=True, **arrays)
    for load in (digits.load, images.load):
        try:
            read = load(str(path))
        except NnlabError:
            continue
        for part in (vars(read)[name] for name in vars(read) if name in ("x_train", "x_test", "train", "test")):
            assert part.dtype == np.uint8
            assert len(part) >= 10
        if isinstance(read, digits.Digits):
            assert read.x_train.shape == (len(read.y_train), 28, 28)
            assert max(read.y_train.max(), read.y_test.max()) <= 9


def valid_npz() -> bytes:
    rng = np.random.default_rng(5)
    buffer = io.BytesIO()
    x = rng.integers(0, 256, (11, 28, 28), dtype=np.uint8)
    np.savez_compressed(buffer, x_train=x, y_train=np.arange(11) % 10, x_test=x[::-1] // 2, y_test=np.arange(11) % 10)
    return buffer.getvalue()


@GENERATED
@given(damaged(valid_npz()))
def test_generated_damage_to_an_npz(tmp_path, content):
    (tmp_path / "one.npz").write_bytes(content)
    try:
        read = digits.load(str(tmp_path / "one.npz"))
    except NnlabError:
        return
    if not (tmp_path / "whole.npz").exists():
        (tmp_path / "whole.npz").write_bytes(valid_npz())
    whole = digits.load(str(tmp_path / "whole.npz"))
    assert read.digest == whole.digest  # what was damaged does not matter: no silent wrong data


@GENERATED
@given(st.data())
def test_generated_idx_is_read_or_refused(tmp_path, data):
    folder = tmp_path / "idx"
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(idx.NAMES):
        shape = (12, 28, 28) if number % 2 == 0 else (12,)
        head = b"\0\0\x08" + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
        body = np.random.default_rng(number).integers(0, 10, int(np.prod(shape)), dtype=np.uint8).tobytes()
        content = head + body
        if data.draw(st.integers(0, 3)) == 0:
            content = data.draw(damaged(content))
        if data.draw(st.booleans()):
            content = gzip.compress(content, 1, mtime=0)
            if data.draw(st.integers(0, 5)) == 0:
                content = data.draw(damaged(content))
        (folder / name).write_bytes(content)
    try:
        read = digits.load(str(folder))
    except NnlabError:
        return
    assert read.x_train.shape == (12, 28, 28)
    assert read.y_test.max() <= 9


@GENERATED
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 10**6), st.sampled_from(["RGB", "RGBA"]))
def test_generated_pictures_of_digits(height, width, seed, mode):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 256, (height, width, len(mode)), dtype=np.uint8)
    if seed % 3:  # a few tones, and lines
        rows = (rows // 100 * 100).astype(np.uint8)
        rows[rng.integers(0, height)] = 255
        rows[:, rng.integers(0, width)] = 0
    try:
        digit = prepare_digit(Image.fromarray(rows, mode), MNIST)
    except InputError:
        return
    assert digit.shape == (28, 28)
    assert digit.max() > 100


def test_bombs_of_every_kind_are_refused_by_their_headers(tmp_path):
    """Files of some kilobytes that say they are of gigabytes: nothing of that size is ever asked for."""
    import tracemalloc

    with_member(tmp_path / "a.npz", "x_train", "(3000000, 32, 32, 3)", "'|u1'")
    with_member(tmp_path / "a.npz", "x_test", "(30, 32, 32, 3)", "'|u1'")
    (tmp_path / "a.png").write_bytes(png_claiming(60_000, 60_000))
    (tmp_path / "b.png").write_bytes(png_claiming(20_000, 5_000))
    (tmp_path / "a.wav").write_bytes(wav_claiming(2**31, channels=2))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(70):
            archive.writestr(f"{number}.bmp", bytes(16 << 20))
    tracemalloc.start()
    for read in (
        lambda: images.load(str(tmp_path / "a.npz")),
        lambda: images.load(str(tmp_path / "a.zip")),
        lambda: open_picture(tmp_path / "a.png"),
        lambda: open_picture(tmp_path / "b.png"),
        lambda: read_sound(tmp_path / "a.wav"),
    ):
        try:
            read()
        except InputError:
            continue
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000_000
