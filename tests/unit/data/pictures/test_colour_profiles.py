"""Embedded colour profiles: the oracle multiplies the matrices of the primaries, in plain NumPy."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from nnlab.data.pictures.colour_profiles import UNUSABLE
from nnlab.data.pictures.picture_files import decode
from nnlab.data.pictures.pixels import open_picture

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
TO_D50 = {  # columns: red, green, blue, adapted to D50 as profiles keep them
    "sRGB": [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]],
    "P3": [[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]],
    "Adobe": [[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]],
}


def fixed(value: float) -> int:
    return round(value * 65_536)


def profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC profile of version 2 with these tags."""
    table, body, place = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", place + len(body), len(content))
        body += content
    connection = b"Lab " if b"A2B0" in tags else b"XYZ "
    head = struct.pack(">I4sI4s4s4s12x4s", place + len(body), b"none", 0x02400000,
                       b"prtr" if space == b"CMYK" else b"mntr", space, connection, b"acsp")  # fmt: skip
    white = struct.pack(">iii", fixed(0.9642), fixed(1), fixed(0.8249))
    head = head.ljust(68, b"\0") + white
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def with_primaries(name: str, gamma: float) -> bytes:
    """A profile of three primaries and one gamma, as Adobe RGB is."""
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    columns = np.array(TO_D50[name]).T
    tags = {
        key: b"XYZ \0\0\0\0" + struct.pack(">iii", *map(fixed, column))
        for key, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)
    }
    return profile(b"RGB ", {**tags, b"rTRC": curve, b"gTRC": curve, b"bTRC": curve})


def of_grey(gamma: float) -> bytes:
    return profile(b"GRAY", {b"kTRC": b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))})


def of_inks() -> bytes:
    """A press whose black makes black and whose other inks make nothing: 2 steps per ink."""
    clut = b"".join(bytes([0 if number & 1 else 255, 128, 128]) for number in range(16))  # black varies fastest
    line = bytes(range(256))
    unit = struct.pack(">9i", *(fixed(value) for value in np.eye(3).ravel()))
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + unit + 4 * line + clut + 3 * line
    return profile(b"CMYK", {b"A2B0": lut, b"A2B1": lut})


def saved(picture: Image.Image, icc: bytes | None, form: str = "PNG") -> io.BytesIO:
    buffer = io.BytesIO()
    picture.save(buffer, form, **({"icc_profile": icc} if icc else {}))
    return buffer


def read(picture: Image.Image, icc: bytes | None, form: str = "PNG", *, alpha: bool = False):
    told: list[str] = []
    return np.asarray(open_picture(saved(picture, icc, form), alpha=alpha, tell=told.append)), told


def srgb_of(linear: np.ndarray) -> np.ndarray:
    """The curve of sRGB, as 0-255."""
    linear = np.clip(linear, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def colours(high: int = 40, wide: int = 30) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (high, wide, 3), dtype=np.uint8)


@pytest.mark.parametrize(("name", "gamma"), [("P3", 1.8), ("P3", 2.2), ("Adobe", 2.2)])
def test_other_primaries_are_converted_as_their_matrices_say(name, gamma):
    x = colours()
    got, told = read(Image.fromarray(x), with_primaries(name, gamma))
    linear = (x / 255) ** (round(gamma * 256) / 256)
    wanted = srgb_of(linear @ np.array(TO_D50[name]).T @ np.linalg.inv(TO_D50["sRGB"]).T)
    assert np.abs(got - wanted).max() < 2
    assert np.abs(got.astype(int) - x).max() > 30
    assert told == []


def test_swapped_red_and_blue_are_seen_as_they_are_shown():
    swapped = SRGB.replace(b"rXYZ", b"QQQQ", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"QQQQ", b"bXYZ", 1)
    x = colours()
    for form in ("PNG", "TIFF", "WEBP"):
        source = Image.fromarray(x)
        given = np.asarray(Image.open(saved(source, None, form)).convert("RGB"))
        got, _ = read(source, swapped, form)
        assert np.abs(got.astype(int) - given[..., ::-1]).max() <= 1
    clear = np.concatenate([x, x[..., :1]], -1)
    got, _ = read(Image.fromarray(clear), swapped, alpha=True)
    assert np.abs(got[..., :3].astype(int) - x[..., ::-1]).max() <= 1
    assert (got[..., 3] == x[..., 0]).all()
    got, _ = read(Image.fromarray(x).quantize(16), swapped)
    assert np.abs(got[..., ::-1].astype(int) - np.asarray(Image.fromarray(x).quantize(16).convert("RGB"))).max() <= 1


@pytest.mark.parametrize("icc", [None, SRGB])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_without_a_profile_or_with_srgbs_every_bit_is_kept(mode, icc):
    picture = Image.fromarray(colours()).convert(mode)
    got, told = read(picture, icc, alpha=True)
    wanted = picture.convert("RGBA" if mode in ("LA", "RGBA") else "RGB")
    assert got.tobytes() == wanted.tobytes()
    assert told == []


def test_grey_and_printed_pictures():
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None].repeat(2, 0))
    for mode in ("L", "LA"):
        got, told = read(ramp.convert(mode), of_grey(1.0))
        assert np.abs(got - srgb_of(np.arange(256) / 255)[:, None]).max() < 2
        assert (got == got[..., :1]).all()
        assert told == []
    inks = np.zeros((2, 2, 4), np.uint8)
    inks[0, :, 0] = 255  # cyan, which this press does not show
    inks[1, :, 3] = 255
    got, told = read(Image.fromarray(inks, "CMYK"), of_inks(), "TIFF")
    assert (got[0] > 250).all()
    assert (got[1] < 5).all()
    assert told == []


@pytest.mark.parametrize("icc", [b"nonsense", SRGB[:200], SRGB[:400] + bytes(188), of_inks(), of_grey(1.0)])
def test_a_profile_that_cannot_be_used_is_told_and_the_values_kept(icc):
    x = colours()
    got, told = read(Image.fromarray(x), icc)
    assert got.tobytes() == x.tobytes()
    assert told == [UNUSABLE]


def test_of_pictures_of_16_bits_a_profile_is_told(tmp_path):
    deep = Image.fromarray(np.full((8, 8), 65_535, np.uint16))
    assert UNUSABLE not in read(deep, SRGB, "TIFF")[1]
    assert UNUSABLE in read(deep, of_grey(1.0), "TIFF")[1]


def test_pictures_to_train_with_are_converted_alike():
    red = Image.new("RGB", (32, 32), (200, 20, 20))
    files = {
        "plain.png": saved(red, None),
        "wide.png": saved(red, with_primaries("P3", 2.2)),
        "broken.png": saved(red, b"nonsense"),
    }
    found = decode(list(files), lambda name: files[name].getvalue(), 32)
    plain, wide, broken = found.pictures[:, 0, 0].astype(int)
    assert plain.tolist() == broken.tolist() == [200, 20, 20]
    assert wide[0] > 210
    assert found.notes == [f"{UNUSABLE} (1 of the files)"]
