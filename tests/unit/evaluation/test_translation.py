"""Scores of translations with several references."""

from __future__ import annotations

import pytest

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
