"""Sentence pairs: of a tab-separated file of any origin, or of a sample made on the spot; how they are split."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from nnlab.config import Inherited
from nnlab.data.pairs import pair_files
from nnlab.data.random import Stream, rng
from nnlab.data.seen import keys_of, unseen
from nnlab.data.sources import datasets
from nnlab.data.texts.textfile import find_path
from nnlab.errors import InputError, UsageError

DEFAULT = "eng-ell"


@dataclass(frozen=True)
class Pairs:
    """Sentences and their translations, in the order of the file.

    ``origin``: the path, or ``sample``; ``size``: bytes on disk; ``skipped``: the lines that could not be used;
    ``notes``: how the file was read, where that is not plain.
    """

    sources: list[str]
    targets: list[str]
    origin: str
    size: int = 0
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.sources)

    @cached_property
    def digest(self) -> str:
        """sha256 of the pairs as read."""
        sums = hashlib.sha256()
        for source, target in zip(self.sources, self.targets, strict=True):
            sums.update(f"{source}\t{target}\n".encode())
        return sums.hexdigest()


@dataclass(frozen=True)
class Split:
    """Training pairs, and the sources of validation (perhaps none) and of test, each with all its translations.

    No source is in two of the parts.
    """

    training: list[tuple[str, str]]
    validation: dict[str, list[str]]
    test: dict[str, list[str]]


def pairs_of(references: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Each source with each of its translations."""
    return [(source, target) for source, targets in references.items() for target in targets]


def without_seen(parts: Split, inherited: Inherited | None) -> tuple[Split, int, tuple[str, ...]]:
    """(parts, sources left out, notes): sources of validation and test leave that an ancestor was trained on."""
    held_out = {"test": parts.test} | ({"validation": parts.validation} if parts.validation else {})
    found = unseen({part: functools.partial(keys_of, own) for part, own in held_out.items()}, inherited, "sources")
    if found is None:
        return parts, 0, ()
    kept: dict[str, Any] = {
        part: {source: own[source] for source, stays in zip(own, found.masks[part].tolist(), strict=True) if stays}
        for part, own in held_out.items()
    }
    return replace(parts, **kept), found.left_out, found.notes


def find(data: str | None) -> Path | str:
    """The file of ``--pairs``: a path, a known set, or a name in ``NNLAB_DATA``; or ``sample``.

    Raises UsageError where there is none, DataUnavailable where a known set cannot be had.
    """
    if data == datasets.SAMPLE:
        return datasets.SAMPLE
    path = None if data is None else find_path(data)
    if path is not None:
        return path
    name = (data or DEFAULT).removesuffix(".txt")
    if data != "" and datasets.known(name, "pairs"):
        return datasets.find(name)
    known = ", ".join(datasets.names("pairs"))
    raise UsageError(
        f"expected --pairs to be a file of tab-separated sentence pairs, {known}, opus:en-de (or two other codes) or "
        f"sample; there is nothing at {data}",
        "Pairs of many languages: manythings.org/anki",
    )


def load(data: str | None, samples: int | None, *, reverse: bool, most: int | None = None) -> Pairs:
    """The first usable pairs of ``--pairs``.

    ``samples``: how many, UsageError where there are fewer; None: all, or the first ``most``. ``reverse``: source and
    target are swapped. Raises what :func:`find` and :func:`read_file` do.
    """
    path = find(data)
    pairs = sample() if path == datasets.SAMPLE else read_file(Path(path), samples or most)
    if samples is not None and len(pairs) < samples:
        raise UsageError(
            f"expected at most {len(pairs):,} --samples, the usable pairs of {pairs.origin}, got {samples:,}",
            "Ask for fewer, or leave --samples out",
        )
    sides = pairs.sources[: samples or most], pairs.targets[: samples or most]
    sources, targets = sides[::-1] if reverse else sides
    return replace(pairs, sources=sources, targets=targets)


def read_file(path: Path, most: int | None = None) -> Pairs:
    """The pairs of a file, no further than ``most`` of them; pairs that repeat another, or its mirror, are dropped.

    InputError where the file is no text, has no two columns of sentences, fewer than 20 usable pairs, quotation marks
    that are often not closed, or in many rows the other language first.
    """
    found = pair_files.read(path, most)
    sources, targets = [source for source, _ in found.pairs], [target for _, target in found.pairs]
    return Pairs(sources, targets, str(path), found.text.size, tuple(found.skipped), tuple(found.notes))


def split(pairs: Pairs, validation: float, test: float, data_seed: int) -> Split:
    """Take a share of the sources for test, and one for validation if it is not 0: at least one each, and one is left.

    The test sources of a seed are the same whatever the share for validation. Raises InputError where there are too few
    different sources.
    """
    references: dict[str, list[str]] = {}
    for source, target in zip(pairs.sources, pairs.targets, strict=True):
        references.setdefault(source, []).append(target)
    names = list(references)
    least = 3 if validation else 2
    if len(names) < least:
        raise InputError(
            f"expected at least {least} different source sentences, one for each part, all {len(pairs):,} pairs of "
            f"{pairs.origin} have the same {len(names)}",
            "Swap the languages: --reverse",
        )
    tested = min(len(names) + 1 - least, max(1, round(test * len(names))))
    chosen = min(len(names) - 1 - tested, max(1, round(validation * len(names)))) if validation else 0
    order = rng(data_seed, Stream.SPLIT).permutation(len(names)).tolist()

    def those(numbers: Sequence[int]) -> dict[str, list[str]]:
        return {names[number]: references[names[number]] for number in sorted(numbers)}

    parts = those(order[tested : tested + chosen]), those(order[:tested])
    both = zip(pairs.sources, pairs.targets, strict=True)
    training = [(source, target) for source, target in both if not any(source in part for part in parts)]
    return Split(training, *parts)


def sample() -> Pairs:
    """720 English–French pairs, made by a grammar of our own."""
    import numpy as np

    pairs = list(_sentences())
    order = np.random.default_rng(2018).permutation(len(pairs)).tolist()
    return Pairs([pairs[number][0] for number in order], [pairs[number][1] for number in order], datasets.SAMPLE)


def _sentences() -> Iterator[tuple[str, str]]:
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
    for english, french, person in subjects:
        for verb, stem in verbs:
            for place, lieu in places:
                for when, quand in times:
                    source = f"{english} {verb}{'s' if person == 2 else ''} {place} {when}".strip()
                    target = f"{french} {stem}{endings[person]} {lieu} {quand}".strip()
                    yield f"{source[0].upper()}{source[1:]}.", f"{target[0].upper()}{target[1:]}."
