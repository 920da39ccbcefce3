"""Training digit networks of many seeds: a few at once where that is faster, each as if it were alone.

Measured on 2 cores, seconds an epoch of one published MLP: in a plain script 4.4; alone here 2.7-4.3, two side by
side in one program 2.2-2.5 each; the same two with one thread an operation 1.8, since matrices this small gain less
from a second core than they lose by sharing (3.2 processor seconds instead of 4.2); three 1.9, four 2.0. As one
batched product 3.9-4.1, and no longer the same bits; XLA 4.2-4.7 processor seconds. So two, side by side, with one
thread. Convolutions fill the cores alone and go one after another. :func:`at_once` and :func:`threads_of` hold that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from nnlab.backend import jit_compile
from nnlab.data.digits import Bytes
from nnlab.models import digits as models
from nnlab.training.batches import Rows, predict_in_batches
from nnlab.training.loop import Evaluation, Seeded, permutation, train
from nnlab.training.repeat import Outcome

if TYPE_CHECKING:
    from nnlab.commands.train import Bench


@dataclass(frozen=True)
class Recipe:
    """How a digit network is made and trained."""

    net: str  # mlp or cnn
    loss: str  # ce or mse
    epochs: int
    batch_size: int
    published: bool  # the examples of 2018, or this project's networks
    shift: int | None = 0  # pixels a training picture may move (small CNN); None where pixels have no order
    learning_rate: float = 1e-3


def at_once(net: str, runs: int, device: str) -> int:
    """How many networks are trained side by side, as measured."""
    if device.startswith("CPU"):
        return min(runs, 2 if net == "mlp" else 1)
    return min(runs, 10)  # not measured: no GPU was at hand


def threads_of(net: str, samples: int, device: str) -> int | None:
    """How many threads an operation may use; None: all cores. Never a matter of how many runs there are.

    Few samples are trained before a process of its own has started.
    """
    on_tensorflow = keras.backend.backend() == "tensorflow"
    return 1 if net == "mlp" and samples >= 10_000 and device.startswith("CPU") and on_tensorflow else None


def build(recipe: Recipe, members: int) -> keras.Model:
    """Networks of a recipe side by side, not compiled: ``(batch, members, 28, 28)`` to ``(…, 10)``."""

    def one() -> keras.Model:
        if recipe.net == "mlp":
            return models.mlp(0.0, 0.2) if recipe.published else models.mlp(0.2, 0.4)
        if recipe.published:
            return models.cnn()
        return models.shallow_cnn() if recipe.shift is None else models.small_cnn(recipe.shift)

    return models.side_by_side(one, members)


def compiled(recipe: Recipe, members: int, samples: int) -> keras.Model:
    """The network of a recipe with its loss and optimizer."""
    steps = -(-samples // recipe.batch_size)
    optimizer: Any
    if recipe.published:
        # Keras's examples of early 2018: RMSprop for the MLP, Adadelta (rate 1, decay 0.95) for the CNN.
        rmsprop, adadelta = keras.optimizers.RMSprop(1e-3), keras.optimizers.Adadelta(1.0, rho=0.95)
        optimizer = rmsprop if recipe.net == "mlp" else adadelta
    else:
        total, warmup = steps * recipe.epochs, max(1, min(steps, steps * recipe.epochs // 8))
        rate = recipe.learning_rate
        schedule = keras.optimizers.schedules.CosineDecay(
            rate / 20, max(1, total - warmup), alpha=0.001, warmup_target=rate, warmup_steps=warmup
        )
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.05, beta_2=0.99)
    model = build(recipe, members)
    model.compile(
        optimizer,
        total_error(recipe.loss),
        metrics=[member_error(recipe.loss, member) for member in range(members)],
        jit_compile=jit_compile(),
        steps_per_execution=32 if recipe.net == "mlp" else 8,  # an execution costs as much as a step of an MLP
    )
    return model


def error_of(name: str) -> Any:
    """Cross-entropy, or the mean squared error of the probabilities: labels ``(…)``, logits ``(…, 10)``."""

    def cross_entropy(labels: Any, logits: Any) -> Any:
        return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)

    def squared_error(labels: Any, logits: Any) -> Any:
        return ops.mean(ops.square(ops.softmax(logits) - ops.one_hot(labels, 10)), axis=-1)

    return cross_entropy if name == "ce" else squared_error


def total_error(name: str) -> Any:
    """The loss of all members: summed, so that each member's gradient is what it would be alone."""
    error = error_of(name)

    def total(labels: Any, logits: Any) -> Any:
        return ops.sum(error(labels, logits), axis=-1)

    return total


def member_error(name: str, member: int) -> Any:
    """The loss of one member, reported as ``loss_0``, ``loss_1``, …"""
    error = error_of(name)

    def own(labels: Any, logits: Any) -> Any:
        return error(labels[:, member], logits[:, member])

    own.__name__ = f"loss_{member}"
    return own


def probabilities(model: keras.Model, pictures: Bytes, *, size: int = 500) -> np.ndarray[Any, Any]:
    """What each member gives each digit: ``(pictures, members, 10)`` float32."""
    members = model.input_shape[1]
    shown = np.broadcast_to(pictures[:, None], (len(pictures), members, *pictures.shape[1:]))
    logits = predict_in_batches(model, shown, size=size).astype(np.float64)
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    shares: np.ndarray[Any, Any] = (raised / raised.sum(-1, keepdims=True)).astype(np.float32)
    return shares


def train_seeds(
    bench: Bench,
    recipe: Recipe,
    name: str,
    seeds: Sequence[int],
    data: tuple[Bytes, Bytes, Bytes, Bytes],
    *,
    keep_model: bool,
) -> list[Outcome]:
    """Train a recipe once a seed; each outcome holds the test probabilities ``(pictures, 10)``."""
    x, y, x_test, y_test = data
    assert bench.environment is not None
    members = at_once(recipe.net, len(seeds), bench.environment.device)
    seeded = Seeded(lambda count: compiled(recipe, count, len(x)), members=members, member_of=models.member)

    def fit(first: int, group: Sequence[int]) -> list[Outcome]:
        model = seeded.reset(*group)
        places = [*group, *[group[-1]] * (members - len(group))]

        def order(epoch: int) -> Rows:
            """Each member's own order of the same pictures: ``(samples, members)``."""
            orders = [permutation(seed, epoch, len(x)) for seed in places]
            return Rows((x, y), np.stack(orders, axis=1), recipe.batch_size)

        def measure(model: keras.Model, epoch: int, training: dict[str, float]) -> Evaluation:
            with bench.clock("evaluate"):
                shares = probabilities(model, x_test)
            return Evaluation(
                [
                    {"loss": training[f"loss_{member}"], **measured(shares[:, member], y_test, recipe.loss)}
                    for member in range(len(group))
                ]
            )

        history = train(
            model,
            x,
            y,
            epochs=recipe.epochs,
            batch_size=recipe.batch_size,
            seed=group[0],
            evaluate=measure,
            store=bench.folder,
            record=bench.record,
            watch=bench.watch,
            run=first,
            runs=len(seeds),
            name=name,
            order=order,
        )
        shares = probabilities(model, x_test)
        if keep_model and first == 0:
            bench.folder.place("model.keras", models.member(model, 0).save)
        return [
            Outcome(history.of_run(first + member), arrays={"probabilities": shares[:, member]})
            for member in range(len(group))
        ]

    threads = threads_of(recipe.net, len(x), bench.environment.device)
    return bench.repeat(seeds, fit, at_once=members, name=name, threads=threads)


def measured(shares: np.ndarray[Any, Any], labels: Bytes, loss: str) -> dict[str, float]:
    """Held-out loss and accuracy of one member."""
    right = shares[np.arange(len(labels)), labels].astype(np.float64)
    if loss == "ce":
        value = float(-np.log(np.maximum(right, 1e-12)).mean())
    else:
        value = float(((shares - np.eye(10)[labels]) ** 2).mean())
    return {"val_loss": value, "test_accuracy": float((shares.argmax(-1) == labels).mean())}
