"""Figures: every sentence is in one group, Greek has its letters, nothing of a user's is a formula or a setting."""

from __future__ import annotations

import numpy as np
from matplotlib import font_manager, ft2font

from nnlab.output import figures


def test_every_sentence_is_in_one_group():
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 40, 500).tolist()
    right = (rng.random(500) < 0.3).tolist()
    groups = figures.by_length(lengths, right)
    assert sum(total for _, total in groups.values()) == 500
    assert sum(correct for correct, _ in groups.values()) == sum(right)
    assert figures.by_length([5, 5, 5], [True, False, True]) == {"5": (2, 3)}


def test_an_attention_map_has_the_letters_of_any_language():
    words = [*["Βρες", "τον", "Τομ.", "ça", "œuf", "Übung", "Москва"]]
    font = ft2font.FT2Font(font_manager.findfont("DejaVu Sans"))
    assert all(font.get_char_index(ord(letter)) for letter in "".join(words))
    weights = np.full((len(words) + 1, len(words)), 1 / len(words))
    made = figures.png(figures.attention_maps([(words, words, weights)] * 2, title="test"))
    long = [*words] * 20
    weights = np.full((len(long) + 1, len(long)), 1 / len(long))
    made_long = figures.png(figures.attention_maps([(long, long, weights)], title="test"))
    assert made.startswith(b"\x89PNG")
    assert made_long.startswith(b"\x89PNG")


def test_text_from_outside_is_no_formula_and_a_matplotlibrc_decides_nothing(monkeypatch):
    import matplotlib

    monkeypatch.setitem(matplotlib.rcParams, "text.usetex", True)
    monkeypatch.setitem(matplotlib.rcParams, "figure.facecolor", "red")
    figure = figures.rows_of_pictures({"costs $5 to $x_{": np.zeros((1, 8, 8, 3))}, title="$\\alpha \x1b[0m")
    assert figures.png(figure).startswith(b"\x89PNG")
    assert figure.get_facecolor() == (1, 1, 1, 1)
    assert matplotlib.rcParams["text.usetex"] is True


def test_figure_that_cannot_be_drawn_is_told_and_costs_nothing(capfd):
    from nnlab.output.terminal import Terminal

    with figures.optional(Terminal()):
        figures.by_length([], [])
    assert "a figure could not be drawn" in capfd.readouterr().err


def test_calibration_and_confusion_of_few_digits():
    probabilities = {"net": np.full((1, 3, 10), 0.1, np.float32)}
    labels = np.array([1, 1, 1], np.uint8)
    assert figures.png(figures.calibration(probabilities, labels)).startswith(b"\x89PNG")
    assert figures.png(figures.confusion(probabilities, labels)).startswith(b"\x89PNG")
