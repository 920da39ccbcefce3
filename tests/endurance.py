"""Kill, interrupt and starve runs at random instants; each must come to the bits of a run left alone.

Not collected by pytest, where one trial per mechanism stands (``tests/process/``): this one takes an hour on two
cores. Before a release::

    python -m tests.endurance --kills 40 --two-workers 40 --signals 35 --disks 25 --workers 10 --ray 5

One line per trial on stdout, a count at the end; exit code 1 where one failed. ``--seed`` gives other instants.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from nnlab.commands.runs import compare
from nnlab.output.run_folder import RunFolder
from tests.conftest import ROOT, Result, call, start
from tests.process.test_engine import parent, processes, wait_for

ARITH = ("arith", "--preset", "quick", "--samples", "2000", "--runs", "2", "--workers", "1", "--epochs", "5")
MNIST = ("mnist", "--preset", "quick", "--net", "mlp", "--epochs", "2", "--runs", "4", "--workers", "2", "-q")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Trial = Callable[[Path, random.Random], str]


class Failed(Exception):
    """A trial did not end as it should."""


def expect(holds: bool, told: str) -> None:
    """Raise Failed with what was seen, where something does not hold."""
    if not holds:
        raise Failed(told)


class Whole:
    """A run left alone, and how long it took."""

    def __init__(self, arguments: Sequence[str], place: Path) -> None:
        self.arguments = arguments
        begun = time.monotonic()
        done = call(*arguments, "--out", "whole", cwd=place)
        self.seconds = time.monotonic() - begun
        expect(done.code == 0, done.err)
        self.folder = RunFolder(place / "whole")

    def finish(self, place: Path, run: str = "run") -> None:
        """Go on with a run, or begin it again where nothing was recorded; Failed unless the bits are the same."""
        again = (place / run / "config.json").exists()
        done = call(*([self.arguments[0], "--resume", run] if again else [*self.arguments, "--out", run]), cwd=place)
        expect(done.code == 0, done.err)
        differences = compare(self.folder, RunFolder(place / run))
        expect(not differences, "; ".join(differences))
        expect(not (place / run / "checkpoint").exists(), "the checkpoint was left")


def stopped_at(whole: Whole, place: Path, instant: float, number: int) -> Result | None:
    """Start the run and send it a signal ``instant`` seconds later; how it ended, None if it was done before."""
    process = start(*whole.arguments, "--out", "run", cwd=place)
    early = False
    try:
        out, err = process.communicate(timeout=instant)
        early = True
    except subprocess.TimeoutExpired:
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
    return None if early else Result(process.returncode, out, err)


def killed(whole: Whole) -> Trial:
    """``kill -9`` at a random instant, from the start of Python to the last file."""

    def trial(place: Path, chance: random.Random) -> str:
        instant = chance.uniform(0.1, 1.02) * whole.seconds
        ended = stopped_at(whole, place, instant, signal.SIGKILL)
        wait_for(lambda: not processes("nnlab worker", str(place)), 30)
        whole.finish(place)
        return f"kill -9 after {instant:5.2f} s{'' if ended else ' (done before)'}"

    return trial


def interrupted(whole: Whole) -> Trial:
    """SIGINT, SIGTERM or SIGHUP at a random instant: exit code 130, the line to resume, no traceback."""

    def trial(place: Path, chance: random.Random) -> str:
        number = chance.choice(SIGNALS)
        instant = chance.uniform(0.1, 1.02) * whole.seconds
        ended = stopped_at(whole, place, instant, number)
        if ended is not None and ended.code != 0:  # 0: it came while the process was ending
            expect(ended.code in (130, -number), f"exit code {ended.code}: {ended.err}")
            expect("Traceback" not in ended.err or ended.code == -number, ended.err)
            if (place / "run" / "config.json").exists() and "saved in run" not in ended.err:
                expect("--resume run" in ended.err, ended.err)
        whole.finish(place)
        code = "done before" if ended is None else f"exit {ended.code}"
        return f"{signal.Signals(number).name} after {instant:5.2f} s: {code}"

    return trial


def starved(whole: Whole) -> Trial:
    """A disk of a random size: exit code 4 with the line to resume, or a whole run; no half file."""

    def trial(place: Path, chance: random.Random) -> str:
        disk = place / "disk"
        disk.mkdir()
        size = int(2 ** chance.uniform(3, 11.3))  # kB: 8 to 2,500
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", disk], check=True)
        try:
            done = call(*whole.arguments, "--out", "disk/run", cwd=place)
            expect(done.code in (0, 4), f"exit code {done.code}: {done.err}")
            expect("Traceback" not in done.err, done.err)
            subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
            whole.finish(place, "disk/run")
        finally:
            subprocess.run(["umount", "-l", disk], check=False)
        return f"a disk of {size:,} kB: exit {done.code}"

    return trial


def worker_killed(whole: Whole) -> Trial:
    """A worker process is killed: its seeds are begun again."""

    def trial(place: Path, chance: random.Random) -> str:
        process = start(*whole.arguments, "--out", "run-here", cwd=place)
        victim = wait_for(lambda: processes("nnlab worker", "run-here") or process.poll() is not None)
        wait = chance.uniform(0, 3)
        time.sleep(wait)
        if isinstance(victim, list):
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(victim), signal.SIGKILL)
        _, told = process.communicate(timeout=300)
        expect(process.returncode == 0, told)
        expect(not compare(whole.folder, RunFolder(place / "run-here")), "other bits")
        return f"worker killed {wait:.2f} s after it began{'' if 'SIGKILL' in told else ' (done before)'}"

    return trial


def ray_worker_killed(whole: Whole, address: str) -> Trial:
    """A worker of a real Ray is killed."""

    def trial(place: Path, chance: random.Random) -> str:
        words = [word for word in whole.arguments if word != "-q"]
        process = start(*words, "--engine", "ray", "--address", address, "--out", "run", cwd=place)
        victim = wait_for(lambda: processes("nnlab worker", "nnlab-", "mlp_ce") or process.poll() is not None)
        wait = chance.uniform(0, 3)
        time.sleep(wait)
        if isinstance(victim, list):
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                os.kill(parent(chance.choice(victim)), signal.SIGKILL)
        _, told = process.communicate(timeout=300)
        expect(process.returncode == 0, told)
        expect(not compare(whole.folder, RunFolder(place / "run")), "other bits")
        return f"Ray's worker killed {wait:.2f} s after it began"

    return trial


@contextlib.contextmanager
def ray_cluster() -> Iterator[str]:
    """The address of a real Ray of two processors on this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ |= {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONPATH": str(ROOT),
    }
    words = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", f"--port={port}"]
    words += ["--num-cpus=2", "--num-gpus=0", "--include-dashboard=false"]
    with tempfile.TemporaryFile("w+") as told:
        head = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=told, stderr=subprocess.STDOUT)

        def ready() -> bool:
            told.seek(0)
            return head.poll() is not None or "Ray runtime started" in told.read()

        try:
            wait_for(ready)
            yield f"127.0.0.1:{port}"
        finally:
            head.terminate()
            head.wait(60)


def repeat(name: str, times: int, trial: Trial, seed: int) -> int:
    """Run a trial so often, each in a folder and with random numbers of its own; how many failed."""
    failures = 0
    for number in range(times):
        place = Path(tempfile.mkdtemp(prefix="nnlab-endurance-"))
        try:
            print(f"{name} {number + 1}/{times}: {trial(place, random.Random(f'{seed} {name} {number}'))}", flush=True)
            shutil.rmtree(place, ignore_errors=True)
        except (Failed, AssertionError, subprocess.TimeoutExpired) as error:
            failures += 1
            print(f"{name} {number + 1}/{times}: FAILED in {place}: {error}", flush=True)
    if times:
        print(f"{name}: {times - failures} of {times}", flush=True)
    return failures


def main() -> int:
    """The trials asked for; 1 where one failed."""
    parser = argparse.ArgumentParser(description="Kill, interrupt and starve runs at random instants.")
    for kind in ("kills", "two-workers", "signals", "disks", "workers", "ray"):
        parser.add_argument(f"--{kind}", type=int, default=0, metavar="N", help="how many trials of this kind")
    parser.add_argument("--seed", type=int, default=0, help="other random instants")
    asked = parser.parse_args()
    for number in SIGNALS:  # whoever starts this in the background or under nohup has some of them ignored
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    failures = 0
    with tempfile.TemporaryDirectory(prefix="nnlab-endurance-") as home:
        arith, mnist = Path(home) / "arith", Path(home) / "mnist"
        arith.mkdir()
        mnist.mkdir()
        one = Whole(ARITH, arith) if asked.kills or asked.signals or asked.disks else None
        two = Whole(MNIST, mnist) if asked.two_workers or asked.workers or asked.ray else None
        if one is not None:
            failures += repeat("kills", asked.kills, killed(one), asked.seed)
            failures += repeat("signals", asked.signals, interrupted(one), asked.seed)
            failures += repeat("disks", asked.disks, starved(one), asked.seed)
        if two is not None:
            failures += repeat("two workers", asked.two_workers, killed(two), asked.seed)
            failures += repeat("workers", asked.workers, worker_killed(two), asked.seed)
            if asked.ray:
                with ray_cluster() as address:
                    failures += repeat("ray", asked.ray, ray_worker_killed(two, address), asked.seed)
    return int(failures > 0)


if __name__ == "__main__":
    raise SystemExit(main())
