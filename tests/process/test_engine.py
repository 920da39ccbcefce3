"""Many runs at once: processes here or a real Ray, one of them killed; always the weights of one process."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nnlab.commands.runs import compare
from nnlab.output.run_folder import RunFolder
from nnlab.training import parallel
from tests.conftest import ROOT, call, few_digits, start

FOUR = ("mnist", "--preset", "quick", "--net", "mlp", "--epochs", "2", "--runs", "4", "-q")


pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are read from /proc")


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """A file of 600 digits."""
    return few_digits(tmp_path_factory.mktemp("few") / "few.npz", 600, 100)


@pytest.fixture(scope="module")
def alone(tmp_path_factory, few):
    """Four seeds by one process."""
    place = tmp_path_factory.mktemp("alone")
    done = call(*FOUR, "--data", few, "--workers", "1", "--out", "run", cwd=place)
    assert done.code == 0, done.err
    return RunFolder(place / "run")


def processes(*words: str) -> list[int]:
    """The processes of this machine whose command line has all the words."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if all(word in line for word in words):
                found.append(int(entry.name))
    return found


def parent(pid: int) -> int:
    return int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])


def wait_for(condition, seconds=120):
    """Until it holds; what it gave."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s")


@pytest.mark.slow
def test_killed_worker_is_begun_again_and_two_workers_give_the_weights_of_one(alone, few, tmp_path):
    process = start(*FOUR, "--data", few, "--workers", "2", "--out", "killed-here", cwd=tmp_path)
    victim = wait_for(lambda: processes("nnlab worker", "killed-here", "mlp_ce"))[0]
    time.sleep(1)
    os.kill(victim, signal.SIGKILL)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 0, told
    assert "killed by SIGKILL, begun again" in told
    assert compare(alone, RunFolder(tmp_path / "killed-here")) == []


@pytest.mark.slow
def test_workers_end_with_their_leader(tmp_path):
    process = start(*FOUR, "--epochs", "500", "--workers", "2", "--out", "orphans", cwd=tmp_path)
    wait_for(lambda: len(processes("nnlab worker", "orphans")) == 2)
    process.kill()
    process.communicate()
    wait_for(lambda: not processes("nnlab worker", "orphans"), 30)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A real Ray of two processors on this machine."""
    pytest.importorskip("ray", reason="the extra ray is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch = pytest.MonkeyPatch()
    # What Ray asks of whoever connects; the address is one that the network sees.
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    place = tmp_path_factory.mktemp("ray")
    words = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", f"--port={port}"]
    words += ["--num-cpus=2", "--num-gpus=0", "--include-dashboard=false"]
    with open(place / "told", "w+") as told:
        head = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=told, stderr=subprocess.STDOUT)
        try:
            wait_for(lambda: head.poll() is not None or "Ray runtime started" in (place / "told").read_text())
            assert head.poll() is None, (place / "told").read_text()
            yield f"127.0.0.1:{port}"
        finally:
            head.terminate()
            head.wait(60)
            monkeypatch.undo()


@pytest.mark.slow
def test_ray_workers_one_killed_give_the_weights_of_one_process(alone, few, cluster, tmp_path):
    ray = ("--engine", "ray", "--address", cluster, "--workers", "2")
    process = start(*FOUR, "--data", few, *ray, "--out", "run", cwd=tmp_path)
    victim = wait_for(lambda: processes("nnlab worker", "nnlab-", "mlp_ce"))[0]
    time.sleep(1)
    os.kill(parent(victim), signal.SIGKILL)
    wait_for(lambda: victim not in processes("nnlab worker", "mlp_ce"), 30)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 0, told
    assert "failed" not in told
    assert compare(alone, RunFolder(tmp_path / "run")) == []


@pytest.mark.release
def test_report_on_ray_is_the_report_on_this_machine(cluster, tmp_path):
    words = ("report", "--preset", "quick", "--only", "addition,subtraction", "-q", "--out")
    for engine_name, place in (("local", "here"), ("ray", "there")):
        address = ("--address", cluster) if engine_name == "ray" else ()
        done = call(*words, place, "--engine", engine_name, "--workers", "2", *address, cwd=tmp_path)
        assert done.code == 0, done.err
    for part in ("addition", "subtraction"):
        here, there = (RunFolder(tmp_path / place / "runs" / part) for place in ("here", "there"))
        assert compare(here, there) == []
        assert there.read_json("results.json")["run"] == f"there/runs/{part}"
        assert here.artifacts == there.artifacts


def test_ray_that_cannot_be_had(nnlab, monkeypatch):
    done = nnlab("arith", "--address", "10.0.0.1:6379")
    assert done.code == 2
    assert "without --engine ray" in done.err
    done = nnlab("arith", "--engine", "ray", "--address", "127.0.0.1:9", "--preset", "quick")
    assert done.code == 2
    assert "expected a Ray cluster at 127.0.0.1:9" in done.err
    monkeypatch.setitem(sys.modules, "ray", None)
    done = nnlab("arith", "--engine", "ray", "--preset", "quick")
    assert done.code == 2
    assert "needs Ray, which is not installed" in done.err
    assert "ray" in done.err.partition("not installed")[2]


def test_job_that_fails_says_why(tmp_path):
    job = parallel.Job("x", ("arith", "--epochs", "0", "--out", parallel.FOLDER), tmp_path)
    told = []
    ((ended_job, ended),) = parallel.Local(2).run([job], lambda job, event: told.append(event["event"]))
    assert ended_job is job
    assert ended.code == 2
    assert "--epochs" in ended.error
    assert told == ["process"]
