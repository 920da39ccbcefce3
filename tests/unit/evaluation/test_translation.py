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


def test_bleu_is_the_geometric_mean_of_the_precisions():
    one_word_off = score(["the cat sat on a mat"], [["the cat sat on the mat"]])
    assert one_word_off.bleu == pytest.approx(100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25)
    assert one_word_off.exact_match == 0


def test_bleu_with_one_reference_takes_the_first():
    several = [["the dog sat on the mat", "the cat sat on a mat"]]
    found = score(["the cat sat on a mat"], several)
    assert found.bleu == pytest.approx(100)
    assert found.bleu_one_reference == pytest.approx(score(["the cat sat on a mat"], [several[0][:1]]).bleu)
    assert found.bleu_one_reference < 60
