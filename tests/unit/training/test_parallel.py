"""How many jobs go on at once."""

from __future__ import annotations

import os
import sys

import pytest

from nnlab.training import parallel
from nnlab.training.parallel import most_workers


@pytest.mark.parametrize(
    ("cores", "gigabytes", "gpu", "expected"),
    [
        (16, 128, None, 8),
        (16, 5, None, 2),
        (2, 24, None, 1),
        (1, 1, None, 1),
        (16, 128, 140.0, 8),
        (16, 128, 8.0, 3),
        (16, 128, 1.5, 1),
        (16, 5, 140.0, 2),
        (16, 128, 0.0, 3),
        (4, 24, 0.0, 2),
    ],
)
def test_jobs_fit_cores_memory_and_a_gpu(monkeypatch, cores, gigabytes, gpu, expected):
    pages = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": gigabytes * 2**18}
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(os, "sysconf", pages.__getitem__)
    assert most_workers(gpu=gpu) == expected


KILLED_AS_IT_WRITES = """
import os, pathlib, sys
begun = pathlib.Path("begun")
if not begun.exists():
    begun.touch()
    sys.stdout.write('{"event": "start", "rows": [{')
    sys.stdout.flush()
    os.kill(os.getpid(), 9)
print('{"event": "end"}')
"""


def test_a_process_that_is_killed_as_it_writes_is_begun_again(tmp_path, monkeypatch):
    """A line that is not whole is no event, and no defect."""
    script = tmp_path / "process.py"
    script.write_text(KILLED_AS_IT_WRITES)
    monkeypatch.chdir(tmp_path)
    once = parallel.Processes._once
    monkeypatch.setattr(
        parallel.Processes, "_once", lambda self, command, *rest: once(self, [sys.executable, str(script)], *rest)
    )
    told = []
    job = parallel.Job("x", ("arith",), tmp_path)
    ended = parallel.Processes().run(job, tmp_path, lambda job, event: told.append(event["event"]), {})
    assert (ended.code, told) == (0, ["process", "lost", "process", "end"])
