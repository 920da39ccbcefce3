"""Baselines of digits: neighbours against distances counted out in whole numbers, and what chooses k."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nnlab.data.digits import digits
from nnlab.evaluation import digit_baselines


@pytest.fixture(scope="module")
def few():
    return digits.draw_sample(500, 80)


def by_hand(x_train, y_train, pictures, k):
    """The label of most of the k nearest, a draw to the nearest of those drawn: one picture, one pixel at a time."""
    rows = x_train.reshape(len(x_train), -1).astype(np.int64)
    answers = []
    for picture in pictures:
        distances = ((rows - picture.reshape(-1).astype(np.int64)) ** 2).sum(axis=1)
        labels = [int(label) for label in y_train[np.argsort(distances, kind="stable")[:k]]]
        most = max(labels.count(label) for label in labels)
        answers.append(next(label for label in labels if labels.count(label) == most))
    return np.array(answers)


def test_k_is_chosen_on_the_last_sixth_and_all_are_neighbours_then(few):
    cut = 500 - 83
    right = {}
    for k in (1, 3, 5, 7, 9):
        given = by_hand(few.x_train[:cut], few.y_train[:cut], few.x_train[cut:], k)
        right[k] = (given == few.y_train[cut:]).mean()
    best = max(right, key=lambda k: (right[k], -k))
    given = by_hand(few.x_train, few.y_train, few.x_test, best)
    found = digit_baselines.k_nearest(few)
    assert found == {"test_accuracy": (given == few.y_test).mean(), "k": best}
    assert found["test_accuracy"] > 0.6


def test_k_is_chosen_on_validation_where_there_is_one(few):
    split = digits.with_validation(few, 0.2)
    right = {
        k: (by_hand(split.x_train, split.y_train, split.x_validation, k) == split.y_validation).mean()
        for k in (1, 3, 5, 7, 9)
    }
    best = max(right, key=lambda k: (right[k], -k))
    given = by_hand(split.x_train, split.y_train, split.x_test, best)  # validation is no neighbour
    assert digit_baselines.k_nearest(split) == {"test_accuracy": (given == few.y_test).mean(), "k": best}


def test_a_draw_goes_to_the_nearest():
    labels = np.array([[3, 5, 5, 3, 1], [7, 2, 2, 9, 9], [1, 4, 4, 4, 1]])
    assert digit_baselines.votes(labels).tolist() == [3, 2, 4]


def test_neither_baseline_sees_the_order_of_the_pixels(few):
    order = np.random.default_rng(0).permutation(784)
    moved = {name: getattr(few, name).reshape(-1, 784)[:, order].reshape(-1, 28, 28) for name in ("x_train", "x_test")}
    plain, permuted = (digit_baselines.digit_baselines(one) for one in (few, replace(few, **moved)))
    assert plain["k_nearest_neighbours"] == permuted["k_nearest_neighbours"]
    accuracy = plain["logistic_regression"]["test_accuracy"]
    assert accuracy > 0.7
    assert permuted["logistic_regression"]["test_accuracy"] == pytest.approx(accuracy, abs=0.03)


def test_baselines_are_fitted_once_for_the_same_digits(few):
    told: list[str] = []
    other = replace(few, x_test=few.x_test[:40], y_test=few.y_test[:40])
    first = digit_baselines.digit_baselines(other, told.append)
    assert digit_baselines.digit_baselines(other, told.append) == first
    assert len(told) == 1
    digit_baselines.digit_baselines(replace(other, y_test=(other.y_test + 1) % 10), told.append)
    assert len(told) == 2  # other labels, other figures


def test_digits_of_one_label_and_fewest_digits(few):
    same = replace(few, y_train=np.zeros_like(few.y_train))
    zeros = (few.y_test == 0).mean()
    found = digit_baselines.digit_baselines(same)
    assert found["logistic_regression"]["test_accuracy"] == found["k_nearest_neighbours"]["test_accuracy"] == zeros
    two = replace(few, x_train=few.x_train[:2], y_train=few.y_train[:2])
    assert digit_baselines.k_nearest(two)["k"] == 1
