"""Engines: many jobs at once, each a command line of nnlab in a process of its own.

A :class:`Job` is the words of a command line and the folder it works in. :class:`Local` starts it as a process on
this machine; :mod:`nnlab.training.ray` ships the folder to a worker of a cluster and starts the very same process
there, so like machines give the same bits. A process that is killed from outside is begun again, twice at most.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from nnlab.errors import ExitCode
from nnlab.training import signals

MEMORY = 2.0  # GB a job may take
CORES = 2  # a job keeps busy
GPU_MEMORY = 2.5  # GiB of a GPU's memory per job: five of ten CNNs each took 10.3 on an H200, nine autoencoders 9.3
ON_A_GPU = 3  # jobs at once on a GPU whose memory is not known
RETRIES = 2  # of a process or a worker that was lost
FOLDER = "{folder}"  # stands for the job's folder in its words
PARENT = "NNLAB_PARENT"  # environment variable of a job: the process that started it

Event = dict[str, Any]
Tell = Callable[["Job", Event], None]


@dataclass(frozen=True)
class Job:
    """``nnlab WORDS`` at work in a folder; ``{folder}`` in the words stands for it."""

    name: str
    words: tuple[str, ...]
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


def most_workers(*, gpu: float | None = None) -> int:
    """Jobs at once on this machine: two cores each, and as many as fit into memory, also that of a GPU they share.

    ``gpu``: its GiB, 0 where that is not known, None where there is none.
    """
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError, AttributeError):
        memory = MEMORY
    most = max(1, min((os.cpu_count() or 1) // CORES, int(memory / MEMORY)))
    if gpu is None:
        return most
    return min(most, max(1, int(gpu / GPU_MEMORY)) if gpu else ON_A_GPU)


# ---- one process -------------------------------------------------------------------------------------


class Processes:
    """The processes at work, so that all can be asked to end."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[str]] = []
        self._over = False

    def run(self, job: Job, folder: Path, tell: Tell, environment: Mapping[str, str]) -> Ended:
        """Run a job's process to its end, in ``folder``; begun again where it is killed from outside."""
        command = [sys.executable, "-m", "nnlab", *(word.replace(FOLDER, str(folder)) for word in job.words)]
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
                env={**environment, **job.environment, "PYTHONUTF8": "1", PARENT: str(os.getpid())},
            )
            self._running.append(process)
            assert process.stdout is not None
            tell(job, {"event": "process", "pid": process.pid})
            for line in process.stdout:
                if line.startswith('{"event"') and line.endswith("\n"):  # else it was killed as it wrote
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


def end_with_parent() -> None:
    """End this process with the one that started it as a job; else it would go on for nobody.

    On Linux it gets SIGTERM when the parent is killed. Other processes are left alone.
    """
    parent = os.environ.pop(PARENT, "")
    if parent and sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        if str(os.getppid()) != parent:
            raise SystemExit(int(ExitCode.INTERRUPTED))


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
