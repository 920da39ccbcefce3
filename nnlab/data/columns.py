"""Which two columns of a tab-separated file hold sentences, found by what is in them.

Known are the files of manythings.org (two sentences, an attribution), of Tatoeba (ids and language codes beside the
sentences), of Anki (lines that begin with ``#``, quoted fields, HTML, decks and tags) and of spreadsheets (quoted
fields, with line breaks in them).
"""

from __future__ import annotations

import collections
import csv
import html
import itertools
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from nnlab.data.characters import shown
from nnlab.data.column_kinds import SENTENCES, are_labels, sentence_columns
from nnlab.data.scripts import are_swapped, usual_scripts
from nnlab.errors import InputError

HEAD_LINES = 1000  # that decide
LEAST = 20  # rows that tell what a column holds
MOST_LINES = 10  # of one row
ANKI = re.compile(r"#(separator|html|columns|notetype|deck|tags|guid|if matches|(?:\w+ )+column):(.*)", re.IGNORECASE)
ANKI_SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";", "space": " ", "pipe": "|", "colon": ":"}
BREAKS = re.compile(r"</?(?:br|p|div|li|ul|ol|tr|td|th|table|hr|h[1-6])\b[^<>]*>", re.IGNORECASE)
UNSEEN = re.compile(r"<(script|style|rt|rp)\b[^<>]*>.*?</\1>|<!--.*?-->|\[(?:sound|anki:play)[^\]]*\]", re.IGNORECASE)
TAGS = re.compile(
    r"</?(?:a|b|i|u|s|em|strong|small|big|sub|sup|span|font|img|code|pre|ruby|rb|q|mark|del|ins|audio|tt|center|body|"
    r"html|abbr|cite|blockquote)\b[^<>]*>",
    re.IGNORECASE,
)
ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});", re.IGNORECASE)
CLOZE = re.compile(r"\{\{c\d+::(.*?)(?:::[^{}]*)?\}\}")
ALL_QUOTED = "all fields are in quotation marks, which are read as the file's and not as the sentences'"
WITH_COMMAS = "just the fields with a comma are in quotation marks, which are read as the file's"
QUOTED = re.compile(r'"[^"]*(?:""[^"]*)*"')


class Row(NamedTuple):
    """A row of a file: the number of its first line, its text, its fields.

    ``fields``: None where a quotation mark is not closed, and none where that is so of a field over several lines.
    """

    line: int
    text: str
    fields: list[str] | None

    @property
    def is_joined(self) -> bool:
        """Whether it runs over several lines."""
        return "\n" in self.text


@dataclass(frozen=True)
class Layout:
    """Where a file's sentences are.

    ``columns``: from 0; ``width``: the most columns of a row over several lines, 0 for any; ``headers``: numbers of
    the lines that are no pairs, from 1; ``quoted``: fields are quoted as in CSV; ``html``: fields may have HTML;
    ``scripts``: of most rows' two columns, where they have different ones; ``note``: what of this is to be told.
    """

    columns: tuple[int, int] = (0, 1)
    separator: str = "\t"
    width: int = 0
    headers: frozenset[int] = frozenset()
    quoted: bool = False
    html: bool = True
    scripts: tuple[str, str] | None = None
    note: str = ""

    def rows(self, lines: Iterable[str]) -> Iterator[Row]:
        """The rows of a file's lines, but blank ones and headers. A line break in a quoted field becomes a space."""
        rest = iter(lines)
        ahead: collections.deque[str] = collections.deque()
        number, after_fragment = 1, False
        while True:
            ahead.extend(itertools.islice(rest, 0 if ahead else 1))
            if not ahead:
                return
            count, is_blank = 1, not ahead[0].strip()
            if number not in self.headers and not is_blank:
                if '"' in ahead[0]:
                    ahead.extend(itertools.islice(rest, MOST_LINES - len(ahead)))
                fields, count = self._row(ahead, after_fragment)
                yield Row(number, ahead[0] if count == 1 else "\n".join(itertools.islice(ahead, count)), fields)
            after_fragment = after_fragment if is_blank else count == 1 and self._is_fragment(ahead[0])
            number += count
            for _ in range(count):
                ahead.popleft()

    def _row(self, ahead: Sequence[str], after_fragment: bool) -> tuple[list[str] | None, int]:
        """(the fields of the row that begins with the first line, how many lines it has).

        Also in a file that is not quoted as a whole: its joined lines have the columns of one row together.
        """
        line = ahead[0]
        if '"' not in line:
            return line.split(self.separator), 1
        reader = csv.reader((f"{text}\n" for text in ahead), delimiter=self.separator, strict=True)
        fields: list[str] | None
        try:
            fields = next(reader)
        except csv.Error:
            fields = None
        goes_on = (count := reader.line_num) > 1
        if goes_on:
            marks = sum(text.count('"') for text in itertools.islice(ahead, count))
            if fields and marks % 2 == 0 and self._may_be_joined(fields):
                return [field.replace("\n", " ") for field in fields], count
            fields = None
        if self._is_part(ahead, goes_on, after_fragment):
            return [], 1
        if self.quoted and len(line) <= csv.field_size_limit():  # a longer one is told as too long
            return (None if line.count('"') % 2 else fields), 1
        return [_unquoted_if_sure(field) for field in line.split(self.separator)], 1

    def _is_part(self, ahead: Sequence[str], goes_on: bool, after_fragment: bool) -> bool:
        """Whether the first line is part of a row that cannot be joined: what lies between has one column."""
        if not goes_on:
            return after_fragment and ahead[0].count('"') % 2 == 1
        following = next((text for text in itertools.islice(ahead, 1, None) if text.strip()), "")
        return self._is_fragment(ahead[0]) or self._is_fragment(following)

    def _is_fragment(self, line: str) -> bool:
        return self.separator not in line and bool(line.strip())

    def _may_be_joined(self, fields: list[str]) -> bool:
        """Whether a row over several lines is one: a stray quotation mark must not swallow the rows below it.

        These would bring their separators into a field (where sentences have the same sign, CSV's rules have to do),
        or more columns than other rows have.
        """
        swallowed = self.separator not in ", :" and any("\n" in field and self.separator in field for field in fields)
        return 2 <= len(fields) <= (self.width or len(fields)) and not swallowed

    def used(self, fields: list[str]) -> list[str]:
        """The fields that hold the sentences; fewer than two where the line has fewer."""
        return [fields[column] for column in self.columns if column < len(fields)]

    def is_swapped(self, source: str, target: str) -> bool:
        """Whether each sentence is in the script of the other column."""
        return self.scripts is not None and are_swapped(source, target, self.scripts)

    def clean(self, field: str) -> str:
        """A field without HTML, sounds and the brackets of a cloze."""
        if not self.html or not ("<" in field or "&" in field or "[" in field or "{{" in field):
            return field
        text = TAGS.sub("", BREAKS.sub(" ", UNSEEN.sub(" ", CLOZE.sub(r"\1", field))))
        for _ in range(2):  # &amp;nbsp; is met as well
            text = ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
        return text


def layout_of(head: Sequence[str], path: Path) -> Layout:
    """The layout of a file by its first lines.

    Raises InputError where there are not two columns of sentences: it says what there is, and what to do.
    """
    anki = _anki_headers(head)
    separator = anki.get("separator", "tab").strip()
    separator = ANKI_SEPARATORS.get(separator.lower(), separator[:1].strip('"') or "\t")
    layout = Layout(
        separator=separator,
        headers=frozenset(range(1, len(anki) + 1)),
        quoted=bool(anki),
        html=anki.get("html", "true").strip().lower() != "false",
    )
    last = len(head) if len(head) < HEAD_LINES else HEAD_LINES - MOST_LINES  # the rows below may be cut
    texts = [row.text for row in layout.rows(head) if row.fields != [] and row.line <= last]
    all_quoted = not anki and _are_all_quoted(texts)
    as_excel = not all_quoted and _are_those_with_commas_quoted(texts)
    layout = replace(layout, quoted=layout.quoted or all_quoted or as_excel or _is_quoted(texts))
    found = [row for row in layout.rows(head) if row.line <= last]
    rows = [[layout.clean(field) for field in row.fields] for row in found if row.fields and len(row.fields) > 1]
    if len(found) >= LEAST and len(rows) < len(found) / 10:
        raise _no_columns(found, head, layout, path)
    if len(rows) < LEAST:
        return layout
    columns, kinds = sentence_columns(rows, anki, path)
    marks = ALL_QUOTED if all_quoted else WITH_COMMAS if as_excel else "" if layout.quoted else _kept_marks(texts)
    notes = [marks] if marks else []
    headers = set(layout.headers)
    first = found[0].fields or []
    names = len(first) > max(columns) and are_labels(first[columns[0]], first[columns[1]])
    if columns != (0, 1) or kinds.count(SENTENCES) > 2:
        told = f"columns {columns[0] + 1} and {columns[1] + 1} of {len(kinds)} are read as the sentences"
        notes.append(told + _example(rows[names:], columns))
    if names:
        headers.add(found[0].line)
        notes.append("the first line names the columns")
    scripts = usual_scripts((row[columns[0]], row[columns[1]]) for row in rows if len(row) > columns[1])
    widths = collections.Counter(map(len, rows))
    width = max(width for width, count in widths.items() if count >= len(rows) / 10)
    note = "; ".join(notes)
    return replace(layout, columns=columns, width=width, headers=frozenset(headers), scripts=scripts, note=note)


def _example(rows: Sequence[Sequence[str]], columns: tuple[int, int]) -> str:
    """The first of some rows that has both sentences, to be looked at; empty where there is none."""
    pairs = ([row[column].strip() for column in columns] for row in rows if len(row) > max(columns))
    source, target = next((pair for pair in pairs if all(pair)), ("", ""))
    return f", as {shown(source)} → {shown(target)}" if source else ""


def _anki_headers(head: Sequence[str]) -> dict[str, str]:
    """The settings at the beginning of a file of Anki's."""
    settings: dict[str, str] = {}
    for line in head:
        found = ANKI.fullmatch(line)
        if not found or found[1].lower() in settings:
            break
        settings[found[1].lower()] = found[2]
    return settings


def _are_all_quoted(texts: Sequence[str]) -> bool:
    """Whether all fields but numbers are quoted, in all rows but one in a hundred and perhaps the names of columns.

    In a dialogue more is not quoted. There is no least number of rows: a file of fewer than LEAST is refused anyway.
    """
    quoted, rows = 0, [text for text in texts[1:] if "\t" in text]
    for text in rows:
        fields = text.split("\t")
        marked = [QUOTED.fullmatch(field) is not None for field in fields]
        others = (field for field, is_marked in zip(fields, marked, strict=True) if not is_marked)
        quoted += any(marked) and not any(any(map(str.isalpha, field)) for field in others)
    return quoted >= max(1, 0.99 * len(rows))


def _are_those_with_commas_quoted(texts: Sequence[str]) -> bool:
    """Whether just the fields with a comma are quoted, as in Excel's tab-separated text."""
    fields = [field for text in texts for field in text.split("\t")]
    marked = sum(QUOTED.fullmatch(field) is not None for field in fields)
    return marked > 2 and all((QUOTED.fullmatch(field) is not None) == ("," in field) for field in fields)


def _is_quoted(texts: Sequence[str]) -> bool:
    """Whether fields that begin with a quotation mark are all quoted as in CSV, and it shows in one at least."""
    fields = [field for text in texts for field in text.split("\t") if field.startswith('"')]
    return all(QUOTED.fullmatch(field) for field in fields) and any(
        _is_surely_quoted(field) or "\n" in field for field in fields
    )


def _kept_marks(texts: Sequence[str]) -> str:
    """What is told where a tenth of the rows or more have a field in quotation marks that are taken for its own."""
    rows = sum(any(QUOTED.fullmatch(field) for field in text.split("\t")) for text in texts)
    told = f"{rows:,} of the first {len(texts):,} rows have a field in quotation marks, kept as its own"
    return told if rows >= max(3, len(texts) / 10) else ""


def _is_surely_quoted(field: str) -> bool:
    return '""' in field[1:-1] and QUOTED.fullmatch(field) is not None


def _unquoted_if_sure(field: str) -> str:
    if field.startswith('"') and _is_surely_quoted(field):
        return field[1:-1].replace('""', '"')
    return field


def _no_columns(found: Sequence[Row], head: Sequence[str], layout: Layout, path: Path) -> InputError:
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
