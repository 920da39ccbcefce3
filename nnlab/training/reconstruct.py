"""Training networks that give back what they were shown: pictures, spectra, waveforms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import keras
import numpy as np

from nnlab.backend import jit_compile
from nnlab.training.batches import Batches
from nnlab.training.loop import Evaluation, Row, Seeded, train
from nnlab.training.optimizers import warm_up_then_cosine
from nnlab.training.repeat import Outcome

if TYPE_CHECKING:
    from nnlab.commands.train import Bench

Array: TypeAlias = "np.ndarray[Any, Any]"
Make: TypeAlias = Callable[[Array, np.random.Generator], Array]
LOSSES = {
    "mse": keras.losses.MeanSquaredError,
    "mae": keras.losses.MeanAbsoluteError,
    "bce": keras.losses.BinaryCrossentropy,
}


def compiled(model: keras.Model, loss: str, rate: float, steps: int, *, schedule: bool) -> keras.Model:
    """The model with its loss and optimizer: AdamW on a warm-up and cosine over ``steps``, or plain Adam."""
    if schedule:
        paced = warm_up_then_cosine(rate, steps, warm_up=0.05, least=0.005)
        optimizer: Any = keras.optimizers.AdamW(paced, weight_decay=1e-4, beta_2=0.99)
    else:
        optimizer = keras.optimizers.Adam(rate)
    model.compile(optimizer, LOSSES[loss](), jit_compile=jit_compile())
    return model


def train_seeds(
    bench: Bench,
    build: Callable[[], keras.Model],
    samples: int,
    make: Make,
    measure: Callable[[keras.Model], Row],
    *,
    seeds: Sequence[int],
    epochs: int,
    batch_size: int,
    name: str = "",
    finish: Callable[[keras.Model, int], tuple[dict[str, Any], dict[str, Array]]] | None = None,
) -> list[Outcome]:
    """Train ``build()`` (compiled) once a seed to give back ``make(numbers, rng)`` of each batch of samples.

    Where there are enough samples, those that do not fill a batch wait for another epoch, whose order is new.
    ``measure`` gives the held-out figures of an epoch; ``finish(model, run)`` the figures and arrays of a run.
    """
    seeded = Seeded(lambda members: build())
    steps = max(1, samples // batch_size)

    def evaluate(model: keras.Model, epoch: int, training: dict[str, float]) -> Evaluation:
        with bench.clock("evaluate"):
            return Evaluation([{"loss": training["loss"], **measure(model)}])

    def fit(run: int, group: Sequence[int]) -> list[Outcome]:
        seed = group[0]
        model = seeded.reset(seed)

        def order(epoch: int) -> Batches:
            shuffled = np.random.default_rng([seed, epoch, 1]).permutation(samples)
            rng = np.random.default_rng([seed, epoch, 2])

            def pair(numbers: Array) -> tuple[Array, Array]:
                rows = make(numbers, rng)
                return rows, rows

            return Batches([shuffled[k * batch_size : (k + 1) * batch_size] for k in range(steps)], pair)

        history = train(
            model,
            None,
            None,
            epochs=epochs,
            batch_size=batch_size,
            seed=seed,
            evaluate=evaluate,
            store=bench.folder,
            record=bench.record,
            watch=bench.watch,
            run=run,
            runs=len(seeds),
            name=name,
            order=order,
            steps=steps,
        )
        with bench.clock("evaluate"):
            figures, arrays = finish(model, run) if finish else ({}, {})
        return [Outcome(history, figures, arrays)]

    return bench.repeat(seeds, fit, name=name)
