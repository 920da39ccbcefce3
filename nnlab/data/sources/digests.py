"""SHA-256 of what is inside files, however it is packed: by this a data set, an edition or a decoded copy is known."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from nnlab.errors import InputError

CHUNK = 1 << 20  # bytes


def of_file(path: Path) -> str:
    """The digest of a file as it is."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_lowered_text(path: Path) -> str:
    """The digest of a text whose case does not count."""
    return hashlib.sha256(path.read_bytes().decode("utf-8", "replace").lower().encode()).hexdigest()


def of_arrays(path: Path, names: Sequence[str]) -> str:
    """The digest of arrays of an ``.npz``, one after the other, compressed or not.

    Args:
        path: the ``.npz``.
        names: which arrays, in this order.

    Raises:
        InputError: it cannot be read, or an array is missing.
    """
    import numpy as np

    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            for name in names:
                digest.update(np.ascontiguousarray(archive[name]).data)
    except (ValueError, OSError, EOFError, KeyError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        hint = "Delete it and fetch it again"
        raise InputError(
            f"expected an .npz with {', '.join(names)}, it cannot be read ({error})", hint, path=path
        ) from error
    return digest.hexdigest()


def of_folder(folder: Path, pattern: str) -> str:
    """The digest of the files of a folder whose names match a pattern (``*.wav``), in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob(pattern)):
        with open(path, "rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def content_key(settings: object, files: Iterable[tuple[str, Path]]) -> str:
    """A name for what was made of files: another one wherever a setting, a name or a byte of a file is another.

    Args:
        settings: what else decides what is made of them (sizes, rates), as something whose ``repr`` tells.
        files: (name, path) of each, in the order in which they are read; one that cannot be read counts as such.

    Returns:
        32 hexadecimal digits.
    """
    key = hashlib.sha256(repr(settings).encode("utf-8", "surrogateescape"))
    for name, path in files:
        try:
            contents = of_file(path)
        except OSError:
            contents = "unreadable"
        key.update(f"\n{name!r} {contents}".encode())
    return key.hexdigest()[:32]
