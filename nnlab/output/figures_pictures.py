"""Figures of pictures: rows of what went in and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlab.output.figures import INK

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def rows_of_pictures(rows: Mapping[str, np.ndarray[Any, Any]], *, title: str) -> Figure:
    """One row a name, its pictures ``(n, side, side, 3)`` in [0, 1] beside each other."""
    from matplotlib.figure import Figure

    columns = max(len(row) for row in rows.values())
    figure = Figure(figsize=(1.5 + 0.95 * columns, 0.5 + 1.0 * len(rows)), dpi=150, layout="constrained")
    figure.suptitle(title, fontsize=10, color=INK)
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for line, (name, row) in zip(axes, rows.items(), strict=True):
        for place, ax in enumerate(line):
            ax.set_xticks([])
            ax.set_yticks([])
            ax.spines[:].set_visible(False)
            if place == 0:
                ax.set_ylabel(name, fontsize=9, rotation=0, ha="right", va="center", labelpad=8)
            if place < len(row):
                ax.imshow(np.clip(row[place], 0, 1), interpolation="nearest")
    return figure
