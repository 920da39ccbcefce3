"""One experiment at work in its run folder: data, record, backend, training, results."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlab.commands.parent import adopt, inherited_record, starter, write_keys
from nnlab.commands.record import check_same_data, read_data, read_otherwise
from nnlab.config import Config, path_of
from nnlab.configs.run import RunOptions
from nnlab.errors import InputError, UsageError
from nnlab.experiments import Loaded, entry
from nnlab.machine import gpu_memory
from nnlab.output.document import document
from nnlab.output.run_folder import TRAINED_ON, RunFolder
from nnlab.output.terminal import Terminal
from nnlab.training.parallel import Engine, Local, most_workers

if TYPE_CHECKING:
    from nnlab.training.task import Results, Task


_at_work = threading.Lock()


class Clock:
    """Wall seconds by part of a run; every second is in one part, so they add up to the total."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self.parts = {"startup": 0.0, "data": 0.0, "train": 0.0, "evaluate": 0.0}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add the time of a block to a part."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.parts[name] += time.perf_counter() - start

    def seconds(self) -> dict[str, float]:
        """Each part and the total; what is in no block is start-up."""
        total = time.perf_counter() - self._began
        rest = total - sum(self.parts.values())
        return {**self.parts, "startup": self.parts["startup"] + rest, "total": total}


class Session:
    """One experiment at work in its run folder; what an error leaves to tell of it."""

    def __init__(self, name: str, config: Config, folder: RunFolder, terminal: Terminal, options: RunOptions) -> None:
        self.name, self.config, self.folder, self.terminal, self.options = name, config, folder, terminal, options
        self.clock = Clock()
        self.environment: dict[str, Any] = {}
        self.source: dict[str, Any] = {}
        self.repeats: Path | None = None  # the run that is done again, and its data
        self.repeats_source: Mapping[str, Any] = {}
        self.source_of_like: Mapping[str, Any] = {}  # of the run whose options were taken over
        self.is_resumed = False
        self.typed: Sequence[str] = ()  # settings that were typed now, not by the run whose options were taken over

    def document(self, **known: Any) -> dict[str, Any]:
        """The JSON document of the run as it stands."""
        return document(
            self.name,
            run=str(self.folder.path),
            config=self.config.record(),
            data=self.source,
            seconds=self.clock.seconds(),
            environment=self.environment | ({"resumed": True} if self.is_resumed else {}),
            **known,
        )


def execute(session: Session, engine: Engine | None = None) -> dict[str, Any]:
    """Run the experiment in its folder and write what a finished run leaves; the checkpoint goes last.

    Raises UsageError where this process trains already, FolderGone where the folder is moved or deleted meanwhile.
    """
    folder, terminal, clock = session.folder, session.terminal, session.clock
    with alone(), folder.locked():
        if folder.is_run and session.config.data and Path(session.config.data).exists():
            terminal.tell(f"reading {session.config.data}, as the record of {folder.path} says")
        experiment = entry(session.name).experiment(session.config)
        with clock.part("data"):
            before = folder.source if folder.is_run else session.repeats_source or session.source_of_like
            loaded = read_data(session.name, session.config, before)
        begin(session, loaded)
        tasks = experiment.tasks(session.config, loaded.data)
        if session.config.inherited is not None:
            check_one_network(tasks)
        trainer = trainer_of(session, engine)
        try:
            results = trainer.train(tasks)
        finally:
            for part, seconds in trainer.seconds.items():
                clock.parts[part] += seconds
        with clock.part("evaluate"):
            found = experiment.present(session.config, loaded.data, results, terminal, folder)
            add_sizes(found, tasks, results, session.config.sample_called, terminal)
        folder.write("console.txt", terminal.transcript.encode("utf-8", "surrogateescape"))
        check_finite(found)
        finished = session.document(results=found, artifacts=sorted({*folder.artifacts, "results.json"}))
        folder.write_results(finished)
        folder.drop_checkpoint()
    return finished


@contextmanager
def alone() -> Iterator[None]:
    """One run at a time is at work in a process: Keras's seeds are the process's. UsageError beside another."""
    if not _at_work.acquire(blocking=False):
        raise UsageError(
            "expected one training at a time in a process, another one is at work",
            "Wait for it to end, or train in a process of its own",
        )
    try:
        yield
    finally:
        _at_work.release()


# ---- before training -----------------------------------------------------------------------------------


def begin(session: Session, loaded: Loaded[Any, Any]) -> None:
    """Tell what could not be read, write the record of the run, and start the backend."""
    from nnlab import backend

    folder, terminal = session.folder, session.terminal
    for note in loaded.notes:
        terminal.warn(note)
    session.config = loaded.config
    asked = loaded.config.data
    own = path_of(str(asked))
    place: dict[str, Any] = {}
    if asked and own.exists() and is_known(session.config, asked):
        terminal.warn(f"{asked} is the known data set, not what lies here by that name, which is ./{asked}")
    elif asked and own.exists():
        place = {"path": str(own.absolute()), "size": size_of(own)}
    session.source = {**place, **loaded.source, "asked_for": asked}
    session.config.check_complete()
    if note := edition_note(session.config):
        terminal.warn(note)
        session.source["edition"] = note
    write_record(session, loaded)
    if terminal.err.is_terminal:
        terminal.tell("starting the backend …")
    onednn = entry(session.name).onednn
    environment = backend.start(session.options.device, verbose=terminal.verbosity > 0, onednn=onednn)
    session.environment = environment.record()
    folder.write_json("environment.json", session.environment)
    started = f"{environment.backend} {environment.backend_version} on {environment.device}"
    terminal.tell(started if session.repeats else f"{started}, run folder {folder.path}")


def write_record(session: Session, loaded: Loaded[Any, Any]) -> None:
    """What makes the folder a run; of a run that is gone on with or repeated, refuse other data."""
    folder, terminal = session.folder, session.terminal
    before = session.source_of_like.get("digest")
    if before is not None and before != session.source.get("digest"):
        otherwise = read_otherwise(session.source_of_like, session.source)
        told = f"the data are not those of the run whose options these are (digest {str(before)[:12]}…)"
        terminal.warn(f"{told}. {otherwise}" if otherwise else told)
    inherited = session.config.inherited
    if inherited is not None:
        session.source["parent"] = {**inherited_record(inherited), "left_out": loaded.left_out}
    if session.repeats is not None:
        check_same_data(session.repeats, session.repeats_source, session.source)
    if folder.is_run:
        check_same_data(folder.path, folder.source, session.source)
        if loaded.training_keys is not None and not (folder.path / TRAINED_ON).is_file():  # deleted: --from needs it
            write_keys(folder, loaded.training_keys(), inherited)
    else:
        session.config.check_effect(session.typed)  # once the data have decided what was left to them
        if session.config.minutes is not None and session.config.steps is None:
            session.config = config_with_steps(session, loaded)
        if inherited is not None:
            adopt(folder, inherited)
        if loaded.training_keys is not None:
            write_keys(folder, loaded.training_keys(), inherited)
        typed = {name: value for name, value in session.config.given.items() if name != "start"}
        folder.write_json("data.json", session.source)
        if loaded.preprocessing:
            folder.write_json("preprocessing.json", dict(loaded.preprocessing))
        folder.write_config(session.name, session.config.record(), typed)


def config_with_steps(session: Session, loaded: Loaded[Any, Any]) -> Config:
    """The config with the steps that its minutes come to, timed where the run will train."""
    from nnlab.commands.budget import with_steps

    session.terminal.tell("timing a step of training …")
    engine = engine_of(session.options)
    config = with_steps(session.name, loaded, session.source, engine, session.options.device)
    assert config.steps is not None
    told = ", ".join(" ".join(filter(None, [task, f"{steps:,} steps"])) for task, steps in config.steps.items())
    session.terminal.tell(f"{config.minutes:g} minutes of training per network and seed are {told}")
    return config


def edition_note(config: Config) -> str:
    """One line where a known data set is another edition than the published figures are of; else empty."""
    from nnlab.data.sources import datasets

    name = config.data or type(config).DATA
    path = datasets.local(name) if is_known(config, name) and name in datasets.KNOWN else None
    return datasets.edition_note(name, path) if path else ""


def is_known(config: Config, name: str) -> bool:
    """Whether ``--data NAME`` is a known data set of the experiment's kind or a sample: they come before files."""
    from nnlab.data.sources import datasets

    usual = datasets.KNOWN.get(type(config).DATA)
    kind = getattr(config, "kind", usual.kind if usual else None)  # autoencode has two
    samples = {datasets.SAMPLE, *(one.sample for one in datasets.KNOWN.values() if one.kind == kind)}
    return name in samples or (kind is not None and datasets.known(name, kind) is not None)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


# ---- training ------------------------------------------------------------------------------------------


def check_one_network(tasks: Sequence[Task]) -> None:
    """UsageError where a run that starts from another's weights has networks that other run kept no weights of."""
    if others := [task.name for task in tasks if not task.keep_model and not task.is_baseline]:
        kept = next((task.name for task in tasks if task.keep_model), "none")
        raise UsageError(
            f"expected one network with --from: a run keeps the weights of one ({kept}), "
            f"there are none for {', '.join(others)}",
            "Choose that one with the command's options",
        )


def engine_of(options: RunOptions) -> Engine:
    """Where several processes run: here, or on a Ray cluster. UsageError where Ray cannot be had."""
    if options.engine == "ray":
        from nnlab.training.ray import Ray

        return Ray(options.address, options.workers)
    return Local(options.workers or workers_of(options))


def workers_of(options: RunOptions, device: str | None = None) -> int:
    """How many processes run at once unless the user says: ``device`` is what the backend found, where it was asked.

    Before it is (it takes seconds, and memory of the GPU), a GPU that the driver shows is taken to be used.
    """
    if options.device == "cpu" or (device is not None and device.startswith("CPU")):
        return most_workers()
    gpu = gpu_memory() / 2**30
    return most_workers(gpu=gpu if gpu or device is not None else None)


def trainer_of(session: Session, engine: Engine | None) -> Any:
    """The runner of the session: its seeds, its folder, its displays and its workers."""
    from nnlab.output.progress import progress_for, progress_of_many
    from nnlab.training.repeat import Trainer

    options, terminal, folder = session.options, session.terminal, session.folder
    local = Local(options.workers or workers_of(options, str(session.environment["device"])))

    def watch_many(workers: int, runs: int) -> Any:
        title = f"{workers} worker{'s' if workers > 1 else ''} ({options.engine})"
        return progress_of_many(terminal, title, runs)

    return Trainer(
        session.config.seeds,
        folder,
        progress_for(terminal),
        folder.write_metrics,
        engine=engine or local,
        always_share=engine is not None,
        device=options.device,
        benchmark=options.benchmark,
        watch_many=watch_many,
        warn=terminal.warn,
        start=starter(session.config),
    )


# ---- results -------------------------------------------------------------------------------------------


def add_sizes(found: dict[str, Any], tasks: Sequence[Task], results: Results, sample: str, terminal: Terminal) -> None:
    """Weights and MFLOP of each network: told, and beside its figures.

    They go into the entry of the network where the results have one by its name, else to the top: those of the network
    that is kept. ``sample``: what the MFLOP are of.
    """
    told: dict[str, list[str]] = {}
    for task in tasks:
        size = results[task.name][0].size
        counted = {name: size[name] for name in ("weights", "mflop")}
        own = found.get(task.name)
        if task.name and isinstance(own, dict):
            own |= counted
        elif task.keep_model:
            found |= counted
        line = f"{size['weights']:,} weights, {size['mflop']:,.4g} MFLOP per {sample}"
        told.setdefault(line, []).append(task.name)
    for line, names in told.items():
        of = ", ".join(filter(None, names)) if len(told) > 1 else ""
        terminal.show(f"{of}: {line}" if of else line)


def check_finite(results: Any, name: str = "results") -> None:
    """Raise InputError where a figure is not a finite number: such a run is not "ok"."""
    if isinstance(results, dict):
        for key, value in results.items():
            check_finite(value, f"{name}.{key}")
    elif isinstance(results, list):
        for place, value in enumerate(results):
            check_finite(value, f"{name}[{place}]")
    elif isinstance(results, float) and not math.isfinite(results):
        raise InputError(
            f"expected finite figures, {name} is {results}", "Look at the data for values far from all others"
        )
