"""A network squeezes pictures or sounds through a few numbers and gives them back.

Run it::

    nnlab autoencode --data cifar10 --code 64
    nnlab autoencode --data birds

A picture of 32 x 32 colour pixels is 3,072 values. Its first 64 principal components give it back with a mean
squared error of about 0.008: no linear code of that size does better. An autoencoder has to beat that, or it
is worth nothing; so PCA with as many values, fitted on the same training pictures, always stands beside it.
``best`` starts as PCA, to rounding, and learns what is left: which fine detail goes with which coarse
picture, and how to bend the code so that this works best.

Sounds have their own story: :mod:`nnlab.experiments.autoencode_sounds`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nnlab.configs.autoencode import AutoencodeConfig
from nnlab.data.assets import report_2018
from nnlab.data.decoded import Part
from nnlab.data.pictures.images import Pictures
from nnlab.data.pictures.levels import Levels
from nnlab.data.pictures.picture_files import cropped
from nnlab.data.pictures.pixels import Bytes
from nnlab.evaluation.intervals import mean_of, the_network, undecided
from nnlab.evaluation.pca import Pca, fit_pca
from nnlab.experiments import FinishedRun, Loaded, with_data
from nnlab.experiments._codes import CodePredictor
from nnlab.experiments._images import (
    LONG,
    PicturePredictor,
    asked_for,
    grid_table,
    load_pictures,
    loss_figure,
    measured,
    picture_of,
    picture_tasks,
    run_figures,
    side_of,
    spread_over,
)
from nnlab.experiments.summaries import add_runs
from nnlab.output.pictures import ColourRow
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal, number, table
from nnlab.training.task import Results, Task

SHOWN = 8


# ---- data and tasks ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Coded:
    """Pictures, and their principal components (fitted when they are first asked for)."""

    pictures: Pictures
    code: int

    @cached_property
    def pca(self) -> Pca:
        """Of the training pictures, as many as the code has values."""
        return fit_pca(lambda: flat(self.pictures.train), self.code)


def load(config: AutoencodeConfig) -> Loaded[AutoencodeConfig, Coded]:
    """CIFAR-10, the user's own pictures, or the sample."""
    loaded = load_pictures(config.resolved(kind="pictures"))
    return with_data(loaded, Coded(loaded.data, loaded.config.code))


def build(config: AutoencodeConfig, side: int, activation: str) -> Any:
    """The network for pictures, not compiled; the same for training and for ``predict``."""
    from nnlab.models import autoencoders

    shape = (side, side, 3)
    if config.net == "dense":
        return autoencoders.dense_autoencoder(shape, config.code, activation, hidden=config.hidden)
    if activation != "linear":
        return autoencoders.conv_autoencoder(shape, activation)
    corrected = config.conv_design == "corrected"
    sizes: dict[str, Any]
    if config.code <= 128:  # a coarse picture: more is to be guessed, from further away
        sizes = {"widths": (24, 64, 128), "down_blocks": (0, 1, 2), "up_blocks": (0, 1, 0), "gain": 3.0}
    else:
        sizes = {"widths": (24, 64), "down_blocks": (0, 1 if corrected else 2), "up_blocks": (0, 0), "gain": 3.0}
    if corrected:
        return autoencoders.residual_autoencoder(shape, config.code, **sizes)
    return autoencoders.picture_autoencoder(shape, config.code, **sizes, grown=config.conv_design == "grown")


def tasks(config: AutoencodeConfig, data: Coded) -> list[Task]:
    """Each network, measured on pictures it is not trained on."""
    from nnlab.models.autoencoders import init_from_pca
    from nnlab.training.batches import predict_in_batches

    test = data.pictures.test
    side = test.shape[1]

    def begun(activation: str) -> Any:
        model = build(config, side, activation)
        if config.net == "conv" and activation == "linear":
            init_from_pca(model, data.pca.mean, data.pca.components, data.pca.deviation)
        return model

    def measure(model: Any, part: Part, loss: str, activation: str) -> dict[str, float]:
        given = data.pictures.part(part)
        return measured(lambda rows: predict_in_batches(model, given[rows] / np.float32(255)), given, loss)

    def examples(model: Any, activation: str) -> dict[str, Any]:
        some = test[spread_over(test, SHOWN)] / np.float32(255)
        return {"made": np.clip(predict_in_batches(model, some), 0, 1)}

    return picture_tasks(config, data.pictures, begun, measure, examples)


def flat(pictures: Bytes) -> Iterator[Any]:
    """Pictures as rows of floats in [0, 1], some at a time."""
    for first in range(0, len(pictures), 5000):
        part = pictures[first : first + 5000]
        yield part.reshape(len(part), -1) / np.float32(255)


def by_pca(components: Pca, rows: Any) -> Any:
    """Pictures ``(n, side, side, 3)`` as their principal components give them back."""
    return components.reconstruct(rows.reshape(len(rows), -1)).reshape(rows.shape)


# ---- present -----------------------------------------------------------------------------------------


def present(
    config: AutoencodeConfig, data: Coded, results: Results, terminal: Terminal, folder: RunFolder
) -> dict[str, Any]:
    """Pictures, tables, figures, and the ``results`` of the JSON document."""
    from nnlab.output import figures

    runs, test = asked_for(config, results), data.pictures.test
    pca = pca_figures(data, test, config.loss)
    linear = {"test_loss": pca["loss"], "psnr_db": pca["psnr_db"]}
    if data.pictures.validation is not None:
        linear["val_loss"] = pca_figures(data, data.pictures.validation, config.loss)["loss"]
    found = {**run_figures(runs), "code_size": config.code, "baselines": {"pca": linear}}
    clean = test[spread_over(test, SHOWN)] / np.float32(255)
    by_components, mine = np.clip(by_pca(data.pca, clean), 0, 1), runs[0].outputs["made"]
    for place in range(1, min(3, len(clean))):
        trio = [(one * 255).round().astype(np.uint8) for one in (clean[place], mine[place], by_components[place])]
        terminal.show(ColourRow(trio, ["original", "network", "PCA"]), "")
    terminal.show(summary(config, data, found), "", beyond_pca(found))
    if config.grid:
        found["grid"] = grid_table(config, results, report_2018("autoencode"), terminal)
    with figures.optional(terminal):
        rows = {"original": clean, "network": mine, f"PCA, {data.pca.size}": by_components}
        save_figures(config, folder, results, rows)
    return found


def pca_figures(data: Coded, pictures: Bytes, loss: str) -> dict[str, float]:
    """``loss`` and ``psnr_db`` of pictures through their principal components."""
    return measured(lambda rows: by_pca(data.pca, pictures[rows] / np.float32(255)), pictures, loss)


def summary(config: AutoencodeConfig, data: Coded, found: Mapping[str, Any]) -> Any:
    """The table at the end."""
    pictures, pca = data.pictures, found["baselines"]["pca"]
    values = int(np.prod(pictures.test.shape[1:]))
    listed = table("numbers in the code / in the picture", f"{config.code:,} / {values:,}")
    add_runs(listed, config, "pictures, reconstructions.png")
    parts = [pictures.train, *([] if pictures.validation is None else [pictures.validation]), pictures.test]
    named = "training / test" if pictures.validation is None else "training / validation / test"
    listed.add_row(f"{named} pictures", " / ".join(f"{len(part):,}" for part in parts))
    listed.add_row(f"training loss ({config.loss})", number(found["loss"], ".5f"))
    if "val_loss" in found:
        listed.add_row(f"validation loss ({config.loss})", number(found["val_loss"], ".5f"))
    listed.add_row(f"test loss ({config.loss})", number(found["test_loss"], ".5f"))
    size = "as many values" if data.pca.size == config.code else f"{data.pca.size} values: no more can be fitted"
    listed.add_row(f"  baseline: PCA, {size}", f"{pca['test_loss']:.5f}")
    listed.add_row("test PSNR", f"{number(found['psnr_db'], '.2f')} dB")
    listed.add_row("  baseline: PCA", f"{pca['psnr_db']:.2f} dB")
    if config.data in (None, "cifar10"):
        listed.add_row("the 2018 report, test loss (mse)", f"{report_2018('autoencode')['mse_sigmoid']:g}")
    return listed


def beyond_pca(found: Mapping[str, Any]) -> str:
    """One sentence: what the network is worth beyond PCA."""
    loss, pca = found["test_loss"], found["baselines"]["pca"]
    if pca["test_loss"] <= 0:
        return "PCA gives these pictures back without loss: there is nothing for a network to win."
    if same := undecided(loss, pca["test_loss"], lambda figure: number(figure, ".5f")):
        return f"The test losses of the network and of PCA of as many numbers {same}."
    same = undecided(found["psnr_db"], pca["psnr_db"], lambda figure: number(figure, ".2f"), " dB")
    decibels = f"the PSNRs {same}" if same else f"{mean_of(found['psnr_db']) - pca['psnr_db']:+.2f} dB"
    change = 100 * (mean_of(loss) / pca["test_loss"] - 1)
    if change < 0:
        return f"Beyond PCA of as many numbers, the network takes {-change:.1f} % off the test loss ({decibels})."
    return f"{the_network(loss)} is worth nothing beyond PCA of as many numbers: {change:+.1f} % ({decibels})."


def save_figures(config: AutoencodeConfig, folder: RunFolder, results: Results, rows: Mapping[str, Any]) -> None:
    """``reconstructions.png`` (the report's Figures 5 and 6) and ``loss.png`` (Figure 7)."""
    from nnlab.output import figures, picture_figures

    title = figures.first_of(f"Test pictures through a code of {config.code:,} numbers", config.runs)
    figure = picture_figures.rows_of_pictures(rows, title=title)
    folder.write("figures/reconstructions.png", figures.png(figure))
    figure = loss_figure(config, results, f"nnlab autoencode ({config.preset})")
    folder.write("figures/loss.png", figures.png(figure))


def headline(results: Mapping[str, Any]) -> str:
    """The one figure of a finished run for the listing of ``nnlab runs``."""
    return f"PSNR {number(results['psnr_db'], '.2f')} dB at {results['code_size']} values"


# ---- predict -----------------------------------------------------------------------------------------


def predictor(
    config: AutoencodeConfig, run: FinishedRun, options: Mapping[str, Any]
) -> PictureAutoencoder | PictureCodes:
    """Gives pictures of any size back through the run's code; or their codes and errors."""
    if options.get("codes") or options.get("scores"):
        return PictureCodes(config, run, options)
    return PictureAutoencoder(config, run)


class PictureAutoencoder(PicturePredictor):
    """Pictures of any size through a trained autoencoder; the weights bring the principal components."""

    suffix = "reconstructed"

    def __init__(self, config: AutoencodeConfig, run: FinishedRun) -> None:
        side = side_of(run)
        super().__init__(run, build(config, side, config.activation), side)

    def apply(self, tiles: Any) -> Any:
        """Tiles as the network gives them back."""
        from nnlab.training.batches import predict_in_batches

        return predict_in_batches(self.model, tiles)


class PictureCodes(CodePredictor):
    """The code of each picture and how well it comes back: one of each, the picture as it would be trained on."""

    asks = "the path of a picture"
    clipped = True

    def __init__(self, config: AutoencodeConfig, run: FinishedRun, options: Mapping[str, Any]) -> None:
        self.side = side_of(run)
        self.levels = Levels.from_record(run.preprocessing["levels"])
        super().__init__(config, run, build(config, self.side, config.activation), options)

    def read(self, text: str) -> tuple[str, Any]:
        """A picture file, cropped to a square and resized; InputError where it cannot be read."""
        remarks: list[str] = []
        self.remarks = remarks
        picture = picture_of(self.path(text), remarks.append, alpha=False, levels=self.levels)
        short, long = sorted(picture.size)
        if long > LONG * short:
            remarks.append(f"{picture.width:,} × {picture.height:,} pixels: its middle is read, {short} × {short}")
        return text, cropped(picture, self.side)[None] / np.float32(255)

    def columns(self, rows: int) -> dict[str, list[str]]:
        """A picture is one row."""
        return {}
