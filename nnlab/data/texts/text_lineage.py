"""A text for a network that was trained on another: read with that network's characters, without what it has seen.

What was trained on is known by runs of eight words, so that the same passage is found in another edition, wherever its
lines end.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from nnlab.config import Inherited
from nnlab.data.seen import WORDS, Keys, keys_of_runs, seen
from nnlab.data.texts.text import Corpus, Ids, Parts
from nnlab.data.texts.tokenizers import TextTokenizer
from nnlab.errors import UsageError

WORD = re.compile(r"\w+|[^\w\s]")
TOLD = 20  # characters that are named


def in_characters_of(corpus: Corpus, inherited: Inherited | None, *, lower: bool) -> Corpus:
    """The text as ids of the characters that the given weights know; others are left out and told.

    UsageError where the weights were trained on lower-cased text and this one is not, or the other way round.
    """
    if inherited is None:
        return corpus
    known = TextTokenizer.from_json(inherited.preprocessing)
    if known.lower != lower:
        raise UsageError(
            f"expected the case of the text as {inherited.run} read it, which was "
            f"{'lower-cased' if known.lower else 'kept'}",
            "Use --lower" if known.lower else "Use --keep-case",
        )
    places = {character: number for number, character in enumerate(known.characters)}
    table = np.array([places.get(character, -1) for character in corpus.alphabet] or [-1], np.int64)
    ids = table[corpus.ids]
    kept = ids >= 0
    strange = [character for character in corpus.alphabet if character not in places]
    notes = corpus.notes
    if strange:
        named = " ".join(strange[:TOLD]) + (" …" if len(strange) > TOLD else "")
        count = int((~kept).sum())
        notes = (*notes, f"{count:,} of {len(ids):,} characters are unknown to {inherited.run}, left out: {named}")
    kind = np.uint8 if len(places) <= 256 else corpus.ids.dtype if len(places) <= 65_536 else np.uint32
    return replace(corpus, ids=ids[kept].astype(kind), alphabet=known.characters, notes=notes)


def keys_of_text(ids: Ids, alphabet: str) -> Keys:
    """The keys of a text's runs of words, as :func:`nnlab.data.seen.keys_of_runs` makes them."""
    return keys_of_runs(WORD.findall(_text(ids, alphabet)))


def without_seen(parts: Parts, alphabet: str, inherited: Inherited | None, least: int) -> tuple[Parts, int, list[str]]:
    """(parts, characters left out, notes): passages of validation and test leave that an ancestor was trained on.

    UsageError where fewer than ``least`` characters of one would be left.
    """
    if inherited is None:
        return parts, 0, []
    left_out, notes, kept = 0, [], {}
    for name, ids in (("validation", parts.validation), ("test", parts.test)):
        if ids is None:
            continue
        mask = _unseen(ids, alphabet, inherited.seen)
        count = int((~mask).sum())
        if len(ids) - count < least:
            raise UsageError(
                f"expected at least {least:,} {name} characters that {inherited.run} was not trained on, "
                f"{len(ids) - count:,} of {len(ids):,} are",
                "Use the text of that run, or another",
            )
        if count:
            told = f"of {len(ids):,} {name} characters"
            notes.append(f"{count:,} {told} leave: {inherited.run} or its ancestors were trained on these passages")
        left_out, kept[name] = left_out + count, ids[mask]
    return replace(parts, **kept), left_out, notes


def _unseen(ids: Ids, alphabet: str, before: Keys) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which characters ``(characters,)`` are in no run of words that was seen."""
    text = _text(ids, alphabet)
    words = list(WORD.finditer(text))
    mask = np.ones(len(ids), bool)
    for start in np.flatnonzero(seen(keys_of_runs([word[0] for word in words]), before)).tolist():
        mask[words[start].start() : words[start + WORDS - 1].end()] = False
    return mask


def _text(ids: Ids, alphabet: str) -> str:
    return "".join(map(alphabet.__getitem__, ids.tolist()))
