"""Figures as PNG, one style for all: labelled axes, no overlap, colours that the colour-blind tell apart."""

from __future__ import annotations

import functools
import importlib.util
import io
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from nnlab.errors import NnlabError
from nnlab.output.terminal import Terminal, literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")
R = TypeVar("R")
Array = np.ndarray[Any, Any]
LONGEST = 30  # tokens of a sentence that still have a readable tick each
LONGEST_NAME, LONGEST_TITLE = 40, 100  # characters of a text from outside: more would leave no room for the figure
RANGE_DB = 50  # below the loudest: what a spectrogram shows

# Okabe and Ito's palette (2008), in an order whose neighbours differ most.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
INK, FAINT = "#222222", "#D9D9D9"


def own_style(draw: Callable[P, R]) -> Callable[P, R]:
    """Have a function draw in matplotlib's own style, whatever the user's ``matplotlibrc`` says."""

    @functools.wraps(draw)
    def styled(*arguments: P.args, **options: P.kwargs) -> R:
        matplotlib = own_matplotlib()
        with matplotlib.rc_context(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # a box stands for it
            warnings.filterwarnings("ignore", "constrained_layout not applied")  # long names overlap
            matplotlib.rcdefaults()
            matplotlib.rcParams["backend"] = "agg"
            return draw(*arguments, **options)

    return styled


@functools.cache
def own_matplotlib() -> Any:
    """matplotlib, imported without the user's settings, which may be wrong, and without what it logs of them."""
    spec = importlib.util.find_spec("matplotlib")
    assert spec is not None
    assert spec.origin is not None
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    own = {"MPLBACKEND": "agg", "MATPLOTLIBRC": str(Path(spec.origin).parent / "mpl-data" / "matplotlibrc")}
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        import matplotlib
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
    return matplotlib


@contextmanager
def optional(terminal: Terminal) -> Iterator[None]:
    """Draw within: a figure that cannot be drawn is told, and costs neither the run nor its results."""
    try:
        yield
    except (OSError, MemoryError):
        raise
    except Exception as error:
        reason = error.message if isinstance(error, NnlabError) else f"{type(error).__name__}: {str(error)[:200]}"
        terminal.warn(f"a figure could not be drawn ({' '.join(reason.split())}); the results are complete")
        terminal.traceback(error)


def shown(text: str, most: int = LONGEST_NAME) -> str:
    """A text from outside as a figure may show it: no formula, no control character, not longer than fits."""
    short = text if len(text) <= most else f"{text[: most - 1]}…"
    return literal(short).replace("$", r"\$")


@own_style
def canvas(columns: int = 1, *, width: float = 4.6, height: float = 3.4, title: str = "") -> tuple[Figure, list[Axes]]:
    """A figure with ``columns`` axes side by side, ready to draw on."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height), dpi=150, layout="constrained")
    if title:
        figure.suptitle(shown(title, LONGEST_TITLE), fontsize=11, color=INK)
    axes = [figure.add_subplot(1, columns, number + 1) for number in range(columns)]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(which="both", labelsize=8, colors=INK)
        ax.set_axisbelow(True)
    return figure, axes


@own_style
def png(figure: Figure) -> bytes:
    """The figure as PNG bytes; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


@own_style
def curves(
    ax: Axes, lines: Mapping[str, Sequence[tuple[Sequence[float], Sequence[float]]]], *, ylabel: str, log: bool = False
) -> None:
    """Curves by epoch: each name has one line per run; the first is drawn full, the others faint."""
    from matplotlib.ticker import LogLocator, MaxNLocator

    values = [value for runs in lines.values() for _, y in runs for value in y]
    last = max((x[-1] for runs in lines.values() for x, _ in runs if x), default=1)
    for colour, (name, runs) in zip(COLOURS, lines.items(), strict=False):
        label = shown(f" {name}" if name.startswith("_") else name)  # matplotlib would leave it out
        for number, (x, y) in enumerate(runs):
            style = {"label": label, "linewidth": 1.6} if number == 0 else {"alpha": 0.3, "linewidth": 0.8}
            ax.plot(x, y, color=colour, marker="o" if len(x) < 12 and number == 0 else "", markersize=3, **style)
    ax.set_xlabel("epoch", fontsize=9)
    ax.set_ylabel(shown(ylabel), fontsize=9)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if last == 1:
        ax.set_xlim(0.5, 1.5)
    if log and values and max(values) > 5 * min(values) > 0:  # less than that has no readable ticks
        ax.set_yscale("log")
        steps = (1, 2, 5) if max(values) < 30 * min(values) else (1, 3) if max(values) < 1000 * min(values) else (1,)
        ax.yaxis.set_major_locator(LogLocator(subs=steps))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.minorticks_off()
    ax.grid(color=FAINT, linewidth=0.6)
    if len(lines) > 1:
        ax.legend(fontsize=8, frameon=False)


@own_style
def bars(ax: Axes, groups: Mapping[str, tuple[int, int]], *, xlabel: str) -> None:
    """Bars in percent from (right, all) counts, all above 0, each with its count written under its name."""
    names = [f"{shown(name)}\nn={total}" for name, (_, total) in groups.items()]
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


@own_style
def by_setting(lines: Mapping[str, Sequence[tuple[Any, Any]]], *, xlabel: str, ylabel: str, title: str) -> Figure:
    """Figures by the value of a setting: ``(value, figure)`` of each line, a figure of several runs with its interval.

    Values that are numbers stand on an axis, a logarithmic one where they span a factor of ten; others side by side.
    """
    figure, [ax] = canvas(1, width=6.0, title=title)
    values = list(dict.fromkeys(value for line in lines.values() for value, _ in line))
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if numbers and min(values) > 0 and max(values) >= 10 * min(values):
        ax.set_xscale("log")
        ax.minorticks_off()
    places = {value: value if numbers else place for place, value in enumerate(values)}
    for colour, (name, line) in zip(COLOURS, lines.items(), strict=False):
        means = [figure["mean"] if isinstance(figure, dict) else figure for _, figure in line]
        spans = [figure["ci95"] if isinstance(figure, dict) else (None, None) for _, figure in line]
        ends = [
            ((m - low, high - m) if low is not None else (0, 0)) for m, (low, high) in zip(means, spans, strict=True)
        ]
        ax.errorbar(
            [places[value] for value, _ in line], means, yerr=np.array(ends).T if ends else None, label=shown(name),
            color=colour, marker="o", markersize=4, linewidth=1.5, capsize=3, linestyle="-" if numbers else "",
        )  # fmt: skip
    ax.set_xticks(list(places.values()), [shown(f"{value:g}" if numbers else str(value), 20) for value in values])
    ax.set_xlabel(shown(xlabel), fontsize=9)
    ax.set_ylabel(shown(ylabel), fontsize=9)
    ax.grid(color=FAINT, linewidth=0.6)
    if len(lines) > 1:
        ax.legend(fontsize=8, frameon=False)
    return figure


@own_style
def by_digits(ax: Axes, lines: Mapping[str, Sequence[tuple[float, float]]], *, taught: int, own: int) -> None:
    """Answers right in percent by the digits of the operands: ``(digits, percent)`` of each kind of question.

    Up to ``taught`` digits answers were given, up to ``own`` the network taught itself (0: it did not).
    """
    for number, (colour, (name, points)) in enumerate(zip(COLOURS, lines.items(), strict=False)):
        beside = 1.035 ** (2 * number + 1 - len(lines))  # where all are at 100 % each is to be seen
        digits, right = zip(*points, strict=True)
        ax.plot(
            [beside * each for each in digits],
            right,
            color=colour,
            marker="o",
            markersize=4,
            linewidth=1.2,
            label=shown(name),
        )
    for most, told in ((taught, "taught"), (own, "taught itself")):
        if most:
            ax.axvline(most, color=INK, linewidth=0.8, linestyle=":")
            ax.text(most, 104, told, fontsize=7, ha="center", color=INK)
    places = sorted({digits for points in lines.values() for digits, _ in points})
    ax.set_xscale("log")
    ax.minorticks_off()
    ax.set_xticks(places, [f"{digits:,}" for digits in places])
    ax.set_ylim(-3, 110)
    ax.set_yticks(range(0, 101, 20))
    ax.set_xlabel("digits of the longer operand", fontsize=9)
    ax.set_ylabel("answers right (%)", fontsize=9)
    ax.grid(axis="y", color=FAINT, linewidth=0.6)
    ax.legend(fontsize=8, frameon=False, loc="best")


# ---- sounds ------------------------------------------------------------------------------------------


@own_style
def waveforms(pairs: Sequence[tuple[str, Array, Array]], rate: int, *, title: str) -> Figure:
    """Original above reconstruction ``(samples,)`` at ``rate`` Hz, one column per recording; a pair on one scale."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(pairs), 3.6), dpi=150, layout="constrained")
    figure.suptitle(shown(title, LONGEST_TITLE), fontsize=11, color=INK)
    axes = figure.subplots(2, len(pairs), squeeze=False, sharex="col")
    for column, (name, original, made) in enumerate(pairs):
        most = 1.05 * max(float(np.abs(original).max()), float(np.abs(made).max()), 1e-9)
        for row, (wave, what, colour) in enumerate(((original, name, INK), (made, "reconstruction", COLOURS[0]))):
            ax = axes[row][column]
            ax.plot(np.arange(len(wave)) / rate, wave, color=colour, linewidth=0.3, rasterized=True)
            ax.set_ylim(-most, most)
            ax.set_title(shown(what), fontsize=9, color=INK)
            _plain(ax)
        axes[1][column].set_xlabel("seconds", fontsize=9)
    axes[0][0].set_ylabel("amplitude", fontsize=9)
    axes[1][0].set_ylabel("amplitude", fontsize=9)
    return figure


@own_style
def spectrograms(
    rows: Sequence[tuple[str, Sequence[tuple[str, Array, float]]]], centres: Array, *, title: str
) -> Figure:
    """Log-mel spectrograms ``(name, decibels (frames, bands), seconds)``: one row per recording, on one scale.

    A column is a way through which the recording went; ``centres`` ``(bands,)`` are the bands in Hz.
    """
    from matplotlib.figure import Figure

    columns = max(len(made) for _, made in rows)
    figure = Figure(figsize=(3.1 * columns + 0.8, 2.1 * len(rows) + 0.5), dpi=150, layout="constrained")
    figure.suptitle(shown(title, LONGEST_TITLE), fontsize=11, color=INK)
    axes = figure.subplots(len(rows), columns, squeeze=False)
    ticks = [int(np.abs(centres - hertz).argmin()) for hertz in (500, 1000, 2000, 4000, 8000)]
    for line, (name, made) in zip(axes, rows, strict=True):
        first = made[0][1]
        top = float(np.percentile(first, 99.8))
        for place, (ax, (what, decibels, seconds)) in enumerate(zip(line, made, strict=True)):
            bands = decibels.T
            extent = (0.0, seconds, -0.5, len(bands) - 0.5)
            image = ax.imshow(
                bands, origin="lower", aspect="auto", cmap="magma", vmin=top - RANGE_DB, vmax=top, extent=extent
            )
            ax.set_yticks(ticks, ["0.5", "1", "2", "4", "8"])
            ax.tick_params(labelsize=8, colors=INK)
            ax.set_title(shown(what if place else name), fontsize=9, color=INK)
            if ax is line[0]:
                ax.set_ylabel("kHz (mel scale)", fontsize=9)
        figure.colorbar(image, ax=line[-1], pad=0.02).set_label("dB", fontsize=8)
    for ax in axes[-1]:
        ax.set_xlabel("seconds", fontsize=9)
    return figure


def thumbnail(decibels: Array) -> Array:
    """A log-mel spectrogram ``(frames, bands)`` as a small colour picture for the terminal (uint8)."""
    colormaps = own_matplotlib().colormaps
    pieces = np.array_split(decibels, min(76, len(decibels)))
    small = np.stack([piece.mean(axis=0) for piece in pieces])[:, : decibels.shape[1] // 2 * 2].T[::-1]
    small = small.reshape(-1, 2, small.shape[1]).mean(axis=1)  # 32 rows
    top = float(small.max())
    scaled = np.clip((small - top + 0.8 * RANGE_DB) / (0.8 * RANGE_DB), 0, 1)
    small_picture: Array = (colormaps["magma"](scaled)[..., :3] * 255).astype(np.uint8)
    return small_picture


def _plain(ax: Any) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=8, colors=INK)
    ax.grid(color=FAINT, linewidth=0.6)
    ax.set_axisbelow(True)


# ---- sentences ---------------------------------------------------------------------------------------


def by_length(lengths: Sequence[int], right: Sequence[bool]) -> dict[str, tuple[int, int]]:
    """(right, all) counts of up to eight groups of like length, about as many in each; none is empty."""
    if not lengths:
        return {}
    found = np.array(lengths)
    edges = np.unique(np.quantile(found, np.linspace(0, 1, 9)).astype(int))
    groups: dict[str, tuple[int, int]] = {}
    starts = edges[:-1] if len(edges) > 1 else edges
    for low, high in zip(starts, [*starts[1:], edges[-1] + 1], strict=True):
        inside = (found >= low) & (found < high)
        name = f"{low}–{high - 1}" if high - 1 > low else str(low)
        if inside.any():
            groups[name] = (int(np.array(right)[inside].sum()), int(inside.sum()))
    return groups


@own_style
def attention_maps(maps: Sequence[tuple[list[str], list[str], Array]], *, title: str) -> Figure:
    """(read, written, weights) side by side: dark where a written token (rows) looked while it was chosen."""
    figure, axes = canvas(len(maps), width=4.2, height=4.6, title=f"{title}: where each written token looked")
    for ax, (read, written, weights) in zip(axes, maps, strict=True):
        read, written = list(map(shown, read[:LONGEST])), list(map(shown, [*written, "end"][:LONGEST]))
        ax.imshow(weights[: len(written), : len(read)], cmap="Blues", vmin=0, aspect="auto")
        ax.set_xticks(range(len(read)), read, fontsize=8, rotation=60)
        ax.set_yticks(range(len(written)), written, fontsize=8)
        ax.tick_params(length=0, colors=INK)
        ax.set_xlabel("read", fontsize=9)
        ax.set_ylabel("written", fontsize=9)
    return figure
