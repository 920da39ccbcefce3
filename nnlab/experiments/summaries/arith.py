"""What ``nnlab arith`` shows at the end of a run: consoles, table, sentences and figures."""

from __future__ import annotations

import collections
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnlab.config import SAMPLE
from nnlab.configs.arith import ArithConfig
from nnlab.data.assets import report_2018
from nnlab.data.sums.long_sums import KINDS
from nnlab.evaluation.intervals import mean_of, over_runs
from nnlab.experiments.summaries import add_runs
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import number, percent, table
from nnlab.training.task import RunResult, at_kept, curves

BASELINE = "published"  # the task of the published network, trained for as many seconds
MEASURED = ("exact_match", "character_accuracy")


def console_line(question: str, truth: str, answer: str, *, width: int) -> Any:
    """One line of the 2018 report's consoles: ``Q 291+7    T 298   298  ☑``.

    ``width`` pads question, truth and answer so that the lines of one console stand under each other.
    """
    from rich.text import Text

    mark = ("☑", "green") if truth.strip() == answer.strip() else ("☒", "red")
    digits = max((width + 1) // 2 + 1, len(truth), len(answer))
    line = Text.assemble(("Q ", "dim"), question.ljust(width), ("  T ", "dim"), truth.ljust(digits))
    return line.append(f"  {answer.ljust(digits)} ").append(*mark)


def summarise(config: ArithConfig, runs: Sequence[RunResult], baseline: Sequence[RunResult]) -> dict[str, Any]:
    """The figures of the contract, over all runs."""
    best = [run.history.best for run in runs]
    part = "val" if config.validation else "test"
    results = {name: over_runs([run.outputs["test"][name] for run in runs]) for name in MEASURED}
    results["test_loss"] = over_runs([run.outputs["test"]["loss"] for run in runs])
    results["loss"] = over_runs([float(row["loss"]) for row in best])
    results["val_loss"] = over_runs([float(row["val_loss"]) for row in best]) if config.validation else None
    reached = [next((r for r in run.history.rows if r[f"{part}_exact_match"] >= 0.99), None) for run in runs]
    for name, column in (("epochs_to_99", "epoch"), ("seconds_to_99", "seconds")):
        results[name] = over_runs([None if row is None else row[column] for row in reached])
    results["exact_match_by_length"] = by_digits(config, results["exact_match"], runs)
    results["baselines"] = {}
    if baseline:
        measures = {name: over_runs([run.outputs["test"][name] for run in baseline]) for name in MEASURED}
        measures["test_loss"] = over_runs([run.outputs["test"]["loss"] for run in baseline])
        results["baselines"] = {BASELINE: measures}
    return results


def by_digits(config: ArithConfig, taught: Any, runs: Sequence[RunResult]) -> list[dict[str, Any]]:
    """Exact match by the digits of the longer operand: the test part's first, then of longer questions by kind."""
    rows = [{"digits": config.digits, "exact_match": taught, "kinds": {}}]
    for asked in zip(*(run.outputs["longer"] for run in runs), strict=True):
        of, kinds = asked[0]["of"], list(asked[0]["right"])
        shares = {kind: over_runs([row["right"][kind] / of for row in asked]) for kind in kinds}
        every = over_runs([sum(row["right"].values()) / (of * len(kinds)) for row in asked])
        rows.append({"digits": asked[0]["digits"], "exact_match": every, "kinds": shares})
    return rows


def grouped(names: Sequence[str], right: np.ndarray[Any, Any]) -> dict[str, tuple[float, int]]:
    """(right, all) counts of each name, in order of name; ``right``: of each question, in which share of the runs."""
    total = collections.Counter(names)
    shares = collections.defaultdict[str, list[float]](list)
    for name, share in zip(names, right.tolist(), strict=True):
        shares[name].append(share)
    return {name: (math.fsum(shares[name]), total[name]) for name in sorted(total)}


def counted(right: float) -> str:
    """How many are right: a mean of several runs has a decimal."""
    return f"{right:,.0f}" if right == round(right) else f"{right:,.1f}"


def moment(config: ArithConfig, epoch: int) -> str:
    """An epoch of ``metrics.csv`` in words: after those with answers come rounds of self-training."""
    taught = config.epochs
    return f"epoch {epoch}" if epoch <= taught else f"round {epoch - taught} of self-training"


def summary(config: ArithConfig, results: dict[str, Any], tested: int) -> Any:
    """The table at the end; ``tested`` questions were asked."""
    listed = table("test questions", f"{tested:,}")
    add_runs(listed, config, "questions shown")
    listed.add_row("answers right (exact match)", percent(results["exact_match"]))
    listed.add_row("characters right", percent(results["character_accuracy"]))
    listed.add_row("test loss (nats per character, blanks too)", number(results["test_loss"], ".2g"))
    if results["val_loss"] is not None:
        listed.add_row("validation loss (nats per character, blanks too)", number(results["val_loss"], ".2g"))
    listed.add_row("training loss (nats per character, blanks too)", number(results["loss"], ".2g"))
    epochs, seconds = results["epochs_to_99"], results["seconds_to_99"]
    reached = (
        "not reached"
        if epochs is None
        else f"{number(epochs, '.3g')} epoch{'s' * (epochs != 1)}, {number(seconds, '.1f')} s"
    )
    several = isinstance(epochs, dict) and epochs["n"] < config.runs
    of_runs = f" ({epochs['n']} of {config.runs} runs)" if several else ""
    part = "validation" if config.validation else "test"
    before = f" (after the training of {config.inherited.run})" if config.inherited else ""
    listed.add_row(f"until 99 % of {part} were right{of_runs}", reached + before)
    for row in results["exact_match_by_length"][1:]:
        listed.add_row(f"right of {row['digits']:,} digits", percent(row["exact_match"]))
    for measures in results["baselines"].values():
        epochs = f"{config.baseline_epochs:,} epoch{'s' * (config.baseline_epochs != 1)}"
        listed.add_row(f"the published network, after {epochs}", percent(measures["exact_match"]))
    report = report_2018("arith") if config.data in (None, SAMPLE) else {"all_right_from_iteration": {}}
    if config.op in report["all_right_from_iteration"] and config.digits == 3:
        early, (low, high) = report["early"], report["late"]
        listed.add_row("the 2018 report, early / late", f"{100 * early:g} % / {100 * low:g}–{100 * high:g} %")
        listed.add_row("  all right from iteration", str(report["all_right_from_iteration"][config.op]))
    return listed


def in_words(config: ArithConfig, results: dict[str, Any]) -> list[str]:
    """What the network is worth: beyond the published one, and beyond the sums it was taught."""
    lines = []
    if results["baselines"]:
        reached = percent(results["baselines"][BASELINE]["exact_match"])
        epochs = f"{config.baseline_epochs:,} epoch{'s' * (config.baseline_epochs != 1)}"
        lines.append(
            f"The published network, given as much time (at most a minute: {epochs}), "
            f"comes to {reached}, this one to {percent(results['exact_match'])}."
        )
    if config.reads_any_length:
        taught = f"Taught sums of up to {config.digits} digit{'s' * (config.digits != 1)}"
        if config.data not in (None, SAMPLE):
            taught = "Taught only the questions of the file"
        taught += f", taught itself up to {config.extend}" if config.extend else " and no longer ones"
        shares = []
        for share, rows in itertools.groupby(results["exact_match_by_length"], lambda row: percent(row["exact_match"])):
            lengths = [f"{row['digits']:,}" for row in rows]
            shares.append(f"{share} at {' to '.join(dict.fromkeys([lengths[0], lengths[-1]]))}")
        lines.append(f"{taught}; right are {', '.join(shares)} digits.")
        if len(results["exact_match_by_length"]) > 1:
            asked = f"{config.examined * len(KINDS):,} questions of each longer length"
            lines.append(f"That is of {asked}, a quarter of each kind (figures/difficulty.png).")
    return lines


def save_figures(
    config: ArithConfig,
    folder: RunFolder,
    runs: Sequence[RunResult],
    found: Mapping[str, Any],
    by_carries: Mapping[str, tuple[float, int]],
    by_length: Mapping[str, tuple[float, int]],
) -> None:
    """``loss.png`` (loss and exact match by epoch) and ``difficulty.png`` (what is hard)."""
    from nnlab.output import figures

    title = f"nnlab arith --op {config.op} --digits {config.digits} ({config.preset})"
    part, name = ("val", "validation") if config.validation else ("test", "test")
    figure, axes = figures.canvas(2, title=title)
    shown = (("loss", 1, "loss (nats per character, blanks too)"), ("exact_match", 100, "answers right (%)"))
    for ax, (measure, scale, label) in zip(axes, shown, strict=True):
        training = {"training": curves(runs, measure)} if measure == "loss" else {}
        tested = {"": at_kept(runs, [scale * run.outputs["test"][measure] for run in runs])}
        figures.curves(
            ax,
            {**training, name: curves(runs, f"{part}_{measure}", scale)},
            ylabel=label if training else f"{name} {label}",
            log=measure == "loss",
            tested=tested if config.validation else None,
            taught=config.epochs if config.extend else None,
        )
    axes[1].set_ylim(0, 103)
    folder.write("figures/loss.png", figures.png(figure))

    title = figures.mean_over(title, config.runs)
    first, *longer = found["exact_match_by_length"]
    carried = "borrow" if config.op == "sub" else "carry"
    if longer:
        figure, (ax,) = figures.canvas(1, title=title, width=6.4)
        lines = {
            kind.replace("_", " ").replace("carry", carried): [
                (row["digits"], 100 * mean_of(row["kinds"][kind])) for row in longer
            ]
            for kind in longer[0]["kinds"]
        }
        test = 100 * mean_of(first["exact_match"])
        figures.by_digits(ax, lines, test=test, taught=config.digits, own=config.extend)
    else:
        figure, (left, right) = figures.canvas(2, title=f"{title}: test answers right")
        figures.bars(left, by_carries, xlabel="columns with borrows" if config.op == "sub" else "columns with carries")
        figures.bars(right, by_length, xlabel="digits of the operands")
    folder.write("figures/difficulty.png", figures.png(figure))
