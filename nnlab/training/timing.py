"""How long a step of training takes, so that a budget of time becomes a number of steps before training begins."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

from nnlab.training.loop import Networks, run_epoch

WARM_UP = 2  # passes over the timed batches that compile and fill caches
PASSES = 3  # the median of which counts
LEAST = 4.0  # seconds of a pass, or a whole epoch: to begin one costs as much as some steps


def seconds_per_step(networks: Networks, seeds: Sequence[int]) -> float:
    """Seconds per step of the networks of ``seeds`` (one, or as many as stand side by side), compilation apart.

    The first batches of the first epoch are trained again and again; the networks are not of use afterwards.
    """
    task = networks.task
    model = networks.reset(*seeds)
    steps = min(task.steps, 32)
    spent = _seconds(networks, model, seeds, steps)
    for _ in range(WARM_UP):
        spent = _seconds(networks, model, seeds, steps)
        if spent < LEAST:
            steps = min(task.steps, max(steps, int(steps * LEAST / max(spent, 1e-3)) + 1))
    _seconds(networks, model, seeds, steps)
    return statistics.median(_seconds(networks, model, seeds, steps) for _ in range(PASSES)) / steps


def _seconds(networks: Networks, model: object, seeds: Sequence[int], steps: int) -> float:
    start = time.perf_counter()
    run_epoch(networks, model, seeds, 0, steps)
    return time.perf_counter() - start
