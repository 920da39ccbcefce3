"""Baselines, what a network has to beat: classical denoisers of pictures, and linear codes of sounds."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from nnlab.data.audio import Recordings
from nnlab.data.sound_files import Wave
from nnlab.data.spectrogram import BANDS, HOP, log_mel, windows
from nnlab.evaluation.pca import Pca, fit_pca

Array: TypeAlias = np.ndarray[Any, Any]
MAX_WAVEFORMS = 3000  # windows of samples that a linear code is fitted on: their products fill 72 MB


# ---- pictures ----------------------------------------------------------------------------------------


def has_scikit_image() -> bool:
    """Whether the extra ``classical`` is installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("skimage", "pywt"))


def classical_denoisers(noisy: Array, sigma: float) -> dict[str, Array]:
    """What scikit-image makes of noisy pictures ``(n, side, side, 3)`` in [0, 1]: of each method, the same shape.

    Each is told the noise's standard deviation ``sigma`` (as a user would tune it): non-local means (Buades, Coll and
    Morel 2005), wavelet shrinkage (Chang, Yu and Vetterli 2000) and total variation (Chambolle 2004, with a few
    weights). ImportError where :func:`has_scikit_image` is False.
    """
    from skimage import restoration

    methods: Any = restoration  # half of it has types

    def each(method: Any) -> Array:
        return np.stack([np.clip(method(picture), 0, 1) for picture in noisy]).astype(np.float32)

    restored = {
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
        restored[f"total_variation_{weight:g}"] = each(
            lambda picture, weight=weight: methods.denoise_tv_chambolle(picture, weight=weight * sigma, channel_axis=-1)
        )
    return restored


# ---- sounds ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PcaBaselines:
    """Two linear codes with as many values per window: of the samples, and of the log-mel spectrogram in dB."""

    waveform: Pca
    log_mel: Pca
    window: int  # frames

    def reconstruct_waveform(self, wave: Wave) -> Wave:
        """A recording ``(samples,)`` through the code of its samples."""
        rows = _split(wave, self.window * HOP)
        samples: Wave = self.waveform.reconstruct(rows).reshape(-1)[: len(wave)].astype(np.float32)
        return samples

    def reconstruct_log_mel(self, wave: Wave) -> Wave:
        """A recording's log-mel spectrogram ``(frames, 64)`` in dB through the code of spectrograms."""
        decibels = log_mel(wave)
        rows = windows(decibels, self.window).reshape(-1, self.window * BANDS)
        decoded: Wave = self.log_mel.reconstruct(rows).reshape(-1, BANDS)[: len(decibels)].astype(np.float32)
        return decoded


def fit_pca_baselines(train: Recordings, spectra: Sequence[Wave], window: int, size: int) -> PcaBaselines:
    """Fit both on training recordings.

    ``spectra``: the log-mel spectrogram of each recording ``(frames, 64)`` in dB; its windows overlap, which helps
    that baseline. ``window``: frames per code, ``size``: values per code.
    """
    rows = np.concatenate([_split(wave, window * HOP) for wave in train])
    if len(rows) > MAX_WAVEFORMS:
        rows = rows[np.linspace(0, len(rows) - 1, MAX_WAVEFORMS).astype(int)]

    def overlapping() -> Iterator[Array]:
        for decibels in spectra:
            if len(decibels) < window:
                yield windows(decibels, window).reshape(1, -1)
            else:
                sliding = np.lib.stride_tricks.sliding_window_view(decibels, window, axis=0)[:: max(1, window // 6)]
                yield sliding.transpose(0, 2, 1).reshape(len(sliding), -1)

    return PcaBaselines(fit_pca(lambda: iter([rows]), size), fit_pca(overlapping, size), window)


def _split(wave: Wave, length: int) -> Array:
    """``(samples,)`` as ``(windows, length)``, the last filled with silence."""
    return np.pad(wave, (0, -len(wave) % length)).reshape(-1, length)
