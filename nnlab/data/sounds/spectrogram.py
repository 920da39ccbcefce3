"""Sound to log-mel spectrogram and back: what the ear can tell, without the phase it cannot.

Frames of 1,024 samples (46 ms, Hann) every 245 samples, so a second at 22,050 Hz is exactly 90 frames;
64 mel bands from 250 Hz up; decibels relative to a full-scale sine, never below -100.

Back: Griffin and Lim's iteration (1984, in its accelerated form: Perraudin, Balazs and Søndergaard 2013)
finds a phase that fits the spectrum, then L-BFGS moves the samples until the sound's own log-mel
spectrogram is the wanted one.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from scipy import fft

from nnlab.data.random import Stream, rng
from nnlab.data.sounds.audio import LOWEST, RATE, resample
from nnlab.data.sounds.sound_files import Wave

Array: TypeAlias = np.ndarray[Any, Any]
SIZE, HOP, BANDS = 1024, 245, 64
FRAMES = RATE // HOP  # 90 per second
FLOOR_DB = -100.0
_FLOOR = 10 ** (FLOOR_DB / 10)
_LEAD = SIZE // 2 - HOP // 2  # frame k is centred on the middle of samples k * HOP … (k + 1) * HOP


@cache
def window() -> Wave:
    """Hann, periodic, ``(1024,)``."""
    return np.hanning(SIZE + 1)[:-1].astype(np.float32)


@cache
def mel_bank() -> Wave:
    """Triangles on the mel scale ``(64, 513)``, each of sum 1: mean power of a band."""

    def mel(hertz: Any) -> Any:
        return 2595 * np.log10(1 + hertz / 700)

    edges = 700 * (10 ** (np.linspace(mel(LOWEST), mel(RATE / 2), BANDS + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(SIZE, 1 / RATE)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    bank = np.maximum(0, np.minimum(rising, falling))
    normalised: Wave = (bank / bank.sum(axis=1, keepdims=True)).astype(np.float32)
    return normalised


def centres() -> Array:
    """The middle of each band in Hz ``(64,)``."""
    bank = mel_bank()
    middle: Array = bank @ np.fft.rfftfreq(SIZE, 1 / RATE)
    return middle


def frame_count(samples: int) -> int:
    """Frames of so many samples; what is left at the end has a frame of its own."""
    return -(-samples // HOP)


def windows(frames: Array, length: int) -> Array:
    """``(frames, …)`` as ``(windows, length, …)``; the last window is filled up with the last frame."""
    short = -len(frames) % length
    full = np.concatenate([frames, np.repeat(frames[-1:], short, axis=0)]) if short else frames
    return full.reshape(-1, length, *frames.shape[1:])


def stft(wave: Array) -> Array:
    """Complex spectrum ``(frames, 513)`` of ``(samples,)``."""
    padded = np.pad(wave, (_LEAD, SIZE + HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, SIZE)[::HOP][: frame_count(len(wave))]
    spectrum: Array = fft.rfft(frames * window(), axis=1)
    return spectrum


def _overlap_add(frames: Array, samples: int) -> Wave:
    total = np.zeros(HOP * len(frames) + SIZE + HOP, np.float32)
    pieces = -(-SIZE // HOP)
    padded = np.pad(frames, ((0, 0), (0, pieces * HOP - SIZE))).astype(np.float32)
    for piece in range(pieces):  # pieces that do not overlap are added at once
        here = padded[:, piece * HOP : (piece + 1) * HOP].reshape(-1)
        total[piece * HOP : piece * HOP + len(here)] += here
    return total[_LEAD : _LEAD + samples]


def istft(spectrum: Array, samples: int) -> Wave:
    """The sound whose spectrum is nearest to ``(frames, 513)`` (least squares)."""
    frames = fft.irfft(spectrum, SIZE, axis=1) * window()
    weight = _overlap_add(np.broadcast_to(window() ** 2, frames.shape), samples)
    wave: Wave = (_overlap_add(frames, samples) / np.maximum(weight, 1e-3)).astype(np.float32)
    return wave


def _scale() -> float:
    return float(window().sum()) ** 2 / 4  # a full-scale sine has |bin|² of this


def log_mel(wave: Wave) -> Wave:
    """Log-mel spectrogram in dB ``(frames, 64)`` of ``(samples,)``."""
    spectrum = stft(wave)
    power = (spectrum.real**2 + spectrum.imag**2) / _scale()
    decibels: Wave = np.maximum(10 * np.log10(power @ mel_bank().T + _FLOOR), FLOOR_DB).astype(np.float32)
    return decibels


def sound(wanted: Wave, samples: int, *, seed: int = 0, iterations: int = 40, refinements: int = 20) -> Wave:
    """A sound whose log-mel spectrogram is near a wanted one.

    Args:
        wanted: ``(frames, 64)`` in dB.
        samples: how many the sound has, ``frame_count(samples)`` being the wanted frames.
        seed: of the phases that it starts from.
        iterations: of Griffin and Lim's method.
        refinements: steps of L-BFGS after that.

    Returns:
        ``(samples,)`` float32.
    """
    return refine(_with_phases(wanted, samples, seed, iterations), wanted, refinements)


def _with_phases(wanted: Wave, samples: int, seed: int, iterations: int) -> Wave:
    """Griffin and Lim's sound; the memory that it takes is freed before the samples are moved."""
    magnitude = np.sqrt(_bins(wanted) * _scale()).astype(np.float32)
    phase = np.exp(2j * np.pi * rng(seed, Stream.PHASES).random(magnitude.shape, np.float32))  # complex64, as all here
    before: Any = None
    for _ in range(iterations):
        spectrum = stft(istft(magnitude * phase, samples))
        ahead = spectrum if before is None else spectrum + 0.99 * (spectrum - before)
        before = spectrum
        phase = ahead / np.maximum(np.abs(ahead), 1e-12)
    return istft(magnitude * phase, samples)


def _bins(decibels: Wave, iterations: int = 30) -> Array:
    """Power of each bin ``(frames, 513)`` whose bands are those of a log-mel spectrogram.

    Lee and Seung's update (2001) for the Kullback-Leibler distance: it begins with each band spread over its
    bins, leaves noise as flat as it is, and draws a tone together to where its neighbouring bands say it is.
    """
    power = np.maximum(10 ** (decibels.astype(np.float32) / 10) - np.float32(_FLOOR), np.float32(1e-14))
    bank = mel_bank()
    whole = np.maximum(bank.sum(axis=0), 1e-9)
    bins: Array = power @ (bank / np.maximum((bank @ bank.T).sum(axis=1, keepdims=True), 1e-9))
    for _ in range(iterations):
        bins = bins * ((power / np.maximum(bins @ bank.T, 1e-20)) @ bank / whole)
    return bins


def refine(wave: Wave, wanted: Wave, iterations: int) -> Wave:
    """Samples moved down the gradient of :func:`squared_error` by so many steps of L-BFGS."""
    from scipy.optimize import minimize

    if iterations == 0:
        return wave
    scale = max(float(wave.std()), 1e-7)  # the optimizer sees samples around 1

    def loss(unit: Array) -> tuple[float, Array]:
        error, gradient = squared_error((unit * scale).astype(np.float32), wanted, scale)
        return error, gradient.astype(np.float64)

    options = {"maxiter": iterations, "maxcor": 5}
    best = minimize(loss, (wave / scale).astype(np.float64), jac=True, method="L-BFGS-B", options=options)
    refined: Wave = (best.x * scale).astype(np.float32)
    return refined


def squared_error(wave: Array, wanted: Wave, unit: float = 1.0) -> tuple[float, Array]:
    """How far the log-mel spectrogram of a sound is from a wanted one, and which way the samples lead there.

    Args:
        wave: ``(samples,)``.
        wanted: ``(frames, 64)`` in dB.
        unit: of the samples in the gradient, as a share of full scale.

    Returns:
        The mean squared difference in dB², and its gradient ``(samples,)``, per unit.
    """
    bank = mel_bank()
    spectrum = stft(wave)
    power = spectrum.real**2
    power += spectrum.imag**2
    power /= _scale()
    bands = power @ bank.T + _FLOOR
    off = 10 * np.log10(bands) - wanted
    spectrum *= (4 * off * (10 / math.log(10)) / bands) @ bank / _scale()  # twice d error / d |bin|²
    spectrum[:, 1:-1] *= 0.5  # the mirrored bins that irfft adds
    frames = fft.irfft(spectrum, SIZE, axis=1)
    frames *= SIZE * window()
    return float(np.square(off).mean()), _overlap_add(frames, len(wave)) * unit / off.size


# ---- what a network reads of a sound, and back -----------------------------------------------------------


@dataclass(frozen=True)
class LogMelFrontEnd:
    """The log-mel spectrogram, normalised: rows ``(windows, frames, 64, 1)``; back by :func:`sound`."""

    mean: float  # dB
    deviation: float  # dB
    window: int = 60  # frames: two thirds of a second
    rate: int = RATE  # Hz

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and math.isfinite(self.deviation) and self.deviation > 0):
            raise ValueError(f"expected a mean and a deviation above 0, got {self.mean} and {self.deviation}")

    def rows(self, wave: Wave) -> Array:
        """What the network reads of a recording ``(samples,)``."""
        return self.rows_of(log_mel(wave))

    def rows_of(self, decibels: Wave) -> Array:
        """What the network reads of a log-mel spectrogram ``(frames, 64)`` in dB."""
        return windows((decibels - self.mean) / self.deviation, self.window)[..., None]

    def decibels(self, rows: Array, frames: int) -> Wave:
        """What the network gave back, as a log-mel spectrogram ``(frames, 64)`` in dB."""
        flat = rows.reshape(-1, BANDS)[:frames]
        decibels: Wave = (flat * self.deviation + self.mean).astype(np.float32)
        return decibels

    def sound(self, rows: Array, wave: Wave) -> Wave:
        """What the network gave back of ``wave`` as samples; of it only the length is used."""
        return sound(self.decibels(rows, frame_count(len(wave))), len(wave))


@dataclass(frozen=True)
class WaveformFrontEnd:
    """The 2018 report's front end: 21,167 numbers for 11 s, each window with its loudest at 1.

    The level of a window goes beside its code, one number more; above 962 Hz there is nothing.
    """

    numbers: int = 21_167
    window: int = 990  # frames: 11 s
    rate: int = 1924  # Hz: 21,167 numbers / 11 s

    def rows(self, wave: Wave, like: Wave | None = None) -> Array:
        """What the network reads of a recording ``(samples,)``: ``(windows, 21167)``, the last filled with silence.

        ``like``: the recording whose levels are taken, if not its own.
        """
        rows = self._unscaled(wave)
        scaled: Array = rows / self.levels(rows if like is None else self._unscaled(like))
        return scaled

    def _unscaled(self, wave: Wave) -> Array:
        slow = resample(wave, RATE, self.rate)
        count = max(1, -(-len(wave) // (self.window * HOP)))
        return _filled(slow, count * self.numbers).reshape(count, self.numbers)

    def levels(self, rows: Array) -> Array:
        """The loudest of each window ``(windows, 1)``, never 0."""
        loudest: Array = np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-6)
        return loudest

    def sound(self, rows: Array, wave: Wave) -> Wave:
        """What the network gave back of ``wave`` as samples at 22,050 Hz; of it the length and the levels are used."""
        slow = _filled(resample(wave, RATE, self.rate), rows.size)
        levels = self.levels(slow.reshape(rows.shape))
        fast = resample((rows * levels).reshape(-1).astype(np.float32), self.rate, RATE)
        return _filled(fast, len(wave))


def _filled(wave: Wave, length: int) -> Wave:
    """``(length,)``: cut, or filled up with silence."""
    return np.pad(wave, (0, max(0, length - len(wave))))[:length].astype(np.float32)


def sounds_of(jobs: Sequence[Callable[[], Wave]]) -> list[Wave]:
    """The sounds that some jobs make, in order, on up to eight cores: each holds some 100 MB for 10 s of sound.

    NumPy's transforms let go of Python's lock.
    """
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(lambda job: job(), jobs))
