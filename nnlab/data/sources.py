"""Where known data sets come from: the folder ``NNLAB_DATA``, the caches, or a download with a checksum.

A file in ``NNLAB_DATA`` or a cache is used as it is; ``nnlab data verify`` compares its contents.
"""

from __future__ import annotations

import contextlib
import hashlib
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
    url: str | None  # None: nobody serves this edition, a user puts the file there
    sha256: str | None  # of the file at the URL; None: what is inside is compared instead
    about: str
    licence: str
    contents: str  # sha256 of the arrays or the text inside, however they are packed
    lower: bool = False  # a text whose case does not count
    get: str = ""  # what to do where there is no URL


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
    "nietzsche": DataSet(
        name="nietzsche",
        file="nietzsche.txt",
        url="https://s3.amazonaws.com/text-datasets/nietzsche.txt",
        sha256=None,
        about="600,893 characters of Nietzsche in English",
        licence="public domain",
        contents="9cb94a5f1f8d1359e2e018fa67306eba4ae03942b8c44643eececded39e096df",
        lower=True,
    ),
    "eng-fra": DataSet(
        name="eng-fra",
        file="eng-fra.txt",
        url=None,
        sha256=None,
        about="142,787 English–French sentence pairs",
        licence="CC BY 2.0 FR (Tatoeba, manythings.org/anki)",
        contents="2546838ae46e0eac4c02ab7032ea0a02a006074a5340077a36a9444f41e02888",
        get="Unpack fra-eng.zip of manythings.org/anki, name its pairs",
    ),
    "eng-ell": DataSet(
        name="eng-ell",
        file="eng-ell.txt",
        url=None,
        sha256=None,
        about="17,100 English–Greek sentence pairs",
        licence="CC BY 2.0 FR (Tatoeba, manythings.org/anki)",
        contents="5649aade21ede6ffcb67a1f74c84ab0e8a91e8f5aed66442e38a8c1f5636ee95",
        get="Unpack ell-eng.zip of manythings.org/anki, name its pairs",
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
    if url is None:
        raise DataUnavailable(
            f"{known.file} is not at hand, and this edition cannot be downloaded",
            f"{known.get} {known.file} and set NNLAB_DATA to its folder, or use --data {SAMPLE}",
        )
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
    if known.sha256 is None and text_digest(Path(path), lower=known.lower) != known.contents:
        Path(path).unlink()
        raise DataUnavailable(f"{known.file} from {url}: the text is not what was expected", hint)
    return Path(path)


def text_digest(path: Path, *, lower: bool) -> str:
    """sha256 of a text file; of its lower-cased text where the case does not count."""
    content = path.read_bytes()
    if lower:
        content = content.decode("utf-8", "replace").lower().encode()
    return hashlib.sha256(content).hexdigest()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
