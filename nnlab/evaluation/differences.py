"""Whether two settings differ: the difference of two means over seeds, with its interval and what more runs would tell.

Paired by seed where the seeds are the same (Student 1908), else by Welch's test (1947), whose degrees of freedom are
Satterthwaite's. The interval covers the seeds, on one test set: another test set would move both sides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

POWER = 0.8  # the share of tries in which a true difference is to be found


@dataclass(frozen=True)
class Difference:
    """Mean of the second minus mean of the first, its 95 % interval, and how it was found."""

    mean: float
    low: float | None
    high: float | None
    method: str  # "paired", "welch", "single"
    deviation: float | None  # standard deviation of one run's difference, for planning

    @property
    def told_apart(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def difference(first: Mapping[int, float], second: Mapping[int, float]) -> Difference:
    """The difference of the figures ``{seed: value}`` of two settings."""
    from scipy.special import stdtrit

    if len(first) < 2 or len(second) < 2:
        return Difference(_mean(second) - _mean(first), None, None, "single", None)
    if set(first) == set(second):
        offs = {seed: second[seed] - first[seed] for seed in first}
        mean, deviation = _mean(offs), _deviation(offs)
        half = float(stdtrit(len(offs) - 1, 0.975)) * deviation / math.sqrt(len(offs))
        return Difference(mean, mean - half, mean + half, "paired", deviation)
    mean = _mean(second) - _mean(first)
    parts = [_deviation(side) ** 2 / len(side) for side in (first, second)]
    error = math.sqrt(sum(parts))
    deviation = math.sqrt(sum(_deviation(side) ** 2 for side in (first, second)))
    if error == 0:
        return Difference(mean, mean, mean, "welch", 0.0)
    freedom = error**4 / sum(part**2 / (len(side) - 1) for part, side in zip(parts, (first, second), strict=True))
    half = float(stdtrit(freedom, 0.975)) * error
    return Difference(mean, mean - half, mean + half, "welch", deviation)


def runs_for(deviation: float, wanted: float, *, paired: bool) -> int:
    """How many runs of each side find a true difference ``wanted`` in 80 % of all tries, two-sided at 95 %.

    ``deviation``: of one run's difference. The least n whose t quantiles for 97.5 % and for the power add up to
    less than ``wanted`` in standard errors.
    """
    from scipy.special import stdtrit

    if deviation == 0:
        return 2
    for n in range(2, 100_000):
        freedom = n - 1 if paired else 2 * n - 2
        if (float(stdtrit(freedom, 0.975)) + float(stdtrit(freedom, POWER))) * deviation / math.sqrt(n) <= wanted:
            return n
    return 100_000


def _mean(values: Mapping[int, float]) -> float:
    return math.fsum(values.values()) / len(values)


def _deviation(values: Mapping[int, float]) -> float:
    mean = _mean(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values.values()) / (len(values) - 1))
