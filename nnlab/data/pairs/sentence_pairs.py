"""Sentence pairs: a tab-separated file of any origin, or a sample made on the spot.

A file's columns are found by what is in them: sentences, beside ids, language codes, tags and attributions, as
Tatoeba, Anki and manythings.org export them. Where there are not two columns of sentences the file is refused.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from nnlab.config import Inherited
from nnlab.data.characters import shown
from nnlab.data.pairs.columns import HEAD_LINES, layout_of
from nnlab.data.pairs.direction import in_one_direction
from nnlab.data.pairs.doubtful_pairs import doubts, placeholder, placeholders_note
from nnlab.data.pairs.not_pairs import not_closed
from nnlab.data.pairs.rows import MOST_LINES, Layout
from nnlab.data.random import Stream, rng
from nnlab.data.seen import keys_of, unseen
from nnlab.data.sources import datasets
from nnlab.data.texts.textfile import find_path, open_text
from nnlab.errors import InputError, UsageError

LEAST = 20  # pairs
MOST_SWAPPED = 0.4  # of the rows: of more nobody can tell which language comes first
LONGEST = 400  # characters of a sentence
DEFAULT = "eng-ell"
RULER = re.compile(r"[-:= ]+")  # of Markdown, also where another program took its bars away
SWAPPED = "its two languages are swapped"
READ_AS = {0x2581: " ", **dict.fromkeys((0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))}
HINT = "One pair per line: a sentence, a tab, its translation"


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
    text = open_text(path)
    lines = text.lines()
    head = list(itertools.islice(lines, HEAD_LINES))
    layout = layout_of(head, path)
    pairs: dict[tuple[str, str], int] = {}  # and their lines, in their order
    mirrored: set[tuple[str, str]] = set()  # of these
    skipped: list[str] = []
    open_at: list[int] = []  # lines
    swapped_at: list[int] = []
    places: list[tuple[int, str]] = []  # lines and what is no sentence there
    repeated = cleaned = joined = 0
    more = False
    for row in layout.rows(itertools.chain(head, lines)):
        if most is not None and len(pairs) >= most:
            more = True
            break
        pair = _pair_of(row.fields, layout)
        if row.fields == []:
            open_at.append(row.line)
        cleaned += any(layout.clean(field) != field for field in layout.used(row.fields or []))
        joined += row.is_joined
        if isinstance(pair, str):
            skipped.append(f"line {row.line}: {pair}")
            swapped_at += [row.line] if pair == SWAPPED else []
        elif held := placeholder(*pair):
            skipped.append(f"line {row.line}: {shown(held)} is no sentence, it keeps the place of one")
            places.append((row.line, held))
        elif pair[::-1] in pairs and pair[0] != pair[1]:
            repeated += pair[::-1] in mirrored
            mirrored.add(pair[::-1])
        else:
            repeated += pair in pairs
            pairs.setdefault(pair, row.line)
    if len(open_at) > max(2, len(pairs) / 10):
        raise not_closed(open_at[0], layout, path)
    told_swapped = _swapped(swapped_at, len(pairs) + repeated + len(swapped_at), path)
    kept, told_turned = in_one_direction(pairs, mirrored, by_words=layout.scripts is None)
    sources, targets = [source for source, _ in kept], [target for _, target in kept]
    if len(sources) < LEAST:
        raise _too_few(len(sources), skipped, repeated + len(mirrored), path)
    notes = [text.note, layout.note, told_swapped, *told_turned, placeholders_note(places), *doubts(kept)]
    notes.append(shortest_note(sources, targets) if more else "")
    notes += _changed(joined, cleaned, repeated)
    return Pairs(sources, targets, str(path), text.size, tuple(skipped), tuple(filter(None, notes)))


def _changed(joined: int, cleaned: int, repeated: int) -> list[str]:
    """What is told of so many rows joined, lines cleaned and lines dropped."""
    notes = []
    if joined:
        runs = "row runs over several lines and was" if joined == 1 else "rows run over several lines and were"
        notes.append(f"{joined:,} {runs} joined, with a space for each line break")
    if cleaned:
        notes.append(f"HTML, sounds and the like were taken out of {_lines(cleaned)}")
    if repeated:
        notes.append(
            f"{_lines(repeated)} that repeat{'s' if repeated == 1 else ''} another "
            f"{'was' if repeated == 1 else 'were'} dropped"
        )
    return notes


def _too_few(count: int, skipped: Sequence[str], repeated: int, path: Path) -> InputError:
    also = f", {repeated:,} repeated" if repeated else ""
    first = f"; {skipped[0]}" if skipped else ""
    message = f"expected at least {LEAST} sentence pairs, found {count} ({_lines(len(skipped))} skipped{also}){first}"
    return InputError(message, HINT, path=path)


def _swapped(lines: Sequence[int], rows: int, path: Path) -> str:
    """What is told of the rows, in these lines, whose languages are the other way round; empty for one or none.

    InputError where they are so many that the direction of the file is not clear.
    """
    if lines and len(lines) >= MOST_SWAPPED * rows:
        raise InputError(
            f"expected the same language first in every row, {len(lines):,} of {rows:,} rows have the other one first; "
            "here is the first of them",
            "Swap the two columns of such rows, or keep the two directions in two files and name one",
            path=path,
            line=lines[0],
        )
    told = f"{len(lines):,} of {rows:,} rows have their two languages the other way round, the first in line"
    return f"{told} {lines[0]}; they were skipped" if len(lines) > 1 else ""


def shortest_note(sources: Sequence[str], targets: Sequence[str]) -> str:
    """What the first pairs of a file are where it is sorted by the length of either side; empty where it is not."""
    for side in (sources, targets):
        lengths = [len(sentence) for sentence in side]
        shorter = sum(after < before for before, after in itertools.pairwise(lengths))
        if lengths[-1] > lengths[0] and shorter <= 0.02 * len(lengths):  # some of what was read is cleaned
            return (
                f"sorted by length, so its first {len(lengths):,} pairs are its shortest: up to {max(lengths)} "
                "characters; it goes on with longer ones (--samples)"
            )
    return ""


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count:,} lines"


def _pair_of(fields: list[str] | None, layout: Layout) -> tuple[str, str] | str:
    """The two sentences of a line's fields, or why it has none."""
    if fields is None:
        return "a quotation mark is not closed"
    if not fields:
        return f"a quotation mark is not closed within {MOST_LINES} lines"
    if len(fields) < 2:
        return "expected two columns with a tab between them"
    sentences = [normalize(layout.clean(field)) for field in layout.used(fields)]
    if len(sentences) < 2:
        return f"column {layout.columns[len(sentences)] + 1} is missing"
    if not all(sentences):
        return f"column {layout.columns[sentences.index('')] + 1} is empty"
    source, target = sentences
    if RULER.fullmatch(source) and RULER.fullmatch(target):
        return "it is a ruler of a table"
    if max(len(source), len(target)) > LONGEST:
        return f"{max(len(source), len(target)):,} characters, at most {LONGEST} are read"
    if has_letters(source) != has_letters(target):
        return f"expected two sentences, one of them has no letter ({min(source, target, key=len)!r})"
    if layout.is_swapped(source, target):
        return SWAPPED
    return source, target


def normalize(sentence: str) -> str:
    """A sentence as networks read it: composed characters (NFC), one space between words.

    U+2581 is a space as well: it is sentencepiece's sign for one, and a sentence of it alone would have no subwords.
    Marks of direction are dropped: nobody sees or types them, and two sentences that look the same would differ.
    """
    plain = sentence if sentence.isascii() else unicodedata.normalize("NFC", sentence).translate(READ_AS)
    return " ".join(plain.split())


def has_letters(text: str) -> bool:
    """Whether there is a letter of any script."""
    return any(map(str.isalpha, text))


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
