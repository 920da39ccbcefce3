"""Figures as PNG, one style for all: labelled axes, no overlap, colours that the colour-blind tell apart."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette (2008), in an order whose neighbours differ most.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
INK, FAINT = "#222222", "#D9D9D9"


def canvas(columns: int = 1, *, width: float = 4.6, height: float = 3.4, title: str = "") -> tuple[Figure, list[Axes]]:
    """A figure with ``columns`` axes side by side, ready to draw on."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height), dpi=150, layout="constrained")
    if title:
        figure.suptitle(title, fontsize=11, color=INK)
    axes = [figure.add_subplot(1, columns, number + 1) for number in range(columns)]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(which="both", labelsize=8, colors=INK)
        ax.set_axisbelow(True)
    return figure, axes


def png(figure: Figure) -> bytes:
    """The figure as PNG bytes; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def grid_of_pictures(
    names: Sequence[str], columns: int, *, title: str, side: float, left: float, top: float
) -> tuple[Figure, Any]:
    """A figure of ``len(names)`` rows of pictures, each row named at its left, and its axes without any frame.

    Sizes in inches: ``side`` of a picture's place (width, height is ``top`` more), ``left`` for the names.
    """
    from matplotlib.figure import Figure

    size = (left + side * columns, 0.5 + (side + top) * len(names))
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    figure.suptitle(title, fontsize=10, color=INK)
    axes = figure.subplots(len(names), columns, squeeze=False)
    for name, line in zip(names, axes, strict=True):
        for ax in line:
            ax.set_xticks([])
            ax.set_yticks([])
            ax.spines[:].set_visible(False)
        line[0].set_ylabel(name, fontsize=9, rotation=0, ha="right", va="center", labelpad=8)
    return figure, axes


def curves(
    ax: Axes, lines: Mapping[str, Sequence[tuple[Sequence[float], Sequence[float]]]], *, ylabel: str, log: bool = False
) -> None:
    """Curves by epoch: each name has one line a run; the first is drawn full, the others faint."""
    from matplotlib.ticker import MaxNLocator

    values = [value for runs in lines.values() for _, y in runs for value in y]
    last = max((x[-1] for runs in lines.values() for x, _ in runs if x), default=1)
    for colour, (name, runs) in zip(COLOURS, lines.items(), strict=False):
        for number, (x, y) in enumerate(runs):
            style = {"label": name, "linewidth": 1.6} if number == 0 else {"alpha": 0.3, "linewidth": 0.8}
            ax.plot(x, y, color=colour, marker="o" if len(x) < 12 and number == 0 else "", markersize=3, **style)
    ax.set_xlabel("epoch", fontsize=9)
    ax.set_ylabel(ylabel, fontsize=9)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if last == 1:
        ax.set_xlim(0.5, 1.5)
    if log and values and max(values) > 5 * min(values) > 0:  # less than that has no readable ticks
        ax.set_yscale("log")
    ax.grid(color=FAINT, linewidth=0.6)
    if len(lines) > 1:
        ax.legend(fontsize=8, frameon=False)


def shares(ax: Axes, groups: Mapping[str, tuple[int, int]], *, xlabel: str) -> None:
    """Bars of shares in percent from (right, all) counts, each with its count written under its name."""
    names = [f"{name}\nn={total}" for name, (_, total) in groups.items()]
    values = [100 * right / total for right, total in groups.values()]
    bars = ax.bar(range(len(names)), values, color=COLOURS[0], width=0.65)
    digits = [max(0, min(2, len(str(total)) - 2)) for _, total in groups.values()]  # as many as the count is worth
    told = [f"{round(value, few):g}" for value, few in zip(values, digits, strict=True)]
    ax.bar_label(bars, told, fontsize=7, padding=2, color=INK)
    ax.set_xticks(range(len(names)), names, fontsize=7)
    ax.set_ylim(0, 112)
    ax.set_yticks(range(0, 101, 20))
    ax.set_xlabel(xlabel, fontsize=9)
    ax.set_ylabel("answers right (%)", fontsize=9)
    ax.grid(axis="y", color=FAINT, linewidth=0.6)
