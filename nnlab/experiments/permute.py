"""Does the order of the pixels matter? MLP and CNN on MNIST, plain, shuffled, and laid out again.

Run it::

    nnlab permute --runs 5

One random permutation shuffles the pixels of every picture, training and test alike. To an MLP a
shuffled digit is as good as a plain one: its first layer sees 784 numbers in no order. A CNN looks at
neighbours and loses. But the order can be told from the training pixels' correlations alone (see
:mod:`nnlab.data.pixel_layout`), without looking at the true one: the third row shows a CNN on pixels that were
shuffled and then laid out again, perhaps turned or mirrored, which is all the same to it.

Nothing here uses that pixels have neighbours except the CNN's convolutions: no picture is shifted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlab.commands.train import Bench
from nnlab.config import Config
from nnlab.data import digits, pixel_layout
from nnlab.data.digits import Bytes
from nnlab.data.report_2018 import published
from nnlab.evaluation import misclassified
from nnlab.evaluation.intervals import over_runs
from nnlab.experiments import mnist
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import PictureRow, percent, table

if TYPE_CHECKING:
    from nnlab.training.repeat import Outcome


# ---- config ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class PermuteConfig(Config):
    """Which networks are compared."""

    net: str = "both"

    epochs: int | None  # type: ignore[assignment]  # None: the preset's, which differs between the networks

    @classmethod
    def recipe(cls, preset: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """As for ``mnist``, with cross-entropy."""
        if preset == "quick":
            return {"data": "sample", "epochs": 4, "batch_size": 64}
        return {"epochs": None, "batch_size": 128}

    @property
    def experiments(self) -> list[tuple[str, str]]:
        """(network, pixels) of each experiment."""
        every = [("mlp", "plain"), ("mlp", "permuted"), ("cnn", "plain"), ("cnn", "permuted"), ("cnn", "recovered")]
        return [one for one in every if self.net in ("both", one[0])]


CONFIG = PermuteConfig


def permutation(seed: int, pixels: int) -> np.ndarray[Any, Any]:
    """The one shuffle of all pictures: place ``k`` of a shuffled picture holds pixel ``permutation[k]``."""
    return np.random.default_rng([seed, pixels]).permutation(pixels)


# ---- run ---------------------------------------------------------------------------------------------


def run(config: PermuteConfig, bench: Bench) -> dict[str, Any]:
    """The experiment: train on plain, shuffled and recovered pixels; compare, show and save."""
    with bench.clock("data"):
        data = digits.load(config.data)
        shuffled = permutation(config.seed, digits.SIDE**2)
        laid_out = pixel_layout.recover(ordered(data.x_train, shuffled).reshape(len(data.x_train), -1))
        orders = {"plain": np.arange(digits.SIDE**2), "permuted": shuffled, "recovered": shuffled[laid_out]}
    bench.start_backend()
    from nnlab.experiments._digits import train_seeds

    settings = mnist.MnistConfig(preset=config.preset, epochs=config.epochs, batch_size=config.batch_size)
    outcomes: dict[str, list[Outcome]] = {}
    for net, pixels in config.experiments:
        recipe = mnist.recipe(settings, net, "ce", shift=Predictor.SHIFT)
        arrays = (
            ordered(data.x_train, orders[pixels]),
            data.y_train,
            ordered(data.x_test, orders[pixels]),
            data.y_test,
        )
        outcomes[f"{net}_{pixels}"] = train_seeds(
            bench, recipe, f"{net}_{pixels}", config.seeds, arrays, keep_model=(net, pixels) == config.experiments[0]
        )
    pictures = {name: ordered(data.x_test, order) for name, order in orders.items()}
    return present(config, bench, pictures, data.y_test, outcomes)


def ordered(pictures: Bytes, order: np.ndarray[Any, Any]) -> Bytes:
    """Pictures ``(n, 28, 28)`` with their pixels in another order, the same for all."""
    return pictures.reshape(len(pictures), -1)[:, order].reshape(pictures.shape)


# ---- present -----------------------------------------------------------------------------------------

TITLES = {"plain": "plain", "permuted": "permuted", "recovered": "permuted, layout recovered"}


def present(
    config: PermuteConfig,
    bench: Bench,
    pictures: Mapping[str, Bytes],
    labels: Bytes,
    outcomes: Mapping[str, Sequence[Outcome]],
) -> dict[str, Any]:
    """Table 1 with the report's figures beside, Figure 2, and the ``results``."""
    results: dict[str, Any] = {}
    for name, runs in outcomes.items():
        shares = np.stack([one.arrays["probabilities"] for one in runs])
        results[name] = {"test_accuracy": over_runs(misclassified.accuracies(shares, labels))}
    terminal = bench.terminal
    first = {name: array[0] for name, array in pictures.items()}
    terminal.show(f"[bold]One test digit ({labels[0]})[/bold], plain, permuted, and laid out again")
    terminal.show(PictureRow(list(first.values()), list(first)), "")
    report = published("permute")
    nets = [net for net in ("mlp", "cnn") if config.net in ("both", net)]
    made = table("pixels", *(column for net in nets for column in (net.upper(), "report")))
    for pixels, title in TITLES.items():
        cells = []
        for net in nets:
            result = results.get(f"{net}_{pixels}")
            said = report.get(f"{net}_{pixels}")
            cells += [percent(result["test_accuracy"]) if result else "–", f"{100 * said:.1f} %" if said else "–"]
        made.add_row(title, *cells)
    terminal.show(made)
    if config.runs > 1:
        terminal.show(f"Test accuracy over {config.runs} runs: mean ± half the 95 % interval.")
    save(bench.folder, config, pictures, labels, outcomes)
    return results


def headline(results: dict[str, Any]) -> str:
    """The one figure of a finished run for the listing of ``nnlab runs``."""
    return ", ".join(f"{name} {percent(misclassified.mean(results[name]))}" for name in results if "permuted" in name)


def save(
    folder: RunFolder,
    config: PermuteConfig,
    pictures: Mapping[str, Bytes],
    labels: Bytes,
    outcomes: Mapping[str, Sequence[Outcome]],
) -> None:
    """Figure 2 (original, permuted, recovered) and the curves."""
    from nnlab.output import figures, figures_digits

    rows = {
        name: [(array[index], str(labels[index]) if name == "plain" else "", "") for index in range(6)]
        for name, array in pictures.items()
    }
    figure = figures_digits.rows_of_digits(rows, title="Test digits: plain, permuted, and laid out again")
    folder.write("figures/figure2.png", figures.png(figure))
    figure, [ax] = figures.canvas(1, width=6, title=f"nnlab permute ({config.preset})")
    lines = {
        name: [(one.history.column("epoch"), [100 * v for v in one.history.column("test_accuracy")]) for one in runs]
        for name, runs in outcomes.items()
    }
    figures.curves(ax, lines, ylabel="test accuracy (%)")
    folder.write("figures/training.png", figures.png(figure))


# ---- predict -----------------------------------------------------------------------------------------


class Predictor(mnist.Predictor):
    """Reads pictures of digits with the first network of the run (plain pixels)."""

    SHIFT = None

    def __init__(self, folder: RunFolder) -> None:
        config = PermuteConfig.from_record(folder.config)
        settings = mnist.MnistConfig(preset=config.preset, epochs=config.epochs, batch_size=config.batch_size)
        super().__init__(folder, replace(settings, net=config.experiments[0][0]))
