"""Which digits fool a network? MLP and CNN, cross-entropy and squared error, over many seeds.

Run it::

    nnlab mnist --net cnn --loss ce --runs 5

One digit on its way: test digit 8 of MNIST is labelled 5 and looks like a 6. A network that gives
p(5) = 0.10 and p(6) = 0.88 gets it wrong by a gap of |p(label) - p(predicted)| = 0.78. Over the runs the
probabilities are averaged, digits are ranked by that gap, and how many of the runs get a digit wrong is
said beside it. A digit that nearly every run of every network contradicts with confidence is probably
mislabelled; the ledger (``ledger.csv``) lists every digit that any run got wrong.

All figures are of the test pictures, which no run is trained on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlab.commands.train import Bench
from nnlab.config import Config
from nnlab.data import digits
from nnlab.data.digits import Bytes, Digits
from nnlab.evaluation import misclassified
from nnlab.evaluation.intervals import over_runs, runs_to_tell
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import PictureRow, percent, table

if TYPE_CHECKING:
    from nnlab.experiments._digits import Recipe
    from nnlab.training.repeat import Outcome

Shares = dict[str, np.ndarray[Any, Any]]  # experiment: (runs, pictures, 10) probabilities


# ---- config ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class MnistConfig(Config):
    """What is compared: networks, losses, and how many of the worst digits are shown."""

    net: str = "both"
    loss: str = "ce"
    top: int = 3

    epochs: int | None  # type: ignore[assignment]  # None: the preset's, which differs between the networks

    @classmethod
    def recipe(cls, preset: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """``published`` is Keras's examples of early 2018 over 50 runs with both losses."""
        if preset == "published":
            return {"net": "both", "loss": "both", "runs": 50, "epochs": None, "batch_size": 128}
        if preset == "quick":
            return {"data": "sample", "epochs": 3, "batch_size": 64}
        return {"epochs": None, "batch_size": 128}

    @property
    def experiments(self) -> list[tuple[str, str]]:
        """(network, loss) of each experiment."""
        nets = ("mlp", "cnn") if self.net == "both" else (self.net,)
        losses = ("ce", "mse") if self.loss == "both" else (self.loss,)
        return [(net, loss) for net in nets for loss in losses]


CONFIG = MnistConfig


def recipe(config: MnistConfig, net: str, loss: str, *, shift: int | None = 1) -> Recipe:
    """How a network of this experiment is trained. Epochs of ``best``: 20 for the MLP, 8 for the CNN."""
    from nnlab.experiments._digits import Recipe

    published = config.preset == "published"
    epochs = config.epochs or ({"mlp": 20, "cnn": 12} if published else {"mlp": 20, "cnn": 8})[net]
    rate = {"mlp": 1.5e-3, "cnn": 3e-3}[net]
    return Recipe(net, loss, epochs, config.batch_size, published, 0 if published else shift, rate)


# ---- run ---------------------------------------------------------------------------------------------


def run(config: MnistConfig, bench: Bench) -> dict[str, Any]:
    """The experiment: train each network with each loss over the seeds, compare, show and save."""
    with bench.clock("data"):
        data = digits.load(config.data)
    bench.start_backend()
    from nnlab.experiments._digits import train_seeds

    arrays = (data.x_train, data.y_train, data.x_test, data.y_test)
    outcomes: dict[str, list[Outcome]] = {}
    kept = config.experiments[-1] if ("cnn", "ce") not in config.experiments else ("cnn", "ce")
    for net, loss in config.experiments:
        outcomes[f"{net}_{loss}"] = train_seeds(
            bench, recipe(config, net, loss), f"{net}_{loss}", config.seeds, arrays, keep_model=(net, loss) == kept
        )
    return present(config, bench, data, outcomes)


# ---- present -----------------------------------------------------------------------------------------


def present(
    config: MnistConfig, bench: Bench, data: Digits, outcomes: Mapping[str, Sequence[Outcome]]
) -> dict[str, Any]:
    """Tables, digits, figures, the ledger, and the ``results`` of the JSON document."""
    terminal, folder = bench.terminal, bench.folder
    shares = {name: np.stack([one.arrays.pop("probabilities") for one in runs]) for name, runs in outcomes.items()}
    accuracy = {name: misclassified.accuracies(share, data.y_test) for name, share in shares.items()}
    results: dict[str, Any] = {}
    tops: dict[str, list[misclassified.Misclassified]] = {}
    for name, share in shares.items():
        tops[name] = misclassified.ranked(data.y_test, share)[: config.top]
        results[name] = {
            "test_accuracy": over_runs(accuracy[name]),
            "most_misclassified": [one.record() for one in tops[name]],
        }
    shared = misclassified.in_common(tops)
    everywhere = sorted(index for index, names in shared.items() if len(names) == len(tops))
    results["common"] = everywhere

    runs = f"{config.runs} run{'s' if config.runs > 1 else ''}"
    accuracies = table("experiment", "test accuracy", "standard deviation", "runs", "wrong in any run")
    for name, result in results.items():
        if name != "common":
            figure = result["test_accuracy"]
            deviation = percent(figure["std"], 3) if isinstance(figure, dict) else "–"
            wrong = int(misclassified.any_wrong(shares[name], data.y_test).sum())
            accuracies.add_row(name, percent(figure), deviation, str(config.runs), f"{wrong:,}")
    for name, top in tops.items():
        if not top:
            terminal.show(f"[bold]{name}[/bold]: every test digit right in all of {runs}", "")
            continue
        terminal.show(f"[bold]{name}[/bold]: the test digits it gets most wrong ({runs})")
        terminal.show(PictureRow([data.x_test[one.index] for one in top], [one.caption() for one in top]))
        worst = table("index", "label", "predicted", "p(label)", "p(predicted)", "gap", "wrong in runs", left=0)
        for one in top:
            worst.add_row(
                *(str(one.index), str(one.label), str(one.predicted), f"{one.p_label:.3f}"),
                *(f"{one.p_predicted:.3f}", f"{one.gap:.3f}", f"{one.runs_misclassified}/{config.runs}"),
            )
        terminal.show(worst, "")
    terminal.show(accuracies, "")
    if len(tops) > 1:
        terminal.show(common_sentence(shared, len(tops), config.top), "")
        several = table("index", "label", "in the top of", left=3)
        for index, names in sorted(shared.items(), key=lambda item: (-len(item[1]), item[0])):
            if len(names) > 1:
                several.add_row(str(index), str(data.y_test[index]), ", ".join(names))
        if several.row_count:
            terminal.show(several, "")
    for sentence in seed_sentences(accuracy):
        terminal.show(sentence)
    ledger = misclassified.ledger(shares, data.y_test)
    suspects = [row for row in ledger if row["suspect"]]
    terminal.show("", suspect_sentence(suspects, len(ledger), misclassified.trusted(shares, data.y_test)))
    save(config, folder, data, outcomes, shares, tops, ledger)
    return results


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
            needed = runs_to_tell(figure["std"], 0.001)
            low, high = min(values), max(values)
            sentences.append(
                f"{name}: the seed alone moves accuracy from {percent(low)} to {percent(high)}; a difference of 0.1 "
                f"points needs {needed} runs of each side to be told from chance (two-sided, 95 %)."
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


def headline(results: dict[str, Any]) -> str:
    """The one figure of a finished run for the listing of ``nnlab runs``."""
    name = max((key for key in results if key != "common"), key=lambda key: misclassified.mean(results[key]))
    return f"{name} {percent(misclassified.mean(results[name]))}"


def save(
    config: MnistConfig,
    folder: RunFolder,
    data: Digits,
    outcomes: Mapping[str, Sequence[Outcome]],
    shares: Shares,
    tops: Mapping[str, Sequence[misclassified.Misclassified]],
    ledger: Sequence[Mapping[str, Any]],
) -> None:
    """Figures and the ledger."""
    from nnlab.output import figures, figures_digits

    folder.write_table("ledger.csv", ledger)
    rows = {
        name: [(data.x_test[one.index], f"{one.label} → {one.predicted}", f"#{one.index}") for one in top]
        for name, top in tops.items()
        if top
    }
    if rows:
        figure = figures_digits.rows_of_digits(rows, title="Most misclassified test digits (label → prediction)")
        folder.write("figures/figure1.png", figures.png(figure))
    folder.write("figures/confusion.png", figures.png(figures_digits.confusion(shares, data.y_test)))
    folder.write("figures/calibration.png", figures.png(figures_digits.calibration(shares, data.y_test)))
    figure, axes = figures.canvas(2, title=f"nnlab mnist ({config.preset}, {data.source})")
    for ax, column, scale, label in zip(
        axes, ("val_loss", "test_accuracy"), (1, 100), ("test loss", "test accuracy (%)"), strict=True
    ):
        lines = {
            name: [
                (one.history.column("epoch"), [scale * value for value in one.history.column(column)]) for one in runs
            ]
            for name, runs in outcomes.items()
        }
        figures.curves(ax, lines, ylabel=label, log=scale == 1)
    folder.write("figures/training.png", figures.png(figure))


# ---- predict -----------------------------------------------------------------------------------------


class Predictor:
    """Reads pictures of digits with a trained network."""

    SHIFT: int | None = 1

    def __init__(self, folder: RunFolder, config: MnistConfig | None = None) -> None:
        self.config = config or MnistConfig.from_record(folder.config)
        self.folder = folder
        self._model: Any = None

    def open(self) -> None:
        """Build the network that the run kept and load its weights."""
        from nnlab.backend import load_weights
        from nnlab.experiments import _digits
        from nnlab.models import digits as models

        names = self.config.experiments
        net, loss = ("cnn", "ce") if ("cnn", "ce") in names else names[-1]
        self._model = _digits.build(recipe(self.config, net, loss, shift=self.SHIFT), 1)
        load_weights(models.member(self._model, 0), self.folder.path / "model.keras")

    def read(self, text: str) -> Bytes:
        """A picture file as MNIST has it; InputError where it cannot be read."""
        return digits.read_picture(Path(text))

    def answer(self, pictures: Sequence[Bytes]) -> list[str]:
        """The digit and its probability, a picture each."""
        from nnlab.experiments._digits import probabilities

        shares = probabilities(self._model, np.stack(pictures), size=32)[:, 0]
        return [f"{share.argmax()} {share.max():.4f}" for share in shares]
