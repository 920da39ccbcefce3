"""Figures of pictures: rows of what went in and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlab.output.figures import grid_of_pictures

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def rows_of_pictures(rows: Mapping[str, np.ndarray[Any, Any]], *, title: str) -> Figure:
    """One row a name, its pictures ``(n, side, side, 3)`` in [0, 1] beside each other."""
    columns = max(len(row) for row in rows.values())
    figure, axes = grid_of_pictures(list(rows), columns, title=title, side=0.95, left=1.5, top=0.05)
    for line, row in zip(axes, rows.values(), strict=True):
        for ax, picture in zip(line, row, strict=False):
            ax.imshow(np.clip(picture, 0, 1), interpolation="nearest")
    return figure
