"""Pairs without a translation: placeholders are dropped, other texts for all and sources left as they were are told.

And a check more is one entry of a list.
"""

from __future__ import annotations

import pytest

from nnlab.data.pairs import pair_files, sentence_pairs
from nnlab.data.pairs.checks import PAIR_CHECKS, ROW_CHECKS, RowCheck
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


# ---- the lists ---------------------------------------------------------------------------------------


def test_a_check_more_is_one_entry(tmp_path, monkeypatch):
    """Of a row: why it is not used, what is told of all that it met. Of the pairs: what is told."""

    def shouted(row):
        return "it is shouted" if row.sentences[1].isupper() else ""

    def told(met, found):
        if met.count:
            yield f"{met.count} rows are shouted, the first in line {met.line}: {met.sentences[1]}"

    def count(found):
        yield f"{len(found.pairs)} pairs"

    loud = [text.upper() if 3 <= number < 9 else text for number, text in enumerate(FRENCH)]
    plain = read(tmp_path, loud)
    monkeypatch.setattr(pair_files, "ROW_CHECKS", (*ROW_CHECKS, RowCheck(shouted, told)))
    monkeypatch.setattr(pair_files, "PAIR_CHECKS", (*PAIR_CHECKS, count))
    pairs = read(tmp_path, loud)
    assert (len(plain), plain.skipped, plain.notes) == (128, (), ())
    assert pairs.targets == FRENCH[:3] + FRENCH[9:]
    assert pairs.skipped == tuple(f"line {line}: it is shouted" for line in range(4, 10))
    assert pairs.notes == ("6 rows are shouted, the first in line 4: LE SOLEIL MANGE LE FLEUVE 3.", "122 pairs")


def test_the_first_check_of_a_row_counts_and_notes_come_in_the_order_of_the_lists(tmp_path):
    pairs = [*zip(ENGLISH, FRENCH, strict=True)]
    rows = [
        ("#N/A", "…"),
        ("---", ":--"),
        *pairs,
        pairs[3][::-1],
        pairs[5],
        ("<b>Go.</b>", "#N/A"),
        ("TODO", "x" * 401),
    ]
    rows += [(f"One more {number}.", "À traduire") for number in range(40)]
    found = read(tmp_path, [target for _, target in rows], [source for source, _ in rows])
    assert found.skipped == (
        "line 1: expected two sentences, one of them has no letter ('…')",
        "line 2: it is a ruler of a table",
        "line 133: '#N/A' is no sentence, it keeps the place of one",
        "line 134: 401 characters, at most 400 are read",
    )
    assert found.notes == (
        "1 pair comes in both directions: the first of each is kept",
        "1 line has '#N/A' in place of a sentence, line 133; it was skipped",
        "40 of 168 pairs have the translation 'À traduire': is it a placeholder?",
        "HTML, sounds and the like were taken out of 1 line",
        "1 line that repeats another was dropped",
    )
