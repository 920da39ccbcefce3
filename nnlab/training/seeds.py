"""Many runs, one a seed. Each equals its run alone, and a finished one is never run again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from nnlab.training.fit import Arrays, History, Store


@dataclass
class Outcome:
    """What one run found: its history, figures (JSON values) and arrays (its answers, say)."""

    history: History
    figures: dict[str, Any] = field(default_factory=dict)
    arrays: Arrays = field(default_factory=dict)


def repeat(
    seeds: Sequence[int], one: Callable[[int, int], Outcome], store: Store, finished: Callable[[Outcome], None]
) -> list[Outcome]:
    """Call ``one(run, seed)`` for each seed, keep each outcome at once, and return them all.

    ``finished`` hears of every outcome in order, those of an earlier process too.
    """
    outcomes = []
    for run, seed in enumerate(seeds):
        name = f"done-{run:03d}"
        saved = store.load_arrays(name)
        if saved is None:
            outcome = one(run, seed)
            meta: dict[str, Any] = {
                "rows": outcome.history.rows,
                "notes": outcome.history.notes,
                "figures": outcome.figures,
            }
            store.save_arrays(name, outcome.arrays, meta)
            store.drop_checkpoint(f"run-{run:03d}")
        else:
            arrays, meta = saved
            notes = {int(epoch): note for epoch, note in meta["notes"].items()}
            outcome = Outcome(History(meta["rows"], notes), meta["figures"], arrays)
        finished(outcome)
        outcomes.append(outcome)
    return outcomes
