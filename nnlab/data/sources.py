"""Where known data sets come from: the folder ``NNLAB_DATA``, the caches, or a download with a checksum.

A file in ``NNLAB_DATA`` or a cache is used as it is; ``nnlab data verify`` compares its contents.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from nnlab.errors import DataUnavailable

SAMPLE = "sample"  # every command's built-in data, made on the spot


@dataclass(frozen=True)
class DataSet:
    """A data set nnlab knows by name."""

    name: str
    file: str
    url: str
    sha256: str  # of the file at the URL
    about: str
    licence: str
    contents: str  # sha256 of the arrays or the text inside, however they are packed


KNOWN = {
    "mnist": DataSet(
        name="mnist",
        file="mnist.npz",
        url="https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
        sha256="731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
        about="70,000 handwritten digits, 28 × 28",
        licence="CC BY-SA 3.0 (LeCun, Cortes, Burges)",
        contents="06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16",
    ),
}


def local(name: str) -> Path | None:
    """The file of a known data set where it is at hand: in ``NNLAB_DATA``, then in Keras's cache."""
    known = KNOWN[name]
    folders = [Path(os.environ["NNLAB_DATA"])] if os.environ.get("NNLAB_DATA") else []
    return next((folder / known.file for folder in [*folders, cache()] if (folder / known.file).is_file()), None)


def cache() -> Path:
    """Where downloads are kept: Keras's own cache, so that nothing is fetched twice."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "datasets"


def find(name: str) -> Path:
    """The file of a known data set, downloaded where it is not at hand. DataUnavailable where it cannot be."""
    return local(name) or download(name)


def download(name: str) -> Path:
    """Fetch a known data set into the cache and check it. ``NNLAB_MIRROR`` names another place for the files."""
    known = KNOWN[name]
    mirror = os.environ.get("NNLAB_MIRROR")
    url = f"{mirror.rstrip('/')}/{known.file}" if mirror else known.url
    hint = f"Put {known.file} into a folder and set NNLAB_DATA to it, or use --data {SAMPLE}"
    import keras

    cache().mkdir(parents=True, exist_ok=True)  # else Keras takes another folder
    try:
        with contextlib.redirect_stdout(sys.stderr):  # Keras's progress bar writes to stdout
            path = keras.utils.get_file(known.file, url, file_hash=known.sha256, cache_dir=cache().parent)
    except (OSError, ValueError) as error:  # get_file: a checksum that differs
        raise DataUnavailable(f"{known.file} from {url}: {_first_line(error)}", hint) from error
    except Exception as error:  # get_file raises a bare Exception where the server cannot be reached
        if type(error) is not Exception:
            raise
        raise DataUnavailable(f"cannot download {url}: {_first_line(error)}", hint) from error
    return Path(path)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
