"""Figures of digits: rows of pictures, confusion, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlab.output.figures import COLOURS, FAINT, INK, canvas, grid_of_pictures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Picture = tuple["np.ndarray[Any, Any]", str, str]


def rows_of_digits(rows: Mapping[str, Sequence[Picture]], *, title: str) -> Figure:
    """One row a name; each picture ``(pixels, above, below)`` with a line above and one below it."""
    columns = max(len(row) for row in rows.values())
    figure, axes = grid_of_pictures(list(rows), columns, title=title, side=1.35, left=1.5, top=0.3)
    for line, row in zip(axes, rows.values(), strict=True):
        for ax, (pixels, above, below) in zip(line, row, strict=False):
            ax.imshow(pixels, cmap="gray_r", vmin=0, vmax=255, interpolation="nearest")
            ax.set_title(above, fontsize=10, pad=3)
            ax.set_xlabel(below, fontsize=7, color="#666666", labelpad=2)
    return figure


def confusion(shares: Mapping[str, np.ndarray[Any, Any]], labels: np.ndarray[Any, Any]) -> Figure:
    """Confusion matrices, two a row, mean count a run; only what is wrong is coloured."""
    from matplotlib.figure import Figure

    columns, rows = min(2, len(shares)), -(-len(shares) // 2)
    figure = Figure(figsize=(4.6 * columns, 4.5 * rows), dpi=150, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[len(shares) :]:
        ax.remove()
    for ax, (name, share) in zip(axes, shares.items(), strict=False):
        counts = np.zeros((10, 10))
        for predicted in share.argmax(-1):
            np.add.at(counts, (labels, predicted), 1 / len(share))
        wrong = np.where(np.eye(10, dtype=bool), np.nan, counts)
        most = max(1.0, float(np.nanmax(wrong)))
        ax.imshow(wrong, cmap="Oranges", vmin=0, vmax=most)
        for label, predicted in zip(*np.nonzero(counts), strict=True):
            value = counts[label, predicted]
            text = f"{value:.0f}" if value >= 9.95 or len(share) == 1 else f"{value:.1f}"
            ink = "#8a8a8a" if label == predicted else "white" if value > 0.6 * most else INK
            ax.text(predicted, label, text, ha="center", va="center", fontsize=6, color=ink)
        ax.set_xticks(range(10))
        ax.set_yticks(range(10))
        ax.tick_params(labelsize=8, length=0)
        ax.spines[:].set_visible(False)
        ax.set_title(f"{name}: test digits, mean a run", fontsize=10, color=INK)
        ax.set_xlabel("prediction", fontsize=9)
        ax.set_ylabel("label", fontsize=9)
    return figure


def calibration(shares: Mapping[str, np.ndarray[Any, Any]], labels: np.ndarray[Any, Any]) -> Figure:
    """How often a prediction is right against how sure it is; the runs together, ten bins of equal width.

    The expected calibration error (Naeini, Cooper and Hauskrecht 2015) stands in the legend.
    """
    figure, [ax] = canvas(1, width=5.2, height=4.4, title="Calibration on the test digits")
    ax.plot([0, 1], [0, 1], color=FAINT, linewidth=1.2, linestyle="--")
    for colour, (name, share) in zip(COLOURS, shares.items(), strict=False):
        sure = share.max(-1).ravel().astype(np.float64)
        right = (share.argmax(-1) == labels).ravel()
        place = np.minimum((sure * 10).astype(int), 9)
        bins = [(sure[place == b].mean(), right[place == b].mean(), (place == b).sum()) for b in np.unique(place)]
        error = sum(abs(s - r) * n for s, r, n in bins) / len(sure)
        shown = [(s, r) for s, r, n in bins if n >= 10]
        ax.plot(*zip(*shown, strict=True), color=colour, marker="o", markersize=4, label=f"{name}: error {error:.4f}")
    ax.set_xlabel("probability of the prediction", fontsize=9)
    ax.set_ylabel("share of them right", fontsize=9)
    ax.grid(color=FAINT, linewidth=0.6)
    ax.legend(fontsize=8, frameon=False, loc="lower right")
    return figure
