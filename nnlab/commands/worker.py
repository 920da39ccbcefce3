"""A shard: some of a run's seeds, trained by a process of its own for a run that is led by another.

``python -m nnlab.commands.worker FOLDER NAME RUN,RUN,… DEVICE`` builds the experiment from ``config.json``, trains
the runs it is told and leaves their outcomes in the folder's checkpoint, where the leading process (or the
same run, resumed) finds them. It prints what it does as JSON lines.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlab.commands.train import Bench, Edge, experiment
from nnlab.errors import describe
from nnlab.output.run_folder import CHECKPOINT, RunFolder
from nnlab.output.terminal import Terminal
from nnlab.training import signals

if TYPE_CHECKING:
    from nnlab.training.loop import Row
    from nnlab.training.repeat import Outcome


class Done(Exception):  # not an error: the shard has what it came for
    """Ends the experiment once the shard's runs are trained."""


class ShardFolder(RunFolder):
    """The run folder as a shard may write it: outcomes, checkpoints and the model; the rest is the leader's."""

    def place(self, name: str, write: Callable[[Path], Any]) -> Path:
        """Write a file if it is a shard's to write."""
        if name.startswith(f"{CHECKPOINT}/") or name == "model.keras":
            return super().place(name, write)
        return self.path / name


class Shard(Bench):
    """The bench of a shard: of one repetition it trains the groups it is told, of others nothing."""

    def __init__(self, folder: ShardFolder, name: str, firsts: Sequence[int], device: str) -> None:
        super().__init__(folder, Terminal(json=True, verbosity=-1), Edge(device=device))
        self._name, self._firsts = name, firsts

    @property
    def watch(self) -> Any:
        """Prints what happens as JSON lines."""
        return Teller()

    def record(self, rows: list[Row]) -> None:
        """``metrics.csv`` is the leader's."""

    def repeat(
        self,
        seeds: Sequence[int],
        train: Callable[[int, Sequence[int]], list[Outcome]],
        *,
        at_once: int = 1,
        name: str = "",
        threads: int | None = None,
    ) -> list[Outcome]:
        """Train this shard's groups of the repetition, and end."""
        from nnlab.training.repeat import repeat

        if name != self._name:
            return []
        repeat(seeds, train, self.folder, lambda outcome: None, at_once=at_once, name=name, only=self._firsts)
        raise Done


class Teller:
    """The watch of a shard: events on stdout, for the leader's display."""

    def start(self, **told: Any) -> None:
        """Training of a run starts or goes on."""
        self._tell("start", **told)

    def step(self, step: int) -> None:
        """``step`` batches of the epoch are done."""
        self._tell("step", step=step)

    def epoch(self, row: Row) -> None:
        """An epoch is done and measured."""
        self._tell("epoch", row=row)

    def stop(self) -> None:
        """Nothing to take away."""

    def _tell(self, event: str, **told: Any) -> None:
        sys.stdout.write(json.dumps({"event": event, **told}) + "\n")
        sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    """Train a shard; its exit code, with the error in one line on stderr."""
    path, name, firsts, device = arguments
    try:
        with signals.heeded():
            folder = ShardFolder.open(Path(path))
            module = experiment(folder.command)
            bench = Shard(folder, name, [int(first) for first in firsts.split(",")], device)
            module.run(module.CONFIG.from_record(folder.config), bench)
        raise AssertionError(f"no repetition is called {name!r}")
    except Done:
        return 0
    except (Exception, KeyboardInterrupt) as error:
        told = describe(error)
        Terminal().error(told)
        return int(told.exit_code)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
