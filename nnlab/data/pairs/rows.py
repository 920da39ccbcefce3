"""The rows of a tab-separated file: their fields, with quotation marks as in CSV, HTML and line breaks in them."""

from __future__ import annotations

import collections
import csv
import html
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

MOST_LINES = 10  # of one row
BREAKS = re.compile(r"</?(?:br|p|div|li|ul|ol|tr|td|th|table|hr|h[1-6])\b[^<>]*>", re.IGNORECASE)
UNSEEN = re.compile(r"<(script|style|rt|rp)\b[^<>]*>.*?</\1>|<!--.*?-->|\[(?:sound|anki:play)[^\]]*\]", re.IGNORECASE)
TAGS = re.compile(
    r"</?(?:a|b|i|u|s|em|strong|small|big|sub|sup|span|font|img|code|pre|ruby|rb|q|mark|del|ins|audio|tt|center|body|"
    r"html|abbr|cite|blockquote)\b[^<>]*>",
    re.IGNORECASE,
)
ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});", re.IGNORECASE)
CLOZE = re.compile(r"\{\{c\d+::(.*?)(?:::[^{}]*)?\}\}")
READ_AS = {0x2581: " ", **dict.fromkeys((0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))}
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

    def clean(self, field: str) -> str:
        """A field without HTML, sounds and the brackets of a cloze."""
        if not self.html or not ("<" in field or "&" in field or "[" in field or "{{" in field):
            return field
        text = TAGS.sub("", BREAKS.sub(" ", UNSEEN.sub(" ", CLOZE.sub(r"\1", field))))
        for _ in range(2):  # &amp;nbsp; is met as well
            text = ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
        return text


def normalize(sentence: str) -> str:
    """A sentence as networks read it: composed characters (NFC), one space between words.

    U+2581 is a space as well: it is sentencepiece's sign for one, and a sentence of it alone would have no subwords.
    Marks of direction are dropped: nobody sees or types them, and two sentences that look the same would differ.
    """
    plain = sentence if sentence.isascii() else unicodedata.normalize("NFC", sentence).translate(READ_AS)
    return " ".join(plain.split())


def is_surely_quoted(field: str) -> bool:
    """Whether a field has doubled quotation marks between two, as only CSV writes them."""
    return '""' in field[1:-1] and QUOTED.fullmatch(field) is not None


def _unquoted_if_sure(field: str) -> str:
    if field.startswith('"') and is_surely_quoted(field):
        return field[1:-1].replace('""', '"')
    return field
