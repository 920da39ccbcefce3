"""What each of the longer experiments shows at the end of a run, and what all say of several runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnlab.config import Config
from nnlab.training.task import RunResult


def add_runs(listed: Any, config: Config, of_first: str) -> None:
    """Rows of a table, where there are several runs: how its figures read, and what is of the first seed alone."""
    if config.runs > 1:
        listed.add_row("runs (figures: mean ± half the 95 % interval)", str(config.runs))
        listed.add_row(f"  of seed {config.seed} alone", of_first)


def add_kept_epoch(listed: Any, runs: Sequence[RunResult], why: str) -> None:
    """Rows of a table: the epoch whose weights were kept, of how many, and the seconds until then, of all runs."""
    best = [run.history.best for run in runs]
    epoch, last = span([row["epoch"] for row in best]), span([run.history.rows[-1]["epoch"] for run in runs])
    listed.add_row(f"weights of epoch ({why})", f"{epoch} of {last}")
    listed.add_row("until then", f"{span([row['seconds'] for row in best])} s")


def span(values: Sequence[float]) -> str:
    """Whole numbers of several runs: ``5``, or ``3 to 5`` where they differ."""
    return " to ".join(dict.fromkeys(f"{value:.0f}" for value in (min(values), max(values))))
