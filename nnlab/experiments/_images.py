"""What ``autoencode`` and ``denoise`` share: batches of pictures, the grid of losses, and files that come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlab.commands.train import Bench
from nnlab.data.images import Bytes, Pictures, load, open_picture
from nnlab.data.tiles import through
from nnlab.errors import InputError, UsageError
from nnlab.output.run_folder import RunFolder

if TYPE_CHECKING:
    from nnlab.training.repeat import Outcome

GRID = (("mse", "sigmoid"), ("mse", "softmax"), ("bce", "sigmoid"), ("bce", "softmax"))


def check_output(loss: str, activation: str, grid: bool) -> None:
    """Raise UsageError for a loss that the output's range does not allow."""
    if loss == "bce" and activation not in ("sigmoid", "softmax"):
        raise UsageError(
            f"--loss bce needs an output between 0 and 1, --activation {activation} gives others",
            "Use --activation sigmoid",
        )
    if grid and (loss, activation) not in GRID:
        raise UsageError(
            f"--grid compares mse and bce with sigmoid and softmax, {loss} with {activation} is not among them",
            "Leave --loss and --activation out",
        )


def grid_of(loss: str, activation: str, grid: bool) -> list[tuple[str, str]]:
    """(loss, activation) of each network to train."""
    return list(GRID) if grid else [(loss, activation)]


def open_pictures(config: Any, bench: Bench) -> Pictures:
    """The pictures of a run; what could not be read is told. Their side is kept for ``predict``."""
    with bench.clock("data"):
        data = load(config.data)
    for name in data.skipped:
        bench.terminal.warn(f"skipped {name}")
    bench.folder.write_json("shape.json", {"side": data.train.shape[1]})
    return data


def train_grid(
    config: Any,
    bench: Bench,
    train: Bytes,
    build: Callable[[str], Any],
    measure: Callable[..., dict[str, float]],
    examples: Callable[[Any, str], dict[str, Any]],
) -> dict[str, list[Outcome]]:
    """Train each network of the grid (or the one) over the seeds to give pictures back; its first model is kept.

    ``build(activation)`` is the network, ``measure(model, loss=, activation=)`` its held-out figures after an
    epoch, ``examples(model, activation)`` the arrays that are shown of it.
    """
    from nnlab.training.reconstruct import compiled, train_seeds

    published = config.preset == "published"
    steps = max(1, len(train) // config.batch_size) * config.epochs
    wanted = grid_of(config.loss, config.activation, config.grid)
    outcomes: dict[str, list[Outcome]] = {}
    for loss, activation in wanted:
        own = (loss, activation) == (config.loss, config.activation)

        def make(loss: str = loss, activation: str = activation) -> Any:
            return compiled(build(activation), loss, config.learning_rate, steps, schedule=not published)

        def finish(model: Any, run: int, own: bool = own, activation: str = activation) -> tuple[Any, Any]:
            if own and run == 0:
                bench.folder.place("model.keras", model.save)
            return {}, examples(model, activation)

        outcomes[f"{loss}_{activation}"] = train_seeds(
            bench,
            make,
            len(train),
            shuffled_pictures(train, mirror=not published),
            partial(measure, loss=loss, activation=activation),
            seeds=config.seeds,
            epochs=config.epochs,
            batch_size=config.batch_size,
            name=f"{loss}_{activation}" if len(wanted) > 1 else "",
            finish=finish,
        )
    return outcomes


def shuffled_pictures(train: Bytes, *, mirror: bool = True) -> Callable[[Any, np.random.Generator], Any]:
    """What makes a batch of floats in [0, 1] of the numbers of pictures, half of them mirrored."""

    def make(numbers: Any, rng: np.random.Generator) -> Any:
        batch = train[numbers]
        turned = rng.random(len(batch)) < 0.5
        if mirror:
            batch[turned] = batch[turned, :, ::-1]
        return batch / np.float32(255)

    return make


def spread_over(pictures: Any, count: int) -> list[int]:
    """The numbers of up to ``count`` pictures at equal distances: a data set may come class by class."""
    return [int(number) for number in np.linspace(0, len(pictures) - 1, min(count, len(pictures))).round()]


# ---- predict -----------------------------------------------------------------------------------------


class Outputs:
    """Where the files that ``predict`` writes go: beside each input, or into one folder; never over another file."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def place(self, path: Path, suffix: str, ending: str) -> Path:
        """The path of an input's output: ``NAME-suffix``, and a number where there is such a file already."""
        folder = self.folder or path.parent
        if self.folder is not None:
            if folder.exists() and not folder.is_dir():
                raise UsageError(f"expected a folder for --out, got the file {folder}", "Choose another --out")
            folder.mkdir(parents=True, exist_ok=True)
        names = (f"{path.stem}-{suffix}{more}{ending}" for more in ("", *(f"-{k}" for k in range(2, 100_000))))
        return next(folder / name for name in names if not (folder / name).exists())


class PicturePredictor:
    """A picture of any size through a trained network, tile by tile; alpha and orientation are kept."""

    OPTIONS: Mapping[str, Any] = {"out": None}
    CHUNK = 8  # pictures held in memory at a time
    SUFFIX = "restored"

    def __init__(self, folder: RunFolder, outputs: Outputs) -> None:
        self.folder = folder
        self.outputs = outputs
        self.side = int(folder.read_json("shape.json")["side"])
        self._model: Any = None

    def network(self) -> Any:
        """The network, not compiled; subclasses know how to build it."""
        raise NotImplementedError

    def apply(self, model: Any, tiles: Any) -> Any:
        """Tiles ``(n, side, side, 3)`` in [0, 1] through the network."""
        raise NotImplementedError

    def open(self) -> None:
        """Build the network and load its weights; the backend has been started."""
        from nnlab.backend import load_weights

        self._model = self.network()
        load_weights(self._model, self.folder.path / "model.keras")

    def read(self, text: str) -> tuple[Path, Any]:
        """A picture file; InputError where it cannot be read."""
        path = Path(text)
        try:
            picture = open_picture(path, alpha=True)
        except InputError as error:
            raise InputError(error.message, error.hint, path=path) from error
        return path, picture

    def answer(self, given: Sequence[tuple[Path, Any]]) -> list[str]:
        """Write each picture's answer; the paths."""
        return [self._write(path, picture) for path, picture in given]

    def _write(self, path: Path, picture: Any) -> str:
        from PIL import Image

        pixels = np.asarray(picture)
        made = through(lambda tiles: self.apply(self._model, tiles), pixels[..., :3] / np.float32(255), self.side)
        whole = np.clip(made * 255 + 0.5, 0, 255).astype(np.uint8)
        if pixels.shape[-1] == 4:
            whole = np.concatenate([whole, pixels[..., 3:]], axis=-1)
        target = self.outputs.place(path, self.SUFFIX, ".png")
        Image.fromarray(whole).save(target)
        return str(target)
