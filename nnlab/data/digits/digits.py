"""Pictures of digits: MNIST, the user's own in MNIST's formats, or a sample drawn on the spot.

All are uint8 pictures of shape ``(n, 28, 28)``, white ink (255) on black and upright, with labels 0-9 of shape
``(n,)``. A user's set that is dark on light, or lies on its side, is turned into that once it is read, so that all
that follows, and ``predict``, sees one form; how large its digits are and where they lie is kept as its form.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nnlab.config import Inherited
from nnlab.data import decoded, npz
from nnlab.data.digits import idx
from nnlab.data.digits.digit_pictures import MNIST, SIDE, DigitForm, Taken, are_prepared, dark_on_light
from nnlab.data.digits.drawn_digits import draw_digits, printed_digits
from nnlab.data.digits.not_digits import found_in_place
from nnlab.data.file_kinds import no_file
from nnlab.data.pictures.images import without_copies
from nnlab.data.pictures.levels import to_uint8
from nnlab.data.pictures.pixels import Bytes
from nnlab.data.seen import keys_of_rows, unseen
from nnlab.data.sources import datasets
from nnlab.errors import InputError, UsageError

KEYS = ("x_train", "y_train", "x_test", "y_test")
SHAPES = ((SIDE, SIDE), (SIDE, SIDE, 1), (SIDE**2,))  # of one digit
LEAST = 10  # pictures in each part
ALL, NONE = 0.95, 0.05  # shares of a set that count as all and none of it
TELLING = 100  # digits: the share of fewer may be chance
LOOKED_AT = 2000  # pictures from which the form of a set is told
HINT = "Expected: numpy.savez(FILE, x_train=…, y_train=…, x_test=…, y_test=…)"
AS_THEY_ARE = (
    "its pictures do not come back as they were where predict looks for their ink: predict takes those of "
    f"{SIDE} × {SIDE} pixels as they are, and only others by their ink"
)
Way: TypeAlias = tuple[bool, bool, bool]
UPRIGHT: Way = (False, False, False)  # transposed, upside down, mirrored


@dataclass(frozen=True)
class Digits:
    """Training and test digits, where they came from, the form in which they lie, and what is to be told of them.

    ``x_validation``, ``y_validation``: those that :func:`with_validation` took from the training digits, if it did.
    """

    x_train: Bytes
    y_train: Bytes
    x_test: Bytes
    y_test: Bytes
    source: str
    form: DigitForm = MNIST
    notes: tuple[str, ...] = ()
    x_validation: Bytes | None = None
    y_validation: Bytes | None = None

    @property
    def watched(self) -> tuple[str, Bytes, Bytes]:
        """What is measured after each epoch: ``val``, pictures and labels where there is validation, else ``test``."""
        if self.x_validation is None or self.y_validation is None:
            return "test", self.x_test, self.y_test
        return "val", self.x_validation, self.y_validation

    @property
    def digest(self) -> str:
        """SHA-256 of all pictures and labels, however they were packed, before any were taken for validation."""
        found = hashlib.sha256()
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()

    def record(self) -> dict[str, Any]:
        """What a run keeps of its data: name, number of pictures, digest."""
        return {"name": self.source, "items": len(self.y_train) + len(self.y_test), "digest": self.digest}


def validation_count(training: int, share: float) -> int:
    """How many of so many training digits a share is: at least one is taken, and at least one left."""
    return min(max(1, round(share * training)), training - 1)


def with_validation(digits: Digits, share: float) -> Digits:
    """The digits with the last of the training digits, in file order, as validation: of MNIST a sixth is 10,000.

    Training digits that are copies of them, to the pixel, are not trained on.
    """
    if share == 0:
        return digits
    cut = len(digits.y_train) - validation_count(len(digits.y_train), share)
    x, y = digits.x_train[:cut], digits.y_train[:cut]
    x_validation, y_validation = digits.x_train[cut:], digits.y_train[cut:]
    kept, _ = without_copies(x, x_validation)
    notes = list(digits.notes)
    if not kept.all():
        notes.append(f"{digits.source}: {(~kept).sum():,} training digits are copies of validation's: not trained on")
    unknown = sorted(set(y_validation.tolist()) - set(y[kept].tolist()))
    if unknown:
        notes.append(
            f"{digits.source}: its last digits are validation, with labels that the others have not: "
            f"{', '.join(map(str, unknown))}"
        )
    return replace(
        digits,
        x_train=x[kept],
        y_train=y[kept],
        x_validation=x_validation,
        y_validation=y_validation,
        notes=tuple(notes),
    )


def without_seen(digits: Digits, inherited: Inherited | None) -> tuple[Digits, int]:
    """(digits, how many left): test and validation digits that an ancestor was trained on leave, and are told."""
    parts = {"test": lambda: keys_of_rows(digits.x_test)}
    if (x := digits.x_validation) is not None:
        parts["validation"] = lambda: keys_of_rows(x)
    found = unseen(parts, inherited, "digits")
    if found is None:
        return digits, 0
    kept: dict[str, Any] = {"x_test": digits.x_test[found.masks["test"]], "y_test": digits.y_test[found.masks["test"]]}
    if x is not None and digits.y_validation is not None:
        mask = found.masks["validation"]
        kept |= {"x_validation": x[mask], "y_validation": digits.y_validation[mask]}
    return replace(digits, **kept, notes=(*digits.notes, *found.notes)), found.left_out


def load(data: str | None) -> Digits:
    """Digits by name or path.

    Args:
        data: ``None`` or ``mnist``; ``sample``; or a path: an ``.npz`` of Keras's keys, or a folder of IDX files.

    Raises:
        UsageError: there is nothing of this name.
        InputError: it cannot be read, or has fewer than 10 pictures in a part.
        DataUnavailable: MNIST is not at hand and cannot be downloaded.
    """
    if data == datasets.SAMPLE:
        return draw_sample()
    if data in (None, "mnist"):
        return read_npz(datasets.find("mnist"), "mnist")
    path = Path(str(data))
    if path.is_dir():
        return read_idx(path)
    if path.is_file():
        return read_npz(path, str(path))
    if other := no_file(path):
        raise InputError(*other, path=path)
    raise UsageError(
        f"expected --data to be mnist, sample, an .npz file or a folder of IDX files, there is nothing at {data}",
        "Leave it out for MNIST",
    )


def read_npz(path: Path, source: str) -> Digits:
    """An ``.npz`` with Keras's keys ``x_train y_train x_test y_test``, known by its contents, whatever it is called.

    Raises:
        InputError: names what is wrong with it.
    """
    if not npz.is_zip(path):
        what, hint = found_in_place(path)
        if idx.is_idx(path):
            what, hint = "one file of IDX", "Give the folder with all four of them"
        raise InputError(
            f"expected an .npz file, it cannot be read (it is {what or 'something else'})", hint or HINT, path=path
        )
    arrays = npz.read_arrays(path, KEYS, HINT)
    return _checked(path, source, dict(zip(KEYS, arrays, strict=True)))


def read_idx(folder: Path) -> Digits:
    """A folder with the four IDX files of MNIST's first home, or of EMNIST's; gzipped or not, whatever they are called.

    Raises:
        InputError: names what is wrong with it.
    """
    files = idx.find_four(folder)
    return _checked(folder, str(folder), {key: idx.read_file(path) for key, path in zip(KEYS, files, strict=True)})


# ---- what a set must be ------------------------------------------------------------------------------


def _checked(path: Path, source: str, arrays: Mapping[str, Any]) -> Digits:
    """The arrays as Digits in the one form; InputError where shapes or labels are not those of digits."""
    labels = [_labels(path, f"y_{part}", arrays[f"y_{part}"]) for part in ("train", "test")]
    pictures = {}
    for part, y in zip(("train", "test"), labels, strict=True):
        x = arrays[f"x_{part}"]
        if x.shape[1:] not in SHAPES:
            raise InputError(
                f"expected x_{part} of shape (n, {SIDE}, {SIDE}), got {x.shape}",
                _shape_hint(f"x_{part}", x.shape),
                path=path,
            )
        x = x.reshape(-1, SIDE, SIDE)
        if len(y) != len(x):
            raise InputError(
                f"expected y_{part} of shape ({len(x)},), got {arrays[f'y_{part}'].shape}",
                "Give one label per picture",
                path=path,
            )
        if len(x) < LEAST:
            raise InputError(f"expected at least {LEAST} pictures in x_{part}, got {len(x)}", "Add some", path=path)
        pictures[f"x_{part}"] = x
    (x_train, x_test), notes = to_uint8(pictures, path)
    y_train, y_test = labels
    taken: Taken = "prepared"
    if source != "mnist":
        way, share = UPRIGHT, None
        turned = []
        shares = []
        # Each array by itself: they may be of two makers. What few test digits do not tell, the training digits do.
        for name, x, y in (("x_train", x_train, y_train), ("x_test", x_test, y_test)):
            x, inverted, share = _light(name, x, like=share)
            way = _orientation(x, y, way)
            x, told = _upright(name, x, way)
            turned.append(x)
            shares.append(share)
            notes += [*inverted, *told]
        x_train, x_test = turned
        kept, copies = without_copies(x_train, x_test)
        contradicting = _contradictions(x_train, y_train, x_test, y_test)
        notes += [*copies, *contradicting, *_of_classes(y_train, y_test)]
        x_train, y_train = x_train[kept], y_train[kept]
        if not are_prepared(_some(x_train)):
            taken = "dark" if shares[0] >= ALL else "light" if shares[0] <= NONE else "each"
            notes.append(AS_THEY_ARE)
    form = replace(DigitForm.of(_some(x_train)), taken=taken)
    return Digits(x_train, y_train, x_test, y_test, source, form, tuple(f"{path}: {note}" for note in notes))


def _shape_hint(name: str, shape: tuple[int, ...]) -> str:
    """What makes an array of another shape one of digits."""
    if shape[1:] == (SIDE, SIDE, 3):
        return f"Make it grey: {name} = {name}.mean(axis=-1)"
    return npz.axes_hint(name, shape, lambda turned: turned[1:] in SHAPES) or "Resize the pictures"


def _labels(path: Path, name: str, y: Any) -> Bytes:
    """Labels ``(n,)``; also from ``(n, 1)``, one-hot rows ``(n, 10)``, and floats that are whole numbers."""
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.ndim == 2 and y.shape[1] == 10 and len(y) and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all():
        y = y.argmax(axis=1)
    if y.ndim == 1 and len(y) and not np.isin(y, np.arange(10)).all():
        if nan := int(np.isnan(y).sum()):
            given, hint = f"{nan:,} of {len(y):,} are not a number", "Leave them out, with their pictures"
        else:
            given, hint = f"got {y.min()} to {y.max()}", "Correct the labels"
        if np.isin(y, np.arange(1, 11)).all():
            hint = f"Where 10 is the digit 0: {name} = {name} % 10"
        raise InputError(f"expected labels 0 to 9 in {name}, {given}", hint, path=path)
    if y.ndim != 1:
        raise InputError(f"expected {name} of shape (n,), got {y.shape}", "Give one label per picture", path=path)
    return np.asarray(y, np.uint8)


def _of_classes(y_train: Bytes, y_test: Bytes) -> list[str]:
    """What is to be told of labels that are all one, or that the other part lacks."""
    trained, tested = set(y_train.tolist()), set(y_test.tolist())
    notes = [
        f"every label in {name} is {next(iter(values))}: there is nothing to tell apart"
        for name, values in (("y_train", trained), ("y_test", tested))
        if len(values) == 1
    ]
    unknown = sorted(tested - trained)
    return [*notes, f"y_test has labels that y_train has not: {', '.join(map(str, unknown))}"] if unknown else notes


def _contradictions(x_train: Bytes, y_train: Bytes, x_test: Bytes, y_test: Bytes) -> list[str]:
    """What is to be told of pictures that are the same to the pixel and have different labels."""
    labels = np.concatenate([y_train, y_test])
    _, same = np.unique(np.concatenate([keys_of_rows(x_train), keys_of_rows(x_test)]), return_inverse=True)
    least, most = np.full(same.max() + 1, 255, np.uint8), np.zeros(same.max() + 1, np.uint8)
    np.minimum.at(least, same, labels)
    np.maximum.at(most, same, labels)
    found = np.flatnonzero((least != most)[same])
    if not len(found):
        return []
    first = found[0]
    other = next(number for number in found if same[number] == same[first] and labels[number] != labels[first])
    trained = len(y_train)
    told = [
        f"{labels[k]} (y_train[{k}])" if k < trained else f"{labels[k]} (y_test[{k - trained}])" for k in (first, other)
    ]
    return [f"{len(found):,} digits are the same to the pixel as one of another label, the first {' and '.join(told)}"]


def _some(pictures: Bytes) -> Bytes:
    """Up to 2,000 pictures at equal distances: a set may come class by class."""
    return pictures[:: max(1, -(-len(pictures) // LOOKED_AT))]


# ---- one form for all --------------------------------------------------------------------------------


def _light(name: str, x: Bytes, *, like: float | None = None) -> tuple[Bytes, list[str], float]:
    """Digits light on dark, whatever they were, what is to be told of it, and the share that was dark on light.

    ``name``: of the array. ``like``: that share of other digits, which decides for those too few to tell.
    """
    share = float(dark_on_light(_some(x)).mean())
    if like is not None and len(x) < TELLING and ALL > share > NONE:
        share = like
    if share >= ALL:
        return 255 - x, [f"{name}: its digits are dark on light: inverted, as predict inverts pictures"], share
    if share <= NONE:
        return x, [], share
    dark = dark_on_light(x)
    x = np.where(dark[:, None, None], 255 - x, x)
    return x, [f"{name}: {dark.sum():,} of its digits are dark on light: inverted, as predict inverts them"], share


def _upright(name: str, x: Bytes, way: Way) -> tuple[Bytes, list[str]]:
    """Digits turned to be upright, and what is to be told of it."""
    if way == UPRIGHT:
        return x, []
    how = ", ".join(word for word, done in zip(("transposed", "upside down", "mirrored"), way, strict=True) if done)
    note = f"{name}: its digits are not upright ({how}): turned, as pictures for predict are upright"
    return np.ascontiguousarray(_turned(x, way)), [note]


def _turned(pictures: Any, way: Way) -> Any:
    """Pictures ``(n, 28, 28)`` transposed, then turned upside down, then mirrored."""
    transposed, upside_down, mirrored = way
    pictures = pictures.transpose(0, 2, 1) if transposed else pictures
    pictures = pictures[:, ::-1] if upside_down else pictures
    return pictures[:, :, ::-1] if mirrored else pictures


def _orientation(pictures: Bytes, labels: Bytes, expected: Way = UPRIGHT) -> Way:
    """How the digits must be turned to be upright, told by how often the nearest printed digit is the label.

    It is what was expected unless another of the eight ways is right far more often: MNIST's digits are in 48 % when
    they are upright, in 16 to 27 % when they are not. Of fewer than 100 digits it cannot be told.
    """
    from scipy.ndimage import gaussian_filter

    def rows(digits: Any) -> Any:
        soft = gaussian_filter(digits.astype(np.float32), (0, 1.5, 1.5)).reshape(len(digits), -1)
        return soft / np.maximum(np.linalg.norm(soft, axis=1, keepdims=True), 1e-6)

    if len(labels) < 100 or len(set(labels.tolist())) < 5:
        return expected
    some, wanted = _some(pictures), _some(labels)
    printed = rows(printed_digits().reshape(-1, SIDE, SIDE)).T
    right = {}
    for number in range(8):
        way = (bool(number & 4), bool(number & 2), bool(number & 1))
        nearest = (rows(_turned(some, way)) @ printed).argmax(axis=1) % 10
        right[way] = float((nearest == wanted).mean())
    best = max(right, key=lambda way: right[way])
    return best if right[best] > 0.4 and right[best] > 1.5 * right[expected] else expected


# ---- the sample --------------------------------------------------------------------------------------


def draw_sample(train: int = 4000, test: int = 1000, seed: int = 0) -> Digits:
    """Digits that the project draws itself (:func:`drawn_digits.draw_digits`); drawn once, then from the cache."""
    settings = ("drawn digits", 1, train, test, seed, decoded.versions("numpy", "scipy", "pillow", "matplotlib"))

    def draw() -> tuple[dict[str, Any], None]:
        pictures, labels = draw_digits(train + test, seed)
        return {"pictures": pictures, "labels": labels}, None

    arrays, _ = decoded.cached("digits", datasets.content_key(settings, ()), draw)
    x, y = arrays["pictures"], arrays["labels"]
    return Digits(x[:train], y[:train], x[train:], y[train:], datasets.SAMPLE, DigitForm.of(_some(x[:train])))
