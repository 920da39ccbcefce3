"""Whether two settings differ: against SciPy's own tests, and against how often a test finds what is there."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from nnlab.evaluation.differences import difference, runs_for


def sides(seed, n=6, m=8):
    rng = np.random.default_rng(seed)
    return rng.normal(1.0, 0.3, n).tolist(), rng.normal(1.2, 0.8, m).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_welch_is_scipys(seed):
    first, second = sides(seed)
    found = difference(dict(enumerate(first)), dict(enumerate(second, start=100)))
    expected = stats.ttest_ind(second, first, equal_var=False).confidence_interval(0.95)
    assert found.method == "welch"
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.told_apart == bool(stats.ttest_ind(second, first, equal_var=False).pvalue < 0.05)


@pytest.mark.parametrize("seed", range(5))
def test_same_seeds_are_paired_as_scipy_does(seed):
    first, second = sides(seed, 7, 7)
    found = difference(dict(enumerate(first)), dict(enumerate(second)))
    expected = stats.ttest_rel(second, first).confidence_interval(0.95)
    assert found.method == "paired"
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_one_run_a_side_tells_nothing():
    found = difference({0: 1.0}, {0: 2.0})
    assert (found.mean, found.low, found.method, found.told_apart) == (1.0, None, "single", False)


def test_runs_without_any_spread():
    assert difference({0: 1.0, 1: 1.0}, {5: 2.0, 6: 2.0}).told_apart
    assert runs_for(0.0, 0.1, paired=True) == 2


def test_planned_runs_find_the_difference_in_four_of_five_tries():
    """Simulated: with as many runs as are planned, Welch's test finds a true difference about as often as promised."""
    wanted, deviation = 0.5, 0.4
    n = runs_for(deviation * 2**0.5, wanted, paired=False)
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, deviation, (4000, n)), rng.normal(wanted, deviation, (4000, n))
    share = (stats.ttest_ind(second, first, axis=1, equal_var=False).pvalue < 0.05).mean()
    assert 0.75 < share < 0.9


@pytest.mark.parametrize(("deviation", "paired", "runs"), [(2**0.5, False, 17), (2.0, True, 34), (1.0, True, 10)])
def test_planned_runs_are_those_of_the_tables(deviation, paired, runs):
    """Cohen (1988): 17 a side tell means apart that are a deviation apart; 34 and 10 pairs half of one, and one."""
    assert runs_for(deviation, 1.0, paired=paired) == runs
