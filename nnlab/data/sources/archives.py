"""What servers pack data sets into, unpacked with nothing run and nothing written but the one file asked for."""

from __future__ import annotations

import io
import pickle
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

MOST_TEXT = 2 << 30  # bytes of a text once it is unpacked
MOST_BATCH = 64 << 20  # bytes of a file of CIFAR-10: they have 31 million
CIFAR_FOLDER = "cifar-10-batches-py"
CIFAR_TRAINING, CIFAR_TEST = tuple(f"data_batch_{number}" for number in range(1, 6)), ("test_batch",)
CIFAR_SHAPE = (3, 32, 32)


class DamagedArchive(ValueError):
    """An archive that cannot be unpacked, or does not hold what it should."""


@contextmanager
def _told_as_damage() -> Iterator[None]:
    """Errors of damaged archives as DamagedArchive; those of the disk stay what they are."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            raise
        raise DamagedArchive(str(error)) from error  # gzip: not a gzip file, a wrong checksum
    except KeyError as error:
        raise DamagedArchive(str(error.args[0]) if error.args else "a part is missing") from error
    except (
        *(EOFError, ValueError, TypeError, AttributeError, ArithmeticError, LookupError, RuntimeError),
        *(zipfile.BadZipFile, zlib.error, tarfile.TarError, pickle.UnpicklingError),
    ) as error:
        raise DamagedArchive(str(error) or type(error).__name__) from error


def unpack_member(archive: Path, name: str, target: Path) -> None:
    """One file of a zip, as it is.

    Raises:
        DamagedArchive: there is none of this name, its checksum is wrong, or it is larger than 2 GiB.
    """
    with _told_as_damage(), zipfile.ZipFile(archive) as file:
        _check_size(file, name)
        with file.open(name) as source, open(target, "wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)


def unpack_parallel_texts(archive: Path, names: tuple[str, str], target: Path) -> None:
    """Two texts of a zip that are translations line by line (Moses's format), as tab-separated pairs.

    Pairs of which a side is empty are left out; tabs within a sentence become spaces.

    Raises:
        DamagedArchive: a text is missing, not UTF-8 or larger than 2 GiB, or they have not as many lines.
    """
    with _told_as_damage(), zipfile.ZipFile(archive) as file:
        for name in names:
            _check_size(file, name)
        with file.open(names[0]) as first, file.open(names[1]) as second, open(target, "wb") as out:
            try:
                for lines in zip(first, second, strict=True):
                    pair = [" ".join(line.decode("utf-8").split()) for line in lines]
                    if all(pair):
                        out.write("\t".join(pair).encode() + b"\n")
            except ValueError as error:
                if isinstance(error, UnicodeDecodeError):
                    raise
                raise DamagedArchive(f"{names[0]} and {names[1]} have not as many lines") from error


def _check_size(file: zipfile.ZipFile, name: str) -> None:
    size = file.getinfo(name).file_size
    if size > MOST_TEXT:
        raise DamagedArchive(f"{name} is {size:,} bytes, at most {MOST_TEXT:,} are unpacked")


def unpack_cifar10(archive: Path, target: Path) -> None:
    """CIFAR-10 as its author packs it (pickles in a ``.tar.gz``), as an ``.npz``.

    Args:
        archive: ``cifar-10-python.tar.gz``.
        target: gets ``x_train``, ``x_test`` uint8 ``(n, 32, 32, 3)`` and ``y_train``, ``y_test`` uint8 ``(n,)``.

    Raises:
        DamagedArchive: a file is missing, holds anything but arrays and plain values, or is of another shape.
    """
    with _told_as_damage(), tarfile.open(archive, "r:gz") as tar:
        members = {member.name: member for member in tar if member.isfile()}
        parts = {}
        for part, names in (("train", CIFAR_TRAINING), ("test", CIFAR_TEST)):
            batches = [_cifar_batch(tar, members[f"{CIFAR_FOLDER}/{name}"]) for name in names]
            parts[f"x_{part}"] = np.concatenate([pictures for pictures, _ in batches])
            parts[f"y_{part}"] = np.concatenate([labels for _, labels in batches])
    with open(target, "wb") as out:
        np.savez(out, allow_pickle=False, **parts)


def _cifar_batch(tar: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Pictures ``(n, 32, 32, 3)`` and labels ``(n,)`` of one file."""
    opened = tar.extractfile(member)
    if opened is None or member.size > MOST_BATCH:
        raise DamagedArchive(f"{member.name} is not a file of CIFAR-10")
    batch = PlainUnpickler(io.BytesIO(opened.read()), encoding="bytes").load()
    rows, labels = batch[b"data"], np.array(batch[b"labels"], np.uint8)
    size = int(np.prod(CIFAR_SHAPE))
    if rows.dtype != np.uint8 or rows.ndim != 2 or rows.shape[1] != size or labels.shape != (len(rows),):
        raise DamagedArchive(f"{member.name} holds {rows.dtype} {rows.shape}, expected uint8 (n, {size}) and labels")
    return rows.reshape(-1, *CIFAR_SHAPE).transpose(0, 2, 3, 1), labels


class PlainUnpickler(pickle.Unpickler):
    """Reads pickles of lists, dicts, numbers, bytes and NumPy arrays, and refuses any other class or function."""

    def find_class(self, module: str, name: str) -> Any:
        """The three that an array needs; pickle calls this for whatever is not a plain value."""
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return _empty_array
        if module == "numpy" and name in ("dtype", "ndarray"):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"{module}.{name} has no place in data")


def _empty_array(*described: object) -> np.ndarray[Any, Any]:
    """The array that pickle fills next, whatever it is said to be."""
    return np.empty(0, np.uint8)
