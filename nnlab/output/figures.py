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
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

import numpy as np

from nnlab.errors import NnlabError
from nnlab.output.terminal import Terminal, literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")
R = TypeVar("R")
Array = np.ndarray[Any, Any]
Points: TypeAlias = Sequence[tuple[float, float]]
Counts: TypeAlias = tuple[float, int]  # right, all
LONGEST = 30  # tokens of a sentence that still have a readable tick each
LONGEST_NAME, LONGEST_TITLE = 40, 100  # characters of a text from outside: more would leave no room for the figure

# Okabe and Ito's palette (2008), in an order whose neighbours differ most.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
INK, FAINT = "#222222", "#D9D9D9"
TESTED: dict[str, Any] = {"marker": "D", "markersize": 5, "markeredgecolor": "white", "linestyle": ""}  # a point


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
    ax: Axes,
    lines: Mapping[str, Sequence[tuple[Sequence[float], Sequence[float]]]],
    *,
    ylabel: str,
    log: bool = False,
    tested: Mapping[str, Points] | None = None,
    taught: int | None = None,
) -> None:
    """Curves by epoch: each name has one line per run; the first is drawn full, the others faint.

    ``tested``: the test figure of each run at the epoch whose weights were kept, a point in the colour of the line of
    its name, black where there is none. ``taught``: after so many epochs come rounds of self-training.
    """
    from matplotlib.ticker import MaxNLocator

    tested = tested or {}
    values = [value for runs in lines.values() for _, y in runs for value in y]
    values += [value for points in tested.values() for _, value in points]
    last = max((x[-1] for runs in lines.values() for x, _ in runs if x), default=1)
    colours = dict(zip(lines, COLOURS, strict=False))
    for name, colour in colours.items():
        label = shown(f" {name}" if name.startswith("_") else name)  # matplotlib would leave it out
        for number, (x, y) in enumerate(lines[name]):
            style = {"label": label, "linewidth": 1.6} if number == 0 else {"alpha": 0.3, "linewidth": 0.8}
            ax.plot(x, y, color=colour, marker="o" if len(x) < 12 and number == 0 else "", markersize=3, **style)
    _tested(ax, tested, colours)
    if any(len(runs) > 1 for runs in lines.values()):
        ax.plot([], [], color=INK, alpha=0.3, linewidth=0.8, label="other runs")
    ax.set_xlabel("epoch, then round of self-training" if taught else "epoch", fontsize=9)
    ax.set_ylabel(shown(ylabel), fontsize=9)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.xaxis.set_major_formatter("{x:,.0f}")
    if last == 1:
        ax.set_xlim(0.5, 1.5)
    if log and values and max(values) > 5 * min(values) > 0:  # less than that has no readable ticks
        _decades(ax, max(values) / min(values))
    if taught:
        _limits(ax, (taught + 0.5, "taught"), (taught + 0.5, "taught itself"))
    ax.grid(color=FAINT, linewidth=0.6)
    if len(ax.get_legend_handles_labels()[0]) > 1:
        ax.legend(fontsize=8, frameon=False)


def _tested(ax: Axes, tested: Mapping[str, Points], colours: Mapping[str, str]) -> None:
    """The points of :func:`curves`, the first run's full, the others' faint; one entry of the legend for all."""
    for name, points in tested.items():
        for number, (x, y) in enumerate(points):
            ax.plot(
                *([x], [y]), color=colours.get(name, INK), alpha=0.3 if number else 1, zorder=3, clip_on=False, **TESTED
            )
    if any(tested.values()):
        ax.plot([], [], color=INK, label="test (kept weights)", **TESTED)


def _decades(ax: Axes, span: float) -> None:
    """A logarithmic axis upwards with few ticks, each readable."""
    from matplotlib.ticker import LogLocator

    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if span < 30 else (1, 3) if span < 1000 else (1,)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.minorticks_off()


def _limits(ax: Axes, *limits: tuple[float, str]) -> None:
    """Thin vertical lines, each with its words above the axes: of the first they end there, of others they begin there.

    So they never meet, however near to each other the lines are.
    """
    for place, (x, told) in enumerate(limits):
        ax.axvline(x, color=INK, linewidth=0.8, linestyle=":")
        ax.annotate(
            *(told, (x, 1)), xycoords=ax.get_xaxis_transform(), xytext=(3 if place else -3, 2),
            textcoords="offset points", fontsize=7, ha="left" if place else "right", color=INK,
        )  # fmt: skip


@own_style
def bars(ax: Axes, groups: Mapping[str, Counts], *, xlabel: str) -> None:
    """Bars in percent from (right, all) counts, all above 0, each with its count written under its name.

    Of several runs how many are right is a mean.
    """
    names = [f"{shown(name)}\nn={total:,}" for name, (_, total) in groups.items()]
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
            [places[value] for value, _ in line], means, yerr=np.array(ends).T if np.any(ends) else None,
            label=shown(name), color=colour, marker="o", markersize=4, linewidth=1.5, capsize=3,
            linestyle="-" if numbers else "",
        )  # fmt: skip
    ax.set_xticks(list(places.values()), [shown(_tick(value) if numbers else str(value), 20) for value in values])
    ax.set_xlabel(shown(xlabel), fontsize=9)
    ax.set_ylabel(shown(ylabel), fontsize=9)
    ax.grid(color=FAINT, linewidth=0.6)
    if len(lines) > 1:
        ax.legend(fontsize=8, frameon=False)
    return figure


def _tick(value: float) -> str:
    """A number beside an axis: 1,000, 0.05."""
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


@own_style
def by_digits(ax: Axes, lines: Mapping[str, Points], *, test: float, taught: int, own: int) -> None:
    """Answers right in percent by the digits of the operands: ``(digits, percent)`` of each kind of question.

    Up to ``taught`` digits answers were given, up to ``own`` the network taught itself (0: it did not). ``test``: of
    the test part, whose questions have up to ``taught`` digits and are of no kind: a point of its own.
    """
    from matplotlib.transforms import ScaledTranslation

    figure: Any = ax.get_figure(root=True)
    for number, (colour, (name, points)) in enumerate(zip(COLOURS, lines.items(), strict=False)):
        inches = 0.8 * (2 * number + 1 - len(lines)) / 72  # where all are at 100 % each is to be seen
        beside = ax.transData + ScaledTranslation(inches, 0, figure.dpi_scale_trans)
        style: dict[str, Any] = {"marker": "o", "markersize": 4, "linewidth": 1.2, "transform": beside}
        ax.plot(*zip(*points, strict=True), color=colour, label=shown(name), **style)
    told = f"{taught:,} digit{'s' * (taught != 1)}"
    ax.plot([taught], [test], color=INK, label=f"test questions, up to {told}", **TESTED)
    own_limit = [(own, f"taught itself up to {own:,}")] if own else []
    _limits(ax, (taught, f"taught up to {taught:,}"), *own_limit)
    places = sorted({taught, *(digits for points in lines.values() for digits, _ in points)})
    ax.set_xscale("log")
    ax.set_xlim(places[0] / 1.15, 1.15 * places[-1])
    ax.minorticks_off()
    ax.set_xticks(places, [_tick(digits) for digits in places])
    ax.set_ylim(-3, 103)
    ax.set_yticks(range(0, 101, 20))
    ax.set_xlabel("digits of the longer operand", fontsize=9)
    ax.set_ylabel("answers right (%)", fontsize=9)
    ax.grid(axis="y", color=FAINT, linewidth=0.6)
    ax.legend(fontsize=8, frameon=False, loc="best")


# ---- sentences ---------------------------------------------------------------------------------------


def by_length(lengths: Sequence[int], right: Sequence[float]) -> dict[str, Counts]:
    """(right, all) counts of up to eight groups of like length, about as many in each; none is empty.

    ``right``: of each sentence, in which share of the runs.
    """
    if not lengths:
        return {}
    each, counts = np.unique(lengths, return_counts=True)
    middles = np.cumsum(counts) - counts / 2  # of the sentences in order of length, those of one length
    group = (middles * 8 / len(lengths)).astype(int)
    groups: dict[str, Counts] = {}
    for number in np.unique(group):
        low, high = each[group == number][[0, -1]]
        inside = (np.array(lengths) >= low) & (np.array(lengths) <= high)
        name = f"{low}–{high}" if high > low else str(low)
        groups[name] = (float(np.array(right, np.float64)[inside].sum()), int(inside.sum()))
    return groups


@own_style
def attention_maps(maps: Sequence[tuple[list[str], list[str], Array]], *, title: str) -> Figure:
    """(read, written, weights) side by side: dark where a written token (rows) looked while it was chosen.

    The weights of a row add up to 1; all maps have one scale.
    """
    from matplotlib.ticker import PercentFormatter

    figure, axes = canvas(len(maps), width=4.2, height=4.6, title=f"{title}: where each written token looked")
    for ax, (read, written, weights) in zip(axes, maps, strict=True):
        columns, rows = _ticks(read), _ticks([*written, "end"])
        image = ax.imshow(weights[:LONGEST, :LONGEST], cmap="Blues", vmin=0, vmax=1, aspect="auto")
        ax.set_xticks(range(len(columns)), columns, fontsize=8, rotation=60 if max(map(len, columns)) > 1 else 0)
        ax.set_yticks(range(len(rows)), rows, fontsize=8)
        ax.set_xlim(-0.5, len(columns) - 0.5)  # also the place that says that the sentence goes on
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.tick_params(length=0, colors=INK)
        ax.set_xlabel("read", fontsize=9)
        ax.set_ylabel("written", fontsize=9)
    scale = figure.colorbar(image, ax=axes, pad=0.01, aspect=30, format=PercentFormatter(1, decimals=0, symbol=" %"))
    scale.set_label("of its attention", fontsize=9)
    scale.ax.tick_params(labelsize=8, colors=INK)
    return figure


def _ticks(tokens: Sequence[str]) -> list[str]:
    """The tokens of a sentence as an axis names them; an ellipsis where it goes on."""
    return [*(shown(token.strip() or "␣") for token in tokens[:LONGEST]), *["…"][: len(tokens) > LONGEST]]


def first_of(title: str, runs: int) -> str:
    """A title of what one run made, the first of several."""
    return title if runs == 1 else f"{title}, first of {runs} runs"


def mean_over(title: str, runs: int) -> str:
    """A title of what is a mean over several runs."""
    return title if runs == 1 else f"{title}, mean of {runs} runs"
