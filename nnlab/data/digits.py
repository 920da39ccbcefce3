"""Pictures of digits: MNIST, the user's own in MNIST's formats, or a sample drawn on the spot.

All are uint8 pictures of shape ``(n, 28, 28)``, white ink (255) on black, with labels 0-9 of shape ``(n,)``.
"""

from __future__ import annotations

import gzip
import hashlib
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nnlab.data import datasets
from nnlab.data.random import Stream, rng
from nnlab.errors import InputError, UsageError

Bytes: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
SIDE = 28
KEYS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True)
class Digits:
    """Training and test digits and where they came from."""

    x_train: Bytes
    y_train: Bytes
    x_test: Bytes
    y_test: Bytes
    source: str

    @property
    def digest(self) -> str:
        """SHA-256 of all pictures and labels, however they were packed."""
        digest = hashlib.sha256()
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def load(data: str | None) -> Digits:
    """``None`` or ``mnist``; ``sample``; or a path: an ``.npz`` of Keras's keys, or a folder of IDX files."""
    if data == datasets.SAMPLE:
        return draw_sample()
    if data in (None, "mnist"):
        return read_npz(datasets.find("mnist"), "mnist")
    path = Path(str(data))
    if path.is_dir():
        return read_idx(path)
    if path.is_file():
        return read_npz(path, str(path))
    raise UsageError(
        f"expected --data to be mnist, sample, an .npz file or a folder of IDX files, there is nothing at {data}",
        "Leave it out for MNIST",
    )


def read_npz(path: Path, source: str) -> Digits:
    """An ``.npz`` with Keras's keys ``x_train y_train x_test y_test``; InputError names what is wrong."""
    hint = "Expected: numpy.savez(FILE, x_train=…, y_train=…, x_test=…, y_test=…)"
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            missing = [key for key in KEYS if key not in archive.files]
            if missing:
                raise InputError(f"the array {missing[0]} is missing", hint, path=path)
            arrays = [archive[key] for key in KEYS]
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error, AttributeError) as error:
        raise InputError(f"expected an .npz file, it cannot be read ({error})", hint, path=path) from error
    return _checked(path, source, *arrays)


IDX_NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def read_idx(folder: Path) -> Digits:
    """A folder with the four IDX files of MNIST's first home, gzipped or not."""
    arrays = []
    for name in IDX_NAMES:
        names = (name, f"{name}.gz", name.replace("-idx", ".idx"), f"{name.replace('-idx', '.idx')}.gz")
        found = next((folder / one for one in names if (folder / one).is_file()), None)
        if found is None:
            raise InputError(
                f"expected {name} or {name}.gz in it", "All four IDX files of MNIST are needed", path=folder
            )
        arrays.append(_read_idx_file(found))
    return _checked(folder, str(folder), *arrays)


def _read_idx_file(path: Path) -> Bytes:
    """One IDX file: two zero bytes, the type (8: uint8), the number of axes, their sizes, the data."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"expected a gzip file, it cannot be read ({error})", "Fetch it again", path=path) from error
    axes = content[3] if len(content) >= 4 else 0
    start = 4 + 4 * axes
    if content[:3] != b"\0\0\x08" or len(content) < start:
        raise InputError("expected an IDX file of unsigned bytes", "Fetch it again", path=path)
    shape = struct.unpack(f">{axes}I", content[4:start])
    size = int(np.prod(shape, dtype=np.int64))
    if len(content) - start != size:
        raise InputError(f"expected {size:,} bytes of data, got {len(content) - start:,}", "Fetch it again", path=path)
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _checked(path: Path, source: str, *arrays: np.ndarray[Any, Any]) -> Digits:
    """The arrays as Digits; InputError where shapes or labels are not those of digits."""
    x_train, y_train, x_test, y_test = arrays
    for part, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        if x.ndim == 4 and x.shape[-1] == 1:
            x = x[..., 0]
        if x.ndim != 3 or x.shape[1:] != (SIDE, SIDE):
            raise InputError(
                f"expected x_{part} of shape (n, {SIDE}, {SIDE}), got {x.shape}", "Resize the pictures", path=path
            )
        if x.dtype != np.uint8:
            raise InputError(f"expected x_{part} as uint8 (0-255), got {x.dtype}", "Convert it", path=path)
        if y.shape != (len(x),):
            raise InputError(f"expected y_{part} of shape ({len(x)},), got {y.shape}", "One label a picture", path=path)
        if len(x) < 10:
            raise InputError(f"expected at least 10 pictures in x_{part}, got {len(x)}", "Add some", path=path)
        if not np.issubdtype(y.dtype, np.integer) or y.min() < 0 or y.max() > 9:
            found = f"{y.min()} to {y.max()}" if np.issubdtype(y.dtype, np.number) else str(y.dtype)
            raise InputError(f"expected labels 0 to 9 in y_{part}, got {found}", "Mend the labels", path=path)
    pictures = [x.reshape(len(x), SIDE, SIDE) for x in (x_train, x_test)]
    labels = [y.astype(np.uint8) for y in (y_train, y_test)]
    return Digits(pictures[0], labels[0], pictures[1], labels[1], source)


# ---- the sample: digits the project draws itself -----------------------------------------------------

FONTS = (
    *("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSans-Oblique.ttf", "DejaVuSerif.ttf", "DejaVuSerif-Italic.ttf"),
    *("DejaVuSerif-Bold.ttf", "DejaVuSansMono.ttf", "DejaVuSansMono-Oblique.ttf", "STIXGeneral.ttf", "cmss10.ttf"),
    *("STIXGeneralItalic.ttf", "cmr10.ttf", "cmtt10.ttf"),
)


def draw_sample(train: int = 4000, test: int = 1000, seed: int = 0) -> Digits:
    """Digits in the fonts that come with matplotlib, turned, sheared, stretched, made wavy, and noisy.

    Elastic distortion as in Simard, Steinkraus and Platt (2003). The same seed draws the same.
    """
    from scipy.ndimage import gaussian_filter, map_coordinates

    draws = rng(seed, Stream.SAMPLE_DIGITS)
    glyphs = _glyphs()  # (fonts, 10, 28, 28)
    total = train + test
    labels = draws.permutation(np.arange(total) % 10).astype(np.uint8)
    fonts = draws.integers(len(glyphs), size=total)
    grid = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij")) - (SIDE - 1) / 2  # (2, 28, 28)
    pictures = np.empty((total, SIDE, SIDE), np.uint8)
    for number in range(total):
        turn, shear = draws.normal(0, 0.13), draws.normal(0, 0.15)
        stretch = draws.normal(1.0, 0.1, size=2)
        cos, sin = np.cos(turn), np.sin(turn)
        matrix = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1.0, 0.0], [shear, 1.0]]) / stretch
        bend = gaussian_filter(draws.uniform(-1, 1, (2, SIDE, SIDE)), (0, 4, 4)) * 22
        where = np.einsum("ij,jyx->iyx", matrix, grid) + bend + (SIDE - 1) / 2 + draws.normal(0, 0.8, (2, 1, 1))
        drawn = map_coordinates(glyphs[fonts[number], labels[number]], where, order=1)
        drawn = gaussian_filter(drawn, abs(draws.normal(0, 0.5))) * draws.uniform(0.75, 1.1)
        noise = draws.normal(0, 6, drawn.shape) * (draws.random(drawn.shape) < 0.3)
        pictures[number] = np.clip(drawn + noise, 0, 255)
    return Digits(pictures[:train], labels[:train], pictures[train:], labels[train:], datasets.SAMPLE)


def _glyphs() -> np.ndarray[Any, Any]:
    """Each digit in each font, white on black and centred: ``(fonts, 10, 28, 28)`` floats 0-255."""
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    drawn = np.zeros((len(FONTS), 10, SIDE, SIDE), np.float32)
    for number, name in enumerate(FONTS):
        font = ImageFont.truetype(str(folder / name), 96)
        for digit in range(10):
            picture = Image.new("L", (200, 200))
            ImageDraw.Draw(picture).text((60, 40), str(digit), fill=255, font=font)
            drawn[number, digit] = centred(np.asarray(picture))
    return drawn


def centred(picture: Bytes) -> Bytes:
    """White ink on black of any size as MNIST has it: fitted into 20 × 20, its mass in the middle of 28 × 28.

    InputError where there is no ink.
    """
    from PIL import Image

    rows, columns = np.nonzero(picture > picture.max() * 0.2)
    if picture.max() == 0 or not len(rows):
        raise InputError("expected a digit, the picture is empty", "Draw one")
    ink = picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    scale = 20 / max(ink.shape)
    size = (max(1, round(ink.shape[1] * scale)), max(1, round(ink.shape[0] * scale)))
    small = np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.LANCZOS), np.float64)
    total = small.sum()
    middle = [float((small.sum(1 - axis) * np.arange(small.shape[axis])).sum() / total) for axis in (0, 1)]
    top, left = (int(np.clip(round((SIDE - 1) / 2 - middle[axis]), 0, SIDE - small.shape[axis])) for axis in (0, 1))
    placed = np.zeros((SIDE, SIDE), np.uint8)
    placed[top : top + small.shape[0], left : left + small.shape[1]] = small
    return placed


def read_picture(path: Path) -> Bytes:
    """A user's picture of one digit as MNIST has it: any size, dark on light or light on dark, centred.

    Which is ink is told by the border: what most of the border looks like is paper.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > 50_000_000:
                raise InputError(f"expected at most 50 million pixels, got {opened.width} × {opened.height}", path=path)
            upright = ImageOps.exif_transpose(opened)
            flat = Image.new("RGBA", upright.size, "white")
            flat.alpha_composite(upright.convert("RGBA"))
            grey = np.asarray(flat.convert("L"), np.int16)
    except FileNotFoundError as error:
        raise InputError("there is no such file", "Give the path of a PNG or JPEG", path=path) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError("expected a picture, it cannot be read", "Give a PNG or JPEG", path=path) from error
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ink = np.abs(grey - int(np.median(border)))
    ink[ink < max(24, 0.25 * ink.max())] = 0  # paper is never quite even
    try:
        return centred(np.clip(ink * (255 / max(1, ink.max())), 0, 255).astype(np.uint8))
    except InputError as error:
        raise InputError(error.message, error.hint, path=path) from error
