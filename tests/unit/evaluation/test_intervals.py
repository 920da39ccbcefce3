"""Intervals over runs, against values from a table of Student's t."""

from __future__ import annotations

import pytest

from nnlab.evaluation.intervals import (
    compared_count,
    flat_figures,
    less_is_better,
    over_runs,
    the_network,
    undecided,
    within,
)
from nnlab.output.terminal import percent


def test_over_runs_of_one_run_is_its_plain_number():
    assert over_runs([0.5]) == 0.5
    assert over_runs([None]) is None


def test_over_runs_has_mean_deviation_and_interval():
    figure = over_runs([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (figure["mean"], figure["n"]) == (3.0, 5)
    assert figure["std"] == pytest.approx(2.5**0.5)
    half = 2.776445 * (2.5 / 5) ** 0.5  # t, 4 degrees of freedom, 97.5%
    assert figure["ci95"] == pytest.approx([3 - half, 3 + half])


def test_runs_that_came_to_the_same_have_no_spread():
    """The sum of three times 0.95 is not three times 0.95."""
    figure = over_runs([0.95] * 3)
    assert (figure["mean"], figure["std"], figure["ci95"]) == (0.95, 0.0, [0.95, 0.95])
    assert percent(figure) == "95.00 ± 0.00 %"


def test_over_runs_leaves_out_and_counts_runs_without_a_value():
    assert over_runs([None, 3.0])["n"] == 1
    assert over_runs([None, None]) is None
    assert over_runs([1.0, None, 3.0])["mean"] == 2.0


def test_a_number_within_the_interval_over_the_runs_cannot_be_told_apart_and_one_run_has_no_interval():
    figure = over_runs([1.0, 3.0])  # 2 ± 12.7
    assert within(figure, 14)
    assert not within(figure, 15)
    assert not any(within(value, 2) for value in (2.0, None, over_runs([None, 2.0])))
    shown = "cannot be told apart over 2 runs (95 % interval 80.00 ± 127.06 % against 89.90 %)"
    assert undecided(over_runs([0.7, 0.9]), 0.899, percent) == shown
    assert undecided(0.8, 0.899, percent) == undecided(figure, 15, percent) == ""
    assert [the_network(value) for value in (0.8, figure)] == ["This network", "The network"]


def test_on_how_much_of_the_test_part_baselines_were_measured_is_no_figure():
    results = {"test_loss": 0.5, "compared": {"pictures": 200, "test_loss": 0.25}}
    assert compared_count(results) == (200, "pictures")
    assert compared_count({"test_loss": 0.5}) is None
    assert flat_figures(results) == [("test_loss", 0.5), ("compared.test_loss", 0.25)]


def test_epochs_losses_and_sizes_are_the_better_the_less_they_are():
    assert all(
        map(less_is_better, ("epochs_to_99", "seconds_to_99", "test_loss", "song_distance_db", "weights", "xz.bits"))
    )
    assert not any(map(less_is_better, ("test_accuracy", "exact_match", "chrf", "psnr_db")))
