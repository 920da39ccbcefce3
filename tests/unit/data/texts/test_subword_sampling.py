"""Segmentations at random have the probabilities they should have, and depend on the seed alone."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from nnlab.data.texts.batching import Ragged
from nnlab.data.texts.subword_sampling import SubwordSampler
from tests.conftest import ROOT

SUBWORDS = {"a": (4, -1.0), "b": (5, -2.0), "ab": (6, -1.5), "ba": (7, -2.5), "aba": (8, -3.0)}
BY_ID = {number: subword for subword, (number, _) in SUBWORDS.items()}
UNKNOWN = 3


def sample(sentences: list[str], alpha: float, seed: int) -> Ragged:
    sampler = SubwordSampler(SUBWORDS, alpha=alpha, unknown_id=UNKNOWN)
    return Ragged(*sampler.sample(sentences, np.random.default_rng(seed)))


def segmentations(sentence: str) -> list[list[str]]:
    """All there are."""
    if not sentence:
        return [[]]
    return [
        [subword, *rest]
        for subword in SUBWORDS
        if sentence.startswith(subword)
        for rest in segmentations(sentence[len(subword) :])
    ]


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_a_segmentation_is_as_probable_as_its_subwords(alpha):
    sentence, draws = "abaab", 20_000
    counts = Counter(tuple(BY_ID[number] for number in ids.tolist()) for ids in sample([sentence] * draws, alpha, 3))
    weights = {
        tuple(parts): math.exp(alpha * sum(SUBWORDS[part][1] for part in parts)) for parts in segmentations(sentence)
    }
    assert set(counts) == set(weights)
    for parts, weight in weights.items():
        expected = weight / sum(weights.values())
        assert counts[parts] / draws == pytest.approx(expected, abs=4 * math.sqrt(expected / draws))


def test_long_short_empty_and_unknown_sentences():
    sentences = ["ab" * 3000, "", "a", "axb", "ba" * 40]
    for sentence, ids in zip(sentences, sample(sentences, 0.2, 0), strict=True):
        assert "".join("x" if number == UNKNOWN else BY_ID[number] for number in ids.tolist()) == sentence
    assert len(sample([], 0.2, 0)) == 0


def test_another_process_draws_the_same():
    program = (
        "import numpy as np; from nnlab.data.texts.subword_sampling import SubwordSampler\n"
        f"sampler = SubwordSampler({SUBWORDS}, alpha=0.2, unknown_id=3)\n"
        "print(sampler.sample(['abaab' * 9] * 40, np.random.default_rng(5))[0].tolist())"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    assert printed.strip() == str(sample(["abaab" * 9] * 40, 0.2, 5).ids.tolist())
