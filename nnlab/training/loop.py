"""One run of a task: an epoch at a time, with a checkpoint after each, repeatable to the bit.

What an epoch does depends on three things only: the state at its start (weights, optimizer, the counters of random
layers), the seed and the epoch's number. All three are in the checkpoint, so a process that was killed at any instant
goes on to the same bits as one that was left alone.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from nnlab.errors import InputError
from nnlab.models import cost
from nnlab.training import signals
from nnlab.training.batches import Rows, stacked
from nnlab.training.task import History, Outputs, Progress, Row, RunResult, SideBySide, Store, Task


class Networks:
    """The compiled model of a task, set anew for each seed: no tracing again, no memory lost.

    ``start`` fills a fresh network with the weights that training starts from, where they are not drawn.
    """

    def __init__(self, task: Task, start: Callable[[keras.Model], None] | None = None) -> None:
        self.task = task
        self._start = start
        self.count = task.side_by_side.count if task.side_by_side else 1
        self._model: keras.Model | None = None
        self._optimizer_start: list[Any] = []

    def reset(self, *seeds: int) -> keras.Model:
        """The model in the state that a fresh process would start from; a place left over gets the last seed again."""
        many = self.task.side_by_side
        fresh = []
        for seed in seeds:
            keras.utils.set_random_seed(seed % 2**32)
            fresh.append(many.build(1) if many else self.task.build())
            if self._start is not None:
                self._start(_network(many, fresh[-1], 0))
        if self._model is None:
            self._model = many.build(self.count) if many else self.task.build()
            self._model.optimizer.build(self._model.trainable_variables)
            starts = (copied(variable) for variable in self._model.optimizer.variables)
            self._optimizer_start = [start if start.any() else None for start in starts]  # zeros need no copy
        for number in range(self.count):
            source = _network(many, fresh[min(number, len(fresh) - 1)], 0)
            target = _network(many, self._model, number)
            for variable, start in zip(state_variables(target), state_variables(source), strict=True):
                variable.assign(start)
        for variable, value in zip(self._model.optimizer.variables, self._optimizer_start, strict=True):
            variable.assign(np.zeros(variable.shape, variable.dtype) if value is None else value)
        del fresh
        gc.collect()  # Keras models are cycles: without this each seed costs 2 MB
        return self._model

    def first(self) -> keras.Model:
        """The network of the first seed of the last :meth:`reset`, as it is saved."""
        assert self._model is not None
        return _network(self.task.side_by_side, self._model, 0)


def _network(many: SideBySide | None, model: keras.Model, number: int) -> keras.Model:
    return many.network(model, number) if many else model


def copied(variable: Any) -> Any:
    """The value of a variable, on the processor; NumPy itself cannot read those of every backend."""
    return np.array(keras.ops.convert_to_numpy(variable))


def state_variables(model: keras.Model) -> list[Any]:
    """Weights and the counters of random layers, in the order the model was built."""
    metrics = {id(variable) for metric in model.metrics for variable in metric.variables}
    return [variable for variable in model.variables if id(variable) not in metrics]


def train(
    networks: Networks,
    seeds: Sequence[int],
    *,
    run: int,
    runs: int,
    store: Store,
    record: Callable[[list[Row]], Any],
    progress: Progress,
    benchmark: bool = True,
) -> list[RunResult]:
    """Train the networks of ``seeds`` (one, or as many as stand side by side), the first of which is run ``run``.

    A checkpoint of this run is gone on with. ``record`` is given all rows after each epoch. The result of each seed;
    the model is left with the weights of the epoch that ``task.keep_best`` chose.
    """
    task = networks.task
    model = networks.reset(*seeds)
    checkpoint = checkpoint_name(task.name, run)
    clock = {"train": 0.0, "evaluate": 0.0}
    history, best = History(keep_best=task.keep_best), {}
    state = [*state_variables(model), *model.optimizer.variables]
    saved = store.load_arrays(checkpoint)
    if saved is not None:
        arrays, meta = saved
        with store.restoring(checkpoint):
            for number, variable in enumerate(state):
                variable.assign(arrays[f"state-{number:03d}"])
            history = History.from_json(meta)
            best = {name: array for name, array in arrays.items() if name.startswith("best-")}
    record(history.rows)
    own = [row for row in history.rows if row["run"] == run]
    progress.start(
        name=task.name, run=run, runs=runs, epochs=task.epochs, steps=task.steps, rows=own, rounds=task.rounds
    )
    earlier = float(history.rows[-1]["seconds"]) if history.rows else 0.0
    began = time.perf_counter()
    for epoch in range(history.rows[-1]["epoch"] if history.rows else 0, task.epochs):
        if task.patience and history.rows and epoch - int(history.best["epoch"]) >= task.patience:
            break
        start = time.perf_counter()
        logs = run_epoch(networks, model, seeds, epoch, task.steps_in(epoch), _Steps(progress))
        trained = time.perf_counter()
        metrics, notes = task.evaluate(model)
        clock["train"] += trained - start
        clock["evaluate"] += time.perf_counter() - trained
        seconds = round(earlier + time.perf_counter() - began, 3)
        rows = [
            {"run": run + number, "epoch": epoch + 1, "seconds": seconds, **_row(task, logs, metrics, number)}
            for number in range(len(seeds))
        ]
        check_finite(rows)
        history.rows.extend(rows)
        if notes:
            history.notes[epoch + 1] = notes
        arrays = {f"state-{number:03d}": copied(variable) for number, variable in enumerate(state)}
        if task.keep_best and history.best["epoch"] == epoch + 1:
            best = {f"best-{number:03d}": copied(variable) for number, variable in enumerate(state_variables(model))}
        store.save_arrays(checkpoint, arrays | best, history.to_json())
        record(history.rows)
        progress.epoch(rows[0])
    for number, variable in enumerate(state_variables(model) if best else ()):
        variable.assign(best[f"best-{number:03d}"])
    start = time.perf_counter()
    outputs = task.outputs(model)
    if run == 0 and task.keep_model:
        store.place("model.keras", networks.first().save)
    speed = task.benchmark(model) if task.benchmark and benchmark else {}
    clock["evaluate"] += time.perf_counter() - start
    shared = {part: seconds / len(seeds) for part, seconds in clock.items()}
    size = size_of(task, networks.first())
    return [
        RunResult(history.of_run(run + number), _outputs(task, outputs, number), speed, dict(shared), size)
        for number in range(len(seeds))
    ]


def size_of(task: Task, model: keras.Model) -> dict[str, Any]:
    """How many weights a task's network has, and the MFLOP of one sample's way through it."""
    flop = task.flop(model) if task.flop else cost.cost(model)
    return {"weights": cost.weights(model), "mflop": float(f"{flop / 1e6:.6g}")}


def check_finite(rows: Sequence[Row]) -> None:
    """Raise InputError where a metric of an epoch is not a finite number: nothing can be learned from there on."""
    for row in rows:
        for name, value in row.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise InputError(
                    f"expected finite numbers, {name} is {value} after epoch {row['epoch']} of run {row['run'] + 1}",
                    "Look at the data for values far from all others, or train with another --batch-size",
                )


def checkpoint_name(task: str, run: int) -> str:
    """What a run's checkpoint is kept as."""
    return "-".join(filter(None, ["run", task, f"{run:03d}"]))


def _row(task: Task, logs: Mapping[str, float], metrics: Mapping[str, Any], number: int) -> Row:
    """The training loss and the metrics of one network."""
    own = {name: value[number].item() if isinstance(value, np.ndarray) else value for name, value in metrics.items()}
    label = {"task": task.name} if task.name else {}
    return {"loss": logs.get(f"loss_{number}", logs["loss"]), **own, **label}


def _outputs(task: Task, outputs: Outputs, number: int) -> Outputs:
    return {name: value[number] for name, value in outputs.items()} if task.side_by_side else outputs


def run_epoch(
    networks: Networks,
    model: keras.Model,
    seeds: Sequence[int],
    epoch: int,
    steps: int,
    callback: keras.callbacks.Callback | None = None,
) -> dict[str, float]:
    """The first ``steps`` batches of an epoch; what Keras says of them."""
    task = networks.task
    places = [*seeds, *[seeds[-1]] * (networks.count - len(seeds))]
    batches: Any
    if task.side_by_side:
        batches = stacked([_rows(task.batches(model, seed, epoch)) for seed in places])
    else:
        batches = task.batches(model, seeds[0], epoch)
    if steps < len(batches):
        batches = batches.first(steps)
    callbacks = [] if callback is None else [callback]
    if not isinstance(batches, Rows):
        return _fit_batches(model, batches, callbacks)
    fit = {"shuffle": False, "initial_epoch": epoch, "epochs": epoch + 1, "verbose": 0, "callbacks": callbacks}
    return {key: float(values[0]) for key, values in model.fit(batches, **fit).history.items()}


def _rows(batches: Any) -> Rows:
    assert isinstance(batches, Rows), "networks side by side are trained on Rows"
    return batches


def _fit_batches(model: keras.Model, batches: Any, callbacks: Sequence[keras.callbacks.Callback]) -> dict[str, float]:
    """One epoch; the mean over its batches of what Keras says of each.

    Not ``fit``: of batches that differ in shape Keras looks at the first two only, and then insists on them.
    """
    total: dict[str, float] = {}
    count = 0
    for number, batch in enumerate(batches):
        for key, value in model.train_on_batch(*batch, return_dict=True).items():
            total[key] = total.get(key, 0.0) + float(value)
        for callback in callbacks:
            callback.on_train_batch_end(number)
        count += 1
    return {key: value / count for key, value in total.items()}


class _Steps(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells how far the epoch is, at most ten times per second."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress
        self._told = 0.0

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Keras calls this after each execution of one or more batches."""
        signals.check()
        now = time.monotonic()
        if now - self._told > 0.1:
            self._told = now
            self._progress.step(batch + 1)
