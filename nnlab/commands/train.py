"""Run one experiment: config, run folder, backend, training, results, exit code."""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlab.commands.outcome import Outcome, run_command
from nnlab.commands.parent import adopt, inherited_record, starter, taken_over, with_parent, write_keys
from nnlab.config import Config, RunOptions
from nnlab.errors import Description, ExitCode, InputError, UsageError
from nnlab.experiments import Loaded, entry
from nnlab.options import parsed, value_of, words_of
from nnlab.output.document import document
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal, literal, quoted
from nnlab.training.parallel import Engine, Local, most_workers

if TYPE_CHECKING:
    from nnlab.training.task import Results, Task


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
        self.expected_source: dict[str, Any] | None = None  # of the run that is repeated
        self.source_of_like: Mapping[str, Any] = {}  # of the run whose options were taken over
        self.is_resumed = False

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


# ---- the command -----------------------------------------------------------------------------------------


def train(name: str, given: Mapping[str, Any], options: RunOptions) -> ExitCode:
    """``nnlab NAME``: from the options to the exit code. ``given`` holds only what was typed."""
    session: Session | None = None

    def work(terminal: Terminal) -> Outcome:
        nonlocal session
        engine = engine_of(options) if options.engine != "local" else None
        if options.resume is not None:
            session = resumed(name, given, options, terminal)
            if session.folder.finished:
                return shown_again(session)
        else:
            typed, source, inherited = taken_over(name, with_settings(name, given, options), options)
            config = entry(name).config.from_options(typed, settings=True, inherited=inherited)
            session = Session(name, config, RunFolder.create(name, options.out), terminal, options)
            session.source_of_like = source
        finished = execute(session, engine)
        terminal.tell(f"saved in {session.folder.path}; use it: nnlab predict {quoted(session.folder.path)} …")
        return Outcome(whole=finished)

    def failed(told: Description) -> tuple[Description, dict[str, Any]]:
        return keep_failure(session, told) if session else (told, {})

    return run_command(name, work, json=options.json, verbosity=options.verbosity, failed=failed)


def with_settings(name: str, given: Mapping[str, Any], options: RunOptions) -> dict[str, Any]:
    """The options typed, with those of ``--set``. UsageError where a setting is none, or is given twice."""
    cls, both = entry(name).config, dict(given)
    for text in options.set or ():
        setting, value = parsed(cls, text, "--set")
        if setting in both:
            raise UsageError(f"{setting} is given twice", "Leave one of them out")
        both[setting] = value_of(cls, setting, value)
    return both


def engine_of(options: RunOptions) -> Engine:
    """Where several processes run: here, or on a Ray cluster. UsageError where Ray cannot be had."""
    if options.engine == "ray":
        from nnlab.training.ray import Ray

        return Ray(options.address, options.workers)
    return Local(options.workers or most_workers())


def resumed(name: str, given: Mapping[str, Any], options: RunOptions, terminal: Terminal) -> Session:
    """The session of a run folder to go on with. UsageError where options come with it or it is of another command."""
    others = {"out": options.out, "like": options.like, "from": options.parent, "set": options.set}
    if typed := [*given, *(name for name, value in others.items() if value)]:
        raise UsageError(
            "--resume goes on with the options the run was started with, it does not take "
            + ", ".join(f"--{option.replace('_', '-')}" for option in typed),
            "Leave them out, or start a new run",
        )
    assert options.resume is not None
    folder = RunFolder.open(options.resume, name)
    config = config_of(folder)
    session = Session(name, config if folder.finished else with_parent(folder, config), folder, terminal, options)
    session.is_resumed = True
    return session


def load_again(folder: RunFolder) -> Loaded[Any, Any]:
    """The data of a run as it read them, with what it took over of another run.

    Nothing is downloaded: UsageError, InputError or OSError where they are not at hand, or not as they were.
    """
    from nnlab.data import datasets

    config = with_parent(folder, config_of(folder))
    name = config.data or type(config).DATA
    if datasets.known(name) and datasets.local(name) is None:
        raise UsageError(f"{name} is not at hand", f"Fetch it: nnlab data fetch {name}")
    loaded: Loaded[Any, Any] = entry(folder.command).experiment(config).load(config)
    if loaded.source.get("digest") != folder.read_json("data.json").get("digest"):
        raise UsageError(f"{name} has other contents than those that it was trained on", "Put it back as it was")
    return loaded


def command_line(record: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """What made a run, as it is typed, from its ``config.json`` and ``data.json``; it may be anybody's.

    Options that the record does not say were typed are all of them.
    """
    command = str(record["command"])
    typed = record.get("typed", record["config"])
    given = {name: value for name, value in dict(typed).items() if value is not None}
    parent = data.get("parent")
    start = ["--from", str(parent.get("run"))] if isinstance(parent, dict) else []
    return shlex.join(map(literal, ["nnlab", command, *words_of(entry(command).config, given), *start]))


def config_of(folder: RunFolder) -> Config:
    """The config of a run folder; InputError names the file where it does not fit."""
    made_by = entry(folder.command).config
    try:
        return made_by.from_record(folder.config)
    except UsageError as error:
        raise InputError(error.message, error.hint, path=folder.path / "config.json") from error


def shown_again(session: Session) -> Outcome:
    """The results of a run that is finished, as they were."""
    folder, terminal = session.folder, session.terminal
    finished = folder.read_results()
    folder.drop_checkpoint()  # a process killed in its last instant leaves it
    terminal.tell(f"{folder.path} is finished, these are its results:")
    terminal.show_again(folder.read_text("console.txt"))
    return Outcome(whole=finished)


def keep_failure(session: Session, told: Description) -> tuple[Description, dict[str, Any]]:
    """Keep what was computed, and say how to go on: the error with its hint, and the document of the run."""
    folder = session.folder
    run: str | None = None
    if not folder.busy:
        folder.discard_if_bare()
        if folder.is_run:
            run = str(folder.path)
            if told.exit_code in (ExitCode.INTERRUPTED, ExitCode.RESOURCES):
                hint = f"{told.hint}, then go on with" if told.hint else "Go on with"
                go_on = f"{hint}: nnlab {session.name} --resume {quoted(folder.path)}"
                told = Description(told.exit_code, told.type, told.message, go_on)
    failure = {**session.document(exit_code=told.exit_code, error=told), "run": run}
    if run is not None:
        folder.write_failure(failure)
    return told, failure


# ---- one run ---------------------------------------------------------------------------------------------


def execute(session: Session, engine: Engine | None = None) -> dict[str, Any]:
    """Run the experiment in its folder and write what a finished run leaves; the checkpoint goes last."""
    folder, terminal, clock = session.folder, session.terminal, session.clock
    with folder.locked():
        if folder.is_run and session.config.data and Path(session.config.data).exists():
            terminal.tell(f"reading {session.config.data}, as the record of {folder.path} says")
        experiment = entry(session.name).experiment(session.config)
        with clock.part("data"):
            loaded = experiment.load(session.config)
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
            add_sizes(found, tasks, results, terminal)
            check_finite(found)
        folder.write("console.txt", terminal.transcript.encode("utf-8", "surrogateescape"))
        finished = session.document(results=found, artifacts=sorted({*folder.artifacts, "results.json"}))
        folder.write_results(finished)
        folder.drop_checkpoint()
    return finished


def add_sizes(found: dict[str, Any], tasks: Sequence[Task], results: Results, terminal: Terminal) -> None:
    """Weights and MFLOP of each network: told, and beside its figures.

    They go into the entry of the network where the results have one by its name, else to the top: those of the network
    that is kept.
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
        line = f"{size['weights']:,} weights, {size['mflop']:,.4g} MFLOP per {size['sample']}"
        told.setdefault(line, []).append(task.name)
    for line, names in told.items():
        of = ", ".join(filter(None, names)) if len(told) > 1 else ""
        terminal.show(f"{of}: {line}" if of else line)


def check_one_network(tasks: Sequence[Task]) -> None:
    """UsageError where a run that starts from another's weights has networks that other run kept no weights of."""
    if others := [task.name for task in tasks if not task.keep_model and not task.is_baseline]:
        kept = next((task.name for task in tasks if task.keep_model), "none")
        raise UsageError(
            f"expected one network with --from: a run keeps the weights of one ({kept}), "
            f"there are none for {', '.join(others)}",
            "Choose that one with the command's options",
        )


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


def begin(session: Session, loaded: Loaded[Any, Any]) -> None:
    """Tell what could not be read, write the record of the run, and start the backend."""
    from nnlab import backend

    folder, terminal = session.folder, session.terminal
    for note in loaded.notes:
        terminal.warn(note)
    session.config = loaded.config
    own = Path(str(loaded.config.data)).expanduser()
    place = {"path": str(own.absolute()), "size": size_of(own)} if loaded.config.data and own.exists() else {}
    session.source = {**place, **loaded.source, "asked_for": loaded.config.data}
    session.config.check_complete()
    if note := edition_note(session.config):
        terminal.warn(note)
        session.source["edition"] = note
    write_record(session, loaded)
    if terminal.err.is_terminal:
        terminal.tell("starting the backend …")
    environment = backend.start(session.options.device, verbose=terminal.verbosity > 0, many_shapes=loaded.many_shapes)
    session.environment = environment.record()
    folder.write_json("environment.json", session.environment)
    terminal.tell(
        f"{environment.backend} {environment.backend_version} on {environment.device}, run folder {folder.path}"
    )


def write_record(session: Session, loaded: Loaded[Any, Any]) -> None:
    """What makes the folder a run; of a run that is gone on with or repeated, refuse other data."""
    folder, terminal = session.folder, session.terminal
    before = session.source_of_like.get("digest")
    if before is not None and before != session.source.get("digest"):
        terminal.warn(f"the data are not those of the run whose options these are (digest {str(before)[:12]}…)")
    inherited = session.config.inherited
    if inherited is not None:
        session.source["parent"] = {**inherited_record(inherited), "left_out": loaded.left_out}
    if session.expected_source is not None:
        check_same_data(folder, session.expected_source, session.source)
    if folder.is_run:
        check_same_data(folder, folder.read_json("data.json"), session.source)
    else:
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
    from nnlab.data import datasets

    name = config.data or type(config).DATA
    path = datasets.local(name) if name in datasets.KNOWN else None
    return datasets.edition_note(name, path) if path else ""


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def check_same_data(folder: RunFolder, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """UsageError where a run was started with other data than are there now."""
    if before.get("digest") != now.get("digest"):
        raise UsageError(
            f"{folder.path} was started with data of digest {str(before.get('digest'))[:12]}… "
            f"({before.get('name')}), now they have {str(now.get('digest'))[:12]}… ({now.get('name')})",
            "Put the data back as they were, or start a new run",
        )


def trainer_of(session: Session, engine: Engine | None) -> Any:
    """The runner of the session: its seeds, its folder, its displays and its workers."""
    from nnlab.output.progress import progress_for, progress_of_many
    from nnlab.training.repeat import Trainer

    options, terminal, folder = session.options, session.terminal, session.folder
    on_gpu = not str(session.environment["device"]).startswith("CPU")
    local = Local(options.workers or most_workers(on_gpu=on_gpu))

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
