"""``nnlab runs``: list run folders, show one again, and verify that one can be repeated to the bit."""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nnlab.commands.train import Bench, Edge, carry_out, experiment
from nnlab.errors import ExitCode, NnlabError, NotReproduced, UsageError, describe
from nnlab.output.document import dumps, envelope
from nnlab.output.run_folder import RunFolder, is_run
from nnlab.output.terminal import Terminal, table

# What may differ between two runs of the same config: how long things took.
TIMES = ("seconds", "seconds_to_99", "characters_per_second", "sentences_per_second")


def list_runs(folder: Path, *, json: bool) -> ExitCode:
    """The run folders in ``folder``, newest first, as a table or as JSON."""

    def work(terminal: Terminal) -> dict[str, Any]:
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"expected a folder, {folder} is a file", "Name the folder that holds the runs")
        found = [entry for entry in folder.iterdir() if entry.is_dir() and is_run(entry)] if folder.is_dir() else []
        entries = [_entry(RunFolder(path)) for path in found]
        entries.sort(key=lambda entry: entry["changed"], reverse=True)
        if entries:
            listing = table("run", "status", "preset", "seed", "runs", "epochs", "result", left=3)
            for entry in entries:
                columns = ("run", "status", "preset", "seed", "runs", "epochs", "headline")
                listing.add_row(*("–" if entry[column] is None else str(entry[column]) for column in columns))
            terminal.show(listing)
        else:
            terminal.tell(f"no run folders in {folder}/; make one: nnlab arith --preset quick")
        return {"runs": entries}

    return tell("runs", work, json=json)


def _entry(folder: RunFolder) -> dict[str, Any]:
    """One line of the listing; a damaged folder is listed as such."""
    changed = max((path.stat().st_mtime for path in [folder.path, *folder.path.iterdir()]), default=0.0)
    entry: dict[str, Any] = {
        "run": folder.path.name,
        "command": "",
        "status": "damaged",
        "preset": "",
        "seed": "",
        "runs": "",
        "epochs": "",
        "headline": "",
        "changed": time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(changed)),
    }
    try:
        config = folder.config
        entry |= {key: config.get(key, "") for key in ("preset", "seed", "runs", "epochs")}
        entry["command"] = folder.command
        if folder.busy:
            entry["status"] = "running"
        elif not (folder.path / "results.json").is_file():
            entry["status"] = "interrupted"
        else:
            document = folder.read_json("results.json")
            entry["status"] = {"ok": "done"}.get(document["status"], document["status"])
            if document["status"] == "ok":
                entry["headline"] = experiment(folder.command).headline(document["results"])
    except (NnlabError, KeyError, ImportError, TypeError, AttributeError):
        entry["status"] = "damaged"
    return entry


def show_run(run: Path, *, json: bool) -> ExitCode:
    """The consoles and tables of a finished run, as they were shown; its document with ``json``."""
    terminal = Terminal(json=json)
    try:
        folder = RunFolder.open(run)
        if not (folder.path / "console.txt").is_file():
            raise UsageError(
                f"{run} is not finished, there is nothing to show yet",
                f"Go on with it: nnlab {folder.command} --resume {run}",
            )
        document = folder.read_json("results.json")
        text = folder.read_text("console.txt")
    except NnlabError as error:
        return _refuse("runs", error, terminal, run)
    terminal.write(dumps(document) if json else text)
    return ExitCode.DONE


def verify_run(run: Path, *, device: str, json: bool, verbosity: int) -> ExitCode:
    """Run the folder's config again in a temporary folder and compare everything but the times.

    Exit code 0 where weights, metrics and results are the same to the bit; otherwise 1, with what
    differs first and how the two environments differ.
    """

    def work(terminal: Terminal) -> dict[str, Any]:
        folder = RunFolder.open(run)
        if not (folder.path / "results.json").is_file() or folder.read_json("results.json")["status"] != "ok":
            raise UsageError(f"{run} is not finished", f"Go on with it: nnlab {folder.command} --resume {run}")
        config = experiment(folder.command).CONFIG.from_record(folder.config)
        with tempfile.TemporaryDirectory(prefix="nnlab-verify-") as place:
            terminal.tell(f"running the config of {run} again …")
            again = RunFolder.create(folder.command, Path(place) / "again")
            again.write_config(folder.command, config.record())
            silent = Terminal(json=True, verbosity=verbosity)
            carry_out(folder.command, config, Bench(again, silent, Edge(device=device)), time.perf_counter())
            differences = compare(folder, again)
            environments = _differences(folder.read_json("environment.json"), again.read_json("environment.json"))
        if differences:
            also = f"; environments differ in {', '.join(environments)}" if environments else "; same environment"
            hint = (
                "Verify on the machine and the versions of its environment.json" if environments else "Please report it"
            )
            raise NotReproduced(f"{run} was not reproduced: {differences[0]}{also}", hint)
        terminal.show("reproduced: the same weights, metrics and results, bit for bit")
        return {"reproduced": True, "environment_differences": environments}

    return tell("verify", work, json=json, verbosity=verbosity, run=run)


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
    weights, again = _weights(first), _weights(second)
    if list(weights) != list(again):
        found.append("model.keras holds other weights")
    else:
        unequal = [name for name in weights if weights[name] != again[name]]
        if unequal:
            found.append(f"model.keras differs in {len(unequal)} of {len(weights)} weights, first {unequal[0]}")
    results = (first.read_json("results.json")["results"], second.read_json("results.json")["results"])
    found += [f"results.json differs in {name}" for name in _differences(*results) if name not in TIMES]
    return found


def _metrics(folder: RunFolder) -> list[dict[str, str]]:
    with open(folder.path / "metrics.csv", encoding="utf-8", newline="") as file:
        return [{key: value for key, value in row.items() if key not in TIMES} for row in csv.DictReader(file)]


def _weights(folder: RunFolder) -> dict[str, bytes]:
    """Every array of ``model.keras``, by its place in the file."""
    import io
    import zipfile

    import h5py

    with zipfile.ZipFile(folder.path / "model.keras") as archive:
        content = archive.read("model.weights.h5")
    arrays: dict[str, bytes] = {}

    def keep(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            arrays[name] = node[()].tobytes()

    with h5py.File(io.BytesIO(content)) as file:
        file.visititems(keep)
    return arrays


def _differences(one: dict[str, Any], two: dict[str, Any]) -> list[str]:
    return [key for key in dict.fromkeys([*one, *two]) if one.get(key) != two.get(key)]


# ---- telling -----------------------------------------------------------------------------------------


def tell(
    command: str,
    work: Callable[[Terminal], dict[str, Any]],
    *,
    json: bool,
    verbosity: int = 0,
    run: Path | None = None,
    but: Callable[[], NnlabError | None] = lambda: None,
) -> ExitCode:
    """Do the work; its results as JSON if asked, its error in one line and with its exit code.

    ``but`` is asked when the work is done: an error it names goes beside the results.
    """
    terminal = Terminal(json=json, verbosity=verbosity)
    try:
        results = work(terminal)
    except (Exception, KeyboardInterrupt) as error:
        return _refuse(command, error, terminal, run)
    flaw = but()
    told = describe(flaw) if flaw else None
    code = told.exit_code if told else ExitCode.DONE
    if told:
        terminal.error(told)
    if json:
        place = str(run) if run else None
        terminal.write(dumps(envelope(command, exit_code=code, run=place, results=results, error=told)))
    return code


def _refuse(command: str, error: BaseException, terminal: Terminal, run: Path | None) -> ExitCode:
    told = describe(error)
    terminal.traceback(error)
    terminal.error(told)
    if terminal.json:
        document = envelope(command, exit_code=told.exit_code, run=str(run) if run else None, error=told)
        terminal.write(dumps(document))
    return told.exit_code
