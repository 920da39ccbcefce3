"""The two streams: results to stdout, everything else to stderr, and a plain transcript of the results.

A pipe sees no escape codes and ``NO_COLOR`` is honoured (Rich does both). With ``--json`` the tables are kept for
``console.txt`` but not printed. Texts of users, files and models are shown literally (:class:`LiteralConsole`); what
is to be styled is a ``Text``. A stream whose reader leaves, or whose disk is full, stops being written: the work goes
on.
"""

from __future__ import annotations

import codecs
import io
import math
import os
import re
import shlex
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from nnlab.errors import Description

TRANSCRIPT_WIDTH = 80
# C0 controls but the line end, deletion and C1 controls, the marks that turn the direction of writing, half characters.
UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


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
        with suppress(OSError, ValueError, AttributeError), open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), self._stream.fileno())

    @property
    def is_utf8(self) -> bool:
        """Whether every character can be written as it is."""
        return codecs.lookup(getattr(self._stream, "encoding", None) or "utf-8").name == "utf-8"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class LiteralConsole(Console):
    """A console that no text can steer: a string is never markup, and control characters are shown as pictures."""

    def __init__(self, file: Any, **options: Any) -> None:
        super().__init__(file=file, highlight=False, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Rich calls this for every string, also in the cells and captions of a table."""
        return super().render_str(literal(text), **{**options, "markup": False, "emoji": False})

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Rich calls this for everything that is shown; its own control codes are segments of their own."""
        for segment in super().render(renderable, options):
            steers = not segment.control and UNSAFE.search(segment.text)
            yield Segment(literal(segment.text), segment.style) if steers else segment


class Terminal:
    """Where a command speaks. ``verbosity``: -1 quiet, 0 normal, 1 verbose."""

    def __init__(self, *, json: bool = False, verbosity: int = 0) -> None:
        self.json = json
        self.verbosity = verbosity
        self.stdout, self._stderr = Stream(sys.stdout), Stream(sys.stderr)
        self.out: Console = LiteralConsole(self.stdout)
        self.err: Console = LiteralConsole(self._stderr)
        self._transcript = LiteralConsole(io.StringIO(), width=TRANSCRIPT_WIDTH, color_system=None)

    def show(self, *renderables: RenderableType) -> None:
        """Show results: on stdout (unless ``--json``), and in the transcript."""
        for renderable in renderables:
            self._transcript.print(renderable)
            if not self.json:
                self._print_whole(renderable)

    def has_room(self, listed: Table) -> bool:
        """Whether a table is shown with no cell on several lines; in a pipe it always is."""
        return not self._has_width or self._width_of(listed) <= self.out.width

    @property
    def _has_width(self) -> bool:
        return self.out.is_terminal or "COLUMNS" in os.environ

    def _width_of(self, listed: Table) -> int:
        return Measurement.get(self.out, self.out.options.update(max_width=10_000), listed).maximum

    def _print_whole(self, renderable: RenderableType) -> None:
        """In a pipe a table gets the width it needs: what is read by a script is not folded."""
        width = self.out.width
        if isinstance(renderable, Table) and not self._has_width:
            self.out.width = max(width, self._width_of(renderable))
        self.out.print(renderable)
        if self.out.width != width:
            self.out.width = width

    def heading(self, title: str, note: str = "") -> None:
        """Show a heading, and a note in parentheses behind it."""
        self.show(Text.assemble((literal(title), "bold"), f" ({literal(note)})" if note else ""))

    def line(self, text: str) -> None:
        """Show a text as one line, however long: a path, say."""
        self._transcript.print(one_line(text), soft_wrap=True)
        if not self.json:
            self.out.print(one_line(text), soft_wrap=True)

    def show_again(self, text: str) -> None:
        """Show the transcript of an earlier process."""
        if not self.json:
            self.stdout.write(literal(text))
            self.stdout.flush()

    def tell(self, message: RenderableType) -> None:
        """Say something on stderr, unless ``-q``; a string is one line, however long."""
        if self.verbosity >= 0:
            shown = Text(one_line(message), style="dim") if isinstance(message, str) else message
            self.err.print(shown, soft_wrap=True)

    def warn(self, message: str) -> None:
        """A warning on stderr, one line, also with ``-q``."""
        self.err.print(Text.assemble(("warning: ", "yellow"), one_line(message)), soft_wrap=True)

    def error(self, told: Description) -> None:
        """An error on stderr, one line."""
        self.err.print(Text.assemble(("error: ", "bold red"), one_line(told.line())), soft_wrap=True)

    def traceback(self, error: BaseException) -> None:
        """The traceback, with ``-v`` only."""
        if self.verbosity > 0:
            import traceback

            self.err.print("".join(traceback.format_exception(error)).rstrip("\n"), soft_wrap=True)

    def write(self, text: str) -> None:
        """Text to stdout, JSON and the answers of ``predict``: literal on a terminal, as it is in a pipe."""
        self.stdout.write(literal(text) if self.out.is_terminal else text)
        self.stdout.flush()

    @property
    def transcript(self) -> str:
        """The results as shown, plain text, 80 columns."""
        file = self._transcript.file
        assert isinstance(file, io.StringIO)
        return "\n".join(line.rstrip() for line in file.getvalue().split("\n")).rstrip("\n") + "\n"


class LiteralTable(Table):
    """A table of which a string in a cell is one line, as it is."""

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """Add a row."""
        super().add_row(*(one_line(cell) if isinstance(cell, str) else cell for cell in cells), **options)


def table(*columns: str, left: int = 1) -> Table:
    """An empty table of the house: the first ``left`` columns to the left, figures to the right."""
    listed = LiteralTable(header_style="bold", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        listed.add_column(one_line(column), justify="left" if number < left else "right", overflow="fold")
    return listed


def literal(text: str) -> str:
    r"""A text from outside as a terminal may show it: control characters as pictures, so that they cannot steer it.

    A byte of a file name that is not UTF-8 is shown as ``\xe9``; line ends stay.
    """
    return UNSAFE.sub(lambda found: _picture(ord(found[0])), text)


def one_line(text: str) -> str:
    """A text from outside as a part of a line: like :func:`literal`, line ends are pictures too."""
    return literal(text).replace("\n", "␊")


def _picture(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return chr(0x2400 + code) if code < 32 else "␡" if code == 127 else "\ufffd"


def quoted(path: Path | str) -> str:
    r"""A path as a shell and nnlab read it, also ``./-x``, and one with control characters or bytes: ``$'caf\xe9'``."""
    text = f"./{path}" if str(path).startswith("-") else str(path)
    if text.isprintable():
        return shlex.quote(text)
    plain = (chr(byte) if 32 <= byte < 127 and byte not in b"\\'" else f"\\x{byte:02x}" for byte in os.fsencode(text))
    return f"$'{''.join(plain)}'"


def percent(value: Any, digits: int = 2) -> str:
    """A share as a percentage; of several runs as mean ± half the 95 % interval."""
    if value is None:
        return "–"
    if isinstance(value, dict):
        value = {"mean": 100 * value["mean"], "ci95": [None if end is None else 100 * end for end in value["ci95"]]}
        return f"{number(value, f'.{digits}f')} %"
    return f"{100 * value:.{digits}f} %"


def two_figures(half: float) -> int:
    """The decimals that show two figures of half an interval, which is not 0."""
    return max(0, 1 - math.floor(math.log10(half)))


def number(value: Any, form: str = "") -> str:
    """A figure; of several runs as mean ± half the 95 % interval; words as they are; a dash where there is none.

    ``form`` is a format specification; without one there are four figures, and two of the interval. An interval that
    its decimals would show as 0 has two figures of its own.
    """
    if value is None:
        return "–"
    if isinstance(value, dict):
        low, high = value["ci95"]
        fixed = re.fullmatch(r"(,?)\.(\d+)f", form)
        if fixed and low is not None and 0 < (high - low) / 2 < 0.5 * 10.0 ** -int(fixed[2]):
            form = f"{fixed[1]}.{two_figures((high - low) / 2)}f"
        spread = "" if low is None else f" ± {(high - low) / 2:{form or '.2g'}}"
        return f"{value['mean']:{form or '.4g'}}{spread}"
    return value if isinstance(value, str) else f"{value:{form or '.4g'}}"
