"""Many runs of each task, one per seed. Each equals its run alone, and a finished one is never run again."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from nnlab.training.loop import Networks, checkpoint_name, train
from nnlab.training.parallel import FOLDER, Engine, Event, Job
from nnlab.training.task import History, Outputs, Progress, Results, Row, RunResult, Store, Task

FROZEN = gc.get_freeze_count()  # Python 3.12 begins with a few hundred objects


class ProgressOfMany(Protocol):
    """Hears of what several processes do at once."""

    def hear(self, job: str, event: Event) -> None:
        """An event of a job."""

    def end(self, job: str) -> None:
        """A job is over."""

    def stop(self) -> None:
        """All is over, well or not."""


@dataclass
class Trainer:
    """Trains tasks in a run folder: here, or shared out among the workers of an engine.

    ``watch_many(workers, runs)`` opens the display of several workers, ``warn`` tells of a worker that failed,
    ``write_metrics`` writes the rows so far. ``always_share``: also a single job goes to the engine (a cluster's).
    ``start`` fills a fresh network with the weights that training starts from.
    """

    seeds: Sequence[int]
    store: Store
    progress: Progress
    write_metrics: Callable[[list[Row]], Any]
    engine: Engine | None = None
    always_share: bool = False
    device: str = "auto"
    benchmark: bool = True
    watch_many: Callable[[int, int], ProgressOfMany] | None = None
    warn: Callable[[str], None] = lambda text: None
    start: Callable[[Any], None] | None = None
    seconds: dict[str, float] = field(default_factory=lambda: {"train": 0.0, "evaluate": 0.0})
    _rows: list[Row] = field(default_factory=list)

    def train(self, tasks: Sequence[Task]) -> Results:
        """Every task with every seed; each result is kept as soon as it is there."""
        try:
            return {task.name: self._train_task(task) for task in tasks}
        finally:
            self.progress.stop()

    def _train_task(self, task: Task) -> list[RunResult]:
        started = time.perf_counter()
        results: list[RunResult] = []
        try:
            if self.engine is not None:
                self._share_out(task, self.engine)
            for group in train_groups(
                task, self.seeds, self.store, self._record, self.progress, benchmark=self.benchmark, start=self.start
            ):
                for result in group:
                    self._rows.extend(result.history.rows)
                results += group
            self.write_metrics(self._rows)
        finally:  # the seconds of what was interrupted are told, too
            self._book(time.perf_counter() - started, results)
        return results

    def _record(self, rows: list[Row]) -> None:
        self.write_metrics([*self._rows, *rows])

    def _book(self, seconds: float, results: Sequence[RunResult]) -> None:
        """Wall seconds as training and evaluation, in the proportion in which the runs spent theirs."""
        spent = {part: sum(result.seconds.get(part, 0.0) for result in results) for part in ("train", "evaluate")}
        evaluated = spent["evaluate"] / max(sum(spent.values()), 1e-9)
        self.seconds["evaluate"] += seconds * evaluated
        self.seconds["train"] += seconds * (1 - evaluated)

    def _share_out(self, task: Task, engine: Engine) -> None:
        """Let workers train the runs that are missing; :func:`train_groups` then finds them in the folder.

        What a worker fails to do is left to this process.
        """
        jobs = self._jobs(task, engine.workers)
        few = engine.workers == 1 or len(jobs) < 2
        if not jobs or (few and task.threads is None and not self.always_share):
            return
        assert self.watch_many is not None
        display = self.watch_many(min(engine.workers, len(jobs)), len(self.seeds))
        try:
            for job, ended in engine.run(jobs, lambda job, event: display.hear(job.name, event)):
                display.end(job.name)
                if ended.code:
                    self.warn(f"a worker failed, its runs are trained here: {ended.error}")
        finally:
            display.stop()

    def _jobs(self, task: Task, workers: int) -> list[Job]:
        """The groups of runs that are not done, in jobs: two per worker, so that none waits long for the last."""
        size = group_size(task, len(self.seeds))
        firsts = range(0, len(self.seeds), size)
        missing = [
            first
            for first in firsts
            if not all(
                self.store.has_arrays(result_name(task.name, run))
                for run in range(first, min(first + size, len(self.seeds)))
            )
        ]
        count = min(len(missing), 2 * workers if workers > 1 else 1)
        environment = {} if task.threads is None else {"TF_NUM_INTRAOP_THREADS": str(task.threads)}
        flags = ("--device", self.device, *(() if self.benchmark else ("--no-benchmark",)))
        parts = [missing[k * len(missing) // count : (k + 1) * len(missing) // count] for k in range(count)]
        return [
            Job(
                f"{task.name} run {part[0] + 1}".strip(),
                ("worker", FOLDER, "--task", task.name, "--runs", ",".join(map(str, part)), *flags),
                self.store.path,
                environment,
            )
            for part in parts
        ]


def group_size(task: Task, runs: int) -> int:
    """How many runs one program trains side by side."""
    return min(task.side_by_side.count, runs) if task.side_by_side else 1


def train_groups(
    task: Task,
    seeds: Sequence[int],
    store: Store,
    record: Callable[[list[Row]], Any],
    progress: Progress,
    *,
    benchmark: bool = True,
    only: Sequence[int] | None = None,
    start: Callable[[Any], None] | None = None,
) -> Iterator[list[RunResult]]:
    """The results of each group of runs, in order: those of an earlier process from the store, the others trained.

    ``only`` names the first runs of the groups to train, if not all.
    """
    with _collecting_new_objects_only():
        size = group_size(task, len(seeds))
        networks = Networks(task, None if task.is_baseline else start)
        for first in range(0, len(seeds), size) if only is None else only:
            group = seeds[first : first + size]
            names = [result_name(task.name, first + number) for number in range(len(group))]
            saved = [store.load_arrays(name) for name in names]
            if all(result is not None for result in saved):
                restored = []
                for name, kept in zip(names, saved, strict=True):
                    assert kept is not None
                    with store.restoring(name):
                        restored.append(_restored(*kept))
                yield restored
                continue
            results = train(
                networks,
                group,
                run=first,
                runs=len(seeds),
                store=store,
                record=record,
                progress=progress,
                benchmark=benchmark,
            )
            for name, result in zip(names, results, strict=True):
                _save(store, name, result)
            store.drop_checkpoint(checkpoint_name(task.name, first))
            yield results


@contextmanager
def _collecting_new_objects_only() -> Iterator[None]:
    """Keep what exists already out of garbage collection: it is one per seed, and each took 0.13 s longer."""
    if gc.get_freeze_count() > FROZEN:  # somebody else's choice
        yield
        return
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def result_name(task: str, run: int) -> str:
    """The name in the checkpoint of a finished run."""
    return "-".join(filter(None, ["done", task, f"{run:03d}"]))


def _save(store: Store, name: str, result: RunResult) -> None:
    arrays = {key: value for key, value in result.outputs.items() if isinstance(value, np.ndarray)}
    values: Outputs = {key: value for key, value in result.outputs.items() if key not in arrays}
    meta = {"history": result.history.to_json(), "values": values, "speed": result.speed, "seconds": result.seconds}
    meta["size"] = result.size
    store.save_arrays(name, arrays, meta)


def _restored(arrays: dict[str, Any], meta: dict[str, Any]) -> RunResult:
    outputs = {**arrays, **meta["values"]}
    return RunResult(History.from_json(meta["history"]), outputs, meta["speed"], meta["seconds"], meta["size"])
