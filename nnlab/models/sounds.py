"""Sound autoencoders, from samples to samples: what goes into the code, and how it becomes sound again.

Each has ``window`` (frames of 245 samples at 22,050 Hz that one code stands for), ``rows`` (what the network
reads of a recording, window by window) and ``sound`` (samples of what it gave back).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from nnlab.data import spectrogram
from nnlab.data.audio import RATE, Recordings, Wave, resample

Array: TypeAlias = np.ndarray[Any, Any]


@dataclass(frozen=True)
class LogMelFrontEnd:
    """The log-mel spectrogram, normalised: rows ``(windows, frames, 64, 1)``; back by :func:`spectrogram.sound`."""

    mean: float
    deviation: float
    window: int = 60  # two thirds of a second

    def spectra(self, recordings: Recordings) -> list[Wave]:
        """Normalised log-mel spectrograms ``(frames, 64)`` of all recordings."""
        return [((spectrogram.log_mel(wave) - self.mean) / self.deviation) for wave in recordings]

    def rows(self, wave: Wave) -> Array:
        """What the network reads of a recording."""
        return spectrogram.windows((spectrogram.log_mel(wave) - self.mean) / self.deviation, self.window)[..., None]

    def decibels(self, rows: Array, frames: int) -> Wave:
        """What the network gave back, as a log-mel spectrogram ``(frames, 64)`` in dB."""
        flat = rows.reshape(-1, spectrogram.BANDS)[:frames]
        made: Wave = (flat * self.deviation + self.mean).astype(np.float32)
        return made

    def sound(self, rows: Array, wave: Wave) -> Wave:
        """What the network gave back of ``wave`` as samples; of it only the length is used."""
        return spectrogram.sound(self.decibels(rows, spectrogram.frame_count(len(wave))), len(wave))


@dataclass(frozen=True)
class WaveformFrontEnd:
    """The report's front end: 21,167 numbers for 11 s, each window with its loudest at 1.

    The level of a window goes beside its code, one number more; above 962 Hz there is nothing.
    """

    numbers: int = 21_167
    window: int = 990  # frames: 11 s
    rate: int = 1924  # 21,167 numbers / 11 s

    def rows(self, wave: Wave) -> Array:
        """``(windows, 21167)``; the last window is filled with silence."""
        slow = resample(wave, RATE, self.rate)
        count = max(1, -(-len(wave) // (self.window * spectrogram.HOP)))
        made = np.zeros(count * self.numbers, np.float32)
        made[: min(len(slow), len(made))] = slow[: len(made)]
        rows = made.reshape(count, self.numbers)
        scaled: Array = rows / self.levels(rows)
        return scaled

    def levels(self, rows: Array) -> Array:
        """The loudest of each window ``(windows, 1)``."""
        found: Array = np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-6)
        return found

    def sound(self, rows: Array, wave: Wave) -> Wave:
        """What the network gave back of ``wave`` as samples at 22,050 Hz; of it the length and the levels are used."""
        slow = resample(wave, RATE, self.rate)
        made = rows.reshape(-1)
        full = np.zeros(len(made), np.float32)
        full[: min(len(slow), len(made))] = slow[: len(made)]
        levels = self.levels(full.reshape(rows.shape))
        fast = resample((rows * levels).reshape(-1).astype(np.float32), self.rate, RATE)
        return np.pad(fast, (0, max(0, len(wave) - len(fast))))[: len(wave)]


def sounds_of(jobs: list[Any]) -> list[Wave]:
    """Run jobs that make sounds on all cores (NumPy's transforms let go of Python's lock); in order."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each holds some 100 MB for 10 s of sound
        return list(pool.map(lambda job: job(), jobs))
