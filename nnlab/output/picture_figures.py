"""Figures of digits and pictures, in the style of :mod:`nnlab.output.figures`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlab.output.figures import COLOURS, FAINT, INK, LONGEST_TITLE, Array, canvas, own_style, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@own_style
def grid_of_pictures(
    names: Sequence[str], columns: int, *, title: str, side: float, left: float, top: float
) -> tuple[Figure, Any]:
    """A figure of ``len(names)`` rows of pictures, each row named at its left, and its axes without any frame.

    Sizes in inches: ``side`` of a picture's place (width, height is ``top`` more), ``left`` for the names.
    """
    from matplotlib.figure import Figure

    size = (left + side * columns, 0.5 + (side + top) * len(names))
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    figure.suptitle(shown(title, LONGEST_TITLE), fontsize=10, color=INK)
    axes = figure.subplots(len(names), columns, squeeze=False)
    for name, line in zip(names, axes, strict=True):
        for ax in line:
            ax.set_xticks([])
            ax.set_yticks([])
            ax.spines[:].set_visible(False)
        line[0].set_ylabel(shown(name), fontsize=9, rotation=0, ha="right", va="center", labelpad=8)
    return figure, axes


@own_style
def rows_of_digits(rows: Mapping[str, Sequence[tuple[Array, str, str]]], *, title: str) -> Figure:
    """One row per name; each picture ``(pixels, above, below)`` with a line above and one below it."""
    columns = max(len(row) for row in rows.values())
    figure, axes = grid_of_pictures(list(rows), columns, title=title, side=1.35, left=1.5, top=0.3)
    for line, row in zip(axes, rows.values(), strict=True):
        for ax, (pixels, above, below) in zip(line, row, strict=False):
            ax.imshow(pixels, cmap="gray_r", vmin=0, vmax=255, interpolation="nearest")
            ax.set_title(shown(above), fontsize=10, pad=3)
            ax.set_xlabel(shown(below), fontsize=7, color="#666666", labelpad=2)
    return figure


@own_style
def confusion(probabilities: Mapping[str, Array], labels: Array) -> Figure:
    """Confusion matrices, two per row, mean count per run; only what is wrong is coloured."""
    from matplotlib.figure import Figure

    columns, rows = min(2, len(probabilities)), -(-len(probabilities) // 2)
    figure = Figure(figsize=(4.6 * columns, 4.5 * rows), dpi=150, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[len(probabilities) :]:
        ax.remove()
    matrices = {name: np.zeros((10, 10)) for name in probabilities}
    for name, given in probabilities.items():
        for predicted in given.argmax(-1):
            np.add.at(matrices[name], (labels, predicted), 1 / len(given))
    right = np.eye(10, dtype=bool)
    most = max(1.0, *(float(counts[~right].max()) for counts in matrices.values()))  # one scale: networks are compared
    for ax, (name, given) in zip(axes, probabilities.items(), strict=False):
        counts = matrices[name]
        ax.imshow(np.where(right, np.nan, counts), cmap="Oranges", vmin=0, vmax=most)
        for label, predicted in zip(*np.nonzero(counts), strict=True):
            value = counts[label, predicted]
            text = f"{value:.0f}" if value >= 9.95 or len(given) == 1 else f"{value:.1f}"
            ink = "#8a8a8a" if label == predicted else "white" if value > 0.6 * most else INK
            ax.text(predicted, label, text, ha="center", va="center", fontsize=6, color=ink)
        ax.set_xticks(range(10))
        ax.set_yticks(range(10))
        ax.tick_params(labelsize=8, length=0)
        ax.spines[:].set_visible(False)
        ax.set_title(f"{name}: test digits, mean per run", fontsize=10, color=INK)
        ax.set_xlabel("prediction", fontsize=9)
        ax.set_ylabel("label", fontsize=9)
    return figure


@own_style
def calibration(probabilities: Mapping[str, Array], labels: Array) -> Figure:
    """How often a prediction is right against how sure it is; the runs together, ten bins of equal width.

    The expected calibration error (ECE: Naeini, Cooper and Hauskrecht 2015) stands in the legend, in percentage points.
    """
    figure, [ax] = canvas(1, width=5.2, height=4.4, title="Calibration on the test digits")
    ax.plot([0, 1], [0, 1], color=FAINT, linewidth=1.2, linestyle="--", label="perfectly calibrated")
    for colour, (name, given) in zip(COLOURS, probabilities.items(), strict=False):
        sure = given.max(-1).ravel().astype(np.float64)
        right = (given.argmax(-1) == labels).ravel()
        place = np.minimum((sure * 10).astype(int), 9)
        bins = [(sure[place == b].mean(), right[place == b].mean(), (place == b).sum()) for b in np.unique(place)]
        error = sum(abs(s - r) * n for s, r, n in bins) / len(sure)
        points = np.array([(s, r) for s, r, n in bins if n >= 10]).reshape(-1, 2)
        ax.plot(*points.T, color=colour, marker="o", markersize=4, label=f"{name}: ECE {100 * error:.1f} points")
    ax.set_xlabel("probability of the prediction", fontsize=9)
    ax.set_ylabel("share of them right", fontsize=9)
    ax.grid(color=FAINT, linewidth=0.6)
    ax.legend(fontsize=8, frameon=False, loc="lower right")
    return figure


@own_style
def rows_of_pictures(rows: Mapping[str, Array], *, title: str) -> Figure:
    """One row per name, its pictures ``(n, side, side, 3)`` in [0, 1] beside each other."""
    columns = max(len(row) for row in rows.values())
    figure, axes = grid_of_pictures(list(rows), columns, title=title, side=0.95, left=1.5, top=0.05)
    for line, row in zip(axes, rows.values(), strict=True):
        for ax, picture in zip(line, row, strict=False):
            ax.imshow(np.clip(picture, 0, 1), interpolation="nearest")
    return figure
