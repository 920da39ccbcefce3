"""Many runs, one a seed. Each equals its run alone, and a finished one is never run again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnlab.output.run_folder import CHECKPOINT
from nnlab.training.loop import Arrays, History, Store
from nnlab.training.parallel import FOLDER, Job


@dataclass
class Outcome:
    """What one run found: its history, figures (JSON values) and arrays (its answers, say)."""

    history: History
    figures: dict[str, Any] = field(default_factory=dict)
    arrays: Arrays = field(default_factory=dict)


def repeat(
    seeds: Sequence[int],
    train: Callable[[int, Sequence[int]], list[Outcome]],
    store: Store,
    finished: Callable[[Outcome], None],
    *,
    at_once: int = 1,
    name: str = "",
    only: Collection[int] | None = None,
) -> list[Outcome]:
    """Train each seed's run, keep each outcome at once, and return them all in order.

    ``train(run, seeds)`` trains up to ``at_once`` runs, the first of which is number ``run``, and returns
    as many outcomes. ``finished`` hears of every outcome in order, those of an earlier process too.
    ``name`` tells the runs of one experiment from those of another in the same folder; ``only`` names the
    first runs of the groups to train, if not all.
    """
    outcomes: list[Outcome] = []
    for first in range(0, len(seeds), at_once) if only is None else only:
        group = seeds[first : first + at_once]
        names = [done(name, first + member) for member in range(len(group))]
        saved = [store.load_arrays(one) for one in names]
        if any(one is None for one in saved):
            found = train(first, group)
            for one, outcome in zip(names, found, strict=True):
                meta: dict[str, Any] = {
                    "rows": outcome.history.rows,
                    "notes": outcome.history.notes,
                    "chosen_by": outcome.history.chosen_by,
                }
                store.save_arrays(one, outcome.arrays, {**meta, "figures": outcome.figures})
            store.drop_checkpoint("-".join(filter(None, ["run", name, f"{first:03d}"])))
        else:
            found = [_restored(*one) for one in saved if one is not None]
        for outcome in found:
            finished(outcome)
        outcomes += found
    return outcomes


def done(name: str, run: int) -> str:
    """What the outcome of a finished run is kept as."""
    return "-".join(filter(None, ["done", name, f"{run:03d}"]))


def jobs_for(
    folder: Path, name: str, firsts: range, runs: int, workers: int, device: str, threads: int | None
) -> list[Job]:
    """The runs of an experiment that are not done, in jobs: two a worker, so that none waits long for the last.

    ``firsts`` are the first of each group of runs that one program trains side by side; ``threads`` may take part
    in one operation.
    """
    at_once = firsts.step
    missing = [
        first
        for first in firsts
        if not all(
            (folder / CHECKPOINT / f"{done(name, run)}.npz").is_file()
            for run in range(first, min(first + at_once, runs))
        )
    ]
    count = min(len(missing), 2 * workers if workers > 1 else 1)
    environment = {} if threads is None else {"TF_NUM_INTRAOP_THREADS": str(threads)}
    shares = [missing[k * len(missing) // count : (k + 1) * len(missing) // count] for k in range(count)]
    return [
        Job(
            f"{name} run {share[0] + 1}".strip(),
            "nnlab.commands.worker",
            (FOLDER, name, ",".join(map(str, share)), device),
            folder,
            environment,
        )
        for share in shares
    ]


def _restored(arrays: Arrays, meta: dict[str, Any]) -> Outcome:
    notes = {int(epoch): note for epoch, note in meta["notes"].items()}
    return Outcome(History(meta["rows"], notes, meta.get("chosen_by")), meta["figures"], arrays)
