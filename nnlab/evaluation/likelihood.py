"""How probable a network finds what is true."""

from __future__ import annotations

from typing import Any

import numpy as np


def cross_entropy(logits: np.ndarray[Any, Any], ids: np.ndarray[Any, Any]) -> float:
    """Mean negative log-likelihood in nats of ``ids`` ``(…)`` under ``logits`` ``(…, classes)``."""
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    log_total = np.log(np.exp(shifted).sum(-1))
    right = np.take_along_axis(shifted, ids[..., None].astype(np.int64), -1)[..., 0]
    return float((log_total - right).mean())
