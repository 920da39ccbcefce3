"""Figures of what recurrent networks read and write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlab.output.figures import INK, canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LONGEST = 30  # characters of a sentence that still have a readable tick each


def by_length(lengths: Sequence[int], right: Sequence[bool]) -> dict[str, tuple[int, int]]:
    """(right, all) counts of up to eight groups of like length, about as many in each."""
    found = np.array(lengths)
    edges = np.unique(np.quantile(found, np.linspace(0, 1, 9)).astype(int))
    groups: dict[str, tuple[int, int]] = {}
    starts = edges[:-1] if len(edges) > 1 else edges
    for low, high in zip(starts, [*starts[1:], edges[-1] + 1], strict=True):
        inside = (found >= low) & (found < high)
        name = f"{low}–{high - 1}" if high - 1 > low else str(low)
        groups[name] = (int(np.array(right)[inside].sum()), int(inside.sum()))
    return groups


def attention_maps(maps: Sequence[tuple[list[str], list[str], np.ndarray[Any, Any]]], *, title: str) -> Figure:
    """(read, written, weights) side by side: dark where a written piece (rows) looked while it was chosen."""
    figure, axes = canvas(len(maps), width=4.2, height=4.6, title=f"{title}: where each written piece looked")
    for ax, (read, written, weights) in zip(axes, maps, strict=True):
        read, written = read[:LONGEST], [*written, "end"][:LONGEST]
        ax.imshow(weights[: len(written), : len(read)], cmap="Blues", vmin=0, aspect="auto")
        ax.set_xticks(range(len(read)), read, fontsize=8, rotation=60)
        ax.set_yticks(range(len(written)), written, fontsize=8)
        ax.tick_params(length=0, colors=INK)
        ax.set_xlabel("read", fontsize=9)
        ax.set_ylabel("written", fontsize=9)
    return figure
