"""The characters of users' texts: composed as people type them, lost by other programs, shown in messages."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LOST = "\ufffd"  # what a program writes for a character that it could not read
MOST_MARKS = 100  # after one character; Unicode's stream-safe texts have 30
MOST_HELD = 1 << 20  # characters that wait for a place to cut
MOST_SHOWN = 60


@dataclass
class Lost:
    """The characters of a text that were lost before: how many, and in which line the first is."""

    count: int = 0
    line: int = 0

    @property
    def note(self) -> str:
        """What is told of them; empty where there are none."""
        if not self.count:
            return ""
        many = f"{self.count:,} characters are lost (U+FFFD), the first in line {self.line:,}"
        one = f"1 character is lost (U+FFFD), in line {self.line:,}"
        return f"{one if self.count == 1 else many}: get the original, or correct what is read in their place"


def composed(chunks: Iterable[str]) -> Iterator[str]:
    """The chunks of a text in composed characters (NFC), cut where none is composed of both sides.

    As people type them: other systems and PDFs write é as e and an accent.
    """
    rest = ""
    for chunk in chunks:
        rest += chunk
        cut = len(rest) - 1
        while cut > max(0, len(rest) - MOST_MARKS) and not begins_character(rest[cut]):
            cut -= 1
        if cut <= 0 or not (begins_character(rest[cut]) or len(rest) > MOST_HELD):
            continue
        yield unicodedata.normalize("NFC", rest[:cut])
        rest = rest[cut:]
    if rest:
        yield unicodedata.normalize("NFC", rest)


def begins_character(character: str) -> bool:
    """Whether nothing is composed of what stands before and this one: no mark, no second or third part of a Hangul."""
    return not unicodedata.category(character).startswith("M") and not "\u1160" <= character <= "\u11ff"


def shown(text: str) -> str:
    """Some of a user's text as messages show it: in quotation marks, escaped and short."""
    text = text.strip()
    return repr(text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…")


def repeating(count: int, what: str) -> str:
    """How messages begin that tell of so many lines or files that repeat another."""
    return f"1 {what} that repeats another was" if count == 1 else f"{count:,} {what}s that repeat another were"
