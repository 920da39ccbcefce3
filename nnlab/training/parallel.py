"""Engines: many jobs at once, each a command in a process of its own, here or on a Ray cluster.

A :class:`Job` is a Python module, its arguments and the folder it works in. :class:`Local` starts it as a
process on this machine. :class:`Ray` ships the folder to a worker, starts the very same process there, and
brings back what the folder holds then; so like machines give the same bits. A process that is killed from
outside is begun again, twice at most.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import nnlab
from nnlab.errors import ExitCode, UsageError
from nnlab.training import signals

MEMORY = 2.0  # GB a job may take
CORES = 2  # a job keeps busy
RETRIES = 2  # of a process or a worker that was lost
FOLDER = "{folder}"  # stands for the job's folder in its arguments
CARRIED = ("NNLAB_", "KERAS_", "TF_", "XLA_", "JAX_")  # environment variables a Ray worker is given too

Event = dict[str, Any]
Tell = Callable[["Job", Event], None]


@dataclass(frozen=True)
class Job:
    """``python -m MODULE ARGUMENTS`` at work in a folder; ``{folder}`` in the arguments stands for it."""

    name: str
    module: str
    arguments: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)  # on top of the leading process's


@dataclass(frozen=True)
class Ended:
    """How a job's process ended: its exit code (negative: killed by that signal) and its last error line."""

    code: int
    error: str = ""


class Engine(Protocol):
    """Runs jobs, some at once."""

    workers: int

    def run(self, jobs: Sequence[Job], tell: Tell) -> Iterator[tuple[Job, Ended]]:
        """Run the jobs; each with its end as it ends. ``tell`` hears of every event a job prints as JSON."""


def engine_for(name: str, address: str | None, workers: int | None) -> Engine:
    """``local`` or ``ray``. UsageError where Ray cannot be had."""
    if name == "ray":
        return Ray(address, workers)
    return Local(workers or most_workers())


def most_workers() -> int:
    """Jobs at once on this machine: two cores each, and as many as fit into memory."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError, AttributeError):
        memory = MEMORY
    return max(1, min((os.cpu_count() or 1) // CORES, int(memory / MEMORY)))


# ---- one process -------------------------------------------------------------------------------------


class Processes:
    """The processes at work, so that all can be asked to end."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[str]] = []
        self._over = False

    def run(self, job: Job, folder: Path, tell: Tell, environment: Mapping[str, str]) -> Ended:
        """Run a job's process to its end, in ``folder``; begun again where it is killed from outside."""
        words = [word.replace(FOLDER, str(folder)) for word in job.arguments]
        command = [sys.executable, "-m", "nnlab.training.parallel", str(os.getpid()), job.module, *words]
        ended = Ended(ExitCode.INTERRUPTED, "interrupted")
        for attempt in range(RETRIES + 1):
            if self._over:
                break
            ended = self._once(command, job, tell, environment)
            if ended.code >= 0 or self._over:
                break
            why = f"its process was killed by {_signal_name(-ended.code)}"
            ended = Ended(ended.code, why)
            if attempt < RETRIES:
                tell(job, {"event": "lost", "why": why})
        return ended

    def _once(self, command: Sequence[str], job: Job, tell: Tell, environment: Mapping[str, str]) -> Ended:
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:  # a pipe could fill up
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                encoding="utf-8",
                errors="replace",
                env={**environment, **job.environment, "PYTHONUTF8": "1"},
            )
            self._running.append(process)
            assert process.stdout is not None
            tell(job, {"event": "process", "pid": process.pid})
            for line in process.stdout:
                if line.startswith('{"event"'):
                    tell(job, json.loads(line))
            process.stdout.close()
            code = process.wait()
            self._running.remove(process)
            said.seek(0)
            lines = said.read().splitlines()
        errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        return Ended(code, errors[-1] if errors else f"exit code {code}" if code else "")

    def stop(self) -> None:
        """Ask the processes to end as Ctrl-C does: their checkpoints stay."""
        self._over = True
        for process in list(self._running):
            with suppress(OSError):
                process.terminate()


def _child(parent: int, module: str, arguments: Sequence[str]) -> None:
    """What a process of :class:`Processes` does: run a module as if by ``python -m``, for as long as it has a parent.

    On Linux it gets SIGTERM when the parent is killed; else it would go on for nobody.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            raise SystemExit(ExitCode.INTERRUPTED)
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


# ---- this machine ------------------------------------------------------------------------------------


class Local:
    """Processes on this machine, ``workers`` at once; jobs share the run folder on its disk."""

    def __init__(self, workers: int) -> None:
        self.workers = max(1, workers)

    def run(self, jobs: Sequence[Job], tell: Tell) -> Iterator[tuple[Job, Ended]]:
        """Run the jobs; interrupted, they are asked to end before the interrupt goes on."""
        processes = Processes()
        # The thread that starts a process must outlive it (the kernel's signal at a parent's end is the thread's).
        pool = ThreadPoolExecutor(self.workers)
        waiting: dict[Future[Ended], Job] = {
            pool.submit(processes.run, job, job.folder, tell, dict(os.environ)): job for job in jobs
        }
        try:
            while waiting:
                signals.check()
                done, _ = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in done:
                    yield waiting.pop(future), future.result()
        except BaseException:
            processes.stop()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


# ---- a Ray cluster -----------------------------------------------------------------------------------


class Ray:
    """The workers of a Ray cluster: that at ``address``, the one ``RAY_ADDRESS`` names, or a new one here."""

    def __init__(self, address: str | None, workers: int | None) -> None:
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # else `uv run` makes each worker a new venv
        if address and Path("~/.ray/auth_token").expanduser().is_file():
            os.environ.setdefault("RAY_AUTH_MODE", "token")  # what `ray start` does, and ray.init(address) does not
        try:
            import ray
        except ImportError as error:
            raise UsageError(
                "--engine ray needs Ray, which is not installed", "Install the extra: pip install 'nnlab[ray]'"
            ) from error
        self._ray = ray
        place = address or os.environ.get("RAY_ADDRESS") or "local"
        hint = "Start one with: ray start --head, or leave out --address"
        _reach(place, hint)
        own: dict[str, Any] = {"include_dashboard": False} if place == "local" else {}
        if place == "local" and workers:
            own["num_cpus"] = max(workers, os.cpu_count() or 1)
        try:
            ray.init(place, log_to_driver=False, logging_level=logging.ERROR, ignore_reinit_error=True, **own)
        except (ConnectionError, RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise UsageError(
                f"expected a Ray cluster at {place}: {reason}",
                "Start one with: ray start --head, or leave out --address",
            ) from error
        has = ray.cluster_resources()  # type: ignore[no-untyped-call]
        self._gpus = int(has.get("GPU", 0))
        processors = int(has.get("CPU", 1))
        self.workers = workers or self._gpus or max(1, processors // CORES)
        self._processors = max(1, min(CORES, processors // self.workers))

    def run(self, jobs: Sequence[Job], tell: Tell) -> Iterator[tuple[Job, Ended]]:
        """Run the jobs on the workers; a worker that is lost is replaced, and its job begun again there."""
        ray = self._ray
        board = ray.remote(num_cpus=0)(_Board).remote()
        task = ray.remote(max_retries=RETRIES, max_calls=1)(_work).options(
            num_cpus=self._processors, num_gpus=1 if self._gpus else 0
        )
        carried = {name: value for name, value in os.environ.items() if name.startswith(CARRIED)}
        for name in ("NNLAB_DATA", "KERAS_HOME"):
            if carried.get(name):
                carried[name] = str(Path(carried[name]).expanduser().resolve())
        by_name = {job.name: job for job in jobs}
        left = list(jobs)
        waiting: dict[Any, Job] = {}
        try:
            while left or waiting:
                while left and len(waiting) < self.workers:
                    job = left.pop(0)
                    waiting[task.remote(job, packed(job.folder), carried, nnlab.__version__, board)] = job
                signals.check()
                done, _ = ray.wait(list(waiting), num_returns=1, timeout=0.3)
                for name, event in ray.get(board.drain.remote()):
                    tell(by_name[name], event)
                for reference in done:
                    job = waiting.pop(reference)
                    yield job, self._received(job, reference)
        finally:
            for reference in waiting:
                ray.cancel(reference, force=True)
            ray.kill(board)

    def _received(self, job: Job, reference: Any) -> Ended:
        try:
            ended, files = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            return Ended(1, f"Ray: {' '.join(str(error).split())[:200]}")
        unpack(files, job.folder)
        return Ended(*ended)


def _reach(place: str, hint: str) -> None:
    """UsageError where nobody listens at ``HOST:PORT``; Ray itself would try for minutes."""
    host, _, port = place.rpartition("/")[2].rpartition(":")
    if not (host and port.isdigit()):
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"expected a Ray cluster at {place}: {reason}", hint) from error


class _Board:
    """A Ray actor: what the jobs tell, until the driver fetches it."""

    def __init__(self) -> None:
        self._events: list[tuple[str, Event]] = []

    def put(self, name: str, event: Event) -> None:
        """Hear of an event."""
        self._events.append((name, event))

    def drain(self) -> list[tuple[str, Event]]:
        """What was heard since the last call."""
        events, self._events = self._events, []
        return events


def _work(
    job: Job, files: dict[str, bytes], carried: dict[str, str], version: str, board: Any
) -> tuple[tuple[int, str], dict[str, bytes]]:
    """On a Ray worker: the job's process in a folder of this machine; how it ended, and what it left."""
    if nnlab.__version__ != version:
        return (1, f"this worker has nnlab {nnlab.__version__}, expected {version}"), {}
    own = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_NUM_THREADS", *CARRIED))}
    told = [time.monotonic() - 1]

    def tell(job: Job, event: Event) -> None:
        if event["event"] != "step" or time.monotonic() - told[0] > 0.3:
            told[0] = time.monotonic()
            board.put.remote(job.name, event)

    with tempfile.TemporaryDirectory(prefix="nnlab-") as place:
        unpack(files, Path(place))
        began = time.time()
        ended = Processes().run(job, Path(place), tell, {**own, **carried})
        return (ended.code, ended.error), packed(Path(place), since=began)


def packed(folder: Path, since: float = 0.0) -> dict[str, bytes]:
    """The files of a folder, those written ``since``, by their place in it; not locks, nor half-written ones."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in files if path.stat().st_mtime >= since - 1
    }


def unpack(files: Mapping[str, bytes], folder: Path) -> None:
    """Write what :func:`packed` read, each file at once or not at all."""
    from nnlab.output.run_folder import RunFolder

    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        RunFolder(folder).write(name, content)


if __name__ == "__main__":
    _child(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
