"""``--minutes N``: a budget of training time becomes a number of steps, before training begins.

The steps are timed by workers as many as will train at once, on the run's own data and networks, and written into the
record: the learning rate falls over just these steps, and the run repeats to the bit afterwards on any machine.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlab.commands.parent import adopt
from nnlab.config import Config
from nnlab.errors import NnlabError, UsageError
from nnlab.output.run_folder import RunFolder
from nnlab.training.parallel import FOLDER, Engine, Event, Job

if TYPE_CHECKING:
    from nnlab.experiments import Loaded


def with_steps(name: str, loaded: Loaded[Any, Any], source: Mapping[str, Any], engine: Engine, device: str) -> Config:
    """The config with the steps of each network that its minutes come to.

    UsageError where they are too few for a single step.
    """
    config: Config = loaded.config
    assert config.minutes is not None
    with tempfile.TemporaryDirectory(prefix="nnlab-timing-") as place:
        folder = RunFolder.create(name, Path(place) / "timed")
        if config.inherited is not None:
            adopt(folder, config.inherited)
        folder.write_json("data.json", dict(source))
        if loaded.preprocessing:
            folder.write_json("preprocessing.json", dict(loaded.preprocessing))
        folder.write_config(name, config.record())
        at_once = min(engine.workers, config.runs)
        timed = _time(folder, engine, at_once, "", device, {})
        for task, event in list(timed.items()):
            if event["seconds"] is None:
                own = {"TF_NUM_INTRAOP_THREADS": str(event["threads"])}
                timed |= _time(folder, engine, at_once, task, device, own)
    steps = {task: int(60 * config.minutes * event["networks"] / event["seconds"]) for task, event in timed.items()}
    if short := [task for task, count in steps.items() if count < 1]:
        slowest = max(timed[task]["seconds"] / timed[task]["networks"] for task in short)
        raise UsageError(
            f"expected --minutes for one step at least, a step takes {slowest:.2g} s", "Give more --minutes"
        )
    epochs = max(-(-steps[task] // event["steps"]) for task, event in timed.items())
    return config.resolved(steps=steps, epochs=epochs)


def _time(
    folder: RunFolder, engine: Engine, at_once: int, task: str, device: str, environment: Mapping[str, str]
) -> dict[str, Event]:
    """The slowest of what the workers timed of each task. NnlabError where one failed."""
    found: dict[str, Event] = {}

    def hear(job: Job, event: Event) -> None:
        if event["event"] == "timed":
            before = found.get(event["task"])
            if before is None or (before["seconds"] or 0) < (event["seconds"] or 0):
                found[event["task"]] = event

    words = ("worker", FOLDER, "--task", task, "--runs", "0", "--device", device, "--time")
    jobs = [Job(f"timing {number + 1}", words, folder.path, environment) for number in range(at_once)]
    for _, ended in engine.run(jobs, hear):
        if ended.code:
            raise NnlabError(f"a step of training could not be timed: {ended.error}", "Give --epochs instead")
    return found
