"""Values as Markdown that nothing in them can break: records may be anybody's."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

from nnlab.output.terminal import one_line

MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~])")


def text(value: Any) -> str:
    """A value as text of one line that no Markdown or HTML can be in."""
    return MARKUP.sub(r"\\\1", html.escape(one_line(str(value)), quote=False))


def shown(value: Any) -> str:
    """A number to five figures; a dash for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.5g}"


def code(line: str) -> str:
    """A line as code in a cell of a table, where only a bar and a backtick mean anything."""
    return text(line) if "`" in line else f"`{one_line(line).replace('|', chr(92) + '|')}`"


def table_row(cells: Sequence[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"
