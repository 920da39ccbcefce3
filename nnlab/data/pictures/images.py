"""Pictures: CIFAR-10, the user's own in a folder, a zip or an ``.npz``, or a sample drawn on the spot.

All become uint8 arrays ``(n, side, side, 3)`` and stay that until a batch is made. What was decoded is kept in
the cache. A file is wholly in the training or wholly in the test part: by its folder where there are folders
``train`` and ``test``, else by its contents, so that two copies of a picture are never on both sides.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import math
import os
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nnlab.config import Inherited
from nnlab.data import decoded, folders, npz
from nnlab.data.decoded import Part
from nnlab.data.folders import PICTURES
from nnlab.data.pictures import picture_files
from nnlab.data.pictures.levels import Levels, to_uint8
from nnlab.data.pictures.picture_files import TOO_LARGE, DecodedFiles, Read, decode
from nnlab.data.pictures.pixels import Bytes
from nnlab.data.random import Stream, rng
from nnlab.data.seen import keys_of_rows, unseen
from nnlab.data.sources import datasets
from nnlab.errors import InputError, UsageError

Array: TypeAlias = np.ndarray[Any, Any]
SIDE = 32  # pixels of CIFAR-10, and what a user's own pictures are made
LEAST, LEAST_TEST = 10, 2  # pictures to train and to test with; of an .npz, LEAST in each
ZIP_RATIO = 20  # pictures hardly get smaller in a zip
HINT = "Give a folder or a zip of PNG or JPEG files, or an .npz with x_train and x_test"


@dataclass(frozen=True)
class Pictures:
    """Training and test pictures ``(n, side, side, 3)``, where they came from, and what is to be told of them.

    ``validation``: those that :func:`with_validation` took from the training pictures, if it did.
    ``skipped`` names each file that could not be read, and why; ``levels`` are black and white of those of more
    than 8 bits, where there are any.
    """

    train: Bytes
    test: Bytes
    source: str
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    levels: Levels | None = None
    validation: Bytes | None = None

    @property
    def watched(self) -> Part:
        """What is measured after each epoch: ``validation`` where there is one, else ``test``."""
        return "test" if self.validation is None else "validation"

    def part(self, name: Part) -> Bytes:
        """The pictures of a part that is not trained on."""
        return self.validation if name == "validation" and self.validation is not None else self.test

    @property
    def digest(self) -> str:
        """SHA-256 of the pictures as they were read, before any were taken for validation."""
        return decoded.digest(self.train, self.test)

    def record(self) -> dict[str, Any]:
        """What a run keeps of its data: name, number of pictures, digest."""
        return {"name": self.source, "items": len(self.train) + len(self.test), "digest": self.digest}


def with_validation(pictures: Pictures, share: float, data_seed: int) -> Pictures:
    """The pictures with a share of the training pictures as validation; copies of one are never on both sides.

    InputError where all training pictures are copies of one.
    """
    if share == 0:
        return pictures
    contents = [hashlib.sha256(picture.tobytes()).digest() for picture in pictures.train]
    taken = decoded.validation_part(contents, share, data_seed)
    return replace(pictures, train=pictures.train[~taken], validation=pictures.train[taken])


def without_seen(pictures: Pictures, inherited: Inherited | None) -> tuple[Pictures, int]:
    """(pictures, how many left): test and validation pictures that an ancestor was trained on leave, and are told."""
    parts = {"test": lambda: keys_of_rows(pictures.test)}
    if (validation := pictures.validation) is not None:
        parts["validation"] = lambda: keys_of_rows(validation)
    found = unseen(parts, inherited, "pictures")
    if found is None:
        return pictures, 0
    kept: dict[str, Any] = {"test": pictures.test[found.masks["test"]]}
    if validation is not None:
        kept["validation"] = validation[found.masks["validation"]]
    return replace(pictures, **kept, notes=(*pictures.notes, *found.notes)), found.left_out


def load(data: str | None) -> Pictures:
    """Pictures by name or path.

    Args:
        data: ``None`` or ``cifar10``; ``sample``; or a path: a folder or zip of picture files, or an ``.npz``.

    Raises:
        UsageError: there is nothing of this name.
        InputError: it cannot be read, or holds fewer than 10 pictures to train or 2 to test with.
        DataUnavailable: CIFAR-10 is not at hand and cannot be downloaded.
    """
    if data == datasets.SAMPLE:
        return draw_sample()
    if data in (None, "cifar10"):
        return replace(read_path(datasets.find("cifar10")), source="cifar10")
    path = Path(str(data))
    if not path.exists():
        raise UsageError(
            f"expected --data to be cifar10, sample, or a folder, zip or .npz of pictures, there is nothing at {data}",
            "Leave it out for CIFAR-10",
        )
    return read_path(path)


def read_path(path: Path) -> Pictures:
    """A folder, a zip or an ``.npz``, known by its contents; InputError names what is wrong with it."""
    if path.is_dir():
        return read_folder(path)
    if not path.is_file():
        raise InputError("expected a file or a folder, it is neither", HINT, path=path)
    try:
        arrays, zipped = npz.is_npz(path), npz.is_zip(path)
    except OSError as error:
        raise InputError(f"it cannot be opened ({error.strerror})", HINT, path=path) from error
    if arrays:
        return read_npz(path)
    if not zipped:
        raise InputError("expected a zip or an .npz of pictures, it is neither", HINT, path=path)
    return read_zip(path)


def read_npz(path: Path) -> Pictures:
    """``x_train`` and ``x_test`` ``(n, side, side[, 1 or 3])``, of one side for both; numbers of any range."""
    names = ("x_train", "x_test")
    arrays = npz.read_arrays(path, names, HINT)
    for number, (name, x) in enumerate(zip(names, arrays, strict=True)):
        if not _are_pictures(x.shape):
            raise InputError(
                f"expected {name} of shape (n, side, side, 3), the side a multiple of 8, got {x.shape}",
                _shape_hint(name, x.shape),
                path=path,
            )
        x = x[..., None] if x.ndim == 3 else x
        if len(x) < LEAST:
            raise InputError(f"expected at least {LEAST} pictures in {name}, got {len(x)}", "Add some", path=path)
        arrays[number] = x
    if arrays[0].shape[1:3] != arrays[1].shape[1:3]:
        raise InputError(
            f"expected x_train and x_test of one size, got {arrays[0].shape} and {arrays[1].shape}",
            "Resize the pictures",
            path=path,
        )
    scaled, notes = to_uint8(dict(zip(names, arrays, strict=True)), path)
    train, test = (np.repeat(x, 3, axis=3) if x.shape[3] == 1 else x for x in scaled)
    kept, copies = without_copies(train, test)
    return Pictures(train[kept], test, str(path), notes=tuple(f"{path}: {note}" for note in (*notes, *copies)))


def _are_pictures(shape: tuple[int, ...]) -> bool:
    """Whether an array is ``(n, side, side[, 1 or 3])``."""
    square = len(shape) in (3, 4) and shape[1] == shape[2] and shape[1] > 0 and shape[1] % 8 == 0
    return square and (len(shape) == 3 or shape[3] in (1, 3))


def _shape_hint(name: str, shape: tuple[int, ...]) -> str:
    """What makes an array of another shape one of pictures."""
    if hint := npz.axes_hint(name, shape, lambda turned: turned[0] >= LEAST and _are_pictures(turned)):
        return hint
    if len(shape) == 2:
        for channels in (3, 1):
            side = math.isqrt(shape[1] // channels)
            if _are_pictures((shape[0], side, side, channels)) and channels * side**2 == shape[1]:
                last = f"{name} = {name}.reshape(-1, {side}, {side}, {channels})"
                first = f"; where it holds one channel after the other, {name}.reshape(-1, 3, {side}, {side})"
                return f"Unfold it: {last}" + (f"{first}.transpose(0, 2, 3, 1)" if channels == 3 else "")
    if shape[-1:] == (4,) and _are_pictures((*shape[:-1], 3)):
        return f"Leave transparency out: {name} = {name}[..., :3]"
    return "Resize the pictures"


def without_copies(train: Bytes, test: Bytes) -> tuple[decoded.Mask, list[str]]:
    """Which training pictures are not among the test pictures, to the pixel, and what is to be told.

    Where fewer than 10 would be left, all stay.
    """
    tested = {hashlib.sha256(picture.tobytes()).digest() for picture in test}
    kept = np.array([hashlib.sha256(picture.tobytes()).digest() not in tested for picture in train], bool)
    copies = len(train) - int(kept.sum())
    if copies == 0:
        return kept, []
    note = f"{copies:,} of {len(train):,} pictures in x_train are copies of those in x_test"
    if kept.sum() < LEAST:
        return np.ones(len(train), bool), [f"{note}: {decoded.MEANINGLESS}"]
    return kept, [f"{note}: not trained on"]


# ---- files -------------------------------------------------------------------------------------------


def read_folder(path: Path) -> Pictures:
    """All picture files of a folder."""
    listing = folders.list_files(path, PICTURES)
    names = [file.relative_to(path).as_posix() for file in listing.files]

    def read(name: str) -> bytes:
        if os.path.getsize(path / name) > picture_files.MOST_FILE:
            raise ValueError(TOO_LARGE)
        return (path / name).read_bytes()

    kept, left_out = folders.without_written(names, listing.left_out)
    key = [(name, path / name) for name in kept]
    return _decoded(path, kept, replace(listing, left_out=left_out).note, key, read)


def read_zip(path: Path) -> Pictures:
    """All picture files of a zip; nothing is unpacked to the disk."""
    with contextlib.ExitStack() as stack:
        try:
            archive = stack.enter_context(zipfile.ZipFile(path))
        except npz.ZIP_ERRORS as error:
            raise InputError(f"expected a zip of pictures, it cannot be read ({error})", HINT, path=path) from error
        entries = {entry.filename.replace("\\", "/"): entry for entry in archive.infolist() if not entry.is_dir()}
        names, left_out = _of_zip(sorted(entries))
        total, most = sum(entries[name].file_size for name in names), npz.allowed(path, ZIP_RATIO)
        if total > most:
            raise InputError(
                f"expected a zip that unpacks to at most {most / 1e9:.1f} GB, its pictures take {total / 1e9:.1f}",
                "Give a folder",
                path=path,
            )

        def read(name: str) -> bytes:
            if entries[name].file_size > picture_files.MOST_FILE:
                raise ValueError(TOO_LARGE)
            return archive.read(entries[name])

        return _decoded(path, names, folders.Listing((), left_out).note, [("", path)], read)


def _of_zip(names: Sequence[str]) -> tuple[list[str], dict[str, int]]:
    """The pictures among the names of a zip, by the rules of a folder, and how many of which kinds are left out."""
    left_out: Counter[str] = Counter()
    inside = set(names)
    runs = {name.removesuffix(folders.RECORD) for name in names if name.split("/")[-1] == folders.RECORD}
    runs = {run for run in runs if any(run + other in inside for other in folders.RECORDS)}
    is_clutter = functools.cache(folders.is_clutter)
    pictures = []
    for name in names:
        ending = os.path.splitext(name)[1].lower()
        if any(is_clutter(part) for part in name.split("/")):
            left_out["hidden files"] += 1
        elif runs and name.startswith(tuple(runs)):
            left_out["files of nnlab's runs"] += 1
        elif ending not in PICTURES:
            left_out[ending or "without an ending"] += 1
        else:
            pictures.append(name)
    return folders.without_written(pictures, dict(left_out))


# ---- decoding ----------------------------------------------------------------------------------------


def _decoded(path: Path, names: Sequence[str], note: str, key: Sequence[tuple[str, Path]], read: Read) -> Pictures:
    """Decode the files, or take what an earlier run decoded of the same contents."""
    if not names:
        raise InputError(
            f"expected pictures ({', '.join(PICTURES[:3])}, …), found none{f' ({note})' if note else ''}",
            HINT,
            path=path,
        )
    settings = ("pictures", 5, SIDE, decoded.versions("pillow", "numpy"))
    arrays, record = decoded.cached(
        "pictures", datasets.content_key(settings, key), lambda: _split(path, decode(names, read, SIDE))
    )
    return Pictures(
        arrays["train"],
        arrays["test"],
        str(path),
        tuple(record["skipped"]),
        tuple(f"{path}: {text}" for text in (note, *record["notes"]) if text),
        Levels.from_record(record["levels"]),
    )


def _split(path: Path, files: DecodedFiles) -> tuple[dict[str, Array], dict[str, Any]]:
    """``train`` and ``test`` of decoded files, and what :class:`Pictures` says of them."""
    good, count = len(files.names), len(files.names) + len(files.skipped)
    if good < LEAST + LEAST_TEST:
        named = f"; the first that cannot be read: {files.skipped[0]}" if files.skipped else ""
        raise InputError(
            f"expected at least {LEAST + LEAST_TEST} pictures, {good} of {count} can be read{named}", HINT, path=path
        )
    contents = [hashlib.sha256(picture.tobytes()).digest() for picture in files.pictures]
    train, test, notes = decoded.split(files.names, contents, LEAST)
    for side, least, part in (("test", LEAST_TEST, test), ("train", LEAST, train)):
        if part.sum() < least:
            why = "".join(f"; {note}" for note in (*decoded.copies_told(contents), *notes))
            raise InputError(
                f"expected at least {least} pictures to {side} with, got {part.sum()}{why}", HINT, path=path
            )
    if files.skipped:
        notes.insert(0, f"{len(files.skipped):,} of {count:,} files cannot be read, the first: {files.skipped[0]}")
    record = {
        "skipped": files.skipped,
        "notes": [*notes, *files.notes],
        "levels": files.levels and files.levels.record(),
    }
    return {"train": files.pictures[train], "test": files.pictures[test]}, record


# ---- the sample: scenes the project draws itself -----------------------------------------------------


def draw_sample(train: int = 1600, test: int = 400, seed: int = 0) -> Pictures:
    """Small scenes: sky over ground, a house, a sun or a tree, hills, in changing light. The same seed, the same."""
    from PIL import Image, ImageDraw

    draws = rng(seed, Stream.SAMPLE_PICTURES)
    scale = 3  # drawn larger, then made small: soft edges as in a photograph
    wide = SIDE * scale
    scenes = np.empty((train + test, SIDE, SIDE, 3), np.uint8)
    for number in range(len(scenes)):

        def colour(low: Sequence[int], high: Sequence[int]) -> tuple[int, int, int]:
            red, green, blue = (int(draws.integers(a, b + 1)) for a, b in zip(low, high, strict=True))
            return red, green, blue

        top, bottom = (np.array(colour((40, 90, 150), (200, 210, 255))) for _ in range(2))
        fade = np.linspace(0, 1, wide)[:, None, None]
        sky = np.broadcast_to(top * (1 - fade) + bottom * fade, (wide, wide, 3))
        picture = Image.fromarray(sky.astype(np.uint8))
        draw = ImageDraw.Draw(picture)
        horizon = int(draws.integers(wide // 3, 4 * wide // 5))
        x, y, r = (int(draws.integers(low, high)) for low, high in ((0, wide), (0, horizon), (5, 16)))
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour((220, 190, 80), (255, 250, 200)))
        for _ in range(int(draws.integers(0, 3))):  # hills
            x, r = int(draws.integers(0, wide)), int(draws.integers(15, 50))
            draw.ellipse((x - 2 * r, horizon - r, x + 2 * r, horizon + r), fill=colour((30, 60, 30), (120, 140, 110)))
        draw.rectangle((0, horizon, wide, wide), fill=colour((50, 60, 20), (190, 170, 120)))
        for _ in range(int(draws.integers(1, 4))):  # houses and trees, standing on the ground
            x, w = int(draws.integers(0, wide)), int(draws.integers(8, 24))
            foot, h = horizon + int(draws.integers(0, 14)), int(draws.integers(10, 34))
            if draws.random() < 0.5:
                draw.rectangle((x, foot - h, x + w, foot), fill=colour((110, 50, 40), (240, 220, 210)))
                roof = [(x - 3, foot - h), (x + w // 2, foot - h - w // 2), (x + w + 3, foot - h)]
                draw.polygon(roof, fill=colour((60, 20, 20), (150, 70, 60)))
            else:
                draw.rectangle((x + w // 2 - 1, foot - h // 2, x + w // 2 + 1, foot), fill=(80, 55, 30))
                draw.ellipse((x, foot - h, x + w, foot - h // 3), fill=colour((20, 70, 20), (90, 150, 70)))
        small = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX), np.float64)
        light, grain = draws.uniform(0.55, 1.1), draws.normal(0, 3, (SIDE, SIDE, 3))
        scenes[number] = np.clip(small * light + grain, 0, 255)
    return Pictures(scenes[:train], scenes[train:], datasets.SAMPLE)
