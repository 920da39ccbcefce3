"""How probable a network finds what is true."""

from __future__ import annotations

from typing import Any

import numpy as np


def surprise(logits: np.ndarray[Any, Any], ids: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Negative log-likelihood in nats of each of ``ids`` ``(…)`` under ``logits`` ``(…, classes)``."""
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    log_total = np.log(np.exp(shifted).sum(-1))
    found: np.ndarray[Any, Any] = log_total - np.take_along_axis(shifted, ids[..., None].astype(np.int64), -1)[..., 0]
    return found


def cross_entropy(logits: np.ndarray[Any, Any], ids: np.ndarray[Any, Any]) -> float:
    """Mean negative log-likelihood in nats of ``ids`` ``(…)`` under ``logits`` ``(…, classes)``."""
    return float(surprise(logits, ids).mean())
