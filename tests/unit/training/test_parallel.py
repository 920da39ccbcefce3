"""How many jobs go on at once."""

from __future__ import annotations

import os

import pytest

from nnlab.training.parallel import most_workers


@pytest.mark.parametrize(
    ("cores", "gigabytes", "expected", "on_gpu"),
    [(16, 128, 8, 3), (16, 5, 2, 2), (2, 24, 1, 1), (4, 24, 2, 2), (1, 1, 1, 1)],
)
def test_jobs_fit_cores_memory_and_a_gpu(monkeypatch, cores, gigabytes, expected, on_gpu):
    pages = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": gigabytes * 2**18}
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(os, "sysconf", pages.__getitem__)
    assert (most_workers(), most_workers(on_gpu=True)) == (expected, on_gpu)
