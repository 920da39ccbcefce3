"""Scores with several references, and texts that have collapsed."""

from __future__ import annotations

import random

import pytest

from nnlab.evaluation.collapse import collapse
from nnlab.evaluation.translation import score


def test_any_reference_is_right():
    found = score(["Va !", "Courez !", "Non."], [["Va !"], ["Cours !", "Courez !"], ["Oui."]])
    assert found.exact_match == pytest.approx(2 / 3)
    assert 0 < found.chrf < 100
    assert "nrefs:var" in found.chrf_signature
    assert score(["Va !"], [["Pars !", "Va !"]]).chrf == 100


def test_nothing_right_scores_nothing():
    found = score(["zzz"], [["Va donc."]])
    assert (found.exact_match, found.chrf) == (0, 0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("well then " + "e" * 300, "writes 'e' only"),
        ("in the beginning " + "of the same of the " * 30, "repeats '"),
        ("x" * 20, None),
        ("".join(random.Random(0).choices("abcdefg ", k=400)), None),
    ],
)
def test_collapse(text, says):
    found = collapse(text)
    assert found is None if says is None else found.startswith(says)
