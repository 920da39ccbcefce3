"""``nnlab runs table``: finished runs as Markdown tables, one per experiment, from their records.

What a results file of a project is made of: the command as it is typed, the seeds, every figure of the test part with
the best baseline beside it, how long training took, and on what. The records may be anybody's.

With ``--into FILE`` the rows of a file that name the same commands are written anew, each in the columns of its table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnlab.commands.compare import Side, open_side
from nnlab.commands.outcome import Outcome, run_command
from nnlab.commands.record import command_line
from nnlab.commands.results_file import write_rows
from nnlab.errors import ExitCode, NnlabError, UsageError
from nnlab.evaluation.intervals import compared_count, less_is_better, within
from nnlab.output.markdown import code, shown, table_row, text
from nnlab.output.terminal import Terminal, two_figures

BASELINES = "baselines."
SCORES = (
    *("exact_match", "character_accuracy", "chrf", "bleu", "bleu_one_reference"),
    *("psnr_db", "snr_db", "log_mel_distance_db", "decoded_distance_db", "song_distance_db"),
)
LOSSES = ("test_loss", "test_bits_per_character")  # shown beside a baseline's also by how much less
SHARES = ("accuracy", "exact_match")  # shown per cent
WORDS = {
    **{"mlp": "MLP", "cnn": "CNN", "ce": "CE", "mse": "MSE", "pca": "PCA", "psnr": "PSNR", "snr": "SNR"},
    **{"db": "in dB", "chrf": "chrF", "bleu": "BLEU", "kneser ney": "Kneser–Ney"},
}
FEWER = ("denoise",)  # baselines are of fewer pictures; an earlier record has no figure of the network on those
NOTES = {  # by command or figure
    "denoise": "The baselines, and what stands in brackets beside them, are of up to 200 of the test pictures.",
    "log_mel_distance_db": "The log mel distance is of the sound that comes back; decoded and song distance are of the "
    "spectrogram before it is sound.",
}


def tables(runs: Sequence[Path], *, into: Path | None = None, json: bool) -> ExitCode:
    """Show finished runs as Markdown, or as JSON: a list of rows. What is no finished run is told and left out.

    With ``into`` the rows of a Markdown file are written instead (:mod:`nnlab.commands.results_file`).
    """

    def work(terminal: Terminal) -> Outcome:
        found = opened(runs, terminal)
        if not found:
            raise UsageError("expected finished runs, there is none among them", "See what there is: nnlab runs")
        every = [row for _, _, row in found]
        if into is not None:
            return Outcome({"rows": every, "into": put_into(into, found, terminal)})
        for experiment in dict.fromkeys(experiment for _, experiment, _ in found):
            terminal.show_again(table(experiment, [row for _, other, row in found if other == experiment]))
        return Outcome({"rows": every})

    return run_command("table", work, json=json)


def opened(runs: Sequence[Path], terminal: Terminal) -> list[tuple[Path, str, dict[str, Any]]]:
    """(folder, experiment, row) of each finished run, those of an experiment together; what is none is told."""
    found = []
    for path in runs:
        try:
            side = open_side(path)
            made = row(side)
            cells_of(made)  # a record may be anybody's: what cannot be shown is left out
            found.append((path, side.command, made))
        except NnlabError as error:
            terminal.warn(f"left out: {error.message}")
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
            terminal.warn(f"left out: {path}: expected a record of nnlab ({error!r})")
    order = list(dict.fromkeys(experiment for _, experiment, _ in found))
    return sorted(found, key=lambda each: order.index(each[1]))


def put_into(file: Path, found: Sequence[tuple[Path, str, dict[str, Any]]], terminal: Terminal) -> dict[str, Any]:
    """Write runs into the tables of a file; its name, and the commands written. UsageError where two are of one."""
    folders: dict[str, Path] = {}
    for folder, _, made in found:
        if other := folders.get(made["command"]):
            raise UsageError(f"expected one run of {made['command']}, got {other} and {folder}", "Name one of them")
        folders[made["command"]] = folder
    written, told = write_rows(file, [cells_of(made) for _, _, made in found], is_figure)
    for message in told:
        terminal.warn(message)
    terminal.line(f"{len(written)} of {len(found)} runs are in {file}")
    return {"file": str(file), "written": [command for command in folders if code(command) in written]}


def row(side: Side) -> dict[str, Any]:
    """One run: what made it, its figures of the test part, each with the best baseline, and what it took."""
    document = side.folder.read_results()
    results = document["results"]
    figures: dict[str, dict[str, Any]] = {}
    for name, value in side.figures.items():
        if is_reported(name):
            same = on_compared(results, results.get("compared", {}).get(name))
            figures[name] = {"value": value, "best_baseline": best_baseline(name, side.figures), **same}
    by_noise = results.get("by_noise")
    for each in by_noise if isinstance(by_noise, list) else []:
        best = {"name": str(each["baseline"]), "value": float(each["baseline_psnr_db"])}
        same = on_compared(results, each.get("compared_psnr_db"))
        figures[f"psnr_db at {each['noise']:g}"] = {"value": each["psnr_db"], "best_baseline": best, **same}
    if side.command in FEWER and "compared" not in results:
        figures = {name: {**figure, "compared": None} for name, figure in figures.items()}
    by_length = results.get("exact_match_by_length")
    for each in by_length[1:] if isinstance(by_length, list) else []:  # the first is of the test part itself
        figures[f"exact_match at {each['digits']:,} digits"] = {"value": each["exact_match"], "best_baseline": None}
    seconds = document["seconds"].get("train")
    if document["environment"].get("resumed"):  # those of the last process alone
        seconds = None
    return {
        "command": command_line(side.folder.read_json("config.json"), side.data),
        "seeds": seeds(side.config),
        "figures": figures,
        "weights": weights_of(results),
        "seconds": None if seconds is None else float(seconds),
        "machine": machine(side.environment),
        "nnlab": " ".join(str(side.environment[name]) for name in ("nnlab", "commit") if side.environment.get(name)),
    }


def on_compared(results: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """A figure on the items that the baselines were measured on, and how many they are; empty where that is all."""
    counted = compared_count(results)
    return {} if counted is None or value is None else {"compared": {"items": counted[0], "value": value}}


def weights_of(results: Mapping[str, Any]) -> dict[str, int]:
    """How many weights each network has, by task; of the only one the task is empty."""
    if "weights" in results:
        return {"": int(results["weights"])}
    of_tasks = {name: part for name, part in results.items() if isinstance(part, dict) and "weights" in part}
    return {name: int(part["weights"]) for name, part in of_tasks.items()}


def is_reported(name: str) -> bool:
    """Whether a figure is one of the test part: those of training and validation are not reported."""
    last = name.rpartition(".")[2]
    return not name.startswith((BASELINES, "compared.")) and (last.startswith("test_") or last in SCORES)


def best_baseline(name: str, figures: Mapping[str, Any]) -> dict[str, Any] | None:
    """The baseline that comes off best in a figure; None where none has it.

    Of ``mlp_permuted.test_accuracy`` only those of permuted pixels are asked, if there are such.
    """
    task, _, last = name.rpartition(".")
    found = {}
    for other, value in figures.items():
        mean = value.get("mean") if isinstance(value, Mapping) else value
        if other.startswith(BASELINES) and other.endswith(f".{last}") and isinstance(mean, int | float):
            found[other.removeprefix(BASELINES).rpartition(".")[0]] = float(mean)
    pixels = f"_{task.rpartition('_')[2]}"
    found = {other: value for other, value in found.items() if other.endswith(pixels)} or found
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
    cores = f"{environment.get('threads', '?')} of {environment.get('cores', '?')} cores"
    backend = f"{environment.get('backend', '?')} {environment.get('backend_version', '')}".strip()
    processor = f"{cores}, {environment.get('processor', '?')}"
    return f"{processor if device.startswith('CPU') else device}; {backend}"


# ---- Markdown ----------------------------------------------------------------------------------------


def table(command: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """The table of one experiment: a column for each figure that any of its runs has."""
    names = list(dict.fromkeys(name for each in rows for name in each["figures"]))
    heads = ["command", "seeds", *names, "weights", "training", "machine", "nnlab"]
    lines = [
        f"## {text(command)}",
        "",
        table_row([label(head) for head in heads]),
        table_row(["---"] * len(heads)),
    ]
    for each in rows:
        cells = cells_of(each)
        lines.append(table_row([cells.get(label(head), "–") for head in heads]))
    lines += [line for key in (command, *names) if key in NOTES for line in ("", NOTES[key])]
    return "\n".join([*lines, "", ""])


def cells_of(row: Mapping[str, Any]) -> dict[str, str]:
    """The cells of a row of :func:`row`, each by the head of its column."""
    return {
        "command": code(row["command"]),
        "seeds": row["seeds"],
        **{label(name): cell(name, figure) for name, figure in row["figures"].items()},
        "weights": weights(row["weights"]),
        "training": "–" if row["seconds"] is None else f"{row['seconds']:,.0f} s",
        "machine": text(row["machine"]),
        "nnlab": text(row["nnlab"]),
    }


def weights(by_task: Mapping[str, int]) -> str:
    """``1,234``, or of several networks ``mlp ce 953,610; cnn ce 354,770``."""
    return "; ".join(f"{label(task)} {value:,}".strip() for task, value in by_task.items()) or "–"


def label(name: str) -> str:
    """``mlp_ce.test_accuracy`` as ``MLP CE: test accuracy``; a figure's decimal point stays."""
    words = (name if " at " in name else name.replace(".", ": ")).replace("_", " ")
    return text(re.sub(r"[a-z]+( ney)?", lambda found: WORDS.get(found[0], found[0]), words))


def cell(name: str, figure: Mapping[str, Any] | None) -> str:
    """``98.90 ± 0.03 % (k nearest neighbours 96.93 %)``; a dash where a run has no such figure.

    Of a loss, also by how much: ``0.0188 (PCA 0.0224, −16.0 %)``; where the baseline was measured on fewer items, on
    those: ``0.0086 (on 200 of them 0.0085, gaussian 0.0200, −57.5 %)``.
    """
    if figure is None:
        return "–"
    value, baseline = figure["value"], figure["best_baseline"]
    if baseline is None:
        return figure_shown(name, value)
    same = figure.get("compared", figure)  # None: not known
    on = f"on {same['items']:,} of them {figure_shown(name, same['value'])}, " if same and "items" in same else ""
    by = compared_by(same["value"], baseline["value"]) if same and name.endswith(LOSSES) else ""
    return f"{figure_shown(name, value)} ({on}{label(baseline['name'])} {figure_shown(name, baseline['value'])}{by})"


def compared_by(value: Any, baseline: float) -> str:
    """By how much a loss is more than a baseline's, on the same items; or that its interval does not tell."""
    mean = value.get("mean") if isinstance(value, Mapping) else value
    if not isinstance(mean, int | float) or baseline <= 0:
        return ""
    if within(value, baseline):
        return ", not told apart"
    return f", {100 * (mean / baseline - 1):+.1f} %".replace("-", "−")


def figure_shown(name: str, value: Any) -> str:
    """A figure; of several runs with half its 95 % interval, to two digits of it. Shares are per cent."""
    scale, unit = (100, " %") if name.partition(" at ")[0].endswith(SHARES) else (1, "")
    mean = value.get("mean") if isinstance(value, Mapping) else value
    ends = value.get("ci95") if isinstance(value, Mapping) else None
    if not isinstance(mean, int | float):
        return "–"
    if not isinstance(ends, list) or len(ends) != 2 or not all(isinstance(end, int | float) for end in ends):
        return f"{shown(scale * mean)}{unit}"
    half = scale * (ends[1] - ends[0]) / 2
    if not half > 0:  # all the same
        return f"{shown(scale * mean)}{unit}"
    decimals = two_figures(half)
    return f"{scale * mean:.{decimals}f} ± {half:.{decimals}f}{unit}"


def is_figure(head: str) -> bool:
    """Whether a column of a table holds figures of runs."""
    words = {label(name) for name in (*SCORES, *LOSSES, "test_accuracy")}
    return head.partition(" at ")[0].rpartition(": ")[2] in words
