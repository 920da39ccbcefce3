"""Pictures of digits as people have them, made from pictures ``(28, 28)`` whose label is known."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from skimage.morphology import skeletonize

SIDE = 168
INSET = 12


def strokes(digit: Any, side: int = SIDE) -> Any:
    """Ink in [0, 1] with sharp edges, at a higher resolution."""
    large = np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC), np.float32) / 255
    return np.clip((ndimage.gaussian_filter(large, side / 112) - 0.35) / 0.1, 0, 1)


def pen(digit: Any, side: int, width: float) -> Any:
    """The middle line of the strokes, so many pixels wide."""
    away = ndimage.distance_transform_edt(~skeletonize(strokes(digit, side) > 0.5))
    return np.clip(width / 2 + 0.5 - away, 0, 1).astype(np.float32)


def smaller(ink: Any) -> Any:
    """Ink with more room around it."""
    side = int(len(ink) * 0.8)
    small = np.asarray(Image.fromarray(ink).resize((side, side), Image.Resampling.BILINEAR))
    return np.pad(small, (len(ink) - side) // 2 + 1)[: len(ink), : len(ink)]


def drawn(paper: Any, ink: Any, tone: Any) -> Image.Image:
    """Ink of a tone on paper, a tone or a picture of it."""
    return Image.fromarray(np.clip(paper * (1 - ink) + tone * ink, 0, 255).astype(np.uint8))


def boxed(ink: Any, tone: int, paper: int, *, inset: int = INSET, width: int = 2, angle: float = 0) -> Image.Image:
    """A digit in a box."""
    picture = drawn(float(paper), ink, tone)
    last = len(ink) - 1 - inset
    ImageDraw.Draw(picture).rectangle((inset, inset, last, last), outline=tone, width=width)
    return picture.rotate(angle, fillcolor=paper, resample=Image.Resampling.BICUBIC) if angle else picture


def clear(ink: Any, tone: int) -> Image.Image:
    """Ink on transparency."""
    picture = np.full((*ink.shape, 4), tone, np.uint8)
    picture[..., 3] = (ink * 255).astype(np.uint8)
    return Image.fromarray(picture)


def coloured(ink: Any, paper: tuple[int, ...], tone: tuple[int, ...]) -> Image.Image:
    return drawn(np.array(paper, float), ink[..., None], np.array(tone, float))


def kinds(digit: Any, rng: np.random.Generator) -> dict[str, Image.Image]:
    """One picture of each kind."""
    ink = strokes(digit)
    small = smaller(ink)
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    noise = rng.normal(0, 4, ink.shape)
    thin = pen(digit, 420, 3)
    card = np.full((260, 280), 60.0)
    card[40 : 40 + SIDE, 60 : 60 + SIDE] = 240
    on_card = np.zeros_like(card, dtype=np.float32)
    on_card[40 : 40 + SIDE, 60 : 60 + SIDE] = small
    ruled = drawn(245.0, small, 20)
    for row in range(14, SIDE, 24):
        ImageDraw.Draw(ruled).line((0, row, SIDE, row), fill=190, width=1)
    specks = drawn(245.0, small, 20)
    for row, column in rng.integers(4, SIDE - 8, (4, 2)):
        ImageDraw.Draw(specks).ellipse((column, row, column + 2, row + 2), fill=60)
    ring = drawn(245.0, small, 20)
    ImageDraw.Draw(ring).ellipse((4, 4, SIDE - 4, SIDE - 4), outline=30, width=2)
    shadow = ndimage.gaussian_filter((columns * 0.8 + rows * 0.6 > 0.7).astype(float), 3)
    framed = Image.fromarray(255 - digit)
    ImageDraw.Draw(framed).rectangle((0, 0, 27, 27), outline=0)
    return {
        "as it is": Image.fromarray(digit),
        "dark on light": Image.fromarray(255 - digit),
        "large, light on dark": drawn(5.0, ink, 250),
        "large, dark on light": drawn(245.0, ink, 20),
        "a thin pen": drawn(255.0, thin, 0),
        "a thin pen on a large sheet": drawn(255.0, np.pad(thin, ((200, 120), (60, 240))), 30),
        "in a box": boxed(small, 20, 245),
        "in a box at the border": boxed(ink, 20, 245, inset=0, width=3),
        "in a light box": boxed(small, 250, 5),
        "in a box askew": boxed(small, 20, 245, angle=4),
        "28 pixels, in a box": framed,
        "in a ring": ring,
        "on a card": drawn(card, on_card, 30),
        "on ruled paper": ruled,
        "with specks": specks,
        "uneven light": drawn((245 - 165 * columns) * (1 - 0.85 * ink) + noise, 0 * ink, 0),
        "a shadow": drawn((240 - 110 * shadow) * (1 - 0.85 * ink) + noise, 0 * ink, 0),
        "a shadow with an edge": drawn((240 - 110 * (columns > 0.55)) * (1 - 0.85 * ink) + noise, 0 * ink, 0),
        "dark corners": drawn((230 - 260 * ((columns - 0.5) ** 2 + (rows - 0.5) ** 2)) * (1 - 0.8 * ink), 0 * ink, 0),
        "little contrast": drawn(200 + noise, ink, 150),
        "white on transparency": clear(ink, 255),
        "black on transparency": clear(ink, 0),
        "blue on yellow": coloured(ink, (250, 245, 190), (20, 30, 160)),
        "green on red": coloured(ink, (200, 60, 60), (60, 140, 60)),
        "16 bits": Image.fromarray((ink * 65_535).astype(np.uint16)),
        "12 bits": Image.fromarray((4095 - ink * 4000).astype(np.uint16)),
    }
