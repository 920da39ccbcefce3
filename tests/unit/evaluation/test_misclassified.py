"""The ranking of misclassified pictures, on probabilities made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.evaluation import misclassified

LABELS = np.array([1, 2, 3, 4])


def probabilities(*runs):
    """(runs, pictures, 10): for each picture a dict of its likely digits."""
    array = np.zeros((len(runs), len(LABELS), 10), np.float32)
    for number, run in enumerate(runs):
        for picture, digits in enumerate(run):
            for digit, probability in digits.items():
                array[number, picture, digit] = probability
    return array


A = probabilities(
    [{1: 0.9, 7: 0.1}, {2: 0.1, 3: 0.9}, {3: 0.4, 5: 0.6}, {4: 0.55, 9: 0.45}],
    [{1: 1.0}, {2: 0.2, 3: 0.8}, {3: 0.3, 5: 0.7}, {4: 0.4, 9: 0.6}],
)


def test_ranked_by_the_gap_of_the_mean_probabilities():
    pictures = misclassified.ranked(LABELS, A)
    assert [picture.index for picture in pictures] == [1, 2, 3]
    first = pictures[0]
    assert (first.label, first.predicted, first.runs_misclassified) == (2, 3, 2)
    assert first.gap == pytest.approx(0.7)
    assert first.caption() == "2 → 3"
    assert pictures[2].runs_misclassified == 1


def test_accuracies_and_any_wrong():
    assert misclassified.accuracies(A, LABELS) == [0.5, 0.25]
    assert misclassified.any_wrong(A, LABELS).tolist() == [False, True, True, True]


def test_in_common():
    tops = {name: misclassified.ranked(LABELS, A)[:2] for name in ("a", "b")}
    tops["c"] = misclassified.ranked(LABELS, A)[1:2]
    assert misclassified.in_common(tops) == {1: ["a", "b"], 2: ["a", "b", "c"]}


def test_ledger_of_poor_networks_accuses_nobody():
    rows = misclassified.ledger({"a": A, "b": A}, LABELS)
    assert [row["index"] for row in rows] == [1, 2, 3]
    assert [row["suspect"] for row in rows] == [0, 0, 0]
    assert rows[2]["wrong_a"] == 1
    assert rows[0]["runs"] == 4


def test_ledger_accuses_what_good_networks_contradict():
    """A hundred pictures, three runs: two are wrong in all runs, one of them with confidence; one in a single run."""
    labels = np.zeros(100, int)
    given = np.zeros((3, 100, 10), np.float32)
    given[..., 0] = 1
    given[:, 5] = np.eye(10)[4] * 0.9 + np.eye(10)[0] * 0.1
    given[:, 6] = np.eye(10)[4] * 0.55 + np.eye(10)[0] * 0.45
    given[0, 7] = np.eye(10)[4]
    rows = misclassified.ledger({"a": given, "b": given}, labels)
    assert {row["index"]: row["suspect"] for row in rows} == {5: 1, 6: 0, 7: 0}
    assert misclassified.trusted({"a": given}, labels)
    assert not misclassified.trusted({"a": given[:2]}, labels)


@pytest.mark.parametrize(("wrong", "suspect"), [(10, 1), (9, 1), (8, 0)])
def test_a_label_is_accused_where_nine_of_ten_runs_contradict_it(wrong, suspect):
    labels = np.zeros(100, int)
    given = np.zeros((10, 100, 10), np.float32)
    given[..., 0] = 1
    given[:wrong, 5] = np.eye(10)[4]
    assert [row["suspect"] for row in misclassified.ledger({"a": given}, labels)] == [suspect]


def test_mean_accuracy_of_one_run_and_of_several():
    assert misclassified.mean_accuracy({"test_accuracy": 0.5}) == 0.5
    assert misclassified.mean_accuracy({"test_accuracy": {"mean": 0.25, "n": 3}}) == 0.25
