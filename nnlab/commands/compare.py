"""``nnlab runs compare``: what differs between runs, their figures, and whether a difference means anything."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nnlab.commands.outcome import Outcome, run_command
from nnlab.commands.record import config_of
from nnlab.errors import ExitCode, UsageError
from nnlab.evaluation.differences import Difference, difference, runs_for
from nnlab.evaluation.intervals import flat_figures
from nnlab.experiments import entry
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal, number, quoted, table

SIZES = (0.1, 0.01, 0.001, 0.0001)  # differences that more runs are planned for, the largest that is not yet told


@dataclass(frozen=True)
class Side:
    """One run as it is compared."""

    name: str
    command: str
    config: Mapping[str, Any]
    data: Mapping[str, Any]
    environment: Mapping[str, Any]
    figures: Mapping[str, Any]  # dotted name: number, or the figure over several runs
    folder: RunFolder

    def values(self, name: str) -> dict[int, float]:
        """A figure of each seed."""
        figure, seed = self.figures[name], self.config["seed"]
        given = figure.get("values", []) if isinstance(figure, dict) else [figure]
        return {seed + run: float(value) for run, value in enumerate(given) if value is not None}


def compare(runs: Sequence[Path], *, figure: Path | None, json: bool) -> ExitCode:
    """Compare two or more finished runs: each with the first."""

    def work(terminal: Terminal) -> Outcome:
        if figure is not None and figure.exists():
            raise UsageError(f"expected a new file for --figure, {figure} exists", "Name another file")
        if figure is not None and figure.suffix.lower() != ".png":
            raise UsageError(f"expected --figure FILE.png, got {figure}", f"Name it {figure.with_suffix('.png')}")
        sides = [open_side(path) for path in runs]
        check(sides)
        settings = {
            part: differing([getattr(side, part) for side in sides]) for part in ("config", "data", "environment")
        }
        warnings = cautions(sides)
        for warning in warnings:
            terminal.warn(warning)
        show_settings(terminal, sides, settings)
        rows = [row for side in sides[1:] for row in figures_of(sides[0], side)]
        show_figures(terminal, sides, rows)
        for sentence in dict.fromkeys(row["verdict"] for row in rows if row["verdict"]):
            terminal.show(sentence)
        if figure is not None:
            draw(sides, figure)
            terminal.tell(f"saved {figure}")
        return Outcome({"runs": [side.name for side in sides], **settings, "warnings": warnings, "figures": rows})

    return run_command("compare", work, json=json)


def open_side(path: Path) -> Side:
    """A finished run; UsageError where it is none."""
    folder = RunFolder.open(path)
    if not folder.finished:
        raise UsageError(f"{path} is not finished", f"Go on with it: nnlab {folder.command} --resume {quoted(path)}")
    finished = folder.read_results()
    data = folder.source if (path / "data.json").is_file() else {}
    figures = dict(flat_figures(finished["results"]))
    environment = {name: value for name, value in finished["environment"].items() if name != "resumed"}  # the same bits
    return Side(str(path), folder.command, config_of(folder).record(), data, environment, figures, folder)


def check(sides: Sequence[Side]) -> None:
    """UsageError where a run is compared with itself, or with one of another experiment."""
    places = [side.folder.path.resolve() for side in sides]
    if len(sides) < 2 or len(set(places)) < len(places):
        raise UsageError("expected two or more different run folders", "See them all: nnlab runs")
    commands = {side.command for side in sides}
    if len(commands) > 1:
        raise UsageError(
            f"expected runs of one experiment, got {', '.join(sorted(commands))}", "Their figures cannot be compared"
        )


def cautions(sides: Sequence[Side]) -> list[str]:
    """What is told before any figure: other data, a single run."""
    told = []
    if len({side.data.get("digest") for side in sides}) > 1:
        told.append("these runs were measured on different data: their figures cannot be compared as they stand")
    subject = entry(sides[0].command).config.SUBJECT
    if other := sorted(subject.intersection(differing([side.config for side in sides]))):
        told.append(f"these runs learned other things: {', '.join(other)} differ, and what their figures mean")
    if any(side.config["runs"] < 2 for side in sides):
        told.append("with one run of a side nothing can be said of a difference: repeat both with --runs 5")
    return told


def differing(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The entries that are not the same in all records, each with its values in order."""
    names = dict.fromkeys(name for record in records for name in record)
    return {
        name: [record.get(name) for record in records]
        for name in names
        if any(record.get(name) != records[0].get(name) for record in records)
    }


def figures_of(first: Side, second: Side) -> list[dict[str, Any]]:
    """Every figure that both have: both, the difference with its interval, and what it means."""
    rows = []
    for name in first.figures:
        if name not in second.figures:
            continue
        one, two = first.values(name), second.values(name)
        if not one or not two:
            continue
        found = difference(one, two)
        if not of_the_same(first, second):
            found = replace(found, low=None, high=None)
        rows.append(
            {
                "figure": name,
                "runs": [first.name, second.name],
                "first": first.figures[name],
                "second": second.figures[name],
                "difference": found.mean,
                "ci95": None if found.low is None else [found.low, found.high],
                "method": found.method,
                "told_apart": found.told_apart,
                "verdict": verdict(name, found, len(one)),
            }
        )
    return rows


def of_the_same(first: Side, second: Side) -> bool:
    """Whether both were measured on the same test data, and their figures mean the same."""
    subject = entry(first.command).config.SUBJECT
    differ = differing([first.config, second.config])
    return first.data.get("digest") == second.data.get("digest") and not ({"data_seed", *subject} & set(differ))


def verdict(name: str, found: Difference, n: int) -> str:
    """One sentence; empty where nothing can be said: of a single run, or of other data."""
    if found.low is None or found.high is None or found.deviation is None:
        return ""
    share = name.endswith(("accuracy", "match"))
    scale, unit = (100, " points") if share else (1, "")
    interval = f"{scale * found.low:+.3g} to {scale * found.high:+.3g}{unit}"
    how = "paired by seed" if found.method == "paired" else "Welch's test"
    if found.told_apart:
        mean = f"{scale * found.mean:+.3g}{unit}"
        return f"{name}: {mean}, 95 % interval over the seeds, on this test set, {interval} ({how})"
    half = (found.high - found.low) / 2
    wanted = next((size for size in SIZES if size < half), half / 2) if half > 0 else 0.0
    more = max(1, runs_for(found.deviation, wanted, paired=found.method == "paired") - n) if wanted else 0
    plan = f"; about {more:,} more runs of each would tell {scale * wanted:g}{unit}" if more else ""
    return f"{name}: cannot be told apart ({interval}, {how}){plan}"


# ---- showing ---------------------------------------------------------------------------------------------


def show_settings(
    terminal: Terminal, sides: Sequence[Side], settings: Mapping[str, Mapping[str, Sequence[Any]]]
) -> None:
    """A table of what differs in the options, the data and the environment."""
    listed = table("differs in", "", *(side.name for side in sides), left=2 + len(sides))
    names = {"config": "options", "data": "data", "environment": "environment"}
    for part, rows in settings.items():
        for name, values in rows.items():
            shown = [
                str(value)[:12] + "…" if name == "digest" else "–" if value is None else str(value) for value in values
            ]
            listed.add_row(names[part], name, *shown)
    if listed.row_count:
        terminal.show(listed, "")
    else:
        terminal.show("the same options, data and environment", "")


def show_figures(terminal: Terminal, sides: Sequence[Side], rows: Sequence[Mapping[str, Any]]) -> None:
    """A table of the figures side by side."""
    other_name = sides[1].name if len(sides) == 2 else "other"
    listed = table("figure", sides[0].name, other_name, "difference", "95 % interval")
    for row in rows:
        interval = "–" if row["ci95"] is None else f"{row['ci95'][0]:+.4g} … {row['ci95'][1]:+.4g}"
        other = f"{number(row['second'])}" if len(sides) == 2 else f"{row['runs'][1]}: {number(row['second'])}"
        listed.add_row(row["figure"], number(row["first"]), other, f"{row['difference']:+.4g}", interval)
    terminal.show(listed, "")


def draw(sides: Sequence[Side], path: Path) -> None:
    """The curves of the runs over each other: the loss on held-out data by epoch."""
    from nnlab.output import figures

    lines: dict[str, list[tuple[list[float], list[float]]]] = {}
    for side in sides:
        by_run: dict[tuple[Any, ...], list[tuple[float, float]]] = {}
        for row in side.folder.read_metrics():
            epoch, value = row.get("epoch"), row.get("val_loss", row.get("test_loss", row.get("loss")))
            if isinstance(epoch, int) and isinstance(value, int | float) and math.isfinite(value):
                by_run.setdefault((row.get("task", ""), row.get("run")), []).append((epoch, value))
        lines[side.name] = [([e for e, _ in points], [v for _, v in points]) for points in by_run.values()]
    drawn, [ax] = figures.canvas(1, width=6.4, title=f"nnlab {sides[0].command}: held-out loss")
    figures.curves(ax, lines, ylabel="held-out loss", log=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(figures.png(drawn))
