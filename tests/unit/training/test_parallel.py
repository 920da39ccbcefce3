"""How many jobs go on at once."""

from __future__ import annotations

import os

import pytest

from nnlab.training.parallel import most_workers


@pytest.mark.parametrize(
    ("cores", "gigabytes", "gpu", "expected"),
    [
        (16, 128, None, 8),
        (16, 5, None, 2),
        (2, 24, None, 1),
        (1, 1, None, 1),
        (16, 128, 140.0, 8),
        (16, 128, 8.0, 3),
        (16, 128, 1.5, 1),
        (16, 5, 140.0, 2),
        (16, 128, 0.0, 3),
        (4, 24, 0.0, 2),
    ],
)
def test_jobs_fit_cores_memory_and_a_gpu(monkeypatch, cores, gigabytes, gpu, expected):
    pages = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": gigabytes * 2**18}
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(os, "sysconf", pages.__getitem__)
    assert most_workers(gpu=gpu) == expected
