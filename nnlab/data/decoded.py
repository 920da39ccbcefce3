"""What files become: its digest, its copy in the cache, and what of it is held out."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Literal, TypeAlias

import numpy as np

from nnlab import cache
from nnlab.data.random import Stream, rng
from nnlab.data.sources import datasets
from nnlab.errors import InputError

Array: TypeAlias = np.ndarray[Any, Any]
Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
Part = Literal["validation", "test"]  # what a network is measured on
HELD_OUT = 5  # one file in so many is held out where no folder says which
NAMES = {  # of folders: test, Training, val-images, testset
    side: re.compile(rf"({names})([ _-]?(set|data|files|images?|pictures|photos|sounds|audio|wavs?))?", re.IGNORECASE)
    for side, names in {
        "train": "train|training",
        "test": "test|tests|testing",
        "validation": "val|valid|validation|dev|eval|evaluation",
    }.items()
}
RECORD = "_record"
MEANINGLESS = "they stay, and what is measured on them says nothing of new ones"


def digest(*arrays: Array) -> str:
    """SHA-256 of arrays, of their shapes and types as well: of what was read, however the files were packed."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype.str}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def versions(*distributions: str) -> tuple[str, ...]:
    """The versions of libraries: another one may decode or draw other bits."""
    return tuple(importlib.metadata.version(name) for name in distributions)


def cached(kind: str, key: str, make: Callable[[], tuple[Mapping[str, Array], Any]]) -> tuple[Mapping[str, Array], Any]:
    """What ``make`` gives, or what an earlier run kept of it.

    Args:
        kind: what it is (``pictures``), for the name of the file.
        key: another one wherever anything that decides the result is another (:func:`datasets.content_key`).
        make: gives arrays by name, and a value that JSON can hold.
    """
    path = cache.folder() / "decoded" / f"{kind}-{key}.npz"
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        return arrays, json.loads(arrays.pop(RECORD).tobytes())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        pass  # not made yet, or damaged: make it now
    made, record = make()
    written = np.frombuffer(json.dumps(record).encode(), np.uint8)
    datasets.keep(path, {**made, RECORD: written})
    return made, record


def split(names: Sequence[str], contents: Sequence[bytes], least: int) -> tuple[Mask, Mask, list[str]]:
    """Which files are trained on and which are held out; copies of one are never on both sides.

    By folders where one is named for a test (``NAMES``): what is in it is held out, or what is in one for validation
    where there is none for a test. Trained on is what is in a folder for training; without one, what lies in none of
    these, where both are enough. Copies of held-out files are not trained on, unless hardly anything else is there.
    Else by contents: one file in five, and its copies with it.

    Args:
        names: paths inside the data, with slashes.
        contents: of each what tells it from others, a digest of what it was decoded to.
        least: how many there must be to train with.

    Returns:
        (training, held out) as masks ``(files,)``, and what is to be told.
    """
    sides = [_side(name) for name in names]
    digests = np.array(list(contents), dtype=object)
    parts = set(sides)
    held_out = next((side for side in ("test", "validation") if side in parts), "")
    trained_on = "train" if "train" in parts else ""
    few = not trained_on and (sides.count("") < least or sides.count(held_out) < max(2, len(names) / 100))
    if not held_out or trained_on not in parts or few:
        order = {content: place for place, content in enumerate(sorted(set(contents)))}
        test = np.array([order[content] % HELD_OUT == 0 for content in contents], bool)
        notes: list[str] = []
        if few and "" in parts and held_out:
            notes = [f"split by their contents, as too few lie in a folder for {held_out}, or outside"]
        elif parts == {"train", ""}:
            notes = ["split by their contents: there is a folder for train, and none for test"]
        return ~test, test, notes
    train, test = (np.array([side == wanted for side in sides], bool) for wanted in (trained_on, held_out))
    notes = []
    if not trained_on or held_out == "validation":
        notes.append(f"held out is what lies in a folder for {held_out} ({test.sum():,} of {len(names):,} files)")
    tested = set(digests[test])
    copies = train & np.array([content in tested for content in contents], bool)
    if copies.any():
        enough = (train & ~copies).sum() >= least
        what = "not trained on" if enough else MEANINGLESS
        where = " in train" if trained_on else ""
        notes.append(f"{copies.sum():,} of {train.sum():,} files{where} are copies of held-out ones: {what}")
        copies &= bool(enough)
    for side, told in (("validation", "in a folder for validation"), ("", "neither in train nor in test")):
        if side in parts - {held_out, trained_on}:
            notes.append(f"not used: what is {told} ({sides.count(side):,} of {len(names):,} files)")
    return train & ~copies, test, notes


def validation_part(contents: Sequence[bytes], share: float, data_seed: int) -> Mask:
    """Which items of the training part are taken for validation; copies of one are never on both sides.

    Args:
        contents: of each training item what tells it from others, a digest.
        share: of the different items, above 0 and below 1; at least one is taken and at least one left.
        data_seed: draws them, whatever their order.

    Returns:
        A mask ``(items,)``.

    Raises:
        InputError: all items are copies of one.
    """
    different = sorted(set(contents))
    if len(different) < 2:
        raise InputError(
            f"expected different items to train with and to validate on, all {len(contents):,} are copies of one",
            "Add others, or use --preset published, which chooses nothing",
        )
    count = min(max(1, round(share * len(different))), len(different) - 1)
    drawn = rng(data_seed, Stream.VALIDATION).permutation(len(different))[:count]
    chosen = {different[place] for place in drawn}
    return np.array([content in chosen for content in contents], bool)


def copies_told(contents: Sequence[bytes]) -> list[str]:
    """What is to be told of items of which some are copies of others: copies stay on one side."""
    different = len(set(contents))
    if different == len(contents):
        return []
    return [f"all {len(contents):,} are copies of one" if different == 1 else
            f"only {different:,} of {len(contents):,} are different"]  # fmt: skip


def _side(name: str) -> str:
    """``train``, ``test`` or ``validation``, as the folders of a file say; empty where they say nothing, or two."""
    folders = PurePosixPath(name).parts[:-1]
    said = [side for side, names in NAMES.items() if any(map(names.fullmatch, folders))]
    return said[0] if len(said) == 1 else ""
