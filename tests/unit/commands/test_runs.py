"""What ``runs verify`` says of two environments."""

from __future__ import annotations

import pytest

from nnlab.commands.runs import named_variables


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
