"""What a file is that has no pairs in two columns, and how to make pairs of it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from nnlab.data.rows import MOST_LINES, Layout, Row
from nnlab.errors import InputError


def no_columns(found: Sequence[Row], head: Sequence[str], layout: Layout, path: Path) -> InputError:
    """What a file is that has hardly a row of two columns, and how to make pairs of it."""
    begin, name = found[0].text.lstrip().lower(), shlex.quote(str(path))
    for mark, kind in (("<!doctype html", "an HTML page"), ("<html", "an HTML page"), ("<", "XML"), ("{", "JSON")):
        if begin.startswith(mark):
            return InputError(f"expected sentence pairs, it is {kind}", "Name a tab-separated file", path=path)
    for separator, what in ((";", "semicolons"), (",", "commas"), ("|", "bars")):
        counts = [
            len(row.fields or []) for row in Layout(separator=separator, headers=layout.headers, quoted=True).rows(head)
        ]
        usual = max(set(counts), key=counts.count, default=0)
        if 2 <= usual <= 9 and counts.count(usual) >= 0.9 * len(counts):
            return InputError(
                f"expected tabs between the columns, it has {what}",
                f"Convert it: {_conversion(separator, path)}",
                path=path,
            )
    parts = [row for row in found if row.fields == []]
    if any(layout.separator in row.text for row in parts):
        return not_closed(parts[0].line, layout, path)
    return InputError(
        "expected two columns with a tab between them, it has one",
        f"If the other language is in a second file: paste {name} OTHER > NEW",
        path=path,
    )


def not_closed(line: int, layout: Layout, path: Path) -> InputError:
    """What is told of a file where many quotation marks are not closed, the first of them in this line."""
    return InputError(
        f"expected the quotation mark before a field to be closed within {MOST_LINES} lines, with no other row in "
        "between; here and below it is not",
        f"Correct these lines, or put each row on one line: {_conversion(layout.separator, path, strict=True)}",
        path=path,
        line=line,
    )


def _conversion(separator: str, path: Path, *, strict: bool = False) -> str:
    """The command that makes a tab-separated file of CSV, a line per row; ``strict``: it fails at stray marks."""
    delimiter = "\\t" if separator == "\t" else separator
    convert = (
        "import csv,sys;[print(*(' '.join(f.split()) for f in row),sep='\\t') "
        f"for row in csv.reader(sys.stdin,delimiter='{delimiter}'{',strict=True' if strict else ''})]"
    )
    return f'python3 -c "{convert}" < {shlex.quote(str(path))} > NEW'
