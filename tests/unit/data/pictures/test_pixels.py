"""One picture file of any kind, and a network over a picture of any size."""

from __future__ import annotations

import io
import os
import struct
import threading
import zlib

import numpy as np
import pytest
from PIL import Image

from nnlab.data.pictures import pixels
from nnlab.data.pictures.levels import Levels
from nnlab.data.pictures.pixels import apply_tiled, open_picture
from nnlab.errors import InputError


def png_claiming(width: int, height: int, body: bytes = b"") -> bytes:
    """A PNG whose header says how large it is, with next to nothing in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", body or zlib.compress(bytes(10))) + chunk(b"IEND", b"")


# ---- files -------------------------------------------------------------------------------------------


def saved(picture: Image.Image, form: str = "PNG", **options) -> io.BytesIO:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (np.full((8, 8), 0x8000, np.uint16), 128),
        (np.full((8, 8), 2048, np.uint16), 128),  # 12 bits
        (np.full((8, 8), 2**30, np.int32), 255),
        (np.full((8, 8), 0.5, np.float32), 128),
        (np.full((8, 8), 128.0, np.float32), 128),
    ],
)
def test_pictures_of_more_than_8_bits_by_their_range(numbers, expected):
    read = np.asarray(open_picture(saved(Image.fromarray(numbers), "TIFF")))
    assert read.shape == (8, 8, 3)
    assert (read == expected).all()


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_a_tiff_in_which_0_is_white_is_no_negative(compression):
    numbers = (np.arange(64) * 900).astype(np.uint16).reshape(8, 8)
    inverted = saved(Image.fromarray(65_535 - numbers), "TIFF", tiffinfo={262: 0}, compression=compression)
    with Image.open(inverted) as picture:
        assert (picture.getexif()[262], picture.mode) == (0, "I;16")
    plain = saved(Image.fromarray(numbers), "TIFF", compression=compression)
    assert np.asarray(open_picture(inverted)).tobytes() == np.asarray(open_picture(plain)).tobytes()


def test_pictures_by_the_levels_of_the_training_set():
    dark = saved(Image.fromarray(np.full((8, 8), 900, np.uint16)))
    assert np.asarray(open_picture(dark)).max() == 224  # by 10 bits
    assert np.asarray(open_picture(dark, levels=Levels(0, 4095))).max() == 56


def test_what_is_beyond_the_levels_of_the_training_set_is_told():
    numbers = np.full((10, 10), 60_000, np.uint16)
    numbers[0, :4], numbers[9, 9] = 4095, 65_535
    told: list[str] = []
    assert np.asarray(open_picture(saved(Image.fromarray(numbers)), levels=Levels(0, 4095), tell=told.append)).min() > 0
    assert told[1:] == ["its numbers go to 65,535, white in training was 4,095: 96 % are clipped"]
    told.clear()
    numbers[:] = 900
    numbers[0, 0] = 5000  # one of a hundred: a hot pixel
    open_picture(saved(Image.fromarray(numbers)), levels=Levels(0, 4095), tell=told.append)
    assert told == ["16 or 32 bits: read as 8 bits, as in training"]
    told.clear()
    floats = np.linspace(-2, 2, 64, dtype=np.float32).reshape(8, 8)
    open_picture(saved(Image.fromarray(floats), "TIFF"), levels=Levels(-1, 1), tell=told.append)
    assert told[1:] == ["its numbers go from -2 to 2, black to white in training was -1 to 1: 50 % are clipped"]


def test_floats_that_are_no_numbers_are_refused():
    with pytest.raises(InputError, match="NaN or infinite"):
        open_picture(saved(Image.fromarray(np.array([[1.0, np.nan]], np.float32)), "TIFF"))


def test_exif_is_obeyed_and_transparency_becomes_white(tmp_path):
    rows = np.zeros((10, 20, 3), np.uint8)
    rows[:, :10] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    Image.fromarray(rows).save(tmp_path / "a.png", exif=exif)
    turned = open_picture(tmp_path / "a.png")
    assert turned.size == (10, 20)
    assert np.asarray(turned)[0, 0, 0] == 255
    assert np.asarray(turned)[-1, 0, 0] == 0
    clear = saved(Image.fromarray(np.zeros((8, 8, 4), np.uint8)))
    assert np.asarray(open_picture(clear)).min() == 255
    assert open_picture(clear, alpha=True).mode == "RGBA"


def bmp_with_alpha(colours: np.ndarray, alpha: int) -> bytes:
    """A BMP of 32 bits with the header of Windows 95, whose masks say that the fourth byte is alpha."""
    high, wide, _ = colours.shape
    rows = np.dstack([colours[::-1, :, ::-1], np.full((high, wide), alpha, np.uint8)]).tobytes()
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    head = struct.pack("<IiiHHIIiiII", 108, wide, high, 1, 32, 3, len(rows), 0, 0, 0, 0) + masks
    head = head.ljust(108, b"\0")
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + len(rows), 0, 0, 14 + len(head)) + head + rows


@pytest.mark.parametrize("alpha", [0, 255])
def test_a_bmp_whose_fourth_byte_is_empty_is_opaque(alpha):
    colours = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    content = bmp_with_alpha(colours, alpha)
    told: list[str] = []
    assert np.asarray(open_picture(io.BytesIO(content), tell=told.append)).tobytes() == colours.tobytes()
    assert np.asarray(open_picture(io.BytesIO(content), alpha=True))[..., :3].tobytes() == colours.tobytes()
    assert told == []


def test_a_picture_that_is_transparent_everywhere_is_told():
    clear = saved(Image.new("RGBA", (8, 8), (200, 0, 0, 0)))
    told: list[str] = []
    open_picture(clear, tell=told.append)
    open_picture(clear, alpha=True, tell=told.append)
    assert told == ["transparent everywhere: read as white", "transparent everywhere, as what is made of it will be"]
    told.clear()
    open_picture(saved(Image.new("RGBA", (8, 8), (200, 0, 0, 1))), tell=told.append)
    assert told == []


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"])
def test_every_mode_of_pillow(mode):
    grey = Image.new("L", (9, 7), 255)
    form = "TIFF" if mode in ("CMYK", "YCbCr", "LAB", "I", "F") else "PNG"
    source = grey.convert("RGB").convert("CMYK") if mode == "CMYK" else None
    if mode in ("LAB", "YCbCr"):
        source = Image.new(mode, (9, 7), (255, 128, 128))
    picture = source or (Image.fromarray(np.full((7, 9), 65_535, np.uint16)) if mode == "I;16" else grey.convert(mode))
    try:
        read = open_picture(saved(picture, form))
    except InputError:
        assert mode == "LAB"
        return
    assert (read.mode, read.size) == ("RGB", (9, 7))
    assert np.asarray(read).min() > 240


def test_the_first_of_several_pictures_in_one_file():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    for form in ("GIF", "WEBP", "TIFF", "PNG"):
        content = saved(frames[0], form, save_all=True, append_images=frames[1:])
        told: list[str] = []
        red, _, blue = np.asarray(open_picture(content, tell=told.append))[0, 0]
        assert red > 200 > blue
        assert told == ["several pictures in one file: the first is read"]


def test_what_was_taken_for_black_and_white_is_told_unless_it_is_known():
    dark = [Image.fromarray(np.full((8, 8), 6500, np.uint16)) for _ in range(2)]
    content = saved(dark[0], "TIFF", save_all=True, append_images=dark[1:])
    told: list[str] = []
    assert np.asarray(open_picture(content, tell=told.append)).max() == 101
    assert sorted(told) == [
        "16 or 32 bits: read as 8 bits, black to white is 0 to 16,383",
        "several pictures in one file: the first is read",
    ]
    told.clear()
    assert np.asarray(open_picture(content, levels=Levels(0, 65_535), tell=told.append)).max() == 25
    assert sorted(told) == [
        "16 or 32 bits: read as 8 bits, as in training",
        "several pictures in one file: the first is read",
    ]


def png_of_16_bits(*colour: int) -> bytes:
    """A PNG of 8 x 8 pixels of one colour, 16 bits each of red, green and blue, which Pillow cannot write."""
    wide = zlib.compress(b"".join(b"\0" + struct.pack(">24H", *(colour * 8)) for _ in range(8)))
    content = bytearray(png_claiming(8, 8, wide))
    content[24] = 16  # bits
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)


@pytest.mark.parametrize(
    ("brightest", "says"),
    [
        (4095, ["no value is above 15 of 255: are they of 12 bits? multiply them by 16"]),
        (1023, ["no value is above 3 of 255: are they of 10 bits? multiply them by 64"]),
        (8000, ["no value is above 31 of 255: are they of 14 bits? multiply them by 4"]),
        (8192, []),
        (0, []),
    ],
)
def test_colours_of_12_bits_in_16_are_told(brightest, says):
    told: list[str] = []
    open_picture(io.BytesIO(png_of_16_bits(0, 0, brightest)), tell=told.append)
    assert told == ["16 bits per colour: read as 8 bits", *says]


def test_colours_of_16_bits_are_read_as_8_which_is_told():
    told: list[str] = []
    picture = open_picture(io.BytesIO(png_of_16_bits(300, 40_000, 65_535)), tell=told.append)
    assert np.asarray(picture)[3, 3].tolist() == [1, 156, 255]
    assert told == ["16 bits per colour: read as 8 bits"]
    told.clear()
    open_picture(saved(Image.new("RGB", (160, 160)), "BMP"), tell=told.append)
    assert told == []


def test_sizes_are_read_before_contents():
    for width, height in ((10_000, 10_000), (60_000, 60_000), (70_000, 1)):
        with pytest.raises(InputError, match="expected at most 64 million pixels"):
            open_picture(io.BytesIO(png_claiming(width, height)))


def test_a_large_picture_is_decoded_alone(monkeypatch):
    monkeypatch.setattr(pixels, "LARGE", 50)
    content = saved(Image.new("RGB", (10, 10)))
    together, most = [0], [0]

    def read() -> None:
        with pixels.opened(io.BytesIO(content.getvalue())):
            together[0] += 1
            most[0] = max(most[0], together[0])
            threading.Event().wait(0.01)
            together[0] -= 1

    threads = [threading.Thread(target=read) for _ in range(4)]
    with pixels.quietly():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most == [1]


@pytest.mark.parametrize(
    ("form", "mode"),
    [("JPEG", "RGB"), ("PNG", "RGB"), ("BMP", "RGB"), ("GIF", "P"), ("TIFF", "L"), ("WEBP", "RGB"), ("JPEG2000", "RGB"),
     ("PPM", "RGB")],
)  # fmt: skip
def test_a_picture_that_is_cut_short_is_told_as_such(form, mode):
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    content = saved(Image.fromarray(noise).convert(mode), form).getvalue()
    with pytest.raises(InputError, match="expected a whole picture, it is cut short or damaged") as told:
        open_picture(io.BytesIO(content[: len(content) // 2]))
    assert told.value.hint == "Copy or fetch it again"
    if form in ("JPEG", "PNG", "WEBP"):  # even where it ends within its header
        with pytest.raises(InputError, match="it is cut short or damaged"):
            open_picture(io.BytesIO(content[:20]))
    with pytest.raises(InputError, match="expected a picture, the file is empty"):
        open_picture(io.BytesIO())


def test_what_is_no_picture(tmp_path):
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "null.png").symlink_to("/dev/null")
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(50))
    (tmp_path / "a.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")  # would start Ghostscript
    for name, says in (
        ("nothing.png", "there is no such file"),
        ("folder.png", "expected a file, it is a folder"),
        ("pipe.png", "expected a file, it is a pipe"),  # not waited for
        ("null.png", "expected a file, it is a device"),
        ("a.heic", "HEIC cannot be read"),
        ("a.eps", "expected a picture, it cannot be read"),
    ):
        with pytest.raises(InputError, match=says):
            open_picture(tmp_path / name)


# ---- a network over a picture ------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(32, 32), (1, 1), (33, 47), (100, 64), (16, 200), (15, 15), (17, 96)])
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_tiles_of_a_network_that_does_nothing_give_the_picture(size, dtype, monkeypatch):
    monkeypatch.setattr(pixels, "TILES", 3)
    picture = np.random.default_rng(0).random((*size, 3)).astype(np.float32)
    picture = (picture * 255).astype(np.uint8) if dtype == np.uint8 else picture
    seen = []

    def network(tiles):
        seen.append(tiles.shape)
        assert tiles.dtype == np.float32
        assert tiles.max() <= 1
        return tiles

    whole = apply_tiled(network, picture, 32)
    assert {shape[1:] for shape in seen} == {(32, 32, 3)}
    assert max(shape[0] for shape in seen) <= 3
    assert (whole.dtype, whole.shape) == (picture.dtype, picture.shape)
    if dtype == np.uint8:
        assert whole.tobytes() == picture.tobytes()
    assert np.abs(whole.astype(float) - picture).max() < 1e-5


def test_tiles_blend_as_a_whole_picture_at_once_would():
    """The same sums, kept for the whole picture: an oracle that does not go row by row."""
    picture = np.random.default_rng(1).random((50, 70, 3)).astype(np.float32)
    side, half = 16, 8

    def network(tiles):
        return tiles**2 + tiles.mean(axis=(1, 2, 3), keepdims=True)

    rows, columns = -(-50 // half) + 1, -(-70 // half) + 1
    padded = np.pad(picture, [(half, (rows + 1) * half - half - 50), (half, (columns + 1) * half - half - 70), (0, 0)],
                    mode="symmetric")  # fmt: skip
    fade = np.sin(np.pi * (np.arange(side) + 0.5) / side).astype(np.float32) ** 2
    total = np.zeros_like(padded)
    for row in range(rows):
        for column in range(columns):
            place = np.s_[row * half : row * half + side, column * half : column * half + side]
            total[place] += network(padded[place][None])[0] * (fade[:, None] * fade)[..., None]
    assert np.allclose(apply_tiled(network, picture, side), total[half : half + 50, half : half + 70], atol=1e-6)
