"""The sample of digits, which the project draws itself, and the printed digits that it is drawn from."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nnlab.data.digits.digit_pictures import SIDE
from nnlab.data.pictures.pixels import Bytes
from nnlab.data.random import Stream, rng

Array: TypeAlias = np.ndarray[Any, Any]
FONTS = (
    *("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSans-Oblique.ttf", "DejaVuSerif.ttf", "DejaVuSerif-Italic.ttf"),
    *("DejaVuSerif-Bold.ttf", "DejaVuSansMono.ttf", "DejaVuSansMono-Oblique.ttf", "STIXGeneral.ttf", "cmss10.ttf"),
    *("STIXGeneralItalic.ttf", "cmr10.ttf", "cmtt10.ttf"),
)


def draw_digits(total: int, seed: int) -> tuple[Bytes, Bytes]:
    """Digits in the fonts that come with matplotlib, turned, sheared, stretched, made wavy, and noisy.

    Elastic distortion as in Simard, Steinkraus and Platt (2003). The same seed draws the same.

    Returns:
        Pictures ``(total, 28, 28)`` and labels ``(total,)``.
    """
    from scipy.ndimage import gaussian_filter, map_coordinates

    draws = rng(seed, Stream.SAMPLE_DIGITS)
    glyphs = printed_digits()
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
    return pictures, labels


@functools.cache
def printed_digits() -> Array:
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
            drawn[number, digit] = _centred(np.asarray(picture))
    return drawn


def _centred(picture: Bytes) -> Bytes:
    """White ink on black fitted into 20 × 20, its mass in the middle of 28 × 28."""
    from PIL import Image

    rows, columns = np.nonzero(picture > picture.max() * 0.2)
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
