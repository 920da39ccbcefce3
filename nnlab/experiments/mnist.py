"""Which digits fool a network? MLP and CNN, cross-entropy and squared error, over many seeds.

Run it::

    nnlab mnist --net cnn --loss ce --runs 5

One digit on its way: test digit 8 of MNIST is labelled 5 and looks like a 6. A network that gives
p(5) = 0.10 and p(6) = 0.88 gets it wrong by a gap of |p(label) - p(predicted)| = 0.78. Over the runs the
probabilities are averaged, digits are ranked by that gap, and how many of the runs get a digit wrong is
said beside it. A digit that nearly every run of every network contradicts with confidence is probably
mislabelled; the ledger (``ledger.csv``) lists every digit that any run got wrong.

All figures are of the test pictures, which no run is trained on and which choose no setting: settings are compared by
networks that learn from the first 50,000 training pictures, on the last 10,000 (``validation`` 1/6); those that are
reported then learn from all 60,000. Logistic regression and k nearest neighbours, fitted on the same pictures, stand
beside them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nnlab.configs.mnist import MnistConfig
from nnlab.data.digits.digits import Digits
from nnlab.evaluation import misclassified
from nnlab.evaluation.differences import POWER, runs_for
from nnlab.evaluation.digit_baselines import digit_baselines
from nnlab.evaluation.intervals import over_runs
from nnlab.experiments import FinishedRun, Loaded
from nnlab.experiments._digits import (
    DigitPredictor,
    baseline_label,
    beyond_baselines,
    figures_of,
    load_digits,
    task,
    test_points,
)
from nnlab.output.pictures import PictureRow
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal, percent, table
from nnlab.training.task import Results, Task, curves

Probabilities = dict[str, np.ndarray[Any, Any]]  # of each task: (runs, pictures, 10)


# ---- data and tasks ----------------------------------------------------------------------------------


def load(config: MnistConfig) -> Loaded[MnistConfig, Digits]:
    """MNIST, the user's own digits, or the sample; no seed draws or splits them."""
    loaded = load_digits(config)
    # Told, not refused: scripts give it to all seven commands alike.
    unused = f"--data-seed {config.data_seed} changes nothing: digits are neither drawn nor split by a seed"
    return replace(loaded, notes=[*loaded.notes, unused]) if config.data_seed else loaded


def tasks(config: MnistConfig, data: Digits) -> list[Task]:
    """Each network with each loss."""
    return [
        task(
            config,
            f"{net}_{loss}",
            net,
            loss,
            data,
            shift=config.shift,
            keep_model=(net, loss) == kept(config),
        )
        for net, loss in config.experiments
    ]


def kept(config: MnistConfig) -> tuple[str, str]:
    """(network, loss) of the task whose model the run keeps."""
    return ("cnn", "ce") if ("cnn", "ce") in config.experiments else config.experiments[-1]


# ---- present -----------------------------------------------------------------------------------------


def present(
    config: MnistConfig, data: Digits, results: Results, terminal: Terminal, folder: RunFolder
) -> dict[str, Any]:
    """Tables, digits, figures, the ledger, and the ``results`` of the JSON document."""
    from nnlab.output import figures

    by_task = {name: np.stack([run.outputs.pop("probabilities") for run in runs]) for name, runs in results.items()}
    accuracy = {name: misclassified.accuracies(given, data.y_test) for name, given in by_task.items()}
    found: dict[str, Any] = {}
    tops: dict[str, list[misclassified.Misclassified]] = {}
    for name, given in by_task.items():
        tops[name] = misclassified.ranked(data.y_test, given)[: config.top]
        found[name] = {
            **figures_of(results[name], accuracy[name]),
            "most_misclassified": [one.record() for one in tops[name]],
        }
    shared = misclassified.in_common(tops)
    everywhere = sorted(index for index, names in shared.items() if len(names) == len(tops))
    found["common"] = everywhere
    found["baselines"] = digit_baselines(data, terminal.tell)

    for name, top in tops.items():
        show_worst(terminal, name, top, data, config.runs)
    terminal.show(accuracy_table(config, found, by_task, data), "")
    of_networks = {name: found[name]["test_accuracy"] for name in by_task}
    terminal.show(beyond_baselines(of_networks, found["baselines"]), "")
    if len(tops) > 1:
        show_common(terminal, shared, len(tops), config.top, data)
    for sentence in seed_sentences(accuracy):
        terminal.show(sentence)
    ledger = misclassified.ledger(by_task, data.y_test)
    suspects = [row for row in ledger if row["suspect"]]
    terminal.show("", suspect_sentence(suspects, len(ledger), misclassified.trusted(by_task, data.y_test)))
    folder.write_table("ledger.csv", ledger)
    with figures.optional(terminal):
        save_figures(config, folder, data, results, found, by_task, tops)
    return found


def show_worst(
    terminal: Terminal, name: str, top: Sequence[misclassified.Misclassified], data: Digits, runs: int
) -> None:
    """The digits that a task gets most wrong, drawn and in a table."""
    of_runs = f"{runs} run{'s' if runs > 1 else ''}"
    if not top:
        terminal.heading(name, f"every test digit right in all of {of_runs}")
        return
    terminal.heading(name, f"the test digits it gets most wrong, {of_runs}")
    terminal.show(PictureRow([data.x_test[one.index] for one in top], [one.caption() for one in top]))
    worst = table("index", "label", "predicted", "p(label)", "p(predicted)", "gap", "wrong in runs", left=0)
    for one in top:
        worst.add_row(
            *(str(one.index), str(one.label), str(one.predicted), f"{one.p_label:.3f}"),
            *(f"{one.p_predicted:.3f}", f"{one.gap:.3f}", f"{one.runs_misclassified}/{runs}"),
        )
    terminal.show(worst, "")


def accuracy_table(config: MnistConfig, found: Mapping[str, Any], by_task: Probabilities, data: Digits) -> Any:
    """The accuracy of each task, on validation too where there is one, and of each baseline."""
    with_validation = config.validation > 0
    columns = ["validation"] if with_validation else []
    listed = table("task", *columns, "test accuracy", "deviation", "runs", "wrong in any run")
    for name, given in by_task.items():
        figure = found[name]["test_accuracy"]
        deviation = percent(figure["std"], 3) if isinstance(figure, dict) else "–"
        wrong = int(misclassified.any_wrong(given, data.y_test).sum())
        seen = [percent(found[name]["val_accuracy"])] if with_validation else []
        listed.add_row(name, *seen, percent(figure), deviation, str(config.runs), f"{wrong:,}")
    for name, figures in found["baselines"].items():
        seen = ["–"] if with_validation else []
        listed.add_row(baseline_label(name, figures), *seen, percent(figures["test_accuracy"]), "–", "–", "–")
    return listed


def show_common(terminal: Terminal, shared: Mapping[int, Sequence[str]], tasks: int, top: int, data: Digits) -> None:
    """The digits that several tasks have in their top K."""
    terminal.show(common_sentence(shared, tasks, top), "")
    several = table("index", "label", "in the top of", left=3)
    for index, names in sorted(shared.items(), key=lambda item: (-len(item[1]), item[0])):
        if len(names) > 1:
            several.add_row(str(index), str(data.y_test[index]), ", ".join(names))
    if several.row_count:
        terminal.show(several, "")


def common_sentence(shared: Mapping[int, Sequence[str]], experiments: int, top: int) -> str:
    """Which digits all experiments, or all but one, have in their top K."""
    counts = {n: [index for index, names in shared.items() if len(names) == n] for n in (experiments, experiments - 1)}
    listed = ", ".join(map(str, sorted(counts[experiments])))
    parts = [
        f"All {experiments} experiments share {listed} in their top {top}"
        if listed
        else f"No digit is in the top {top} of all {experiments} experiments"
    ]
    if experiments > 2:
        nearly = ", ".join(map(str, sorted(counts[experiments - 1])))
        parts.append(f"{experiments - 1} of {experiments} share {nearly}" if nearly else "none in all but one")
    return "; ".join(parts) + "."


def seed_sentences(accuracy: Mapping[str, Sequence[float]]) -> list[str]:
    """What a seed is worth: the spread, and how many runs tell 0.1 points from chance."""
    sentences = []
    for name, values in accuracy.items():
        if len(values) > 1:
            figure = over_runs(values)
            needed = runs_for(math.sqrt(2) * figure["std"], 0.001, paired=False)
            low, high = min(values), max(values)
            sentences.append(
                f"{name}: the seed alone moves accuracy from {percent(low)} to {percent(high)}; {needed} runs of each "
                f"side find a difference of 0.1 points in {100 * POWER:.0f} % of all tries (two-sided, 95 %)."
            )
    return sentences or ["One run says nothing of its seed: --runs 5 gives the spread."]


def suspect_sentence(suspects: Sequence[Mapping[str, Any]], wrong: int, trusted: bool) -> str:
    """The digits that are probably mislabelled."""
    if not trusted:
        return (
            f"{wrong:,} test digits are wrong in some run (ledger.csv). Which labels are probably wrong takes at "
            f"least 3 runs of each experiment, each 97 % right."
        )
    if not suspects:
        return f"{wrong:,} test digits are wrong in some run (ledger.csv); none is contradicted by nearly all."
    worst = ", ".join(f"{row['index']} ({row['label']}, looks like {row['predicted']})" for row in suspects[:8])
    return (
        f"{wrong:,} test digits are wrong in some run (ledger.csv). Probably mislabelled, as at least 9 of 10 runs of "
        f"every network contradict them with confidence: {len(suspects)}, first {worst}."
    )


def headline(results: Mapping[str, Any]) -> str:
    """The one figure of a finished run for the listing of ``nnlab runs``."""
    networks = [key for key in results if key not in ("common", "baselines")]
    name = max(networks, key=lambda key: misclassified.mean_accuracy(results[key]))
    return f"{name} {percent(results[name]['test_accuracy'])}"


def save_figures(
    config: MnistConfig,
    folder: RunFolder,
    data: Digits,
    results: Results,
    found: Mapping[str, Any],
    probabilities: Probabilities,
    tops: Mapping[str, Sequence[misclassified.Misclassified]],
) -> None:
    """The worst digits (the report's Figure 1), confusion, calibration and curves."""
    from nnlab.output import figures, picture_figures

    rows = {
        name: [(data.x_test[one.index], f"{one.label} → {one.predicted}", f"#{one.index}") for one in top]
        for name, top in tops.items()
        if top
    }
    if rows:
        figure = picture_figures.rows_of_digits(rows, title="Most misclassified test digits (label → prediction)")
        folder.write("figures/figure1.png", figures.png(figure))
    folder.write("figures/confusion.png", figures.png(picture_figures.confusion(probabilities, data.y_test)))
    folder.write("figures/calibration.png", figures.png(picture_figures.calibration(probabilities, data.y_test)))
    figure, axes = figures.canvas(2, title=f"nnlab mnist ({config.preset}, {data.source})")
    part, name = ("val", "validation") if config.validation else ("test", "test")
    shown = ((f"{part}_loss", 1, f"{name} loss"), (f"{part}_accuracy", 100, f"{name} accuracy (%)"))
    for ax, (column, scale, label) in zip(axes, shown, strict=True):
        lines = {name: curves(runs, column, scale) for name, runs in results.items()}
        tested = {} if scale == 1 or not config.validation else test_points(found, results)
        figures.curves(ax, lines, ylabel=label, log=scale == 1, tested=tested)
    folder.write("figures/training.png", figures.png(figure))


# ---- predict -----------------------------------------------------------------------------------------


def predictor(config: MnistConfig, run: FinishedRun, options: Mapping[str, Any]) -> DigitPredictor:
    """Reads pictures of digits with the network that the run kept."""
    net, _ = kept(config)
    return DigitPredictor(config, net, config.shift, run)
