"""What ``autoencode`` and ``denoise`` share: tasks of pictures given back, their measures and their tables."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.configs.autoencode import ReconstructionConfig
from nnlab.data.decoded import Part
from nnlab.data.pictures.images import Pictures, load, with_validation, without_seen
from nnlab.data.pictures.levels import Levels
from nnlab.data.pictures.pixels import Bytes, apply_tiled, open_picture
from nnlab.data.random import Stream, rng
from nnlab.data.seen import keys_of_rows
from nnlab.errors import InputError
from nnlab.evaluation.intervals import over_runs
from nnlab.experiments import FinishedRun, Loaded, Predictor
from nnlab.experiments._output_files import OutputFiles
from nnlab.output.terminal import Terminal, number, table
from nnlab.training.task import Results, RunResult, Task, at_kept, curves

MOST_SIDE = 8192  # pixels of a square picture that a network is trained on
NARROW, LONG = 8, 8  # pixels of the shorter side, and how many times longer the other is: both are told
Make = Callable[[Any, np.random.Generator], tuple[Any, ...]]  # (rows,), or (rows, weights of them or of their values)


def load_pictures(config: Any) -> Loaded[Any, Pictures]:
    """The pictures of a run, some of them for validation; what could not be read is told.

    Their side is kept for ``predict``.
    """
    data = load(config.data)
    split, left_out = without_seen(with_validation(data, config.validation, config.data_seed), config.inherited)
    return Loaded(
        config,
        split,
        source=data.record(),
        notes=split.notes,
        training_keys=lambda: keys_of_rows(split.train),
        left_out=left_out,
        preprocessing={"side": data.train.shape[1], "levels": data.levels and data.levels.record()},
    )


# ---- tasks -------------------------------------------------------------------------------------------


def picture_tasks(
    config: ReconstructionConfig,
    data: Pictures,
    build: Callable[[str], Any],
    measure: Callable[[Any, Part, str, str], dict[str, float]],
    examples: Callable[[Any, str], dict[str, Any]],
    weights: Callable[[int], Any] | None = None,
) -> list[Task]:
    """Each network of the grid (or the one), trained to give pictures back; the one asked for keeps its model.

    ``build(activation)`` is the network, not compiled; ``measure(model, part, loss, activation)`` its figures on the
    validation or the test pictures (``loss``, ``psnr_db``), ``examples(model, activation)`` the arrays that are shown
    of it. After each epoch it is measured on what is watched, at the end on the test pictures. ``weights(n)``: how much
    the pictures of a batch of ``n`` count, by their places.
    """
    several = len(config.outputs) > 1

    def one(loss: str, activation: str) -> Task:
        return reconstruction_task(
            config,
            name=f"{loss}_{activation}" if several else "",
            loss=loss,
            samples=len(data.train),
            batch_size=config.batch_size,
            build=lambda: build(activation),
            make=picture_batches(data.train, mirror=config.mirror, weights=weights),
            evaluate=lambda model: of_part(data.watched, measure(model, data.watched, loss, activation)),
            outputs=lambda model: {
                **of_part("test", measure(model, "test", loss, activation)),
                **examples(model, activation),
            },
            keep_model=(loss, activation) == (config.loss, config.activation),
        )

    return [one(loss, activation) for loss, activation in config.outputs]


def of_part(part: Part, figures: Mapping[str, float]) -> dict[str, float]:
    """Figures named after what they were measured on: ``val_loss``, ``test_loss``."""
    prefix = {"validation": "val", "test": "test"}[part]
    return {f"{prefix}_{name}": value for name, value in figures.items()}


def reconstruction_task(
    config: ReconstructionConfig,
    *,
    name: str,
    loss: str,
    samples: int,
    batch_size: int,
    build: Callable[[], Any],
    make: Make,
    evaluate: Callable[[Any], dict[str, float]],
    outputs: Callable[[Any], dict[str, Any]],
    keep_model: bool = True,
) -> Task:
    """A network that learns to give back ``make(numbers, rng)`` of each batch of the numbers of samples.

    Where there are enough samples, those that do not fill a batch wait for another epoch, whose order is new. Where
    there is validation, the epoch of its least loss (``val_loss`` of ``evaluate``) is kept.
    """
    from nnlab.training.batches import Batches, permutation

    steps = max(1, samples // batch_size)
    epochs, total = config.planned(name, steps, config.epochs)

    def batches(model: Any, seed: int, epoch: int) -> Batches:
        order = permutation(seed, epoch, samples)
        draws = rng(seed, Stream.AUGMENTATION, epoch)

        def pair(numbers: Any) -> tuple[Any, ...]:
            rows, *weights = make(numbers, draws)
            return rows, rows, *weights

        return Batches([order[k * batch_size : (k + 1) * batch_size] for k in range(steps)], pair)

    return Task(
        name=name,
        epochs=epochs,
        steps=steps,
        total=total,
        build=lambda: compiled(config, build(), loss, total),
        batches=batches,
        evaluate=lambda model: (evaluate(model), {}),
        outputs=outputs,
        keep_best="val_loss" if config.validation else None,
        keep_model=keep_model,
    )


def compiled(config: ReconstructionConfig, model: Any, loss: str, steps: int) -> Any:
    """The model with its loss and optimizer."""
    import keras

    from nnlab.backend import jit_compile
    from nnlab.models.optimizers import AdamW, Muon, on_a_cosine, share_of

    losses = {
        "mse": keras.losses.MeanSquaredError,
        "mae": keras.losses.MeanAbsoluteError,
        "bce": keras.losses.BinaryCrossentropy,
    }
    optimizer: Any = keras.optimizers.Adam(config.learning_rate)
    if config.schedule == "cosine":
        optimizer = on_a_cosine(
            config.learning_rate,
            steps,
            warm_up=share_of(steps, 0.05),
            least=0.005,
            weight_decay=config.weight_decay,
            beta_2=config.beta_2,
            kind=Muon if config.optimizer == "muon" else AdamW,
        )
    model.compile(optimizer, losses[loss](), jit_compile=jit_compile())
    return model


def picture_batches(train: Bytes, *, mirror: bool, weights: Callable[[int], Any] | None = None) -> Make:
    """What makes a batch of floats in [0, 1] of the numbers of pictures, half of them mirrored, and their weights."""

    def make(numbers: Any, draws: np.random.Generator) -> tuple[Any, ...]:
        batch = train[numbers]
        turned = draws.random(len(batch)) < 0.5
        if mirror:
            batch[turned] = batch[turned, :, ::-1]
        rows = batch / np.float32(255)
        return (rows, weights(len(rows))) if weights else (rows,)

    return make


def measured(network: Callable[[range], Any], pictures: Bytes, loss: str) -> dict[str, float]:
    """``loss`` and ``psnr_db`` of what a network gives back of pictures, in chunks: the pictures stay uint8.

    ``network`` of the numbers of pictures gives ``(n, side, side, 3)``, which is clipped to [0, 1].
    """
    from nnlab.evaluation.metrics import loss_of, psnr_db

    total = squared = 0.0
    for first in range(0, len(pictures), 1000):
        wanted = pictures[first : first + 1000] / np.float32(255)
        given = np.clip(network(range(first, first + len(wanted))), 0, 1)
        share = len(wanted) / len(pictures)
        total += share * loss_of(loss, given, wanted)
        squared += share * loss_of("mse", given, wanted)
    return {"loss": total, "psnr_db": psnr_db(squared)}


def spread_over(pictures: Any, count: int) -> list[int]:
    """The numbers of up to ``count`` pictures at equal distances: a data set may come class by class."""
    return [int(number) for number in np.linspace(0, len(pictures) - 1, min(count, len(pictures))).round()]


# ---- present -----------------------------------------------------------------------------------------


def run_figures(runs: Sequence[RunResult]) -> dict[str, Any]:
    """Training loss, and loss and PSNR on validation, where there is one, and on test, over the runs."""
    seen = [name for name in ("loss", "val_loss", "val_psnr_db") if name in runs[0].history.best]
    return {
        **{name: over_runs([float(run.history.best[name]) for run in runs]) for name in seen},
        "test_loss": over_runs([float(run.outputs["test_loss"]) for run in runs]),
        "psnr_db": over_runs([float(run.outputs["test_psnr_db"]) for run in runs]),
    }


def asked_for(config: ReconstructionConfig, results: Results) -> list[RunResult]:
    """The runs of the loss and the activation that were asked for."""
    return results[f"{config.loss}_{config.activation}" if len(config.outputs) > 1 else ""]


def grid_table(
    config: ReconstructionConfig, results: Results, report: Mapping[str, Any], terminal: Terminal
) -> list[dict[str, Any]]:
    """Losses by output activations, shown and as JSON values; the 2018 report's beside those of its data."""
    published = report if config.data in (None, "cifar10") else {}
    listed = table("loss", "output", *["2018 report, test loss"][: len(published)], "test loss", "PSNR (dB)", left=2)
    rows = []
    for loss, activation in config.outputs:
        name = f"{loss}_{activation}"
        found = run_figures(results[name])
        listed.add_row(
            loss,
            activation,
            *([f"{published[name]:g}"] if published else []),
            number(found["test_loss"], ".5f"),
            number(found["psnr_db"], ".2f"),
        )
        rows.append(
            {"loss": loss, "activation": activation, "test_loss": found["test_loss"], "published": published.get(name)}
        )
    terminal.show("", listed)
    return rows


def loss_figure(config: ReconstructionConfig, results: Results, title: str, training: str = "training") -> Any:
    """Training and validation (or test) loss by epoch, one plot per task; ``training``: what the former is called."""
    from nnlab.output import figures

    figure, axes = figures.canvas(len(results), title=title)
    for ax, (loss, activation), runs in zip(axes, config.outputs, results.values(), strict=True):
        watched = ("validation", "val_loss") if config.validation else ("test", "test_loss")
        lines = {training: curves(runs, "loss"), watched[0]: curves(runs, watched[1])}
        shown = loss if activation == "linear" else f"{loss}, {activation}"
        tested = {"": at_kept(runs, [run.outputs["test_loss"] for run in runs])} if config.validation else None
        figures.curves(ax, lines, ylabel=f"loss ({shown})", log=True, tested=tested)
    return figure


# ---- predict -----------------------------------------------------------------------------------------


def picture_of(path: Path, tell: Callable[[str], Any], *, alpha: bool, levels: Levels | None) -> Any:
    """:func:`open_picture` of a file that an error names."""
    try:
        return open_picture(path, alpha=alpha, levels=levels, tell=tell)
    except InputError as error:
        raise InputError(error.message, error.hint, path=path) from error


def side_of(run: FinishedRun) -> int:
    """The side in pixels of the pictures that a network was trained on."""
    return run.whole("side", least=8, most=MOST_SIDE, multiple=8)


class PicturePredictor(Predictor[tuple[Path, Any]]):
    """A picture of any size through a trained network, tile by tile; alpha and orientation are kept, and grey."""

    batch_size = 1  # a picture is many tiles, and may be large
    takes_files = makes_files = True
    asks = "the path of a picture"
    suffix = "restored"

    def __init__(self, run: FinishedRun, model: Any, side: int) -> None:
        self.model, self.side = run.fill(model), side
        self.levels = Levels.from_record(run.preprocessing["levels"])
        self.outputs = OutputFiles(run.out)

    @abstractmethod
    def apply(self, tiles: Any) -> Any:
        """Tiles ``(n, side, side, 3)`` in [0, 1] through the network."""

    def read(self, text: str) -> tuple[Path, Any]:
        """A picture file; InputError where it cannot be read."""
        remarks: list[str] = []
        path, self.remarks = self.path(text), remarks
        picture = picture_of(path, remarks.append, alpha=True, levels=self.levels)
        short, long = sorted(picture.size)
        if short < NARROW or (short < self.side and long > LONG * short):
            wide, high = picture.size
            remarks.append(f"{wide:,} × {high:,} pixels: most of what the network sees is the picture mirrored")
        return path, picture

    def answer(self, inputs: Sequence[tuple[Path, Any]]) -> list[str]:
        """Write each picture's answer; the paths."""
        return [self._write(path, picture) for path, picture in inputs]

    def _write(self, path: Path, picture: Any) -> str:
        from PIL import Image

        pixels = np.asarray(picture)
        whole = apply_tiled(self.apply, pixels[..., :3], self.side)
        if is_grey(pixels):
            whole = ((whole.sum(axis=-1, keepdims=True, dtype=np.uint16) + 1) // 3).astype(np.uint8)
        if pixels.shape[-1] == 4:
            whole = np.concatenate([whole, pixels[..., 3:]], axis=-1)
        whole = whole[..., 0] if whole.shape[-1] == 1 else whole
        return self.outputs.write(path, self.suffix, ".png", Image.fromarray(whole).save)


def is_grey(pixels: Bytes) -> bool:
    """Whether a picture ``(height, width, 3 or 4)`` has no colour, however it was stored."""
    red, green, blue = (pixels[..., number] for number in range(3))
    return bool((red == green).all() and (green == blue).all())
