"""Anybody's text files, known by their content: read right, or refused with what they are and what to do.

Read are UTF-8, UTF-16 and UTF-32, with a byte-order mark or (where ASCII among it shows which) without, plain or
compressed by gzip, bzip2, xz or lzma. Line ends of any system become one. A file is never held in memory whole.
"""

from __future__ import annotations

import codecs
import io
import lzma
import os
import re
import shlex
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from nnlab.data.characters import LOST, Lost, shown
from nnlab.data.file_kinds import SAVE, kind_of
from nnlab.data.texts.legacy_encodings import codec, guess_encoding
from nnlab.data.texts.signatures import COMPRESSED, OTHER, UNPACK, compression_of, kind_by_signature
from nnlab.errors import InputError

HEAD = 1 << 16  # bytes that decide what a file is
CHUNK = 1 << 20  # bytes read at a time
LONGEST_LINE = 1 << 26  # characters
MOST_UNPACKED, HIGHEST_RATIO = 100_000_000, 200  # a compressed text of more than both is refused: books pack 3 : 1
MARKS = (  # the longer first
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
END_OF_FILE = "\x1a"  # Ctrl-Z, of CP/M and DOS
SHIFTED = (  # encodings that are ASCII and escape codes: what switches to their letters
    (re.compile(rb"\x1b\$[@B]"), "iso2022_jp", "ISO-2022-JP"),
    (re.compile(rb"\x1b\$\)C"), "iso2022_kr", "ISO-2022-KR"),
)
MARKUP = (  # what a text begins with, what is told
    (
        re.compile(r"(?:<\?xml[^>]*>|<!--.*?-->|\s)*(?:<!doctype html|<html)", re.IGNORECASE | re.DOTALL),
        "it is an HTML page, its tags",
    ),
    (re.compile(r"\d+\s*[\r\n]+[\d:,. ]+-->"), "it has subtitles (SRT), their numbers and times"),
    (re.compile(r"WEBVTT\b[^\r\n]*[\r\n]"), "it has subtitles (WebVTT), their times"),
)


@dataclass(frozen=True)
class TextFile:
    """A text file that was looked into. ``lost`` is counted while it is read."""

    path: Path
    encoding: str
    mark: bytes  # the byte-order mark
    compression: str  # "" where it is not compressed
    size: int  # bytes on disk
    markup: str  # "it is an HTML page, its tags", where there is some that is read as text
    lost: Lost = field(default_factory=Lost)

    @property
    def note(self) -> str:
        """How it is read, where that is not plain UTF-8."""
        ways = (self.compression, "" if self.encoding == "utf-8" else self.encoding.upper()[:6])
        markup = f"{self.markup} are read as text" if self.markup else ""
        read = f"read as {', '.join(filter(None, ways))}" if any(ways) else ""
        return "; ".join(filter(None, (read, markup, self.lost.note)))

    def chunks(self) -> Iterator[str]:
        r"""The text, about a megabyte at a time; every line end is ``\n``, and no Ctrl-Z is at the end.

        InputError names the line and the byte that is no text, and how to convert the file.
        """
        decoder = codecs.getincrementaldecoder(self.encoding)()
        newlines = io.IncrementalNewlineDecoder(None, translate=True)
        self.lost.count = 0
        line, column = 1, 0  # where the next character stands; the column in bytes
        recent = b""  # some bytes before these
        waiting = ""  # until it is seen whether this is the end of the file
        with _opened(self.path, self.compression) as file:
            for data in _pieces(self, file):
                try:
                    text = waiting + newlines.decode(decoder.decode(data, final=not data), final=not data)
                except UnicodeDecodeError as error:
                    before = newlines.decode(error.object[: error.start].decode(self.encoding), final=True)
                    line, column = self._after(waiting + before, line, column)
                    start = len(recent + data) - len(error.object) + error.start
                    around = recent + data + _read(self.path, file, HEAD)
                    raise self._not_text(around, start, line, column + 1) from None
                kept = text.rstrip(END_OF_FILE)
                text, waiting = kept, text[len(kept) :]
                if "\0" in text:
                    line, column = self._after(text[: text.index("\0")], line, column)
                    raise InputError(
                        f"expected text, byte {column + 1} of the line is NUL (0x00)",
                        f"Take such bytes out: tr -d '\\000' < {self.name} > NEW",
                        path=self.path,
                        line=line,
                    )
                if LOST in text:
                    self.lost.line = self.lost.line if self.lost.count else line + text[: text.index(LOST)].count("\n")
                    self.lost.count += text.count(LOST)
                line, column = self._after(text, line, column)
                recent = (recent + data)[-HEAD:]
                if text:
                    yield text

    def lines(self) -> Iterator[str]:
        """The lines, without their ends; InputError as above, and where one has more than 67 million characters."""
        rest, number = "", 0
        for text in self.chunks():
            *whole, rest = (rest + text).split("\n")
            number += len(whole)
            yield from whole
            if len(rest) > LONGEST_LINE:
                raise InputError(
                    f"expected lines of text, this one has more than {LONGEST_LINE:,} characters",
                    OTHER,
                    path=self.path,
                    line=number + 1,
                )
        if rest:
            yield rest

    def _after(self, text: str, line: int, column: int) -> tuple[int, int]:
        """The line and the column behind a text that begins at ``line`` and ``column``."""
        count = text.count("\n")
        tail = len(text[text.rfind("\n") + 1 :].encode(self.encoding))
        return line + count, tail + (0 if count else column)

    @property
    def name(self) -> str:
        """The path as it is typed in a shell."""
        return shlex.quote(str(self.path))

    def _not_text(self, content: bytes, start: int, line: int, column: int) -> InputError:
        """What the bytes are that cannot be decoded from ``start`` on, and what to do about them."""

        def error(message: str, hint: str) -> InputError:
            return InputError(message, hint, path=self.path, line=line)

        at = f"byte {column} of the line is 0x{content[start]:02x}"
        again = "copy or fetch it again"
        if self.encoding != "utf-8":
            name = self.encoding.upper()[:6]
            return error(f"expected {name}, {at}, where no character begins", f"It is damaged: {again}")
        drop = f"Correct the line, or drop such bytes: {self.converted('-c -f UTF-8')}"
        if content[start] == 0xED and all(0x80 <= byte <= 0xBF for byte in content[start + 1 : start + 3]):
            return error(f"expected UTF-8, {at}: half a surrogate pair", drop)
        text = content.decode("utf-8", "replace")
        broken = text.count("\ufffd")
        if sum(character > "\x7f" for character in text) > 2 * broken:  # more is right than wrong
            if len(content) - start < 4 and all(0x80 <= byte <= 0xBF for byte in content[start + 1 :]):
                return error(f"expected UTF-8, {at}, and the file ends within the character", f"It was cut: {again}")
            return error(f"expected UTF-8, as the rest of it is, {at}", drop)
        begin, end = content.rfind(b"\n", 0, start) + 1, content.find(b"\n", start)
        guess = guess_encoding(content[begin:])
        if guess is None:
            return error(f"expected UTF-8, {at}", "Save it as UTF-8 with the program that wrote it")
        near = content[max(begin, start - 30) : min(start + 30, end if end >= 0 else len(content))]
        stands = " ".join(near.decode(codec(guess), "replace").split())
        return error(
            f"expected UTF-8, {at}; read as {guess} there stands {stands!r}",
            f"If that is right, convert it: {self.converted(f'-f {guess}')}",
        )

    def refuse_shifted(self, head: bytes) -> None:
        """InputError where the file's first bytes switch by escape codes to letters that are not Unicode."""
        for switch, python_name, name in SHIFTED:
            found = switch.search(head)
            try:
                text = codecs.getincrementaldecoder(python_name)().decode(head) if found else ""
            except UnicodeDecodeError:
                continue
            stands = next((line for line in text.splitlines() if not line.isascii()), "")
            if stands:
                raise InputError(
                    f"expected UTF-8, it has escape codes; read as {name} there stands {shown(stands)}",
                    f"If that is right, convert it: {self.converted(f'-f {name}')}",
                    path=self.path,
                )

    def converted(self, options: str, to: str = "UTF-8") -> str:
        """The command that makes another file of it."""
        if not self.compression:
            return f"iconv {options} -t {to} {self.name} > NEW"
        return f"{self.compression} -dc {self.name} | iconv {options} -t {to} > NEW"


def open_text(path: Path) -> TextFile:
    """Look into a user's file; InputError says what it is where it is no text."""
    size = check_file(path)
    head = _head(path, "")
    compression = compression_of(head)
    head = _head(path, compression) if compression else head
    if compression and compression_of(head):
        raise InputError(f"expected a text, it is compressed twice ({compression})", UNPACK, path=path)
    _refuse_others(path, head)
    mark, encoding = next(((mark, name) for mark, name in MARKS if head.startswith(mark)), (b"", _unmarked(head)))
    if not encoding:
        raise InputError("expected a text, its bytes are something else (they have NULs)", OTHER, path=path)
    begin = head.removeprefix(mark).decode(encoding, "ignore").lstrip()
    markup = next((what for pattern, what in MARKUP if pattern.match(begin)), "")
    text = TextFile(path, encoding, mark, compression, size, markup)
    text.refuse_shifted(head)
    return text


def find_path(typed: str) -> Path | None:
    """What stands at a path that a user typed (``~`` is the home folder), or in ``NNLAB_DATA``; None where nothing."""
    folder = os.environ.get("NNLAB_DATA") or "."
    places = (typed, os.path.expanduser(typed), os.path.join(os.path.expanduser(folder), typed))
    return next((Path(place) for place in places if typed.strip() and os.path.lexists(place)), None)


def check_file(path: Path) -> int:
    """The size of a regular file that may be read; InputError says what stands there instead."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise InputError("there is no such file", "Correct the path", path=path) from None
    except (OSError, ValueError) as error:  # a name too long, a link to itself, a NUL in the name, a closed folder
        raise InputError(f"it cannot be read ({_reason(error)})", "Name another file", path=_short(path)) from None
    if kind := kind_of(status.st_mode):
        hint = "Name a file in it" if kind == "a folder" else SAVE
        raise InputError(f"expected a file, it is {kind}", hint, path=path)
    return status.st_size


def _opened(path: Path, compression: str) -> IO[bytes]:
    try:
        file: IO[bytes] = COMPRESSED[compression][1](path) if compression else path.open("rb")
        return file
    except OSError as error:
        raise InputError(f"it cannot be read ({_reason(error)})", "Name another file", path=path) from None


def _read(path: Path, file: IO[bytes], count: int) -> bytes:
    try:
        return file.read(count)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        what = f"it is damaged or cannot be read ({_reason(error)})"
        raise InputError(what, "Copy or fetch it again", path=path) from None


def _head(path: Path, compression: str) -> bytes:
    with _opened(path, compression) as file:
        return _read(path, file, HEAD)


def _pieces(text: TextFile, file: IO[bytes]) -> Iterator[bytes]:
    """The bytes behind the mark, at the end none; InputError where a small file unpacks to an enormous one."""
    total = len(_read(text.path, file, len(text.mark)))
    while data := _read(text.path, file, CHUNK):
        total += len(data)
        if text.compression and total > max(MOST_UNPACKED, HIGHEST_RATIO * text.size):
            raise InputError(
                f"expected a text, its {text.size:,} bytes unpack to more than {total:,}", OTHER, path=text.path
            )
        yield data
    yield b""


def _refuse_others(path: Path, head: bytes) -> None:
    """InputError where the first bytes are those of something that people take for a text."""
    kind, hint = kind_by_signature(head)
    if kind:
        raise InputError(f"expected a text, it is {kind}", hint.replace("FILE", shlex.quote(str(path))), path=path)


def _unmarked(head: bytes) -> str:
    """The encoding of text without a mark: UTF-8, or the one that makes text of its NULs; "" where none does."""
    nulls = head.count(0)
    if not nulls:
        return "utf-8"
    ascii_with_nulls = _plausible(head.replace(b"\0", b""), "utf-8") > 0
    if ascii_with_nulls and nulls < 0.3 * len(head):  # told with their line; UTF-16 has one per ASCII character
        return "utf-8"
    scores = {name: _plausible(head, name) for _, name in MARKS}
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] > 0 else "utf-8" if ascii_with_nulls else ""


def _plausible(head: bytes, encoding: str) -> float:
    """The share of ASCII in what an encoding makes of bytes; -1 where it makes no text of them."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)  # the last character may be cut
    except UnicodeDecodeError:
        return -1.0
    odd = sum(unicodedata.category(character) in ("Cn", "Co") for character in text)
    if any(unicodedata.category(c) == "Cc" and not c.isspace() for c in text) or odd > len(text) / 100:
        return -1.0
    return sum(map(str.isascii, text)) / max(1, len(text))


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _short(path: Path) -> Path:
    """A path that is short enough to be told."""
    return path if len(str(path)) < 300 else Path(f"{str(path)[:200]}…")
