"""How probable a network finds what is true."""

from __future__ import annotations

from typing import Any

import numpy as np

BLOCK = 1 << 20  # logits worked on at once: in double precision all of a batch's would be hundreds of megabytes


def token_nll(logits: np.ndarray[Any, Any], ids: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Negative log-likelihood in nats of each of ``ids`` ``(…)`` under ``logits`` ``(…, classes)``."""
    classes = logits.shape[-1]
    rows, wanted = logits.reshape(-1, classes), ids.reshape(-1, 1).astype(np.int64)
    found = np.empty(len(rows))
    step = max(1, BLOCK // classes)
    for start in range(0, len(rows), step):
        here = slice(start, start + step)
        shifted = rows[here].astype(np.float64) - rows[here].max(-1, keepdims=True)
        found[here] = np.log(np.exp(shifted).sum(-1)) - np.take_along_axis(shifted, wanted[here], -1)[:, 0]
    return found.reshape(ids.shape)


def cross_entropy(logits: np.ndarray[Any, Any], ids: np.ndarray[Any, Any]) -> float:
    """Mean negative log-likelihood in nats of ``ids`` ``(…)`` under ``logits`` ``(…, classes)``."""
    return float(token_nll(logits, ids).mean())
