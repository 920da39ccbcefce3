"""Baselines of sounds, what a network has to beat: linear codes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from nnlab.data.sounds.audio import Recordings
from nnlab.data.sounds.sound_files import Wave
from nnlab.data.sounds.spectrogram import BANDS, HOP, log_mel, windows
from nnlab.evaluation.pca import Pca, fit_pca

Array: TypeAlias = np.ndarray[Any, Any]
MAX_WAVEFORMS = 3000  # windows of samples that a linear code is fitted on: their products fill 72 MB


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
