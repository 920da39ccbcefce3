"""SubwordSampler at random have the probabilities they should have, and depend on the seed alone."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from nnlab.data import sentence_pairs
from nnlab.data.sentence_pairs import UNKNOWN
from nnlab.data.subword_sampling import SubwordSampler

PIECES = {"a": (4, -1.0), "b": (5, -2.0), "ab": (6, -1.5), "ba": (7, -2.5), "aba": (8, -3.0)}
BY_ID = {number: piece for piece, (number, _) in PIECES.items()}


def ways(sentence: str) -> list[list[str]]:
    """All cuts of a sentence."""
    if not sentence:
        return [[]]
    return [[piece, *rest] for piece in PIECES if sentence.startswith(piece) for rest in ways(sentence[len(piece) :])]


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_a_cut_is_as_probable_as_its_pieces(alpha):
    sentence, draws = "abaab", 20_000
    drawn = SubwordSampler(PIECES, alpha).draw([sentence] * draws, np.random.default_rng(3))
    found = Counter(tuple(BY_ID[number] for number in ids.tolist()) for ids in drawn)
    weights = {tuple(way): math.exp(alpha * sum(PIECES[piece][1] for piece in way)) for way in ways(sentence)}
    assert set(found) == set(weights)
    for way, weight in weights.items():
        expected = weight / sum(weights.values())
        assert found[way] / draws == pytest.approx(expected, abs=4 * math.sqrt(expected / draws))


def test_long_and_short_empty_and_strange_ones():
    sentences = ["ab" * 3000, "", "a", "axb", "ba" * 40]
    drawn = SubwordSampler(PIECES, 0.2).draw(sentences, np.random.default_rng(0))
    for sentence, ids in zip(sentences, drawn, strict=True):
        assert "".join("x" if number == UNKNOWN else BY_ID[number] for number in ids.tolist()) == sentence


def test_another_process_cuts_the_same():
    program = (
        "from nnlab.data import pairs; from nnlab.data.subwords import Subwords\n"
        "some = sentence_pairs.sample().targets\n"
        "print([ids.tolist() for ids in Subwords.of(some, 120).read_at_random(some[:40], 5)])"
    )
    first, second = (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    )
    assert first == second
    assert first.count("],") == 39


def test_sentences_are_cut_as_sentencepiece_reads_them():
    from nnlab.data.subwords import Subwords

    some = sentence_pairs.sample().targets
    fitted = Subwords.of(some, 120)
    cut = fitted.read_at_random(["  Elle   chante. ", "Elle chante."], 1)
    assert {fitted.write(ids.tolist()) for ids in cut} == {"Elle chante."}
