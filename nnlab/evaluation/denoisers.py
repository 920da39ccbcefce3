"""What a network that takes noise out of pictures has to beat: scikit-image's methods, each as strong as is best.

They look at one picture alone. All but two are told the noise's standard deviation, as a user would tune them; how
strong each is, is chosen on pictures that are not tested.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from nnlab.evaluation.metrics import loss_of, psnr_db

Array: TypeAlias = np.ndarray[Any, Any]
Method: TypeAlias = Callable[[Array, float, float], Array]  # (picture, strength, sigma)


@dataclass(frozen=True)
class Denoiser:
    """A method as it was tuned for noise of one standard deviation; ``strength`` in the unit of its own."""

    name: str
    strength: float
    sigma: float

    def __call__(self, noisy: Array) -> Array:
        """Pictures ``(n, side, side, 3)`` without their noise, in [0, 1]."""
        return _restored(_methods()[self.name][0], noisy, self.strength, self.sigma)


def tuned_denoisers(noisy: Array, clean: Array, sigma: float, loss: str) -> dict[str, Denoiser]:
    """Each method with the strength of the least loss.

    ``noisy`` and ``clean`` ``(n, side, side, 3)``: pictures to choose by, of values in [0, 1] but for the noise of
    standard deviation ``sigma``; ``loss``: mse, mae or bce.
    """
    found = {}
    for name, (method, strengths) in _methods().items():
        losses = [loss_of(loss, _restored(method, noisy, strength, sigma), clean) for strength in strengths]
        found[name] = Denoiser(name, strengths[int(np.argmin(losses))], sigma)
    return found


def figures_of(outputs: Sequence[Array], clean: Array, loss: str) -> dict[str, float]:
    """``test_loss`` and ``psnr_db`` of what was made of the same clean pictures under each noise, all together."""
    return {
        "test_loss": float(np.mean([loss_of(loss, made, clean) for made in outputs])),
        "psnr_db": psnr_db(float(np.mean([loss_of("mse", made, clean) for made in outputs]))),
    }


def _restored(method: Method, noisy: Array, strength: float, sigma: float) -> Array:
    return np.stack([np.clip(method(picture, strength, sigma), 0, 1) for picture in noisy]).astype(np.float32)


def _methods() -> dict[str, tuple[Method, tuple[float, ...]]]:
    """Each method and the strengths to try; where they are shares, then of the noise's standard deviation.

    Gaussian and median filter (deviation and side in pixels), bilateral filter (Tomasi and Manduchi 1998), total
    variation (Chambolle 2004), wavelet shrinkage (Chang, Yu and Vetterli 2000), non-local means (Buades, Coll and Morel
    2005).
    """
    from skimage import filters, restoration

    given: Any = restoration  # half of it has types
    smooth: Any = filters
    colours = {"channel_axis": -1}

    def wavelet(picture: Array, strength: float, sigma: float) -> Any:
        options = {"method": "BayesShrink", "mode": "soft", "convert2ycbcr": True}
        return given.denoise_wavelet(picture, sigma=strength * sigma, **options, **colours)

    def bilateral(picture: Array, strength: float, sigma: float) -> Any:
        options = {"win_size": 7, "sigma_color": strength * sigma, "sigma_spatial": 1.5}
        return given.denoise_bilateral(np.clip(picture, 0, 1), **options, **colours)  # it takes nothing negative

    def non_local(picture: Array, strength: float, sigma: float) -> Any:
        options = {"patch_size": 3, "patch_distance": 7, "fast_mode": True}
        return given.denoise_nl_means(picture, h=strength * sigma, sigma=sigma, **options, **colours)

    return {
        "gaussian": (
            lambda picture, strength, sigma: smooth.gaussian(picture, sigma=strength, **colours),
            (0.4, 0.5, 0.6, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0),
        ),
        "median": (
            lambda picture, side, sigma: smooth.median(picture, footprint=np.ones((int(side), int(side), 1))),
            (3.0, 5.0, 7.0, 9.0),
        ),
        "bilateral": (bilateral, (0.35, 0.5, 0.7, 1.0, 2.0)),
        "total_variation": (
            lambda picture, strength, sigma: given.denoise_tv_chambolle(picture, weight=strength * sigma, **colours),
            (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8),
        ),
        "wavelet": (wavelet, (0.5, 0.7, 1.0, 1.4)),
        "non_local_means": (non_local, (0.25, 0.35, 0.5, 0.7, 1.0)),
    }
