"""A picture of one digit, as anybody has it, in the form of the digits that a network was trained on.

Paper and ink are told apart whatever the picture is: dark on light or light on dark, in any colours, on transparency,
under a shadow or uneven light, in a box, on a card, drawn with a thin pen at a high resolution.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from nnlab.data.digits.ink import FAINT, Array, Mask, are_several, find_ink, stroke_width, without_frame, without_lines
from nnlab.data.pictures.pixels import SEVERAL, Bytes, open_picture
from nnlab.errors import InputError

SIDE = 28
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
LIGHT = 170  # grey levels: paper of dark digits is lighter
WORKING = 600  # pixels of the longer side while ink is looked for
SMALL = 80  # pixels of the longer side of a digit
THIN = 2.0  # pixels of 28: thinner strokes are thickened to this; MNIST's are 1.5 to 4
LEAST_INK = 4  # pixels
HINT = "Give a picture of one digit"
SEVERAL_DIGITS = "looks like several digits: cut it into one picture each"
LOOKED_AT = 80  # pictures of a set that are prepared as predict does, 5 ms each
# A set is prepared where three in four of these correlate with what becomes of them by more than this. The lower
# quartile is 0.997 of MNIST, 0.995 of the sample, and 0.93 to 0.998 of MNIST cropped, larger, smaller, bold, thin or in
# black and white; it is 0.20 of noisy MNIST and 0.19 of drawn clothes.
ALIKE = 0.5
Taken: TypeAlias = Literal["prepared", "light", "dark", "each"]


@dataclass(frozen=True)
class DigitForm:
    """How the digits of a training set lie in their 28 x 28 pixels: light on dark, upright, fitted into a box.

    ``box`` is the longer side of a digit's ink in pixels; ``middle`` (row, column) is where its ``centre`` lies: that
    of its mass, as in MNIST, or that of its box. ``taken``: how a picture becomes one of them: its ink is found and
    ``prepared``; or, of pictures whose ink is not found (noise, filled shapes), those of 28 x 28 pixels are taken as
    they are, all ``light`` on dark, all ``dark`` on light and inverted, or ``each`` as it looks.
    """

    box: int = 20
    middle: tuple[float, float] = (14.0, 14.0)
    centre: Literal["mass", "box"] = "mass"
    taken: Taken = "prepared"

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> DigitForm:
        """From JSON values; ValueError where they are of another type or out of range."""
        box, middle, centre = record["box"], tuple(record["middle"]), record["centre"]
        numbers = all(type(value) in (int, float) and 0 <= value <= SIDE for value in (box, *middle))
        if not numbers or type(box) is not int or box < 4 or len(middle) != 2 or centre not in ("mass", "box"):
            raise ValueError(f"expected box, middle and centre of digits, got {box}, {middle}, {centre}")
        taken = record.get("taken", "prepared")  # the first runs have none
        if taken not in get_args(Taken):
            raise ValueError(f"expected taken to be one of {', '.join(get_args(Taken))}, got {taken}")
        return cls(box, (float(middle[0]), float(middle[1])), centre, taken)

    @classmethod
    def of(cls, pictures: Bytes) -> DigitForm:
        """The form of a set ``(n, 28, 28)``, light on dark; MNIST's where there is hardly any ink."""
        ink = pictures > 0.2 * pictures.max(axis=(1, 2), keepdims=True)
        pictures, ink = pictures[ink.any(axis=(1, 2))], ink[ink.any(axis=(1, 2))]
        if not len(ink):
            return MNIST
        spans = [np.stack([_first(ink.any(axis)), SIDE - 1 - _first(ink.any(axis)[:, ::-1])], -1) for axis in (2, 1)]
        sizes = np.max([last_of - first_of + 1 for first_of, last_of in (span.T for span in spans)], axis=0)
        boxes = np.stack([span.mean(-1) for span in spans], -1)  # (n, 2)
        weights = pictures.astype(np.float64)
        places = np.arange(SIDE)
        masses = np.stack([(weights.sum(axis) * places).sum(1) / weights.sum((1, 2)) for axis in (2, 1)], -1)
        by_mass = masses.std(axis=0).sum() <= boxes.std(axis=0).sum()
        row, column = (masses if by_mass else boxes).mean(axis=0)
        return cls(int(np.median(sizes)), (round(float(row), 2), round(float(column), 2)), "mass" if by_mass else "box")

    def place(self, ink: Array) -> Bytes:
        """Ink ``(height, width)``, floats in [0, 1] of any size, as a digit ``(28, 28)`` of this form."""
        from PIL import Image

        ink, scale = _thickened(_to_box(ink), self.box)
        size = (max(1, round(ink.shape[1] * scale)), max(1, round(ink.shape[0] * scale)))
        small = np.asarray(Image.fromarray((ink * 255).astype(np.uint8)).resize(size, Image.Resampling.LANCZOS), float)
        small = np.clip(small * (255 / np.quantile(small[small >= min(64, small.max())], 0.8)), 0, 255)
        placed = np.zeros((SIDE, SIDE), np.uint8)
        corner = []
        for axis in (0, 1):
            length, profile = small.shape[axis], small.sum(1 - axis)
            own = (profile * np.arange(length)).sum() / profile.sum() if self.centre == "mass" else (length - 1) / 2
            corner.append(int(np.clip(round(self.middle[axis] - own), 0, SIDE - length)))
        placed[corner[0] : corner[0] + small.shape[0], corner[1] : corner[1] + small.shape[1]] = small
        return placed


MNIST = DigitForm()


def read_picture(path: Path, form: DigitForm = MNIST, tell: Callable[[str], Any] = lambda remark: None) -> Bytes:
    """A user's picture of one digit, in the form of the digits that a network was trained on.

    Args:
        path: of a file of any size and kind.
        form: of the training digits.
        tell: hears where only the first of several pictures is read; what stands for black and white is no matter here.

    Returns:
        ``(28, 28)``, light on dark.

    Raises:
        InputError: it cannot be read, or has no ink.
    """
    remarks: list[str] = []
    told: list[str] = []
    try:
        picture = open_picture(path, alpha=True, tell=remarks.append)
        digit = prepare_digit(picture, form, told.append)
    except InputError as error:
        raise InputError(error.message, error.hint, path=path) from error
    for remark in ([SEVERAL] if SEVERAL in remarks else []) + told:
        tell(remark)
    return digit


def prepare_digit(picture: Any, form: DigitForm, tell: Callable[[str], Any] = lambda remark: None) -> Bytes:
    """A Pillow picture, RGB or RGBA, as a digit ``(28, 28)`` of a form.

    Args:
        picture: of any size.
        form: of the training digits.
        tell: hears where the picture is none that the network can be expected to know.

    Raises:
        InputError: it has no ink.
    """
    if form.taken != "prepared":
        if picture.size == (SIDE, SIDE):
            return _as_it_is(picture, form.taken)
        tell(
            f"{picture.width:,} × {picture.height:,} pixels: only pictures of {SIDE} × {SIDE} are taken as those of "
            "training were"
        )
    ink = _digit(picture, WORKING)
    if ink is not None and max(_to_box(ink).shape) < SMALL and max(picture.size) > WORKING:
        ink = _digit(picture, 4 * WORKING)  # a small digit in a large picture: a closer look
    if ink is None:
        raise InputError("expected a digit, the picture is empty", HINT)
    if are_several(ink):
        tell(SEVERAL_DIGITS)
    return form.place(ink)


def _digit(picture: Any, side: int) -> Array | None:
    """The ink of a picture in [0, 1], looked for in at most ``side`` pixels; None where there is none."""
    from PIL import Image

    if max(picture.size) > side:
        picture = picture.copy()
        picture.thumbnail((side, side), Image.Resampling.BOX)
    views = [_grey(_on_paper(picture))]
    while (inner := without_frame(views[-1])) is not None:
        views.append(inner)
    for view in reversed(views):
        ink, contrast = find_ink(view)
        if contrast < FAINT:
            continue
        ink = without_lines(ink)
        rows = np.flatnonzero((ink > 0.4).any(axis=1))
        enough = (ink > 0.4).sum() >= LEAST_INK and len(rows)
        if enough and (view is views[0] or np.ptp(rows) + 1 >= 0.25 * len(view)):  # a framed nothing may be a zero
            return ink
    return None


def _as_it_is(picture: Any, taken: Taken) -> Bytes:
    """A picture of 28 x 28 pixels ``(28, 28)`` in the polarity of training; InputError where it is of one tone."""
    grey = np.rint(_on_paper(picture) @ LUMINANCE).clip(0, 255).astype(np.uint8)
    if grey.min() == grey.max():
        raise InputError("expected a digit, the picture is empty", HINT)
    inverted = taken == "dark" or (taken == "each" and dark_on_light(grey[None])[0])
    return 255 - grey if inverted else grey


def are_prepared(pictures: Bytes) -> bool:
    """Whether pictures ``(n, 28, 28)``, light on dark, come out of :func:`prepare_digit` as they went in.

    Each is given its own form, as where it lies and how large it is may differ within a set.
    """
    from PIL import Image

    pictures = pictures[pictures.min(axis=(1, 2)) < pictures.max(axis=(1, 2))]
    pictures = pictures[:: max(1, -(-len(pictures) // LOOKED_AT))]
    enough = 0.75 * len(pictures)
    alike = others = 0
    for picture in pictures:
        if alike >= enough or others > len(pictures) - enough:
            break
        try:
            back = prepare_digit(Image.fromarray(picture).convert("RGB"), DigitForm.of(picture[None]))
        except InputError:
            others += 1
            continue
        if back.min() < back.max() and np.corrcoef(back.ravel(), picture.ravel())[0, 1] > ALIKE:
            alike += 1
        else:
            others += 1
    return alike >= enough


def dark_on_light(pictures: Bytes) -> Mask:
    """Which pictures ``(n, 28, 28)`` are surely dark on light: most of the border, and most of all, is light."""
    border = np.concatenate([pictures[:, 0], pictures[:, -1], pictures[:, :, 0], pictures[:, :, -1]], axis=1)
    light: Mask = np.median(border, axis=1) > LIGHT
    light[light] = np.median(pictures[light].reshape(int(light.sum()), SIDE**2), axis=1) > LIGHT
    return light


# ---- colours -----------------------------------------------------------------------------------------


def _on_paper(picture: Any) -> Array:
    """Colours ``(height, width, 3)`` 0-255, on paper of another tone than the ink where it was transparent."""
    colours = np.asarray(picture, np.float32)
    if colours.shape[2] == 3:
        return colours
    alpha, colours = colours[..., 3:] / 255, colours[..., :3]
    seen = alpha[..., 0] > 0.5
    if not seen.any():
        return np.full(colours.shape, 255, np.float32)
    light = colours.mean(axis=-1)[seen]
    paper = np.median(colours[seen], axis=0)
    if (np.abs(light - np.median(light)) > 64).mean() < 0.005:  # of one tone: all that is seen is ink
        paper = np.full(3, 0.0 if paper.mean() > 127 else 255.0)
    blended: Array = (colours * alpha + paper * (1 - alpha)).astype(np.float32)
    return blended


def _grey(colours: Array) -> Array:
    """``(height, width)``: luminance, or the axis along which the colours differ where their luminance hardly does."""
    luminance = colours @ LUMINANCE
    some = (colours - colours.mean(axis=(0, 1))).reshape(-1, 3)
    some = some[:: max(1, len(some) // 20_000)]
    spread, axes = np.linalg.eigh(some.T @ some / len(some))
    if np.sqrt(max(spread[-1], 0)) > 2 * luminance.std() + 2:
        luminance = colours @ axes[:, -1]
    grey: Array = luminance.astype(np.float32)
    return grey


# ---- into the form of the training digits ------------------------------------------------------------


def _first(rows: Mask) -> Array:
    """Where the first is set, of each row."""
    first: Array = rows.argmax(axis=1)
    return first


def _to_box(ink: Array) -> Array:
    """Ink without the empty lines around it."""
    rows, columns = np.nonzero(ink > 0.2)
    cut: Array = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return cut


def _thickened(ink: Array, box: int) -> tuple[Array, float]:
    """Ink whose strokes are at least ``THIN`` wide once it is scaled into the box, and that scale."""
    from PIL import Image
    from scipy.ndimage import distance_transform_edt

    scale = box / max(ink.shape)
    if scale > 0.25:  # a small picture: finer pixels than its own are needed
        factor = int(np.ceil(4 * scale))
        size = (ink.shape[1] * factor, ink.shape[0] * factor)
        ink = np.asarray(Image.fromarray(ink.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)).clip(0, 1)
        scale = box / max(ink.shape)
    missing = THIN - stroke_width(ink > 0.5) * scale
    if missing > 0:
        reach = missing / 2 / scale
        ink = np.pad(ink, int(reach) + 2)
        ink = np.maximum(ink, np.clip(reach + 0.5 - distance_transform_edt(ink <= 0.5), 0, 1))
        ink = _to_box(ink)
        scale = box / max(ink.shape)
    return ink, scale
