"""Sentence pairs: any tab-separated file, or a sample made on the spot; as ids, in batches of like length.

Ids of a language: 0 is padding, then a sentence's start and end and the unknown character, then its
characters.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nnlab.data import datasets
from nnlab.errors import InputError, UsageError

Ids: TypeAlias = np.ndarray[Any, Any]
PAD, START, END, UNKNOWN = 0, 1, 2, 3
SPECIAL = 4
LEAST = 20  # pairs
LONGEST = 400  # characters of a sentence
BUCKET_WIDTH = 2  # lengths that differ by less count as one


@dataclass(frozen=True)
class Pairs:
    """Sentences and their translations, in the order of the file, and what was skipped of it."""

    sources: list[str]
    targets: list[str]
    origin: str
    skipped: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """sha256 of the pairs, in order."""
        lines = (f"{source}\t{target}\n" for source, target in zip(self.sources, self.targets, strict=True))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def __len__(self) -> int:
        return len(self.sources)


@dataclass(frozen=True)
class Split:
    """Training pairs, and held-out sources with all their translations; no source is on both sides."""

    training: list[tuple[str, str]]
    held_out: dict[str, list[str]]

    @property
    def held_out_pairs(self) -> list[tuple[str, str]]:
        """Each held-out source with each of its translations."""
        return [(source, target) for source, targets in self.held_out.items() for target in targets]


def find(data: str | None) -> Path | str:
    """The file of ``--pairs``: a path, a known set, or a name in ``NNLAB_DATA``; or ``sample``."""
    if data == datasets.SAMPLE:
        return datasets.SAMPLE
    if data is not None and Path(data).is_file():
        return Path(data)
    name = (data or "eng-ell").removesuffix(".txt")
    if datasets.known(name, "pairs"):
        return datasets.find(name)
    folder = os.environ.get("NNLAB_DATA")
    if folder and data and (Path(folder) / data).is_file():
        return Path(folder) / data
    known = ", ".join([*datasets.names("pairs"), "opus:en-de (any two languages)"])
    raise UsageError(
        f"expected --pairs to be a file of tab-separated sentence pairs, {known} or sample; there is nothing at {data}",
        "Pairs of many languages: manythings.org/anki",
    )


def load(data: str | None, samples: int | None, *, reverse: bool, most: int | None = None) -> Pairs:
    """The first ``samples`` usable pairs (all, or ``most``: None), source and target swapped with ``reverse``."""
    place = find(data)
    pairs = sample() if place == datasets.SAMPLE else read_file(Path(place), samples or most)
    if samples is not None and len(pairs) < samples:
        raise UsageError(
            f"expected at most {len(pairs):,} --samples, the usable pairs of {pairs.origin}, got {samples:,}",
            "Ask for fewer, or leave --samples out",
        )
    left, right = pairs.sources[:samples], pairs.targets[:samples]
    if reverse:
        left, right = right, left
    return Pairs(left, right, pairs.origin, pairs.skipped)


def read_file(path: Path, most: int | None = None) -> Pairs:
    """Two or more tab-separated columns a line, the first two used. Lines that cannot be used are named.

    Lines that repeat a pair are dropped. Reads no further than ``most`` pairs. InputError where fewer than
    20 are usable.
    """
    left: list[str] = []
    right: list[str] = []
    seen: set[tuple[str, str]] = set()
    skipped: list[str] = []
    repeated = 0
    for number, line in enumerate(_lines(path), start=1):
        if most is not None and len(left) >= most:
            break
        if not line.strip():
            continue
        columns = [" ".join(unicodedata.normalize("NFC", column).split()) for column in line.split("\t")[:2]]
        if len(columns) < 2 or not all(columns):
            skipped.append(f"line {number}: expected two columns with a tab between them")
        elif max(map(len, columns)) > LONGEST:
            skipped.append(f"line {number}: {max(map(len, columns)):,} characters, at most {LONGEST} are read")
        elif (columns[0], columns[1]) in seen:
            repeated += 1
        else:
            seen.add((columns[0], columns[1]))
            left.append(columns[0])
            right.append(columns[1])
    if len(left) < LEAST:
        also = f", {repeated:,} repeated" if repeated else ""
        first = f"; {skipped[0]}" if skipped else ""
        raise InputError(
            f"expected at least {LEAST} sentence pairs, found {len(left)} "
            f"({len(skipped):,} lines skipped{also}){first}",
            "One pair a line: a sentence, a tab, its translation",
            path=path,
        )
    return Pairs(left, right, str(path), tuple(skipped))


def _lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file without their ends; InputError names the line that is not UTF-8."""
    try:
        with open(path, "rb") as file:
            for number, content in enumerate(file, start=1):
                try:
                    yield content.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                except UnicodeDecodeError as error:
                    raise InputError(
                        f"expected UTF-8, byte {error.start + 1} of the line is 0x{content[error.start]:02x}",
                        "Convert it: iconv -f LATIN1 -t UTF-8",
                        path=path,
                        line=number,
                    ) from None
    except IsADirectoryError:
        raise InputError("expected a file of sentence pairs, it is a folder", "Name a file", path=path) from None


def split(pairs: Pairs, validation: float, seed: int) -> Split:
    """Hold out a share of the sources, at least one, each with all its translations."""
    references: dict[str, list[str]] = {}
    for source, target in zip(pairs.sources, pairs.targets, strict=True):
        references.setdefault(source, []).append(target)
    names = list(references)
    if len(names) < 2:
        raise InputError(
            f"expected different source sentences, all {len(pairs):,} pairs of {pairs.origin} have the same",
            "Swap the languages: --reverse",
        )
    count = min(len(names) - 1, max(1, round(validation * len(names))))
    order = np.random.default_rng([seed, 3]).permutation(len(names))
    held_out = {names[number]: references[names[number]] for number in sorted(order[:count].tolist())}
    training = [
        (source, target) for source, target in zip(pairs.sources, pairs.targets, strict=True) if source not in held_out
    ]
    return Split(training, held_out)


class Language:
    """The characters of one side, both ways; the counterpart of ``subwords.Subwords``."""

    def __init__(self, characters: str) -> None:
        self.characters = characters
        self._id = {character: SPECIAL + number for number, character in enumerate(characters)}

    @classmethod
    def of(cls, sentences: Sequence[str]) -> Language:
        """The language of some sentences."""
        return cls("".join(sorted(set().union(*sentences))))

    def __len__(self) -> int:
        return SPECIAL + len(self.characters)

    def read(self, sentence: str) -> Ids:
        """The ids of a sentence; a character never seen is ``UNKNOWN``."""
        return np.array([self._id.get(character, UNKNOWN) for character in sentence], np.uint16)

    def unknown(self, sentence: str) -> str:
        """The characters of a sentence that are not known, each once."""
        return "".join(dict.fromkeys(character for character in sentence if character not in self._id))

    def names(self, ids: Sequence[int]) -> list[str]:
        """Each character."""
        return [self.characters[number - SPECIAL] if number >= SPECIAL else "?" for number in ids]

    def record(self) -> dict[str, str]:
        """As plain JSON values."""
        return {"characters": self.characters}

    def write(self, ids: Sequence[int]) -> str:
        """The sentence of ids, up to its end."""
        written = []
        for number in ids:
            if number == END:
                break
            if number >= SPECIAL:
                written.append(self.characters[number - SPECIAL])
        return "".join(written)


def padded(rows: Sequence[Ids], *, left: bool = False, to: int | None = None) -> Ids:
    """Rows as one array ``(rows, time)``, padded to their longest or to a length."""
    width = to or max(len(row) for row in rows)
    made = np.zeros((len(rows), width), "int32")
    for number, row in enumerate(rows):
        if left:
            made[number, width - len(row) :] = row
        else:
            made[number, : len(row)] = row
    return made


def bucket_by_length(lengths: Ids, batch_size: int, rng: np.random.Generator | None, budget: int = 4096) -> list[Ids]:
    """Rows in batches of like length, in a random order, so that little padding is computed.

    A batch has up to ``batch_size`` rows and, where sentences are long, up to ``budget`` ids a side.
    ``lengths`` ``(rows, sides)``. Without ``rng`` the order is that of length.
    """
    noise = rng.random(len(lengths)) if rng is not None else np.zeros(len(lengths))
    order = np.lexsort((noise, lengths[:, 0] // BUCKET_WIDTH, lengths[:, -1] // BUCKET_WIDTH))
    batches: list[Ids] = []
    start = 0
    while start < len(order):
        rows = order[start : start + batch_size]
        longest = np.maximum.accumulate(lengths[rows].max(axis=1))
        rows = rows[: max(1, int(np.searchsorted(longest * np.arange(1, len(rows) + 1), budget, side="right")))]
        batches.append(rows)
        start += len(rows)
    return [batches[number] for number in rng.permutation(len(batches))] if rng is not None else batches


def sample() -> Pairs:
    """720 English–French pairs, made by a grammar of our own."""
    subjects = [
        ("I", "je", 0),
        ("you", "tu", 1),
        ("he", "il", 2),
        ("she", "elle", 2),
        ("we", "nous", 3),
        ("they", "ils", 4),
    ]
    verbs = [("sing", "chant"), ("dance", "dans"), ("speak", "parl"), ("work", "travaill"), ("cook", "cuisin")]
    endings = ("e", "es", "e", "ons", "ent")
    places = [
        ("in the garden", "dans le jardin"),
        ("in the kitchen", "dans la cuisine"),
        ("at school", "à l'école"),
        ("with my friends", "avec mes amis"),
    ]
    times = [
        ("", ""),
        ("every day", "chaque jour"),
        ("this evening", "ce soir"),
        ("often", "souvent"),
        ("without a word", "sans un mot"),
        ("once more", "encore une fois"),
    ]
    made = []
    for english, french, person in subjects:
        for verb, stem in verbs:
            for place, lieu in places:
                for when, quand in times:
                    left = f"{english} {verb}{'s' if person == 2 else ''} {place} {when}".strip()
                    right = f"{french} {stem}{endings[person]} {lieu} {quand}".strip()
                    made.append((f"{left[0].upper()}{left[1:]}.", f"{right[0].upper()}{right[1:]}."))
    order = np.random.default_rng(2018).permutation(len(made)).tolist()
    return Pairs([made[number][0] for number in order], [made[number][1] for number in order], datasets.SAMPLE)
