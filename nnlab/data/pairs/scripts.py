"""Which way round the languages of a pair are, where their scripts tell: English and Greek, not English and French."""

from __future__ import annotations

import collections
import functools
import unicodedata
from collections.abc import Iterable

CLEAR = 2 / 3  # of a sentence's letters: names of another script stand in many
ONE_SCRIPT = {  # first words of Unicode's names that are of one language, or of one script
    "HIRAGANA": "CJK",
    "KATAKANA": "CJK",
    "KATAKANA-HIRAGANA": "CJK",
    "HALFWIDTH": "CJK",
    "FULLWIDTH": "LATIN",
}


def usual_scripts(pairs: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    """The scripts of sources and targets, as in most pairs; None where most have one script on both sides.

    Pairs that are the other way round count for the same two scripts, whatever their share.
    """
    counts = collections.Counter((script_of(source), script_of(target)) for source, target in pairs)
    clear = {both: count for both, count in counts.items() if all(both)}
    different = [both for both in clear if both[0] != both[1]]
    if not different:
        return None
    usual = max(different, key=lambda both: (clear[both] + clear.get(both[::-1], 0), clear[both]))
    return usual if clear[usual] + clear.get(usual[::-1], 0) > sum(clear.values()) / 2 else None


def are_swapped(source: str, target: str, usual: tuple[str, str]) -> bool:
    """Whether two sentences are clearly the other way round.

    Where both begin as usual they are not: "Say 'καλημέρα'" is English.
    """
    if (_first_script(source), _first_script(target)) == usual:
        return False
    return (script_of(target), script_of(source)) == usual


def script_of(text: str) -> str:
    """The script of two thirds of the letters or more; empty where there is none."""
    scripts = [_script(character) for character in text if character.isalpha()]
    if not scripts:
        return ""
    script, count = collections.Counter(scripts).most_common(1)[0]
    return script if count >= CLEAR * len(scripts) else ""


def _first_script(text: str) -> str:
    return next((_script(character) for character in text if character.isalpha()), "")


@functools.cache
def _script(letter: str) -> str:
    name = unicodedata.name(letter, "?").partition(" ")[0]
    return ONE_SCRIPT.get(name, name)
