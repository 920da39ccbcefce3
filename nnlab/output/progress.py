"""Who looks on while a model trains: a live display, one plain line an epoch, or nobody.

All of it goes to stderr. The live display needs a terminal; without one (a pipe, ``nohup``, CI) each
epoch leaves one line.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nnlab.output.terminal import Terminal

BLOCKS = "▁▂▃▄▅▆▇█"
Row = dict[str, Any]
PLACE = ("experiment", "run", "epoch", "seconds")  # a row's other columns are measures


def watch_for(terminal: Terminal) -> Display:
    """The display that fits the terminal and ``-q``."""
    if terminal.verbosity < 0:
        return Display(terminal.err)
    return LiveDisplay(terminal.err) if terminal.err.is_terminal else PlainLines(terminal.err)


def sparkline(values: Sequence[float], width: int) -> str:
    """A small curve of one character a value, on a logarithmic scale where all are positive.

    >>> sparkline([8, 4, 2, 1], 10)
    '█▆▃▁'
    """
    known = [value for value in values if math.isfinite(value)]
    if not known or width < 1:
        return ""
    if len(known) > width:  # the mean of each stretch
        edges = [round(number * len(known) / width) for number in range(width + 1)]
        known = [math.fsum(known[a:b]) / (b - a) for a, b in itertools.pairwise(edges)]
    if min(known) > 0:
        known = [math.log(value) for value in known]
    low, high = min(known), max(known)
    scale = (len(BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(BLOCKS[round((value - low) * scale)] for value in known)


def clock(seconds: float) -> str:
    """``0:07``, ``12:05`` or ``3:04:05``."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def measures(row: Row) -> dict[str, str]:
    """The measures of a row as text: shares in percent, losses with four figures; what only compares is left out."""
    shown = {}
    for name, value in row.items():
        if name not in PLACE and not name.endswith("_padded"):
            share = name.endswith(("match", "accuracy"))
            shown[name.removesuffix("_accuracy").replace("_", " ")] = (
                f"{100 * value:.2f} %" if share else f"{value:.4g}"
            )
    return shown


class Display:
    """Nobody looks on (``-q``); the displays below build on it."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.rows: list[Row] = []
        self.name = ""
        self.run, self.runs, self.epochs, self.steps, self.done_steps = 0, 1, 1, 1, 0
        self.began = self.epoch_began = time.monotonic()
        self.resumed, self.first_epoch = 0, 0.0

    def start(self, *, name: str, run: int, runs: int, epochs: int, steps: int, rows: list[Row]) -> None:
        """Training of one run starts, or goes on after ``rows``."""
        self.name = name
        self.run, self.runs, self.epochs, self.steps, self.done_steps = run, runs, epochs, steps, 0
        self.rows = list(rows)
        self.resumed, self.first_epoch = len(rows), 0.0
        self.began = self.epoch_began = time.monotonic()

    def step(self, step: int) -> None:
        """``step`` batches of the epoch are done."""
        self.done_steps = step

    def epoch(self, row: Row) -> None:
        """An epoch is done and measured."""
        self.rows.append(row)
        self.done_steps = 0
        self.epoch_began = time.monotonic()
        self.first_epoch = self.first_epoch or self.epoch_began - self.began

    def stop(self) -> None:
        """Training is over, well or not; leave the terminal as it was."""

    def left(self) -> float | None:
        """Seconds left in this run, from the epochs and batches done so far; None until it can be told."""
        done = len(self.rows) - self.resumed + self.done_steps / self.steps
        if done < 0.02:
            return None
        to_do = self.epochs - self.resumed - done
        if self.first_epoch and done > 1.2:  # the first epoch compiles: the later ones tell better
            return (time.monotonic() - self.began - self.first_epoch) / (done - 1) * to_do
        return (time.monotonic() - self.began) / done * to_do


class PlainLines(Display):
    """One plain line an epoch."""

    def epoch(self, row: Row) -> None:
        """Print the epoch's line."""
        seconds = time.monotonic() - self.epoch_began
        super().epoch(row)
        of_run = f"{self.name}  " if self.name else ""
        of_run += f"run {self.run + 1}/{self.runs}  " if self.runs > 1 else ""
        shown = "  ".join(f"{name} {value}" for name, value in measures(row).items())
        left = f"  left {clock(self.left() or 0)}" if len(self.rows) < self.epochs else ""
        line = f"{of_run}epoch {row['epoch']:>{len(str(self.epochs))}}/{self.epochs}  {shown}  {seconds:.1f} s{left}"
        self.console.print(Text(line), soft_wrap=True)


class LiveDisplay(Display):
    """Bars for epochs and batches, the measures, a small curve of the loss, and the time left.

    Drawn in place at the bottom of the terminal; it vanishes when training ends, and one line stays.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._live: Live | None = None
        self._left_line = False

    def start(self, *, name: str, run: int, runs: int, epochs: int, steps: int, rows: list[Row]) -> None:
        """Open the display, or go on with the next run in the same one."""
        self._leave_line()
        super().start(name=name, run=run, runs=runs, epochs=epochs, steps=steps, rows=rows)
        self._left_line = False
        if self._live is None:
            self._live = Live(get_renderable=self.render, console=self.console, transient=True, refresh_per_second=8)
            self._live.start()

    def epoch(self, row: Row) -> None:
        """Remember the row; the display's own thread draws it. The last epoch of a run leaves a line."""
        super().epoch(row)
        if row["epoch"] == self.epochs:
            self._leave_line()

    def _leave_line(self) -> None:
        """What stays of a run when the display goes on or away; also where it ended early."""
        if self.rows and not self._left_line:
            self._left_line, row = True, self.rows[-1]
            of_run = f"{self.name} " if self.name else ""
            of_run += f"run {self.run + 1}/{self.runs}" if self.runs > 1 else f"{row['epoch']} epochs"
            held_out = {name: value for name, value in measures(row).items() if name != "loss"}
            shown = "  ".join(f"{name} {value}" for name, value in held_out.items())
            line = Text(f"{of_run} in {clock(row['seconds'])}  {shown}", overflow="ellipsis", no_wrap=True)
            self.console.print(line)

    def stop(self) -> None:
        """Take the display away."""
        self._leave_line()
        if self._live is not None:
            self._live.stop()
            self._live = None

    def render(self) -> RenderableType:
        """The display at this moment; narrower terminals get fewer things, never broken lines."""
        width = self.console.width
        bar = max(8, min(40, width - 34))
        left = self.left()
        clocks = f"{clock(time.monotonic() - self.began)} gone"
        clocks += f", {clock(left)} left" if left is not None else ", starting"
        grid = Table.grid(padding=(0, 1))
        for _ in range(3):
            grid.add_column(no_wrap=True)
        if self.name:
            grid.add_row("", Text(self.name, style="bold"), "")
        if self.runs > 1:
            grid.add_row("run", ProgressBar(self.runs, self.run, width=bar), f"{self.run + 1}/{self.runs}")
        epoch = min(len(self.rows) + 1, self.epochs)
        grid.add_row("epoch", ProgressBar(self.epochs, len(self.rows), width=bar), f"{epoch}/{self.epochs}")
        grid.add_row("batch", ProgressBar(self.steps, self.done_steps, width=bar), f"{self.done_steps}/{self.steps}")
        parts: list[RenderableType] = [grid]
        if self.rows:
            losses = [float(row["loss"]) for row in self.rows if "loss" in row]
            parts.append(Text.assemble("loss  ", (sparkline(losses, bar), "cyan"), overflow="crop", no_wrap=True))
            shown = Text(overflow="ellipsis", no_wrap=width >= 60)
            for name, value in measures(self.rows[-1]).items():
                shown.append(f"{name} ", style="dim").append(f"{value}  ", style="bold")
            parts.append(shown)
        parts.append(Text(clocks, style="dim", overflow="ellipsis", no_wrap=True))
        return Group(*parts)
