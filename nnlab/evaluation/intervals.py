"""What several runs say together: mean, standard deviation and a 95 % interval; the figures of results by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

LARGEST = 1e300  # of a whole number: a float can hold it
TIMED = ("seconds", "seconds_to_99", "characters_per_second", "sentences_per_second")
NOT_COMPARED = (*TIMED, "weights")
COMPARED = ("pictures", "characters")  # counts in "compared" of results


def over_runs(values: Sequence[float | None]) -> Any:
    """The figure of one run: its plain number. Of several: ``{"mean", "std", "ci95": [low, high], "n"}``.

    The standard deviation is the sample's (n - 1) and the interval is Student's t, two-sided. Runs
    without a value (``None``: an accuracy never reached, say) are left out; ``n`` says how many count.
    """
    if len(values) == 1:
        return values[0]
    given = [value for value in values if value is not None]
    if not given:
        return None
    n = len(given)
    mean = given[0] if min(given) == max(given) else math.fsum(given) / n  # a sum of the same is rounded
    if n == 1:
        return {"mean": mean, "std": None, "ci95": [None, None], "n": 1, "values": list(values)}
    from scipy.special import stdtrit

    std = math.sqrt(math.fsum((value - mean) ** 2 for value in given) / (n - 1))
    half = float(stdtrit(n - 1, 0.975)) * std / math.sqrt(n)
    return {"mean": mean, "std": std, "ci95": [mean - half, mean + half], "n": n, "values": list(values)}


def mean_of(figure: Any) -> float:
    """The mean of a figure that :func:`over_runs` gave: of one run its number."""
    return float(figure["mean"] if isinstance(figure, dict) else figure)


def within(figure: Any, other: float) -> bool:
    """Whether a number that has no spread lies within the 95 % interval of a figure: no difference is shown.

    Of one run, which has no interval, False.
    """
    low, high = figure["ci95"] if isinstance(figure, Mapping) else (None, None)
    return low is not None and high is not None and bool(low <= other <= high)


def undecided(figure: Any, other: float, shown: Callable[[Any], str], unit: str = "") -> str:
    """What a sentence says of a figure and a baseline instead of their difference; empty where there is one.

    ``cannot be told apart over 2 runs (95 % interval 2.1 ± 2.8 against 0.2 dB)``; ``shown`` writes both numbers.
    """
    if not within(figure, other):
        return ""
    against = f"{shown(figure)} against {shown(other)}{unit}"
    return f"cannot be told apart over {figure['n']} runs (95 % interval {against})"


def the_network(figure: Any) -> str:
    """The subject of a verdict: one run speaks of the network that it trained, several of all such networks."""
    return "The network" if isinstance(figure, Mapping) and figure["n"] > 1 else "This network"


def compared_count(results: Mapping[str, Any]) -> tuple[int, str] | None:
    """How many of the test items, and of what, the baselines were measured on: (200, "pictures"); None: all of them.

    The network's figures on the same items are in ``compared`` of the results.
    """
    compared = results.get("compared", {})
    return next(((int(compared[kind]), kind) for kind in COMPARED if kind in compared), None)


def flat_figures(
    results: Mapping[str, Any], prefix: str = "", left_out: Sequence[str] = NOT_COMPARED
) -> list[tuple[str, Any]]:
    """(dotted name, number or figure) of all figures of the results."""
    rows: list[tuple[str, Any]] = []
    for name, value in results.items():
        if name in (*left_out, *COMPARED) or isinstance(value, bool):
            continue
        if isinstance(value, int | float) or (isinstance(value, dict) and "ci95" in value):
            rows.append((prefix + name, value))
        elif isinstance(value, dict):
            rows += flat_figures(value, f"{prefix}{name}.", left_out)
    return rows


def listed_figures(results: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """(name, number or figure) of what stands in lists: at each noise, of each length, of each network of a grid.

    The first of the lengths is left out: it is ``exact_match`` itself. A record may be anybody's: so is what is none.
    """
    found: list[tuple[str, Any]] = []
    for each in _rows(results, "by_noise"):
        for name in ("psnr_db", "noisy_psnr_db", "baseline_psnr_db"):
            found.append((f"{name} at {each.get('noise')}", each.get(name)))
    for each in _rows(results, "exact_match_by_length")[1:]:
        found.append((f"exact_match at {each.get('digits')} digits", each.get("exact_match")))
    for each in _rows(results, "grid"):
        found.append((f"test_loss of {each.get('loss')} with {each.get('activation')}", each.get("test_loss")))
    return [(name, value) for name, value in found if is_figure(value)]


def _rows(results: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = results.get(name)
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def is_figure(value: Any) -> bool:
    """Whether a value is as :func:`over_runs` gives it: a record may be anybody's."""
    if not isinstance(value, dict):
        return isinstance(value, float) or (isinstance(value, int) and abs(value) < LARGEST)
    ends, each = value.get("ci95"), value.get("values", [])
    if not isinstance(ends, list) or len(ends) != 2 or not isinstance(each, list):
        return False
    numbers = (value.get("mean"), value.get("std"), *ends, *each)
    return all(one is None or (isinstance(one, int | float) and is_figure(one)) for one in numbers)


def less_is_better(name: str) -> bool:
    """Whether a figure of this name is the better the less it is: losses, distances, seconds, sizes."""
    return any(word in name for word in ("loss", "distance", "seconds", "epochs_to", "bits", "weights", "mflop"))
