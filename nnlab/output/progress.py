"""The progress of a training: a live display, one plain line per epoch, or nothing.

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

from nnlab.output.terminal import Terminal, number, percent

BLOCKS = "▁▂▃▄▅▆▇█"
Row = dict[str, Any]
PLACE = ("task", "run", "epoch", "seconds")  # a row's other columns are measures


def progress_for(terminal: Terminal) -> SilentProgress:
    """The display that fits the terminal and ``-q``."""
    if terminal.verbosity < 0:
        return SilentProgress(terminal.err)
    return LiveProgress(terminal.err) if terminal.err.is_terminal else PlainProgress(terminal.err)


def sparkline(values: Sequence[float], width: int) -> str:
    """A small curve of one character per value, on a logarithmic scale where all are positive.

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


def metrics_told(row: Row) -> dict[str, str]:
    """The metrics of a row as text: shares in percent, losses with four figures.

    A metric that is another one under another convention (``loss_padded`` beside ``loss``) is left out.
    """
    shown = {}
    for name, value in row.items():
        variant = any(name.startswith(f"{other}_") for other in row if other.endswith("loss"))
        if name not in PLACE and not variant:
            share = name.endswith(("match", "accuracy"))
            shown[name.removesuffix("_accuracy").replace("_", " ")] = percent(value) if share else number(value)
    return shown


class SilentProgress:
    """Hears and says nothing (``-q``); the displays below build on it."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.rows: list[Row] = []
        self.name = ""
        self.run, self.runs, self.epochs, self.steps, self.done_steps = 0, 1, 1, 1, 0
        self.rounds = 0  # of self-training: the last of the epochs
        self.began = self.epoch_began = time.monotonic()
        self.resumed, self.first_epoch = 0, 0.0

    def start(
        self, *, name: str, run: int, runs: int, epochs: int, steps: int, rows: list[Row], rounds: int = 0
    ) -> None:
        """Training of one run starts, or goes on after ``rows``; the last ``rounds`` epochs are self-training."""
        self.name, self.rounds = name, rounds
        self.run, self.runs, self.epochs, self.steps, self.done_steps = run, runs, epochs, max(1, steps), 0
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

    def stage(self, epoch: int) -> tuple[str, int, int]:
        """What an epoch is called, its number, and how many there are: after those with answers come rounds."""
        taught = self.epochs - self.rounds
        return ("epoch", epoch, taught) if epoch <= taught else ("round", epoch - taught, self.rounds)

    def stages(self, epoch: int) -> str:
        """How many epochs, and how many rounds after them, are done."""
        taught = min(epoch, self.epochs - self.rounds)
        counts = [("epoch", taught), *([("round", epoch - taught)] if epoch > taught else [])]
        return " and ".join(f"{count} {what}{'s' * (count != 1)}" for what, count in counts)

    def left(self) -> float | None:
        """Seconds left in this run, from the epochs and batches done so far; None until it can be told."""
        done = len(self.rows) - self.resumed + self.done_steps / self.steps
        if done < 0.02:
            return None
        to_do = self.epochs - self.resumed - done
        if self.first_epoch and done > 1.2:  # the first epoch compiles: the later ones tell better
            return (time.monotonic() - self.began - self.first_epoch) / (done - 1) * to_do
        return (time.monotonic() - self.began) / done * to_do


class PlainProgress(SilentProgress):
    """One plain line per epoch."""

    def epoch(self, row: Row) -> None:
        """Print the epoch's line."""
        seconds = time.monotonic() - self.epoch_began
        super().epoch(row)
        of_run = f"{self.name}  " if self.name else ""
        of_run += f"run {self.run + 1}/{self.runs}  " if self.runs > 1 else ""
        shown = "  ".join(f"{name} {value}" for name, value in metrics_told(row).items())
        left = f"  left {clock(self.left() or 0)}" if len(self.rows) < self.epochs else ""
        what, done, all_of_them = self.stage(row["epoch"])
        line = f"{of_run}{what} {done:>{len(str(all_of_them))}}/{all_of_them}  {shown}  {seconds:.1f} s{left}"
        self.console.print(Text(line), soft_wrap=True)


class LiveProgress(SilentProgress):
    """Bars for epochs and batches, the measures, a small curve of the loss, and the time left.

    Drawn in place at the bottom of the terminal; it vanishes when training ends, and one line stays.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._live: Live | None = None
        self._left_line = False

    def start(
        self, *, name: str, run: int, runs: int, epochs: int, steps: int, rows: list[Row], rounds: int = 0
    ) -> None:
        """Open the display, or go on with the next run in the same one."""
        self._leave_line()
        super().start(name=name, run=run, runs=runs, epochs=epochs, steps=steps, rows=rows, rounds=rounds)
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
            of_run += f"run {self.run + 1}/{self.runs}" if self.runs > 1 else self.stages(row["epoch"])
            held_out = {name: value for name, value in metrics_told(row).items() if name != "loss"}
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
        what, done, all_of_them = self.stage(min(len(self.rows) + 1, self.epochs))
        grid.add_row(what, ProgressBar(self.epochs, len(self.rows), width=bar), f"{done}/{all_of_them}")
        grid.add_row("batch", ProgressBar(self.steps, self.done_steps, width=bar), f"{self.done_steps}/{self.steps}")
        parts: list[RenderableType] = [grid]
        if self.rows:
            losses = [float(row["loss"]) for row in self.rows if "loss" in row]
            curve = (sparkline(losses, bar), "cyan")
            if not self.console.options.ascii_only:
                parts.append(Text.assemble("loss  ", curve, overflow="crop", no_wrap=True))
            shown = Text(overflow="ellipsis", no_wrap=width >= 60)
            for name, value in metrics_told(self.rows[-1]).items():
                shown.append(f"{name} ", style="dim").append(f"{value}  ", style="bold")
            parts.append(shown)
        parts.append(Text(clocks, style="dim", overflow="ellipsis", no_wrap=True))
        return Group(*parts)


# ---- several at once -------------------------------------------------------------------------------


class ProgressOfMany:
    """One :class:`SilentProgress` per job, fed by the events that the jobs print; quiet and plain ones need no more."""

    def __init__(self, terminal: Terminal, title: str, runs: int) -> None:
        self.terminal, self.title, self.runs = terminal, title, runs
        self.displays: dict[str, SilentProgress] = {}
        self._plain = terminal.verbosity >= 0 and not terminal.err.is_terminal

    def hear(self, job: str, event: dict[str, Any]) -> None:
        """An event of a job; a lost one is told on its own line."""
        told = dict(event)
        kind = told.pop("event")
        if kind == "lost":
            self.terminal.warn(f"{job}: {told['why']}, begun again")
        display = self.displays.setdefault(job, self._made())
        if kind in ("start", "step", "epoch"):
            getattr(display, kind)(**told)
        if kind == "epoch" and display.rows[-1]["epoch"] == display.epochs:
            self.ended(display)

    def ended(self, display: SilentProgress) -> None:
        """A run has had its last epoch; plain lines have said so."""

    def end(self, name: str) -> None:
        """A job is over."""
        self.displays.pop(name, None)

    def stop(self) -> None:
        """Leave the terminal as it was."""

    def _made(self) -> SilentProgress:
        return PlainProgress(self.terminal.err) if self._plain else SilentProgress(self.terminal.err)


class LiveProgressOfMany(ProgressOfMany):
    """The same in a terminal: one line per worker, drawn in place, and one line that stays for each run that ended."""

    def __init__(self, terminal: Terminal, title: str, runs: int) -> None:
        super().__init__(terminal, title, runs)
        self._began = time.monotonic()
        self._live = Live(get_renderable=self.render, console=terminal.err, transient=True, refresh_per_second=4)
        self._live.start()

    def ended(self, display: SilentProgress) -> None:
        """One line that stays."""
        shown = "  ".join(f"{name} {value}" for name, value in metrics_told(display.rows[-1]).items() if name != "loss")
        told = f"{display.name} run {display.run + 1}/{self.runs} in {clock(display.rows[-1]['seconds'])}  {shown}"
        self.terminal.err.print(Text(told.strip(), overflow="ellipsis", no_wrap=True))

    def stop(self) -> None:
        """Take the display away."""
        self._live.stop()

    def render(self) -> RenderableType:
        """The display at this moment."""
        grid = Table.grid(padding=(0, 1))
        for _ in range(4):
            grid.add_column(no_wrap=True)
        bar = max(8, min(30, self.terminal.err.width - 50))
        grid.add_row(Text(self.title, style="bold"), "", "", Text(f"{clock(time.monotonic() - self._began)} gone"))
        for name, display in list(self.displays.items()):
            done = len(display.rows) + display.done_steps / display.steps
            losses = metrics_told(display.rows[-1]) if display.rows else {}
            first = next(iter(losses.items()), None)
            shown = Text(f"{first[0]} {first[1]}" if first else "starting", style="dim")
            of_run = f"{display.name} run {display.run + 1}".strip() if display.runs > 1 else display.name or name
            what, number, all_of_them = display.stage(min(len(display.rows) + 1, display.epochs))
            progress = ProgressBar(display.epochs, done, width=bar)
            grid.add_row(of_run, progress, f"{what} {number}/{all_of_them}", shown)
        return grid


class LiveParts:
    """The parts of a report at work: how long each has run, beside how long it was thought to take."""

    def __init__(self, terminal: Terminal) -> None:
        self.parts: dict[str, tuple[float, float]] = {}  # name: when it began, about how many seconds
        self._live = Live(get_renderable=self.render, console=terminal.err, transient=True, refresh_per_second=2)
        if terminal.verbosity >= 0 and terminal.err.is_terminal:
            self._live.start()

    def stop(self) -> None:
        """Take the display away."""
        self._live.stop()

    def render(self) -> RenderableType:
        """The display at this moment."""
        grid = Table.grid(padding=(0, 1))
        for name, (began, about) in list(self.parts.items()):
            gone = time.monotonic() - began
            bar = ProgressBar(1.0, min(0.99, gone / about), width=24)
            grid.add_row(Text(name, style="bold"), bar, f"{clock(gone)} of about {clock(about)}")
        return grid


def progress_of_many(terminal: Terminal, title: str, runs: int) -> ProgressOfMany:
    """The display that fits the terminal and ``-q``."""
    live = terminal.verbosity >= 0 and terminal.err.is_terminal
    return (LiveProgressOfMany if live else ProgressOfMany)(terminal, title, runs)
