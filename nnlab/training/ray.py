"""An engine on a Ray cluster: the same processes as on this machine, each in a folder that is shipped and brought back.

Found only with the extra ``ray``; whatever Ray does not start here is told as a UsageError.
"""

from __future__ import annotations

import logging
import os
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import nnlab
from nnlab.config import path_of
from nnlab.errors import UsageError, install_hint
from nnlab.training import signals
from nnlab.training.parallel import CORES, RETRIES, Ended, Event, Job, Processes, Tell

CARRIED = ("NNLAB_", "KERAS_", "TF_", "XLA_", "JAX_", "OPENBLAS_")  # environment variables a worker is given too


class Ray:
    """The workers of a Ray cluster: that at ``address``, the one ``RAY_ADDRESS`` names, or a new one here."""

    def __init__(self, address: str | None, workers: int | None) -> None:
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # else `uv run` makes each worker a new venv
        if address and path_of("~/.ray/auth_token").is_file():
            os.environ.setdefault("RAY_AUTH_MODE", "token")  # what `ray start` does, and ray.init(address) does not
        try:
            import ray
        except ImportError as error:
            raise UsageError(
                "--engine ray needs Ray, which is not installed", f"Install the extra: {install_hint('ray')}"
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
        for name in ("NNLAB_DATA", "NNLAB_CACHE", "KERAS_HOME"):
            if carried.get(name):
                carried[name] = str(path_of(carried[name]).resolve())
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
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        part.write_bytes(content)
        os.replace(part, target)
