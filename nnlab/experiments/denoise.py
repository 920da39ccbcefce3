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
from typing import Any

import numpy as np

from nnlab.configs.denoise import DenoiseConfig
from nnlab.data.images import Part, Pictures
from nnlab.data.pixels import Bytes
from nnlab.data.random import Stream, rng
from nnlab.data.report_2018 import report_2018
from nnlab.errors import install_hint
from nnlab.evaluation.baselines import classical_denoisers, has_scikit_image
from nnlab.evaluation.metrics import loss_of, psnr_db
from nnlab.experiments import FinishedRun, Loaded
from nnlab.experiments._images import (
    PicturePredictor,
    asked_for,
    grid_table,
    load_pictures,
    loss_figure,
    measured,
    picture_tasks,
    run_figures,
    spread_over,
)
from nnlab.output.pictures import ColourRow
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal, number, table
from nnlab.training.task import Results, Task

CLASSICAL = 200  # test pictures for the classical methods, which take a second for a hundred


# ---- data and tasks ----------------------------------------------------------------------------------


def load(config: DenoiseConfig) -> Loaded[DenoiseConfig, Pictures]:
    """CIFAR-10, the user's own pictures, or the sample."""
    return load_pictures(config)


def build(config: DenoiseConfig, side: int, activation: str) -> Any:
    """The network, not compiled; the same for training and for ``predict``."""
    from nnlab.models import autoencoders

    if activation == "linear":
        return autoencoders.residual_denoiser((side, side, 3), config.noise)
    return autoencoders.conv_denoiser((side, side, 3), activation, config.noise)


def tasks(config: DenoiseConfig, data: Pictures) -> list[Task]:
    """Each network, measured on pictures never trained on, with fixed noise."""
    side = data.train.shape[1]

    def measure(model: Any, part: Part, loss: str, activation: str) -> dict[str, float]:
        pictures = data.part(part)

        def network(numbers: range) -> Any:
            return restored(model, with_noise(pictures, config.noise, numbers), activation)

        return measured(network, pictures, loss)

    def examples(model: Any, activation: str) -> dict[str, Any]:
        some = with_noise(data.test, config.noise, spread_over(data.test, CLASSICAL))
        return {"restored": restored(model, some, activation)}

    return picture_tasks(config, data, lambda activation: build(config, side, activation), measure, examples)


def with_noise(test: Bytes, sigma: float, numbers: Sequence[int]) -> Any:
    """Held-out pictures of these numbers, each with the noise that is its own: float32 in [0, 1]."""
    noise = [rng(number, Stream.NOISE).normal(0, sigma, test.shape[1:]) for number in numbers]
    return np.clip(test[numbers] / np.float32(255) + np.stack(noise), 0, 1).astype(np.float32)


def restored(model: Any, noisy: Any, activation: str) -> Any:
    """What a network makes of noisy pictures, in [0, 1]; this project's: the mean with their mirror images."""
    from nnlab.training.batches import predict_in_batches

    there = predict_in_batches(model, noisy)
    if activation != "linear":
        return np.clip(there, 0, 1)
    mirrored = predict_in_batches(model, np.ascontiguousarray(noisy[:, :, ::-1]))[:, :, ::-1]
    return np.clip((there + mirrored) / 2, 0, 1)


# ---- present -----------------------------------------------------------------------------------------


def present(
    config: DenoiseConfig, data: Pictures, results: Results, terminal: Terminal, folder: RunFolder
) -> dict[str, Any]:
    """Pictures, tables, figures, and the ``results`` of the JSON document."""
    from nnlab.output import figures

    runs = asked_for(config, results)
    numbers = spread_over(data.test, CLASSICAL)
    clean, noisy = data.test[numbers] / np.float32(255), with_noise(data.test, config.noise, numbers)
    mine = runs[0].outputs["restored"]
    found: dict[str, Any] = {
        **run_figures(runs),
        "noisy_psnr_db": measured(lambda rows: with_noise(data.test, config.noise, rows), data.test, "mse")["psnr_db"],
        "baselines": {},
    }
    best: tuple[str, Any] | None = None
    if has_scikit_image():
        by_method = classical_denoisers(noisy, config.noise)
        found["baselines"] = {name: psnr_db(loss_of("mse", given, clean)) for name, given in by_method.items()}
        name = max(by_method, key=lambda name: found["baselines"][name])
        best = name, by_method[name]
    for place in spread_over(clean, 8)[1:3]:
        trio = [(one * 255).round().astype(np.uint8) for one in (clean[place], noisy[place], mine[place])]
        terminal.show(ColourRow(trio, ["original", "with noise", "restored"]), "")
    terminal.show(summary(config, data, found, psnr_db(loss_of("mse", mine, clean)), len(clean)))
    if config.grid:
        found["grid"] = grid_table(config, results, report_2018("denoise"), terminal)
    with figures.optional(terminal):
        save_figures(config, folder, results, {"original": clean, "noisy": noisy, "restored": mine}, best)
    return found


def summary(config: DenoiseConfig, data: Pictures, found: Mapping[str, Any], same: float, compared: int) -> Any:
    """The table at the end; ``same`` is the network's PSNR on the ``compared`` pictures of the classical methods."""
    listed = table("held-out pictures", f"{len(data.test):,}")
    if config.runs > 1:
        listed.add_row("runs (figures: mean ± half the 95 % interval)", str(config.runs))
    listed.add_row("noise (standard deviation)", f"{config.noise:g}")
    listed.add_row(f"training loss ({config.loss})", number(found["loss"], ".4f"))
    listed.add_row(f"test loss ({config.loss})", number(found["test_loss"], ".4f"))
    listed.add_row("PSNR of the noisy pictures", f"{found['noisy_psnr_db']:.2f} dB")
    listed.add_row("PSNR restored", f"{number(found['psnr_db'], '.2f')} dB")
    if found["baselines"]:
        listed.add_row(f"on {compared} of them: this network", f"{same:.2f} dB")
        for name, value in found["baselines"].items():
            listed.add_row(f"  {name.replace('_', ' ')}", f"{value:.2f} dB")
    else:
        listed.add_row("classical methods", f"not installed: {install_hint('classical')}")
    if config.data in (None, "cifar10") and config.noise == 0.5:
        published = report_2018("denoise")
        listed.add_row("the 2018 report, test loss (mse)", f"{published['mse_sigmoid']:g}")
    return listed


def save_figures(
    config: DenoiseConfig,
    folder: RunFolder,
    results: Results,
    pictures: Mapping[str, Any],
    best: tuple[str, Any] | None,
) -> None:
    """``restored.png`` (the report's Figure 8) and ``loss.png`` (Figure 9)."""
    from nnlab.output import figures

    eight = spread_over(pictures["original"], 8)
    names = {"original": "original", "noisy": f"noise {config.noise:g}", "restored": "restored"}
    rows = {names[name]: given[eight] for name, given in pictures.items()}
    if best is not None:
        rows[best[0].replace("_", " ").replace("total variation", "total\nvariation")] = best[1][eight]
    figure = figures.rows_of_pictures(rows, title="Held-out pictures: original, with noise, restored")
    folder.write("figures/restored.png", figures.png(figure))
    figure = loss_figure(config, results, f"nnlab denoise ({config.preset})")
    folder.write("figures/loss.png", figures.png(figure))


def headline(results: Mapping[str, Any]) -> str:
    """The one figure of a finished run for the listing of ``nnlab runs``."""
    return f"PSNR {number(results['psnr_db'], '.2f')} dB"


# ---- predict -----------------------------------------------------------------------------------------


def predictor(config: DenoiseConfig, run: FinishedRun, options: Mapping[str, Any]) -> Denoiser:
    """Takes noise out of pictures of any size with the run's network."""
    return Denoiser(config, run)


class Denoiser(PicturePredictor):
    """Takes noise out of pictures of any size."""

    suffix = "restored"

    def __init__(self, config: DenoiseConfig, run: FinishedRun) -> None:
        side = int(run.preprocessing["side"])
        self._activation = config.activation
        super().__init__(run, build(config, side, config.activation), side)

    def apply(self, tiles: Any) -> Any:
        """Tiles restored."""
        return restored(self.model, tiles, self._activation)
