"""Figures of texts: every sentence is in one group, long sentences are cut, Greek has its letters."""

from __future__ import annotations

import warnings

import numpy as np

from nnlab.output import figures
from nnlab.output.figures_text import attention_maps, by_length


def test_every_sentence_is_in_one_group():
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 40, 500).tolist()
    right = (rng.random(500) < 0.3).tolist()
    groups = by_length(lengths, right)
    assert sum(total for _, total in groups.values()) == 500
    assert sum(correct for correct, _ in groups.values()) == sum(right)
    assert by_length([5, 5, 5], [True, False, True]) == {"5": (2, 3)}


def test_an_attention_map_has_the_letters_of_any_language():
    words = [*["Βρες", "τον", "Τομ.", "ça", "œuf", "Übung", "Москва"]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of a letter the font has not
        weights = np.full((len(words) + 1, len(words)), 1 / len(words))
        made = figures.png(attention_maps([(words, words, weights)] * 2, title="test"))
        long = [*words] * 20
        weights = np.full((len(long) + 1, len(long)), 1 / len(long))
        made_long = figures.png(attention_maps([(long, long, weights)], title="test"))
    assert made.startswith(b"\x89PNG")
    assert made_long.startswith(b"\x89PNG")
