"""What the columns of a file hold, as their values tell: sentences, ids, language codes, attributions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from nnlab.errors import InputError

WORDS = """
source target src tgt trg input output question answer front back text translation sentence original
english french german spanish italian portuguese greek russian dutch polish turkish swedish hungarian finnish
czech ukrainian japanese chinese korean arabic hebrew français deutsch español italiano português ελληνικά русский
anglais allemand espagnol italien portugais grec russe néerlandais polonais turc phrase traduction texte
englisch französisch spanisch italienisch portugiesisch griechisch russisch satz übersetzung quelle ziel
inglés francés alemán griego ruso oración frase traducción texto inglese francese tedesco spagnolo greco traduzione
inglês francês alemão espanhol tradução αγγλικά γαλλικά γερμανικά английский французский немецкий перевод
en fr de es it pt el ru nl pl tr sv hu fi cs uk ja zh ko ar he eng fra fre deu ger spa ita por ell rus
"""
OF_TWO = "source target src tgt trg input output text translation sentence original"  # "English text"
LEAST = 20  # pairs of a file, and rows that tell what a column holds
LOST_WORD = re.compile(r"^\?{2,}|\s\?{2,}[.,;:!]?\s")  # not at the end: "What??", in French "Quoi ??"
LABELS = frozenset(WORDS.split())  # of columns: a first line of two of them is no pair
GENERAL = frozenset(OF_TWO.split())
NUMBERS, IDS, CODES, EMPTY, MEDIA, CREDITS, LOST, SIGNS, SENTENCES = (
    "numbers",
    "ids",
    "language codes",
    "next to nothing",
    "links",
    "attributions",
    "question marks for letters",
    "signs",
    "sentences",
)
PATTERNS = {  # of nearly all values of a column
    NUMBERS: re.compile(r"[\d\s.,:/+-]+"),
    CODES: re.compile(r"[a-z]{2,3}([-_][A-Za-z]{2,8})?"),
    MEDIA: re.compile(r"\[sound:[^\]]*\]|https?://\S+|<img[^>]*>|\S+\.(mp3|ogg|wav|png|jpe?g)", re.IGNORECASE),
    CREDITS: re.compile(r".*(CC-BY|CC0|tatoeba\.org).*", re.IGNORECASE),
    IDS: re.compile(r"[!-~]*\d[!-~]*"),  # one word with a digit: s0001, d3d89662, a UUID; no sentence of Chinese
}


def sentence_columns(rows: list[list[str]], anki: dict[str, str], path: Path) -> tuple[tuple[int, int], list[str]]:
    """(the two columns of sentences, what each column holds)."""
    count = min(max(len(row) for row in rows), 20)
    values = [[row[column].strip() for row in rows if len(row) > column] for column in range(count)]
    kinds = [_kind_of(column, len(rows)) for column in values]
    if SENTENCES not in kinds:  # words with digits, then
        kinds = [SENTENCES if kind == IDS else kind for kind in kinds]
    if kinds.count(SENTENCES) < 2:  # a dash in place of most of them: these rows are skipped
        worded = [sum(any(map(str.isalpha, value)) for value in column) >= LEAST for column in values]
        kinds = [SENTENCES if kind == SIGNS and has else kind for kind, has in zip(kinds, worded, strict=True)]
    for name, number in anki.items():
        if name.endswith(" column") and number.strip().isdecimal() and 1 <= int(number) <= count:
            kinds[int(number) - 1] = f"Anki's {name.removesuffix(' column')}"
    sentences = [column for column, kind in enumerate(kinds) if kind == SENTENCES]
    if len(sentences) > 2:  # names of decks and lessons; sources of several translations are half as many
        different = {column: len(set(values[column])) for column in sentences}
        varied = [column for column in sentences if different[column] > max(different.values()) / 10 + 1]
        sentences = varied if len(varied) >= 2 else sentences
    if len(sentences) < 2:
        held = ", ".join(f"column {column} {kind}" for column, kind in enumerate(kinds[:6], start=1))
        message = f"expected two columns of sentences, the file holds: {held}"
        raise InputError(message, _next_step(kinds), path=path)
    first, second = sentences[:2]
    both = [(row[first].strip(), row[second].strip()) for row in rows if len(row) > second]
    if sum(source == target for source, target in both) > 0.9 * len(both):
        raise InputError(
            f"expected two languages, columns {first + 1} and {second + 1} hold the same sentences",
            "Name a file of pairs",
            path=path,
        )
    return (first, second), kinds


def _next_step(kinds: list[str]) -> str:
    """What to do about a file without two columns of sentences."""
    if LOST in kinds:
        return "Its letters were lost when it was saved: get the original, or save it again as UTF-8"
    tatoeba = CODES in kinds or NUMBERS in kinds
    return "Tatoeba has pairs of two languages at tatoeba.org/downloads" if tatoeba else "Name a file of pairs"


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
    if letters >= len(values) / 2:
        return SENTENCES
    if sum(map(has_lost_word, values)) >= len(values) / 2:
        return LOST
    return NUMBERS if sum(any(map(str.isdigit, value)) for value in values) >= len(values) / 2 else SIGNS


def has_lost_word(value: str) -> bool:
    """Whether a word is question marks alone, as where a program had no other sign for its letters."""
    return LOST_WORD.search(value) is not None


def are_labels(first: str, second: str) -> bool:
    """Whether two fields name columns: a first row of these is no pair."""
    return first.strip() != second.strip() and _is_label(first) and _is_label(second)


def _is_label(field: str) -> bool:
    """Whether it is one word that names columns, or two of which one is not the name of a language."""
    words = re.sub(r"[\W\d_]+", " ", field).strip().lower().split()
    return (len(words) == 1 or (len(words) == 2 and not GENERAL.isdisjoint(words))) and LABELS.issuperset(words)


def is_comment(fields: Sequence[str]) -> bool:
    """Whether a row above the pairs is a remark on the file: its translation would begin with the same sign."""
    return (
        bool(fields) and fields[0].startswith("# ") and not any(field.lstrip().startswith("#") for field in fields[1:])
    )
