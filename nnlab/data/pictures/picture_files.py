"""Many picture files as one array: decoded in threads, some in memory at a time, each that cannot be read named."""

from __future__ import annotations

import io
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from nnlab.data import npz
from nnlab.data.pictures import pixels
from nnlab.data.pictures.levels import FAR, Levels
from nnlab.data.pictures.pixels import Bytes
from nnlab.errors import InputError

Array: TypeAlias = np.ndarray[Any, Any]
Read: TypeAlias = Callable[[str], bytes]  # name -> contents; raises one of npz.ZIP_ERRORS
MOST_FILE = 256 << 20  # bytes of one file
TOO_LARGE = f"expected files of at most {MOST_FILE >> 20} MB"
IN_FLIGHT = 512, 64 << 20  # files and bytes that are held while they are decoded
SMALL = 20_000  # bytes: such files are decoded sooner than threads can take turns


@dataclass(frozen=True)
class DecodedFiles:
    """The pictures that could be read ``(n, side, side, 3)``, their names, and what is to be told."""

    pictures: Bytes
    names: list[str]
    skipped: list[str]  # each file that cannot be read, and why
    notes: list[str]
    levels: Levels | None  # black and white of those of more than 8 bits, where there are any


@dataclass(frozen=True)
class Square:
    """The middle of a picture, ``(side, side, 3)`` uint8, or ``(side, side)`` float32 of one of more than 8 bits."""

    pixels: Array
    size: tuple[int, int]  # of the whole picture: width, height
    remarks: Sequence[str]
    extremes: tuple[float, float] | None = None  # of the whole picture, where it has more than 8 bits
    brightest: int | None = None  # value of the whole picture, where it had 16 bits per colour


def decode(names: Sequence[str], read: Read, side: int) -> DecodedFiles:
    """Decode files of any format, size and depth.

    Those of more than 8 bits are scaled all alike, by the range of all of them.

    Args:
        names: of the files.
        read: gives the contents of one.
        side: pixels of the squares that they become: the middle is cropped, then resized.
    """
    from tqdm import tqdm

    pictures = np.empty((len(names), side, side, 3), np.uint8)
    deep: dict[int, Square] = {}
    good, skipped, bright = [], [], [0]
    remarks: Counter[str] = Counter()
    sizes: Counter[tuple[int, int]] = Counter()
    files = ((name, _content(name, read)) for name in names)  # a zip is read by one thread, decoded by several
    with (
        tqdm(files, "decoding", len(names), file=sys.stderr, leave=False, disable=None, unit=" files") as progress,
        pixels.quietly(),
    ):
        for number, square in enumerate(_in_threads(iter(progress), side)):
            if isinstance(square, str):
                skipped.append(square)
                continue
            good.append(number)
            remarks.update(square.remarks)
            sizes[square.size] += 1
            bright.append(square.brightest or 0)
            if square.extremes is None:
                pictures[number] = square.pixels
            else:
                deep[number] = square
    levels = _levels(list(deep.values()))
    for number, square in deep.items():
        assert levels is not None
        pictures[number] = levels.to_uint8(square.pixels)[..., None]
    if skipped:
        pictures = pictures[good]
    dim = [f"16 bits per colour: {note}" for note in pixels.dimness(max(bright))]
    notes = [*_notes(remarks, levels), *_nearly_black(list(deep.values())), *dim, *_resized(sizes, side)]
    return DecodedFiles(pictures, [names[number] for number in good], skipped, notes, levels)


def _content(name: str, read: Read) -> bytes | str:
    """The contents of a file, or why it has none."""
    try:
        return read(name)
    except npz.ZIP_ERRORS as error:  # damaged in its zip, locked, not ours to read, too large
        return TOO_LARGE if str(error) == TOO_LARGE else "it cannot be read"


def _in_threads(files: Iterator[tuple[str, bytes | str]], side: int) -> Iterator[Square | str]:
    """Each file's picture in order, or why it has none; some in flight, so memory stays flat."""

    def one(item: tuple[str, bytes | str]) -> Square | str:
        name, content = item
        if isinstance(content, str):
            return f"{name} ({content})"
        try:
            with pixels.opened(io.BytesIO(content)) as (picture, remarks):
                if picture.mode != "F":
                    bright = pixels.brightest(picture) if pixels.DEEP_COLOURS in remarks else None
                    return Square(cropped(pixels.on_white(picture), side), picture.size, remarks, brightest=bright)
                low, high = pixels.extremes(picture)
                return Square(np.clip(cropped(picture, side), low, high), picture.size, remarks, (low, high))
        except InputError as error:
            return f"{name} ({error.message})"

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for group in _groups(files):
            small = sum(len(content) for _, content in group) < SMALL * len(group)
            yield from map(one, group) if small else pool.map(one, group)


def _groups(files: Iterator[tuple[str, bytes | str]]) -> Iterator[list[tuple[str, bytes | str]]]:
    """Files by the few hundred, or by 64 MB."""
    most, most_bytes = IN_FLIGHT
    group: list[tuple[str, bytes | str]] = []
    size = 0
    for item in files:
        group.append(item)
        size += len(item[1])
        if len(group) == most or size > most_bytes:
            yield group
            group, size = [], 0
    if group:
        yield group


def cropped(picture: Any, side: int) -> Array:
    """The middle of a Pillow picture as ``(side, side[, 3])``: cropped to a square, then resized."""
    from PIL import Image, ImageOps

    if picture.size != (side, side):
        picture = ImageOps.fit(picture, (side, side), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def _levels(squares: Sequence[Square]) -> Levels | None:
    """Black and white for all pictures of more than 8 bits; None where there are none."""
    ranges = [square.extremes for square in squares if square.extremes is not None]
    if not ranges:
        return None
    whole = all(pixels.FLOATS not in square.remarks for square in squares)
    return Levels.of(min(low for low, _ in ranges), max(high for _, high in ranges), whole=whole)


def _nearly_black(squares: Sequence[Square]) -> list[str]:
    """What is to be told where pictures of more than 8 bits are on two scales: 0 to 1 beside 0 to 65,535, say."""
    highs = [square.extremes[1] for square in squares if square.extremes is not None]
    most = max(highs, default=0.0)
    dark = [high for high in highs if 0 < high <= most / FAR]
    if not dark:
        return []
    what = f"{len(dark):,} of {len(highs):,} pictures of more than 8 bits go to {max(dark):,.6g} at most"
    return [f"{what}, others to {most:,.6g}: by one scale they are nearly black; where they are not, multiply them"]


def _notes(remarks: Counter[str], levels: Levels | None) -> list[str]:
    """What is to be said of so many pictures with a remark."""
    return [
        f"{remark} ({count:,} of the pictures): black to white is {levels}"
        if remark in pixels.DEPTHS
        else f"{remark} ({count:,} of the files)"
        for remark, count in remarks.items()
    ]


def _resized(sizes: Counter[tuple[int, int]], side: int) -> list[str]:
    """What was done to pictures of other sizes, as one line; none where there are none."""
    others = {size: count for size, count in sizes.items() if size != (side, side)}
    if not others:
        return []
    wide, high = (_span(lengths) for lengths in zip(*others, strict=True))
    how = "cropped to a square and resized" if any(w != h for w, h in others) else "resized"
    count = sum(others.values())
    return [f"{count:,} picture{'s' * (count != 1)}, {wide} × {high} pixels: {how} to {side} × {side}"]


def _span(lengths: Sequence[int]) -> str:
    low, high = min(lengths), max(lengths)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
