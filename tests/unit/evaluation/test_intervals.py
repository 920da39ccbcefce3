"""Intervals over runs, against values from a table of Student's t."""

from __future__ import annotations

import pytest

from nnlab.evaluation.intervals import over_runs, runs_needed


def test_over_runs_of_one_run_is_its_plain_number():
    assert over_runs([0.5]) == 0.5
    assert over_runs([None]) is None


def test_over_runs_has_mean_deviation_and_interval():
    figure = over_runs([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (figure["mean"], figure["n"]) == (3.0, 5)
    assert figure["std"] == pytest.approx(2.5**0.5)
    half = 2.776445 * (2.5 / 5) ** 0.5  # t, 4 degrees of freedom, 97.5%
    assert figure["ci95"] == pytest.approx([3 - half, 3 + half])


def test_over_runs_leaves_out_and_counts_runs_without_a_value():
    assert over_runs([None, 3.0])["n"] == 1
    assert over_runs([None, None]) is None
    assert over_runs([1.0, None, 3.0])["mean"] == 2.0


def test_runs_needed():
    n = runs_needed(0.001, 0.001)  # t(2n-2) * sqrt(2/n) <= 1: n = 9 (2.120 * 0.471), not 8 (2.145 * 0.5)
    assert n == 9
    assert runs_needed(0.0, 0.001) == 2
    assert runs_needed(0.002, 0.001) > 4 * n * 0.8
