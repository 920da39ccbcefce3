"""Several recordings in one OGG or MP3 file, one after the other, and whether an OGG file is whole.

libsndfile reads the first of them, or what comes before a hole, and says nothing.
"""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

from nnlab.errors import InputError

CUT_SHORT = "Copy or fetch it again, or save what is left of it as a new file"
FIRST, LAST = 2, 4  # flags of a page: it begins a stream, it ends one
MOST_RECORDINGS = 1000
LEAST_LEFT = 2 * 1441  # bytes, two frames of MP3 at the highest rate: less is no recording
OLD_TAG = 128  # bytes of an ID3v1 tag, which begins with TAG


class Page(NamedTuple):
    """The head of an OGG page: its flags, the stream that it is of, its number there, the byte after it."""

    flags: int
    stream: int
    number: int
    end: int


def recordings_of(file: BinaryIO, beginning: bytes, end: int, path: Path) -> list[tuple[int, int]]:
    """(first byte, byte after the last) of each recording in a file of ``end`` bytes; of other formats it is one.

    Raises:
        InputError: an OGG file has a hole, or ends before its last page; there are more than 1,000 recordings.
    """
    found = [(0, end)]
    if beginning == b"OggS":
        found = _of_ogg(file, end, path)
    elif beginning[:3] == b"ID3" or beginning[:1] == b"\xff":
        found = _of_mp3(file, end)
    if len(found) > MOST_RECORDINGS:
        message = f"expected at most {MOST_RECORDINGS:,} recordings in one file, it has more"
        raise InputError(message, "Save it as several files", path=path)
    return found


# ---- OGG ---------------------------------------------------------------------------------------------


def _of_ogg(file: BinaryIO, end: int, path: Path) -> list[tuple[int, int]]:
    place, starts, heads = 0, [0], True
    numbers: dict[int, int] = {}  # of the last page of each stream that has not ended
    while place < end:
        page = _page(file, place)
        if page is None:
            if not numbers:
                break  # after the last page: a tag, or padding
            raise InputError(f"expected a whole OGG file, it is damaged at byte {place:,}", CUT_SHORT, path=path)
        if page.end > end:
            raise InputError("expected a whole OGG file, it ends within a page: it was cut short", CUT_SHORT, path=path)
        begins = bool(page.flags & FIRST)
        if begins and not heads and not numbers:
            starts.append(place)
        elif not begins and page.stream in numbers and page.number != numbers[page.stream] + 1:
            raise InputError(
                f"expected a whole OGG file, pages are missing before byte {place:,}: it has a hole",
                CUT_SHORT,
                path=path,
            )
        heads = begins
        numbers[page.stream] = page.number
        if page.flags & LAST:
            del numbers[page.stream]
        place = page.end
    if numbers:
        raise InputError("expected a whole OGG file, its last page is missing: it was cut short", CUT_SHORT, path=path)
    return list(zip(starts, [*starts[1:], end], strict=True))


def _page(file: BinaryIO, place: int) -> Page | None:
    """The page that begins there; one that ends beyond the file where its head is cut, None where there is none."""
    file.seek(place)
    head = file.read(27)
    if head[:4] != b"OggS"[: len(head)]:
        return None
    if len(head) < 27:
        return Page(0, 0, 0, place + 28 + 255)
    flags, stream, number, segments = struct.unpack("<5xB8xII4xB", head)
    sizes = file.read(segments)
    return Page(flags, stream, number, place + 27 + segments + sum(sizes) + (len(sizes) < segments))


# ---- MP3 ---------------------------------------------------------------------------------------------


def _of_mp3(file: BinaryIO, end: int) -> list[tuple[int, int]]:
    """Each as long as the Xing or Info header in its first frame says; where there is none, all the rest is one."""
    found: list[tuple[int, int]] = []
    place: int | None = 0
    while place is not None and end - place >= LEAST_LEFT and len(found) <= MOST_RECORDINGS:
        length = _said(file, place)
        last = place + length if length else end
        following = _next_mp3(file, last, end)
        found.append((place, end if following is None else last))
        place = following
    return found or [(0, end)]


def _said(file: BinaryIO, place: int) -> int:
    """The bytes that an MP3 says that it has, with the tag before them; 0 where it does not say."""
    first = after_tag(file, place)
    file.seek(first)
    found = re.search(rb"(?:Xing|Info)\0\0\0(.)(.{8})", file.read(64), re.DOTALL)
    if found is None or not found[1][0] & 2:
        return 0
    said = found[2][4:] if found[1][0] & 1 else found[2][:4]
    return first - place + int(struct.unpack(">I", said)[0])


def _next_mp3(file: BinaryIO, place: int, end: int) -> int | None:
    """Where, after one, the next MP3 begins: with a tag or with a frame that says how long it is; None for none."""
    file.seek(place)
    head = file.read(OLD_TAG + 3)
    if head.startswith(b"TAG"):
        place, head = place + OLD_TAG, head[OLD_TAG:]
    if end - place < LEAST_LEFT or not (head.startswith(b"ID3") or head[:1] == b"\xff"):
        return None
    file.seek(after_tag(file, place))
    frame = file.read(2)
    return place if len(frame) == 2 and frame[0] == 0xFF and frame[1] & 0xE0 == 0xE0 else None


def after_tag(file: BinaryIO, place: int) -> int:
    """The byte after the ID3 tag that begins there, if one does."""
    file.seek(place)
    head = file.read(10)
    if not head.startswith(b"ID3") or len(head) < 10:
        return place
    return place + 10 + sum((byte & 127) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))


def part(file: BinaryIO, place: tuple[int, int]) -> io.BytesIO:
    """The bytes of one recording."""
    file.seek(place[0])
    return io.BytesIO(file.read(place[1] - place[0]))
