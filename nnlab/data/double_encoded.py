"""UTF-8 that a program took for Windows-1252 and encoded again: é became Ã©."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

WINDOWS = {chr(byte): byte for byte in range(0x80, 0x100)}  # also for the five that CP1252 leaves out
WINDOWS |= {bytes([byte]).decode("cp1252"): byte for byte in range(0x80, 0x100) if byte not in b"\x81\x8d\x8f\x90\x9d"}
FOLLOWING = re.escape("".join(character for character, byte in WINDOWS.items() if byte < 0xC0))
TWICE = re.compile(rf"[\xc2-\xf4][{FOLLOWING}]{{1,3}}")
LEAST = 3  # texts
ICONV = "iconv -f UTF-8 -t CP1252 FILE > NEW"


def once(text: str) -> str:
    """A text with each such sequence as the character that it stood for."""
    return TWICE.sub(lambda found: _decoded(found[0]), text)


def example_of(texts: Iterable[str]) -> tuple[str, str] | None:
    """(a word as it stands, as it was) of texts most of whose characters beyond ASCII are such; None of others."""
    found, beyond, of_them, texts_with = None, 0, 0, 0
    for text in texts:
        if text.isascii():
            continue
        beyond += sum(character > "\x7f" for character in text)
        sequences = [match[0] for match in TWICE.finditer(text) if _decoded(match[0]) != match[0]]
        texts_with += bool(sequences)
        of_them += sum(map(len, sequences))
        found = found or next(_words(text), None)
    return found if texts_with >= LEAST and of_them > beyond / 2 else None


def is_reversible(text: str) -> bool:
    """Whether ``ICONV`` makes UTF-8 of it: all is of CP1252, and nothing in it was encoded just once."""
    try:
        text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return False
    return True


def _words(text: str) -> Iterator[tuple[str, str]]:
    return ((word, once(word)) for word in text.split(" ") if once(word) != word)


def _decoded(sequence: str) -> str:
    content = bytes(WINDOWS[character] for character in sequence)
    for end in range(len(content), 1, -1):  # what follows may be a sign of its own: «Ã©»
        try:
            return content[:end].decode("utf-8") + sequence[end:]
        except UnicodeDecodeError:
            continue
    return sequence
