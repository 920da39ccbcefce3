"""Text that was UTF-8, was taken for an older encoding and was encoded again: é became Ã©.

Bytes of UTF-8 that are read one by one give pairs that no language writes, a letter and a sign. So a line whose
characters, as bytes of the older encoding, are valid UTF-8 again was encoded twice; real lines hardly ever are.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nnlab.data.characters import shown
from nnlab.data.texts.textfile import TextFile

LEAST = 2  # such characters
MOST = 1 << 18  # characters of lines looked at
NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
WORD = re.compile(r"\S*[^\x00-\x7f]\S*")
ENCODINGS = (  # as Python and as iconv name them; of those that fit the first
    *(("cp1252", "CP1252"), ("latin-1", "ISO-8859-1"), ("cp1251", "CP1251"), ("cp1250", "CP1250")),
    *(("cp1253", "CP1253"), ("cp1254", "CP1254"), ("mac_roman", "MACINTOSH"), ("cp850", "CP850"), ("cp437", "CP437")),
)


@dataclass(frozen=True)
class DoubleEncoding:
    """What a text was taken for when it was encoded again, with a word of it as it stands and as it was."""

    encoding: str  # iconv's name
    before: str
    after: str
    is_whole: bool  # every line was, without a byte that the encoding does not have: iconv takes it back

    def note(self, file: TextFile) -> str:
        """What is told of the file, with the command that mends it."""
        was = (
            f"it was encoded twice, {shown(self.before)} was {shown(self.after)} before it was read as {self.encoding}"
        )
        if file.mark or file.encoding != "utf-8" or (file.compression and not self.is_whole):
            return f"{was}: get the original"
        mend = file.converted("-f UTF-8", self.encoding) if self.is_whole else f"ftfy {file.name} -o NEW"
        return f"{was}: get the original, or mend it: {mend}"


def find_double_encoding(lines: Iterable[str]) -> DoubleEncoding | None:
    """How the lines of a text were encoded twice; None where most of their characters beyond ASCII are as they were.

    The first quarter of a million characters of lines that are not ASCII are looked at.
    """
    looked_at: list[str] = []
    total = 0
    for line in lines:
        if not line.isascii():
            looked_at.append(line)
            total += len(line)
            if total > MOST:
                break
    count = sum(map(_count, looked_at))
    found = (_found(looked_at, count, *names) for names in ENCODINGS)
    fitting = [one for one in found if one is not None]
    return next((one for one in fitting if one.is_whole), fitting[0] if fitting else None)


def _found(lines: Sequence[str], count: int, codec: str, name: str) -> DoubleEncoding | None:
    """The lines, with so many characters beyond ASCII, taken back by one encoding; None where most are not."""
    mended = [(line, undone) for line in lines if (undone := _undone(line, codec)) is not None]
    came = sum(_count(undone) for _, undone in mended)
    if came < LEAST or 2 * sum(_count(line) for line, _ in mended) <= count:
        return None
    line, undone = mended[0]
    word = WORD.search(undone)
    assert word is not None  # a line that is not ASCII is not made ASCII
    start, end = (len(undone[:place].encode()) for place in word.span())  # a byte of it is a character of the line
    return DoubleEncoding(name, line[start:end], word[0], all(_is_whole(line, codec) for line in lines))


def _count(text: str) -> int:
    return sum(map(len, NOT_ASCII.findall(text)))


@functools.cache
def _bytes_of(codec: str) -> dict[int, int]:
    """The byte of each character. Programs keep bytes that the encoding does not have, as control characters."""
    kept = {byte: byte for byte in range(0x80, 0xA0)}
    return kept | {ord(found): byte for byte in range(256) if (found := bytes([byte]).decode(codec, "ignore"))}


def _undone(line: str, codec: str) -> str | None:
    """The line before it was encoded again; None where it was not."""
    table = _bytes_of(codec)
    try:
        return bytes([table[ord(character)] for character in line]).decode("utf-8")
    except (KeyError, UnicodeDecodeError):
        return None


def _is_whole(line: str, codec: str) -> bool:
    try:
        line.encode(codec).decode("utf-8")
    except UnicodeError:
        return False
    return True
