"""Text as ids: Nietzsche, the user's own files, or a sample made on the spot; and the windows models read it in.

A text is read a chunk at a time, in composed characters (NFC), and becomes an array of character ids, one or two bytes
each; memory grows with the text and nothing else. The last tenth is the test part, and what stands before it may be a
validation part: neither is trained on, and no window lies across a cut.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from nnlab.data.characters import composed, repeating
from nnlab.data.folders import is_run_folder, list_files
from nnlab.data.sources import datasets
from nnlab.data.texts.gutenberg import WithoutLicence, told
from nnlab.data.texts.text_kinds import Watched
from nnlab.data.texts.textfile import find_path, open_text
from nnlab.errors import InputError, UsageError

Ids: TypeAlias = np.ndarray[Any, Any]
TEST = 0.1  # of a text, its end
CODES = 0x110000
BLOCK = 1 << 20  # characters worked on at a time
DEFAULT = "nietzsche"
ENDINGS = (".txt", ".txt.gz", ".txt.bz2", ".txt.xz")  # of what is read in a folder


@dataclass(frozen=True)
class Parts:
    """A text's ids ``(characters,)``, cut into what is trained on, what chooses the epoch, and what is reported."""

    training: Ids
    validation: Ids | None  # None: nothing is chosen
    test: Ids

    @property
    def watched(self) -> tuple[Literal["val", "test"], Ids]:
        """Validation where there is one, else test, with the prefix of its figures: measured after each epoch."""
        return ("test", self.test) if self.validation is None else ("val", self.validation)


@dataclass(frozen=True)
class Corpus:
    """A text as ids ``(characters,)`` of its own alphabet, and where it came from.

    ``origin``: the path, or ``sample``; ``size``: bytes on disk; ``skipped``: files that could not be read; ``notes``:
    how it was read, where that is not plain, and what of a folder was not; ``licence``: characters of Project
    Gutenberg's header and licence, which are not among the ids.
    """

    ids: Ids
    alphabet: str
    origin: str
    size: int = 0
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    licence: int = 0

    @cached_property
    def digest(self) -> str:
        """sha256 of the text as it was read."""
        sums = hashlib.sha256(self.alphabet.encode("utf-8", "surrogatepass"))
        sums.update(self.ids.astype(self.ids.dtype.newbyteorder("<"), copy=False).data)
        return sums.hexdigest()

    def parts(self, validation: float) -> Parts:
        """The text in parts: its last tenth is test, a share of the whole before it validation, the rest training."""
        cut = int(len(self.ids) * (1 - TEST))
        size = round(validation * len(self.ids))
        begin = cut - size
        return Parts(self.ids[:begin], self.ids[begin:cut] if size else None, self.ids[cut:])


# ---- reading -----------------------------------------------------------------------------------------


def load(data: str | None, *, lower: bool) -> Corpus:
    """The text of ``--data``: a known one (None: Nietzsche), ``sample``, a file, or a folder of ``.txt`` files.

    Raises UsageError where there is nothing of that name, InputError where it is no text, DataUnavailable where a
    known text cannot be had.
    """
    if data == datasets.SAMPLE:
        return encode([sample()], lower=lower, origin=data)
    if data is None or datasets.known(data, "text"):
        return read_files([datasets.find(data or DEFAULT)], lower=lower)
    path = find_path(data)
    if path is not None:
        return read_folder(path, lower=lower) if os.path.isdir(path) else read_files([path], lower=lower)
    raise UsageError(
        f"expected --data to be {', '.join(datasets.names('text'))}, sample, a text file or a folder of them, "
        f"there is nothing at {data}",
        "Leave it out for Nietzsche",
    )


def read_folder(folder: Path, *, lower: bool) -> Corpus:
    """The texts in and below a folder, in the order of their paths; copies and what cannot be read are left out.

    Raises UsageError where there is none.
    """
    listing = list_files(folder, ENDINGS)
    if not listing.files:
        what = "it is a run folder of nnlab" if is_run_folder(folder) else listing.note
        raise UsageError(
            f"expected texts (*.txt) in the folder {folder}, found none" + (f" ({what})" if what else ""),
            "Name a file instead",
        )
    return read_files(listing.files, lower=lower, folder=folder, notes=(listing.note,) if listing.note else ())


def read_files(
    paths: Sequence[Path], *, lower: bool, folder: Path | None = None, notes: tuple[str, ...] = ()
) -> Corpus:
    """Text files, one after the other with a line end between.

    InputError where one is no text; of a folder, such files are left out, and files that repeat another: else what is
    held out at the end would be trained on before.
    """
    reader = _Reader(lower)
    seen: dict[str, Path] = {}
    skipped: list[str] = []
    size, copies, books, left_out = 0, 0, 0, 0
    for path in paths:
        reader.begin()
        try:
            text = open_text(path)
            watched = Watched(text.chunks())
            book = WithoutLicence(watched.chunks())
            reader.read(book.chunks(), text.size)
        except InputError as error:
            reader.drop()
            if folder is None:
                raise
            skipped.append(error.message.removeprefix(f"{folder}{os.sep}"))
            continue
        if folder is not None and reader.is_empty:
            skipped.append(f"{path.relative_to(folder)}: it is empty")
            continue
        if folder is not None and reader.digest in seen:
            reader.drop()
            copies += 1
            continue
        seen[reader.digest] = path
        size += text.size
        books, left_out = books + (book.left_out > 0), left_out + book.left_out
        where = f"{path.relative_to(folder)}: " if folder else ""
        told_of = filter(None, (text.note, *watched.notes(text)))
        notes = (*notes, *(f"{where}{note}" for note in told_of))
    if copies:
        notes = (*notes, f"{repeating(copies, 'file')} left out")
    if left_out:
        notes = (*notes, told(left_out, books))
    if skipped and not seen:
        raise InputError(f"no text can be read, the first: {skipped[0]}", "Name a text file", path=folder)
    ids, alphabet = reader.corpus(str(folder or paths[0]))
    return Corpus(ids, alphabet, str(folder or paths[0]), size, tuple(skipped), notes, left_out)


def encode(texts: Sequence[str], *, lower: bool, origin: str) -> Corpus:
    """Texts held in memory, one after the other, as a corpus. InputError where there is nothing to learn from."""
    reader = _Reader(lower)
    for text in texts:
        reader.add("".join(composed([text])))
    ids, alphabet = reader.corpus(origin)
    return Corpus(ids, alphabet, origin)


class _Reader:
    """Collects texts as ids in the order in which characters first come; at the end they get that of code points.

    The ids lie in one array, as long as a file may need: a list of chunks would take their memory twice when it is
    made into one, and what is never written to takes none.
    """

    def __init__(self, lower: bool) -> None:
        self._lower = lower
        self._ids: Ids = np.empty(0, np.uint8)
        self._count = 0  # characters read
        self._begin = 0  # where the last text begins
        self._number = np.full(CODES, -1, np.int32)  # of each code point
        self._codes = np.zeros(0, np.uint32)  # of each number
        self._sums = hashlib.sha256()

    @property
    def digest(self) -> str:
        """Of the text that was read last."""
        return self._sums.hexdigest()

    @property
    def is_empty(self) -> bool:
        """Whether that text has no characters."""
        return self._count == self._begin

    def begin(self) -> None:
        """Another text comes."""
        self._begin = self._count
        self._sums = hashlib.sha256()

    def drop(self) -> None:
        """Forget what was read of it."""
        self._count = self._begin

    def read(self, chunks: Iterator[str], size: int) -> None:
        """Add a file of so many bytes; a line end comes between it and the one before."""
        between = self._begin > 0
        self._make_room(size + 1)
        for chunk in composed(chunks):
            self.add(f"\n{chunk}" if between else chunk)
            between = False
            self._sums.update(chunk.encode())

    def add(self, text: str) -> None:
        """Add some text."""
        text = text.lower() if self._lower else text
        codes = np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), np.uint32)
        new = np.unique(codes[self._number[codes] < 0])
        self._number[new] = np.arange(len(self._codes), len(self._codes) + len(new))
        self._codes = np.concatenate([self._codes, new])
        self._make_room(len(codes))
        self._ids[self._count : self._count + len(codes)] = self._number[codes]
        self._count += len(codes)

    def _make_room(self, count: int) -> None:
        """Room for more characters, of a type that holds all numbers."""
        wanted, needed = _least_type(len(self._codes)), self._count + count
        if needed > len(self._ids) or wanted != self._ids.dtype:
            size = max(needed, 3 * len(self._ids) // 2) if needed > len(self._ids) else len(self._ids)
            kept = self._ids[: self._count]
            self._ids = np.empty(size, wanted)
            self._ids[: self._count] = kept

    def corpus(self, origin: str) -> tuple[Ids, str]:
        """The ids and the alphabet, in the order of the code points."""
        ids = self._ids[: self._count]
        blocks = [slice(start, start + BLOCK) for start in range(0, len(ids), BLOCK)]
        counts = np.zeros(len(self._codes), np.int64)
        for block in blocks:
            counts += np.bincount(ids[block], minlength=len(counts))
        used = np.sort(self._codes[counts > 0])
        if len(used) == 0:
            raise InputError(f"expected a text, {origin} is empty", "Name a file with some text in it")
        if len(used) == 1:
            raise InputError(
                f"expected a text of different characters, {origin} has {chr(used[0])!r} only",
                "There is nothing to learn from it",
            )
        rank = np.searchsorted(used, self._codes).astype(ids.dtype)
        for block in blocks:
            ids[block] = rank[ids[block]]
        return ids.astype(_least_type(len(used)), copy=False), "".join(map(chr, used.tolist()))


def _least_type(count: int) -> type[np.unsignedinteger[Any]] | type[np.int32]:
    """The smallest type of ids of so many characters."""
    return np.uint8 if count <= 256 else np.uint16 if count <= 65536 else np.int32


# ---- windows -----------------------------------------------------------------------------------------


def training_windows(ids: Ids, streams: int, window: int, rng: np.random.Generator) -> tuple[Ids, Ids]:
    """An epoch of a stream model: ``(steps * streams, window)`` ids and what follows each.

    Row ``step * streams + s`` goes on where row ``(step - 1) * streams + s`` ended. The text is cut into
    streams at another place each epoch.
    """
    steps = (len(ids) - 1) // (streams * window)
    total = steps * streams * window
    start = int(rng.integers(len(ids) - total))

    def cut(start: int) -> Ids:
        rows = ids[start : start + total].reshape(streams, steps, window)
        return rows.transpose(1, 0, 2).reshape(-1, window)

    return cut(start), cut(start + 1)


def held_out_windows(ids: Ids, streams: int, window: int) -> Iterator[tuple[Ids, Ids, Ids]]:
    """(ids, next ids, counted) ``(streams, window)``, step by step: every next character of a part counts once.

    Each stream but the first reads one window before its part, which is not counted: so it is not asked
    without having read anything.
    """
    last = len(ids) - 1  # characters to predict
    part = max(1, math.ceil((last - window) / streams))
    steps = math.ceil((part + window) / window)
    for step in range(steps):
        place = np.arange(window) + step * window  # within a stream
        at = np.arange(streams)[:, None] * part + place  # within the ids
        counted = (place < part + window) & (at < last) & ((place >= window) | (np.arange(streams)[:, None] == 0))
        at = np.minimum(at, last - 1)
        yield ids[at], ids[at + 1], counted


# ---- the sample --------------------------------------------------------------------------------------


def sample(sentences: int = 900, seed: int = 2018) -> str:
    """About 45,000 characters of small talk about a laboratory, made by a grammar of our own."""
    rng = np.random.default_rng(seed)

    def pick(words: Sequence[str]) -> str:
        return words[int(rng.integers(len(words)))]

    people = ("the student", "a curious reader", "our teacher", "the old engineer", "my neighbour", "nobody")
    verbs = ("trains", "forgets", "measures", "repeats", "doubts", "explains", "draws", "keeps")
    things = ("the small network", "a long night", "every mistake", "the held-out text", "an honest number", "the seed")
    ends = ("before breakfast", "without a word", "in the same way", "once more", "and smiles", "as one should")
    starts = ("On monday", "At the end", "Sometimes", "In the laboratory", "After the storm", "Here")
    parts: list[str] = []
    for number in range(sentences):
        shape = int(rng.integers(3))
        body = f"{pick(people)} {pick(verbs)} {pick(things)}"
        if shape == 0:
            parts.append(f"{body[0].upper()}{body[1:]} {pick(ends)}.")
        elif shape == 1:
            parts.append(f"{pick(starts)}, {body}.")
        else:
            parts.append(f"{body[0].upper()}{body[1:]}, but {pick(people)} {pick(verbs)} {pick(things)}.")
        parts.append("\n" if number % 6 == 5 else " ")
    return "".join(parts)
