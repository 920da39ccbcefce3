"""One display for work that several processes do at once: trainings, or the parts of a report."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nnlab.output.progress import Display, PlainLines, clock, measures
from nnlab.output.terminal import Terminal

if TYPE_CHECKING:
    from nnlab.training.parallel import Job


class ManyDisplays:
    """A :class:`Display` a job, fed by the events that the jobs print; quiet and plain ones need no more."""

    def __init__(self, terminal: Terminal, title: str, runs: int) -> None:
        self.terminal, self.title, self.runs = terminal, title, runs
        self.displays: dict[str, Display] = {}
        self._plain = terminal.verbosity >= 0 and not terminal.err.is_terminal

    def hear(self, job: Job, event: dict[str, Any]) -> None:
        """An event of a job; a lost one is told on its own line."""
        told = dict(event)
        kind = told.pop("event")
        if kind == "lost":
            self.terminal.warn(f"{job.name}: {told['why']}, begun again")
        display = self.displays.setdefault(job.name, self._made())
        if kind in ("start", "step", "epoch"):
            getattr(display, kind)(**told)
        if kind == "epoch" and display.rows[-1]["epoch"] == display.epochs:
            self.ended(display)

    def ended(self, display: Display) -> None:
        """A run has had its last epoch; plain lines have said so."""

    def end(self, name: str) -> None:
        """A job is over."""
        self.displays.pop(name, None)

    def stop(self) -> None:
        """Leave the terminal as it was."""

    def _made(self) -> Display:
        return PlainLines(self.terminal.err) if self._plain else Display(self.terminal.err)


class LiveMany(ManyDisplays):
    """The same in a terminal: a line a worker, drawn in place, and one line that stays for each run that ended."""

    def __init__(self, terminal: Terminal, title: str, runs: int) -> None:
        super().__init__(terminal, title, runs)
        self._began = time.monotonic()
        self._live = Live(get_renderable=self.render, console=terminal.err, transient=True, refresh_per_second=4)
        self._live.start()

    def ended(self, display: Display) -> None:
        """One line that stays."""
        shown = "  ".join(f"{name} {value}" for name, value in measures(display.rows[-1]).items() if name != "loss")
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
            losses = measures(display.rows[-1]) if display.rows else {}
            first = next(iter(losses.items()), None)
            shown = Text(f"{first[0]} {first[1]}" if first else "starting", style="dim")
            of_run = f"{display.name} run {display.run + 1}".strip() if display.runs > 1 else display.name or name
            epoch = min(len(display.rows) + 1, display.epochs)
            progress = ProgressBar(display.epochs, done, width=bar)
            grid.add_row(of_run, progress, f"epoch {epoch}/{display.epochs}", shown)
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


def watch_many(terminal: Terminal, title: str, runs: int) -> ManyDisplays:
    """The display that fits the terminal and ``-q``."""
    live = terminal.verbosity >= 0 and terminal.err.is_terminal
    return (LiveMany if live else ManyDisplays)(terminal, title, runs)
