"""A thousand hostile files among a few good ones: each is named or read, nothing crashes, nothing is written beside."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
import soundfile
from PIL import Image

from nnlab.data import audio, images

COUNT = 500


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NNLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def png(width: int, height: int, rng) -> bytes:
    with io.BytesIO() as buffer:
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(buffer, "PNG")
        return buffer.getvalue()


def claims(width: int, height: int) -> bytes:
    """A PNG whose header says it is enormous, with next to nothing in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(10))) + chunk(b"IEND", b"")


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
        ("wide.png", claims(60_000, 1)),
        ("huge.png", claims(60_000, 60_000)),
        ("nothing.png", claims(0, 0)),
        ("narrow.png", png(1, 300, rng)),
        ("one.png", png(1, 1, rng)),
        ("a.gif", b"GIF89a" + rng.bytes(20)),
        ("header.bmp", b"BM" + rng.bytes(60)),
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
        ("noise.flac", b"fLaC" + rng.bytes(300)),
        ("noise.ogg", b"OggS" + rng.bytes(300)),
        ("noise.mp3", rng.bytes(300)),
    ]
    name, content = kinds[number % len(kinds)]
    return f"{number:03d}-{name}", content


def everything(folder) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("zipped", [False, True])
def test_pictures(tmp_path, zipped):
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
        content = bytearray(place.read_bytes())
        content[content.index(files["good-00.png"]) + 500] ^= 0xFF  # damaged in the zip: its sum is wrong
        place.write_bytes(content)
    else:
        place.mkdir()
        for name, content in files.items():
            (place / name).write_bytes(content)
    before = everything(tmp_path)
    data = images.load(str(place))
    skipped = " ".join(data.skipped)
    read = len(data.train) + len(data.test)
    assert read + len(data.skipped) == len(files) + zipped
    for name in files:
        sure = name.partition("-")[2] in ("empty.png", "text.png", "huge.png", "nothing.png", "noise.jpg")
        assert (name in skipped) or not sure, name
        damaged = zipped and name == "good-00.png"
        assert not name.startswith("good") or (name in skipped) == damaged
    assert data.train.shape[1:] == (data.train.shape[1], data.train.shape[1], 3)
    written = everything(tmp_path) - before
    assert all(name.startswith("home/") for name in written), written
    assert not (tmp_path.parent / "outside.png").exists()


def test_sounds(tmp_path):
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
    for name in files:
        sure = name.partition("-")[2] in ("empty.wav", "text.wav", "none.wav", "nan.wav", "noise.flac", "noise.ogg")
        assert (name in skipped) or not sure, name
        if name.startswith("good") or name.partition("-")[2] in ("deep.wav", "eight.wav"):
            assert name not in skipped
    for wave in (*data.train, *data.test):
        assert np.isfinite(wave).all()
    written = everything(tmp_path) - before
    assert all(name.startswith("home/") for name in written), written
