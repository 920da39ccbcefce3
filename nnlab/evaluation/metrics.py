"""Metrics: of probabilities, of pictures in [0, 1], of sounds at 22,050 Hz, and of written text."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]
BLOCK = 1 << 20  # logits worked on at once: in double precision all of a batch's would be hundreds of megabytes
SONG = 9.0  # dB above the median of a band
LOOKED_AT = 200  # characters at the end of a text


# ---- probabilities -----------------------------------------------------------------------------------


def token_nll(logits: Array, ids: Array) -> Array:
    """Negative log-likelihood in nats of each of ``ids`` ``(…)`` under ``logits`` ``(…, classes)``: float64 ``(…)``."""
    classes = logits.shape[-1]
    rows, targets = logits.reshape(-1, classes), ids.reshape(-1, 1).astype(np.int64)
    nats = np.empty(len(rows))
    step = max(1, BLOCK // classes)
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        shifted = rows[block].astype(np.float64) - rows[block].max(-1, keepdims=True)
        nats[block] = np.log(np.exp(shifted).sum(-1)) - np.take_along_axis(shifted, targets[block], -1)[:, 0]
    return nats.reshape(ids.shape)


def cross_entropy(logits: Array, ids: Array) -> float:
    """Mean negative log-likelihood in nats of ``ids`` ``(…)`` under ``logits`` ``(…, classes)``."""
    return float(token_nll(logits, ids).mean())


# ---- pictures ----------------------------------------------------------------------------------------


def loss_of(kind: str, outputs: Array, targets: Array, weights: Array | None = None) -> float:
    """The mean loss over all values of two arrays of one shape, as Keras defines it.

    ``kind``: ``mse``, ``mae``, or ``bce`` (nats per value, of values in [0, 1]). ``weights``, of their shape: the loss
    of each value is multiplied by its weight, and the mean is still over the number of values.
    """
    if kind == "mse":
        losses = np.square(outputs - targets, dtype=np.float64)
    elif kind == "mae":
        losses = np.abs(outputs - targets, dtype=np.float64)
    else:
        p = np.clip(outputs.astype(np.float64), 1e-7, 1 - 1e-7)
        losses = -(targets * np.log(p) + (1 - targets) * np.log1p(-p))
    return float((losses if weights is None else losses * weights).mean())


def psnr_db(mean_squared_error: float) -> float:
    """Peak signal-to-noise ratio in dB of pictures in [0, 1]; at most 120."""
    return -10 * math.log10(max(mean_squared_error, 1e-12))


# ---- sounds ------------------------------------------------------------------------------------------


def snr_db(original: Array, reconstruction: Array) -> float:
    """Signal-to-noise ratio of samples ``(samples,)`` in dB: energy of the original over energy of the difference."""
    signal = float(np.square(original.astype(np.float64)).sum())
    noise = float(np.square(original.astype(np.float64) - reconstruction).sum())
    return 10 * float(np.log10(max(signal, 1e-20) / max(noise, 1e-20)))


def spectral_distance_db(original: Array, reconstruction: Array) -> float:
    """Log-spectral distance in dB of log-mel spectrograms ``(frames, bands)`` in dB.

    The root mean square over the bands of each frame, and the mean of the frames (Gray and Markel 1976).
    """
    difference = original.astype(np.float64) - reconstruction
    return float(np.sqrt(np.square(difference).mean(axis=1)).mean())


def sings(spectrum: Array) -> Array:
    """Which cells of a log-mel spectrogram ``(frames, bands)`` in dB stand 9 dB or more above their band's median."""
    return np.asarray(spectrum >= np.median(spectrum, axis=0) + SONG)


def song_distance_db(original: Array, reconstruction: Array) -> float | None:
    """Root mean square difference in dB of log-mel spectrograms ``(frames, bands)`` in dB where something sings.

    That is in the cells of :func:`sings` of the original. None where there are none. The noise of a wood fills nearly
    all cells of a recording, and no code can hold it.
    """
    cells = sings(original)
    if not cells.any():
        return None
    difference = original[cells].astype(np.float64) - reconstruction[cells]
    return float(np.sqrt(np.square(difference).mean()))


# ---- text --------------------------------------------------------------------------------------------


def collapse(text: str) -> str | None:
    """What is wrong with the end of a text that goes round in a circle or is one character, or None.

    >>> collapse("and then " + "e" * 200)
    "writes 'e' only"
    >>> collapse("well, " + "the same of the " * 20)
    "repeats 'same of the the '"
    """
    end = text[-LOOKED_AT:]
    if len(end) < LOOKED_AT:
        return None
    for period in range(1, LOOKED_AT // 3):
        same = sum(a == b for a, b in zip(end, end[period:], strict=False))
        if same >= 0.95 * (len(end) - period):
            return f"writes {end[-1]!r} only" if period == 1 else f"repeats {_one_period(end[-2 * period :], period)!r}"
    return None


def _one_period(two_periods: str, period: int) -> str:
    """One period, begun after a space where there is one."""
    start = two_periods.find(" ", 0, period) + 1
    return two_periods[start : start + period]
