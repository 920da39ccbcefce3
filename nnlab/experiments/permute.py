"""Does the order of the pixels matter? MLP and CNN on MNIST, plain, shuffled, and laid out again.

Run it::

    nnlab permute --runs 5

One random permutation shuffles the pixels of every picture, training and test alike. To an MLP a
shuffled digit is as good as a plain one: its first layer sees 784 numbers in no order. A CNN looks at
neighbours and loses. But the order can be told from the training pixels' correlations alone (see
:mod:`nnlab.data.digits.pixel_layout`), without looking at the true one: the third row shows a CNN on pixels that were
shuffled and then laid out again, perhaps turned or mirrored, which is all the same to it.

Nothing here uses that pixels have neighbours except the CNN's convolutions: no picture is shifted. The baselines
(logistic regression, k nearest neighbours) see no order either, and are measured on plain and on permuted pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nnlab.configs.permute import PermuteConfig
from nnlab.data.assets import report_2018
from nnlab.data.digits import pixel_layout
from nnlab.data.digits.digit_pictures import SIDE
from nnlab.data.digits.digits import Digits
from nnlab.data.pictures.pixels import Bytes
from nnlab.data.random import Stream, rng
from nnlab.errors import InputError
from nnlab.evaluation import misclassified
from nnlab.evaluation.digit_baselines import digit_baselines
from nnlab.experiments import FinishedRun, Loaded, with_data
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

CURVE = (100, 300, 1_000, 3_000, 10_000, 30_000)  # pictures from which the layout is told
LAYOUT = {"found": "found, of the pairs that change", "pairs": "pairs that change, of all"}  # pairs of neighbours
PERMUTED = ("mlp_permuted", "cnn_permuted")


# ---- data and tasks ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pixels:
    """Digits, and the orders of their pixels: place ``k`` of a picture holds pixel ``orders[name][k]``."""

    digits: Digits
    orders: Mapping[str, np.ndarray[Any, Any]]

    def test_pictures(self, name: str) -> Bytes:
        """The test pictures in one of the orders."""
        return ordered(self.digits.x_test, self.orders[name])

    def in_order(self, name: str) -> Digits:
        """All digits in one of the orders."""
        given, order = self.digits, self.orders[name]
        seen = given.x_validation
        return replace(
            given,
            x_train=ordered(given.x_train, order),
            x_test=ordered(given.x_test, order),
            x_validation=None if seen is None else ordered(seen, order),
        )


def load(config: PermuteConfig) -> Loaded[PermuteConfig, Pixels]:
    """The digits, one permutation of their pixels, and the layout recovered from the permuted training pictures."""
    if config.layout == "map":
        raise InputError(
            "this run's pixels were laid out in a way that is no longer there",
            "Train again: the former layouts were worse",
        )
    loaded = load_digits(config)
    shuffled = permutation(config.data_seed)
    train = ordered(loaded.data.x_train, shuffled)
    laid_out = pixel_layout.recover(train.reshape(len(train), -1))
    orders = {"plain": np.arange(SIDE**2), "permuted": shuffled, "recovered": shuffled[laid_out]}
    return with_data(loaded, Pixels(loaded.data, orders))


def permutation(data_seed: int) -> np.ndarray[Any, Any]:
    """The one shuffle of all pictures ``(784,)``."""
    return rng(data_seed, Stream.PIXELS).permutation(SIDE**2)


def tasks(config: PermuteConfig, data: Pixels) -> list[Task]:
    """Each network on each order of the pixels."""
    made = []
    for net, name in config.experiments:
        first = (net, name) == config.experiments[0]
        made.append(task(config, f"{net}_{name}", net, "ce", data.in_order(name), shift=None, keep_model=first))
    return made


def layout_curve(config: PermuteConfig, data: Pixels) -> list[dict[str, Any]]:
    """How well the layout of shuffled pixels is told from the first 100, 300, 1,000 … and from all training pictures.

    A layout takes seconds whatever the number of pictures, so ``quick`` has fewer points.
    """
    pictures, shuffled = data.digits.x_train, data.orders["permuted"]
    plain, permuted = (one.reshape(len(one), -1) for one in (pictures, ordered(pictures, shuffled)))
    counts = [count for count in CURVE if count < len(pictures)]
    orders = {}
    for count in counts[::2] if config.preset == "quick" else counts:
        try:
            orders[count] = shuffled[pixel_layout.recover(permuted[:count])]
        except InputError:  # too few of their pixels change
            continue
    rows = []
    for count, order in {**orders, len(pictures): data.orders["recovered"]}.items():
        found, pairs = pixel_layout.neighbours_found(plain[:count], order)
        rows.append({"pictures": count, "found": found, "pairs": pairs})
    return rows


def ordered(pictures: Bytes, order: np.ndarray[Any, Any]) -> Bytes:
    """Pictures ``(n, 28, 28)`` with their pixels in another order, the same for all."""
    return pictures.reshape(len(pictures), -1)[:, order].reshape(pictures.shape)


# ---- present -----------------------------------------------------------------------------------------

NO_ORDER = "Neither sees the order of the pixels: where the two differ, it is by rounding, added up in another order."
TITLES = {"plain": "plain", "permuted": "permuted", "recovered": "permuted, layout recovered"}


def present(
    config: PermuteConfig, data: Pixels, results: Results, terminal: Terminal, folder: RunFolder
) -> dict[str, Any]:
    """Table 1 with the 2018 report's figures beside, Figure 2, and the ``results``."""
    from nnlab.output import figures

    labels = data.digits.y_test
    found: dict[str, Any] = {}
    for name, runs in results.items():
        probabilities = np.stack([run.outputs["probabilities"] for run in runs])
        found[name] = figures_of(runs, misclassified.accuracies(probabilities, labels))
    of_pixels = {pixels: digit_baselines(data.in_order(pixels), terminal.tell) for pixels in ("plain", "permuted")}
    found["baselines"] = {
        f"{name}_{pixels}": figures for pixels, both in of_pixels.items() for name, figures in both.items()
    }
    pictures = {name: data.test_pictures(name) for name in data.orders}
    first = {name: array[0] for name, array in pictures.items()}
    terminal.heading(f"One test digit ({labels[0]})", "plain, permuted, and laid out again")
    terminal.show(PictureRow(list(first.values()), list(first)), "")
    terminal.show(accuracy_table(config, found))
    if config.runs > 1:
        terminal.show(f"Test accuracy over {config.runs} runs: mean ± half the 95 % interval.")
    show_baselines(terminal, found, of_pixels)
    found["layout"] = layout_curve(config, data)
    show_layout(terminal, found["layout"])
    with figures.optional(terminal):
        save_figures(folder, config, pictures, labels, results, found)
        save_layout(folder, found["layout"])
    return found


def accuracy_table(config: PermuteConfig, found: Mapping[str, Any]) -> Any:
    """Test accuracy by network and order of the pixels; the 2018 report's beside that of its digits."""
    report = report_2018("permute") if config.data in (None, "mnist") else {}
    nets = [net for net in ("mlp", "cnn") if config.net in ("both", net)]
    listed = table("pixels", *(column for net in nets for column in (net.upper(), *["2018 report"][: len(report)])))
    for pixels, title in TITLES.items():
        cells = []
        for net in nets:
            result = found.get(f"{net}_{pixels}")
            published = report.get(f"{net}_{pixels}")
            cells.append(percent(result["test_accuracy"]) if result else "–")
            if report:
                cells.append(f"{100 * published:.1f} %" if published else "–")
        listed.add_row(title, *cells)
    return listed


def show_baselines(
    terminal: Terminal, found: Mapping[str, Any], of_pixels: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> None:
    """The baselines' accuracy on plain and on permuted pixels, and what the networks are worth beyond on permuted."""
    listed = table("baseline, test accuracy", "plain", "permuted")
    for name, plain in of_pixels["plain"].items():
        both = [one[name]["test_accuracy"] for one in of_pixels.values()]
        listed.add_row(baseline_label(name, plain), *map(percent, both))
    networks = {name: found[name]["test_accuracy"] for name in (*PERMUTED, "cnn_recovered") if name in found}
    terminal.show("", listed, NO_ORDER, "")
    terminal.show(f"On permuted pixels. {beyond_baselines(networks, of_pixels['permuted'])}")


def show_layout(terminal: Terminal, curve: Sequence[Mapping[str, Any]]) -> None:
    """How well the layout was told from few pictures and from many."""
    listed = table("layout told from", *LAYOUT.values())
    for row in curve:
        listed.add_row(f"{row['pictures']:,} pictures", *(percent(row[name]) for name in LAYOUT))
    terminal.show(
        "",
        listed,
        "Of pairs of neighbours. Found: beside each other again, or across a corner. A pair changes if both pixels do. "
        "Correlations cannot tell a layout from its mirror image or one that is turned, so either may be recovered.",
    )


def save_layout(folder: RunFolder, curve: Sequence[Mapping[str, Any]]) -> None:
    """The same as a figure."""
    from nnlab.output import figures

    lines = {told: [(row["pictures"], 100 * row[name]) for row in curve] for name, told in LAYOUT.items()}
    figure = figures.by_setting(
        lines,
        xlabel="pictures it is recovered from",
        ylabel="pairs of neighbours (%)",
        title="Layout of shuffled pixels",
    )
    folder.write("figures/layout.png", figures.png(figure))


def headline(results: Mapping[str, Any]) -> str:
    """The one figure of a finished run for the listing of ``nnlab runs``."""
    return ", ".join(f"{name} {percent(results[name]['test_accuracy'])}" for name in PERMUTED if name in results)


def save_figures(
    folder: RunFolder,
    config: PermuteConfig,
    pictures: Mapping[str, Bytes],
    labels: Bytes,
    results: Results,
    found: Mapping[str, Any],
) -> None:
    """Figure 2 (original, permuted, recovered) and the curves."""
    from nnlab.output import figures, picture_figures

    rows = {
        name: [(array[index], str(labels[index]) if name == "plain" else "", "") for index in range(6)]
        for name, array in pictures.items()
    }
    figure = picture_figures.rows_of_digits(
        rows, title="Test digits: plain, permuted, and laid out again (mirrored or turned, perhaps)"
    )
    folder.write("figures/figure2.png", figures.png(figure))
    figure, [ax] = figures.canvas(1, width=6, title=f"nnlab permute ({config.preset})")
    part, name = ("val", "validation") if config.validation else ("test", "test")
    lines = {name: curves(runs, f"{part}_accuracy", 100) for name, runs in results.items()}
    tested = test_points(found, results) if config.validation else None
    figures.curves(ax, lines, ylabel=f"{name} accuracy (%)", tested=tested)
    folder.write("figures/training.png", figures.png(figure))


# ---- predict -----------------------------------------------------------------------------------------


def predictor(config: PermuteConfig, run: FinishedRun, options: Mapping[str, Any]) -> DigitPredictor:
    """Reads pictures of digits with the first network of the run (plain pixels)."""
    return DigitPredictor(config, config.experiments[0][0], None, run)
