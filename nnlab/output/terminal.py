"""The two streams: results to stdout, everything else to stderr, and a plain transcript of the results.

A pipe sees no escape codes and ``NO_COLOR`` is honoured (Rich does both). With ``--json`` the tables
are kept for ``console.txt`` but not printed.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from nnlab.errors import Description

if TYPE_CHECKING:
    import numpy as np

TRANSCRIPT_WIDTH = 80
RIGHT, WRONG = "☑", "☒"


class _Out(Console):
    """stdout: where its reader leaves early (``| head``), the work goes on and is saved all the same."""

    def on_broken_pipe(self) -> None:
        """Rich would leave the process here."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Terminal:
    """Where a command speaks. ``verbosity``: -1 quiet, 0 normal, 1 verbose."""

    def __init__(self, *, json: bool = False, verbosity: int = 0) -> None:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a terminal without ☑ shows ? and goes on
        self.json = json
        self.verbosity = verbosity
        self.out = _Out(highlight=False)
        self.err = Console(stderr=True, highlight=False)
        self._transcript = Console(file=io.StringIO(), width=TRANSCRIPT_WIDTH, highlight=False, color_system=None)

    def show(self, *renderables: RenderableType) -> None:
        """Show results: on stdout (unless ``--json``), and in the transcript."""
        for renderable in renderables:
            self._transcript.print(renderable)
            if not self.json:
                self.out.print(renderable)

    def tell(self, message: RenderableType, *, level: int = 0) -> None:
        """Say something on stderr; ``level`` 0 is silenced by ``-q``, 1 needs ``-v``."""
        if self.verbosity >= level:
            self.err.print(message, soft_wrap=True)

    def warn(self, message: str) -> None:
        """A warning on stderr, one line, also with ``-q``."""
        self.err.print(Text.assemble(("warning: ", "yellow"), message), soft_wrap=True)

    def error(self, told: Description) -> None:
        """An error on stderr, one line."""
        self.err.print(Text.assemble(("error: ", "bold red"), told.line()), soft_wrap=True)

    def traceback(self, error: BaseException) -> None:
        """The traceback, with ``-v`` only."""
        if self.verbosity > 0:
            import traceback

            traceback.print_exception(error, file=self.err.file)

    def write(self, text: str) -> None:
        """Raw text to stdout: JSON, and the answers of ``predict``."""
        sys.stdout.write(text)
        sys.stdout.flush()

    @property
    def transcript(self) -> str:
        """The results as shown, plain text, 80 columns."""
        file = self._transcript.file
        assert isinstance(file, io.StringIO)
        return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def table(*columns: str, title: str | None = None, left: int = 1) -> Table:
    """An empty table of the house: the first ``left`` columns to the left, figures to the right."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        made.add_column(column, justify="left" if number < left else "right", overflow="fold")
    return made


def console_line(question: str, truth: str, answer: str, *, width: int) -> Text:
    """One line of the report's consoles: ``Q 291+7    T 298   298  ☑``.

    ``width`` pads question, truth and answer so that the lines of one console stand under each other.
    """
    right = truth.strip() == answer.strip()
    mark = (RIGHT, "green") if right else (WRONG, "red")
    digits = max((width + 1) // 2 + 1, len(truth), len(answer))
    return Text.assemble(
        ("Q ", "dim"),
        question.ljust(width),
        ("  T ", "dim"),
        truth.ljust(digits),
        "  ",
        answer.ljust(digits),
        " ",
        mark,
    )


def translation_line(source: str, output: str, correct: bool) -> Text:
    """A line of the report's Console 2: ``Input sentence: Find Tom. ✓  Decoded sentence: Βρες τον Τομ.``.

    Where it is wider than a page the decoded sentence has a line of its own.
    """
    mark = ("✓", "green") if correct else ("✗", "red")
    line = Text.assemble(("Input sentence: ", "dim"), source, " ", mark, ("  Decoded sentence: ", "dim"), output)
    if line.cell_len <= TRANSCRIPT_WIDTH:
        return line
    return Text.assemble(("Input sentence:   ", "dim"), source, " ", mark, ("\nDecoded sentence: ", "dim"), output)


def written(title: str, prompt: str, text: str) -> Text:
    """What a language model wrote after a prompt, the prompt dim."""
    return Text.assemble((f"— {title} —", "bold"), "\n", (prompt, "dim"), _visible(text))


def _visible(text: str) -> str:
    """Control characters of a text as pictures, so that they cannot steer the terminal."""
    return "".join(chr(0x2400 + ord(c)) if ord(c) < 32 and c != "\n" else "␡" if c == "\x7f" else c for c in text)


class PictureRow:
    """Small grey pictures (0-255) beside each other as half blocks, each under its caption.

    Margins of four pixels are cut: a digit of 28 x 28 takes 20 columns and 10 lines. As many stand in a
    row as the terminal is wide.
    """

    def __init__(self, pictures: Sequence[np.ndarray[Any, Any]], captions: Sequence[str]) -> None:
        self._cells = [
            (Text(caption, style="bold"), half_blocks(picture[4:-4, 4:-4]))
            for picture, caption in zip(pictures, captions, strict=True)
        ]
        self._width = max((picture.shape[1] - 8 for picture in pictures), default=1)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Rich calls this with the width at hand."""
        fit = max(1, (options.max_width + 2) // (self._width + 2))
        for start in range(0, len(self._cells), fit):
            row = self._cells[start : start + fit]
            grid = Table.grid(padding=(0, 2, 0, 0))
            for _ in row:
                grid.add_column(no_wrap=True)
            grid.add_row(*(caption for caption, _ in row))
            grid.add_row(*(picture for _, picture in row))
            yield grid


def half_blocks(picture: np.ndarray[Any, Any]) -> Text:
    """A grey picture as white ink on black, two pixels a character; without colour the ink's shape remains."""
    text = Text()
    for top, bottom in zip(picture[::2].tolist(), picture[1::2].tolist(), strict=False):
        for above, below in zip(top, bottom, strict=True):
            block = " ▀▄█"[(above > 110) + 2 * (below > 110)]
            shade = {"▀": above, "▄": below}.get(block, (above + below) // 2)
            text.append(block, style=f"rgb({shade},{shade},{shade}) on rgb(0,0,0)")
        text.append("\n")
    text.right_crop(1)
    return text


class ColourRow:
    """Small colour pictures (uint8) beside each other under their captions, each 24 columns wide at most.

    Two pixels a character where there are colours; five shades of grey where there are none.
    """

    def __init__(self, pictures: Sequence[np.ndarray[Any, Any]], captions: Sequence[str], *, columns: int = 24) -> None:
        self._pictures, self._captions, self._columns = pictures, captions, columns

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Rich calls this with the width and the colours at hand."""
        fit = max(1, (options.max_width + 2) // (self._columns + 2))
        draw = _shades if console.color_system is None else _colours
        for start in range(0, len(self._pictures), fit):
            grid = Table.grid(padding=(0, 2, 0, 0))
            for _ in self._pictures[start : start + fit]:
                grid.add_column(no_wrap=True)
            grid.add_row(*(Text(caption, style="bold") for caption in self._captions[start : start + fit]))
            grid.add_row(*(draw(_reduced(one, self._columns)) for one in self._pictures[start : start + fit]))
            yield grid


def _reduced(picture: np.ndarray[Any, Any], side: int) -> np.ndarray[Any, Any]:
    """A picture with its longer side at most ``side`` pixels, an even number of rows."""
    import numpy as np
    from PIL import Image

    scale = min(1.0, side / max(picture.shape[:2]))
    high, wide = (max(2, round(length * scale)) for length in picture.shape[:2])
    return np.asarray(Image.fromarray(picture).resize((wide, high + high % 2), Image.Resampling.BOX))


def _colours(picture: np.ndarray[Any, Any]) -> Text:
    text = Text()
    for number, (top, bottom) in enumerate(zip(picture[::2].tolist(), picture[1::2].tolist(), strict=True)):
        text.append("\n" if number else "")
        for (r, g, b), (red, green, blue) in zip(top, bottom, strict=True):
            text.append("▀", style=f"rgb({r},{g},{b}) on rgb({red},{green},{blue})")
    return text


def _shades(picture: np.ndarray[Any, Any]) -> Text:
    grey = picture.mean(axis=2).reshape(len(picture) // 2, 2, -1).mean(axis=1)
    spread = max(float(grey.max() - grey.min()), 1.0)
    levels = ((grey - grey.min()) / spread * 4.999).astype(int)
    return Text("\n".join("".join(" ░▒▓█"[level] for level in row) for row in levels.tolist()))


def percent(value: Any, digits: int = 2) -> str:
    """A share as a percentage; of several runs as mean ± half the 95% interval."""
    if value is None:
        return "–"
    if isinstance(value, dict):
        value = {"mean": 100 * value["mean"], "ci95": [None if end is None else 100 * end for end in value["ci95"]]}
        return f"{number(value, f'.{digits}f')} %"
    return f"{100 * value:.{digits}f} %"


def number(value: Any, form: str = ".4f") -> str:
    """A figure; of several runs as mean ± half the 95% interval; a dash where there is none."""
    if value is None:
        return "–"
    if isinstance(value, dict):
        low, high = value["ci95"]
        spread = "" if low is None else f" ± {(high - low) / 2:{form}}"
        return f"{value['mean']:{form}}{spread}"
    return f"{value:{form}}"


def said(value: Any) -> str:
    """A figure of the table: a number, mean ± half the interval, or words."""
    if value is None:
        return "–"
    if isinstance(value, dict):
        low, high = value["ci95"]
        spread = "" if low is None else f" ± {(high - low) / 2:.2g}"
        return f"{value['mean']:.4g}{spread}"
    return value if isinstance(value, str) else f"{value:.4g}"
