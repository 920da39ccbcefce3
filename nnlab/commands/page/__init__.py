"""``nnlab runs page``: one self-contained HTML page of one or several runs.

A run that cannot be shown is told in its section, and the others are shown all the same (exit code 2, as in every
batch). An unfinished run is shown as far as it came. What a teacher would project (:mod:`nnlab.experiments.insights`)
takes the run's data, which are loaded as the record says and compared by their digest: where they cannot be had, the
page says so in one line and goes on.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnlab.commands.outcome import Outcome, run_command
from nnlab.commands.page.render import Made, made_by, render
from nnlab.commands.record import command_line, config_of, load_again
from nnlab.config import Config
from nnlab.errors import Description, ExitCode, InputError, NnlabError, UsageError, describe, named
from nnlab.evaluation.intervals import TIMED, compared_count, flat_figures, listed_figures
from nnlab.experiments import FinishedRun, entry
from nnlab.options import fields_of, flag_of
from nnlab.output import untrusted
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal, number, percent, quoted

DEFAULT = "page.html"
EPOCHS = 8  # of an unfinished run
MOST_ROWS, MOST_COLUMNS, LONGEST_CELL, LONGEST_TEXT = 200, 12, 40, 2000  # of tables that a stranger may have filled
TITLES = {
    "mnist": "Which digits fool a network",
    "permute": "Does the order of the pixels matter?",
    "textgen": "Writing text, one character at a time",
    "translate": "Translating from sentence pairs",
    "arith": "Learning to calculate",
    "autoencode": "Through a few numbers and back",
    "denoise": "Noise taken out of pictures",
}
WORDS = {
    "pca": "PCA",
    "psnr": "PSNR",
    "snr": "SNR",
    "db": "(dB)",
    "bleu": "BLEU",
    "chrf": "chrF",
    "mlp": "MLP",
    "cnn": "CNN",
    "ce": "CE",
    "mse": "MSE",
    "bce": "BCE",
}  # in names of figures


@dataclass
class Shown:
    """What the page shows of one run, and what is told of it in the JSON document."""

    path: Path
    name: str
    command: str = ""
    title: str = ""
    problem: Description | None = None  # why it cannot be shown
    status: str = "damaged"  # done, interrupted, running, error or damaged
    headline: str = ""
    line: str = ""  # the command that made it
    facts: str = ""
    error: str = ""
    several: bool = False  # whether figures are over several runs
    figures_of_run: list[tuple[str, str, str, str]] = field(default_factory=list)  # name, value, interval, runs
    made: Made | None = None
    insights: Sequence[Any] = ()
    notes: list[str] = field(default_factory=list)
    epochs: Any = None  # a table
    data: list[tuple[str, str]] = field(default_factory=list)
    options: list[tuple[str, str]] = field(default_factory=list)
    environment: list[tuple[str, str]] = field(default_factory=list)
    repeat: str = ""

    @property
    def kicker(self) -> str:
        """The small line above the title."""
        return f"nnlab {self.command} · {self.name}" if self.command else ""

    def record(self) -> dict[str, Any]:
        """As in the JSON document."""
        return {
            "run": str(self.path),
            "command": self.command or None,
            "status": self.status,
            "figures": len(self.made.figures) if self.made else 0,
            "sounds": len(self.made.sounds) if self.made else 0,
            "insights": [one.title for one in self.insights],
            "notes": self.notes,
            "error": self.error or None,
        }


def page(runs: Sequence[Path], *, out: Path | None, json: bool) -> ExitCode:
    """Write the page of some run folders, whole or not at all, into a new file."""

    def work(terminal: Terminal) -> Outcome:
        check_different(runs)
        target = out or (runs[0] / DEFAULT if len(runs) == 1 else Path(DEFAULT))
        check_new(target)
        shown = [section(path, terminal) for path in runs]
        broken = [one for one in shown if one.problem]
        for one in broken if len(shown) > 1 else []:
            terminal.warn(f"{one.path}: {one.error}")
        if len(broken) == len(shown):  # a page of nothing is none
            return Outcome({}, broken[0].problem)
        content = render("runs.html", title=f"{len(shown)} runs of nnlab", runs=shown)
        write_new(target, content)
        terminal.line(str(target))
        terminal.tell(f"saved {target} ({len(content) / 1e6:.3g} MB): open it in a browser, or print it")
        error = None
        if broken:
            error = InputError(f"{len(broken)} of {len(shown)} runs could not be shown", "See the section of each")
        results = {"page": str(target), "bytes": len(content), "runs": [one.record() for one in shown]}
        known = {"run": str(runs[0]) if len(runs) == 1 else None, "artifacts": [str(target)]}
        return Outcome(results, error, known)

    return run_command("page", work, json=json)


def check_different(runs: Sequence[Path]) -> None:
    """UsageError where two names are of one folder."""
    seen: dict[Path, Path] = {}
    for path in runs:
        place = Path(os.path.realpath(path))
        if place in seen:
            raise UsageError(
                f"expected different run folders, {seen[place]} and {path} are the same", "Name each run once"
            )
        seen[place] = path


def check_new(target: Path) -> None:
    """UsageError where there is a file already, or anything else."""
    if os.path.lexists(target):
        raise UsageError(f"expected a new file for --out, {target} exists", "Name another file: --out FILE.html")


def write_new(target: Path, content: bytes) -> None:
    """Write a file whole or not at all, and never over another, also one that has come meanwhile."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{secrets.token_hex(6)}.part")
    try:
        with named(target):
            part.write_bytes(content)
        try:
            os.link(part, target)
        except FileExistsError:
            check_new(target)
            raise
        except OSError:  # a disk without links
            check_new(target)
            os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


# ---- one run -----------------------------------------------------------------------------------------


def section(path: Path, terminal: Terminal) -> Shown:
    """What is shown of a run folder, which may be anybody's; what is wrong with it is told, not raised."""
    shown = Shown(path, path.resolve().name or str(path), title=path.name or str(path))
    try:
        folder = RunFolder.open(path)
        fill(shown, folder, terminal)
    except (NnlabError, OSError, RecursionError) as error:
        if isinstance(error, RecursionError):  # lists in lists in lists, of a stranger
            error = InputError("expected records as nnlab writes them", untrusted.DAMAGED, path=path)
        shown.problem = describe(error)
        if shown.problem.exit_code == ExitCode.RESOURCES:
            raise
        shown.status, shown.error = "damaged", shown.problem.line()
    return shown


def fill(shown: Shown, folder: RunFolder, terminal: Terminal) -> None:
    """All of a run that can be read. NnlabError or OSError where its record or its results cannot."""
    shown.command = folder.command
    config = config_of(folder)
    registered = entry(folder.command)
    shown.title = TITLES.get(folder.command, folder.command)
    shown.line = command_line(folder.read_json("config.json"), folder.source)
    shown.options = [(flag_of(one), told(getattr(config, one.name))) for one in fields_of(type(config))]
    shown.data = data_of(folder)
    shown.made = made_by(folder.path, shown.title)
    shown.notes += [f"Left out: {problem}" for problem in shown.made.problems]
    if folder.finished:
        finished = folder.read_results()
        shown.status = "done"
        shown.environment = [(name.replace("_", " "), told(value)) for name, value in finished["environment"].items()]
        shown.repeat = f"nnlab runs verify {quoted(shown.path)}"
        with_figures(shown, registered.experiment(config), config, finished)
        shown.insights = insights_of(shown, folder, config, terminal)
        if shown.insights and shown.several:
            shown.notes.append(
                f"The sections that look into the network show the one that was kept, of seed {config.seed}."
            )
    else:
        unfinished(shown, folder)


def with_figures(shown: Shown, experiment: Any, config: Config, finished: dict[str, Any]) -> None:
    """The headline and the table of figures; InputError where they are not as nnlab writes them."""
    results = finished["results"]
    try:
        shown.headline = experiment.headline(results)
        shown.several = config.runs > 1
        rows = [(with_count(name, results), value) for name, value in flat_figures(results, left_out=TIMED)]
        rows += listed_figures(results)  # where a run shows its weakness
        shown.figures_of_run = [figure_row(*row, config.figure_words) for row in rows[:MOST_ROWS]]
        seconds, device = float(finished["seconds"]["total"]), finished["environment"].get("device")
        seeds = f"seeds {config.seed} to {config.seed + config.runs - 1}" if config.runs > 1 else f"seed {config.seed}"
        shown.facts = f"{config.preset} preset, {seeds}, {config.epochs_told}, {seconds:,.0f} s on {device}"
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"expected results as nnlab writes them ({type(error).__name__}: {str(error)[:200]})",
            untrusted.DAMAGED,
            path=shown.path / "results.json",
        ) from error


def with_count(name: str, results: dict[str, Any]) -> str:
    """The name of a figure, with how many test items where baselines, and the network beside them, have fewer."""
    counted = compared_count(results)
    whose, _, rest = name.partition(".")
    if counted is None or whose not in ("compared", "baselines"):
        return name
    return f"{whose.replace('compared', 'network')} on {counted[0]:,} of the test {counted[1]}.{rest}"


def figure_row(name: str, value: Any, own_words: Mapping[str, str]) -> tuple[str, str, str, str]:
    """(name, value, interval, runs) as texts; shares in percent. ``own_words``: an experiment's, of some names."""
    share = name.partition(" at ")[0].endswith(("accuracy", "match"))
    words = re.sub(r"\.(?!\d)", ": ", name).replace("_", " ")  # not that of total_variation_0.5
    label = re.sub(r"\w+", lambda word: WORDS.get(word[0], word[0]), words)
    place, _, last = name.rpartition(".")
    if last in own_words:
        label = f"{figure_row(place, 0, {})[0]}: {own_words[last]}" if place else own_words[last]
    if not isinstance(value, dict):
        return label, percent(value) if share else number(value, ",d" if isinstance(value, int) else ""), "", ""
    scale, unit = (100, " %") if share else (1, "")
    low, high = value["ci95"]
    interval = "–" if low is None or high is None else f"{scale * low:.4g} … {scale * high:.4g}{unit}"
    mean = "–" if value["mean"] is None else f"{scale * value['mean']:.4g}{unit}"
    return label, mean, interval, str(value["n"])


def unfinished(shown: Shown, folder: RunFolder) -> None:
    """How far a run came, why it ended, and how to go on."""
    from nnlab.experiments.insights import Table

    shown.status = "running" if folder.busy else "interrupted"
    go_on = f"Go on with it: nnlab {folder.command} --resume {quoted(shown.path)}"
    shown.error = "This run is still at work." if shown.status == "running" else f"This run is not finished. {go_on}"
    if (folder.path / "results.json").is_file():
        failed = folder.read_results()
        message = failed["error"].get("message") if isinstance(failed.get("error"), dict) else None
        if failed["status"] == "error":
            shown.status, shown.error = "error", f"This run ended with an error: {message}. {go_on}"
    if (folder.path / "metrics.csv").is_file():
        rows = folder.read_metrics()[-EPOCHS:]
        heads = list(dict.fromkeys(name for row in rows for name in row))[:MOST_COLUMNS]
        if heads:
            listed = [[number(row.get(name))[:LONGEST_CELL] for name in heads] for row in rows]
            shown.epochs = Table([head[:LONGEST_CELL].replace("_", " ") for head in heads], listed, left=0)


def data_of(folder: RunFolder) -> list[tuple[str, str]]:
    """Name, licence and digest of the data, as the run recorded them."""
    from nnlab.data.sources import datasets

    if not (folder.path / "data.json").is_file():
        return []
    source = folder.source
    name = told(source.get("name"))
    rows = [("data", name)]
    known = next((datasets.KNOWN[one] for one in (name, told(source.get("asked_for"))) if one in datasets.KNOWN), None)
    if known is None and source.get("asked_for") is None:
        known = datasets.KNOWN.get(entry(folder.command).config.DATA)
    if known is not None:
        rows += [("what it is", known.about), ("licence", known.licence), ("attribution", known.attribution)]
    elif name in ("sample", "drawn"):
        rows.append(("licence", "made by nnlab on the spot"))
    rows += [(key, told(source[key])) for key in ("items", "edition", "digest") if source.get(key)]
    return rows


def insights_of(shown: Shown, folder: RunFolder, config: Config, terminal: Terminal) -> Sequence[Any]:
    """What a teacher would project; a note, and nothing, where that cannot be made."""
    from nnlab import backend

    registered = entry(folder.command)
    if registered.insights is None:
        return ()
    try:
        terminal.tell(f"{shown.path}: looking into the network …")
        needed = folder.read_json("preprocessing.json") if (folder.path / "preprocessing.json").is_file() else {}
        loaded = load_again(folder)
        backend.start("auto", onednn=registered.onednn)
        return registered.insights(config).insights(config, loaded, FinishedRun(folder.path / "model.keras", needed))
    except (OSError, MemoryError) as error:
        problem = describe(error)
        if problem.exit_code == ExitCode.RESOURCES:
            raise
        reason = problem.message
    except NnlabError as error:
        reason = error.message
    except Exception as error:  # whatever a stranger's files make of it: the rest of the page stands
        terminal.traceback(error)
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    shown.notes.append(f"The network itself is not shown: {reason}.")
    terminal.warn(f"{shown.path}: the network itself is not shown: {reason}")
    return ()


# ---- words -------------------------------------------------------------------------------------------


def told(value: Any) -> str:
    """A recorded value as a person reads it; a long one is cut."""
    if value is None:
        return "–"
    if isinstance(value, list):
        return cut(", ".join(map(told, value)))
    if isinstance(value, dict):
        return cut(", ".join(f"{name}={told(one)}" for name, one in value.items()))
    return cut(str(value))


def cut(text: str) -> str:
    """A text, not longer than a page has room for; one that goes on says so."""
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
