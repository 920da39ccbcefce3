"""What is shown at the end of a run: figures of all its runs, only what was measured, no report of other data."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nnlab.configs.arith import ArithConfig
from nnlab.configs.translate import TranslateConfig
from nnlab.data.sums import long_sums
from nnlab.experiments.summaries import arith as summaries
from nnlab.experiments.summaries import translate
from nnlab.output import figures
from nnlab.training.task import History, RunResult
from tests.unit.output.test_figures import points_of

FOLDER: Any = SimpleNamespace(write=lambda name, content: None)


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were drawn, instead of their bytes."""
    made = []

    def png(figure):
        made.append(figure)
        return b""

    monkeypatch.setattr(figures, "png", png)
    return made


@pytest.mark.parametrize(("data", "shown"), [(None, True), ("sample", True), ("own.txt", False)])
def test_the_2018_report_stands_beside_questions_drawn_as_its_were(data, shown):
    config = ArithConfig.from_options({"data": data})
    measured = dict.fromkeys(("exact_match", "character_accuracy", "test_loss", "val_loss", "loss"), 1.0)
    found: dict[str, Any] = {
        **measured,
        "epochs_to_99": None,
        "seconds_to_99": None,
        "exact_match_by_length": [{}],
        "baselines": {},
    }
    names = [str(cell) for cell in summaries.summary(config, found, 30).columns[0].cells]
    assert ("the 2018 report, early / late" in names) is shown


def run_of(answers, **test):
    """A run whose third epoch is a round of self-training, with figures of its own."""
    rows = [{"epoch": epoch, "loss": 1.0, "val_loss": 1.0, "val_exact_match": 0.1} for epoch in (1, 2, 3)]
    kinds = dict.fromkeys(long_sums.KINDS, 0) | {"different_lengths": answers}
    longer = [{"digits": digits, "of": 10, "right": kinds} for digits in (5, 10)]
    return RunResult(History(rows), {"test": {"character_accuracy": 1.0, **test}, "longer": longer})


@pytest.mark.parametrize(("op", "carried"), [("add", "whole length carry"), ("sub", "whole length borrow")])
def test_figures_are_of_all_runs_and_show_nothing_that_was_not_measured(op, carried, drawn):
    config = ArithConfig.from_options({"op": op, "extend": 5, "epochs": 2, "runs": 2, "preset": "quick"})
    runs = [run_of(3, loss=0.5, exact_match=0.6), run_of(6, loss=0.7, exact_match=0.8)]
    summaries.save_figures(config, FOLDER, runs, summaries.summarise(config, runs, []), {}, {})
    (loss, exact), (hard,) = (figure.axes for figure in drawn)
    assert points_of(loss) == [(3, 0.5), (3, 0.7)]  # the last round's
    assert [text.get_text() for text in exact.texts] == ["taught", "taught itself"]
    lines = {line.get_label(): line for line in hard.lines}
    assert list(lines["different lengths"].get_ydata()) == pytest.approx(
        [45, 45]
    )  # of 3 and 6 of 10, at 5 and 10 digits
    assert carried in lines
    assert list(lines["test questions, up to 3 digits"].get_ydata()) == pytest.approx([70])
    assert "mean of 2 runs" in drawn[1].get_suptitle()


def test_rounds_of_self_training_are_no_epochs():
    config = ArithConfig.from_options({"extend": 5, "epochs": 6})
    assert config.epochs_told == "6 epochs and 6 rounds of self-training"
    assert summaries.moment(config, 6) == "epoch 6"
    assert summaries.moment(config, 9) == "round 3 of self-training"
    assert ArithConfig.from_options({"epochs": 1}).epochs_told == "1 epoch"


def test_carries_of_several_runs_are_a_mean():
    assert [summaries.counted(right) for right in (1234.0, 1.5)] == ["1,234", "1.5"]
    assert summaries.grouped(["0", "1", "1"], np.array([1.0, 0.5, 1.0])) == {"0": (1.0, 1), "1": (1.5, 2)}


def test_lengths_of_sentences_are_of_all_runs_and_attention_says_of_which(drawn):
    config = TranslateConfig.from_options({"preset": "quick", "runs": 2})
    rows = [{"epoch": 1, "loss": 1.0, "val_loss": 0.5}, {"epoch": 2, "loss": 0.5, "val_loss": 0.7}]
    attention = [(["a"], ["b"], [[1.0], [1.0]])]
    runs = [
        RunResult(History(rows, keep_best="val_loss"), {"outputs": outputs, "test_loss": 0.6, "attention": attention})
        for outputs in (["x", "no"], ["x", "y"])
    ]
    parts: Any = SimpleNamespace(validation={"c": ["z"]}, test={"a": ["x"], "bb": ["y"]})
    translate.save_figures(config, FOLDER, parts, runs)
    loss, lengths, attention = drawn
    assert points_of(loss.axes[0]) == [(1, 0.6)] * 2  # the epoch that was kept
    assert sum(bar.get_height() for bar in lengths.axes[0].patches) in (150, 75)
    assert "mean of 2 runs" in lengths.get_suptitle()
    assert "first of 2 runs" in attention.get_suptitle()
