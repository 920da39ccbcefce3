"""Small pictures in a terminal: two pixels per character."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from nnlab.output.terminal import one_line

if TYPE_CHECKING:
    import numpy as np


ASCII = str.maketrans("▀▄█░▒▓", "',#.:*")  # for a stream that cannot write blocks


class PictureRow:
    """Small grey pictures (0-255) beside each other as half blocks, each under its caption.

    Margins of four pixels are cut: a digit of 28 x 28 takes 20 columns and 10 lines. As many stand in a
    row as the terminal is wide.
    """

    def __init__(self, pictures: Sequence[np.ndarray[Any, Any]], captions: Sequence[str]) -> None:
        self._cells = [
            (Text(one_line(caption), style="bold"), half_blocks(picture[4:-4, 4:-4]))
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
            grid.add_row(*(_in_ascii(picture) if options.ascii_only else picture for _, picture in row))
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
        draw = _shades if console.color_system is None or options.ascii_only else _colours
        for start in range(0, len(self._pictures), fit):
            grid = Table.grid(padding=(0, 2, 0, 0))
            for _ in self._pictures[start : start + fit]:
                grid.add_column(no_wrap=True)
            grid.add_row(*(Text(one_line(caption), style="bold") for caption in self._captions[start : start + fit]))
            drawn = [draw(_reduced(picture, self._columns)) for picture in self._pictures[start : start + fit]]
            grid.add_row(*(_in_ascii(picture) if options.ascii_only else picture for picture in drawn))
            yield grid


def _in_ascii(picture: Text) -> Text:
    return Text(picture.plain.translate(ASCII))


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
