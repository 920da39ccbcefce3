"""Pairs without a translation: placeholders are dropped, other texts for all and sources left as they were are told."""

from __future__ import annotations

import pytest

from nnlab.data.pairs import sentence_pairs
from nnlab.errors import InputError

ENGLISH = [f"The sun eats river {number}, slowly." for number in range(128)]
FRENCH = [f"Le soleil mange le fleuve {number}." for number in range(128)]


def read(tmp_path, targets, sources=ENGLISH):
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{one}\t{two}\n" for one, two in zip(sources, targets, strict=True)), encoding="utf-8")
    return sentence_pairs.read_file(path)


def but_each_third(others):
    return [own if number % 3 == 0 else others[number] for number, own in enumerate(FRENCH)]


@pytest.mark.parametrize("placeholder", ["#N/A", "#REF!", "#VALUE!", "TODO", "TBD", "NULL", "N/A", "n/a"])
def test_placeholders_are_dropped_and_counted(tmp_path, placeholder):
    pairs = read(tmp_path, but_each_third([placeholder] * 128))
    assert pairs.targets == FRENCH[::3]
    told = f"85 lines have {placeholder!r} or the like in place of a sentence, as line 2; they were skipped"
    assert pairs.notes == (told,)
    assert pairs.skipped[0] == f"line 2: {placeholder!r} is no sentence, it keeps the place of one"
    assert len(pairs.skipped) == 85


@pytest.mark.parametrize("sign", ["-", "…"])
def test_signs_in_place_of_most_sentences_are_skipped(tmp_path, sign):
    pairs = read(tmp_path, but_each_third([sign] * 128))
    assert pairs.targets == FRENCH[::3]
    assert len(pairs.skipped) == 85
    assert pairs.skipped[0] == f"line 2: expected two sentences, one of them has no letter ({sign!r})"


def test_one_placeholder_is_told_and_words_are_none(tmp_path):
    pairs = read(tmp_path, ["#N/A", "Todo", "null", *FRENCH[3:]])
    assert (len(pairs), pairs.targets[:2]) == (127, ["Todo", "null"])
    assert pairs.notes == ("1 line has '#N/A' in place of a sentence, line 1; it was skipped",)


def test_a_file_of_placeholders_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"found 10 \(118 lines skipped\); line 11: '#N/A' is no sentence"):
        read(tmp_path, FRENCH[:10] + ["#N/A"] * 118)


@pytest.mark.parametrize("turned", [False, True])
def test_one_text_for_many_sentences_is_told(tmp_path, turned):
    sides = ENGLISH, but_each_third(["À traduire"] * 128)
    pairs = read(tmp_path, sides[not turned], sides[turned])
    what = "sentence" if turned else "translation"
    assert pairs.notes == (f"85 of 128 pairs have the {what} 'À traduire': is it a placeholder?",)
    assert len(pairs) == 128


def test_sources_left_as_they_were_are_told(tmp_path):
    pairs = read(tmp_path, [one if n % 2 else two for n, (one, two) in enumerate(zip(ENGLISH, FRENCH, strict=True))])
    told = f"64 of 128 pairs have the same text on both sides, as {ENGLISH[1]!r}: were they left untranslated?"
    assert pairs.notes == (told,)


def test_short_answers_and_several_translations_are_not(tmp_path):
    answers = [f"Yes{number * '!'}" for number in range(9)]
    assert read(tmp_path, ["Oui."] * 9 + FRENCH[9:], answers + ENGLISH[9:]).notes == ()
    assert read(tmp_path, FRENCH, [ENGLISH[number // 32] for number in range(128)]).notes == ()
    names = ["Tom!", "Paris", "Restaurant"]
    assert read(tmp_path, names + FRENCH[3:], names + ENGLISH[3:]).notes == ()
