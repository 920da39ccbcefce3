"""Arrays of a stranger's ``.npz``: their headers are read before their contents, and nothing is unpickled."""

from __future__ import annotations

import itertools
import lzma
import math
import os
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nnlab.errors import InputError

Array: TypeAlias = np.ndarray[Any, Any]
ALWAYS = 1 << 30  # bytes that may be unpacked, however small the file is
RATIO = 4  # bytes unpacked per byte of a larger file
ZIP_ERRORS = (
    *(ValueError, OSError, EOFError, RuntimeError, NotImplementedError, KeyError, OverflowError, AttributeError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)


def allowed(path: Path, ratio: int = RATIO) -> int:
    """Bytes that a file may become: 1 GiB, or some times its size."""
    return max(ALWAYS, ratio * os.path.getsize(path))


def is_zip(path: Path) -> bool:
    """Whether a file begins as a zip does (an ``.npz`` is one), whatever it is called."""
    with open(path, "rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def members(path: Path) -> list[str]:
    """The names in a zip; the file's own where it is none, or cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except ZIP_ERRORS:
        return [path.name]


def is_npz(path: Path) -> bool:
    """Whether a file is a zip whose first member is an array."""
    with open(path, "rb") as file:
        head = file.read(30)  # of the first member; the length of its name stands in the bytes 26 and 27
        return head[:4] == b"PK\x03\x04" and file.read(int.from_bytes(head[26:28], "little")).endswith(b".npy")


def read_arrays(path: Path, names: Sequence[str], hint: str) -> list[Array]:
    """Some arrays of numbers of an ``.npz``, in this order.

    Args:
        path: the file.
        names: of the arrays; others in it are not looked at.
        hint: what to do where one is missing or cannot be read.

    Raises:
        InputError: it is no ``.npz``, an array is missing, holds anything but numbers, or all of them are larger
            than 1 GiB and than four times the file.
    """
    left = allowed(path)
    arrays = []
    try:
        with zipfile.ZipFile(path) as archive:
            inside = set(archive.namelist())
            for name in names:
                if f"{name}.npy" not in inside:
                    raise InputError(f"the array {name} is missing", hint, path=path)
            for name in names:
                shape, dtype = _header(archive, name)
                if dtype.kind not in "biuf":
                    of_text = f"Where they are digits as text: {name} = {name}.astype(int)"
                    raise InputError(
                        f"expected numbers in {name}, got {dtype}", of_text if dtype.kind in "US" else hint, path=path
                    )
                left -= math.prod(shape) * dtype.itemsize
                if left < 0:
                    raise InputError(
                        f"expected arrays of at most {allowed(path) / 1e9:.1f} GB, with {name} {shape} they are larger",
                        "Give fewer or smaller pictures",
                        path=path,
                    )
            for name in names:
                with archive.open(f"{name}.npy") as file:
                    arrays.append(np.lib.format.read_array(file, allow_pickle=False))
    except ZIP_ERRORS as error:
        raise InputError(f"expected an .npz file, it cannot be read ({error})", hint, path=path) from error
    return arrays


def axes_hint(name: str, shape: Sequence[int], fits: Callable[[tuple[int, ...]], bool]) -> str:
    """The line that puts an array's axes into the order in which ``fits`` takes its shape; empty where none does."""
    for order in itertools.permutations(range(len(shape))) if 2 <= len(shape) <= 5 else ():
        if fits(tuple(shape[axis] for axis in order)):
            return f"Its axes are in another order: {name} = {name}.transpose{order}"
    return ""


def _header(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type that an array says it has; ValueError where it says nothing that can be understood."""
    with archive.open(f"{name}.npy") as file:
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(np.lib.format.read_magic(file))
        if read is None:
            raise ValueError(f"{name} is of an unknown version of the format")
        try:
            shape, _, dtype = read(file)
        except Exception as error:  # it is parsed as Python's literals: whatever the parser meets
            raise ValueError(f"the header of {name} is damaged") from error
    if min(shape, default=0) < 0:
        raise ValueError(f"{name} is said to have the shape {shape}")
    return shape, dtype
