"""Pairs that look like pairs and hold no translation: placeholders, one text for all, the source left as it was."""

from __future__ import annotations

import collections
import re
import statistics
from collections.abc import Sequence

from nnlab.data.characters import shown

# As programs and people write them; "Todo" is a word of Spanish, "null" one of German.
NO_SENTENCE = re.compile(r"#(?:N/A|N/V|NV|REF!|VALUE!|NAME\?|NULL!|NUM!|DIV/0!)|N/A|n/a|TODO|TBD|NULL|\(null\)")
LONGEST = 8  # characters of these
LEAST = 10  # pairs, and as many in a hundred: short answers ("Oui.") and names ("Tom!") repeat
OUTLIER = 5  # times as often as half of the other sentences of a column: all may have several translations


def placeholder(source: str, target: str) -> str:
    """The first of two sentences that only keeps the place of one; empty where both are sentences."""
    return next((text for text in (source, target) if len(text) <= LONGEST and NO_SENTENCE.fullmatch(text)), "")


def placeholders_note(places: Sequence[tuple[int, str]]) -> str:
    """What is told of lines that were skipped for a placeholder, with what stands there; empty where there are none."""
    if not places:
        return ""
    line, text = places[0]
    if len(places) == 1:
        return f"1 line has {shown(text)} in place of a sentence, line {line}; it was skipped"
    held = f"{len(places):,} lines have {shown(text)} or the like in place of a sentence"
    return f"{held}, as line {line}; they were skipped"


def doubts(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """What is told of pairs that are learned and perhaps should not be."""
    told = []
    least = max(LEAST, len(pairs) / 10)
    for side, what in enumerate(("sentence", "translation")):
        counts = collections.Counter(pair[side] for pair in pairs)
        text, count = counts.most_common(1)[0] if counts else ("", 0)
        others = [many for other, many in counts.items() if other != text] or [1]
        is_all = side == 0 and len(counts) == 1  # which the split refuses
        if not is_all and count >= max(least, OUTLIER * statistics.median(others)):
            told.append(f"{count:,} of {len(pairs):,} pairs have the {what} {shown(text)}: is it a placeholder?")
    same = [source for source, target in pairs if source == target]
    if len(same) >= least:
        told.append(
            f"{len(same):,} of {len(pairs):,} pairs have the same text on both sides, as {shown(same[0])}: "
            "were they left untranslated?"
        )
    return told
