"""Figures: every sentence is in one group, Greek has its letters, nothing of a user's is a formula or a setting."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from matplotlib import font_manager, ft2font

from nnlab.output import figures, picture_figures, sound_figures
from tests.conftest import ROOT


def test_every_sentence_is_in_one_group():
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 40, 500).tolist()
    right = (rng.random(500) < 0.3).tolist()
    groups = figures.by_length(lengths, right)
    assert sum(total for _, total in groups.values()) == 500
    assert sum(correct for correct, _ in groups.values()) == sum(right)
    assert figures.by_length([5, 5, 5], [True, False, True]) == {"5": (2, 3)}
    assert figures.by_length([], []) == {}


def test_groups_of_sentences_are_about_as_many_each():
    """Of lengths 10 to 14 none is put together with another that has a group's share alone."""
    counts = {10: 13, 11: 17, 12: 17, 13: 28, 14: 33}
    lengths = [length for length, count in counts.items() for _ in range(count)]
    groups = figures.by_length(lengths, [True] * len(lengths))
    assert {name: total for name, (_, total) in groups.items()} == {str(n): count for n, count in counts.items()}
    many = np.random.default_rng(1).integers(1, 1000, 8000).tolist()
    assert max(total for _, total in figures.by_length(many, [True] * 8000).values()) < 1100


@pytest.mark.parametrize("count", [1, 2, 3, 20])
def test_no_group_is_empty_however_few_sentences_there_are(count):
    rng = np.random.default_rng(count)
    for _ in range(50):
        lengths = rng.integers(1, 60, count).tolist()
        groups = figures.by_length(lengths, [True] * count)
        assert sum(total for _, total in groups.values()) == count
        assert all(total > 0 for _, total in groups.values())


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
    figure = picture_figures.rows_of_pictures({"costs $5 to $x_{": np.zeros((1, 8, 8, 3))}, title="$\\alpha \x1b[0m")
    assert figures.png(figure).startswith(b"\x89PNG")
    assert figure.get_facecolor() == (1, 1, 1, 1)
    assert matplotlib.rcParams["text.usetex"] is True


NAME = "_a $x_{ " + "long/" * 50 + "中文\x1b[31m\x9b\ud800"


def drawn_with_hostile_names():
    def draw():
        figure, (left, right) = figures.canvas(2, title=NAME)
        figures.curves(left, {NAME: [([1, 2], [1, 2])], "b": [([1, 2], [float("nan"), 2])]}, ylabel=NAME, log=True)
        figures.bars(right, {NAME: (1, 2)}, xlabel="x")
        return figure

    digits, pictures, wave = np.zeros((28, 28)), np.zeros((3, 8, 8, 3)), np.zeros(100)
    return {
        "curves": draw,
        "digits": lambda: picture_figures.rows_of_digits({NAME: [(digits, NAME, NAME)] * 3}, title=NAME),
        "pictures": lambda: picture_figures.rows_of_pictures({NAME: pictures}, title=NAME),
        "waveforms": lambda: sound_figures.waveforms([(NAME, wave, wave)], 100, title=NAME),
        "spectrograms": lambda: sound_figures.spectrograms(
            [(NAME, [(NAME, np.zeros((30, 64)), 1.0)] * 3)], np.linspace(300, 9000, 64), title=NAME
        ),
        "attention": lambda: figures.attention_maps([([NAME] * 3, [NAME] * 3, np.zeros((4, 3)))], title=NAME),
    }


@pytest.mark.parametrize("kind", drawn_with_hostile_names())
def test_names_from_outside_neither_warn_nor_fail(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = drawn_with_hostile_names()[kind]()
        assert figures.png(figure).startswith(b"\x89PNG")
    texts = [text.get_text() for ax in figure.axes for text in ax.findobj(match=lambda part: hasattr(part, "get_text"))]
    assert not any(set("\x1b\x9b\ud800") & set(text) for text in texts)


def test_a_run_whose_name_begins_with_an_underscore_is_in_the_legend():
    _, [ax] = figures.canvas(1)
    figures.curves(ax, {"_a": [([1], [1])], "b": [([1], [2])]}, ylabel="loss")
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text().strip() for text in legend.get_texts()] == ["_a", "b"]


@pytest.mark.parametrize(
    ("least", "most", "told"),
    [
        (0.4, 3.0, ["0.5", "1", "2"]),
        (0.02, 4.9, ["0.03", "0.1", "0.3", "1", "3"]),
        (0.0002, 2, ["0.001", "0.01", "0.1", "1"]),
    ],
)
def test_losses_that_span_decades_have_plain_ticks(least, most, told):
    figure, [ax] = figures.canvas(1)
    figures.curves(ax, {"training": [([1, 2], [most, least])]}, ylabel="loss", log=True)
    figures.png(figure)
    low, high = ax.get_ylim()
    shown = zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)
    assert [label.get_text() for place, label in shown if low <= place <= high] == told


def test_settings_of_the_user_that_are_wrong_are_not_read(tmp_path):
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nnonsense\nfoo.bar: 1\n")
    script = "from nnlab.output import figures as f; print(f.png(f.canvas(1, title='x')[0])[1:4].decode())"
    own = {"MPLBACKEND": "nonsense", "MPLCONFIGDIR": "/proc/nowhere", "MATPLOTLIBRC": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env={**os.environ, **own}, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("PNG\n", "")


def test_figure_that_cannot_be_drawn_is_told_and_costs_nothing(capfd):
    from nnlab.output.terminal import Terminal

    with figures.optional(Terminal()):
        picture_figures.rows_of_pictures({}, title="none")
    assert "a figure could not be drawn" in capfd.readouterr().err


def test_calibration_and_confusion_of_few_digits():
    probabilities = {"net": np.full((1, 3, 10), 0.1, np.float32)}
    labels = np.array([1, 1, 1], np.uint8)
    assert figures.png(picture_figures.calibration(probabilities, labels)).startswith(b"\x89PNG")
    assert figures.png(picture_figures.confusion(probabilities, labels)).startswith(b"\x89PNG")


def test_confusions_of_several_networks_have_one_scale():
    labels = np.zeros(30, np.uint8)
    worse, better = (np.eye(10)[np.where(np.arange(30) < wrong, 1, 0)][None] for wrong in (20, 2))
    shown = picture_figures.confusion({"worse": worse, "better": better}, labels)
    images = [image for ax in shown.axes for image in ax.images]
    assert [image.get_clim() for image in images] == [(0, 20), (0, 20)]


def points_of(ax):
    """The points of test figures: (epoch, figure)."""
    lines = [np.column_stack(line.get_data()).tolist() for line in ax.lines if line.get_marker() == "D"]
    return [tuple(point) for line in lines for point in line]


def overlapping(figure, texts):
    """Pairs of texts that are printed into each other, or beyond the figure."""
    figures.png(figure)  # lays it out
    boxes = [text.get_window_extent() for text in texts]
    whole = figure.bbox.padded(1)
    ends = [(text, x) for text, box in zip(texts, boxes, strict=True) for x in (box.x0, box.x1)]
    outside = [text.get_text() for text, x in ends if not whole.containsx(x)]
    pairs = itertools.combinations(range(len(texts)), 2)
    return outside + [(texts[a].get_text(), texts[b].get_text()) for a, b in pairs if boxes[a].overlaps(boxes[b])]


@pytest.mark.parametrize(("taught", "own"), [(3, 5), (3, 26), (1, 2), (99, 100), (3, 100)])
def test_what_was_taught_and_what_it_taught_itself_are_told_apart(taught, own):
    figure, [ax] = figures.canvas(1, width=6.4)
    asked = [digits for digits in (5, 10, 30, 100, 300, 1000) if digits > taught]
    lines = {name: [(digits, 100.0) for digits in asked] for name in ("full length", "whole length carry")}
    figures.by_digits(ax, lines, test=50.0, taught=taught, own=own)
    assert overlapping(figure, ax.texts) == []
    figure, axes = figures.canvas(2)
    for ax in axes:
        epochs = list(range(1, own + 1))
        figures.curves(ax, {"training": [(epochs, epochs)]}, ylabel="loss", taught=taught)
    assert overlapping(figure, [text for ax in axes for text in ax.texts]) == []


def test_kinds_of_questions_stand_beside_each_other_at_their_digits():
    """Beside, so that all are seen; but by less than a marker, so that none is read at other digits."""
    figure, [ax] = figures.canvas(1, width=6.4)
    figures.by_digits(ax, {str(n): [(5, 100.0), (10, 50.0)] for n in range(4)}, test=99.0, taught=3, own=5)
    figures.png(figure)
    lines = [line for line in ax.lines if str(line.get_label()) in "0123"]
    places = [line.get_transform().transform([5, 100.0])[0] for line in lines]
    beyond = np.array(places) - ax.transData.transform([5, 100.0])[0]
    assert len(set(beyond)) == 4
    assert max(abs(beyond)) < 4 / 72 * figure.dpi  # a marker has 4 points
    assert [np.asarray(line.get_xdata()).tolist() for line in lines] == [[5, 10]] * 4


def test_the_test_loss_stands_where_the_weights_were_kept():
    _, [ax] = figures.canvas(1)
    runs = [([1, 2, 3], [3.0, 2.0, 2.5]), ([1, 2, 3], [3.0, 2.5, 2.0])]
    figures.curves(ax, {"validation": runs}, ylabel="loss", tested={"": [(2.0, 2.1), (3.0, 2.2)]})
    assert points_of(ax) == [(2.0, 2.1), (3.0, 2.2)]
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["validation", "test (kept weights)", "other runs"]
    _, [ax] = figures.canvas(1)
    figures.curves(ax, {"a": runs[:1], "b": runs[1:]}, ylabel="accuracy", tested={"b": [(3.0, 2.2)]})
    assert next(line.get_color() for line in ax.lines if line.get_marker() == "D") == figures.COLOURS[1]


def test_a_sentence_that_is_cut_says_so():
    long, short = ["a"] * (figures.LONGEST + 1), ["a"] * 3
    figure = figures.attention_maps(
        [(long, short, np.ones((4, len(long)))), (short, long, np.ones((len(long) + 1, 3)))], title=""
    )
    *maps, scale = figure.axes
    ends = [[label.get_text() for label in (ax.get_xticklabels()[-1], ax.get_yticklabels()[-1])] for ax in maps]
    assert ends == [["…", "end"], ["a", "…"]]
    assert [ax.images[0].get_size() for ax in maps] == [(4, figures.LONGEST), (figures.LONGEST, 3)]
    assert [ax.images[0].get_clim() for ax in maps] == [(0, 1), (0, 1)]  # one scale, which stands beside them
    assert scale.get_ylabel() == "of its attention"


def test_numbers_have_commas_and_only_measured_intervals_have_ends():
    figure = figures.by_setting(
        {"found": [(100, 50.0), (4000, 60.0)], "all": [(100, 90.0), (4000, 91.0)]}, xlabel="x", ylabel="y", title=""
    )
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["100", "4,000"]
    assert not figure.axes[0].collections  # no bars of an interval
    _, [ax] = figures.canvas(1)
    figures.bars(ax, {"3": (10, 4000)}, xlabel="digits")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["3\nn=4,000"]
