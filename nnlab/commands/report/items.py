"""What the report of 2018 published, item by item, and how a measured figure is judged beside it.

The figures are data (``assets/report.toml``); here is where each stands in the results of which part.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnlab.data.assets import report_2018

SPLIT = "the report does not say what it was measured on; under best validation text chooses the epoch"
OVERFITTED = "the report trained on long after its validation loss had turned; under best that loss chooses the epoch"
UNSCALED = "another loss, of normalised spectra; the report's is of sounds that were not normalised"
SOFTMAX_FLOOR = 0.0776  # MSE of CIFAR-10's test pixels to the nearest colours whose three parts add up to 1
SOFTMAX = (
    f"no softmax over the three colours can come below {SOFTMAX_FLOOR} on these pictures, whatever the network, for it "
    "cannot say how bright a pixel is; the 0.079 of the report's own Table 3 agrees with that"
)
ALL_RIGHT = "the report's is the iteration from which all were right, here it is the first epoch with 99 %"
CODED = "the report's binary cross-entropy has a floor of its own: the entropy of the pixels"


@dataclass(frozen=True)
class Item:
    """One published thing: a figure to compare, or a picture or console to show."""

    name: str  # table1-mlp-plain, figure3, console1
    what: str
    part: str
    published: Any
    at: Sequence[str] = ()  # where the figure stands in the part's results
    higher: bool = True  # whether more is better
    near: float = 0.1  # as a share of the published: so near is reproduced
    reason: str = ""  # why it may differ
    shows: str = ""  # a file of the run folder, for what is compared by looking
    of: Callable[[Mapping[str, Any]], Any] | None = None  # where it takes more than a path
    column: str = ""  # of metrics.csv, in the row of the epoch that was kept
    alike: bool = True  # whether the two are measured alike; the reason says how not


def _grid(name: str, table: str, part: str) -> list[Item]:
    report = report_2018(name)
    made = []
    for loss in ("mse", "bce"):
        for activation in ("sigmoid", "softmax"):

            def value(results: Mapping[str, Any], loss: str = loss, activation: str = activation) -> Any:
                rows = [r for r in results["grid"] if (r["loss"], r["activation"]) == (loss, activation)]
                return rows[0]["test_loss"]

            reason = CODED if loss == "bce" else SOFTMAX if activation == "softmax" else ""
            made.append(
                Item(
                    f"{table}-{loss}-{activation}",
                    f"{table.capitalize()[:-1]} {table[-1]}: {loss}, {activation}",
                    part,
                    report[f"{loss}_{activation}"],
                    higher=False,
                    reason=reason,
                    of=value,
                )
            )
    return made


def _items() -> list[Item]:
    permute, text, sums = report_2018("permute"), report_2018("textgen"), report_2018("arith")
    french, greek = report_2018("translate")["french"], report_2018("translate")["greek"]
    pictures, noise, birds = report_2018("autoencode"), report_2018("denoise"), report_2018("birds")

    def table1(net: str, pixels: str) -> Item:
        at = (f"{net}_{pixels}", "test_accuracy")
        what = f"Table 1: {net.upper()}, {pixels}"
        return Item(f"table1-{net}-{pixels}", what, "permute", permute[f"{net}_{pixels}"], at, near=0.003)

    return [
        Item("figure1", "Figure 1: most misclassified", "mnist", "three digits each", shows="figures/figure1.png"),
        *(table1(net, pixels) for net in ("mlp", "cnn") for pixels in ("plain", "permuted")),
        Item("figure2", "Figure 2: permuted pixels", "permute", "a digit, scrambled", shows="figures/figure2.png"),
        Item("text-loss", "Text: training loss", "textgen", text["loss"], ("loss",), False, reason=SPLIT),
        Item("console1", "Consoles 1.1, 1.2: text", "textgen", "early and final", shows="console.txt"),
        *(
            Item(
                f"{name}-{short}", f"{name.capitalize()}: {what} loss", name, side[of], higher=False,
                column=f"{of}_padded", reason=OVERFITTED if of == "loss" else "",
            )
            for name, side in (("french", french), ("greek", greek))
            for short, what, of in (("loss", "training", "loss"), ("val", "validation", "val_loss"))
        ),
        Item("console2", "Console 2: translations", "greek", "sentences", shows="console.txt"),
        Item("addition", "Addition: share right at the end", "addition", 1.0, ("exact_match",), near=0.001),
        Item(
            "addition-99", "Addition: iterations to 99 %", "addition", sums["all_right_from_iteration"]["add"],
            ("epochs_to_99",), False, reason=ALL_RIGHT, alike=False,
        ),
        Item("subtraction", "Subtraction: share right at the end", "subtraction", 1.0, ("exact_match",), near=0.001),
        Item(
            "subtraction-99", "Subtraction: iterations to 99 %", "subtraction", sums["all_right_from_iteration"]["sub"],
            ("epochs_to_99",), False, reason=ALL_RIGHT, alike=False,
        ),
        Item("console3", "Consoles 3.1 to 3.4: sums", "addition", "early and final", shows="console.txt"),
        Item("birds-loss", "Birds: training loss", "birds", birds["loss"], ("loss",), False, reason=UNSCALED),
        Item("birds-test", "Birds: test loss", "birds", birds["test_loss"], ("test_loss",), False, reason=UNSCALED),
        Item("figure3", "Figure 3: waveforms", "birds", "original, rebuilt", shows="figures/waveforms.png"),
        Item("figure4", "Figure 4: losses, birds", "birds", "two curves", shows="figures/loss.png"),
        *_grid("autoencode", "table2", "table2"),
        Item("figure5", "Figure 5: dense autoencoder", "dense", "blurred", shows="figures/reconstructions.png"),
        Item("conv-loss", "Convolutional: test loss", "conv", pictures["mse_sigmoid"], ("test_loss",), False),
        Item("figure6", "Figure 6: convolutional", "conv", "sharper", shows="figures/reconstructions.png"),
        Item("figure7", "Figure 7: losses, pictures", "conv", "two curves", shows="figures/loss.png"),
        *_grid("denoise", "table3", "table3"),
        Item("denoise-loss", "Denoiser: test loss", "denoise", noise["mse_sigmoid"], ("test_loss",), False),
        Item("figure8", "Figure 8: denoised", "denoise", "clean, noisy, restored", shows="figures/restored.png"),
        Item("figure9", "Figure 9: losses, denoiser", "denoise", "two curves", shows="figures/loss.png"),
    ]  # fmt: skip


ITEMS = tuple(_items())
SUMS = ("addition", "subtraction")  # the quick preset has the same questions, only fewer


def of_kept_epoch(folder: Path, column: str) -> float | None:
    """A column of ``metrics.csv`` in the row of the least ``val_loss``; None where there is none.

    A run without validation keeps the last epoch; what the report calls validation is its ``test_`` columns.
    """
    with open(folder / "metrics.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if "val_loss" in rows[0]:
        row = min(rows, key=lambda row: float(row["val_loss"]))
    else:
        row, column = rows[-1], column.replace("val_", "test_")
    return float(row[column]) if column in row else None


def judge(item: Item, results: Mapping[str, Any], folder: Path, preset: str = "best") -> tuple[Any, str, str]:
    """(measured, verdict, reason): reproduced, better or differs; shown, for what is compared by looking.

    ``preset``: ``quick`` measures on small built-in data, so nothing but sums can be compared; and sounds are
    measured as the report did by its own network only.
    """
    if item.shows:
        there = (folder / item.shows).is_file()
        return ("see below" if there else None), "shown" if there else "differs", "" if there else "no such file"
    value: Any = results
    if item.of:
        value = item.of(results)
    elif item.column:
        value = of_kept_epoch(folder, item.column)
    else:
        for key in item.at:
            value = value[key]
    mean = value["mean"] if isinstance(value, dict) else value
    if preset == "quick" and item.part not in SUMS:
        return value, "other data", ""
    if item.part == "birds" and preset != "published":
        return value, "differs", UNSCALED
    if mean is None or not item.alike:
        return (None if mean is None else value), "differs", item.reason or "never reached"
    off = float(mean) - float(item.published)
    if abs(off) <= item.near * abs(float(item.published)):
        return value, "reproduced", ""
    if (off > 0) == item.higher:
        return value, "better", item.reason
    return value, "differs", item.reason
