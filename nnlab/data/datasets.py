"""Where known data sets come from: the folder ``NNLAB_DATA``, the caches, or a download with a checksum.

A file in ``NNLAB_DATA`` or a cache is used as it is; ``nnlab data verify`` compares its contents.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlab.errors import DataUnavailable

if TYPE_CHECKING:
    import numpy as np

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
    also: tuple[str, ...] = ()  # other names under which it may be at hand
    folder: bool = False  # a folder of files: no mirror has it
    sample: str = "sample"  # what takes its place with no network


CIFAR_JPEG = "cifar10-jpeg.zip"  # republished as JPEG: other pixels, a little
UNRECORDED = ("cifar10.npz",)  # packed here from the archive whose checksum Keras knows

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
    "cifar10": DataSet(
        name="cifar10",
        file="cifar10.npz",
        url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        sha256=None,  # keras.datasets checks the archive it unpacks
        about="60,000 colour pictures of ten classes, 32 × 32",
        licence="free to use, cite Krizhevsky 2009",
        contents="9e7a2561d2a57834b83fe354371daf00dffe2dd674b57110fd4f9239bf1ca043",  # of the JPEG edition
        also=(CIFAR_JPEG,),
    ),
    "birds": DataSet(
        name="birds",
        file="birds",
        url=None,
        sha256=None,
        about="97 field recordings of birds, 16 minutes",
        licence="BSD-3-Clause (scikit-maad)",
        contents="ca2846318abe75a11c89157478dd4ca56f9ff05c681c21bb2cf8509c5b96a39c",
        get="Put WAV files into a folder named",
        folder=True,
        sample="chirps",
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
    places = [folder / name for folder in [*folders, cache()] for name in (known.file, *known.also)]
    return next((place for place in places if place.exists()), None)


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
    url = f"{mirror.rstrip('/')}/{known.file}" if mirror and not known.folder else known.url
    hint = f"Put {known.file} into a folder and set NNLAB_DATA to it, or use --data {known.sample}"
    if url is None:
        raise DataUnavailable(
            f"{known.file} is not at hand, and this edition cannot be downloaded",
            f"{known.get} {known.file} and set NNLAB_DATA to its folder, or use --data {known.sample}",
        )
    import keras

    cache().mkdir(parents=True, exist_ok=True)  # else Keras takes another folder
    try:
        if name == "cifar10" and not mirror:
            return _cifar10_of_keras()
        with contextlib.redirect_stdout(sys.stderr):  # Keras's progress bar writes to stdout
            path = keras.utils.get_file(known.file, url, file_hash=known.sha256, cache_dir=cache().parent)
    except (OSError, ValueError) as error:  # get_file: a checksum that differs
        raise DataUnavailable(f"{known.file} from {url}: {_first_line(error)}", hint) from error
    except Exception as error:  # get_file raises a bare Exception where the server cannot be reached
        if type(error) is not Exception:
            raise
        raise DataUnavailable(f"cannot download {url}: {_first_line(error)}", hint) from error
    if name == "cifar10":
        return Path(path)
    if known.sha256 is None and text_digest(Path(path), lower=known.lower) != known.contents:
        Path(path).unlink()
        raise DataUnavailable(f"{known.file} from {url}: the text is not what was expected", hint)
    return Path(path)


def _cifar10_of_keras() -> Path:
    """CIFAR-10 as Keras downloads it (or has it already), as one ``.npz`` in the cache."""
    import keras
    import numpy as np

    with contextlib.redirect_stdout(sys.stderr):
        (x_train, y_train), (x_test, y_test) = keras.datasets.cifar10.load_data()
    path = cache() / KNOWN["cifar10"].file
    labels = {"y_train": y_train.astype(np.uint8), "y_test": y_test.astype(np.uint8)}
    if not keep(path, {"x_train": x_train, "x_test": x_test, **labels}):
        raise DataUnavailable(f"cannot write {path}", "Free some space, or set KERAS_HOME to another folder")
    return path


def keep(path: Path, arrays: Mapping[str, np.ndarray[Any, Any]]) -> bool:
    """Keep arrays in the cache, whole or not at all; False where the disk does not let us."""
    import numpy as np

    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            np.savez(file, allow_pickle=False, **dict(arrays))
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        return False
    return True


def text_digest(path: Path, *, lower: bool) -> str:
    """sha256 of a text file; of its lower-cased text where the case does not count."""
    content = path.read_bytes()
    if lower:
        content = content.decode("utf-8", "replace").lower().encode()
    return hashlib.sha256(content).hexdigest()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
