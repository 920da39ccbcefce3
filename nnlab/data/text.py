"""Text as ids: Nietzsche, the user's own files, or a sample made on the spot.

A text is read in pieces and becomes an array of character ids, one or two bytes each; memory grows with
the text and nothing else. The last tenth is held out: never trained on, and no window lies across the cut.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nnlab.data import datasets
from nnlab.errors import InputError, UsageError

Ids: TypeAlias = np.ndarray[Any, Any]
HELD_OUT = 0.1
PIECE = 1 << 20  # characters read at a time
CODES = 0x110000


@dataclass(frozen=True)
class Corpus:
    """A text as ids ``(characters,)`` of its own alphabet, and where it came from."""

    ids: Ids
    alphabet: str
    source: str

    @property
    def digest(self) -> str:
        """sha256 of the text as it was read."""
        return hashlib.sha256(self.alphabet.encode() + self.ids.tobytes()).hexdigest()

    @property
    def cut(self) -> int:
        """Where the held-out tail begins."""
        return int(len(self.ids) * (1 - HELD_OUT))

    @property
    def training(self) -> Ids:
        """The ids that are trained on."""
        return self.ids[: self.cut]

    @property
    def held_out(self) -> Ids:
        """The ids of the held-out tail."""
        return self.ids[self.cut :]


class Alphabet:
    """The characters a model knows, both ways."""

    def __init__(self, characters: str, *, lower: bool = False) -> None:
        self.characters = characters
        self.lower = lower
        self._id = {character: number for number, character in enumerate(characters)}

    def read(self, text: str) -> tuple[list[int], str]:
        """The ids of the known characters, and the unknown ones, each once."""
        text = text.lower() if self.lower else text
        unknown = "".join(dict.fromkeys(character for character in text if character not in self._id))
        return [self._id[character] for character in text if character in self._id], unknown

    def write(self, ids: Iterable[int]) -> str:
        """The text of ids."""
        return "".join(self.characters[number] for number in ids)


def load(data: str | None, *, lower: bool) -> Corpus:
    """``None`` (Nietzsche) or a known text; ``sample``; or a path: a UTF-8 file, or a folder of ``.txt`` files."""
    if data == datasets.SAMPLE:
        return encode([sample()], lower=lower, source=data)
    if data is None or datasets.known(data, "text"):
        return read_files([datasets.find(data or "nietzsche")], lower=lower)
    path = Path(str(data))
    if path.is_dir():
        files = sorted(file for file in path.rglob("*.txt") if file.is_file())
        if not files:
            raise UsageError(f"expected texts (*.txt) in the folder {path}, found none", "Name a file instead")
        return read_files(files, lower=lower, source=str(path))
    if path.is_file():
        return read_files([path], lower=lower)
    named = ", ".join(datasets.names("text"))
    raise UsageError(
        f"expected --data to be {named}, sample, a text file or a folder of them, there is nothing at {data}",
        "Leave it out for Nietzsche",
    )


def read_files(paths: Sequence[Path], *, lower: bool, source: str | None = None) -> Corpus:
    """One or more UTF-8 files, one after the other; InputError names the file, line and byte."""
    counts = np.zeros(CODES, np.int64)
    for piece in _pieces(paths, lower):
        counts += np.bincount(piece, minlength=CODES)
    return _index(counts, _pieces(paths, lower), source or str(paths[0]))


def encode(texts: Sequence[str], *, lower: bool, source: str) -> Corpus:
    """Texts held in memory as a corpus."""
    pieces = [_codes(text.lower() if lower else text) for text in texts]
    counts = np.bincount(np.concatenate(pieces), minlength=CODES)
    return _index(counts, iter(pieces), source)


def _index(counts: Ids, pieces: Iterator[Ids], source: str) -> Corpus:
    """Ids in the order of the code points."""
    used = np.flatnonzero(counts)
    if len(used) == 0:
        raise InputError(f"expected a text, {source} is empty", "Name a file with some text in it")
    if len(used) == 1:
        raise InputError(
            f"expected a text of different characters, {source} has {chr(used[0])!r} only",
            "There is nothing to learn from it",
        )
    kind = np.uint8 if len(used) <= 256 else np.uint16 if len(used) <= 65536 else np.int32
    place = np.zeros(CODES, kind)
    place[used] = np.arange(len(used))
    ids = np.empty(int(counts.sum()), kind)
    end = 0
    for piece in pieces:
        ids[end : end + len(piece)] = place[piece]
        end += len(piece)
    return Corpus(ids, "".join(map(chr, used.tolist())), source)


def _pieces(paths: Sequence[Path], lower: bool) -> Iterator[Ids]:
    """The code points of the files, piece by piece; line ends of any system become ``\\n``."""
    for number, path in enumerate(paths):
        if number:
            yield _codes("\n")
        with open(path, encoding="utf-8-sig") as file:
            while True:
                try:
                    text = file.read(PIECE)
                except UnicodeDecodeError:
                    raise _not_utf8(path) from None
                if not text:
                    break
                yield _codes(text.lower() if lower else text)


def _codes(text: str) -> Ids:
    return np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), np.uint32)


def _not_utf8(path: Path) -> InputError:
    """Where the first byte stands that is not UTF-8."""
    with open(path, "rb") as file:
        for line, content in enumerate(file, start=1):
            try:
                content.decode("utf-8")
            except UnicodeDecodeError as error:
                byte = content[error.start]
                return InputError(
                    f"expected UTF-8, byte {error.start + 1} of the line is 0x{byte:02x}",
                    "Convert it: iconv -f LATIN1 -t UTF-8",
                    path=path,
                    line=line,
                )
    return InputError("expected UTF-8", "Convert it: iconv -f LATIN1 -t UTF-8", path=path)


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
    """(ids, next ids, counted) ``(streams, window)``, step by step: every next character of a tail counts once.

    Each stream but the first reads one window before its part, which is not counted: so it is not asked
    without having read anything.
    """
    last = len(ids) - 1  # characters to predict
    part = max(1, math.ceil((last - window) / streams))
    steps = math.ceil((part + window) / window)
    for step in range(steps):
        place = np.arange(window) + step * window  # within a stream
        at = np.arange(streams)[:, None] * part + place  # within the tail
        counted = (place < part + window) & (at < last) & ((place >= window) | (np.arange(streams)[:, None] == 0))
        at = np.minimum(at, last - 1)
        yield ids[at], ids[at + 1], counted


# ---- the sample ------------------------------------------------------------------------------------------


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
    written: list[str] = []
    for number in range(sentences):
        shape = int(rng.integers(3))
        body = f"{pick(people)} {pick(verbs)} {pick(things)}"
        if shape == 0:
            written.append(f"{body[0].upper()}{body[1:]} {pick(ends)}.")
        elif shape == 1:
            written.append(f"{pick(starts)}, {body}.")
        else:
            written.append(f"{body[0].upper()}{body[1:]}, but {pick(people)} {pick(verbs)} {pick(things)}.")
        written.append("\n" if number % 6 == 5 else " ")
    return "".join(written)
