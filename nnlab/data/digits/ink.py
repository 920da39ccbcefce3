"""Paper and ink of a picture of one digit, told apart whatever the light, the colours and what is drawn around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]
Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
FAINT = 6  # grey levels of 255: less contrast is no ink
PIECE = 0.3  # of the largest piece's area: smaller ones are no digit of their own
WIDE = 2.0  # times as wide as high: the widest of MNIST's digits is 1.96
WEIGHTS = np.array([6.0, 1.5, 1.0, 1.0])  # of the evidence: right for 2,134 of 2,140 pictures of 50 kinds


# ---- paper and ink ---------------------------------------------------------------------------------


def otsu(values: Array) -> float:
    """The threshold that parts values best into two classes (Otsu 1979)."""
    counts, edges = np.histogram(values, 128)
    middles = (edges[1:] + edges[:-1]) / 2
    below, mass = np.cumsum(counts), np.cumsum(counts * middles)
    between = (mass[-1] * below / below[-1] - mass) ** 2 / np.maximum(below * (below[-1] - below), 1)
    return float(middles[between.argmax()])


def stroke_width(strokes: Mask) -> float:
    """The width of lines in pixels: four times their mean depth, less the pixel that is counted twice."""
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(strokes, 1))[1:-1, 1:-1]
    return 4 * float(depth[strokes].mean()) - 1


def without_frame(grey: Array) -> Array | None:
    """What is inside a frame, or on a card, of one tone along all four sides; None where there is none."""
    low, high = np.quantile(grey, [0.02, 0.98])
    tones = [np.median(line) for line in (grey[0], grey[-1], grey[:, 0], grey[:, -1])]
    if high - low < FAINT or np.ptp(tones) > 0.2 * (high - low):
        return None
    other = np.abs(grey - np.median(tones)) > 0.4 * (high - low)
    depths = [_depth(lines) for lines in (other, other[::-1], other.T, other.T[::-1])]
    if 0 in depths:
        return None
    height, width = grey.shape
    inside = (slice(depths[0], height - depths[1]), slice(depths[2], width - depths[3]))
    if min(grey[inside].shape) < 8 or other[inside][_ring(grey[inside].shape, 0, 0.02)].mean() < 0.75:
        return None
    return grey[inside]


def _depth(other: Mask) -> int:
    """How many lines from the edge a frame is deep; 0: there is none. ``other``: what is not of its tone."""
    margin = other.shape[1] // 6
    share = other[:, margin : other.shape[1] - margin].mean(axis=1)
    if share[0] > 0.1:
        return 0
    abrupt = max(1, len(share) // 50)
    for line in range(1, int(len(share) * 0.4)):
        if share[line] >= 0.6:
            if share[max(0, line - abrupt)] > 0.2:  # it fades: a shadow, or a round shape
                return 0
            while share[line + 1] > share[line] and line < 0.45 * len(share):  # the blurred edge of the frame
                line += 1
            return line
    return 0


def _ring(shape: tuple[int, ...], first: float, last: float) -> Mask:
    """Pixels between two distances from the edge, as shares of the shorter side."""
    height, width = shape
    start, end = int(min(shape) * first), max(1, round(min(shape) * last))
    ring = np.zeros(shape, bool)
    ring[start : height - start, start : width - start] = True
    ring[end : height - end, end : width - end] = False
    return ring


def find_ink(grey: Array) -> tuple[Array, float]:
    """Where a picture of a digit has ink, whether it is darker or lighter than its paper.

    Args:
        grey: ``(height, width)``, in grey levels 0-255.

    Returns:
        Ink ``(height, width)`` in [0, 1], and its contrast to the paper in grey levels.
    """
    from scipy.ndimage import gaussian_filter, label

    side = min(grey.shape)
    smooth = gaussian_filter(grey, min(side * 0.004, 2.4)) if side > 100 else grey
    surface, misfit = _surface(grey)
    trend = surface
    span = np.quantile(smooth, 0.995) - np.quantile(smooth, 0.005)
    if misfit >= 0.035 * span:  # a shadow with an edge: no smooth surface fits
        trend = np.full_like(grey, np.median(grey))
    whole = max(3, int(side * 0.4) | 1)
    candidates = {light: _strokes(smooth, trend, light, whole) for light in (True, False)}
    evidence = _evidence(grey, grey - surface, misfit, candidates)
    light = bool(WEIGHTS @ evidence > 0)
    ink, contrast = candidates[light]
    strokes = ink > 0.5
    if strokes.any():  # now with the size of these strokes: edges of shadows fall away
        labels, _ = label(strokes)
        free = strokes & ~np.isin(labels, _at_border(labels))
        size = int(2.5 * stroke_width(free if free.sum() > 0.2 * strokes.sum() else strokes) + 3) | 1
        if size < 0.25 * side:
            ink, contrast = _strokes(smooth, trend, light, size)
    return ink, contrast


def _strokes(smooth: Array, trend: Array, light: bool, size: int) -> tuple[Array, float]:
    """Ink in [0, 1] thinner than ``size``, darker than paper that is light or lighter than dark paper; its contrast."""
    sign = 1 if light else -1
    paper = sign * _closed(sign * (smooth - trend), size) + trend
    ink = sign * (paper - smooth)
    contrast = _levels(ink)[1]
    if light:  # what ink takes is a share of the light that falls on it
        ink = ink / np.maximum(paper, 32) * 255
    return _levels(ink)[0], contrast


def _evidence(grey: Array, off: Array, misfit: float, candidates: Mapping[bool, tuple[Array, float]]) -> Array:
    """Four numbers, above 0 where the ink is darker than its paper.

    What lies in the corners, at the border and on most of the picture is paper; ink has more contrast than the edge
    of a shadow; it is long and thin, where what is left over between strokes is a blob; and it is off the surface
    through the border.
    """
    light = grey > otsu(grey)
    size = max(1, round(min(grey.shape) * 0.15))
    corners = [light[rows, columns].mean() for rows in _ends(size) for columns in _ends(size)]
    rings = [light[_ring(grey.shape, *ring)].mean() for ring in ((0, 0.04), (0.04, 0.1))]
    place = (2 * np.mean(corners) + np.mean(rings) + light.mean()) / 4 - 0.5
    (dark, dark_contrast), (bright, bright_contrast) = candidates[True], candidates[False]
    contrast = np.log((dark_contrast + 1) / (bright_contrast + 1))
    shape = np.log(_length(dark > 0.5) / _length(bright > 0.5))
    span = np.quantile(grey, 0.995) - np.quantile(grey, 0.005)
    far = off[np.abs(off) > max(4 * misfit, 0.15 * span, 3)]
    return np.array([place, contrast, np.clip(shape, -1.5, 1.5), -far.sum() / max(np.abs(far).sum(), 1)])


def _length(strokes: Mask) -> float:
    """How many times longer than wide strokes are; 1 for none."""
    return max(1.0, float(strokes.sum()) / max(stroke_width(strokes), 1) ** 2) if strokes.any() else 1.0


def _ends(size: int) -> tuple[slice, slice]:
    return slice(None, size), slice(-size, None)


def _surface(grey: Array) -> tuple[Array, float]:
    """A quadratic surface through most of the border, and how far the border is from it (median, grey levels)."""
    rows, columns = np.meshgrid(*(np.linspace(-1, 1, length) for length in grey.shape), indexing="ij")
    terms = np.stack([np.ones_like(rows), rows, columns, rows**2, columns**2, rows * columns], -1)
    ring = _ring(grey.shape, 0, 0.04)
    given, wanted = terms[ring], grey[ring]
    every = max(1, len(wanted) // 4000)
    given, wanted = given[::every], wanted[::every]
    kept = np.ones(len(wanted), bool)
    for _ in range(4):  # what is far off is ink or a frame
        weights = np.linalg.lstsq(given[kept], wanted[kept], rcond=None)[0]
        off = np.abs(wanted - given @ weights)
        kept = off <= max(2.5 * float(np.median(off)), 3)
        if kept.sum() < 12:
            break
    return terms @ weights, float(np.median(off))


def _closed(values: Array, size: int) -> Array:
    """Grey closing: what is darker and thinner than ``size`` is filled; nothing is assumed beyond the border."""
    from scipy.ndimage import maximum_filter, minimum_filter

    filled = maximum_filter(values, size, mode="constant", cval=-1e9)
    closed: Array = minimum_filter(filled, size, mode="constant", cval=1e9)
    return closed


def _levels(ink: Array) -> tuple[Array, float]:
    """Contrast to the paper as [0, 1], paper's noise as 0, and the contrast of full ink."""
    ink = np.clip(ink - np.median(ink), 0, None)
    threshold = otsu(ink)
    core, paper = ink[ink > threshold], ink[ink <= threshold]
    if not len(core) or not len(paper):
        return np.zeros_like(ink), 0.0
    full = float(np.quantile(core, 0.8))
    low = max(4 * 1.4826 * float(np.median(np.abs(paper - np.median(paper)))), 0.04 * full)
    return np.clip((ink - low) / max(full - low, 1e-6), 0, 1), full


# ---- several digits, boxes, lines and specks ---------------------------------------------------------


def without_lines(ink: Array) -> Array:
    """Ink without a box drawn around the digit, lines across the picture, and specks."""
    from scipy.ndimage import distance_transform_edt, find_objects, label

    height, width = ink.shape
    labels, count = label(ink > 0.4, np.ones((3, 3)))
    if count == 0:
        return ink
    area = np.bincount(labels.ravel(), minlength=count + 1)
    area[0] = 0
    places = find_objects(labels)
    for number in np.argsort(-area)[:4]:
        if area[number]:
            inside = _inside_box(ink, labels, int(number), places[number - 1])
            if inside is not None:
                return without_lines(inside)
    dropped = area < 0.03 * area.max()
    at_border = _at_border(labels)
    dropped[at_border] |= area[at_border] < 0.2 * area.max()  # of a neighbour, or of a shadow
    if area[dropped].sum() >= 0.2 * area.sum():
        dropped[:] = False  # many pieces: a dotted or broken line
    for number, (rows, columns) in enumerate(places, start=1):
        tall, wide = (rows.stop - rows.start) / height, (columns.stop - columns.start) / width
        line = max(tall, wide) > 0.9 and min(tall, wide) < 0.12
        dropped[number] |= line and area[number] < 0.6 * area.sum()
    dropped[0] = True
    near = distance_transform_edt(dropped[labels]) <= max(1, round(0.012 * max(ink.shape)))
    return np.where(near, ink, 0)


def are_several(ink: Array) -> bool:
    """Whether ink looks like several digits: large pieces with a gap between their columns, or much wider than high.

    It is said of 1 in 2,500 of MNIST's test digits, and of 98 % of pairs of them side by side.
    """
    from scipy.ndimage import find_objects, label

    labels, _ = label(ink > 0.4, np.ones((3, 3)))
    area = np.bincount(labels.ravel())[1:]
    large = [place for place, size in zip(find_objects(labels), area, strict=True) if size >= PIECE * area.max()]
    end = 0
    for number, (_, columns) in enumerate(sorted(large, key=lambda place: place[1].start)):
        if number and columns.start >= end:
            return True
        end = max(end, columns.stop)
    rows, columns = (np.flatnonzero((ink > 0.4).any(axis=axis)) for axis in (1, 0))
    return len(rows) > 0 and bool(np.ptp(columns) + 1 > WIDE * (np.ptp(rows) + 1))


def _at_border(labels: Array) -> Array:
    """The numbers of the pieces that touch the border of the picture."""
    return np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))


def _inside_box(ink: Array, labels: Array, number: int, place: tuple[slice, slice]) -> Array | None:
    """The ink inside a piece that is a box, or a ring, with a digit in it; None where the piece is none."""
    from scipy.ndimage import binary_dilation, binary_fill_holes

    piece, mask = labels[place] == number, labels[place] > 0
    content = mask & ~piece & binary_fill_holes(piece)
    if max(piece.shape) >= 0.35 * max(ink.shape) and _tall(content, piece):  # all around it, and apart from it
        near = binary_dilation(content, np.ones((3, 3)), iterations=max(1, round(0.012 * max(ink.shape)))) & ~piece
        inside = np.zeros_like(ink)
        inside[place] = np.where(near, ink[place], 0)
        return inside
    if not _is_box(piece, place, ink.shape):
        return None
    inside = np.zeros_like(ink)
    part = inside[place]
    part[:] = ink[place]  # the digit touches the box: its lines are wiped away, as thick as they are elsewhere
    tall, wide = (max(1, round(0.14 * length)) for length in piece.shape)
    for lines, given, depth in ((part, piece, tall), (part[::-1], piece[::-1], tall),
                                (part.T, piece.T, wide), (part.T[::-1], piece.T[::-1], wide)):  # fmt: skip
        _wipe(lines, given, depth)
    return inside if _tall(part > 0.4, piece) else None


def _tall(content: Mask, piece: Mask) -> bool:
    """Whether there is enough within a box to be a digit: else the box is one, a zero."""
    rows = np.flatnonzero(content.any(axis=1))
    return len(rows) > 0 and bool(np.ptp(rows) >= 0.25 * len(piece))


def _is_box(piece: Mask, place: tuple[slice, slice], shape: tuple[int, ...]) -> bool:
    """Whether a piece has four straight sides; one may be cut off by the border of the picture."""
    shares = [length / whole for length, whole in zip(piece.shape, shape, strict=True)]
    if max(shares) < 0.35 or min(shares) < 0.2:
        return False
    straight = 0
    for axis, (part, whole) in enumerate(zip(place, shape, strict=True)):
        lines = piece if axis == 0 else piece.T
        depth = max(1, round(0.14 * len(lines)))
        for edge, cut in ((lines[:depth], part.start <= 1), (lines[-depth:], part.stop >= whole - 1)):
            if edge.any(axis=0).mean() >= 0.85:
                straight += 1
            elif not cut:
                return False
    return straight >= 3


def _wipe(ink: Array, piece: Mask, depth: int) -> None:
    """Take away the line along the first rows."""
    columns = np.flatnonzero(piece[:depth].any(axis=0))
    starts = piece[:, columns].argmax(axis=0)
    runs = [_run(piece[start:, column]) for start, column in zip(starts, columns, strict=True)]
    thick = round(1.5 * float(np.median(runs)))
    for start, column, run in zip(starts, columns, runs, strict=True):
        ink[: start + min(run, thick) + 1, column] = 0


def _run(line: Mask) -> int:
    """How many are set before the first that is not."""
    return len(line) if line.all() else int(line.argmin())
