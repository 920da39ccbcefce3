"""Test pictures as they are, with noise, and restored, large beside each other."""

from __future__ import annotations

import numpy as np

from nnlab.configs.denoise import DenoiseConfig
from nnlab.data.pictures.images import Pictures as Data
from nnlab.evaluation.metrics import loss_of, psnr_db
from nnlab.experiments import FinishedRun, Loaded
from nnlab.experiments import denoise as experiment
from nnlab.experiments._images import spread_over
from nnlab.experiments.insights import Insight, Picture, Pictures, as_bytes

SHOWN = 3


def insights(config: DenoiseConfig, loaded: Loaded[DenoiseConfig, Data], run: FinishedRun) -> list[Insight]:
    """Three pictures, spread over the test part, each with the noise that is its own."""
    test = loaded.data.test
    numbers = spread_over(test, SHOWN)
    predictor = experiment.predictor(config, run, {})
    clean = test[numbers] / np.float32(255)
    sigma = config.tested[len(config.tested) // 2]
    noisy = experiment.with_noise(test, sigma, numbers, clip=config.clip)
    restored = predictor.apply(noisy)
    rows = []
    for place, number in enumerate(numbers):
        told = [f"{psnr_db(loss_of('mse', one[place], clean[place])):.1f} dB" for one in (noisy, restored)]
        alt = f"test picture {number}"
        trio = [
            Picture(test[number], alt, "clean"),
            Picture(as_bytes(np.clip(noisy[place], 0, 1)), f"{alt} with noise", f"noisy, {told[0]}"),
            Picture(as_bytes(restored[place]), f"{alt} restored", f"restored, {told[1]}"),
        ]
        rows.append(("", trio))
    caption = (
        f"Test pictures: clean, with noise of standard deviation {sigma:g} on values between 0 and 1, and "
        "what the network makes of it. dB: peak signal-to-noise ratio, more is better."
    )
    return [Insight("Before and after", caption, [Pictures(rows)])]
