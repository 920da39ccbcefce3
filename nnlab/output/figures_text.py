"""Figures of what recurrent networks read and write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlab.output.figures import INK, canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LONGEST = 30  # characters of a sentence that still have a readable tick each


def attention_maps(maps: Sequence[tuple[list[str], list[str], np.ndarray[Any, Any]]], *, title: str) -> Figure:
    """(read, written, weights) side by side: dark where a written piece (rows) looked while it was chosen."""
    figure, axes = canvas(len(maps), width=4.2, height=4.6, title=f"{title}: where each written piece looked")
    for ax, (read, written, weights) in zip(axes, maps, strict=True):
        read, written = read[:LONGEST], written[:LONGEST]
        ax.imshow(weights[: len(written) + 1, : len(read)], cmap="Blues", vmin=0, aspect="auto")
        ax.set_xticks(range(len(read)), read, fontsize=8, rotation=60)
        ax.set_yticks(range(len(written) + 1), [*written, "end"], fontsize=8)
        ax.tick_params(length=0, colors=INK)
        ax.set_xlabel("read", fontsize=9)
        ax.set_ylabel("written", fontsize=9)
    return figure
