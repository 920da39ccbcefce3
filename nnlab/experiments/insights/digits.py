"""Where a digit network looks, on the digits that fool it: SmoothGrad (Smilkov and others 2017).

The gradient of the predicted digit's log-probability by each pixel, averaged over noisy copies of the picture. The
noise has a stream and a seed of its own, so the same run gives the same maps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nnlab.configs.permute import PermuteConfig
from nnlab.data.random import Stream, rng
from nnlab.evaluation import misclassified
from nnlab.evaluation.misclassified import Misclassified
from nnlab.experiments import FinishedRun, Loaded, mnist, permute
from nnlab.experiments.insights import Array, Insight, Picture, Pictures

SHOWN = 6
COPIES, NOISE = 48, 0.15  # noisy copies of each picture, and the standard deviation on pixels between 0 and 1
FOR, AGAINST = (213, 94, 0), (0, 114, 178)  # Okabe and Ito's vermilion and blue


def insights(config: Any, loaded: Loaded[Any, Any], run: FinishedRun) -> list[Insight]:
    """The saliency maps of the worst test digits."""
    from nnlab.experiments._digits import probabilities
    from nnlab.models.digits import side_by_side

    name, model = filled(config, run)
    pictures, labels = test_digits(config, loaded.data)
    given = probabilities(side_by_side(lambda: model, 1), pictures)
    worst = misclassified.ranked(labels, given)
    fooled = bool(worst)
    chosen = worst[:SHOWN] if fooled else least_sure(given[0], labels)[:SHOWN]
    maps = smooth_gradients(model, [(pictures[one.index], one.predicted) for one in chosen])
    seen, drawn = [], []
    for one, gradient in zip(chosen, maps, strict=True):
        pixels = pictures[one.index]
        seen.append(Picture(255 - pixels, f"test digit {one.index}, labelled {one.label}", one.caption()))
        alt = f"test digit {one.index}: the pixels that speak for and against {one.predicted}"
        drawn.append(Picture(overlay(pixels, gradient), alt, f"p({one.predicted}) = {one.p_predicted:.2f}"))
    title = "Where the network looks, on the digits that fool it" if fooled else "Where the network looks"
    which = (
        f"{len(worst):,} of {len(labels):,} test digits fool the network that the run kept ({name}); here are "
        "the worst, label → prediction."
        if fooled
        else f"No test digit fools the network that the run kept ({name}); here are those that it is least sure of."
    )
    caption = (
        f"{which} Below each: more ink on an orange pixel would make the network surer of its prediction, more ink on "
        f"a blue one less sure (gradient of the log-probability, averaged over {COPIES} noisy copies: SmoothGrad)."
    )
    return [Insight(title, caption, [Pictures([("", seen), ("", drawn)], wraps=True)])]


def filled(config: Any, run: FinishedRun) -> tuple[str, Any]:
    """(name, network) of what the run kept, of either experiment."""
    if isinstance(config, PermuteConfig):
        return "_".join(config.experiments[0]), permute.predictor(config, run, {}).model
    return "_".join(mnist.kept(config)), mnist.predictor(config, run, {}).model


def test_digits(config: Any, data: Any) -> tuple[Array, Array]:
    """(pictures, labels) as that network reads them: of ``permute`` with their pixels in its order."""
    if isinstance(config, PermuteConfig):
        return data.test_pictures(config.experiments[0][1]), data.digits.y_test
    return data.x_test, data.y_test


def least_sure(given: Array, labels: Array) -> list[Misclassified]:
    """Every picture, the least probable prediction first; ``given`` ``(pictures, 10)`` are all right."""
    order = np.argsort(given.max(axis=1), kind="stable")
    return [
        Misclassified(int(row), int(labels[row]), int(labels[row]), float(p), float(p), 0.0, 0)
        for row, p in zip(order, given.max(axis=1)[order], strict=True)
    ]


def smooth_gradients(model: Any, pictures: list[tuple[Array, int]]) -> list[Array]:
    """The averaged gradient ``(28, 28)`` of log p(digit) by the pixels in [0, 1], for each (picture, digit)."""
    import keras
    from keras import ops

    from nnlab import backend

    # Integers have no gradient: the network is entered where the pixels have become floats.
    rescaled = next(layer for layer in model.layers if isinstance(layer, keras.layers.Rescaling)).output
    above = keras.Model(rescaled, model.output)
    shape = tuple(rescaled.shape[1:])
    found = []
    for number, (pixels, digit) in enumerate(pictures):
        noise = rng(number, Stream.NOISE).normal(0, NOISE, (COPIES, *pixels.shape))
        noisy = (pixels / 255 + noise).astype(np.float32).reshape(COPIES, *shape)

        def log_probability(x: Any, digit: int = digit) -> Any:
            return ops.sum(ops.log_softmax(above(x, training=False))[:, digit])

        gradient = backend.gradient(log_probability, noisy)
        found.append(gradient.astype(np.float64).mean(axis=0).reshape(pixels.shape))
    return found


def overlay(pixels: Array, gradient: Array) -> Array:
    """The ink of a digit in grey under its map in colour: uint8 ``(28, 28, 3)`` on white."""
    strength = np.abs(gradient) / max(float(np.quantile(np.abs(gradient), 0.995)), 1e-12)
    share = np.clip(strength, 0, 1)[..., None] ** 0.8
    ink = (255 - 0.45 * pixels.astype(np.float64))[..., None] * np.ones(3)
    colour = np.where(gradient[..., None] > 0, np.array(FOR), np.array(AGAINST))
    made: Array = ((1 - share) * ink + share * colour).round().astype(np.uint8)
    return made
