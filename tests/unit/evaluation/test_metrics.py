"""Cross-entropy against a value worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.evaluation.metrics import cross_entropy


def test_cross_entropy():
    logits = np.log(np.array([[[0.7, 0.2, 0.1], [0.25, 0.25, 0.5]]], np.float32)) + 100
    found = cross_entropy(logits, np.array([[0, 2]], np.uint8))
    assert found == pytest.approx(-(np.log(0.7) + np.log(0.5)) / 2, rel=1e-4)
