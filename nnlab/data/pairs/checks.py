"""What may be wrong with a file of pairs: each check is one entry of ROW_CHECKS or of PAIR_CHECKS.

A check of a row says why the row is not used, and what is told when all are read. A check of the pairs looks at all of
them. The entries stand in the order in which rows are checked and notes are told. What the first lines show of a
file's columns is told in ``columns.py``.
"""

from __future__ import annotations

import collections
import functools
import itertools
import re
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from nnlab.data.characters import repeating, shown
from nnlab.data.pairs.column_kinds import LEAST
from nnlab.data.pairs.direction import Pair
from nnlab.data.pairs.not_pairs import not_closed
from nnlab.data.pairs.rows import MOST_LINES, Layout
from nnlab.data.pairs.scripts import are_swapped
from nnlab.data.texts.textfile import TextFile
from nnlab.errors import InputError

MOST_SWAPPED = 0.4  # of the rows: of more nobody can tell which language comes first
LONGEST = 400  # characters of a sentence
RULER = re.compile(r"[-:= ]+")  # of Markdown, also where another program took its bars away
# As programs and people write them; "Todo" is a word of Spanish, "null" one of German.
NO_SENTENCE = re.compile(r"#(?:N/A|N/V|NV|REF!|VALUE!|NAME\?|NULL!|NUM!|DIV/0!)|N/A|n/a|TODO|TBD|NULL|\(null\)")
LONGEST_PLACEHOLDER = 8  # characters of these
DOUBTFUL = 10  # pairs, and as many in a hundred: short answers ("Oui.") and names ("Tom!") repeat
OUTLIER = 5  # times as often as half of the other sentences of a column: all may have several translations
HINT = "One pair per line: a sentence, a tab, its translation"


@dataclass(slots=True)  # not frozen, which takes longer than all the checks of a row
class Candidate:
    """A row that may be a pair: its line, its fields as ``Row`` has them, the sentences as they are learned.

    There are fewer than two sentences where the row has not both columns.
    """

    line: int
    fields: list[str] | None
    sentences: list[str]
    layout: Layout


@dataclass
class Met:
    """The rows that a check met: how many, and line and sentences of the first."""

    count: int = 0
    line: int = 0
    sentences: Sequence[str] = ()


@dataclass
class Found:
    """What was found in a file; ``turned``, ``pairs`` and ``notes`` when all rows are read."""

    text: TextFile
    layout: Layout
    lines: dict[Pair, int] = field(default_factory=dict)  # of the pairs, each once, in their order
    mirrored: set[Pair] = field(default_factory=set)  # of these: they come the other way round as well
    repeated: int = 0  # rows that repeat a pair or its mirror
    joined: int = 0  # rows of several lines
    cleaned: int = 0  # rows with HTML and the like
    skipped: list[str] = field(default_factory=list)  # rows that are not used, and why
    met: dict[RowCheck, Met] = field(default_factory=lambda: collections.defaultdict(Met))
    goes_on: bool = False  # the file has more than was asked for
    turned: list[int] = field(default_factory=list)  # the numbers of pairs that are turned round
    pairs: list[Pair] = field(default_factory=list)  # in one direction
    notes: list[str] = field(default_factory=list)  # how the file was read, where that is not plain


@dataclass(frozen=True)
class RowCheck:
    """Why some rows are not used.

    ``reason``: of one row; empty where it may be used. The first of the list counts, so that those below
    ``_incomplete`` have two sentences to look at. ``told``: of all rows that it met, perhaps none; it may raise
    InputError.
    """

    reason: Callable[[Candidate], str]
    told: Callable[[Met, Found], Iterable[str]] = lambda met, found: ()


# ---- rows --------------------------------------------------------------------------------------------


def _not_closed(row: Candidate) -> str:
    return "a quotation mark is not closed" if row.fields is None else ""


def _part_of_a_row(row: Candidate) -> str:
    return "" if row.fields else f"a quotation mark is not closed within {MOST_LINES} lines"


def _refuse_parts(met: Met, found: Found) -> Iterable[str]:
    if met.count > max(2, len(found.lines) / 10):
        raise not_closed(met.line, found.layout, found.text.path)
    return ()


def _incomplete(row: Candidate) -> str:
    if len(row.fields or []) < 2:
        return "expected two columns with a tab between them"
    if len(row.sentences) < 2:
        return f"column {row.layout.columns[len(row.sentences)] + 1} is missing"
    return "" if all(row.sentences) else f"column {row.layout.columns[row.sentences.index('')] + 1} is empty"


def _ruler(row: Candidate) -> str:
    source, target = row.sentences
    return "it is a ruler of a table" if RULER.fullmatch(source) and RULER.fullmatch(target) else ""


def _too_long(row: Candidate) -> str:
    source, target = row.sentences
    longest = max(len(source), len(target))
    return f"{longest:,} characters, at most {LONGEST} are read" if longest > LONGEST else ""


def _without_letters(row: Candidate) -> str:
    source, target = row.sentences
    if any(map(str.isalpha, source)) == any(map(str.isalpha, target)):
        return ""
    return f"expected two sentences, one of them has no letter ({min(source, target, key=len)!r})"


def _swapped(row: Candidate) -> str:
    source, target = row.sentences
    usual = row.layout.scripts
    return "its two languages are swapped" if usual is not None and are_swapped(source, target, usual) else ""


def _directions(met: Met, found: Found) -> Iterator[str]:
    """What is told of pairs the other way round: as scripts tell, in both directions, as words tell.

    InputError where scripts tell it of so many that the direction of the file is not clear.
    """
    rows = len(found.lines) + found.repeated + met.count
    if met.count and met.count >= MOST_SWAPPED * rows:
        raise InputError(
            f"expected the same language first in every row, {met.count:,} of {rows:,} rows have the other one first; "
            "here is the first of them",
            "Swap the two columns of such rows, or keep the two directions in two files and name one",
            path=found.text.path,
            line=met.line,
        )
    if met.count > 1:
        told = f"{met.count:,} of {rows:,} rows have their two languages the other way round"
        yield f"{told}, the first in line {met.line}; they were skipped"
    pairs = list(found.lines)
    single = [pairs[number] for number in found.turned if pairs[number] not in found.mirrored]
    if found.mirrored:
        count = len(found.mirrored)
        as_others = "one of each is kept, in the direction of the others"
        kept = as_others if len(single) < len(found.turned) else "the first of each is kept"
        yield f"{'1 pair comes' if count == 1 else f'{count:,} pairs come'} in both directions: {kept}"
    if single:
        source, target = single[0]
        yield (
            f"{len(single):,} of {len(pairs):,} pairs have their two languages the other way round, as their words "
            f"tell, the first in line {found.lines[single[0]]} ({shown(source)} → {shown(target)}); they were turned"
        )


def _placeholder_in(sentences: Sequence[str]) -> str:
    """The first sentence that only keeps the place of one; empty where there is none."""
    for sentence in sentences:
        if len(sentence) <= LONGEST_PLACEHOLDER and NO_SENTENCE.fullmatch(sentence):
            return sentence
    return ""


def _placeholder(row: Candidate) -> str:
    held = _placeholder_in(row.sentences)
    return f"{shown(held)} is no sentence, it keeps the place of one" if held else ""


def _placeholders(met: Met, found: Found) -> Iterator[str]:
    held = shown(_placeholder_in(met.sentences))
    if met.count == 1:
        yield f"1 line has {held} in place of a sentence, line {met.line}; it was skipped"
    elif met.count:
        yield (
            f"{met.count:,} lines have {held} or the like in place of a sentence, as line {met.line}; they were skipped"
        )


ROW_CHECKS = (
    RowCheck(_not_closed),
    RowCheck(_part_of_a_row, _refuse_parts),
    RowCheck(_incomplete),
    RowCheck(_ruler),
    RowCheck(_too_long),
    RowCheck(_without_letters),
    RowCheck(_swapped, _directions),
    RowCheck(_placeholder, _placeholders),
)


# ---- all pairs ---------------------------------------------------------------------------------------


def _too_few(found: Found) -> Iterable[str]:
    if len(found.pairs) >= LEAST:
        return ()
    repeated = found.repeated + len(found.mirrored)
    also = f", {repeated:,} repeated" if repeated else ""
    first = f"; {found.skipped[0]}" if found.skipped else ""
    what = f"found {len(found.pairs)} ({_lines(len(found.skipped))} skipped{also}){first}"
    raise InputError(f"expected at least {LEAST} sentence pairs, {what}", HINT, path=found.text.path)


def _one_for_many(side: int, what: str, found: Found) -> Iterator[str]:
    """One text for many sentences, as programs fill a column, or people who mean to go on later."""
    counts = collections.Counter(pair[side] for pair in found.pairs)
    text, count = counts.most_common(1)[0]
    others = [many for other, many in counts.items() if other != text] or [1]
    is_all = side == 0 and len(counts) == 1  # which the split refuses
    if not is_all and count >= max(_doubtful(found), OUTLIER * statistics.median(others)):
        yield f"{count:,} of {len(found.pairs):,} pairs have the {what} {shown(text)}: is it a placeholder?"


def _untranslated(found: Found) -> Iterator[str]:
    same = [source for source, target in found.pairs if source == target]
    if len(same) >= _doubtful(found):
        yield (
            f"{len(same):,} of {len(found.pairs):,} pairs have the same text on both sides, as {shown(same[0])}: "
            "were they left untranslated?"
        )


def _doubtful(found: Found) -> float:
    """So many pairs that they may be a mistake."""
    return max(DOUBTFUL, len(found.pairs) / 10)


def _sorted_by_length(found: Found) -> Iterator[str]:
    """What the first pairs of a file are where it is sorted by the length of either side and goes on."""
    for side in zip(*found.pairs, strict=True) if found.goes_on else ():
        lengths = [len(sentence) for sentence in side]
        shorter = sum(after < before for before, after in itertools.pairwise(lengths))
        if lengths[-1] > lengths[0] and shorter <= 0.02 * len(lengths):  # some of what was read is cleaned
            yield (
                f"sorted by length, so its first {len(lengths):,} pairs are its shortest: up to {max(lengths)} "
                "characters; it goes on with longer ones (--samples)"
            )
            return


def _changed(found: Found) -> Iterator[str]:
    if found.joined:
        one, more = "row runs over several lines and was", "rows run over several lines and were"
        yield f"{found.joined:,} {one if found.joined == 1 else more} joined, with a space for each line break"
    if found.cleaned:
        yield f"HTML, sounds and the like were taken out of {_lines(found.cleaned)}"


def _repeated(found: Found) -> Iterator[str]:
    if found.repeated:
        yield f"{repeating(found.repeated, 'line')} dropped"


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count:,} lines"


PAIR_CHECKS: tuple[Callable[[Found], Iterable[str]], ...] = (
    _too_few,
    functools.partial(_one_for_many, 0, "sentence"),
    functools.partial(_one_for_many, 1, "translation"),
    _untranslated,
    _sorted_by_length,
    _changed,
    _repeated,
)
