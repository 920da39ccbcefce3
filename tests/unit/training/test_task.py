"""The records between an experiment and the runner: a history comes back as it was, a damaged one is refused."""

from __future__ import annotations

import json

import pytest

from nnlab.training.task import History

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
