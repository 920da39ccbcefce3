"""``nnlab worker`` (hidden): train some of a run's seeds, for a run that is led by another process.

It loads the data and the tasks of the run folder's config, trains the runs it is told and leaves their results in the
folder's checkpoint, where the leading process (or the same run, resumed) finds them. Events go to stdout as JSON lines.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nnlab.commands.outcome import Outcome, run_command
from nnlab.commands.parent import starter, with_parent
from nnlab.commands.train import check_same_data, config_of
from nnlab.errors import ExitCode, UsageError
from nnlab.experiments import entry
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal


class EventLines:
    """The progress of a worker: events as JSON lines on stdout, for the leader's display."""

    def start(self, **told: Any) -> None:
        """Training of a run starts or goes on."""
        self._write("start", **told)

    def step(self, step: int) -> None:
        """``step`` batches of the epoch are done."""
        self._write("step", step=step)

    def epoch(self, row: dict[str, Any]) -> None:
        """An epoch is done and evaluated."""
        self._write("epoch", row=row)

    def stop(self) -> None:
        """Nothing to take away."""

    def _write(self, event: str, **told: Any) -> None:
        sys.stdout.write(json.dumps({"event": event, **told}) + "\n")
        sys.stdout.flush()


def work(path: Path, task_name: str, firsts: Sequence[int], *, device: str, benchmark: bool) -> ExitCode:
    """Train the groups of runs of a task that begin with ``firsts``; an error is one line on stderr."""

    def train_runs(terminal: Terminal) -> Outcome:
        _train(path, task_name, firsts, device=device, benchmark=benchmark)
        return Outcome()

    return run_command("worker", train_runs, json=False)


def _train(path: Path, task_name: str, firsts: Sequence[int], *, device: str, benchmark: bool) -> None:
    folder = RunFolder.open(path)
    config = with_parent(folder, config_of(folder))
    experiment = entry(folder.command).experiment(config)
    loaded = experiment.load(config)
    check_same_data(folder, folder.read_json("data.json"), loaded.source)
    from nnlab import backend

    backend.start(device, many_shapes=loaded.many_shapes)
    from nnlab.training.repeat import train_groups

    tasks = {task.name: task for task in experiment.tasks(loaded.config, loaded.data)}
    if task_name not in tasks:
        raise UsageError(f"expected a task among {', '.join(tasks)}, got {task_name!r}", "This command is nnlab's own")
    seeds = loaded.config.seeds
    progress = EventLines()
    for _ in train_groups(
        tasks[task_name],
        seeds,
        folder,
        lambda rows: None,
        progress,
        benchmark=benchmark,
        only=firsts,
        start=starter(loaded.config),
    ):
        pass
