"""Fitting one model: an epoch at a time, with a checkpoint after each, repeatable to the bit.

What an epoch does depends on three things only: the state at its start (weights, optimizer, the
counters of random layers), the seed and the epoch's number. All three are in the checkpoint, so a
process that was killed at any instant goes on to the same bits as one that was left alone.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import keras
import numpy as np

from nnlab.training import signals
from nnlab.training.batches import Batches, Rows

Arrays = dict[str, "np.ndarray[Any, Any]"]
Row = dict[str, Any]


class Store(Protocol):
    """Where checkpoints and metrics go; the run folder, seen from here."""

    def save_arrays(self, name: str, arrays: Mapping[str, np.ndarray[Any, Any]], meta: dict[str, Any]) -> None:
        """Save one file of the checkpoint, atomically."""

    def load_arrays(self, name: str) -> tuple[Arrays, dict[str, Any]] | None:
        """What was saved under a name, or None."""

    def drop_checkpoint(self, name: str | None = None) -> None:
        """Delete one file of the checkpoint, or all."""


class Watch(Protocol):
    """Who looks on: a live display, plain lines, or nobody."""

    def start(self, *, name: str, run: int, runs: int, epochs: int, steps: int, rows: list[Row]) -> None:
        """Training of an experiment's run starts or goes on after ``rows``."""

    def step(self, step: int) -> None:
        """``step`` batches of the epoch are done."""

    def epoch(self, row: Row) -> None:
        """An epoch is done and measured."""


@dataclass
class Evaluation:
    """What an epoch was found to do: the measures of each run trained at once, notes for the story."""

    measures: list[Row]
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass
class History:
    """The rows of ``metrics.csv``, and the notes of each epoch that left any."""

    rows: list[Row] = field(default_factory=list)
    notes: dict[int, dict[str, Any]] = field(default_factory=dict)
    chosen_by: str | None = None

    @property
    def best(self) -> Row:
        """The row of the epoch whose weights the model has at the end: the least of ``chosen_by``, or the last."""
        name = self.chosen_by
        return self.rows[-1] if name is None else min(self.rows, key=lambda row: float(row[name]))

    def column(self, name: str) -> list[float]:
        """One measure, epoch by epoch."""
        return [float(row[name]) for row in self.rows]

    def of_run(self, run: int) -> History:
        """One run of several that were trained at once."""
        return History([row for row in self.rows if row["run"] == run], self.notes, self.chosen_by)


class Seeded:
    """One compiled model that is set anew for each seed: no tracing again, no memory lost.

    ``build(members)`` makes and compiles a model of that many networks side by side (most have one).
    :meth:`reset` gives it the state that a fresh process would start from with those seeds.
    ``member_of(model, number)`` is one of several.
    """

    def __init__(
        self,
        build: Callable[[int], keras.Model],
        *,
        members: int = 1,
        member_of: Callable[[keras.Model, int], keras.Model] = lambda model, number: model,
    ) -> None:
        self._build = build
        self._members = members
        self._member_of = member_of
        self._model: keras.Model | None = None
        self._optimizer_start: list[Any] = []

    def reset(self, *seeds: int) -> keras.Model:
        """The model before its first step; a place left over gets the last seed once more."""
        fresh = []
        for seed in seeds:
            keras.utils.set_random_seed(seed % 2**32)
            fresh.append(self._build(1))
        if self._model is None:
            self._model = self._build(self._members)
            self._model.optimizer.build(self._model.trainable_variables)
            starts = (np.array(variable) for variable in self._model.optimizer.variables)
            self._optimizer_start = [start if start.any() else None for start in starts]  # zeros need no copy
        for number in range(self._members):
            source = self._member_of(fresh[min(number, len(fresh) - 1)], 0)
            target = self._member_of(self._model, number)
            for variable, start in zip(state_variables(target), state_variables(source), strict=True):
                variable.assign(start)
        for variable, value in zip(self._model.optimizer.variables, self._optimizer_start, strict=True):
            variable.assign(keras.ops.zeros_like(variable) if value is None else value)
        del fresh
        gc.collect()  # Keras models are cycles: without this each seed costs 2 MB
        return self._model


def state_variables(model: keras.Model) -> list[Any]:
    """Weights and the counters of random layers, in the order the model was built."""
    metrics = {id(variable) for metric in model.metrics for variable in metric.variables}
    return [variable for variable in model.variables if id(variable) not in metrics]


def train(
    model: keras.Model,
    x: Any,
    y: Any,
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    evaluate: Callable[[keras.Model, int, Row], Evaluation],
    store: Store,
    record: Callable[[list[Row]], Any],
    watch: Watch,
    run: int = 0,
    runs: int = 1,
    name: str = "",
    order: Callable[[int], Any] | None = None,
    steps: int | None = None,
    keep: str | None = None,
    patience: int | None = None,
) -> History:
    """Fit a compiled model on arrays held in memory; returns every epoch's row.

    ``x`` and ``y`` are arrays (or nests of arrays) whose first axis is the sample; they are shuffled
    by ``seed`` and epoch, or ``order(epoch)`` gives an epoch's :class:`Rows` or :class:`Batches`, ``steps`` of them
    (``x`` and ``y`` may be None then). ``evaluate`` is called
    after each epoch, numbered from 1, with Keras's training figures; it returns the measures of each
    run in the model, the first of which is ``run``. ``name`` tells the runs of one experiment from
    those of another, in every row and in the store. A checkpoint of this run is gone on with.

    ``keep`` names the measure whose least value chooses the epoch: the model ends with the weights of
    that epoch, and ``history.best`` is its row. ``patience`` epochs without a better one end training.
    """
    label = {"experiment": name} if name else {}
    checkpoint = "-".join(filter(None, ["run", name, f"{run:03d}"]))
    history = History(chosen_by=keep)
    best: Arrays = {}
    state = [*state_variables(model), *model.optimizer.variables]
    saved = store.load_arrays(checkpoint)
    if saved is not None:
        arrays, meta = saved
        for number, variable in enumerate(state):
            variable.assign(arrays[f"state-{number:03d}"])
        history = History(meta["rows"], {int(epoch): note for epoch, note in meta["notes"].items()}, keep)
        best = {name: array for name, array in arrays.items() if name.startswith("best-")}
    samples = 0 if y is None else len(keras.tree.flatten(y)[0])
    steps = steps or -(-samples // batch_size)
    record(history.rows)
    own = [row for row in history.rows if row["run"] == run]
    watch.start(name=name, run=run, runs=runs, epochs=epochs, steps=steps, rows=own)
    earlier = float(history.rows[-1]["seconds"]) if history.rows else 0.0
    start = time.perf_counter()
    for epoch in range(history.rows[-1]["epoch"] if history.rows else 0, epochs):
        if patience and history.rows and epoch - int(history.best["epoch"]) >= patience:
            break
        batches = order(epoch) if order else Rows((x, y), permutation(seed, epoch, samples), batch_size)
        if isinstance(batches, Batches):
            fitted = _fit_batches(model, batches, _Steps(watch))
        else:
            logs = model.fit(
                batches,
                shuffle=False,
                initial_epoch=epoch,
                epochs=epoch + 1,
                verbose=0,
                callbacks=[_Steps(watch)],
            ).history
            fitted = {key: float(values[0]) for key, values in logs.items()}
        found = evaluate(model, epoch + 1, fitted)
        seconds = round(earlier + time.perf_counter() - start, 3)
        rows: list[Row] = [
            {"run": run + member, "epoch": epoch + 1, "seconds": seconds, **measures, **label}
            for member, measures in enumerate(found.measures)
        ]
        history.rows.extend(rows)
        if found.notes:
            history.notes[epoch + 1] = found.notes
        arrays = {f"state-{number:03d}": np.array(variable) for number, variable in enumerate(state)}
        if keep and history.best["epoch"] == epoch + 1:
            best = {f"best-{number:03d}": np.array(v) for number, v in enumerate(model.trainable_variables)}
        store.save_arrays(checkpoint, arrays | best, {"rows": history.rows, "notes": history.notes})
        record(history.rows)
        watch.epoch(rows[0])
    for number, variable in enumerate(model.trainable_variables if best else ()):
        variable.assign(best[f"best-{number:03d}"])
    return history


def permutation(seed: int, epoch: int, samples: int) -> np.ndarray[Any, Any]:
    """The random order that a seed gives an epoch."""
    return np.random.default_rng([seed, epoch, 1]).permutation(samples)


def _fit_batches(model: keras.Model, batches: Batches, steps: _Steps) -> dict[str, float]:
    """One epoch; the mean over its batches of what Keras says of each.

    Not ``fit``: of batches that differ in shape Keras looks at the first two only, and then insists on them.
    """
    total: dict[str, float] = {}
    for number, batch in enumerate(batches):
        for key, value in model.train_on_batch(*batch, return_dict=True).items():
            total[key] = total.get(key, 0.0) + float(value)
        steps.on_train_batch_end(number)
    return {key: value / len(batches) for key, value in total.items()}


class _Steps(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells the watch how far the epoch is, at most ten times a second."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch
        self._told = 0.0

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Keras calls this after each execution of one or more batches."""
        signals.check()
        now = time.monotonic()
        if now - self._told > 0.1:
            self._told = now
            self._watch.step(batch + 1)
