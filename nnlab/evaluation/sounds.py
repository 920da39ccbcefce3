"""How near a reconstructed sound is: to the samples (SNR), and to the ear (log-mel distance)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlab.data.audio import Recordings, Wave
from nnlab.data.spectrogram import BANDS, HOP, log_mel, windows
from nnlab.models.pca import Pca, fit


def snr_db(original: Wave, made: Wave) -> float:
    """Signal-to-noise ratio of ``(samples,)`` in dB: energy of the original over energy of the difference."""
    signal = float(np.square(original.astype(np.float64)).sum())
    noise = float(np.square(original.astype(np.float64) - made).sum())
    return 10 * float(np.log10(max(signal, 1e-20) / max(noise, 1e-20)))


def log_mel_distance_db(original: Wave, made: Wave) -> float:
    """Log-spectral distance over 64 mel bands from 250 Hz up: the root mean square of each frame, their mean, in dB."""
    return spectral_distance_db(log_mel(original), log_mel(made))


def spectral_distance_db(original: Wave, made: Wave) -> float:
    """The same of two log-mel spectrograms ``(frames, 64)``."""
    off = original.astype(np.float64) - made
    return float(np.sqrt(np.square(off).mean(axis=1)).mean())


MOST_ROWS = 3000  # of waveforms that a linear code is fitted on: their products fill 72 MB


@dataclass(frozen=True)
class PcaBaselines:
    """Two linear codes of as many numbers a window, fitted on the training recordings: waveform and log-mel."""

    waveform: Pca
    log_mel: Pca
    window: int  # frames

    def of_waveform(self, wave: Wave) -> Wave:
        """A recording through the code of its samples."""
        rows = _cut(wave, self.window * HOP)
        made: Wave = self.waveform.back(rows).reshape(-1)[: len(wave)].astype(np.float32)
        return made

    def of_log_mel(self, wave: Wave) -> Wave:
        """A recording's log-mel spectrogram ``(frames, 64)`` in dB through the code of spectrograms."""
        decibels = log_mel(wave)
        rows = windows(decibels, self.window).reshape(-1, self.window * BANDS)
        made: Wave = self.log_mel.back(rows).reshape(-1, BANDS)[: len(decibels)].astype(np.float32)
        return made


def fit_pca_baselines(train: Recordings, spectra: Sequence[Wave], window: int, size: int) -> PcaBaselines:
    """Fit both; the log-mel windows overlap, which helps it. ``spectra`` ``(frames, 64)`` in dB."""
    rows = np.concatenate([_cut(wave, window * HOP) for wave in train])
    if len(rows) > MOST_ROWS:
        rows = rows[np.linspace(0, len(rows) - 1, MOST_ROWS).astype(int)]

    def overlapping() -> Iterator[np.ndarray[Any, Any]]:
        for decibels in spectra:
            if len(decibels) < window:
                yield windows(decibels, window).reshape(1, -1)
            else:
                sliding = np.lib.stride_tricks.sliding_window_view(decibels, window, axis=0)[:: max(1, window // 6)]
                yield sliding.transpose(0, 2, 1).reshape(len(sliding), -1)

    return PcaBaselines(fit(lambda: iter([rows]), size), fit(overlapping, size), window)


def _cut(wave: Wave, length: int) -> np.ndarray[Any, Any]:
    """``(samples,)`` as ``(windows, length)``, the last filled with silence."""
    return np.pad(wave, (0, -len(wave) % length)).reshape(-1, length)
