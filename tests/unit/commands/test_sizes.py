"""Where weights and MFLOP of networks stand in the results, and how they are told."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nnlab.commands.session import add_sizes
from nnlab.output.terminal import Terminal
from nnlab.training.task import History, RunResult


def network(name, weights, *, kept):
    task = SimpleNamespace(name=name, keep_model=kept)
    size = {"weights": weights, "mflop": weights / 5e5}
    return task, [RunResult(History(), size=size)]


@pytest.fixture
def terminal():
    return Terminal()


def test_of_one_network_they_are_at_the_top(terminal):
    task, runs = network("", 1000, kept=True)
    found = {"test_loss": 0.5}
    add_sizes(found, [task], {"": runs}, "picture", terminal)
    assert found == {"test_loss": 0.5, "weights": 1000, "mflop": 0.002}
    assert terminal.transcript == "1,000 weights, 0.002 MFLOP per picture\n"


def test_of_several_they_are_beside_the_figures_of_each(terminal):
    made = [network("mlp_ce", 1000, kept=False), network("mlp_mse", 1000, kept=False), network("cnn_ce", 50, kept=True)]
    found = {"mlp_ce": {}, "mlp_mse": {}, "cnn_ce": {"test_accuracy": 0.9}, "common": []}
    add_sizes(found, [task for task, _ in made], {task.name: runs for task, runs in made}, "picture", terminal)
    assert found["mlp_ce"] == found["mlp_mse"] == {"weights": 1000, "mflop": 0.002}
    assert found["cnn_ce"] == {"test_accuracy": 0.9, "weights": 50, "mflop": 0.0001}
    assert set(found) == {"mlp_ce", "mlp_mse", "cnn_ce", "common"}
    assert terminal.transcript.splitlines() == [
        "mlp_ce, mlp_mse: 1,000 weights, 0.002 MFLOP per picture",
        "cnn_ce: 50 weights, 0.0001 MFLOP per picture",
    ]


def test_of_a_grid_those_of_the_network_that_is_kept(terminal):
    made = [network("mse_sigmoid", 7, kept=True), network("bce_softmax", 9, kept=False)]
    found = {"test_loss": 0.5}
    add_sizes(found, [task for task, _ in made], {task.name: runs for task, runs in made}, "picture", terminal)
    assert (found["weights"], set(found)) == (7, {"test_loss", "weights", "mflop"})
