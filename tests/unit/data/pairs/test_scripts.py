"""Which way round pairs are: told by the scripts of whole sentences, whatever share is the other way round."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.data.pairs import sentence_pairs
from nnlab.data.pairs.direction import FEWEST
from nnlab.data.pairs.scripts import are_swapped, script_of, usual_scripts
from nnlab.errors import InputError

ENGLISH = [f"The sun eats river {number}, slowly." for number in range(200)]
FRENCH = [f"Le soleil mange le fleuve {number}." for number in range(200)]
GREEK = [f"Ο ήλιος τρώει αργά το ποτάμι {number}." for number in range(200)]
JAPANESE = [f"{'太陽タイヨウはゆっくり'[number % 5 :]}と川を食べる{number}。" for number in range(200)]
WORDS = ["sun", "river", "sea", "hill", "road", "house", "tree", "bird", "fish", "wind"]
WORDS += ["rain", "snow", "leaf", "stone", "field", "wave", "star", "moon", "cloud", "lake"]
USUAL = ("LATIN", "GREEK")


def mixed(sources, targets, percent):
    """The pairs, so many in a hundred the other way round."""
    pairs = zip(sources, targets, strict=True)
    return [pair[::-1] if number % 100 < percent else pair for number, pair in enumerate(pairs)]


def read(tmp_path, pairs):
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs), encoding="utf-8")
    return sentence_pairs.read_file(path)


@pytest.mark.parametrize("targets", [GREEK, JAPANESE])
@pytest.mark.parametrize("percent", [1, 10, 15, 30, 39])
def test_rows_that_are_the_other_way_round_are_skipped_and_counted(tmp_path, targets, percent):
    pairs = read(tmp_path, mixed(ENGLISH, targets, percent))
    assert len(pairs) == 200 - 2 * percent
    assert set(pairs.sources) <= set(ENGLISH)
    told = f"{2 * percent} of 200 rows have their two languages the other way round, the first in line 1"
    assert pairs.notes == (f"{told}; they were skipped",)
    assert len(pairs.skipped) == 2 * percent


@pytest.mark.parametrize("percent", [61, 75, 95])
def test_the_direction_is_that_of_most_rows(tmp_path, percent):
    pairs = read(tmp_path, mixed(ENGLISH, GREEK, percent))
    assert len(pairs) == 2 * percent
    assert set(pairs.sources) <= set(GREEK)
    assert pairs.notes[0].startswith(f"{200 - 2 * percent} of 200 rows")


@pytest.mark.parametrize("percent", [40, 50, 60])
def test_near_half_nobody_can_tell_and_the_next_step_is_named(tmp_path, percent):
    counted = 2 * min(percent, 100 - percent)
    with pytest.raises(
        InputError, match=rf"pairs\.tsv:\d+: .*{counted} of 200 rows have the other one first"
    ) as caught:
        read(tmp_path, mixed(ENGLISH, GREEK, percent))
    assert "two files" in caught.value.hint


def test_two_directions_one_after_the_other_are_found_beyond_the_lines_that_decide(tmp_path):
    sources, targets = ([f"{side} {number}" for number in range(1500)] for side in ("The river", "Το ποτάμι"))
    both = list(zip(sources, targets, strict=True))
    with pytest.raises(InputError, match=r"pairs\.tsv:1501: .*1,500 of 3,000 rows"):
        read(tmp_path, [*both, *(pair[::-1] for pair in both)])


@pytest.mark.parametrize("percent", [5, 33])
def test_rows_of_one_script_are_turned_as_their_words_tell(tmp_path, percent):
    pairs = read(tmp_path, mixed(ENGLISH, FRENCH, percent))
    assert (pairs.sources, pairs.targets, pairs.skipped) == (ENGLISH, FRENCH, ())
    told = f"{2 * percent} of 200 pairs have their two languages the other way round, as their words tell, "
    shown = f"the first in line 1 ({FRENCH[0]!r} → {ENGLISH[0]!r}); they were turned"
    assert pairs.notes == (told + shown,)


@pytest.mark.parametrize("count", [FEWEST - 1, 3 * FEWEST])
def test_where_words_tell_nothing_rows_are_read_as_they_stand(tmp_path, count):
    """Too few of them, one language on both sides, words that come once."""
    if count < FEWEST:
        rows = mixed(ENGLISH[:count], FRENCH[:count], 30)
    else:
        rows = [
            (f"Is the {WORDS[n % 20]} {WORDS[n % 19]}?", f"The {WORDS[n % 17]} {WORDS[n % 20]}.") for n in range(200)
        ]
        rows = list(dict.fromkeys(rows))
    pairs = read(tmp_path, rows)
    assert (list(zip(pairs.sources, pairs.targets, strict=True)), pairs.notes) == (rows, ())


def test_a_few_rows_the_other_way_round_stay_beside_those_of_another_script(tmp_path):
    few = [
        *zip(ENGLISH, FRENCH, strict=True),
        ("Tom sings.", "Ο Τομ τραγουδά."),
        ("Η Μαρία χορεύει.", "Mary dances."),
    ]
    pairs = read(tmp_path, few)
    assert (len(pairs), pairs.notes) == (202, ())


# ---- both directions of a pair ------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["one after the other", "in turn", "shuffled"])
@pytest.mark.parametrize("others", [0, 60])
def test_of_a_pair_in_both_directions_one_is_kept(tmp_path, order, others):
    pairs = list(zip(ENGLISH, FRENCH, strict=True))
    both, rest = pairs[: 200 - others], pairs[200 - others :]
    rows = [*both, *(pair[::-1] for pair in both), *rest]
    if order == "in turn":
        rows = [row for pair in both for row in (pair, pair[::-1])] + rest
    if order == "shuffled":
        rows = rows[:1] + np.random.default_rng(3).permutation(np.array(rows[1:], object)).tolist()
    found = read(tmp_path, rows)
    assert sorted(found.sources) == sorted(ENGLISH)
    assert sorted(zip(found.sources, found.targets, strict=True)) == sorted(pairs)
    kept = "one of each is kept, in the direction of the others" if order == "shuffled" else "the first of each is kept"
    assert found.notes == (f"{len(both)} pairs come in both directions: {kept}",)


def test_the_mirror_of_a_pair_among_others_is_dropped(tmp_path):
    pairs = list(zip(ENGLISH, FRENCH, strict=True))
    found = read(tmp_path, [pairs[7][::-1], *pairs, pairs[7][::-1], ("Tom!", "Tom!"), ("Tom!", "Tom!")])
    assert found.sources == [ENGLISH[7], *ENGLISH[:7], *ENGLISH[8:], "Tom!"]
    assert found.notes[0] == "1 pair comes in both directions: one of each is kept, in the direction of the others"
    assert found.notes[1] == "2 lines that repeat another were dropped"


def test_names_and_quoted_words_of_the_other_script_do_not_count(tmp_path):
    forward = [
        ("Say 'καλημέρα σας' now.", "Πες 'good morning sir'."),
        ("Tom!", "Tom!"),
        ("Το νησί Κέρκυρα is Corfu.", "Corfu ή Κέρκυρα λέγεται το νησί."),
        ("1984", "1984"),
    ]
    backward = [
        ("Tom και η Mary είναι εδώ μαζί μας.", "Tom and Mary are here with us."),
        ("Η IBM ζητάει λογιστή.", "IBM asks."),
    ]
    pairs = read(tmp_path, [*zip(ENGLISH, GREEK, strict=True), *forward, *backward])
    assert pairs.sources[200:] == [source for source, _ in forward]
    assert len(pairs.skipped) == 2


def test_the_script_of_a_sentence():
    assert script_of("Tom είναι εδώ, στο σπίτι.") == "GREEK"
    assert script_of("カタカナとひらがなと漢字") == script_of("漢字") == "CJK"
    assert script_of("Ａｂｃ") == "LATIN"
    assert script_of("1984 !") == script_of("ab αβ") == ""
    assert usual_scripts([]) is usual_scripts([("1", "2")]) is None
    assert are_swapped("Ο ήλιος", "The sun", USUAL)
    assert not are_swapped("The sun", "Ο ήλιος", USUAL)
    assert not are_swapped("Ο ήλιος", "Ο ήλιος", USUAL)
