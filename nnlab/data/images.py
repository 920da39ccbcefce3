"""Pictures: CIFAR-10, the user's own in a folder, a zip or an ``.npz``, or a sample drawn on the spot.

All become uint8 arrays ``(n, side, side, 3)`` and stay that until a batch is made. What was decoded is kept in
the cache. A file is wholly in the training or wholly in the test part: by its folder where there are folders
``train`` and ``test``, else by its contents, so that two copies of a picture are never on both sides.
"""

from __future__ import annotations

import hashlib
import io
import os
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

import numpy as np

from nnlab.data import datasets, decoded
from nnlab.data.random import Stream, rng
from nnlab.errors import InputError, UsageError

Array: TypeAlias = np.ndarray[Any, Any]
Bytes: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
SIDE = 32  # pixels of CIFAR-10, and what a user's own pictures are made
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
HELD_OUT = 5  # one file in so many is held out where no folder says so
LEAST = 10
SMALL = 20_000  # bytes: such files are decoded sooner than threads can take turns
MOST_PIXELS = 100_000_000
HINT = "Give a folder or a zip of PNG or JPEG files, or an .npz with x_train and x_test"


@dataclass(frozen=True)
class Pictures:
    """Training and test pictures ``(n, side, side, 3)``, where they came from, and what could not be read."""

    train: Bytes
    test: Bytes
    source: str
    skipped: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the pictures as they were read."""
        return decoded.digest(self.train, self.test)


def load(data: str | None) -> Pictures:
    """``None`` or ``cifar10``; ``sample``; or a path: a folder or zip of picture files, or an ``.npz``."""
    if data == datasets.SAMPLE:
        return draw_sample()
    if data in (None, "cifar10"):
        found = read_path(datasets.find("cifar10"))
        return Pictures(found.train, found.test, "cifar10", found.skipped)
    path = Path(str(data))
    if not path.exists():
        raise UsageError(
            f"expected --data to be cifar10, sample, or a folder, zip or .npz of pictures, there is nothing at {data}",
            "Leave it out for CIFAR-10",
        )
    return read_path(path)


def read_path(path: Path) -> Pictures:
    """A folder, a zip or an ``.npz``; InputError names what is wrong with it."""
    if path.suffix == ".npz":
        return read_npz(path)
    if path.is_dir():
        names = sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if _is_picture(p.name) and p.is_file())
        key = datasets.content_key(SIDE, [(name, path / name) for name in names])
        return _decoded(path, names, key, lambda name: (path / name).read_bytes())
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(f"expected a zip of pictures, it cannot be read ({error})", HINT, path=path) from error
    with archive:
        entries = sorted((e for e in archive.infolist() if _is_picture(e.filename)), key=lambda e: e.filename)
        key = datasets.content_key(SIDE, [("", path)])
        return _decoded(path, [entry.filename for entry in entries], key, archive.read)


def _is_picture(name: str) -> bool:
    pure = PurePosixPath(name)
    return pure.suffix.lower() in ENDINGS and not any(part.startswith((".", "__MACOSX")) for part in pure.parts)


def read_npz(path: Path) -> Pictures:
    """``x_train`` and ``x_test``: uint8 ``(n, side, side[, 1 or 3])``, of one side for both."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            missing = [key for key in ("x_train", "x_test") if key not in archive.files]
            if missing:
                raise InputError(f"the array {missing[0]} is missing", HINT, path=path)
            parts = [archive["x_train"], archive["x_test"]]
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error, AttributeError) as error:
        raise InputError(f"expected an .npz file, it cannot be read ({error})", HINT, path=path) from error
    for number, (name, x) in enumerate(zip(("x_train", "x_test"), parts, strict=True)):
        if x.dtype != np.uint8:
            raise InputError(f"expected {name} as uint8 (0-255), got {x.dtype}", "Convert it", path=path)
        x = x[..., None] if x.ndim == 3 else x
        if x.ndim != 4 or x.shape[1] != x.shape[2] or x.shape[3] not in (1, 3) or x.shape[1] % 8:
            raise InputError(
                f"expected {name} of shape (n, side, side, 3), the side a multiple of 8, got {x.shape}",
                "Resize the pictures",
                path=path,
            )
        if len(x) < LEAST:
            raise InputError(f"expected at least {LEAST} pictures in {name}, got {len(x)}", "Add some", path=path)
        parts[number] = np.repeat(x, 3, axis=3) if x.shape[3] == 1 else x
    if parts[0].shape[1:] != parts[1].shape[1:]:
        raise InputError(
            f"expected x_train and x_test of one size, got {parts[0].shape} and {parts[1].shape}",
            "Resize the pictures",
            path=path,
        )
    return Pictures(parts[0], parts[1], str(path))


# ---- decoding ----------------------------------------------------------------------------------------


def _decoded(path: Path, names: Sequence[str], key: str, read: Any) -> Pictures:
    """Decode the files, or take what an earlier run decoded of the same contents (``key``)."""
    if not names:
        raise InputError(f"expected pictures ({', '.join(ENDINGS[:4])}, …), found none", HINT, path=path)
    kept = datasets.cache() / "decoded" / f"pictures-{key}.npz"
    try:
        with open(kept, "rb") as file, np.load(file, allow_pickle=False) as archive:
            return Pictures(
                archive["train"], archive["test"], str(path), tuple(str(name) for name in archive["skipped"])
            )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        pass  # not decoded yet, or damaged: do it now
    found = _decode(path, names, read)
    datasets.keep(kept, {"train": found.train, "test": found.test, "skipped": np.array(found.skipped, dtype=str)})
    return found


def _decode(path: Path, names: Sequence[str], read: Any) -> Pictures:
    from tqdm import tqdm

    pictures = np.empty((len(names), SIDE, SIDE, 3), np.uint8)
    good = np.zeros(len(names), bool)
    skipped: list[str] = []

    def content(name: str) -> bytes:
        try:
            return bytes(read(name))
        except (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error):
            return b""  # damaged in its zip, locked, or not ours to read: named with those that are no pictures

    files = ((name, content(name)) for name in names)  # a zip is read by one thread, decoded by several
    with tqdm(files, "decoding", len(names), file=sys.stderr, leave=False, disable=None, unit=" files") as progress:
        for number, picture in enumerate(_in_threads(iter(progress))):
            if isinstance(picture, str):
                skipped.append(picture)
            else:
                pictures[number], good[number] = picture, True
    if good.sum() < 2 * LEAST:
        named = f"; the first that cannot be read: {skipped[0]}" if skipped else ""
        raise InputError(
            f"expected at least {2 * LEAST} pictures, {good.sum()} of {len(names)} can be read{named}", HINT, path=path
        )
    test = _held_out(names, pictures)
    for side, least, wanted in (("test", 2, test & good), ("train", LEAST, ~test & good)):
        if wanted.sum() < least:
            raise InputError(f"expected at least {least} pictures to {side} with, got {wanted.sum()}", HINT, path=path)
    return Pictures(pictures[~test & good], pictures[test & good], str(path), tuple(skipped))


def _in_threads(files: Iterator[tuple[str, bytes]]) -> Iterator[Bytes | str]:
    """Each file's picture in order, or why it has none; a few hundred in flight, so memory stays flat."""

    def one(item: tuple[str, bytes]) -> Bytes | str:
        try:
            return square(open_picture(io.BytesIO(item[1])))
        except InputError as error:
            return f"{item[0]} ({error.message})"

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while group := [item for _, item in zip(range(512), files, strict=False)]:
            small = sum(len(content) for _, content in group) < SMALL * len(group)
            yield from map(one, group) if small else pool.map(one, group)


def _held_out(names: Sequence[str], pictures: Bytes) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which files are held out."""
    folders = [{part.lower() for part in PurePosixPath(name).parts[:-1]} for name in names]
    if all(("test" in parts) != ("train" in parts) for parts in folders):
        return np.array(["test" in parts for parts in folders])
    digests = [hashlib.sha256(picture.tobytes()).digest() for picture in pictures]
    order = {digest: place for place, digest in enumerate(sorted(set(digests)))}
    return np.array([order[digest] % HELD_OUT == 0 for digest in digests])


def open_picture(file: Any, *, alpha: bool = False) -> Any:
    """A Pillow picture, upright, RGB on white (or RGBA with ``alpha`` where it has any); InputError if unreadable."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(file) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise InputError(f"expected at most 100 million pixels, got {opened.width} × {opened.height}")
            upright = ImageOps.exif_transpose(opened)
            if upright.mode in ("I;16", "I;16L", "I;16B", "I"):  # Pillow would clip 16 bits at 255
                upright = Image.fromarray((np.asarray(upright, np.uint32) >> 8).clip(0, 255).astype(np.uint8))
            if not upright.has_transparency_data:
                return upright.convert("RGB")
            clear = upright.convert("RGBA")
            if alpha:
                return clear
            flat = Image.new("RGBA", clear.size, "white")
            flat.alpha_composite(clear)
            return flat.convert("RGB")
    except FileNotFoundError as error:
        raise InputError("there is no such file", "Give the path of a PNG or JPEG") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError("expected a picture, it cannot be read", "Give a PNG or JPEG") from error


def square(picture: Any) -> Bytes:
    """The middle of a Pillow picture as ``(32, 32, 3)``: cropped to a square, then resized."""
    from PIL import Image, ImageOps

    if picture.size != (SIDE, SIDE):
        picture = ImageOps.fit(picture, (SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(picture, np.uint8)


# ---- a network over a picture --------------------------------------------------------------------------


def apply_tiled(network: Callable[[Array], Array], picture: Array, side: int) -> Array:
    """``network`` ``(n, side, side, 3)`` to the same, over a picture ``(height, width, 3)`` in [0, 1].

    The picture is mirrored around its border. The tiles' weights are sin², which add up to one everywhere,
    so there is no seam. A picture of exactly ``side`` x ``side`` goes through as it is.
    """
    high, wide, channels = picture.shape
    if (high, wide) == (side, side):
        whole: Array = network(picture[None].astype(np.float32))[0]
        return whole
    half = side // 2
    rows, columns = -(-high // half) + 1, -(-wide // half) + 1
    padding = [(half, (rows + 1) * half - half - high), (half, (columns + 1) * half - half - wide), (0, 0)]
    padded = np.pad(picture.astype(np.float32), padding, mode="symmetric")
    fade = np.sin(np.pi * (np.arange(side) + 0.5) / side).astype(np.float32) ** 2
    weights = (fade[:, None] * fade[None, :])[:, :, None]
    blended = np.zeros_like(padded)
    for row in range(rows):
        strip = padded[row * half : row * half + side]
        tiles = np.lib.stride_tricks.sliding_window_view(strip, side, axis=1)[:, ::half]  # (side, columns, 3, side)
        answers = network(np.ascontiguousarray(tiles.transpose(1, 0, 3, 2)))
        for column, answer in enumerate(answers):
            blended[row * half : row * half + side, column * half : column * half + side] += answer * weights
    inner: Array = blended[half : half + high, half : half + wide, :channels]
    return inner


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
