"""What ``--data`` names."""

from __future__ import annotations

import pytest

from nnlab.commands.session import is_known
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
