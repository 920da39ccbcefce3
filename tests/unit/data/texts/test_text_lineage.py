"""A text for a network that was trained on another: its characters, and without what it has seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnlab.config import Inherited
from nnlab.data.texts.text import encode, read_files
from nnlab.data.texts.text_lineage import in_characters_of, keys_of_text, without_seen
from nnlab.errors import UsageError

WORDS = [f"word{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(600)]


def inherited(text, *, lower=True, characters=None):
    corpus = encode([text], lower=lower, origin="a")
    known = {"characters": characters or corpus.alphabet, "lower": lower, "streams": 4}
    return Inherited("a", Path("a"), "0" * 64, known, np.unique(keys_of_text(corpus.ids, corpus.alphabet)))


def text_of(ids, alphabet):
    return "".join(alphabet[number] for number in ids.tolist())


def test_ids_are_those_of_the_weights_and_other_characters_are_told():
    corpus = encode(["abc cab déf ß"], lower=True, origin="b")
    same = in_characters_of(corpus, inherited("xy", characters="cba f"), lower=True)
    assert same.alphabet == "cba f"
    assert text_of(same.ids, same.alphabet) == "abc cab f "
    assert same.notes[-1] == "3 of 13 characters are unknown to a, left out: d ß é"
    assert in_characters_of(corpus, None, lower=True) is corpus
    with pytest.raises(UsageError, match="which was kept"):
        in_characters_of(corpus, inherited("xy", lower=False), lower=True)


def test_passages_that_were_seen_leave_however_they_are_set():
    seen = " ".join(WORDS[:100])
    parent = inherited(seen)
    passage = "  ".join(WORDS[20:40])  # in the test part, set otherwise
    text = " ".join([*WORDS[200:500], passage, *WORDS[500:508]])
    corpus = in_characters_of(encode([text], lower=True, origin="b"), parent, lower=True)
    parts = corpus.parts(0.05)
    left, count, told = without_seen(parts, corpus.alphabet, parent, 20)
    assert text_of(left.test, corpus.alphabet) == text_of(parts.test, corpus.alphabet).replace(passage, "")
    assert count == len(passage)
    assert told[0].startswith(f"{count} of {len(parts.test)} test characters leave")
    assert left.training is parts.training
    with pytest.raises(UsageError, match="expected at least 130 validation characters that a was not trained on"):
        without_seen(parts, corpus.alphabet, parent, 130)


def test_the_same_split_of_the_same_text_loses_nothing():
    corpus = encode([" ".join(WORDS)], lower=True, origin="a")
    parts = corpus.parts(0.05)
    parent = Inherited("a", Path("a"), "", {}, np.unique(keys_of_text(parts.training, corpus.alphabet)))
    left, count, told = without_seen(parts, corpus.alphabet, parent, 20)
    assert (len(left.test), count, told) == (len(parts.test), 0, [])


def test_a_parent_that_read_a_licence_too_is_left_out_of_what_the_book_tests_now(tmp_path):
    """Runs from before the licence was left out were trained on what is the test part now."""
    start, end = (f"*** {word} OF THE PROJECT GUTENBERG EBOOK WORDS ***\n" for word in ("START", "END"))
    book = f"{start}{' '.join(WORDS)}\n{end}{'The Project Gutenberg license. ' * 40}"
    (tmp_path / "book.txt").write_text(book)
    before = encode([book], lower=True, origin="a")
    keys = np.unique(keys_of_text(before.parts(0.05).training, before.alphabet))
    now = read_files([tmp_path / "book.txt"], lower=True)
    parts = now.parts(0.05)
    parent = Inherited("a", Path("a"), "", {}, keys)
    left, count, _ = without_seen(parts, now.alphabet, parent, 1)
    validation = parts.validation
    assert validation is not None
    assert left.validation is not None
    assert len(left.validation) < len(validation) / 5
    assert count == len(validation) - len(left.validation) + len(parts.test) - len(left.test)
