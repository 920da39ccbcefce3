"""The two streams: results to stdout, everything else to stderr, and a plain transcript of the results.

A pipe sees no escape codes and ``NO_COLOR`` is honoured (Rich does both). With ``--json`` the tables are kept for
``console.txt`` but not printed. Strings are shown literally, never read as Rich's markup; what is to be styled is a
``Text``. A stream whose reader leaves, or whose disk is full, stops being written: the work goes on.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Any

from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from nnlab.errors import Description

TRANSCRIPT_WIDTH = 80


class Stream:
    """A standard stream that may be closed, left by its reader, or full. ``failure`` is what stopped it."""

    def __init__(self, stream: Any) -> None:
        self.failure: Exception | None = None
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what the encoding lacks is escaped
        self._stream: Any = stream if stream is not None and not stream.closed else io.StringIO()

    def write(self, text: str) -> int:
        """Write, or do nothing where the stream has failed."""
        if self.failure is None:
            try:
                self._stream.write(text)
            except (OSError, ValueError) as error:
                self._fail(error)
        return len(text)

    def flush(self) -> None:
        """Hand over what was written."""
        if self.failure is None:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Remember why, and let what is still in the buffer go nowhere."""
        self.failure = error
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    @property
    def is_utf8(self) -> bool:
        """Whether every character can be written as it is."""
        return str(getattr(self._stream, "encoding", None) or "utf-8").lower().replace("-", "") in ("utf8", "utf8sig")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Terminal:
    """Where a command speaks. ``verbosity``: -1 quiet, 0 normal, 1 verbose."""

    def __init__(self, *, json: bool = False, verbosity: int = 0) -> None:
        self.json = json
        self.verbosity = verbosity
        self.stdout, self._stderr = Stream(sys.stdout), Stream(sys.stderr)
        self.out = Console(file=self.stdout, highlight=False)  # type: ignore[arg-type]
        self.err = Console(file=self._stderr, highlight=False)  # type: ignore[arg-type]
        self._transcript = Console(file=io.StringIO(), width=TRANSCRIPT_WIDTH, highlight=False, color_system=None)

    def show(self, *renderables: RenderableType) -> None:
        """Show results: on stdout (unless ``--json``), and in the transcript."""
        for renderable in renderables:
            shown = Text(literal(renderable)) if isinstance(renderable, str) else renderable
            self._transcript.print(shown)
            if not self.json:
                self._widen(shown)
                self.out.print(shown)

    def _widen(self, renderable: RenderableType) -> None:
        """In a pipe a table gets the width it needs: what is read by a script is not folded."""
        if isinstance(renderable, Table) and not self.out.is_terminal and "COLUMNS" not in os.environ:
            wide = self.out.options.update(max_width=10_000)
            self.out.width = max(TRANSCRIPT_WIDTH, Measurement.get(self.out, wide, renderable).maximum)

    def heading(self, title: str, note: str = "") -> None:
        """Show a heading, and a note in parentheses behind it."""
        self.show(Text.assemble((literal(title), "bold"), f" ({literal(note)})" if note else ""))

    def line(self, text: str) -> None:
        """Show a text as one line, however long: a path, say."""
        self._transcript.print(Text(literal(text)), soft_wrap=True)
        if not self.json:
            self.out.print(Text(literal(text)), soft_wrap=True)

    def show_again(self, text: str) -> None:
        """Show the transcript of an earlier process."""
        if not self.json:
            self.write(literal(text))

    def tell(self, message: RenderableType) -> None:
        """Say something on stderr, unless ``-q``; a string is one line, however long."""
        if self.verbosity >= 0:
            shown = Text(literal(message), style="dim") if isinstance(message, str) else message
            self.err.print(shown, soft_wrap=True)

    def warn(self, message: str) -> None:
        """A warning on stderr, one line, also with ``-q``."""
        self.err.print(Text.assemble(("warning: ", "yellow"), literal(message)), soft_wrap=True)

    def error(self, told: Description) -> None:
        """An error on stderr, one line."""
        self.err.print(Text.assemble(("error: ", "bold red"), literal(told.line())), soft_wrap=True)

    def traceback(self, error: BaseException) -> None:
        """The traceback, with ``-v`` only."""
        if self.verbosity > 0:
            import traceback

            traceback.print_exception(error, file=self.err.file)

    def write(self, text: str) -> None:
        """Raw text to stdout: JSON, and the answers of ``predict``."""
        self.stdout.write(text)
        self.stdout.flush()

    @property
    def transcript(self) -> str:
        """The results as shown, plain text, 80 columns."""
        file = self._transcript.file
        assert isinstance(file, io.StringIO)
        return "\n".join(line.rstrip() for line in file.getvalue().split("\n")).rstrip("\n") + "\n"


class LiteralTable(Table):
    """A table whose strings are shown as they are."""

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """Add a row; strings are no markup."""
        super().add_row(*(Text(literal(cell)) if isinstance(cell, str) else cell for cell in cells), **options)


def table(*columns: str, left: int = 1) -> Table:
    """An empty table of the house: the first ``left`` columns to the left, figures to the right."""
    listed = LiteralTable(header_style="bold", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        listed.add_column(Text(literal(column)), justify="left" if number < left else "right", overflow="fold")
    return listed


def literal(text: str) -> str:
    """A text from outside as a terminal may show it: control characters as pictures, so that they cannot steer it.

    C0 and C1 controls (but not line ends), deletion, and the marks that turn the direction of writing.
    """
    return "".join(_picture(character) for character in text)


def _picture(character: str) -> str:
    code = ord(character)
    if code < 32 and character != "\n":
        return chr(0x2400 + code)
    if code == 127:
        return "␡"
    turned = 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069
    return "\ufffd" if 128 <= code < 160 or turned or 0xD800 <= code < 0xE000 else character


def percent(value: Any, digits: int = 2) -> str:
    """A share as a percentage; of several runs as mean ± half the 95 % interval."""
    if value is None:
        return "–"
    if isinstance(value, dict):
        value = {"mean": 100 * value["mean"], "ci95": [None if end is None else 100 * end for end in value["ci95"]]}
        return f"{number(value, f'.{digits}f')} %"
    return f"{100 * value:.{digits}f} %"


def number(value: Any, form: str = "") -> str:
    """A figure; of several runs as mean ± half the 95 % interval; words as they are; a dash where there is none.

    ``form`` is a format specification; without one there are four figures, and two of the interval.
    """
    if value is None:
        return "–"
    if isinstance(value, dict):
        low, high = value["ci95"]
        spread = "" if low is None else f" ± {(high - low) / 2:{form or '.2g'}}"
        return f"{value['mean']:{form or '.4g'}}{spread}"
    return value if isinstance(value, str) else f"{value:{form or '.4g'}}"
