"""Numbers of any range as 8 bits: which of them stand for black and for white."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nnlab.errors import InputError

Array: TypeAlias = np.ndarray[Any, Any]
Bytes: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
LARGEST = 1e38  # a number in a picture; what is beyond is no number
FULL = (1, 255, 1023, 4095, 16_383, 65_535)  # white of shares, and of 8, 10, 12, 14 and 16 bits
APART, FAR = 15, 100  # of two parts of a set, white of one is so many times white of the other: told, refused
CLIPPED = 0.01  # more of a picture than this is told
BLACK = 0.001  # a part of which fewer numbers are above half its white is black with specks, and tells no scale


@dataclass(frozen=True)
class Levels:
    """The numbers that stand for black and for white."""

    black: float
    white: float

    def __str__(self) -> str:
        return f"{self.black:.4g} to {self.white:,.6g}"

    @classmethod
    def of(cls, low: float, high: float, *, whole: bool) -> Levels:
        """What numbers between ``low`` and ``high`` stand for; ``whole``: they are integers.

        White is the first of 1, 255 (8 bits), 1,023 (10), 4,095 (12), 16,383 (14) and 65,535 (16) that no number
        is above; black is 0. Numbers from -1 to 1 and signed ones of 8 and 16 bits have the black of their range.
        Where a range is none of these (``high`` of a few units, numbers that were standardised), their own
        least and largest are black and white.
        """
        if low >= 0:
            if high <= 1:
                return cls(0, 1)
            if high < 32:
                return cls(0, high)
            return cls(0, next((full for full in FULL[1:] if high <= full), high))
        if not whole and low >= -1 and high <= 1 and low < -0.5:
            return cls(-1, 1)
        for half in (128, 32_768):
            if whole and -half <= low < -half / 4 and high < half:
                return cls(-half, half - 1)
        return cls(low, high if high > low else low + max(1.0, abs(low)))

    def record(self) -> list[float]:
        """As JSON values."""
        return [self.black, self.white]

    @classmethod
    def from_record(cls, record: Any) -> Levels | None:
        """From JSON values, or None; ValueError where they are something else."""
        if record is None:
            return None
        if not isinstance(record, list) or not all(type(value) in (int, float) for value in record):
            raise ValueError(f"expected black and white as numbers, got {str(record)[:40]}")
        black, white = record
        if not -LARGEST < black < white < LARGEST:
            raise ValueError(f"expected black and white, got {black:g} and {white:g}")
        return cls(float(black), float(white))

    def clipped(self, numbers: Array) -> list[str]:
        """What is to be told of a picture of which more than 1 % is below black or above white of training."""
        share = float(((numbers < self.black) | (numbers > self.white)).mean())
        if share <= CLIPPED:
            return []
        low, high = float(numbers.min()), float(numbers.max())
        told = f"its numbers go to {high:,.6g}, white in training was {self.white:,.6g}"
        if low < self.black:
            told = f"its numbers go from {low:,.6g} to {high:,.6g}, black to white in training was {self}"
        return [f"{told}: {100 * share:.0f} % are clipped"]

    def to_uint8(self, numbers: Array) -> Bytes:
        """Numbers of any shape as 0-255, rounded; some rows at a time."""
        scaled = np.empty(numbers.shape, np.uint8)
        rows = max(1, 4_000_000 // max(1, numbers[:1].size))
        for first in range(0, len(numbers), rows):
            part = (numbers[first : first + rows].astype(np.float64) - self.black) * (255 / (self.white - self.black))
            scaled[first : first + rows] = np.clip(np.rint(part), 0, 255)
        return scaled


def to_uint8(arrays: Mapping[str, Array], path: Path | None = None) -> tuple[list[Bytes], list[str]]:
    """Pictures of any type of number as uint8, those of one type all by one scale, and what was done to them.

    Args:
        arrays: by the names that a user knows.
        path: where they are from, for the error.

    Returns:
        The arrays in their order, and a note per scale.

    Raises:
        InputError: a number is NaN or infinite, or arrays of one type are plainly of two scales.
    """
    scaled: dict[str, Bytes] = {}
    notes = []
    for dtype in dict.fromkeys(array.dtype for array in arrays.values()):
        alike = {name: array for name, array in arrays.items() if array.dtype == dtype}
        for name, array in alike.items():
            bad = 0 if dtype.kind != "f" else array.size - int(np.isfinite(array).sum())
            if bad:
                raise InputError(
                    f"expected numbers in {name}, {bad:,} of {array.size:,} are NaN or infinite",
                    f"Leave such pictures out, or put 0 in their place: {name}[~numpy.isfinite({name})] = 0",
                    path=path,
                )
        low = min((float(array.min()) for array in alike.values() if array.size), default=0.0)
        high = max((float(array.max()) for array in alike.values() if array.size), default=0.0)
        if max(-low, high) > LARGEST:
            raise InputError(
                f"expected numbers of a picture in {' and '.join(alike)}, got {low:g} to {high:g}",
                "Leave such pictures out",
                path=path,
            )
        levels = Levels.of(low, high, whole=dtype.kind != "f")
        notes += _scales_apart(alike, path)
        if dtype == np.uint8 and (levels.white == 255 or high == 0):
            scaled |= alike
            continue
        scaled |= {name: levels.to_uint8(array) for name, array in alike.items()}
        notes.append(
            f"{' and '.join(alike)} hold {dtype} from {low:.6g} to {high:,.6g}: taken as black to white {levels}"
        )
    return [scaled[name] for name in arrays], notes


def _scales_apart(arrays: Mapping[str, Array], path: Path | None) -> list[str]:
    """What is to be told where one array is so much darker than another that it may be of another scale.

    InputError where it plainly is: shares from 0 to 1, or standardised, beside numbers to 255, or 8 bits beside 16.
    """
    ranges = {}
    for name, array in arrays.items():
        low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
        own = Levels.of(low, high, whole=array.dtype.kind != "f")
        if high > 0 and (array > own.white / 2).mean() >= BLACK:
            ranges[name] = (low, high, own)
    if len(ranges) < 2:
        return []
    dark, light = (pick(ranges, key=lambda name: ranges[name][2].white) for pick in (min, max))
    (dark_low, dark_high, less), (light_low, light_high, more) = ranges[dark], ranges[light]
    factor = more.white / less.white
    if factor < APART:
        return []
    what = f"{dark} holds {dark_low:.6g} to {dark_high:,.6g}, {light} {light_low:.6g} to {light_high:,.6g}"
    mend = f"multiply {dark} by {factor:,.0f}" if less.black == more.black == 0 else "bring both to 0 to 255"
    standardised = arrays[dark].dtype.kind == "f" and less.black < 0 <= more.black
    if standardised or (factor >= FAR and less.white in FULL and more.white in FULL):
        raise InputError(
            f"expected {' and '.join(arrays)} on one scale, {what}", f"{mend[0].upper()}{mend[1:]}", path=path
        )
    return [f"{what}: where they are on two scales, {mend}"]
