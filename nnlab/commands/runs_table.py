"""``nnlab runs table``: finished runs as Markdown tables, one per experiment, from their records.

What a results file of a project is made of: the command as it is typed, the seeds, every figure that was measured on
held-out data with the best baseline beside it, how long training took, and on what. The records may be anybody's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnlab.commands.compare import Side, open_side
from nnlab.commands.export.card import shown, text
from nnlab.commands.outcome import Outcome, run_command
from nnlab.commands.train import command_line
from nnlab.errors import ExitCode
from nnlab.evaluation.intervals import less_is_better, mean_of
from nnlab.output.terminal import Terminal, one_line

BASELINES = "baselines."
SCORES = ("exact_match", "chrf", "bleu", "psnr_db", "snr_db", "log_mel_distance_db", "song_distance_db", "epochs_to_99")
SHARES = ("accuracy", "exact_match")  # shown per cent


def tables(runs: Sequence[Path], *, json: bool) -> ExitCode:
    """Show finished runs as Markdown, or as JSON: a list of rows."""

    def work(terminal: Terminal) -> Outcome:
        by_command: dict[str, list[Side]] = {}
        for path in runs:
            side = open_side(path)
            by_command.setdefault(side.command, []).append(side)
        for command, sides in by_command.items():
            terminal.show_again(markdown(command, sides))
        return Outcome({"rows": [row(side) for sides in by_command.values() for side in sides]})

    return run_command("table", work, json=json)


def row(side: Side) -> dict[str, Any]:
    """One run: what made it, its figures of held-out data, each with the best baseline, and what it took."""
    document = side.folder.read_results()
    own = {name: value for name, value in side.figures.items() if is_reported(name)}
    return {
        "command": command_line(side.folder.read_json("config.json"), side.data),
        "seeds": seeds(side.config),
        "figures": {name: {"value": value, "best_baseline": best_baseline(name, side)} for name, value in own.items()},
        "weights": document["results"].get("weights"),
        "seconds": (document.get("seconds") or {}).get("train"),
        "machine": machine(side.environment),
        "nnlab": " ".join(filter(None, [side.environment.get("nnlab"), side.environment.get("commit")])),
    }


def is_reported(name: str) -> bool:
    """Whether a figure is one of held-out data: those of training and validation are not reported."""
    last = name.rpartition(".")[2]
    return not name.startswith(BASELINES) and (last.startswith("test_") or last in SCORES)


def best_baseline(name: str, side: Side) -> dict[str, Any] | None:
    """The baseline that comes off best in a figure; None where none has it."""
    last = name.rpartition(".")[2]
    found = {
        other.removeprefix(BASELINES).rpartition(".")[0]: mean_of(value)
        for other, value in side.figures.items()
        if other.startswith(BASELINES) and other.endswith(f".{last}")
    }
    if not found:
        return None
    best = (min if less_is_better(last) else max)(found, key=lambda baseline: found[baseline])
    return {"name": best, "value": found[best]}


def seeds(config: Mapping[str, Any]) -> str:
    """``0`` or ``0 to 4``."""
    first, runs = int(config["seed"]), int(config["runs"])
    return str(first) if runs == 1 else f"{first} to {first + runs - 1}"


def machine(environment: Mapping[str, Any]) -> str:
    """Device, threads and backend in a few words."""
    device = str(environment.get("device", "?"))
    cores = f"{environment.get('cores', '?')} cores, {environment.get('processor', '?')}"
    backend = f"{environment.get('backend', '?')} {environment.get('backend_version', '')}".strip()
    return f"{cores if device.startswith('CPU') else device}; {backend}"


# ---- Markdown ----------------------------------------------------------------------------------------


def markdown(command: str, sides: Sequence[Side]) -> str:
    """The table of one experiment: a column for each figure that any of its runs has."""
    rows = [row(side) for side in sides]
    names = list(dict.fromkeys(name for each in rows for name in each["figures"]))
    heads = ["command", "seeds", *names, "weights", "training", "machine", "nnlab"]
    lines = [f"## {text(command)}", "", joined([label(head) for head in heads]), joined(["---"] * len(heads))]
    for each in rows:
        seconds = each["seconds"]
        lines.append(
            joined(
                [
                    code(each["command"]),
                    each["seeds"],
                    *(cell(name, each["figures"].get(name)) for name in names),
                    "–" if each["weights"] is None else f"{each['weights']:,}",
                    "–" if seconds is None else f"{seconds:,.0f} s",
                    text(each["machine"]),
                    text(each["nnlab"]),
                ]
            )
        )
    return "\n".join([*lines, "", ""])


def label(name: str) -> str:
    """``mlp_ce.test_accuracy`` as ``mlp ce: test accuracy``."""
    return text(name.replace(".", ": ").replace("_", " "))


def code(command: str) -> str:
    """A command as code in a cell, where only a bar and a backtick mean anything."""
    return text(command) if "`" in command else f"`{one_line(command).replace('|', chr(92) + '|')}`"


def joined(cells: Sequence[str]) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def cell(name: str, figure: Mapping[str, Any] | None) -> str:
    """``98.90 ± 0.04 % (k_nearest_neighbours 96.93 %)``; a dash where a run has no such figure."""
    if figure is None:
        return "–"
    baseline = figure["best_baseline"]
    beside = "" if baseline is None else f" ({label(baseline['name'])} {figure_shown(name, baseline['value'])})"
    return figure_shown(name, figure["value"]) + beside


def figure_shown(name: str, value: Any) -> str:
    """A figure, with half its 95 % interval where there are several runs; shares per cent."""
    scale, unit = (100, " %") if name.endswith(SHARES) else (1, "")
    mean = value.get("mean") if isinstance(value, Mapping) else value
    if mean is None:
        return "–"
    ends = value.get("ci95") if isinstance(value, Mapping) else None
    if isinstance(ends, list) and None not in ends:
        return f"{shown(scale * mean)} ± {shown(scale * (ends[1] - ends[0]) / 2)}{unit}"
    return f"{shown(scale * mean)}{unit}"
