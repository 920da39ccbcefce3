"""One picture file, of anybody: its size is read before its contents; and a network over a picture of any size."""

from __future__ import annotations

import contextlib
import functools
import io
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nnlab.data.file_kinds import no_file
from nnlab.data.pictures.colour_profiles import UNUSABLE, in_srgb, is_srgb
from nnlab.data.pictures.levels import LARGEST, Levels
from nnlab.errors import InputError

Array: TypeAlias = np.ndarray[Any, Any]
Bytes: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
MOST_PIXELS = 64_000_000  # 8,000 x 8,000: some 600 MB while a picture is decoded, turned and written
MOST_SIDE = 65_535  # pixels
LARGE = 4_000_000  # pixels; pictures of more are decoded one at a time
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")  # Pillow's modes of more than 8 bits
INTEGERS, FLOATS, SEVERAL = "16 or 32 bits", "floating point", "several pictures in one file: the first is read"
DEPTHS = (INTEGERS, FLOATS)
CLEAR = "transparent everywhere: read as white"
CLEAR_KEPT = "transparent everywhere, as what is made of it will be"
DEEP_COLOURS = "16 bits per colour: read as 8 bits"  # which is what Pillow does
BITS, PHOTOMETRIC, WHITE_IS_ZERO = 258, 262, 0  # tags of TIFF, and what the second says where 0 is white
DIM = 32  # of 255: pictures of 16 bits per colour that stay below are likely of fewer bits
HEIF = (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypheif")
BEGINNINGS = {  # format -> where its mark stands, and the mark: of those that Pillow may know only where they are whole
    "AVIF": (4, b"ftypavif"),
    "JPEG": (0, b"\xff\xd8\xff"),
    "PNG": (0, b"\x89PNG\r\n\x1a\n"),
    "WEBP": (8, b"WEBP"),
}
DAMAGED = "expected a whole picture, it is cut short or damaged", "Copy or fetch it again"
HINT = "Give a PNG or JPEG"
_one_large = threading.Lock()


# ---- picture files -----------------------------------------------------------------------------------


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Without the warnings of Pillow, which says on stderr what nnlab says itself. Not to be entered by threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def open_picture(
    file: Path | io.BytesIO,
    *,
    alpha: bool = False,
    levels: Levels | None = None,
    tell: Callable[[str], Any] = lambda remark: None,
) -> Any:
    """A picture file of any kind and depth, upright, its colours as sRGB.

    Args:
        file: a path, or the contents.
        alpha: whether transparency is kept where there is any; else what is transparent becomes white.
        levels: of the pictures that a network was trained on, for those of more than 8 bits; else by their range.
        tell: hears what is to be said of the picture: a range that was taken, pages that are not read.

    Returns:
        A Pillow picture, RGB, or RGBA with ``alpha``.

    Raises:
        InputError: it cannot be read, is none, or has more than 64 million pixels.
    """
    with quietly(), opened(file) as (picture, remarks):
        if picture.mode == "F":
            low, high = extremes(picture)
            numbers = np.asarray(picture)
            if levels is None:
                levels = Levels.of(low, high, whole=FLOATS not in remarks)
                tell(f"{remarks.pop()}: read as 8 bits, black to white is {levels}")
            else:
                tell(f"{remarks.pop()}: read as 8 bits, as in training")
                remarks += levels.clipped(numbers)
            picture = _pillow().fromarray(levels.to_uint8(numbers)).convert("RGB")
        elif DEEP_COLOURS in remarks:
            remarks += dimness(brightest(picture))
        for remark in remarks:
            tell(CLEAR_KEPT if alpha and remark == CLEAR else remark)
        return picture if alpha else on_white(picture)


@contextlib.contextmanager
def opened(file: Path | io.BytesIO) -> Iterator[tuple[Any, list[str]]]:
    """A decoded picture, RGB, RGBA, or F where it has more than 8 bits, and what is to be said of it.

    Large ones are held by one thread at a time.

    Raises:
        InputError: as :func:`open_picture`.
    """
    if isinstance(file, Path) and (other := no_file(file)):
        raise InputError(*other)
    with contextlib.ExitStack() as stack:
        yield _told(lambda: _open(file, stack), file)


def on_white(picture: Any) -> Any:
    """An RGB picture, on white where it was transparent."""
    if picture.mode == "RGB":
        return picture
    flat = _pillow().new("RGBA", picture.size, "white")
    flat.alpha_composite(picture)
    return flat.convert("RGB")


def brightest(picture: Any) -> int:
    """The largest value of the colours of a picture, RGB or RGBA."""
    return max(int(high) for _, high in picture.getextrema()[:3])


def dimness(value: int) -> list[str]:
    """What is to be told of pictures of 16 bits per colour of which, read as 8 bits, no value is above this.

    Pillow keeps the upper 8 bits: of the 12 of a camera, stored in 16, it keeps 4.
    """
    if not 0 < value < DIM:
        return []
    bits = 8 + value.bit_length()
    bits += bits % 2  # there are cameras of 10, 12 and 14
    return [f"no value is above {value} of 255: are they of {bits} bits? multiply them by {2 ** (16 - bits)}"]


def extremes(picture: Any) -> tuple[float, float]:
    """The least and the largest number of a picture of mode F; InputError where some are none."""
    low, high = (float(value) for value in picture.getextrema())
    if not -LARGEST < low <= high < LARGEST or not np.isfinite(np.asarray(picture)).all():
        raise InputError("expected a picture, some of its pixels are NaN or infinite", HINT)
    return low, high


def _pillow() -> Any:
    from PIL import Image

    return Image


@functools.cache
def _formats() -> tuple[str, ...]:
    """The formats that are read, of those that this Pillow was built with: none that starts another program."""
    _pillow().init()
    return tuple(name for name in FORMATS if name in _pillow().OPEN)


def _open(file: Path | io.BytesIO, stack: contextlib.ExitStack) -> tuple[Any, list[str]]:
    with _pillow().open(file, formats=_formats()) as picture:
        form, pixels = picture.format, picture.width * picture.height
        if pixels > MOST_PIXELS or max(picture.size) > MOST_SIDE:
            raise _too_large(f"{picture.width:,} × {picture.height:,}")
        if pixels > LARGE:
            stack.enter_context(_one_large)
        remarks = []
        with _damage_told():
            if form in ("GIF", "PNG", "TIFF", "WEBP") and getattr(picture, "is_animated", False):
                remarks.append(SEVERAL)
            if picture.mode not in DEEP and _is_deep(picture):
                remarks.append(DEEP_COLOURS)
            full = _inverted(picture)
            picture.load()
        picture = _upright(picture)
    if picture.mode in DEEP:
        if not is_srgb(picture):
            remarks.append(UNUSABLE)  # LittleCMS would need 8 bits
        remarks.append(FLOATS if picture.mode == "F" else INTEGERS)
        numbers = np.asarray(picture).astype(np.float32)  # Pillow would clip 16 bits at 255
        numbers = numbers if full is None else full - numbers
        return _pillow().fromarray(numbers), remarks
    colours, usable = in_srgb(picture)
    if not usable:
        remarks.append(UNUSABLE)
    if colours.mode == "RGBA" and colours.getextrema()[3] == (0, 0):
        if form == "BMP":  # many programs leave its fourth byte empty, and mean no transparency
            return colours.convert("RGB"), remarks
        remarks.append(CLEAR)
    return colours, remarks


def _is_deep(picture: Any) -> bool:
    """Whether the decoder of a picture that is not loaded yet will read 16 bits (``RGB;16B``)."""
    codes = [tile[3] if isinstance(tile[3], str) else next(iter(tile[3] or ()), "") for tile in picture.tile[:1]]
    return any(";16" in str(code) for code in codes)


def _inverted(picture: Any) -> int | None:
    """White of a TIFF of more than 8 bits in which 0 is white, as scanners write them; else None.

    Pillow inverts such pictures of up to 8 bits only.
    """
    if picture.format != "TIFF" or picture.mode not in DEEP or picture.mode == "F":
        return None
    return 2 ** int(picture.tag_v2[BITS][0]) - 1 if picture.tag_v2.get(PHOTOMETRIC) == WHITE_IS_ZERO else None


def _upright(picture: Any) -> Any:
    """The picture as its EXIF says it was taken; as it is where that is damaged."""
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(picture) if picture.getexif().get(0x0112, 1) != 1 else picture
    except Exception:  # what the parser of EXIF meets; the pixels are right
        return picture


def _too_large(size: str) -> InputError:
    return InputError(
        f"expected at most {MOST_PIXELS // 10**6} million pixels and sides of at most {MOST_SIDE:,}, got {size}",
        "Make it smaller",
    )


@contextlib.contextmanager
def _damage_told() -> Iterator[None]:
    """For what is done with a picture that was known by its header: what a decoder raises becomes an InputError."""
    try:
        yield
    except (MemoryError, _pillow().DecompressionBombError):
        raise
    except Exception as error:  # as in _told
        unknown = "decoder" in str(error) and "not available" in str(error)  # this Pillow was built without it
        if unknown or (isinstance(error, OSError) and error.errno is not None):
            raise
        raise InputError(*DAMAGED) from error


def _told(read: Callable[[], tuple[Any, list[str]]], file: Path | io.BytesIO) -> tuple[Any, list[str]]:
    """What ``read`` gives; whatever Pillow raises becomes an InputError."""
    from PIL import Image

    try:
        return read()
    except (InputError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise InputError("there is no such file", "Give the path of a PNG or JPEG") from error
    except Image.DecompressionBombError as error:
        raise _too_large("many more") from error
    except Exception as error:  # its decoders raise what they meet: struct.error, KeyError, SyntaxError, …
        if isinstance(error, OSError) and error.errno is not None:
            raise InputError(f"it cannot be opened ({error.strerror})", HINT) from error
        head = _head(file)
        if head[4:12] in HEIF:
            raise InputError("HEIC cannot be read", "Convert it to JPEG") from error
        known = (name for name, (at, magic) in BEGINNINGS.items() if head[at : at + len(magic)] == magic)
        if next(known, "") in _formats():
            raise InputError(*DAMAGED) from error
        if not head:
            raise InputError("expected a picture, the file is empty", "Copy or fetch it again") from error
        raise InputError("expected a picture, it cannot be read", HINT) from error


def _head(file: Path | io.BytesIO) -> bytes:
    try:
        if isinstance(file, io.BytesIO):
            return file.getvalue()[:12]
        with open(file, "rb") as source:
            return source.read(12)
    except (OSError, ValueError):
        return b""


# ---- a network over a picture ------------------------------------------------------------------------

TILES = 1024  # that a network is given at once


def apply_tiled(network: Callable[[Array], Array], picture: Array, side: int) -> Array:
    """A picture of any size through a network of one size: tiles that overlap by half and fade into each other.

    The picture is mirrored around its border. The tiles' weights are sin², which add up to one everywhere, so there
    is no seam. A picture of exactly ``side`` x ``side`` goes through as it is. Memory is that of the picture and of
    one row of tiles.

    Args:
        network: tiles ``(n, side, side, 3)`` float32 in [0, 1] to the same.
        picture: ``(height, width, 3)``, uint8 or float32 in [0, 1].
        side: of the tiles, even.

    Returns:
        What the network gives, of the picture's shape and type; uint8 is rounded and clipped.
    """
    high, wide, channels = picture.shape
    if (high, wide) == (side, side):
        return _like(network(_unit(picture[None]))[0], picture)
    half = side // 2
    rows, columns = -(-high // half) + 1, -(-wide // half) + 1
    padding = [(half, (rows + 1) * half - half - high), (half, (columns + 1) * half - half - wide), (0, 0)]
    padded = np.pad(picture, padding, mode="symmetric")
    fade = np.sin(np.pi * (np.arange(side) + 0.5) / side).astype(np.float32) ** 2
    weights = (fade[:, None] * fade[None, :])[:, :, None]
    whole = np.empty(picture.shape, np.uint8 if picture.dtype == np.uint8 else np.float32)
    blended = np.zeros((side, padded.shape[1], channels), np.float32)  # one row of tiles
    for row in range(rows):
        strip = _unit(padded[row * half : row * half + side])
        tiles = np.lib.stride_tricks.sliding_window_view(strip, side, axis=1)[:, ::half]  # (side, columns, 3, side)
        for first in range(0, columns, TILES):
            answers = network(np.ascontiguousarray(tiles[:, first : first + TILES].transpose(1, 0, 3, 2)))
            for column, answer in enumerate(answers, start=first):
                blended[:, column * half : column * half + side] += answer * weights
        if row:  # the upper half is complete: no further tile reaches it
            done = blended[: min(half, high - (row - 1) * half), half : half + wide]
            whole[(row - 1) * half : row * half] = _like(done, picture)
        blended[:half] = blended[half:]
        blended[half:] = 0
    return whole


def _unit(numbers: Array) -> Array:
    """Numbers of a picture as float32 in [0, 1]."""
    return numbers / np.float32(255) if numbers.dtype == np.uint8 else numbers.astype(np.float32)


def _like(numbers: Array, picture: Array) -> Array:
    """Numbers in [0, 1] as those of the picture are: uint8, or as they are."""
    return np.clip(numbers * 255 + 0.5, 0, 255).astype(np.uint8) if picture.dtype == np.uint8 else numbers
