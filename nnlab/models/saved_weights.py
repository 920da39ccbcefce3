"""The weights of a saved model, read from a file that may be anybody's."""

from __future__ import annotations

import io
import json
import math
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

from nnlab.errors import InputError, named, unreadable

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
MAX_JSON = 4 << 20  # bytes of each JSON member
FILE_OVERHEAD, ARRAY_OVERHEAD = 1 << 20, 16 << 10  # bytes of HDF5
COPIES = 4  # of the weights: their own, and up to three of an optimizer
DAMAGED = "The model is damaged or of another version: run the experiment again"
UNTRUSTED = "Do not use a run folder you do not trust"


def load_weights(model: Any, path: Path) -> None:
    """Fill ``model`` with the weights of a ``.keras`` file; nothing else of the file is used.

    The network itself is built by nnlab from ``config.json``, so a stranger's file cannot bring code. One that tries
    (a Lambda layer, a class of another package) is refused all the same. Sizes are read before contents: a file that
    would unpack to much more than this network needs, or that refers to other files, is refused as well.

    InputError where the file is missing, damaged, of another network, or one of these.
    """
    if not path.is_file():
        raise InputError("there is no model yet", "Finish the run first: --resume", path=path)
    most = _most_bytes(model)
    try:
        with named(path), zipfile.ZipFile(path) as archive:
            _check_members(archive, most, path)
            config = json.loads(archive.read(CONFIG))
            stranger = _foreign_class(config)
            _check_arrays(archive.read(WEIGHTS), most, path)
    except OSError as error:
        raise unreadable(path, error, DAMAGED) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, RuntimeError) as error:
        raise InputError(f"expected a Keras model, the file is damaged ({error})", DAMAGED, path=path) from error
    if stranger:
        raise InputError(f"the model carries code: {stranger}", UNTRUSTED, path=path)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "Skipping nested container")  # its layers would stay as they are
            warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")  # it starts anew
            model.load_weights(path)
    except (
        UserWarning,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        KeyError,
        ValueError,
        OSError,
        RuntimeError,
    ) as error:
        reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise InputError(f"the model does not fit config.json: {reason}", DAMAGED, path=path) from error


def _most_bytes(model: Any) -> int:
    """The most bytes that a file of this network's weights takes."""
    values: int = sum(math.prod(variable.shape) for variable in model.variables)  # of 4 bytes each
    return COPIES * (4 * values + ARRAY_OVERHEAD * len(model.variables)) + FILE_OVERHEAD


def _check_members(archive: zipfile.ZipFile, most: int, path: Path) -> None:
    """What is in the archive, and how large it is once unpacked; a member cannot be larger than it says."""
    names = [member.filename for member in archive.infolist()]
    allowed = {"metadata.json", CONFIG, WEIGHTS}
    if len(names) != len(set(names)) or not set(names) <= allowed:
        other = next((name for name in names if name not in allowed), "a file twice")
        raise InputError(
            f"expected a Keras model of weights alone, there is {other[:80]!r} in it", UNTRUSTED, path=path
        )
    for member in archive.infolist():
        _check_size(member.file_size, most if member.filename == WEIGHTS else MAX_JSON, path)


def _check_arrays(content: bytes, most: int, path: Path) -> None:
    """The arrays as Keras writes them: numbers, whole, in this very file, and no larger than the network needs."""
    import h5py

    sizes: list[int] = []

    def other_than_numbers(name: str, link: Any) -> str | None:
        item = file[name] if isinstance(link, h5py.HardLink) else None
        if isinstance(item, h5py.Group):
            return None
        if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "biuf":
            return name  # which ends the visit
        if item.chunks is not None or item.external is not None or item.is_virtual:  # Keras compresses nothing
            return name
        sizes.append(item.nbytes)
        return None

    with h5py.File(io.BytesIO(content)) as file:
        other = file.visititems_links(other_than_numbers)
    if other is not None:
        raise InputError(f"expected arrays of numbers in the model, {other[:80]!r} is none", UNTRUSTED, path=path)
    _check_size(sum(sizes), most, path)


def _check_size(size: int, most: int, path: Path) -> None:
    if size > most:
        raise InputError(
            f"the model unpacks to {size / 1e6:,.0f} MB, its network takes {most / 1e6:,.1f} MB at most",
            UNTRUSTED,
            path=path,
        )


def _foreign_class(node: Any) -> str | None:
    """The first class in a Keras config that is neither Keras's nor ours, or that holds Python code."""
    if isinstance(node, dict):
        name = node.get("class_name")
        if isinstance(name, str):
            module = node.get("module") or ""
            known = module == "" or str(module).split(".")[0] in ("keras", "nnlab", "builtins")
            if name in ("Lambda", "__lambda__", "function") or not known:
                return f"{module}.{name}".strip(".")
        children: list[Any] = list(node.values())
    else:
        children = node if isinstance(node, list) else []
    return next((foreign for child in children if (foreign := _foreign_class(child))), None)
