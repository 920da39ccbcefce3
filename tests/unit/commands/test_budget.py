"""How ``--minutes`` are timed, with workers that only say so."""

from __future__ import annotations

import pytest

from nnlab.commands.budget import _time
from nnlab.errors import NnlabError
from nnlab.output.run_folder import RunFolder
from nnlab.training.parallel import Ended


class Timers:
    """An engine whose workers tell what they were given to tell."""

    workers = 2

    def __init__(self, told, code=0):
        self.told, self.code, self.jobs = told, code, []

    def run(self, jobs, hear):
        self.jobs = list(jobs)
        for job, seconds in zip(jobs, self.told, strict=True):
            for task, each in seconds.items():
                hear(job, {"event": "timed", "task": task, "seconds": each, "networks": 1, "steps": 10})
            hear(job, {"event": "step", "step": 1})
            yield job, Ended(self.code, "no memory")


def timed(folder, told, **known):
    return _time(RunFolder(folder), Timers(told, **known), len(told), "", "cpu", {})


@pytest.mark.parametrize(
    "told", [[{"a": 0.1, "b": 0.4}, {"a": 0.3, "b": 0.2}], [{"a": 0.3, "b": 0.2}, {"a": 0.1, "b": 0.4}]]
)
def test_the_slowest_of_the_workers_counts(tmp_path, told):
    assert {task: event["seconds"] for task, event in timed(tmp_path, told).items()} == {"a": 0.3, "b": 0.4}


@pytest.mark.parametrize("told", [[{"a": None}, {"a": 0.2}], [{"a": 0.2}, {"a": None}], [{"a": None}, {"a": None}]])
def test_a_worker_that_could_not_time_it_does_not_count_beside_one_that_could(tmp_path, told):
    assert timed(tmp_path, told)["a"]["seconds"] == (0.2 if {"a": 0.2} in told else None)


def test_a_worker_that_failed_is_told(tmp_path):
    with pytest.raises(NnlabError, match="could not be timed: no memory"):
        timed(tmp_path, [{"a": 0.1}], code=1)
