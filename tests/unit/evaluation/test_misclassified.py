"""The ranking of misclassified pictures, on probabilities made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.evaluation import misclassified
from nnlab.evaluation.intervals import runs_to_tell

LABELS = np.array([1, 2, 3, 4])


def shares(*runs):
    """(runs, pictures, 10): for each picture a dict of its likely digits."""
    made = np.zeros((len(runs), len(LABELS), 10), np.float32)
    for number, run in enumerate(runs):
        for picture, given in enumerate(run):
            for digit, share in given.items():
                made[number, picture, digit] = share
    return made


A = shares(
    [{1: 0.9, 7: 0.1}, {2: 0.1, 3: 0.9}, {3: 0.4, 5: 0.6}, {4: 0.55, 9: 0.45}],
    [{1: 1.0}, {2: 0.2, 3: 0.8}, {3: 0.3, 5: 0.7}, {4: 0.4, 9: 0.6}],
)


def test_ranked_by_the_gap_of_the_mean_probabilities():
    found = misclassified.ranked(LABELS, A)
    assert [one.index for one in found] == [1, 2, 3]
    first = found[0]
    assert (first.label, first.predicted, first.runs_misclassified) == (2, 3, 2)
    assert first.gap == pytest.approx(0.7)
    assert found[2].runs_misclassified == 1
    assert misclassified.accuracies(A, LABELS) == [0.5, 0.25]


def test_what_experiments_share_and_the_ledger(monkeypatch):
    tops = {name: misclassified.ranked(LABELS, A)[:2] for name in ("a", "b")}
    tops["c"] = misclassified.ranked(LABELS, A)[1:2]
    assert misclassified.in_common(tops) == {1: ["a", "b"], 2: ["a", "b", "c"]}
    rows = misclassified.ledger({"a": A, "b": A}, LABELS)
    assert [row["index"] for row in rows] == [1, 2, 3]
    assert [row["suspect"] for row in rows] == [0, 0, 0]  # two poor runs accuse nobody
    monkeypatch.setattr(misclassified, "trusted", lambda *_: True)
    rows = misclassified.ledger({"a": A, "b": A}, LABELS)
    assert [row["suspect"] for row in rows] == [1, 0, 0]
    assert rows[2]["wrong_a"] == 1


def test_runs_to_tell_a_difference():
    n = runs_to_tell(0.001, 0.001)  # t(2n-2) * sqrt(2/n) <= 1: n = 9 (2.120 * 0.471), not 8 (2.145 * 0.5)
    assert n == 9
    assert runs_to_tell(0.0, 0.001) == 2
    assert runs_to_tell(0.002, 0.001) > 4 * n * 0.8
