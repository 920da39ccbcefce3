"""What ``--data`` names, and how many processes run at once."""

from __future__ import annotations

import pytest

from nnlab.commands import session
from nnlab.commands.session import is_known, workers_of
from nnlab.configs.run import RunOptions
from nnlab.experiments import entry


@pytest.mark.parametrize(
    ("command", "options", "known", "own"),
    [
        ("mnist", {}, ["mnist", "sample"], ["cifar10", "chirps", "digits.npz"]),
        ("textgen", {}, ["nietzsche", "sample"], ["eng-ell", "book.txt"]),
        ("translate", {}, ["eng-fra", "opus:en-de", "sample"], ["eng-fra.txt", "nietzsche"]),
        ("arith", {}, ["sample"], ["mnist", "chirps"]),
        ("autoencode", {"kind": "pictures"}, ["cifar10", "sample"], ["mnist", "birds", "chirps"]),
        ("autoencode", {"kind": "sounds"}, ["birds", "chirps", "sample"], ["cifar10", "./birds"]),
        ("denoise", {}, ["cifar10", "sample"], ["mnist"]),
    ],
)
def test_names_are_known_sets_of_the_experiments_kind_only(command, options, known, own):
    """A folder of another name, or of one that is known to other experiments, is the user's."""
    config = entry(command).config.from_options(options, settings=True)
    assert [name for name in [*known, *own] if is_known(config, name)] == known


@pytest.mark.parametrize(
    ("device", "found", "memory", "expected"),
    [
        ("auto", None, 0, 8),  # a sweep or the report, before a backend was started
        ("auto", None, 8, 3),
        ("cpu", None, 8, 8),
        ("auto", "CPU", 8, 8),  # a GPU that the backend cannot use
        ("auto", "GPU NVIDIA H200", 8, 3),
        ("auto", "GPU AMD", 0, 3),  # one that is not NVIDIA's
    ],
)
def test_processes_that_share_a_gpu_fit_into_its_memory(monkeypatch, device, found, memory, expected):
    monkeypatch.setattr(session, "gpu_memory", lambda: memory * 2**30)
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    monkeypatch.setattr("os.sysconf", {"SC_PAGE_SIZE": 2**30, "SC_PHYS_PAGES": 128}.__getitem__)
    assert workers_of(RunOptions(device=device), found) == expected
