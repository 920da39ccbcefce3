"""What a file is that has no pairs in two columns, and how to make pairs of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from nnlab.data.pairs.column_kinds import LEAST
from nnlab.data.pairs.rows import MOST_LINES, Layout, Row
from nnlab.data.pairs.scripts import script_of, usual_scripts
from nnlab.errors import InputError

KINDS = (  # what the first line of a file begins with, what the file is
    (re.compile(r"<!doctype html|<html", re.IGNORECASE), "an HTML page"),
    (re.compile(r"<"), "XML"),
    (re.compile(r'\{|\[\s*(?:[\[{"]|$)'), "JSON"),
)
MARKED = re.compile(r"<\?xml\b|<!doctype\b|<(?:xliff|tmx|tu|html)\b", re.IGNORECASE)  # no sentence begins with these
ELEMENTS = re.compile(r"</?[a-z][\w:-]*(?:[\s/][^<>]*)?>(?:.*>)?", re.IGNORECASE | re.DOTALL)
UNITS = (  # of XLIFF and TMX: those of two sentences
    "import re,sys;[print(*(' '.join(re.sub('<[^>]*>','',s).split()) for s in p),sep='\\t') "
    "for u in re.split('</(?:tu|trans-unit|segment|target)>',sys.stdin.read()) "
    "if len(p:=re.findall('(?s)<(?:source|target|seg)(?: [^>]*)?>(.*?)(?:</(?:source|seg)>|\\Z)',u))==2]"
)
CATALOGUE = (  # pairs of one line each
    "import re,sys;[print(*pair,sep='\\t') for pair in "
    're.findall(r\'^msgid \\"(.+)\\"\\r?\\nmsgstr \\"(.+)\\"\',sys.stdin.read(),re.M)]'
)


def refuse_others(found: Sequence[Row], with_columns: int, head: Sequence[str], layout: Layout, path: Path) -> None:
    """InputError where the first rows of a file, of which so many have two columns or more, are of no table."""
    if len(found) >= LEAST and with_columns < len(found) / 10:
        raise _no_columns(found, head, layout, path)
    # JSON and XML may be indented with tabs, or have tabs between the elements.
    if found and (not with_columns or found[0].text.strip() in ("[", "{") or _is_markup(found, layout)):
        other = _of_another_kind([row.text for row in found], path)
        if other:
            raise other


def _of_another_kind(lines: Sequence[str], path: Path) -> InputError | None:
    """What a file is whose first lines are of no table; None where they may be."""
    first, name = lines[0].lstrip(), shlex.quote(str(path))
    for pattern, kind in KINDS:
        if pattern.match(first):
            has_units = kind == "XML" and any("<source" in line or "<seg>" in line for line in lines)
            hint = (
                f'Take its pairs out: python3 -c "{UNITS}" < {name} > NEW' if has_units else "Name a tab-separated file"
            )
            return InputError(f"expected sentence pairs, it is {kind}", hint, path=path)
    if any(line.startswith("msgid ") for line in lines) and any(line.startswith("msgstr ") for line in lines):
        return InputError(
            "expected sentence pairs in two columns, it is a catalogue of gettext (.po)",
            f'Take those of one line: python3 -c "{CATALOGUE}" < {name} > NEW',
            path=path,
        )
    return None


def _is_markup(rows: Sequence[Row], layout: Layout) -> bool:
    """Whether rows that have tabs are lines of XML or HTML: by the first, or as most begin and end with tags.

    Those of the layout of a sentence, as Anki writes them, do not count, nor does a word such as ``<fr>`` before one.
    """
    if MARKED.match(rows[0].text.lstrip()):
        return True
    tagged = sum(ELEMENTS.fullmatch(layout.clean(row.text).strip()) is not None for row in rows)
    return rows[0].text.lstrip().startswith("<") and tagged > len(rows) / 2


def _no_columns(found: Sequence[Row], head: Sequence[str], layout: Layout, path: Path) -> InputError:
    """What a file is that has hardly a row of two columns, and how to make pairs of it."""
    lines, name = [row.text for row in found], shlex.quote(str(path))
    other = _of_another_kind(lines, path)
    if other is not None:
        return other
    for separator, what in (("|", "bars"), (";", "semicolons"), (",", "commas")):  # the rarer in sentences first
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
    alternate = f"tr -d '\\r' < {name} | grep . | paste - - > NEW"
    hint = (
        f"Its lines alternate between two languages; to join them: {alternate}"
        if _alternate(lines)
        else f"If the other language is in a second file: paste {name} OTHER > NEW; if each line is followed by its "
        f"translation: {alternate}"
    )
    return InputError("expected two columns with a tab between them, it has one", hint, path=path)


def _alternate(lines: Sequence[str]) -> bool:
    """Whether every second line has another script."""
    pairs = list(zip(lines[::2], lines[1::2], strict=False))
    usual = usual_scripts(pairs)
    return sum((script_of(one), script_of(other)) == usual for one, other in pairs) >= 0.9 * len(pairs)


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
