"""Which two columns of a tab-separated file hold sentences, found by what is in them.

Known are the files of manythings.org (two sentences, an attribution), of Tatoeba (ids and language codes beside the
sentences) and of Anki (lines that begin with ``#``, quoted fields, HTML, decks and tags).
"""

from __future__ import annotations

import csv
import functools
import html
import re
import shlex
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nnlab.errors import InputError

HEAD_LINES = 1000  # that decide
LEAST = 20  # rows that tell what a column holds
ANKI = re.compile(r"#(separator|html|columns|notetype|deck|tags|guid|if matches|(?:\w+ )+column):(.*)", re.IGNORECASE)
ANKI_SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";", "space": " ", "pipe": "|", "colon": ":"}
WORDS = """
source target src tgt trg input output question answer front back text translation sentence original
english french german spanish italian portuguese greek russian dutch polish turkish swedish hungarian finnish
czech ukrainian japanese chinese korean arabic hebrew français deutsch español italiano português ελληνικά русский
en fr de es it pt el ru nl pl tr sv hu fi cs uk ja zh ko ar he eng fra fre deu ger spa ita por ell rus
"""
LABELS = frozenset(WORDS.split())  # of columns: a first line of two of them is no pair
NUMBERS, CODES, EMPTY, MEDIA, CREDITS, SENTENCES = (
    "numbers",
    "language codes",
    "next to nothing",
    "links",
    "attributions",
    "sentences",
)
PATTERNS = {  # of nearly all values of a column
    NUMBERS: re.compile(r"[\d\s.,:/+-]+"),
    CODES: re.compile(r"[a-z]{2,3}([-_][A-Za-z]{2,8})?"),
    MEDIA: re.compile(r"\[sound:[^\]]*\]|https?://\S+|<img[^>]*>|\S+\.(mp3|ogg|wav|png|jpe?g)", re.IGNORECASE),
    CREDITS: re.compile(r".*(CC-BY|CC0|tatoeba\.org).*", re.IGNORECASE),
}
BREAKS = re.compile(r"</?(?:br|p|div|li|ul|ol|tr|td|th|table|hr|h[1-6])\b[^<>]*>", re.IGNORECASE)
UNSEEN = re.compile(r"<(script|style|rt|rp)\b[^<>]*>.*?</\1>|<!--.*?-->|\[(?:sound|anki:play)[^\]]*\]", re.IGNORECASE)
TAGS = re.compile(
    r"</?(?:a|b|i|u|s|em|strong|small|big|sub|sup|span|font|img|code|pre|ruby|rb|q|mark|del|ins|audio|tt|center|body|"
    r"html|abbr|cite|blockquote)\b[^<>]*>",
    re.IGNORECASE,
)
ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});", re.IGNORECASE)
CLOZE = re.compile(r"\{\{c\d+::(.*?)(?:::[^{}]*)?\}\}")
QUOTED = re.compile(r'"((?:[^"]|"")*)"')


@dataclass(frozen=True)
class Layout:
    """Where a file's sentences are.

    ``columns``: from 0; ``headers``: numbers of the lines that are no pairs, from 1; ``quoted``: fields are quoted
    as in CSV; ``html``: fields may have HTML; ``scripts``: of the two columns, where they have different ones;
    ``note``: what of this is to be told.
    """

    columns: tuple[int, int] = (0, 1)
    separator: str = "\t"
    headers: frozenset[int] = frozenset()
    quoted: bool = False
    html: bool = True
    scripts: tuple[str, str] | None = None
    note: str = ""

    def split(self, line: str) -> list[str] | None:
        """The fields of a line; None where a quotation mark is not closed."""
        if not self.quoted:
            return [_unquoted_if_sure(field) for field in line.split(self.separator)]
        try:
            return next(csv.reader([line], delimiter=self.separator, strict=True), [])
        except csv.Error:
            return None

    def used(self, fields: list[str]) -> list[str]:
        """The fields that hold the sentences; fewer than two where the line has fewer."""
        return [fields[column] for column in self.columns if column < len(fields)]

    def is_swapped(self, source: str, target: str) -> bool:
        """Whether each sentence is in the script of the other column."""
        return self.scripts is not None and (script_of(target), script_of(source)) == self.scripts

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
    body = [(number, line) for number, line in enumerate(head[len(anki) :], start=len(anki) + 1) if line.strip()]
    lines = [line for _, line in body]
    plain = Layout(
        separator=separator,
        headers=frozenset(range(1, len(anki) + 1)),
        quoted=bool(anki) or _is_quoted(lines),
        html=anki.get("html", "true").strip().lower() != "false",
    )
    rows = [[plain.clean(field) for field in fields] for line in lines if len(fields := plain.split(line) or []) > 1]
    if len(lines) >= LEAST and len(rows) < len(lines) / 10:
        raise _no_columns(lines, path)
    if len(rows) < LEAST:
        return plain
    columns, kinds = _sentence_columns(rows, anki, path)
    notes = []
    if columns != (0, 1) or kinds.count(SENTENCES) > 2:
        notes.append(f"columns {columns[0] + 1} and {columns[1] + 1} of {len(kinds)} are read as the sentences")
    headers = set(plain.headers)
    first = plain.split(lines[0]) or []
    if len(first) > max(columns) and _are_labels(first[columns[0]], first[columns[1]]):
        headers.add(body[0][0])
        notes.append("the first line names the columns")
    scripts = _scripts([[row[column] for row in rows if len(row) > column] for column in columns])
    return replace(plain, columns=columns, headers=frozenset(headers), scripts=scripts, note="; ".join(notes))


def _anki_headers(head: Sequence[str]) -> dict[str, str]:
    """The settings at the beginning of a file of Anki's."""
    settings: dict[str, str] = {}
    for line in head:
        found = ANKI.fullmatch(line)
        if not found or found[1].lower() in settings:
            break
        settings[found[1].lower()] = found[2]
    return settings


def _sentence_columns(rows: list[list[str]], anki: dict[str, str], path: Path) -> tuple[tuple[int, int], list[str]]:
    """(the two columns of sentences, what each column holds)."""
    count = min(max(len(row) for row in rows), 20)
    values = [[row[column].strip() for row in rows if len(row) > column] for column in range(count)]
    kinds = [_kind_of(column, len(rows)) for column in values]
    for name, number in anki.items():
        if name.endswith(" column") and number.strip().isdecimal() and 1 <= int(number) <= count:
            kinds[int(number) - 1] = f"Anki's {name.removesuffix(' column')}"
    sentences = [column for column, kind in enumerate(kinds) if kind == SENTENCES]
    if len(sentences) > 2:  # a deck's name is the same in all lines
        varied = [column for column in sentences if len(set(values[column])) > len(values[column]) / 100 + 1]
        sentences = varied if len(varied) >= 2 else sentences
    if len(sentences) < 2:
        held = ", ".join(f"column {column} {kind}" for column, kind in enumerate(kinds[:6], start=1))
        tatoeba = CODES in kinds or NUMBERS in kinds
        raise InputError(
            f"expected two columns of sentences, the file holds: {held}",
            "Tatoeba has pairs of two languages at tatoeba.org/downloads" if tatoeba else "Name a file of pairs",
            path=path,
        )
    first, second = sentences[:2]
    both = [(row[first].strip(), row[second].strip()) for row in rows if len(row) > second]
    if sum(source == target for source, target in both) > 0.9 * len(both):
        raise InputError(
            f"expected two languages, columns {first + 1} and {second + 1} hold the same sentences",
            "Name a file of pairs",
            path=path,
        )
    return (first, second), kinds


def _scripts(columns: list[list[str]]) -> tuple[str, str] | None:
    """The usual scripts of two columns; None where they are the same, or there is no usual one."""
    usual = []
    for values in columns:
        scripts = [script_of(value) for value in values]
        usual.append(max(set(scripts), key=scripts.count))
        if scripts.count(usual[-1]) < 0.9 * len(scripts):
            return None
    return None if usual[0] == usual[1] else (usual[0], usual[1])


def script_of(text: str) -> str:
    """The script of the first letter; empty where there is none."""
    return next((_script(character) for character in text if character.isalpha()), "")


@functools.cache
def _script(letter: str) -> str:
    return unicodedata.name(letter, "?").partition(" ")[0]


def _kind_of(values: list[str], rows: int) -> str:
    """What a column holds."""
    values = [value for value in values if value]
    if len(values) < rows / 10:
        return EMPTY
    for kind, pattern in PATTERNS.items():
        fitting = sum(pattern.fullmatch(value) is not None for value in values)
        repeated = kind != CODES or len(set(values)) <= len(values) / 2  # "go", "run", … are words
        if repeated and fitting >= (0.5 if kind == CREDITS else 0.9) * len(values):
            return kind
    letters = sum(any(map(str.isalpha, value)) for value in values)
    return SENTENCES if letters >= len(values) / 2 else NUMBERS


def _are_labels(first: str, second: str) -> bool:
    names = [re.sub(r"[\W\d_]+", " ", label).strip().lower().removesuffix(" sentence") for label in (first, second)]
    return first.strip() != second.strip() and all(name in LABELS for name in names)


def _is_quoted(lines: Sequence[str]) -> bool:
    """Whether fields that begin with a quotation mark are all quoted as in CSV, and it shows in one at least."""
    fields = [field for line in lines for field in line.split("\t") if field.startswith('"')]
    return all(QUOTED.fullmatch(field) for field in fields) and any(_is_surely_quoted(field) for field in fields)


def _is_surely_quoted(field: str) -> bool:
    return '""' in field[1:-1] and QUOTED.fullmatch(field) is not None


def _unquoted_if_sure(field: str) -> str:
    if field.startswith('"') and _is_surely_quoted(field):
        return field[1:-1].replace('""', '"')
    return field


def _no_columns(lines: Sequence[str], path: Path) -> InputError:
    """What a file without tabs is, and how to make pairs of it."""
    begin, name = lines[0].lstrip().lower(), shlex.quote(str(path))
    for mark, kind in (("<!doctype html", "an HTML page"), ("<html", "an HTML page"), ("<", "XML"), ("{", "JSON")):
        if begin.startswith(mark):
            return InputError(f"expected sentence pairs, it is {kind}", "Name a tab-separated file", path=path)
    for separator, what in ((";", "semicolons"), (",", "commas"), ("|", "bars")):
        counts = [len(next(csv.reader([line], delimiter=separator))) for line in lines if len(line) < 10_000]
        usual = max(set(counts), key=counts.count, default=0)
        if 2 <= usual <= 9 and counts.count(usual) >= 0.9 * len(lines):
            convert = (
                "import csv,sys;[print(*(' '.join(f.split()) for f in row),sep='\\t') "
                f"for row in csv.reader(sys.stdin,delimiter='{separator}')]"
            )
            return InputError(
                f"expected tabs between the columns, it has {what}",
                f'Convert it: python3 -c "{convert}" < {name} > NEW',
                path=path,
            )
    return InputError(
        "expected two columns with a tab between them, it has one",
        f"If the other language is in a second file: paste {name} OTHER > NEW",
        path=path,
    )
