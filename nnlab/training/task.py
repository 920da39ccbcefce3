"""The records between an experiment and the runner: what to train, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import keras
    import numpy as np

    from nnlab.training.batches import Batches, Rows

Row = dict[str, Any]  # of metrics.csv
Metrics = dict[str, Any]  # name: number, or an array (networks,) of networks trained side by side
Notes = dict[str, Any]  # JSON values of one epoch: sample answers, say
Outputs = dict[str, Any]  # arrays, and JSON values, of a trained network


@dataclass(frozen=True)
class SideBySide:
    """How networks of several seeds are trained in one program, each as if it were alone.

    Every variable of the program belongs to one of its networks. Batches of the networks are stacked on axis 1
    (see :func:`nnlab.training.batches.stacked`); metrics and outputs have the networks on their first axis.
    """

    count: int  # networks in the program
    build: Callable[[int], keras.Model]  # compiled, of so many networks
    network: Callable[[keras.Model, int], keras.Model]  # one of them


@dataclass(frozen=True)
class Task:
    """One network to train, once per seed; or several in one model, whose answers are averaged."""

    name: str  # "" where an experiment has one task; "cnn_ce", "mse_sigmoid"
    epochs: int
    steps: int  # batches per epoch
    build: Callable[[], keras.Model]  # compiled
    batches: Callable[[keras.Model, int, int], Rows | Batches]  # (model, seed, epoch)
    evaluate: Callable[[keras.Model], tuple[Metrics, Notes]]  # after each epoch, on validation data
    outputs: Callable[[keras.Model], Outputs]  # once, when trained
    benchmark: Callable[[keras.Model], dict[str, float]] | None = None  # how fast the trained network is
    keep_best: str | None = None  # the metric whose least value chooses the epoch; None: the last epoch
    patience: int | None = None  # epochs without a better one that end the training
    keep_model: bool = True  # the first run's model becomes model.keras
    side_by_side: SideBySide | None = None
    threads: int | None = None  # that may take part in one operation; such a task has a process of its own
    flop: Callable[[keras.Model], float] | None = None  # operations for one sample; None: nnlab.models.cost.cost
    is_baseline: bool = False  # trained to be compared with: from fresh weights, whatever the run starts from
    total: int | None = None  # batches of the whole training; None: of all epochs
    rounds: int = 0  # so many of the epochs, the last ones, are told as rounds of self-training

    def steps_in(self, epoch: int) -> int:
        """Batches of an epoch: the last may be a part of one."""
        return self.steps if self.total is None else min(self.steps, self.total - epoch * self.steps)


@dataclass
class History:
    """The rows of ``metrics.csv``, and the notes of each epoch that left any."""

    rows: list[Row] = field(default_factory=list)
    notes: dict[int, Notes] = field(default_factory=dict)
    keep_best: str | None = None

    @property
    def best(self) -> Row:
        """The row of the epoch whose weights the model has at the end: the least of ``keep_best``, or the last."""
        name = self.keep_best
        return self.rows[-1] if name is None else min(self.rows, key=lambda row: float(row[name]))

    def column(self, name: str, scale: float = 1.0) -> list[float]:
        """One metric, epoch by epoch."""
        return [scale * float(row[name]) for row in self.rows]

    def of_run(self, run: int) -> History:
        """One run of several that were trained side by side."""
        return History([row for row in self.rows if row["run"] == run], self.notes, self.keep_best)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"rows": self.rows, "notes": self.notes, "keep_best": self.keep_best}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> History:
        """What :meth:`to_json` gave. Raises TypeError, ValueError or a LookupError where it is damaged."""
        for row in values["rows"]:
            if not all(isinstance(row[name], int) for name in ("run", "epoch")):
                raise ValueError("a row of its history is none")
            for name, value in row.items():
                if not isinstance(value, str if name == "task" else int | float):
                    raise ValueError(f"{name} in its history is {str(value)[:40]!r}")
        return cls(values["rows"], {int(epoch): note for epoch, note in values["notes"].items()}, values["keep_best"])


@dataclass
class RunResult:
    """What one run found: its history, its outputs, how fast it is, and the seconds it took."""

    history: History
    outputs: Outputs = field(default_factory=dict)
    speed: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)  # "train", "evaluate"
    size: dict[str, Any] = field(default_factory=dict)  # of the network: "weights", "mflop"


Results = dict[str, list[RunResult]]  # of each task, one per seed


def curves(runs: Sequence[RunResult], name: str, scale: float = 1.0) -> list[tuple[list[float], list[float]]]:
    """(epochs, values) of a metric of each run, as a figure draws them."""
    return [(run.history.column("epoch"), run.history.column(name, scale)) for run in runs]


def at_kept(runs: Sequence[RunResult], values: Sequence[float]) -> list[tuple[float, float]]:
    """(epoch, value) of each run: what was measured once, where its weights are of; as a figure draws them."""
    return [(float(run.history.best["epoch"]), float(value)) for run, value in zip(runs, values, strict=True)]


class Store(Protocol):
    """Where checkpoints, metrics and the model go; the run folder, seen from here."""

    path: Path

    def save_arrays(self, name: str, arrays: Mapping[str, np.ndarray[Any, Any]], meta: dict[str, Any]) -> None:
        """Save one file of the checkpoint, atomically."""

    def load_arrays(self, name: str) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, Any]] | None:
        """What was saved under a name, or None."""

    def restoring(self, name: str) -> AbstractContextManager[None]:
        """Within, what is wrong with what :meth:`load_arrays` gave is an error that says what to delete."""

    def has_arrays(self, name: str) -> bool:
        """Whether there is a file of that name."""

    def drop_checkpoint(self, name: str | None = None) -> None:
        """Delete one file of the checkpoint, or all."""

    def place(self, name: str, write: Callable[[Path], Any]) -> Path:
        """Write a file atomically by a writer that wants a path."""


class Progress(Protocol):
    """Hears of what happens while networks train: a live display, plain lines, or nothing."""

    def start(
        self, *, name: str, run: int, runs: int, epochs: int, steps: int, rows: list[Row], rounds: int = 0
    ) -> None:
        """Training of a task's run starts or goes on after ``rows``; the last ``rounds`` epochs are self-training."""

    def step(self, step: int) -> None:
        """``step`` batches of the epoch are done."""

    def epoch(self, row: Row) -> None:
        """An epoch is done and evaluated."""

    def stop(self) -> None:
        """Training is over, well or not."""
