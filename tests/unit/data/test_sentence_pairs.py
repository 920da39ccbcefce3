"""Sentence pairs: what is read, what is skipped and named, and no source on both sides of the split."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.data import sentence_pairs
from nnlab.data.sentence_pairs import END, SPECIAL, UNKNOWN, Language, Pairs
from nnlab.errors import InputError, UsageError

GOOD = [f"Sentence {number}.\tPhrase {number}." for number in range(30)]


def write(tmp_path, lines, end="\n"):
    path = tmp_path / "pairs.txt"
    path.write_bytes((end.join(lines) + end).encode() if not isinstance(lines, bytes) else lines)
    return path


def test_two_or_three_columns_crlf_bom_and_blank_lines(tmp_path):
    lines = ["\ufeff" + GOOD[0], *GOOD[1:10], "", *(line + "\tCC-BY #1" for line in GOOD[10:]), "  "]
    found = sentence_pairs.read_file(write(tmp_path, lines, "\r\n"))
    assert (len(found), found.sources[0], found.targets[-1]) == (30, "Sentence 0.", "Phrase 29.")
    assert found.skipped == ()


def test_lines_that_cannot_be_used_are_named(tmp_path):
    lines = [*GOOD, "no tab", "\tno source", "long\t" + "x" * 5000, GOOD[3]]
    found = sentence_pairs.read_file(write(tmp_path, lines))
    assert len(found) == 30
    assert [line.split(":")[0] for line in found.skipped] == ["line 31", "line 32", "line 33"]
    assert "5,000 characters, at most 400" in found.skipped[2]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["one column"] * 40, r"pairs.txt: expected at least 20 sentence pairs, found 0 \(40 lines skipped\); line 1"),
        ([GOOD[0]] * 40, r"found 1 \(0 lines skipped, 39 repeated\)"),
        (["a\t" + "y" * 5000] * 40, "5,000 characters, at most 400 are read"),
        ([], "found 0"),
    ],
)
def test_fewer_than_twenty_are_refused(tmp_path, lines, says):
    with pytest.raises(InputError, match=says):
        sentence_pairs.read_file(write(tmp_path, lines))


def test_bytes_that_are_not_utf8_have_a_place(tmp_path):
    with pytest.raises(InputError, match=r"pairs.txt:2: expected UTF-8, byte 3 of the line is 0xe9"):
        sentence_pairs.read_file(write(tmp_path, b"a\tb\nca\xe9\tc\n"))


def test_samples_beyond_the_file(tmp_path):
    with pytest.raises(UsageError, match=r"expected at most 30 --samples.*got 31"):
        sentence_pairs.load(str(write(tmp_path, GOOD)), 31, reverse=False)
    assert sentence_pairs.load(str(write(tmp_path, GOOD)), 25, reverse=True).sources[24] == "Phrase 24."


def test_a_name_is_looked_for_in_the_data_folder(tmp_path, monkeypatch):
    (tmp_path / "eng-xyz.txt").write_text("\n".join(GOOD))
    monkeypatch.setenv("NNLAB_DATA", str(tmp_path))
    assert len(sentence_pairs.load("eng-xyz.txt", None, reverse=False)) == 30
    with pytest.raises(UsageError, match=r"there is nothing at eng-abc.txt"):
        sentence_pairs.load("eng-abc.txt", None, reverse=False)


def test_no_source_is_on_both_sides():
    many = Pairs([f"s{n % 40}" for n in range(120)], [f"t{n}" for n in range(120)], "here")
    parts = sentence_pairs.split(many, 0.25, seed=0)
    assert len(parts.held_out) == 10
    assert all(len(targets) == 3 for targets in parts.held_out.values())
    assert not {source for source, _ in parts.training} & set(parts.held_out)
    assert sorted([*parts.training, *parts.held_out_pairs]) == sorted(zip(many.sources, many.targets, strict=True))
    assert sentence_pairs.split(many, 0.25, seed=0) == parts
    assert sentence_pairs.split(many, 0.25, seed=1) != parts
    assert len(sentence_pairs.split(many, 0.999, seed=0).training) > 0
    with pytest.raises(InputError, match=r"have the same"):
        sentence_pairs.split(Pairs(["s"] * 30, [f"t{n}" for n in range(30)], "here"), 0.2, seed=0)


def test_a_language_both_ways():
    language = Language.of(["Βρες τον Τομ.", "Πάμε."])
    ids = language.read("Πάμε τον Τομ!")
    assert ids[-1] == UNKNOWN
    assert ids.min() >= UNKNOWN
    assert language.unknown("Πάμε, Tom") == ",Tom"
    assert language.write([*ids.tolist(), END, SPECIAL]) == "Πάμε τον Τομ"


def test_batches_of_like_length_hold_every_row_once_and_little_padding():
    rng = np.random.default_rng(0)
    lengths = np.stack([rng.integers(1, 60, 1000), rng.integers(1, 80, 1000)], axis=1)
    batches = sentence_pairs.bucket_by_length(lengths, 64, np.random.default_rng(1))
    assert sorted(np.concatenate(batches).tolist()) == list(range(1000))
    assert max(len(batch) for batch in batches) == 64
    assert all(len(batch) * lengths[batch].max() <= 4096 or len(batch) == 1 for batch in batches)
    computed = sum(len(batch) * int(lengths[batch, 1].max()) for batch in batches)
    assert computed < 1.15 * lengths[:, 1].sum()
    other = sentence_pairs.bucket_by_length(lengths, 64, np.random.default_rng(2))
    assert [batch.tolist() for batch in other] != [batch.tolist() for batch in batches]


def test_the_sample():
    made = sentence_pairs.sample()
    assert len(made) == 720
    assert len(set(made.sources)) == 720
    assert "Elle parle à l'école ce soir." in made.targets
