"""Pages from templates: one look for a page of runs and for the report's page.

A page stands alone: pictures and sounds are in it, no script, no network. A text is never markup (jinja2 escapes it)
and its control characters are shown as pictures, wherever it comes from: :func:`environment` is the one door.
"""

from __future__ import annotations

import base64
import functools
import io
import math
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlab.errors import InputError
from nnlab.output import untrusted
from nnlab.output.terminal import literal, number

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_FIGURES, MOST_SOUNDS = 24, 6
MOST_PNG, MOST_WAV, MOST_CONSOLE = 30_000_000, 30_000_000, 2_000_000  # bytes of one
MOST_PIXELS = 40_000_000
LONGEST_SIDE = 1400  # pixels of a figure on the page
DPI = 150  # of nnlab's figures
LEVELS = 8  # shades of a matrix
STRANGE = "Do not use a run folder you do not trust"

CAPTIONS = {
    "figure1": "the test digits each experiment gets most wrong, label and prediction above each (Figure 1)",
    "confusion": "how often each digit is taken for each other",
    "calibration": "how often the networks are right, by how sure they are",
    "training": "how well digits that were held out are read, epoch by epoch",
    "figure2": "test digits as they are, permuted, and laid out again, perhaps mirrored or turned (Figure 2)",
    "layout": "how many neighbouring pixels are told to be neighbours, by the pictures seen",
    "loss": "training and validation epoch by epoch, and the test of the weights that were kept",
    "difficulty": "held-out questions right, by how hard they are",
    "lengths": "test sentences right, by their length",
    "attention": "where each written piece looked in the sentence",
    "waveforms": "held-out recordings and what came back, as waveforms (Figure 3)",
    "spectrograms": "held-out recordings and what came back, as spectrograms",
    "reconstructions": "held-out pictures and what came back (Figures 5 and 6)",
    "restored": "test pictures clean, noisy and restored (Figure 8)",
}


@dataclass(frozen=True)
class Figure:
    """A figure of a run: what it shows, with the title of its run; its PNG as base64, and its width on the page."""

    alt: str
    caption: str
    content: str
    width: int


@dataclass(frozen=True)
class Sound:
    """A sound of a run: what it is, and its WAV as base64."""

    label: str
    content: str


@dataclass(frozen=True)
class Made:
    """What a run left to look at and to hear. ``problems``: what of it could not be read, one line each."""

    figures: Sequence[Figure]
    sounds: Sequence[Sound]
    console: str | None
    problems: Sequence[str] = ()


def render(template: str, **values: Any) -> bytes:
    """A page of a template in ``templates/``, UTF-8."""
    return environment().get_template(template).render(**values).encode("utf-8", "backslashreplace")


@functools.cache
def environment() -> Environment:
    """jinja2 with this project's filters: strict about names, and every text escaped and literal."""
    import jinja2

    def told(value: Any) -> Any:
        return literal(value) if isinstance(value, str) and not hasattr(value, "__html__") else value

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=told,
    )
    made.filters |= {
        "png": png,
        "number": number,
        "columns": lambda rows: list(zip(*(pictures for _, pictures in rows), strict=True)),
        "level": lambda value: min(int(math.sqrt(value) * LEVELS), LEVELS - 1),  # what is weak is seen as well
        "place": bisect_right,
    }
    return made


# ---- what a run left ---------------------------------------------------------------------------------


def made_by(folder: Path, title: str, *, report: bool = False) -> Made:
    """Figures, sounds and console of a run folder, which may be anybody's: bounded, and no link is followed.

    ``report``: captions say which figure of the 2018 report it is, and of the sounds the first recording is enough.
    """
    figures, sounds, problems = [], [], []
    for path in listed(folder / "figures", "*.png")[:MOST_FIGURES]:
        try:
            told = CAPTIONS.get(path.stem, path.stem.replace("_", " "))
            told = told if report else re.sub(r" \(Figures? [\d and]+\)$", "", told)
            smaller, width = small_png(content_of(path, MOST_PNG), path)
            figures.append(Figure(f"{title}: {told}", told[:1].upper() + told[1:], smaller, width))
        except InputError as error:
            problems.append(error.message)
    heard = [path for path in listed(folder / "audio", "[0-9]*-*.wav") if not path.stem.endswith("-both")]
    for path in heard[: 2 if report else MOST_SOUNDS]:
        try:
            content = content_of(path, MOST_WAV)
            if content[:4] + content[8:12] != b"RIFFWAVE":
                raise InputError("expected a WAV file", untrusted.DAMAGED, path=path)
            place, _, what = path.stem.partition("-")
            sounds.append(Sound(f"Held-out recording {place}, {what}", base64.b64encode(content).decode()))
        except InputError as error:
            problems.append(error.message)
    console = None
    try:
        if (folder / "console.txt").is_file():
            console = content_of(folder / "console.txt", MOST_CONSOLE).decode("utf-8", "surrogateescape")
    except InputError as error:
        problems.append(error.message)
    return Made(figures, sounds, console, problems)


def listed(folder: Path, pattern: str) -> list[Path]:
    """The files of a folder of a run, in order; none of one that is a link."""
    return [] if folder.is_symlink() else sorted(folder.glob(pattern))


def content_of(path: Path, most: int) -> bytes:
    """A file that the page will carry away. InputError where it is a link: that could lead to one of the user's own."""
    if path.is_symlink():
        raise InputError("expected a file, it is a link", STRANGE, path=path)
    return untrusted.read_bytes(path, most=most)


def small_png(content: bytes, path: Path) -> tuple[str, int]:
    """A figure in 256 colours, a third of its bytes, as base64; and its width on the page, as wide as it was meant.

    InputError where it is no PNG, or a huge one.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture, io.BytesIO() as buffer:
            if picture.width * picture.height > MOST_PIXELS:
                raise InputError(f"expected a figure of at most {MOST_PIXELS:,} pixels", STRANGE, path=path)
            width = round(picture.width * 96 / DPI)
            small = picture.convert("RGB")
            small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            small.quantize(256, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
            return base64.b64encode(buffer.getvalue()).decode(), width
    except (*untrusted.UNREADABLE, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"expected a picture: {error}", untrusted.DAMAGED, path=path) from error


def png(pixels: Any) -> str:
    """uint8 pixels as a PNG of as many pixels, as base64."""
    from PIL import Image

    with io.BytesIO() as buffer:
        Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
        return base64.b64encode(buffer.getvalue()).decode()
