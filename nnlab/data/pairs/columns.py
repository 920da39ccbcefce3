"""Which two columns of a tab-separated file hold sentences, found by what is in them.

Known are the files of manythings.org (two sentences, an attribution), of Tatoeba (ids and language codes beside the
sentences), of Anki (lines that begin with ``#``, quoted fields, HTML, decks and tags) and of spreadsheets (quoted
fields, with line breaks in them).
"""

from __future__ import annotations

import collections
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from nnlab.data.characters import shown
from nnlab.data.pairs.column_kinds import LEAST, SENTENCES, are_labels, has_lost_word, is_comment, sentence_columns
from nnlab.data.pairs.not_pairs import refuse_others
from nnlab.data.pairs.rows import MOST_LINES, QUOTED, Layout, Row, is_surely_quoted
from nnlab.data.pairs.scripts import usual_scripts
from nnlab.data.texts.double_encoding import find_double_encoding
from nnlab.data.texts.textfile import TextFile

HEAD_LINES = 1000  # that decide
ANKI = re.compile(r"#(separator|html|columns|notetype|deck|tags|guid|if matches|(?:\w+ )+column):(.*)", re.IGNORECASE)
ANKI_SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";", "space": " ", "pipe": "|", "colon": ":"}
ALL_QUOTED = "all fields are in quotation marks, which are read as the file's and not as the sentences'"
WITH_COMMAS = "just the fields with a comma are in quotation marks, which are read as the file's"


class Head(NamedTuple):
    """The first rows of a file, and what of them tells how it is read.

    ``rows``: the fields, without HTML, of those with two or more; ``columns``: the two with sentences; ``kinds``: what
    each column holds; ``comments``: rows above the pairs; ``has_names``: one below these names the columns; ``marks``:
    what is told of quotation marks.
    """

    text: TextFile
    rows: list[list[str]]
    columns: tuple[int, int]
    kinds: list[str]
    comments: list[Row]
    has_names: bool
    marks: str


def layout_of(lines: Sequence[str], text: TextFile) -> Layout:
    """The layout of a file by its first lines.

    Raises InputError where there are not two columns of sentences: it says what there is, and what to do.
    """
    anki = _anki_headers(lines)
    layout = _of_anki(anki)
    last = len(lines) if len(lines) < HEAD_LINES else HEAD_LINES - MOST_LINES  # the rows below may be cut
    texts = [row.text for row in layout.rows(lines) if row.fields != [] and row.line <= last]
    is_quoted, marks = _quotation_marks(texts, layout)
    layout = replace(layout, quoted=is_quoted)
    found = [row for row in layout.rows(lines) if row.line <= last]
    rows = [[layout.clean(field) for field in row.fields] for row in found if row.fields and len(row.fields) > 1]
    refuse_others(found, len(rows), lines, layout, text.path)
    if len(rows) < LEAST:
        return layout
    (source, target), kinds = sentence_columns(rows, anki, text.path)
    comments = list(itertools.takewhile(lambda row: is_comment(row.fields or []), found))
    comments = comments if len(comments) < len(found) else []  # of nothing: these are the pairs
    first = found[len(comments)].fields or []
    has_names = len(first) > target and are_labels(first[source], first[target])
    head = Head(text, rows, (source, target), kinds, comments, has_names, marks)
    widths = collections.Counter(map(len, rows))
    return replace(
        layout,
        columns=head.columns,
        width=max(width for width, count in widths.items() if count >= len(rows) / 10),
        headers=layout.headers.union(row.line for row in found[: len(comments) + has_names]),
        scripts=usual_scripts((row[source], row[target]) for row in rows if len(row) > target),
        note="; ".join(note for check in COLUMN_CHECKS for note in check(head)),
    )


# ---- what is told of the columns ---------------------------------------------------------------------


def _how_read(head: Head) -> Iterator[str]:
    (source, target), comments = head.columns, head.comments
    if head.marks:
        yield head.marks
    if head.columns != (0, 1) or head.kinds.count(SENTENCES) > 2:
        below = head.rows[len(comments) + head.has_names :]
        pairs = ((row[source].strip(), row[target].strip()) for row in below if len(row) > target)
        example = next((f", as {shown(one)} → {shown(other)}" for one, other in pairs if one and other), "")
        yield f"columns {source + 1} and {target + 1} of {len(head.kinds)} are read as the sentences{example}"
    if comments:
        told = "the first line is a comment" if len(comments) == 1 else f"the first {len(comments)} lines are comments"
        yield f"{told}, as {shown(comments[0].text)}"
    if head.has_names:
        yield f"the {'next' if comments else 'first'} line names the columns"


def _lost_words(head: Head) -> Iterator[str]:
    """A tenth of a column or more has words of question marks."""
    for column in head.columns:
        count = sum(has_lost_word(row[column]) for row in head.rows if len(row) > column)
        told = f"{count:,} of the first {len(head.rows):,} rows have words of question marks in column {column + 1}"
        if count >= max(3, len(head.rows) / 10):
            yield f"{told}: if their letters were lost, get the original"


def _encoded_twice(head: Head) -> Iterator[str]:
    """The letters of a column were encoded twice."""
    for column in head.columns:
        found = find_double_encoding(row[column] for row in head.rows if len(row) > column)
        if found:
            file = find_double_encoding(field for row in head.rows for field in row)  # other columns may be right
            is_whole = file is not None and file.is_whole and file.encoding == found.encoding
            yield f"column {column + 1}: {replace(found, is_whole=is_whole).note(head.text)}"


COLUMN_CHECKS: tuple[Callable[[Head], Iterator[str]], ...] = (_how_read, _lost_words, _encoded_twice)


# ---- separators and quotation marks ------------------------------------------------------------------


def _anki_headers(head: Sequence[str]) -> dict[str, str]:
    """The settings at the beginning of a file of Anki's."""
    settings: dict[str, str] = {}
    for line in head:
        found = ANKI.fullmatch(line)
        if not found or found[1].lower() in settings:
            break
        settings[found[1].lower()] = found[2]
    return settings


def _of_anki(settings: dict[str, str]) -> Layout:
    """The layout that these settings say; without any, that of other files, as far as it is known."""
    separator = settings.get("separator", "tab").strip()
    return Layout(
        separator=ANKI_SEPARATORS.get(separator.lower(), separator[:1].strip('"') or "\t"),
        headers=frozenset(range(1, len(settings) + 1)),
        quoted=bool(settings),
        html=settings.get("html", "true").strip().lower() != "false",
    )


def _quotation_marks(texts: Sequence[str], layout: Layout) -> tuple[bool, str]:
    """(whether the fields of these rows are quoted as in CSV, what is told of it).

    ``layout``: quoted, where it is Anki's, which needs no telling.
    """
    if not layout.quoted and _are_all_quoted(texts):
        return True, ALL_QUOTED
    if _are_those_with_commas_quoted(texts):
        return True, WITH_COMMAS
    if layout.quoted or _is_quoted(texts):
        return True, ""
    rows = sum(any(QUOTED.fullmatch(field) for field in text.split("\t")) for text in texts)
    told = f"{rows:,} of the first {len(texts):,} rows have a field in quotation marks, kept as its own"
    return False, told if rows >= max(3, len(texts) / 10) else ""


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
        is_surely_quoted(field) or "\n" in field for field in fields
    )
