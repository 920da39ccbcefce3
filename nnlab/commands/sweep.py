"""``--sweep NAME=V1,V2,…``: a run per value of a setting, in one folder, compared on validation.

Each value is one command in a process and a run folder of its own (``units=64/``), begun by the same engines as many
seeds are, so a value that fails takes nothing with it and ``--resume`` goes on with what is missing. The values are
ranked by the validation figure, of several networks by its geometric mean; the test figure is told of the chosen value
alone, which no choice has seen. The record holds every default, not only what was typed: where one has changed since,
a value that is still to be run has that of the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.commands.outcome import Outcome, run_command
from nnlab.commands.parent import taken_over
from nnlab.commands.session import engine_of
from nnlab.commands.train import check_resume, with_settings
from nnlab.config import Config
from nnlab.configs.run import RunOptions
from nnlab.errors import Description, ExitCode, InputError, NnlabError, UsageError, about
from nnlab.evaluation.intervals import flat_figures, less_is_better, mean_of
from nnlab.experiments import entry
from nnlab.options import BY_DATA, parsed, value_of, words_of
from nnlab.output.document import document, dumps
from nnlab.output.run_folder import SWEEP, RunFolder, is_run
from nnlab.output.terminal import Terminal, number, quoted, table
from nnlab.training.parallel import FOLDER, Engine, Event, Job

MOST = 100  # runs of a sweep, seeds counted
FIXED = {
    "seed": "Repeat with other seeds: --runs",
    "runs": "Repeat with other seeds: --runs",
    "data": "Figures on other data say nothing of a setting: sweep one set of data at a time",
    "data_seed": "Figures on another split say nothing of a setting",
    "validation": "Figures on another split say nothing of a setting",
    "test": "Figures on another split say nothing of a setting",
    "preset": "Sweep the settings themselves",
    "loss": "A loss of another kind is no figure to choose by: compare the runs with nnlab runs compare",
    "song_weight": "It changes the loss by which values are chosen: compare song_distance_db with nnlab runs compare",
}


@dataclass
class Sweep:
    """A sweep as ``sweep.json`` records it: the command, what was typed, and the values of the setting."""

    command: str
    typed: Mapping[str, Any]
    name: str
    values: Sequence[Any]
    start: str | None = None  # the run whose weights each starts from
    settings: Mapping[str, Any] = field(default_factory=dict)  # every setting of each run, when the sweep began
    states: dict[str, dict[str, Any]] = field(default_factory=dict)  # of each value's folder

    @property
    def runs(self) -> dict[str, Any]:
        """The folder of each value: ``units=64``."""
        return {folder_of(self.name, value): value for value in self.values}

    def config(self, value: Any) -> Config:
        """The config of a value, before its data are loaded. UsageError where it is none."""
        return entry(self.command).config.from_options(self.given(value), settings=True)

    def given(self, value: Any) -> dict[str, Any]:
        """The options of a value: what was typed, and every default that was another when the sweep began.

        Without those that change nothing with this value.
        """
        cls = entry(self.command).config
        typed = cls.effective({**self.typed, self.name: value}, self.name)
        then, changed = self.settings.get(folder_of(self.name, value)), {}
        if isinstance(then, dict):  # else of a version that did not record it
            now = cls.from_options(typed, settings=True).record()
            changed = {name: kept for name, kept in cls.completed(then).items() if kept != now[name]}
            if now["minutes"] is not None:
                changed.pop("epochs", None)
            active = cls.effective({**changed, **typed})
            changed = {name: kept for name, kept in changed.items() if name in active}
            other = [name for name, kept in changed.items() if kept is None or name == "samples"]
            if other:  # these mean something else once they are typed
                raise other_defaults(other)
        return {**changed, **typed}

    def check_decided(self, home: Path) -> None:
        """Raise UsageError where a default that the data decided is another now than in the runs of a sweep.

        Before its data are loaded nothing knows such a default, so the record of the sweep does not hold it.
        """
        for run, value in self.runs.items():
            if is_run(home / run):
                self._check_decided(value, RunFolder(home / run))

    def _check_decided(self, value: Any, folder: RunFolder) -> None:
        cls = entry(self.command).config
        kept, asked = cls.completed(folder.config), self.config(value)
        facts = {
            name: kept[name] for variant in cls.VARIANTS for name in variant.when if getattr(asked, name) is BY_DATA
        }
        now = asked.resolved(**facts).record()
        decided = {name for variant in cls.VARIANTS if facts.keys() & variant.when.keys() for name in variant.then}
        decided -= {"epochs"} if now["minutes"] is not None else set()
        decided -= set(cls.SHAPES) if self.start else set()  # the weights it starts from decide these
        other = sorted(name for name in decided if kept[name] != now[name])
        if other:
            raise other_defaults(other)

    def record(self) -> dict[str, Any]:
        """What ``sweep.json`` says."""
        return {
            "command": self.command,
            "typed": dict(self.typed),
            "name": self.name,
            "values": list(self.values),
            "from": self.start,
            "settings": dict(self.settings),
        }

    def job(self, run: str, home: Path) -> Job:
        """The command of one value, or going on with it."""
        folder = home / run
        if is_run(folder):
            return Job(run, (self.command, "--resume", FOLDER, "-q"), folder)
        words = words_of(entry(self.command).config, self.given(self.runs[run]))
        start = ("--from", self.start) if self.start else ()
        return Job(run, (self.command, *words, *start, "--out", FOLDER, "-q"), folder)


def other_defaults(names: Sequence[str]) -> UsageError:
    """What is said of a sweep whose other values would have other defaults."""
    return UsageError(
        f"expected a sweep of this version of nnlab: the default of {', '.join(names)} was another",
        "Begin a new one, or use the version that began it",
    )


def folder_of(name: str, value: Any) -> str:
    """The folder of a value, ``units=64``."""
    return f"{name}={re.sub('[^A-Za-z0-9.+-]', '_', str(value))}"


def is_sweep(options: RunOptions) -> bool:
    """Whether a sweep is asked for, or the folder to go on with is one."""
    return options.sweep is not None or (options.resume is not None and (options.resume / SWEEP).is_file())


def sweep(name: str, given: Mapping[str, Any], options: RunOptions) -> ExitCode:
    """``nnlab NAME --sweep …``, or going on with one: from the options to the exit code."""
    folder: RunFolder | None = None

    def work(terminal: Terminal) -> Outcome:
        nonlocal folder
        if options.resume is not None:
            check_resume(given, options)
            folder, asked = RunFolder(options.resume), opened(options.resume, name)
        else:
            typed = with_settings(name, given, options)
            asked = wanted(name, taken_over(name, typed, options)[0], options)
            check_effect(asked, typed)
            folder = RunFolder.create(f"{name}-sweep", options.out)
            folder.write_json(SWEEP, asked.record())
        carry_out(terminal, asked, folder.path, engine_of(options), options)
        return told(terminal, asked, folder)

    def failed(error: Description) -> tuple[Description, dict[str, Any]]:
        if folder is None or error.exit_code not in (ExitCode.INTERRUPTED, ExitCode.RESOURCES):
            return error, {}
        go_on = f"Go on with: nnlab {name} --resume {quoted(folder.path)}"
        return Description(error.exit_code, error.type, error.message, go_on), {"run": str(folder.path)}

    return run_command("sweep", work, json=options.json, verbosity=options.verbosity, failed=failed)


# ---- what is asked for -----------------------------------------------------------------------------------


def wanted(name: str, given: Mapping[str, Any], options: RunOptions) -> Sweep:
    """The sweep of a command line. UsageError where a value is none, there is but one, or there are too many."""
    cls = entry(name).config
    setting, text = parsed(cls, str(options.sweep), "--sweep")
    if setting in FIXED or setting in cls.SUBJECT:
        hint = FIXED.get(setting, "It says what is to be learned, whose figures cannot be compared: one run for each")
        raise UsageError(f"expected --sweep of a setting of the network or its training, got {setting}", hint)
    if setting in given:
        raise UsageError(f"{setting} is given twice, once in --sweep", "Leave one of them out")
    texts = [part.strip() for part in text.split(",") if part.strip()]
    runs = given.get("runs", 1)
    if len(texts) < 2 or len(texts) * runs > MOST:
        of_runs = f" with {runs} runs each" if runs > 1 else ""
        raise UsageError(
            f"expected 2 to {MOST // runs} values in --sweep{of_runs}, got {len(texts):,}",
            f"For example: --sweep {setting}=1,2,4",
        )
    values = [value_of(cls, setting, part) for part in texts]
    if len({str(value) for value in values}) < len(values):
        raise UsageError(f"expected different values in --sweep, got {', '.join(texts)}", "Name each once")
    asked = Sweep(name, with_validation(cls, given), setting, values, str(options.parent) if options.parent else None)
    if len(asked.runs) < len(values):
        raise UsageError(f"expected values that can name a folder, got {', '.join(texts)}", "Use plain letters")
    return replace(asked, settings={run: asked.config(value).record() for run, value in asked.runs.items()})


def check_effect(asked: Sweep, typed: Iterable[str]) -> None:
    """Raise UsageError where a setting that was typed, or the one that is swept, changes nothing with any value."""
    cls = entry(asked.command).config
    of_each = [{**asked.typed, asked.name: value} for value in asked.values]
    for name in (asked.name, *typed):
        if not any(name in cls.effective(given) for given in of_each):
            cls.from_options(cls.effective(of_each[0], name), settings=True).check_effect([name])


def with_validation(cls: type[Config], given: Mapping[str, Any]) -> dict[str, Any]:
    """The options, with a validation part where the preset has none: without it nothing could be chosen honestly."""
    if hasattr(cls, "validation") and not cls.from_options(given, settings=True).validation:
        return {**given, "validation": cls.SWEEP_VALIDATION}
    return dict(given)


def opened(path: Path, name: str) -> Sweep:
    """The sweep of a folder, of anybody's. UsageError or InputError where it is none, or of another command."""
    from nnlab.output import untrusted

    record = untrusted.read_json(path / SWEEP)
    kinds = {"command": str, "typed": dict, "name": str, "values": list}
    if (
        not all(isinstance(record.get(key), kind) for key, kind in kinds.items())
        or not 0 < len(record["values"]) <= MOST
    ):
        raise InputError("expected the record of a sweep, it is none", untrusted.DAMAGED, path=path / SWEEP)
    if record["command"] != name:
        raise UsageError(
            f"expected a sweep of {name}, {path} is one of {record['command']}",
            f"Use: nnlab {record['command']} --resume {quoted(path)}",
        )
    with about(path / SWEEP):
        for value in record["values"]:
            entry(name).config.check_values({**record["typed"], record["name"]: value})
    start, settings = record.get("from"), record.get("settings")
    asked = Sweep(
        name,
        record["typed"],
        record["name"],
        record["values"],
        start if isinstance(start, str) else None,
        settings if isinstance(settings, dict) else {},
    )
    for value in asked.values:
        asked.config(value)
    return asked


# ---- running ---------------------------------------------------------------------------------------------


def state_of(folder: RunFolder) -> dict[str, Any]:
    """``{"status": "ok", "results": …}`` of a finished value; ``missing`` or ``begun`` otherwise."""
    if not is_run(folder.path):
        return {"status": "missing"}
    try:
        finished = folder.read_results() if (folder.path / "results.json").is_file() else {}
    except InputError:
        finished = {}
    if finished.get("status") != "ok":
        return {"status": "begun"}
    return {"status": "ok", "results": finished["results"], "seconds": finished["seconds"].get("total", 0.0)}


def carry_out(terminal: Terminal, asked: Sweep, home: Path, engine: Engine, options: RunOptions) -> None:
    """Run the values that are not done, as many at once as the engine can; tell each as it ends."""
    from nnlab.output.progress import clock

    asked.states = {run: state_of(RunFolder(home / run)) for run in asked.runs}
    if any(state["status"] == "missing" for state in asked.states.values()):
        asked.check_decided(home)
    flags = ("--device", options.device, *(() if options.benchmark else ("--no-benchmark",)))
    jobs = []
    for run, state in asked.states.items():
        if state["status"] != "ok":
            job = asked.job(run, home)
            jobs.append(Job(job.name, (*job.words, *flags), job.folder))
    if not jobs:
        return
    terminal.tell(
        f"{len(jobs)} of {len(asked.states)} values to run, {min(engine.workers, len(jobs))} at once, in {home}"
    )

    def hear(job: Job, event: Event) -> None:
        if event["event"] == "lost":
            terminal.warn(f"{job.name}: {event['why']}, begun again")

    for count, (job, ended) in enumerate(engine.run(jobs, hear), start=1):
        state = asked.states[job.name] = state_of(RunFolder(home / job.name))
        if state["status"] != "ok":
            state |= {"status": "failed", "error": ended.error or f"exit code {ended.code}"}
        result = f"in {clock(state['seconds'])}" if state["status"] == "ok" else f"failed: {state['error']}"
        terminal.tell(f"{count}/{len(jobs)} {job.name} {result}")


# ---- the result ------------------------------------------------------------------------------------------


def told(terminal: Terminal, asked: Sweep, folder: RunFolder) -> Outcome:
    """Show the table and save ``results.json`` and the curve."""
    from nnlab.output import figures

    done = {run: state for run, state in asked.states.items() if state["status"] == "ok"}
    by_figure = {run: dict(flat_figures(state["results"])) for run, state in done.items()}
    measure, networks = chosen_by(by_figure)
    for own in by_figure.values() if len(networks) > 1 else ():
        found = [mean_of(own[name]) for name in networks if name in own]  # --sweep net=mlp,cnn: each has its own
        with np.errstate(divide="ignore"):  # a loss of 0 cannot be beaten
            own |= {measure: float(np.exp(np.mean(np.log(found))))} if found else {}
    columns = list(dict.fromkeys([*networks, measure]))
    by_measure = {run: mean_of(own[measure]) for run, own in by_figure.items() if measure in own}
    ranked = sorted(by_measure, key=lambda run: by_measure[run], reverse=not less_is_better(measure))
    best = ranked[0] if ranked else None
    rows, listed = [], table(asked.name, *columns, "seconds", "", left=1)
    for run, value in asked.runs.items():
        state = asked.states[run]
        own = {name: by_figure.get(run, {}).get(name) for name in columns}
        rows.append({"value": value, "run": run, "status": state["status"], "error": state.get("error"), **own})
        seconds = f"{state['seconds']:.0f}" if "seconds" in state else "–"
        note = "chosen" if run == best else state.get("error", "")
        listed.add_row(str(value), *map(number, own.values()), seconds, note)
    terminal.show(listed, "")
    results: dict[str, Any] = {"setting": asked.name, "chosen_by": measure, "values": rows, "chosen": None}
    if best is not None:
        shown = entry(asked.command)
        headline = shown.experiment(asked.config(asked.runs[best])).headline(done[best]["results"])
        tests = {name: figure for name, figure in by_figure[best].items() if "val_" not in name}
        results |= {"chosen": asked.runs[best], "run": str(folder.path / best), "figures": tests}
        mean = ", the geometric mean of its networks" if len(networks) > 1 else ""
        terminal.show(f"chosen on validation ({measure}{mean}): {asked.name} = {asked.runs[best]}; on test: {headline}")
        with figures.optional(terminal):
            curve = draw(asked, by_figure, measure, networks)
            folder.write("figures/sweep.png", curve)
    broken = [run for run, state in asked.states.items() if state["status"] != "ok"]
    if not broken:
        folder.write("console.txt", terminal.transcript.encode("utf-8", "surrogateescape"))
    whole = document("sweep", run=str(folder.path), config=asked.record(), results=results)
    folder.write("results.json" if not broken else "unfinished.json", dumps(whole).encode())
    if not broken:
        (folder.path / "unfinished.json").unlink(missing_ok=True)
    terminal.tell(f"saved in {folder.path}; see it: {quoted(folder.path / 'figures' / 'sweep.png')}")
    error = NnlabError(
        f"not finished: {', '.join(broken)}",
        f"Run what is missing: nnlab {asked.command} --resume {quoted(folder.path)}",
    )
    return Outcome(results, error if broken else None, {"run": str(folder.path), "config": asked.record()})


def chosen_by(by_figure: Mapping[str, Mapping[str, Any]]) -> tuple[str, list[str]]:
    """The validation figure that the values are ranked by, and its names: one for each network.

    Of several networks the geometric mean ranks, which no network's scale decides. UsageError where there is none.
    """
    names = dict.fromkeys(name for own in by_figure.values() for name in own)
    leaves = [name for name in names if name.rpartition(".")[2].startswith("val_") and "baselines" not in name]
    for leaf in ("val_loss", "val_accuracy"):
        fitting = [name for name in leaves if name.rpartition(".")[2] == leaf]
        if fitting:
            return fitting[0] if len(fitting) == 1 else leaf, fitting
    if not by_figure:
        return "val_loss", ["val_loss"]
    raise UsageError("expected a validation figure in the results, there is none", "Use --preset best")


def draw(asked: Sweep, by_figure: Mapping[str, Mapping[str, Any]], measure: str, networks: Sequence[str]) -> bytes:
    """The curve: the validation figure by value with its 95 % interval, and each baseline that has the same figure."""
    from nnlab.output import figures

    several = len(networks) > 1
    lines: dict[str, list[tuple[Any, Any]]] = {} if several else {"network": []}
    leaf = measure.rpartition(".")[2]
    for run, value in asked.runs.items():
        for name, figure in by_figure.get(run, {}).items():
            if name in networks:
                lines.setdefault(name.rpartition(".")[0] if several else "network", []).append((value, figure))
            elif "baselines." in name and name.rpartition(".")[2] == leaf:
                lines.setdefault(name.split(".")[-2], []).append((value, figure))
    title = f"nnlab {asked.command} --sweep {asked.name}"
    return figures.png(figures.by_setting(lines, xlabel=asked.name, ylabel=measure, title=title))
