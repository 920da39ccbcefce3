"""Which two columns of a tab-separated file hold sentences, found by what is in them.

Known are the files of manythings.org (two sentences, an attribution), of Tatoeba (ids and language codes beside the
sentences), of Anki (lines that begin with ``#``, quoted fields, HTML, decks and tags) and of spreadsheets (quoted
fields, with line breaks in them).
"""

from __future__ import annotations

import collections
import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nnlab.data.characters import shown
from nnlab.data.pairs.column_kinds import LEAST, SENTENCES, are_labels, has_lost_word, is_comment, sentence_columns
from nnlab.data.pairs.not_pairs import is_markup, no_columns, of_another_kind
from nnlab.data.pairs.rows import MOST_LINES, QUOTED, Layout, Row, is_surely_quoted
from nnlab.data.pairs.scripts import usual_scripts
from nnlab.data.texts.double_encoding import find_double_encoding
from nnlab.data.texts.textfile import open_text

HEAD_LINES = 1000  # that decide
ANKI = re.compile(r"#(separator|html|columns|notetype|deck|tags|guid|if matches|(?:\w+ )+column):(.*)", re.IGNORECASE)
ANKI_SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";", "space": " ", "pipe": "|", "colon": ":"}
ALL_QUOTED = "all fields are in quotation marks, which are read as the file's and not as the sentences'"
WITH_COMMAS = "just the fields with a comma are in quotation marks, which are read as the file's"


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
        raise no_columns(found, head, layout, path)
    if found and (not rows or _may_be_no_table(found, layout)):
        other = of_another_kind([row.text for row in found], path)
        if other:
            raise other
    if len(rows) < LEAST:
        return layout
    columns, kinds = sentence_columns(rows, anki, path)
    marks = ALL_QUOTED if all_quoted else WITH_COMMAS if as_excel else "" if layout.quoted else _kept_marks(texts)
    notes = [marks] if marks else []
    comments = list(itertools.takewhile(lambda row: is_comment(row.fields or []), found))
    headers = {*layout.headers, *(row.line for row in comments)}
    first_row = found[len(comments)]
    first = first_row.fields or []
    names = len(first) > max(columns) and are_labels(first[columns[0]], first[columns[1]])
    if columns != (0, 1) or kinds.count(SENTENCES) > 2:
        told = f"columns {columns[0] + 1} and {columns[1] + 1} of {len(kinds)} are read as the sentences"
        notes.append(told + _example(rows[len(comments) + names :], columns))
    if comments:
        told = "the first line is a comment" if len(comments) == 1 else f"the first {len(comments)} lines are comments"
        notes.append(f"{told}, as {shown(comments[0].text)}")
    if names:
        headers.add(first_row.line)
        notes.append(f"the {'next' if comments else 'first'} line names the columns")
    notes += filter(None, (_lost_words(rows, column) for column in columns))
    notes += filter(None, (_encoded_twice(rows, column, path) for column in columns))
    scripts = usual_scripts((row[columns[0]], row[columns[1]]) for row in rows if len(row) > columns[1])
    widths = collections.Counter(map(len, rows))
    width = max(width for width, count in widths.items() if count >= len(rows) / 10)
    note = "; ".join(notes)
    return replace(layout, columns=columns, width=width, headers=frozenset(headers), scripts=scripts, note=note)


def _may_be_no_table(rows: Sequence[Row], layout: Layout) -> bool:
    """Whether rows may be JSON or XML, indented with tabs or with tabs between the elements."""
    return rows[0].text.strip() in ("[", "{") or is_markup(rows, layout)


def _example(rows: Sequence[Sequence[str]], columns: tuple[int, int]) -> str:
    """The first of some rows that has both sentences, to be looked at; empty where there is none."""
    pairs = ([row[column].strip() for column in columns] for row in rows if len(row) > max(columns))
    source, target = next((pair for pair in pairs if all(pair)), ("", ""))
    return f", as {shown(source)} → {shown(target)}" if source else ""


def _lost_words(rows: Sequence[Sequence[str]], column: int) -> str:
    """What is told where a tenth of a column or more has words of question marks; empty where not."""
    count = sum(has_lost_word(row[column]) for row in rows if len(row) > column)
    told = f"{count:,} of the first {len(rows):,} rows have words of question marks in column {column + 1}"
    return f"{told}: if their letters were lost, get the original" if count >= max(3, len(rows) / 10) else ""


def _encoded_twice(rows: Sequence[Sequence[str]], column: int, path: Path) -> str:
    """What is told of a column whose letters were encoded twice, with a word of it; empty where they were not."""
    found = find_double_encoding(row[column] for row in rows if len(row) > column)
    if found is None:
        return ""
    file = find_double_encoding(field for row in rows for field in row)  # its other columns may be as they were
    is_whole = file is not None and file.is_whole and file.encoding == found.encoding
    return f"column {column + 1}: {replace(found, is_whole=is_whole).note(open_text(path))}"


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
        is_surely_quoted(field) or "\n" in field for field in fields
    )


def _kept_marks(texts: Sequence[str]) -> str:
    """What is told where a tenth of the rows or more have a field in quotation marks that are taken for its own."""
    rows = sum(any(QUOTED.fullmatch(field) for field in text.split("\t")) for text in texts)
    told = f"{rows:,} of the first {len(texts):,} rows have a field in quotation marks, kept as its own"
    return told if rows >= max(3, len(texts) / 10) else ""
