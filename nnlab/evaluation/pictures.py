"""How near a picture is to the original: PSNR; and the classical ways of taking noise away."""

from __future__ import annotations

import importlib.util
import math
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]


def loss_of(kind: str, made: Array, wanted: Array) -> float:
    """The mean loss ``mse``, ``mae`` or ``bce`` (nats a value) of pictures in [0, 1], as Keras defines it."""
    if kind == "mse":
        return float(np.square(made - wanted, dtype=np.float64).mean())
    if kind == "mae":
        return float(np.abs(made - wanted, dtype=np.float64).mean())
    share = np.clip(made.astype(np.float64), 1e-7, 1 - 1e-7)
    return float(-(wanted * np.log(share) + (1 - wanted) * np.log1p(-share)).mean())


def psnr_db(mean_squared_error: float) -> float:
    """Peak signal-to-noise ratio in dB for pictures in [0, 1]."""
    return -10 * math.log10(max(mean_squared_error, 1e-12))


def has_scikit_image() -> bool:
    """Whether the extra ``classical`` is installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("skimage", "pywt"))


def classical(noisy: Array, sigma: float) -> dict[str, Array]:
    """What scikit-image makes of noisy pictures ``(n, side, side, 3)`` in [0, 1], by method.

    Each is told the noise (as a user would tune it): non-local means (Buades, Coll and Morel 2005), wavelet
    shrinkage (Chang, Yu and Vetterli 2000) and total variation (Chambolle 2004, at the best of a few weights).
    """
    from skimage import restoration

    methods: Any = restoration  # half of it has types

    def each(method: Any) -> Array:
        return np.stack([np.clip(method(picture), 0, 1) for picture in noisy]).astype(np.float32)

    made = {
        "non_local_means": each(
            lambda picture: methods.denoise_nl_means(
                picture, patch_size=3, patch_distance=7, h=0.7 * sigma, sigma=sigma, fast_mode=True, channel_axis=-1
            )
        ),
        "wavelet": each(
            lambda picture: methods.denoise_wavelet(
                picture, sigma=sigma, method="BayesShrink", mode="soft", convert2ycbcr=True, channel_axis=-1
            )
        ),
    }
    for weight in (0.5, 1.0, 1.5):
        made[f"total_variation_{weight:g}"] = each(
            lambda picture, weight=weight: methods.denoise_tv_chambolle(picture, weight=weight * sigma, channel_axis=-1)
        )
    return made
