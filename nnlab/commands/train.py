"""The bench: what happens around every experiment, and what an experiment is handed to work with.

:func:`conduct` is the life of a command: config, run folder, backend, experiment, results, JSON and
exit code. It is the only place where an error becomes an exit code.
"""

from __future__ import annotations

import importlib
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nnlab.config import Config
from nnlab.errors import Description, ExitCode, UsageError, describe
from nnlab.output.document import dumps, envelope
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal
from nnlab.training import signals

if TYPE_CHECKING:
    from nnlab.backend import Environment
    from nnlab.output.progress import Display
    from nnlab.training.loop import Row
    from nnlab.training.parallel import Engine
    from nnlab.training.repeat import Outcome

EXPERIMENTS = ("mnist", "permute", "textgen", "translate", "arith", "autoencode", "denoise")


@dataclass(frozen=True)
class Edge:
    """The shared options that cannot change a result: where it goes and how it is shown."""

    out: Path | None = None
    resume: Path | None = None
    device: str = "auto"
    engine: str = "local"
    address: str | None = None
    workers: int | None = None
    json: bool = False
    verbosity: int = 0


class Bench:
    """What an experiment is handed: the run folder, the terminal, the clock, and many runs."""

    def __init__(self, folder: RunFolder, terminal: Terminal, edge: Edge, engine: Engine | None = None) -> None:
        self.folder = folder
        self.terminal = terminal
        self.edge = edge
        self.engine = engine  # None: processes on this machine, as many as serve
        self.environment: Environment | None = None
        self.seconds: dict[str, float] = {"data": 0.0, "train": 0.0, "evaluate": 0.0}
        self._rows: list[Row] = []
        self._watch: Display | None = None

    @contextmanager
    def clock(self, part: str) -> Iterator[None]:
        """Add the time of a block to ``data``, ``train`` or ``evaluate``."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[part] += time.perf_counter() - start

    def start_backend(self, *, many_shapes: bool = False) -> None:
        """Import Keras and its backend; after the data, so that bad input is told at once."""
        from nnlab import backend

        terminal = self.terminal
        if terminal.err.is_terminal:
            terminal.tell("[dim]starting the backend …[/dim]")
        self.environment = backend.start(self.edge.device, verbose=terminal.verbosity > 0, many_shapes=many_shapes)
        self.folder.write_json("environment.json", self.environment.record())
        told = self.environment
        terminal.tell(
            f"[dim]{told.backend} {told.backend_version} on {told.device}, run folder {self.folder.path}[/dim]"
        )

    @property
    def watch(self) -> Display:
        """Who looks on while a model trains."""
        from nnlab.output.progress import watch_for

        if self._watch is None:
            self._watch = watch_for(self.terminal)
        return self._watch

    def record(self, rows: list[Row]) -> None:
        """Write ``metrics.csv``: the finished runs and the one at work."""
        self.folder.write_metrics([*self._rows, *rows])

    def repeat(
        self,
        seeds: Sequence[int],
        train: Callable[[int, Sequence[int]], list[Outcome]],
        *,
        at_once: int = 1,
        name: str = "",
        threads: int | None = None,
    ) -> list[Outcome]:
        """``train(run, seeds)`` for each seed (or ``at_once`` of them); see :func:`nnlab.training.repeat.repeat`.

        ``threads``: that many may take part in one operation; it takes a process of its own.
        """
        from nnlab.training.repeat import repeat

        def keep(outcome: Outcome) -> None:
            self._rows.extend(outcome.history.rows)

        with self.clock("train"):
            try:
                if len(seeds) > at_once or self.engine is not None or threads is not None:
                    self._share_out(range(0, len(seeds), at_once), len(seeds), name, threads)
                outcomes = repeat(seeds, train, self.folder, keep, at_once=at_once, name=name)
                self.record([])
                return outcomes
            finally:
                self.watch.stop()

    def _share_out(self, firsts: range, runs: int, name: str, threads: int | None) -> None:
        """Let the engine's workers train the runs that are missing; :func:`repeat` then finds them in the folder.

        What a worker fails to do is left to this process.
        """
        from nnlab.output.progress_many import watch_many
        from nnlab.training.parallel import Local, most_workers
        from nnlab.training.repeat import jobs_for

        on_gpu = self.environment is not None and not self.environment.device.startswith("CPU")
        engine = self.engine or Local(self.edge.workers or (1 if on_gpu else most_workers()))  # a GPU is for one
        jobs = jobs_for(self.folder.path, name, firsts, runs, engine.workers, self.edge.device, threads)
        if self.engine is None and threads is None and (engine.workers == 1 or len(jobs) < 2):
            return
        count = min(engine.workers, len(jobs))
        watch = watch_many(self.terminal, f"{count} worker{'s' if count > 1 else ''} ({self.edge.engine})", runs)
        try:
            for job, ended in engine.run(jobs, watch.hear):
                watch.end(job.name)
                if ended.code:
                    self.terminal.warn(f"a worker failed, its runs are trained here: {ended.error}")
        finally:
            watch.stop()


# ---- the life of a command ---------------------------------------------------------------------------


def conduct(command: str, given: dict[str, Any], edge: Edge) -> ExitCode:
    """Run an experiment from its options to its exit code. ``given`` holds only what was typed."""
    began = time.perf_counter()
    terminal = Terminal(json=edge.json, verbosity=edge.verbosity)
    config: Config | None = None
    bench: Bench | None = None
    try:
        with signals.heeded():
            engine = None
            if edge.engine != "local":
                from nnlab.training.parallel import engine_for

                engine = engine_for(edge.engine, edge.address, edge.workers)
            config, folder = _open(command, given, edge)
            bench = Bench(folder, terminal, edge, engine)
            if edge.resume and _finished(folder):
                terminal.tell(f"{folder.path} is finished, these are its results:")
                document = folder.read_json("results.json")
                folder.drop_checkpoint()  # a process killed in its last instant leaves it
                terminal.out.print(folder.read_text("console.txt"), end="", markup=False, soft_wrap=True)
            else:
                document = carry_out(command, config, bench, began)
                use = f"nnlab predict {shlex.quote(str(folder.path))}"
                terminal.tell(f"[dim]saved in {folder.path}; use it:[/dim] {use} …")
    except (Exception, KeyboardInterrupt) as error:
        return _fail(error, command, config, bench, terminal, began)
    if edge.json:
        terminal.write(dumps(document))
    return ExitCode.DONE


def carry_out(command: str, config: Config, bench: Bench, began: float) -> dict[str, Any]:
    """Run the experiment in its folder and write what a finished run leaves; the checkpoint goes last."""
    folder = bench.folder
    with folder.locked():
        results = experiment(command).run(config, bench)
        folder.write("console.txt", bench.terminal.transcript.encode())
        document = envelope(
            command,
            run=str(folder.path),
            config=config.record(),
            results=results,
            artifacts=sorted({*folder.artifacts, "results.json"}),
            seconds={**bench.seconds, "total": time.perf_counter() - began},
            environment=bench.environment.record() if bench.environment else {},
        )
        folder.write_json("results.json", document)
        folder.drop_checkpoint()
    return document


def experiment(command: str) -> ModuleType:
    """The module of an experiment; UsageError for a run folder that names none."""
    if command not in EXPERIMENTS:
        raise UsageError(
            f"expected a run of {', '.join(EXPERIMENTS)}, this one says {command!r}",
            "It may be of another version of nnlab",
        )
    name = "autoencode_images" if command == "autoencode" else command
    return importlib.import_module(f"nnlab.experiments.{name}")


def _open(command: str, given: dict[str, Any], edge: Edge) -> tuple[Config, RunFolder]:
    """The config and the folder of a new run, or of one to go on with."""
    config: Config
    make = experiment(command).CONFIG
    if edge.resume is None:
        config = make.from_options(given)
        folder = RunFolder.create(command, edge.out)
        folder.write_config(command, config.record())
        return config, folder
    if given or edge.out:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in [*given, *(["out"] if edge.out else [])])
        raise UsageError(
            f"--resume goes on with the options the run was started with, it does not take {options}",
            "Leave them out, or start a new run",
        )
    folder = RunFolder.open(edge.resume, command)
    return make.from_record(folder.config), folder


def _finished(folder: RunFolder) -> bool:
    if not (folder.path / "results.json").is_file():
        return False
    return folder.read_json("results.json").get("status") == "ok"


def _fail(
    error: BaseException, command: str, config: Config | None, bench: Bench | None, terminal: Terminal, began: float
) -> ExitCode:
    """Tell the error in one line, keep what was computed, and say how to go on."""
    told = describe(error)
    terminal.traceback(error)
    run: str | None = None
    if bench is not None and not bench.folder.busy:
        bench.folder.discard_if_bare()
        if bench.folder.path.exists():
            run = str(bench.folder.path)
            if told.exit_code in (ExitCode.INTERRUPTED, ExitCode.RESOURCES):
                hint = f"{told.hint}, then go on with" if told.hint else "Go on with"
                resume = f"{hint}: nnlab {command} --resume {shlex.quote(run)}"
                told = Description(told.exit_code, told.type, told.message, resume)
    document = envelope(
        command,
        exit_code=told.exit_code,
        run=run,
        config=config.record() if config else {},
        seconds={**(bench.seconds if bench else {}), "total": time.perf_counter() - began},
        environment=bench.environment.record() if bench and bench.environment else {},
        error=told,
    )
    if bench is not None and run is not None:
        with suppress(OSError):  # the disk may be what failed
            bench.folder.write_json("results.json", document)
    terminal.error(told)
    if terminal.json:
        terminal.write(dumps(document))
    return told.exit_code
