"""A network takes noise out of pictures it has never seen.

Run it::

    nnlab denoise --noise 0.3

Noise of standard deviation 0.5 on values between 0 and 1 leaves a picture that is hard to make out: clipped to
[0, 1] again, its mean squared error is about 0.12, a PSNR of 9 dB. The network is shown pictures with noise
that is fresh in each batch, and learns to say the picture: the error falls to about a fourteenth. The held-out
pictures get one fixed noise, the same for every network and every run.

The classical methods beside it (non-local means, wavelets, total variation) look at one picture alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlab.commands.train import Bench
from nnlab.config import Config
from nnlab.data.datasets import SAMPLE
from nnlab.data.images import Bytes, Pictures
from nnlab.data.report_2018 import published
from nnlab.errors import UsageError
from nnlab.evaluation.intervals import over_runs
from nnlab.evaluation.pictures import classical, has_scikit_image, loss_of, psnr_db
from nnlab.experiments._images import Outputs, PicturePredictor, check_output, open_pictures, spread_over, train_grid
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import ColourRow, number, table

if TYPE_CHECKING:
    from nnlab.training.repeat import Outcome

CLASSICAL = 200  # test pictures for the classical methods, which take a second for a hundred


# ---- config ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class DenoiseConfig(Config):
    """What is restored, from how much noise, and by which network."""

    noise: float = 0.5
    loss: str = "mse"
    activation: str = "linear"  # of the output; linear: this project's network, any other: the report's
    grid: bool = False
    learning_rate: float = 3e-3

    @classmethod
    def recipe(cls, preset: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """``published``: the pooled network of the tutorial, 100 epochs."""
        own = {"activation": "sigmoid"} if given.get("grid") or given.get("loss") == "bce" else {}
        if preset == "published":
            return {"activation": "sigmoid", "epochs": 100, "batch_size": 128, "learning_rate": 1e-3}
        if preset == "quick":
            return {**own, "data": SAMPLE, "epochs": 3, "batch_size": 32}
        return {**own, "epochs": 4, "batch_size": 32}

    def check(self) -> None:
        """Raise UsageError where the options do not fit together."""
        if not 0 < self.noise <= 5:
            raise UsageError(
                f"expected --noise above 0 and at most 5, got {self.noise:g}", "The usual are 0.1, 0.3 and 0.5"
            )
        check_output(self.loss, self.activation, self.grid)


CONFIG = DenoiseConfig


def build(config: DenoiseConfig, side: int, activation: str) -> Any:
    """The network, not compiled; the same for training and for ``predict``."""
    from nnlab.models import autoencoders as models

    if activation == "linear":
        return models.residual_denoiser((side, side, 3), config.noise)
    return models.conv_denoiser((side, side, 3), activation, config.noise)


# ---- run ---------------------------------------------------------------------------------------------


def run(config: DenoiseConfig, bench: Bench) -> dict[str, Any]:
    """The experiment: train each network, measure it on held-out pictures with fixed noise, show and save."""
    data = open_pictures(config, bench)
    bench.start_backend()

    def measure(model: Any, loss: str, activation: str) -> dict[str, float]:
        return measured(config, model, data.test, loss, activation)

    def shown(model: Any, activation: str) -> dict[str, Any]:
        some = with_noise(data.test, config.noise, spread_over(data.test, CLASSICAL))
        return {"restored": restored(model, some, activation)}

    side = data.train.shape[1]
    outcomes = train_grid(config, bench, data.train, lambda activation: build(config, side, activation), measure, shown)
    return present(config, bench, data, outcomes)


def with_noise(test: Bytes, sigma: float, numbers: Sequence[int]) -> Any:
    """Held-out pictures of these numbers, each with the noise that is its own: float32 in [0, 1]."""
    noise = [np.random.default_rng([number, 5]).normal(0, sigma, test.shape[1:]) for number in numbers]
    return np.clip(test[numbers] / np.float32(255) + np.stack(noise), 0, 1).astype(np.float32)


def restored(model: Any, noisy: Any, activation: str) -> Any:
    """What a network makes of noisy pictures, in [0, 1]; this project's: the mean with their mirror images."""
    from nnlab.training.batches import predict_in_batches

    there = predict_in_batches(model, noisy)
    if activation != "linear":
        return np.clip(there, 0, 1)
    mirrored = predict_in_batches(model, np.ascontiguousarray(noisy[:, :, ::-1]))[:, :, ::-1]
    return np.clip((there + mirrored) / 2, 0, 1)


def measured(config: DenoiseConfig, model: Any, test: Bytes, loss: str, activation: str) -> dict[str, float]:
    """Held-out loss and PSNR, in chunks: the pictures stay uint8."""
    total = squared = 0.0
    for first in range(0, len(test), 1000):
        clean = test[first : first + 1000]
        made = restored(model, with_noise(test, config.noise, range(first, first + len(clean))), activation)
        share, wanted = len(clean) / len(test), clean / np.float32(255)
        total += share * loss_of(loss, made, wanted)
        squared += share * loss_of("mse", made, wanted)
    return {"val_loss": total, "psnr_db": psnr_db(squared)}


# ---- present -----------------------------------------------------------------------------------------


def present(
    config: DenoiseConfig, bench: Bench, data: Pictures, outcomes: Mapping[str, Sequence[Outcome]]
) -> dict[str, Any]:
    """Pictures, tables, figures, and the ``results`` of the JSON document."""
    terminal = bench.terminal
    runs = outcomes[f"{config.loss}_{config.activation}"]
    numbers = spread_over(data.test, CLASSICAL)
    clean, noisy = data.test[numbers] / np.float32(255), with_noise(data.test, config.noise, numbers)
    mine = runs[0].arrays["restored"]
    results: dict[str, Any] = {
        "loss": over_runs([float(one.history.best["loss"]) for one in runs]),
        "test_loss": over_runs([float(one.history.best["val_loss"]) for one in runs]),
        "psnr_db": over_runs([float(one.history.best["psnr_db"]) for one in runs]),
        "noisy_psnr_db": noisy_psnr(config, data.test),
        "baselines": {},
    }
    best: tuple[float, str, Any] | None = None
    if has_scikit_image():
        with bench.clock("evaluate"):
            for name, made in classical(noisy, config.noise).items():
                results["baselines"][name] = psnr_db(loss_of("mse", made, clean))
                best = max(best or (-1.0, "", None), (results["baselines"][name], name, made), key=lambda one: one[0])
    for place in spread_over(clean, 8)[1:3]:
        trio = [(one * 255).round().astype(np.uint8) for one in (clean[place], noisy[place], mine[place])]
        terminal.show(ColourRow(trio, ["original", "with noise", "restored"]), "")
    listed = table("held-out pictures", f"{len(data.test):,}")
    if config.runs > 1:
        listed.add_row("runs (figures: mean ± half the 95 % interval)", str(config.runs))
    listed.add_row("noise (standard deviation)", f"{config.noise:g}")
    listed.add_row(f"training loss ({config.loss})", number(results["loss"]))
    listed.add_row(f"test loss ({config.loss})", number(results["test_loss"]))
    listed.add_row("PSNR of the noisy pictures", f"{results['noisy_psnr_db']:.2f} dB")
    listed.add_row("PSNR restored", f"{number(results['psnr_db'], '.2f')} dB")
    if results["baselines"]:
        same = psnr_db(loss_of("mse", mine, clean))
        listed.add_row(f"on {len(clean)} of them: this network", f"{same:.2f} dB")
        for name, value in results["baselines"].items():
            listed.add_row(f"  {name.replace('_', ' ')}", f"{value:.2f} dB")
    else:
        listed.add_row("classical methods", "not installed: pip install 'nnlab[classical]'")
    if config.data in (None, "cifar10") and config.noise == 0.5:
        report = published("denoise")
        listed.add_row("the report of 2018, test loss (mse)", f"{report['mse_sigmoid']:g}")
    terminal.show(listed)
    if config.grid:
        results["grid"] = grid_table(bench, outcomes, published("denoise"))
    save_figures(config, bench.folder, outcomes, clean, noisy, mine, best)
    return results


def noisy_psnr(config: DenoiseConfig, test: Bytes) -> float:
    """PSNR of the held-out pictures with their noise."""
    squared = 0.0
    for first in range(0, len(test), 1000):
        clean = test[first : first + 1000]
        noisy = with_noise(test, config.noise, range(first, first + len(clean)))
        squared += loss_of("mse", noisy, clean / np.float32(255)) * len(clean) / len(test)
    return psnr_db(squared)


def grid_table(
    bench: Bench, outcomes: Mapping[str, Sequence[Outcome]], report: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Losses by output activations, published beside measured, shown and as JSON values."""
    made = table("loss", "output", "report, test loss", "test loss", "PSNR (dB)", left=2)
    rows = []
    for name, runs in outcomes.items():
        loss, activation = name.split("_")
        found = over_runs([float(one.history.best["val_loss"]) for one in runs])
        psnr = over_runs([float(one.history.best["psnr_db"]) for one in runs])
        made.add_row(loss, activation, f"{report[name]:g}", number(found), number(psnr, ".2f"))
        rows.append({"loss": loss, "activation": activation, "test_loss": found, "published": report[name]})
    bench.terminal.show("", made)
    return rows


def save_figures(
    config: DenoiseConfig,
    folder: RunFolder,
    outcomes: Mapping[str, Sequence[Outcome]],
    clean: Any,
    noisy: Any,
    mine: Any,
    best: tuple[float, str, Any] | None,
) -> None:
    """``restored.png`` (the report's Figure 8) and ``loss.png`` (Figure 9)."""
    from nnlab.output import figures
    from nnlab.output.figures_pictures import rows_of_pictures

    eight = spread_over(clean, 8)
    rows = {"original": clean[eight], f"noise {config.noise:g}": noisy[eight], "restored": mine[eight]}
    if best is not None:
        rows[best[1].replace("_", " ").replace("total variation", "total\nvariation")] = best[2][eight]
    figure = rows_of_pictures(rows, title="Held-out pictures: original, with noise, restored")
    folder.write("figures/restored.png", figures.png(figure))
    folder.write("figures/loss.png", figures.png(loss_figure(outcomes, f"nnlab denoise ({config.preset})")))


def loss_figure(outcomes: Mapping[str, Sequence[Outcome]], title: str) -> Any:
    """Training and test loss by epoch, one plot an experiment."""
    from nnlab.output import figures

    figure, axes = figures.canvas(len(outcomes), title=title)
    for ax, (name, runs) in zip(axes, outcomes.items(), strict=True):
        lines = {
            label: [(one.history.column("epoch"), one.history.column(column)) for one in runs]
            for label, column in (("training", "loss"), ("test", "val_loss"))
        }
        shown = name.replace("_linear", "").replace("_", ", ")
        figures.curves(ax, lines, ylabel=f"loss ({shown})", log=True)
    return figure


def headline(results: dict[str, Any]) -> str:
    """The one figure of a finished run for the listing of ``nnlab runs``."""
    return f"PSNR {number(results['psnr_db'], '.2f')} dB"


# ---- predict -----------------------------------------------------------------------------------------


class Predictor(PicturePredictor):
    """Takes noise out of pictures of any size."""

    SUFFIX = "restored"

    def __init__(self, folder: RunFolder, out: Path | None = None) -> None:
        self.config = DenoiseConfig.from_record(folder.config)
        super().__init__(folder, Outputs(out))

    def network(self) -> Any:
        """The network, built as it was for training."""
        return build(self.config, self.side, self.config.activation)

    def apply(self, model: Any, tiles: Any) -> Any:
        """Tiles restored."""
        return restored(model, tiles, self.config.activation)
