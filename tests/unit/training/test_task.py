"""The records between an experiment and the runner: a history comes back as it was, a damaged one is refused."""

from __future__ import annotations

import json

import pytest

from nnlab.errors import InputError
from nnlab.training.loop import check_finite
from nnlab.training.task import History, RunResult, at_kept

ROW = {"run": 0, "epoch": 1, "seconds": 1.5, "loss": 0.5, "task": "cnn_ce"}


def test_a_history_comes_back_as_it_was():
    history = History([ROW, {**ROW, "epoch": 2}], {2: {"answers": ["1"]}}, "loss")
    assert History.from_json(json.loads(json.dumps(history.to_json()))) == history


@pytest.mark.parametrize(
    "damaged",
    [
        {"rows": 3, "notes": {}, "keep_best": None},
        {"rows": [3], "notes": {}, "keep_best": None},
        {"rows": [{**ROW, "epoch": "one"}], "notes": {}, "keep_best": None},
        {"rows": [{**ROW, "loss": "\x1b[31m"}], "notes": {}, "keep_best": None},
        {"rows": [{**ROW, "task": 3}], "notes": {}, "keep_best": None},
        {"rows": [{"loss": 1.0}], "notes": {}, "keep_best": None},
        {"rows": [], "notes": {"one": {}}, "keep_best": None},
        {"rows": []},
    ],
)
def test_a_damaged_history_is_refused(damaged):
    with pytest.raises((TypeError, ValueError, LookupError)):
        History.from_json(damaged)


def test_what_was_measured_once_is_drawn_where_the_weights_are_of():
    rows = [{**ROW, "epoch": epoch, "val_loss": loss} for epoch, loss in ((1, 0.5), (2, 0.1), (3, 0.3))]
    assert at_kept([RunResult(History(rows, keep_best="val_loss"))], [0.2]) == [(2.0, 0.2)]
    assert at_kept([RunResult(History(rows))], [0.2]) == [(3.0, 0.2)]  # without a choice the last


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_an_epoch_that_is_not_finite_ends_a_training(value):
    check_finite([ROW])
    with pytest.raises(InputError, match=r"expected finite numbers, loss is .* after epoch 1 of run 1"):
        check_finite([{**ROW, "loss": value}])
