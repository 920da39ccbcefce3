"""Reading files that may be anybody's: nothing in them is executed, and what is read is bounded in size."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import stat
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlab.errors import InputError, named, unreadable

if TYPE_CHECKING:
    import numpy as np

MOST_BYTES = 200_000_000  # of a text file
MOST_JSON = 50_000_000  # bytes of a JSON document, which takes some ten times its size in memory
MOST_WEIGHTS = 2 << 30  # bytes of unpacked weights, where the network is not known yet
DAMAGED = "The file is damaged: run the experiment again"
# What Python, NumPy and zipfile raise of content that is not what it says it is.
UNREADABLE = (ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, NotImplementedError, OSError,
              RecursionError, RuntimeError, TypeError, ValueError, zipfile.BadZipFile, zlib.error)  # fmt: skip


def read_text(path: Path, *, most: int = MOST_BYTES) -> str:
    """The text of a file, with bytes that are not UTF-8 kept as Python keeps those of file names.

    InputError where it cannot be read, is no file (a pipe would be waited for), or has more than ``most`` bytes.
    """
    return read_bytes(path, most=most).decode("utf-8", "surrogateescape")


def read_bytes(path: Path, *, most: int) -> bytes:
    """The content of a file. InputError as for :func:`read_text`; OSError where the disk or the machine fails."""
    try:
        with named(path), open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InputError("expected a file, it is none", DAMAGED, path=path)
            content = file.read(most + 1)
    except OSError as error:
        raise unreadable(path, error, DAMAGED) from error
    if len(content) > most:
        raise InputError(
            f"expected at most {most:,} bytes, it has more", "Do not use a run folder you do not trust", path=path
        )
    return content


def read_json(path: Path, *, hint: str = DAMAGED) -> dict[str, Any]:
    """A JSON document; InputError names the line where it is not one, and has this ``hint``."""
    try:
        document = json.loads(read_text(path, most=MOST_JSON))
    except json.JSONDecodeError as error:
        raise InputError(f"expected JSON: {error.msg}", hint, path=path, line=error.lineno) from error
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, lists in lists in lists
        raise InputError("expected JSON as nnlab writes it", hint, path=path) from error
    if not isinstance(document, dict):
        raise InputError("expected a JSON object", hint, path=path)
    return document


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file with a header. InputError where it is none."""
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(path), newline="")))
    except csv.Error as error:
        raise InputError(f"expected a table: {error}", DAMAGED, path=path) from error
    return [{name: text for name, text in row.items() if name and isinstance(text, str)} for row in rows]


def read_arrays(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of an ``.npz`` file that is not compressed: none takes more memory than the file has bytes.

    Never unpickles. Raises one of :data:`UNREADABLE` where it is damaged.
    """
    import numpy as np

    if not path.is_file() or not zipfile.is_zipfile(path):
        raise ValueError("it is no archive of arrays")
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.zip.infolist()):
            raise ValueError("it is compressed, as nnlab writes none")
        return {name: archive[name] for name in archive.files}


def read_weights(path: Path, *, most: int | None = None) -> dict[str, bytes]:
    """Every array of a ``model.keras``, by its place in the file.

    InputError where it cannot be read, or holds more than ``most`` bytes: it may be anybody's.
    """
    import h5py

    arrays: dict[str, bytes] = {}

    def keep(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            if most is not None and node.nbytes > most:
                raise ValueError(f"expected at most {most:,} bytes, {name} has {node.nbytes:,}")
            arrays[name] = node[()].tobytes()

    try:
        with named(path), zipfile.ZipFile(path) as archive:
            size = archive.getinfo("model.weights.h5").file_size
            if most is not None and size > most:
                raise ValueError(f"expected at most {most:,} bytes, got {size:,}")
            content = archive.read("model.weights.h5")
        with h5py.File(io.BytesIO(content)) as file:
            file.visititems(keep)
    except OSError as error:
        raise unreadable(path, error, DAMAGED) from error
    except UNREADABLE as error:
        raise InputError(f"cannot be read: {error}", DAMAGED, path=path) from error
    return arrays


def digest_of_weights(path: Path) -> str:
    """SHA-256 of the weights of a ``model.keras``: another where a bit of one is.

    InputError where it cannot be read, or would unpack to more than :data:`MOST_WEIGHTS` bytes.
    """
    digest = hashlib.sha256()
    for name, content in sorted(read_weights(path, most=MOST_WEIGHTS).items()):
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()
