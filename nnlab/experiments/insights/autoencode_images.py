"""A walk between held-out pictures through the code, and the pictures that the code loses most of."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from nnlab.configs.autoencode import AutoencodeConfig
from nnlab.experiments import FinishedRun, Loaded
from nnlab.experiments import autoencode_images as experiment
from nnlab.experiments._images import spread_over
from nnlab.experiments.autoencode_images import Coded
from nnlab.experiments.insights import Array, Insight, Picture, Pictures, as_bytes

WALKS, STEPS = 3, 7  # steps with both ends
WORST = 6


def insights(config: AutoencodeConfig, loaded: Loaded[AutoencodeConfig, Coded], run: FinishedRun) -> list[Insight]:
    """Walks, and the largest errors."""
    model = experiment.predictor(config, run, {}).model
    test = loaded.data.pictures.test
    return [walks(model, test), largest_errors(model, test)]


def walks(model: Any, test: Array) -> Insight:
    """From one held-out picture to another in equal steps of the code; below, the same steps of the pixels."""
    from nnlab.training.batches import predict_in_batches

    encoder, decoder = halves(model)
    chosen = spread_over(test, WALKS + 1)
    shares = np.linspace(0, 1, STEPS)
    rows: list[tuple[str, list[Picture]]] = []
    for count, (first, second) in enumerate(pairwise(chosen), start=1):
        ends = test[[first, second]] / np.float32(255)
        codes = predict_in_batches(encoder, ends, size=2)
        mix = shares.reshape(-1, *[1] * (codes.ndim - 1)).astype(np.float32)
        through = predict_in_batches(decoder, (1 - mix) * codes[:1] + mix * codes[1:], size=STEPS)
        faded = np.stack([(1 - share) * ends[0] + share * ends[1] for share in shares])
        for name, made in (("code", through), ("pixels", faded)):
            told = [f"walk {count}, {name}: {round(100 * share)} % of the second picture" for share in shares]
            pictures = [Picture(pixels, alt) for pixels, alt in zip(as_bytes(made), told, strict=True)]
            rows.append((f"walk {count}, mix of the {name}", pictures))
    caption = (
        "Each walk goes from one held-out picture to another. In its upper row the codes of both are mixed, and the "
        "decoder says what such a code would be a picture of; in its lower row the pixels are mixed, as a slide "
        "projector fades. Where both rows look alike the code is little more than a linear one."
    )
    return Insight("A walk through the code", caption, [Pictures(rows)])


def halves(model: Any) -> tuple[Any, Any]:
    """(encoder, decoder) of an autoencoder, cut at its code: the layer of that name, or the last that pools."""
    import keras

    pooled = [layer for layer in model.layers if isinstance(layer, keras.layers.MaxPooling2D)]
    code = next((layer for layer in model.layers if layer.name == "code"), pooled[-1] if pooled else None)
    assert code is not None
    return keras.Model(model.input, code.output), keras.Model(code.output, model.output)


def largest_errors(model: Any, test: Array) -> Insight:
    """The held-out pictures with the largest mean squared error, beside what came back."""
    from nnlab.training.batches import predict_in_batches

    errors = np.empty(len(test))
    for start in range(0, len(test), 1000):
        wanted = test[start : start + 1000] / np.float32(255)
        made = np.clip(predict_in_batches(model, wanted), 0, 1)
        errors[start : start + 1000] = np.square(made - wanted, dtype=np.float64).mean(axis=(1, 2, 3))
    worst = np.argsort(-errors, kind="stable")[:WORST].tolist()
    back = as_bytes(predict_in_batches(model, test[worst] / np.float32(255)))
    median = float(np.median(errors))
    seen = [Picture(test[row], f"held-out picture {row}", f"#{row}") for row in worst]
    given = [
        Picture(pixels, f"held-out picture {row} as it came back", f"{errors[row] / median:.1f}×")
        for row, pixels in zip(worst, back, strict=True)
    ]
    caption = (
        f"Of {len(test):,} held-out pictures, those with the largest mean squared error: unlike the training pictures, "
        f"or full of detail that no few numbers hold. Below each what came back, and its error as a multiple of the "
        f"median ({median:.2g})."
    )
    return Insight("What the code loses most of", caption, [Pictures([("", seen), ("", given)], wraps=True)])
