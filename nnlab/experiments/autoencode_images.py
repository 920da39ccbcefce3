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

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlab.commands.train import Bench
from nnlab.config import Config
from nnlab.data import audio
from nnlab.data.datasets import SAMPLE
from nnlab.data.images import Bytes, Pictures
from nnlab.data.report_2018 import published
from nnlab.errors import UsageError
from nnlab.evaluation.intervals import over_runs
from nnlab.evaluation.pictures import loss_of, psnr_db
from nnlab.experiments._images import Outputs, PicturePredictor, check_output, open_pictures, spread_over, train_grid
from nnlab.experiments.denoise import grid_table, loss_figure
from nnlab.models import pca
from nnlab.models.pca import Pca
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import ColourRow, number, table

if TYPE_CHECKING:
    from nnlab.training.repeat import Outcome

PICTURES, SOUNDS = "pictures", "sounds"
CHIRPS = "chirps"  # the built-in sample of sounds
SHOWN = 8


# ---- config ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class AutoencodeConfig(Config):
    """What is squeezed, into how many numbers, and by which network."""

    kind: str  # pictures or sounds
    net: str = "conv"
    loss: str = "mse"
    activation: str = "linear"  # of the output; conv with linear: this project's network, else the report's
    code: int = 256  # numbers a picture, or a second of sound
    grid: bool = False
    learning_rate: float = 3e-3

    @classmethod
    def recipe(cls, preset: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """``published``: the report's networks; ``best``: PCA and a network that adds what goes with it."""
        data = given.get("data", SAMPLE if preset == "quick" else None)
        kind = kind_of(data)
        shared = {"kind": kind, "data": data}
        if kind == SOUNDS:
            return {**shared, **_recipe_of_sounds(preset, given)}
        net = given.get("net", "conv")
        if preset == "published":
            report = {"activation": "sigmoid", "epochs": 50, "batch_size": 128, "learning_rate": 1e-3}
            return {**shared, **report, "code": 256 if net == "dense" else CONV_CODE}
        squashed = given.get("grid") or given.get("loss") == "bce"
        activation = given.get("activation", "sigmoid" if squashed else "linear")
        own: dict[str, Any] = {"activation": activation}
        if net == "conv" and activation != "linear":
            own |= {"code": CONV_CODE, "learning_rate": 2e-3}
        if net == "dense":
            own |= {"learning_rate": 1e-3}
        epochs = {"best": 10 if net == "dense" else 4, "quick": 6 if net == "dense" else 3}[preset]
        size = {"code": 64} if preset == "quick" and "code" not in own else {}
        return {**shared, **own, **size, "epochs": epochs, "batch_size": 32}

    def check(self) -> None:
        """Raise UsageError where the options do not fit together."""
        if not 1 <= self.code <= 3072:
            raise UsageError(f"expected --code between 1 and 3072, got {self.code}", "The usual are 64 and 256")
        if self.kind == SOUNDS:
            from nnlab.experiments.autoencode_sounds import check

            check(self)
            return
        check_output(self.loss, self.activation, self.grid)
        if self.net == "conv" and self.activation != "linear" and self.code != CONV_CODE:
            raise UsageError(
                f"the report's convolutional network has a code of {CONV_CODE} values, got --code {self.code}",
                "Leave --code out, or leave --activation out for this project's network",
            )


CONFIG = AutoencodeConfig
CONV_CODE = 8 * 8 * 16  # of the report's convolutional network


def kind_of(data: str | None) -> str:
    """Whether ``--data`` names pictures or sounds."""
    if data in ("birds", CHIRPS):
        return SOUNDS
    return SOUNDS if data is not None and data != SAMPLE and audio.is_folder_of_sounds(Path(data)) else PICTURES


def _recipe_of_sounds(preset: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings for sounds; the report's network is dense, on waveforms of 11 s at 1.9 kHz."""
    net = given.get("net", "dense" if preset == "published" else "conv")
    if net == "dense":
        epochs = {"published": 200, "best": 60, "quick": 10}[preset]
        return {"net": net, "loss": "mae", "activation": "tanh", "epochs": epochs, "batch_size": 16, "code": 256,
                "learning_rate": 1e-3}  # fmt: skip
    return {"net": net, "epochs": {"published": 50, "best": 2, "quick": 1}[preset], "batch_size": 32}


def build(config: AutoencodeConfig, side: int, activation: str) -> Any:
    """The network for pictures, not compiled; the same for training and for ``predict``."""
    from nnlab.models import autoencoders as models

    shape = (side, side, 3)
    if config.net == "dense":
        hidden = "sigmoid" if config.preset == "published" else "relu"
        return models.dense_autoencoder(shape, config.code, activation, hidden=hidden)
    if activation != "linear":
        return models.conv_autoencoder(shape, activation)
    if config.code <= 128:  # a coarse picture: more is to be guessed, from further away
        return models.residual_autoencoder(shape, config.code, (24, 64, 128), (0, 1, 2), (0, 1, 0), gain=3.0)
    return models.residual_autoencoder(shape, config.code, (24, 64), (0, 1), (0, 0), gain=3.0)


# ---- run ---------------------------------------------------------------------------------------------


def run(config: AutoencodeConfig, bench: Bench) -> dict[str, Any]:
    """The experiment on pictures: PCA, then each network, both measured on held-out pictures; show and save."""
    if config.kind == SOUNDS:
        from nnlab.experiments.autoencode_sounds import run_sounds

        return run_sounds(config, bench)
    data = open_pictures(config, bench)
    side = data.train.shape[1]
    bench.start_backend()
    from nnlab.models.autoencoders import init_from_pca
    from nnlab.training.batches import predict_in_batches

    with bench.clock("data"):
        principal = pca.fit(lambda: flat(data.train), config.code)

    def begun(activation: str) -> Any:
        model = build(config, side, activation)
        if config.net == "conv" and activation == "linear":
            init_from_pca(model, principal.mean, principal.components, principal.deviation)
        return model

    def measure(model: Any, loss: str, activation: str) -> dict[str, float]:
        return measured(lambda rows: predict_in_batches(model, rows), data.test, loss)

    def shown(model: Any, activation: str) -> dict[str, Any]:
        some = data.test[spread_over(data.test, SHOWN)] / np.float32(255)
        return {"made": np.clip(predict_in_batches(model, some), 0, 1)}

    outcomes = train_grid(config, bench, data.train, begun, measure, shown)
    with bench.clock("evaluate"):
        floor = measured(lambda rows: by_pca(principal, rows), data.test, config.loss)
    return present(config, bench, data, principal, floor, outcomes)


def flat(pictures: Bytes) -> Iterator[Any]:
    """Pictures as rows of floats in [0, 1], some at a time."""
    for first in range(0, len(pictures), 5000):
        part = pictures[first : first + 5000]
        yield part.reshape(len(part), -1) / np.float32(255)


def by_pca(principal: Pca, rows: Any) -> Any:
    """Pictures ``(n, side, side, 3)`` as their principal components give them back."""
    return principal.back(rows.reshape(len(rows), -1)).reshape(rows.shape)


def measured(network: Any, test: Bytes, loss: str) -> dict[str, float]:
    """Held-out loss and PSNR of what a network gives back, clipped to [0, 1]; the pictures stay uint8."""
    total = squared = 0.0
    for first in range(0, len(test), 1000):
        wanted = test[first : first + 1000] / np.float32(255)
        made, share = np.clip(network(wanted), 0, 1), len(wanted) / len(test)
        total += share * loss_of(loss, made, wanted)
        squared += share * loss_of("mse", made, wanted)
    return {"val_loss": total, "psnr_db": psnr_db(squared)}


# ---- present -----------------------------------------------------------------------------------------


def present(
    config: AutoencodeConfig,
    bench: Bench,
    data: Pictures,
    principal: Pca,
    floor: Mapping[str, float],
    outcomes: Mapping[str, Sequence[Outcome]],
) -> dict[str, Any]:
    """Pictures, tables, figures, and the ``results`` of the JSON document."""
    terminal = bench.terminal
    runs = outcomes[f"{config.loss}_{config.activation}"]
    results: dict[str, Any] = {
        "loss": over_runs([float(one.history.best["loss"]) for one in runs]),
        "test_loss": over_runs([float(one.history.best["val_loss"]) for one in runs]),
        "code_size": config.code,
        "pca_test_loss": floor["val_loss"],
        "psnr_db": over_runs([float(one.history.best["psnr_db"]) for one in runs]),
    }
    clean = data.test[spread_over(data.test, SHOWN)] / np.float32(255)
    linear_ones, mine = np.clip(by_pca(principal, clean), 0, 1), runs[0].arrays["made"]
    for place in range(1, 3):
        trio = [(one * 255).round().astype(np.uint8) for one in (clean[place], mine[place], linear_ones[place])]
        terminal.show(ColourRow(trio, ["original", "network", "PCA"]), "")
    values = int(np.prod(data.test.shape[1:]))
    mean = results["test_loss"]["mean"] if config.runs > 1 else results["test_loss"]
    made = table("numbers in the code / in the picture", f"{config.code:,} / {values:,}")
    if config.runs > 1:
        made.add_row("runs (figures: mean ± half the 95 % interval)", str(config.runs))
    made.add_row("training / held-out pictures", f"{len(data.train):,} / {len(data.test):,}")
    made.add_row(f"training loss ({config.loss})", number(results["loss"], ".5f"))
    made.add_row(f"test loss ({config.loss})", number(results["test_loss"], ".5f"))
    size = "" if principal.size == config.code else f", {principal.size} values: no more can be fitted"
    made.add_row(f"test loss of PCA with as many values{size}", f"{floor['val_loss']:.5f}")
    made.add_row("the network against PCA", f"{100 * (mean / floor['val_loss'] - 1):+.1f} %")
    made.add_row("PSNR", f"{number(results['psnr_db'], '.2f')} dB (PCA {floor['psnr_db']:.2f})")
    if config.data in (None, "cifar10"):
        report = published("autoencode")
        made.add_row("the report of 2018, test loss (mse)", f"{report['mse_sigmoid']:g}")
    terminal.show(made)
    if config.grid:
        results["grid"] = grid_table(bench, outcomes, published("autoencode"))
    rows = {"original": clean, "network": mine, f"PCA, {principal.size}": linear_ones}
    save_figures(config, bench.folder, outcomes, rows)
    return results


def save_figures(
    config: AutoencodeConfig, folder: RunFolder, outcomes: Mapping[str, Sequence[Outcome]], rows: Mapping[str, Any]
) -> None:
    """``reconstructions.png`` (the report's Figures 5 and 6) and ``loss.png`` (Figure 7)."""
    from nnlab.output import figures
    from nnlab.output.figures_pictures import rows_of_pictures

    figure = rows_of_pictures(rows, title=f"Held-out pictures through a code of {config.code:,} numbers")
    folder.write("figures/reconstructions.png", figures.png(figure))
    folder.write("figures/loss.png", figures.png(loss_figure(outcomes, f"nnlab autoencode ({config.preset})")))


def headline(results: dict[str, Any]) -> str:
    """The one figure of a finished run for the listing of ``nnlab runs``."""
    if "psnr_db" in results:
        return f"PSNR {number(results['psnr_db'], '.2f')} dB at {results['code_size']} values"
    return f"log-mel distance {number(results['log_mel_distance_db'], '.2f')} dB"


# ---- predict -----------------------------------------------------------------------------------------


class Predictor:
    """Pictures or sounds through a trained autoencoder, as the run was of."""

    OPTIONS: Mapping[str, Any] = {"out": None}
    CHUNK = 8  # files held in memory at a time

    def __init__(self, folder: RunFolder, out: Path | None = None) -> None:
        config = AutoencodeConfig.from_record(folder.config)
        if config.kind == SOUNDS:
            from nnlab.experiments.autoencode_sounds import SoundPredictor

            self._of: Any = SoundPredictor(folder, config, Outputs(out))
        else:
            self._of = PictureAutoencoder(folder, config, Outputs(out))

    def open(self) -> None:
        """Build the network and load its weights; the backend has been started."""
        self._of.open()

    def read(self, text: str) -> Any:
        """A file; InputError where it cannot be read."""
        return self._of.read(text)

    def answer(self, given: Sequence[Any]) -> list[str]:
        """Write each file's answer; the paths."""
        answers: list[str] = self._of.answer(given)
        return answers


class PictureAutoencoder(PicturePredictor):
    """Pictures of any size through a trained autoencoder."""

    SUFFIX = "reconstructed"

    def __init__(self, folder: RunFolder, config: AutoencodeConfig, outputs: Outputs) -> None:
        self.config = config
        super().__init__(folder, outputs)

    def network(self) -> Any:
        """The network, built as it was for training; the weights bring the principal components."""
        return build(self.config, self.side, self.config.activation)

    def apply(self, model: Any, tiles: Any) -> Any:
        """Tiles as the network gives them back."""
        from nnlab.training.batches import predict_in_batches

        return predict_in_batches(model, tiles)
