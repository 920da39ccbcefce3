"""A network takes noise out of pictures it has never seen.

Run it::

    nnlab denoise --noise 0.3

Noise of standard deviation 0.5 on values between 0 and 1 leaves a picture that is hard to make out: clipped to
[0, 1] again, its mean squared error is about 0.12, a PSNR of 9 dB. The network is shown pictures with noise
that is fresh in each batch, and learns to say the picture: the error falls to about a fourteenth. A tenth of the
training pictures is for validation, which chooses the epoch; the test pictures choose nothing. Both get one fixed
noise, the same for every network and every run.

The network estimates how strong the noise of each picture is. ``--noise 0.02-0.5`` draws the standard deviation
anew for each training picture, divides each error by it, and is measured at 0.02, 0.26 and 0.5. The classical methods
beside it (scikit-image's, each as strong as is best on pictures that are not tested) look at one picture alone,
and are told how strong its noise is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nnlab.configs.denoise import DenoiseConfig
from nnlab.data.assets import report_2018
from nnlab.data.decoded import Part
from nnlab.data.pictures.images import SIDE, Pictures
from nnlab.data.pictures.pixels import Bytes
from nnlab.data.random import Stream, rng
from nnlab.evaluation.denoisers import figures_of, tuned_denoisers
from nnlab.evaluation.intervals import over_runs
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
    side_of,
    spread_over,
)
from nnlab.experiments.summaries.denoise import best_of, beyond_baselines, noise_table, noise_told, summary
from nnlab.output.pictures import ColourRow
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal, number
from nnlab.training.task import Results, Task

TUNED, COMPARED = 40, 200  # pictures that choose a classical method's strength, and test pictures it is measured on
TOLD = "where the noise is of another kind or strength, less is taken out"


# ---- data and tasks ----------------------------------------------------------------------------------


def load(config: DenoiseConfig) -> Loaded[DenoiseConfig, Pictures]:
    """CIFAR-10, the user's own pictures, or the sample."""
    return load_pictures(config)


def build(config: DenoiseConfig, side: int, activation: str) -> Any:
    """The network, not compiled; the same for training and for ``predict``."""
    from nnlab.models import autoencoders
    from nnlab.models.layers import Noise

    low, high = config.sigmas
    noise = Noise(low, high if high > low else None, config.clip)
    if activation == "linear":
        if config.design == "plain":
            return autoencoders.residual_denoiser((side, side, 3), noise)
        return autoencoders.blind_denoiser((side, side, 3), noise, is_bounded=config.design == "bounded")
    return autoencoders.conv_denoiser((side, side, 3), activation, noise)


def tasks(config: DenoiseConfig, data: Pictures) -> list[Task]:
    """Each network, measured on pictures never trained on, with fixed noise."""
    from nnlab.models.cost import cost
    from nnlab.models.layers import deviations

    side = data.train.shape[1]

    def measure(model: Any, part: Part, loss: str, activation: str) -> dict[str, float]:
        def at(sigma: float) -> dict[str, float]:
            pictures = data.part(part)

            def network(numbers: range) -> Any:
                return restored(model, with_noise(pictures, sigma, numbers, clip=config.clip), activation)

            return measured(network, pictures, loss)

        return together({sigma: at(sigma) for sigma in config.tested})

    def examples(model: Any, activation: str) -> dict[str, Any]:
        numbers = spread_over(data.test, compared(side))
        noisy = [with_noise(data.test, sigma, numbers, clip=config.clip) for sigma in config.tested]
        return {"restored": np.stack([restored(model, some, activation) for some in noisy])}

    def weights(count: int) -> Any:
        """Those of a batch: the error grows about as the noise does, and all noise is to count alike."""
        low, high = config.sigmas
        each = 1 / deviations(np.arange(count) + 0.5, count, low, high)
        return (each / each.mean()).astype(np.float32)[:, None, None]  # Keras's losses are (batch, height, width)

    made = picture_tasks(
        config,
        data,
        lambda activation: build(config, side, activation),
        measure,
        examples,
        weights if config.weighted else None,
    )

    def flop(model: Any) -> float:
        return passes(config.activation) * cost(model)

    return [replace(task, flop=flop) for task in made]


def together(by_sigma: Mapping[float, Mapping[str, float]]) -> dict[str, float]:
    """``loss`` and ``psnr_db`` over all noise that is measured, and at each of several; the PSNR of the mean error."""
    if len(by_sigma) == 1:
        return dict(next(iter(by_sigma.values())))
    squared = [10 ** (-found["psnr_db"] / 10) for found in by_sigma.values()]
    return {
        "loss": float(np.mean([found["loss"] for found in by_sigma.values()])),
        "psnr_db": psnr_db(float(np.mean(squared))),
        **{f"{name}_at_{sigma:g}": value for sigma, found in by_sigma.items() for name, value in found.items()},
    }


def compared(side: int) -> int:
    """How many test pictures the classical methods are measured on: of larger ones fewer."""
    return max(8, COMPARED * SIDE**2 // max(side, SIDE) ** 2)


def with_noise(pictures: Bytes, sigma: float, numbers: Sequence[int], *, clip: bool) -> Any:
    """Pictures of these numbers, each with the noise that is its own: float32, in [0, 1] if they are clipped."""
    noise = [rng(number, Stream.NOISE).normal(0, sigma, pictures.shape[1:]) for number in numbers]
    noisy = (pictures[numbers] / np.float32(255) + np.stack(noise)).astype(np.float32)
    return np.clip(noisy, 0, 1) if clip else noisy


def noisy_error(config: DenoiseConfig, pictures: Bytes, sigma: float) -> float:
    """The mean squared error of the noisy pictures themselves."""
    total = 0.0
    for first in range(0, len(pictures), 1000):
        numbers = range(first, min(first + 1000, len(pictures)))
        noisy = with_noise(pictures, sigma, numbers, clip=config.clip)
        total += len(numbers) * loss_of("mse", noisy, pictures[numbers] / np.float32(255))
    return total / len(pictures)


def passes(activation: str) -> int:
    """How often a picture goes through a network: this project's is shown its mirror image as well."""
    return 2 if activation == "linear" else 1


def restored(model: Any, noisy: Any, activation: str) -> Any:
    """What a network makes of noisy pictures, in [0, 1]; this project's: the mean with their mirror images."""
    from nnlab.training.batches import predict_in_batches

    there = predict_in_batches(model, noisy)
    if passes(activation) == 1:
        return np.clip(there, 0, 1)
    mirrored = predict_in_batches(model, np.ascontiguousarray(noisy[:, :, ::-1]))[:, :, ::-1]
    return np.clip((there + mirrored) / 2, 0, 1)


# ---- present -----------------------------------------------------------------------------------------


def present(
    config: DenoiseConfig, data: Pictures, results: Results, terminal: Terminal, folder: RunFolder
) -> dict[str, Any]:
    """Pictures, tables, figures, and the ``results`` of the JSON document."""
    from nnlab.output import figures

    runs, sigmas = asked_for(config, results), config.tested
    classical = compare(config, data)
    made = [run.outputs["restored"] for run in runs]  # of each run, under each noise
    same = [figures_of(list(one), classical.clean, config.loss) for one in made]
    errors = [noisy_error(config, data.test, sigma) for sigma in sigmas]
    found: dict[str, Any] = {
        **run_figures(runs),
        "noisy_psnr_db": psnr_db(float(np.mean(errors))),
        "compared": {
            "pictures": len(classical.clean),
            **{name: over_runs([one[name] for one in same]) for name in same[0]},
        },
        "baselines": {name: dict(figures) for name, figures in classical.figures.items()},
    }
    if len(sigmas) > 1:
        found["by_noise"] = [
            {
                "noise": sigma,
                **{
                    name: over_runs([float(run.outputs[f"test_{column}_at_{sigma:g}"]) for run in runs])
                    for name, column in (("test_loss", "loss"), ("psnr_db", "psnr_db"))
                },
                "noisy_psnr_db": psnr_db(error),
                "compared_psnr_db": over_runs([psnr_db(loss_of("mse", one[place], classical.clean)) for one in made]),
                **classical.best_at(place),
            }
            for place, (sigma, error) in enumerate(zip(sigmas, errors, strict=True))
        ]
    middle = len(sigmas) // 2
    clean, noisy, shown = classical.clean, classical.noisy[middle], made[0][middle]
    for place in spread_over(clean, 8)[1:3]:
        trio = [(one[place] * 255).round().astype(np.uint8) for one in (clean, np.clip(noisy, 0, 1), shown)]
        terminal.show(ColourRow(trio, ["original", "with noise", "restored"]), "")
    terminal.show(summary(config, data, found), "", beyond_baselines(found))
    if "by_noise" in found:
        terminal.show("", noise_table(found["by_noise"], len(clean)))
    if config.grid:
        found["grid"] = grid_table(config, results, report_2018("denoise"), terminal)
    with figures.optional(terminal):
        name = best_of(found["baselines"])
        pictures = {"original": clean, "noisy": np.clip(noisy, 0, 1), "restored": shown}
        save_figures(config, folder, results, pictures, (name, classical.restored[name][middle]))
    return found


@dataclass(frozen=True)
class Classical:
    """The classical methods on some test pictures: those clean and with each noise, what came of it, and figures."""

    clean: Any
    noisy: list[Any]  # of each noise
    restored: dict[str, list[Any]]  # of each method under each noise
    figures: dict[str, dict[str, float]]

    def best_at(self, place: int) -> dict[str, Any]:
        """The method of the highest PSNR under one of the noises."""
        found = {name: psnr_db(loss_of("mse", made[place], self.clean)) for name, made in self.restored.items()}
        name = max(found, key=lambda name: found[name])
        return {"baseline": name, "baseline_psnr_db": found[name]}


def compare(config: DenoiseConfig, data: Pictures) -> Classical:
    """Tune each method under each noise on validation pictures (without any, on training pictures), and measure it."""
    side = data.train.shape[1]
    chosen = data.train if data.validation is None else data.validation
    some, numbers = spread_over(chosen, min(TUNED, compared(side))), spread_over(data.test, compared(side))
    clean = data.test[numbers] / np.float32(255)
    noisy, restored, strengths = [], dict[str, list[Any]](), dict[str, float]()
    for sigma in config.tested:
        noisy.append(with_noise(data.test, sigma, numbers, clip=config.clip))
        given = with_noise(chosen, sigma, some, clip=config.clip)
        for name, method in tuned_denoisers(given, chosen[some] / np.float32(255), sigma, config.loss).items():
            restored.setdefault(name, []).append(method(noisy[-1]))
            strengths[name] = method.strength
    figures = {name: figures_of(made, clean, config.loss) for name, made in restored.items()}
    if len(config.tested) == 1:
        figures = {name: {**one, "strength": strengths[name]} for name, one in figures.items()}
    return Classical(clean, noisy, restored, figures)


def save_figures(
    config: DenoiseConfig,
    folder: RunFolder,
    results: Results,
    pictures: Mapping[str, Any],
    best: tuple[str, Any],
) -> None:
    """``restored.png`` (the report's Figure 8) and ``loss.png`` (Figure 9)."""
    from nnlab.output import figures, picture_figures

    eight = spread_over(pictures["original"], 8)
    sigma = config.tested[len(config.tested) // 2]
    names = {"original": "original", "noisy": f"noise {sigma:g}", "restored": "restored"}
    rows = {names[name]: given[eight] for name, given in pictures.items()}
    rows[best[0].replace("total_variation", "total\nvariation").replace("_", " ")] = best[1][eight]
    title = f"{figures.first_of('Test pictures', config.runs)}: original, with noise, restored"
    figure = picture_figures.rows_of_pictures(rows, title=title)
    folder.write("figures/restored.png", figures.png(figure))
    training = "training, divided by the noise" if config.weighted else "training"
    figure = loss_figure(config, results, f"nnlab denoise ({config.preset})", training)
    folder.write("figures/loss.png", figures.png(figure))


def headline(results: Mapping[str, Any]) -> str:
    """The one figure of a finished run for the listing of ``nnlab runs``."""
    noises = [f"{row['noise']:g}" for row in results.get("by_noise", [])]
    over = f" over noise of {', '.join(noises)}" if noises else ""
    return f"PSNR {number(results['psnr_db'], '.2f')} dB{over}"


# ---- predict -----------------------------------------------------------------------------------------


def predictor(config: DenoiseConfig, run: FinishedRun, options: Mapping[str, Any]) -> Denoiser:
    """Takes noise out of pictures of any size with the run's network."""
    return Denoiser(config, run)


class Denoiser(PicturePredictor):
    """Takes noise out of pictures of any size."""

    suffix = "restored"

    def __init__(self, config: DenoiseConfig, run: FinishedRun) -> None:
        side = side_of(run)
        self._activation = config.activation
        self._untold = f"the network was taught noise of {noise_told(config)}: {TOLD}"
        super().__init__(run, build(config, side, config.activation), side)

    def notes(self) -> list[str]:
        """Once: which noise the network was taught."""
        told, self._untold = self._untold, ""
        return [told] if told else []

    def apply(self, tiles: Any) -> Any:
        """Tiles restored."""
        return restored(self.model, tiles, self._activation)
