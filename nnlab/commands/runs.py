"""``nnlab runs``: list run folders, show one again, and verify that one can be repeated to the bit."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnlab.commands.outcome import Outcome, run_command
from nnlab.commands.parent import with_parent
from nnlab.commands.record import config_of
from nnlab.commands.session import Session, execute
from nnlab.configs.run import RunOptions
from nnlab.errors import Description, ExitCode, InputError, NotReproduced, UsageError
from nnlab.evaluation.intervals import flat_figures, less_is_better, mean_of
from nnlab.experiments import REGISTRY
from nnlab.experiments import entry as registered
from nnlab.options import nearest
from nnlab.output import untrusted
from nnlab.output.run_folder import SWEEP, RunFolder, is_run
from nnlab.output.terminal import Terminal, number, quoted, table

LISTED = ("command", "preset", "seed", "runs", "epochs")
INNER = ("config", "values")  # of an entry: not in the JSON
# What may differ between two runs of the same config: how long things took.
TIMES = ("seconds", "seconds_to_99", "characters_per_second", "sentences_per_second")


@dataclass(frozen=True)
class Listing:
    """Which run folders are listed, and in what order."""

    folder: Path = Path("runs")
    command: str | None = None
    where: Sequence[str] = ()  # NAME=VALUE, of the options
    sort: str | None = None  # a figure of the results
    top: int | None = None


def list_runs(wanted: Listing, *, json: bool) -> ExitCode:
    """The run folders of a folder, newest first or by a figure, as a table or as JSON."""

    def work(terminal: Terminal) -> Outcome:
        folder = wanted.folder
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"expected a folder, {folder} is a file", "Name the folder that holds the runs")
        if not folder.exists() and folder != Listing.folder:
            raise UsageError(f"expected a folder of runs, there is no {folder}", "Name the folder that holds the runs")
        conditions = [condition(text) for text in wanted.where]
        paths = [path for path in folder.iterdir() if is_a_run(path)] if folder.is_dir() else []
        entries = [_entry(RunFolder(path)) for path in paths]
        check_names(entries, wanted.command, [name for name, _ in conditions])
        entries = [entry for entry in entries if wanted.command in (None, entry["command"])]
        entries = [entry for entry in entries if all(holds(entry, name, value) for name, value in conditions)]
        entries.sort(key=lambda entry: entry["changed"], reverse=True)
        sort = wanted.sort and figure_called(wanted.sort, entries)
        if sort:
            entries = sorted_by_figure(entries, sort)
        entries = entries[: wanted.top]
        if entries:
            show_list(terminal, entries, sort)
        elif paths:
            terminal.tell(f"none of the {len(paths)} run folders in {folder}/ is as asked for")
        else:
            terminal.tell(f"no run folders in {folder}/; make one: nnlab arith --preset quick")
        return Outcome({"runs": [{k: v for k, v in entry.items() if k not in INNER} for entry in entries]})

    return run_command("runs", work, json=json)


def show_list(terminal: Terminal, entries: Sequence[Mapping[str, Any]], sort: str | None) -> None:
    """A row per run; of ``LISTED`` the last go first where the terminal is too narrow for all columns."""
    columns = {name: name for name in ("run", "command", "status", *LISTED[1:])} | {"headline": "result"}
    if sort is not None:
        columns["sorted_by"] = sort
    for spare in (*reversed(LISTED), None):
        listing = table(*columns.values(), left=3)
        for entry in entries:
            cells = (number(entry[column]) if column == "sorted_by" else entry[column] for column in columns)
            listing.add_row(*("–" if cell is None else str(cell) for cell in cells))
        if spare is None or terminal.has_room(listing):
            break
        del columns[spare]
    terminal.show(listing)


def is_a_run(path: Path) -> bool:
    """Whether a place is a run folder, or one of a sweep; what cannot be looked at is none."""
    try:
        return path.is_dir() and (is_run(path) or (path / SWEEP).is_file())
    except OSError:
        return False


def check_names(entries: Sequence[Mapping[str, Any]], command: str | None, settings: Sequence[str]) -> None:
    """UsageError where there is no such command, or no run has a setting of this name: nothing could be found."""
    if command not in (None, *REGISTRY):
        raise UsageError(f"expected --command to be one of {', '.join(REGISTRY)}, got {command!r}", "Choose one")
    known = sorted({name for entry in entries for name in entry["config"]})
    for name in settings:
        if known and name not in known:
            raise UsageError(f"expected --where with a setting of a run, none has {name!r}", nearest(name, known))


def condition(text: str) -> tuple[str, str]:
    """``loss=mse`` as (name, value). UsageError where it is none."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise UsageError(f"expected --where NAME=VALUE, got {text!r}", "For example: --where loss=mse")
    return name.strip().lstrip("-").replace("-", "_"), value.strip()


def holds(entry: Mapping[str, Any], name: str, value: str) -> bool:
    """Whether a run has a setting of this value, compared as numbers where both are."""
    if name not in entry["config"]:
        return False
    setting = entry["config"][name]
    try:
        return float(value) == float(setting)
    except (TypeError, ValueError):
        return value.lower() == str(setting).lower()


def figure_called(name: str, entries: Sequence[Mapping[str, Any]]) -> str:
    """The whole name of a figure of the results that ends so; UsageError where none does, or several."""
    known = sorted({figure for entry in entries for figure in entry["values"]})
    fitting = [figure for figure in known if f".{figure}".endswith(f".{name}")]
    fitting = [figure for figure in fitting if "baselines." not in figure] or fitting
    if name in known or not entries:
        return name
    if not fitting:
        own = [figure for figure in known if not figure.startswith("baselines.")]
        raise UsageError(f"expected --sort to be a figure of the results, got {name!r}", nearest(name, own))
    if len(fitting) > 1:
        raise UsageError(f"expected --sort to be one figure, got {name!r} of several", f"Choose {' or '.join(fitting)}")
    return str(fitting[0])


def sorted_by_figure(entries: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Best first: losses, distances, seconds and sizes from the least, all else from the most; runs without it last."""
    entries = [{**entry, "sorted_by": entry["values"].get(name)} for entry in entries]
    have = [entry for entry in entries if entry["sorted_by"] is not None]
    have.sort(key=lambda entry: entry["sorted_by"], reverse=not less_is_better(name))
    return [*have, *(entry for entry in entries if entry["sorted_by"] is None)]


def _entry(folder: RunFolder) -> dict[str, Any]:
    """One line of the listing; a damaged folder is listed as such."""
    entry: dict[str, Any] = {
        "run": folder.path.name,
        "command": "",
        "status": "damaged",
        "preset": "",
        "seed": "",
        "runs": "",
        "epochs": "",
        "headline": "",
        "changed": "",
        "config": {},
        "values": {},
        "figures": [],
        "sorted_by": None,
    }
    try:
        changed = max((path.stat().st_mtime for path in [folder.path, *folder.path.iterdir()]), default=0.0)
        entry["changed"] = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(changed))
        if not is_run(folder.path):
            return {**entry, **_sweep_entry(folder)}
        config = entry["config"] = RunFolder.open(folder.path).config
        entry |= {key: config.get(key, "") for key in ("preset", "seed", "runs", "epochs")}
        entry["command"] = folder.command
        if folder.busy:
            entry["status"] = "running"
        elif not (folder.path / "results.json").is_file():
            entry["status"] = "interrupted"
        else:
            document = folder.read_results()
            entry["status"] = {"ok": "done"}.get(document["status"], document["status"])
            if document["status"] == "ok":
                made_by = registered(folder.command)
                entry["headline"] = made_by.experiment(config_of(folder)).headline(document["results"])
                figures = dict(flat_figures(document["results"]))
                entry |= {"figures": list(figures), "values": {name: mean_of(value) for name, value in figures.items()}}
    except Exception:  # whatever is wrong with one must not hide the others
        entry["status"] = "damaged"
    return entry


def _sweep_entry(folder: RunFolder) -> dict[str, Any]:
    """The line of a sweep: its setting, and the value that was chosen."""
    record = folder.read_json(SWEEP)
    told = {"command": record["command"], "config": record["typed"], "status": "interrupted"}
    if not (folder.path / "results.json").is_file():
        return {**told, "headline": f"sweep of {record['name']}"}
    results = folder.read_results()["results"]
    chosen = f"{record['name']} = {results['chosen']} of {len(results['values'])}"
    return {**told, "status": "done", "headline": f"sweep: {chosen}"}


def show_run(run: Path, *, json: bool) -> ExitCode:
    """The consoles and tables of a finished run, as they were shown; its document with ``json``."""

    def work(terminal: Terminal) -> Outcome:
        sweep = (run / SWEEP).is_file()
        folder = RunFolder(run) if sweep else RunFolder.open(run)
        if sweep and not (run / "console.txt").is_file():
            raise UsageError(f"the sweep {run} is not finished", f"Go on with it: --resume {quoted(run)}")
        if not (folder.path / "console.txt").is_file():
            raise UsageError(
                f"{run} is not finished, there is nothing to show yet",
                f"Go on with it: nnlab {folder.command} --resume {quoted(run)}",
            )
        finished = folder.read_results()
        terminal.show_again(folder.read_text("console.txt"))
        return Outcome(whole=finished)

    return run_command("runs", work, json=json)


def verify_run(run: Path, options: RunOptions) -> ExitCode:
    """Run the folder's config again in a temporary folder and compare everything but the times.

    Exit code 0 where weights, metrics and results are the same to the bit; otherwise 1, with what
    differs first and how the two environments differ.
    """

    def work(terminal: Terminal) -> Outcome:
        folder = RunFolder.open(run)
        if not folder.finished:
            raise UsageError(f"{run} is not finished", f"Go on with it: nnlab {folder.command} --resume {quoted(run)}")
        config = config_of(folder)
        if not (folder.path / "model.keras").is_file():
            raise InputError("expected the trained network, there is none", untrusted.DAMAGED, path=folder.path)
        with tempfile.TemporaryDirectory(prefix="nnlab-verify-") as place:
            terminal.tell(f"running the config of {run} again …")
            again = RunFolder.create(folder.command, Path(place) / "again")
            config = with_parent(folder, config)
            silent = Terminal(json=True, verbosity=options.verbosity)
            session = Session(folder.command, config, again, silent, RunOptions(device=options.device, benchmark=False))
            session.repeats, session.repeats_source = run, folder.source
            execute(session)
            differences = compare(folder, again)
            where = folder.read_json("environment.json"), again.read_json("environment.json")
            environments = _differences(*where)
        if differences:
            told = [named_variables(*where) if name == "variables" else name for name in environments]
            also = f"; environments differ in {', '.join(told)}" if told else "; same environment"
            hint = (
                "Verify on the machine and the versions of its environment.json" if environments else "Please report it"
            )
            raise NotReproduced(f"{run} was not reproduced: {differences[0]}{also}", hint)
        terminal.show("reproduced: the same weights, metrics and results, bit for bit")
        return Outcome({"reproduced": True, "environment_differences": environments}, known={"run": str(run)})

    def failed(told: Description) -> tuple[Description, dict[str, Any]]:
        return told, {"run": str(run)}

    return run_command("verify", work, json=options.json, verbosity=options.verbosity, failed=failed)


def named_variables(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    """The environment variables that two records of environments have with other values, by name."""
    one, two = first.get("variables"), second.get("variables")
    if not isinstance(one, dict) or not isinstance(two, dict):  # one of another version
        return "variables"
    return f"variables ({', '.join(sorted(_differences(one, two)))})"


def compare(first: RunFolder, second: RunFolder) -> list[str]:
    """What differs between two finished runs of one config, times apart; empty where nothing does."""
    found = []
    one, two = _metrics(first), _metrics(second)
    if one != two:
        rows = [(a, b) for a, b in zip(one, two, strict=False) if a != b]
        found.append(
            f"metrics.csv differs first in run {rows[0][0]['run']}, epoch {rows[0][0]['epoch']}"
            if rows
            else f"metrics.csv has {len(one)} rows, then {len(two)}"
        )
    again = untrusted.read_weights(second.path / "model.keras")
    weights = untrusted.read_weights(first.path / "model.keras", most=2 * sum(map(len, again.values())) + 1_000_000)
    if list(weights) != list(again):
        found.append("model.keras holds other weights")
    else:
        unequal = [name for name in weights if weights[name] != again[name]]
        if unequal:
            found.append(f"model.keras differs in {len(unequal)} of {len(weights)} weights, first {unequal[0]}")
    results = first.read_results()["results"], second.read_results()["results"]
    found += [f"results.json differs in {name}" for name in _differences(*results) if name not in TIMES]
    return found


def _metrics(folder: RunFolder) -> list[dict[str, str]]:
    rows = untrusted.read_table(folder.path / "metrics.csv")
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rows]


def _differences(one: dict[str, Any], two: dict[str, Any]) -> list[str]:
    return [key for key in dict.fromkeys([*one, *two]) if one.get(key) != two.get(key)]
