"""``nnlab worker`` (hidden): train some of a run's seeds, for a run that is led by another process.

It loads the data and the tasks of the run folder's config, trains the runs it is told and leaves their results in the
folder's checkpoint, where the leading process (or the same run, resumed) finds them. Events go to stdout as JSON lines.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlab.commands.outcome import Outcome, run_command
from nnlab.commands.parent import starter, with_parent
from nnlab.commands.record import check_same_data, config_of, read_data
from nnlab.config import Config
from nnlab.errors import ExitCode, UsageError
from nnlab.experiments import entry
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal

if TYPE_CHECKING:
    from nnlab.training.task import Task


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


def work(
    path: Path, task_name: str, firsts: Sequence[int], *, device: str, benchmark: bool, time: bool = False
) -> ExitCode:
    """Train the groups of runs of a task that begin with ``firsts``; an error is one line on stderr.

    ``time``: time a step of the task, or of each, instead.
    """

    def train_runs(terminal: Terminal) -> Outcome:
        config, tasks, folder = _opened(path, device)
        if time:
            _time(tasks, task_name, config.seeds)
        else:
            _train(config, tasks, folder, task_name, firsts, benchmark=benchmark)
        return Outcome()

    return run_command("worker", train_runs, json=False)


def _opened(path: Path, device: str) -> tuple[Config, dict[str, Task], RunFolder]:
    """(config, tasks by name, folder) of a run; the backend has been started."""
    folder = RunFolder.open(path)
    config = with_parent(folder, config_of(folder))
    registered = entry(folder.command)
    experiment = registered.experiment(config)
    source = folder.source
    loaded = read_data(folder.command, config, source)
    check_same_data(folder.path, source, loaded.source)
    from nnlab import backend

    backend.start(device, onednn=registered.onednn)
    tasks = {task.name: task for task in experiment.tasks(loaded.config, loaded.data)}
    return loaded.config, tasks, folder


def _train(
    config: Config,
    tasks: Mapping[str, Task],
    folder: RunFolder,
    task_name: str,
    firsts: Sequence[int],
    *,
    benchmark: bool,
) -> None:
    from nnlab.training.repeat import train_groups

    if task_name not in tasks:
        raise UsageError(f"expected a task among {', '.join(tasks)}, got {task_name!r}", "This command is nnlab's own")
    for _ in train_groups(
        tasks[task_name],
        config.seeds,
        folder,
        lambda rows: None,
        EventLines(),
        benchmark=benchmark,
        only=firsts,
        start=starter(config),
    ):
        pass


def _time(tasks: Mapping[str, Task], task_name: str, seeds: Sequence[int]) -> None:
    """Tell how long a step of each task takes; of one that wants other threads only that, unless it is asked for."""
    from nnlab.training.loop import Networks
    from nnlab.training.repeat import group_size
    from nnlab.training.timing import seconds_per_step

    for name, task in tasks.items():
        if (task_name and name != task_name) or task.is_baseline:
            continue
        size = group_size(task, len(seeds))
        elsewhere = task.threads is not None and not task_name
        seconds = None if elsewhere else seconds_per_step(Networks(task), seeds[:size])
        told = {"task": name, "seconds": seconds, "networks": size, "steps": task.steps, "threads": task.threads}
        sys.stdout.write(json.dumps({"event": "timed", **told}) + "\n")
        sys.stdout.flush()
