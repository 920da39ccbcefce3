"""What is told of a text that a network would learn letter by letter: markup, data, codes of mail, unseen characters.

None of it is refused: somebody may want to learn to write HTML. Files of sentence pairs have markup taken out of them
and are not looked into here.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

from nnlab.data.texts.double_encoding import find_double_encoding
from nnlab.data.texts.textfile import TextFile

HEAD = 1 << 18  # characters that decide what a text is
LEAST = 5  # tags, codes
PER_TAG, PER_CODE = 200, 1000  # characters; a text with fewer of them for each is made of them
TAG = re.compile(r"<(/?)[A-Za-z][\w:.-]*(?:\s[^<>]{0,2000})?/?>")
XML = re.compile(r"\s*<(?:\?xml|!DOCTYPE|!ELEMENT)\b")
KEY = re.compile(r'"(?:[^"\\\n]|\\.){0,200}"\s*:')
QUOTED_PRINTABLE = re.compile(r"=[CD][0-9A-F]=[89AB][0-9A-F]|=E[0-9A-F]=[89AB][0-9A-F]=\n?[89AB][0-9A-F]")
BASE64 = re.compile(r"[A-Za-z0-9+/]{60,}={0,2}")
TRANSFER = re.compile(r"^Content-Transfer-Encoding:[^\S\n]*(quoted-printable|base64)", re.I | re.M)
MAIL = re.compile(r"^(?:From|Subject|MIME-Version|Content-Type):", re.I | re.M)
CONTROLS = re.compile(r"[\x01-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
UNSEEN = (  # a character, one, many
    ("\xad", "soft hyphen (U+00AD)", "soft hyphens (U+00AD)"),
    ("\u200b", "zero-width space (U+200B)", "zero-width spaces (U+200B)"),
    ("\u2060", "word joiner (U+2060)", "word joiners (U+2060)"),
    ("\ufeff", "byte-order mark (U+FEFF) inside", "byte-order marks (U+FEFF) inside"),
)


class Watched:
    """Looks at a text while it is read; ``notes`` says what is in it."""

    def __init__(self, chunks: Iterator[str]) -> None:
        self._chunks = chunks
        self._head = ""
        self._is_whole = True  # the head is the whole text
        self._counts: Counter[str] = Counter()

    def chunks(self) -> Iterator[str]:
        """The text."""
        for chunk in self._chunks:
            self._is_whole = self._is_whole and len(self._head) + len(chunk) <= HEAD
            if len(self._head) < HEAD:
                self._head += chunk[: HEAD - len(self._head)]
            self._counts.update(CONTROLS.findall(chunk))
            for character, _, _ in UNSEEN:
                self._counts[character] += chunk.count(character)
            yield chunk

    def notes(self, file: TextFile) -> list[str]:
        """What is told of the text, once it was read; not what the file tells itself."""
        double = find_double_encoding(self._head.split("\n"))
        kind = "" if file.markup else kind_of_text(self._head, is_whole=self._is_whole)
        return [
            *([f"{kind} are read as text"] if kind else []),
            *([f"{unseen} are among the text"] if (unseen := self._unseen()) else []),
            *([double.note(file)] if double else []),
        ]

    def _unseen(self) -> str:
        """The characters that nobody sees, counted: "2 control characters (ESC), 3 soft hyphens (U+00AD)"."""
        found = []
        controls = {character: self._counts[character] for character in self._counts if CONTROLS.match(character)}
        if controls:
            often = sorted(controls, key=lambda character: -controls[character])
            names = ", ".join("ESC" if character == "\x1b" else f"U+{ord(character):04X}" for character in often[:3])
            more = ", …" if len(often) > 3 else ""
            count = sum(controls.values())
            found.append(f"{count:,} control character{'s' * (count > 1)} ({names}{more})")
        for character, one, many in UNSEEN:
            if count := self._counts[character]:
                found.append(f"{count:,} {one if count == 1 else many}")
        return ", ".join(found)


def kind_of_text(head: str, *, is_whole: bool) -> str:
    """What a text's beginning shows it to be, and what of that is read as text; empty for ordinary text.

    ``is_whole``: the text does not go on behind it.
    """
    if kind := _kind_of_data(head, is_whole):
        return kind
    closing = [tag[1] for tag in TAG.finditer(head)]
    if XML.match(head):
        return "it is XML, its tags"
    # Names in chats and types in source code stand in such brackets too, but nothing closes them.
    if len(closing) >= LEAST and PER_TAG * len(closing) > len(head) and 4 * closing.count("/") > len(closing):
        return "it has markup (HTML, XML), its tags"
    lines = [line for line in head.split("\n") if line.strip()]
    coded = [line for line in lines if BASE64.fullmatch(line.strip()) and _is_mixed(line)]
    if 2 * sum(map(len, coded)) > sum(map(len, lines)) > 0:
        return "it is base64, its letters"
    codes = sum(1 for _ in QUOTED_PRINTABLE.finditer(head))
    if codes >= LEAST and PER_CODE * codes > len(head):
        return "it has quoted-printable mail, its codes (=C3=A9)"
    if (header := TRANSFER.search(head)) and MAIL.search(head):
        return f"it has mail in {header[1].lower()}, its codes"
    return ""


def _kind_of_data(head: str, is_whole: bool) -> str:
    """JSON of some kind."""
    begin = head.lstrip()
    if begin[:1] not in ("{", "["):
        return ""
    lines = begin.split("\n") if is_whole else begin.split("\n")[:-1]
    first = [line for line in lines if line.strip()][:LEAST]
    if len(first) > 1 and all(map(_is_json, first)):
        return "it is JSON lines, their names and signs"
    if _is_json(head) if is_whole else PER_TAG * len(KEY.findall(head)) > len(head):
        notebook = '"cell_type"' in head and begin.startswith("{")
        return "it is a Jupyter notebook, its JSON" if notebook else "it is JSON, its names and signs"
    return ""


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


def _is_mixed(line: str) -> bool:
    """Whether there are capitals, small letters and digits, unlike in DNA or a row of letters."""
    return all(any(map(kind, line)) for kind in (str.isupper, str.islower, str.isdigit))
