"""IDX, the format of MNIST's first home: two zero bytes, the type, the number of axes, their sizes, the numbers."""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nnlab.data import folders, npz
from nnlab.data.digits.not_digits import found_in_place
from nnlab.errors import InputError

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
PARTS = ("train-images", "train-labels", "test-images", "test-labels")
NAME = re.compile(r"(?P<prefix>.*?)(?P<part>train|t10k|test)[-_.](?P<what>images|labels)\b.*", re.IGNORECASE)
TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP = b"\x1f\x8b"


def is_idx(path: Path) -> bool:
    """Whether a file begins as IDX does, gzipped or not."""
    try:
        with _opened(path) as file:
            head = file.read(4)
    except (OSError, EOFError, zlib.error):
        return False
    return len(head) == 4 and head[:2] == b"\0\0" and head[2] in TYPES and head[3] > 0


def find_four(folder: Path) -> list[Path]:
    """The files of training pictures and labels, test pictures and labels.

    Raises:
        InputError: one is missing, or there are several sets.
    """
    sets: dict[tuple[str, str], dict[str, Path]] = {}
    for path in sorted(folders.list_files(folder, ("",)).files, key=lambda path: (path.suffix == ".gz", str(path))):
        named = NAME.fullmatch(path.name)
        if named:
            part = "train" if named["part"].lower() == "train" else "test"
            for group in (str(path.parent), ""):  # each in its folder, or each file in one of its own
                sets.setdefault((group, named["prefix"]), {}).setdefault(f"{part}-{named['what'].lower()}", path)
    whole = [(place, files) for (place, _), files in sets.items() if len(files) == len(PARTS)]
    together = [files for place, files in whole if place] or [files for _, files in whole]
    if len(together) > 1:
        first = ", ".join(sorted(files[PARTS[0]].name for files in together)[:3])
        raise InputError(
            f"expected the four IDX files of one set in it, found several ({first}, …)",
            "Put the four that you mean into a folder",
            path=folder,
        )
    if not together:
        most = max(sets.values(), key=len, default={})
        found, hint = ("", "") if sets else found_in_place(folder)
        if found:
            raise InputError(f"expected an .npz file or the four IDX files of MNIST, found {found}", hint, path=folder)
        name = next(name for name, part in zip(NAMES, PARTS, strict=True) if part not in most)
        raise InputError(f"expected {name} or {name}.gz in it", "All four IDX files of MNIST are needed", path=folder)
    return [together[0][part] for part in PARTS]


def read_file(path: Path) -> np.ndarray[Any, Any]:
    """The array of one file, gzipped or not by its contents; its sizes are read before its numbers.

    Raises:
        InputError: it cannot be read, is no IDX, or has more or fewer numbers than it says.
    """
    again = "Fetch it again"
    try:
        with _opened(path) as file:
            head = file.read(4)
            dtype, axes = np.dtype(TYPES[head[2]]), head[3]
            if head[:2] != b"\0\0":
                raise ValueError("it does not begin with zeros")
            shape = struct.unpack(f">{axes}I", file.read(4 * axes))
            size = math.prod(shape) * dtype.itemsize
            most = npz.allowed(path)
            if size > most:
                raise InputError(
                    f"expected at most {most / 1e9:.1f} GB, got an array {shape}", "Give fewer pictures", path=path
                )
            content = file.read(size)
            more = len(file.read(1))
    except (IndexError, KeyError, ValueError, struct.error) as error:
        raise InputError("expected an IDX file", again, path=path) from error
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error  # of an OSError, without number and path
        raise InputError(f"expected an IDX file, it cannot be read ({reason})", again, path=path) from error
    if len(content) != size or more:
        found = "more" if more else f"{len(content):,}"
        raise InputError(f"expected {size:,} bytes of data, got {found}", again, path=path)
    return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _opened(path: Path) -> BinaryIO:
    """A file's contents, unpacked where they are gzipped, whatever its name says."""
    with open(path, "rb") as file:
        gzipped = file.read(2) == GZIP
    return gzip.open(path) if gzipped else open(path, "rb")  # type: ignore[return-value]
