"""What ``runs verify`` says of two environments, and which figure ``runs --sort`` means."""

from __future__ import annotations

import pytest

from nnlab.commands import runs
from nnlab.commands.runs import named_variables
from nnlab.errors import UsageError


@pytest.mark.parametrize(
    ("one", "two", "told"),
    [
        ({"A": "1", "B": "2"}, {"A": "1", "B": "3"}, "variables (B)"),
        ({"C": "1"}, {"B": "3"}, "variables (B, C)"),
        (None, {"B": "3"}, "variables"),  # of a version that did not record them
        (["A"], {"B": "3"}, "variables"),
    ],
)
def test_variables_that_differ_are_told_by_name(one, two, told):
    assert named_variables({"variables": one}, {"variables": two}) == told


def test_a_figure_is_named_whole_or_so_that_it_is_the_only_one():
    two = {"values": {"mlp_ce.test_accuracy": 0.98, "cnn_ce.test_accuracy": 0.99, "baselines.knn.test_accuracy": 0.97}}
    entries = [two, {"values": {"chrf": 60.0, "baselines.nearest.chrf": 40.0}}]
    assert runs.figure_called("chrf", entries) == "chrf"
    assert runs.figure_called("cnn_ce.test_accuracy", entries) == "cnn_ce.test_accuracy"
    assert runs.figure_called("knn.test_accuracy", entries) == "baselines.knn.test_accuracy"
    one = [{"values": {"cnn_ce.test_accuracy": 0.99, "baselines.knn.test_accuracy": 0.97}}]
    assert runs.figure_called("test_accuracy", one) == "cnn_ce.test_accuracy"
    with pytest.raises(UsageError) as caught:  # the worse of the two would be taken for both
        runs.figure_called("test_accuracy", entries)
    assert "cnn_ce.test_accuracy or mlp_ce.test_accuracy" in str(caught.value.hint)
