"""Longer sums: questions without answers, what agrees with itself, and what a trained network is examined with."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nnlab.configs.arith import rounds as rounds_of
from nnlab.data.sums import long_sums
from nnlab.data.sums.arithmetic import carries, number_ids, to_strings

OPS = ("add", "sub")


def text(ids):
    return [string[::-1].strip() for string in to_strings(ids, "sub")]


@pytest.mark.parametrize(
    ("taught", "longest", "rounds"),
    [
        (3, 0, []),
        (3, 3, []),
        (3, 26, [4, 5, 6, 8, 10, 13, 16, 20, 26]),
        (3, 7, [4, 5, 6, 7]),
        (12, 100, [13, 16, 20, 26, 33, 41, 51, 64, 80, 100]),
        (3, 4, [4]),
    ],
)
def test_rounds_go_from_what_was_taught_to_what_was_asked(taught, longest, rounds):
    assert rounds_of(taught, longest) == rounds
    twice = rounds_of(taught, longest, 2)
    assert twice == sorted(rounds[:4] * 2) + rounds[4:]  # only the first four lengths are repeated


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("digits", [2, 4, 26])
def test_questions_without_answers_are_numbers_of_up_to_so_many_digits(op, digits):
    asked = long_sums.draw_unanswered(op, digits, 4000, np.random.default_rng(0))
    assert asked.shape == (4000, digits + 1, 2)
    assert asked.dtype == np.uint8
    operands = [text(asked[:, :, side]) for side in (0, 1)]
    assert all(re.fullmatch("0|[1-9][0-9]*", operand) for side in operands for operand in side)
    assert max(len(operand) for side in operands for operand in side) == digits
    assert np.mean([len(a) == len(b) == digits for a, b in zip(*operands, strict=True)]) > 0.2


@pytest.mark.parametrize("op", OPS)
def test_carries_and_borrows_run_far_in_them(op):
    """Of numbers drawn at random, one in 10^12 would have one through 13 of 26 columns."""
    asked = long_sums.draw_unanswered(op, 26, 2000, np.random.default_rng(0))
    left, right = (list(map(int, text(asked[:, :, side]))) for side in (0, 1))
    run = [longest_run(op, a, b) for a, b in zip(left, right, strict=True)]
    assert np.mean(np.array(run) >= 13) >= 0.04


def longest_run(op, a, b):
    """Columns that a carry or borrow passes without one being made there, by hand."""
    a, b = (max(a, b), min(a, b)) if op == "sub" else (a, b)
    best = run = carry = 0
    while a or b:
        passed = carry and ((a % 10 + b % 10 == 9) if op == "add" else (a % 10 - b % 10 in (0, -9)))
        carry = int(a % 10 + b % 10 + carry > 9) if op == "add" else int(a % 10 - b % 10 - carry < 0)
        run = run + 1 if passed else 0
        best, a, b = max(best, run), a // 10, b // 10
    return best


def test_negated_answers():
    numbers = np.array([0, 5, -5, 10, -901, 999])
    assert text(long_sums.negated(number_ids(numbers, 5))) == ["0", "-5", "5", "-10", "901", "-999"]
    ids = number_ids(numbers, 5)
    assert (long_sums.negated(long_sums.negated(ids)) == ids).all()


@pytest.mark.parametrize("op", OPS)
def test_true_answers_agree_and_wrong_ones_do_not(op):
    sums = long_sums.draw_kind("full_length", op, 6, 500, np.random.default_rng(1))
    right = number_ids(sums.answer, 7)
    other = number_ids(sums.answer if op == "add" else -sums.answer, 7)
    assert long_sums.agrees(op, right, other).all()
    wrong = other.copy()
    wrong[:, 2] = (wrong[:, 2] + 1) % 10
    assert not long_sums.agrees(op, right, wrong).any()


@pytest.mark.parametrize(
    ("written", "is_number"),
    [
        ("    0", True),
        ("   50", True),
        ("  -50", True),
        ("12345", True),
        ("-2345", True),
        ("     ", False),
        ("   05", False),
        ("  -05", False),
        ("   -0", False),
        ("    -", False),
        (" 1 50", False),
        ("  50 ", False),
        (" 5-50", False),
        ("--550", False),
    ],
)
def test_what_is_a_number(written, is_number):
    ids = np.array([["0123456789 -".index(character) for character in reversed(written)]], np.uint8)
    assert long_sums.are_numbers(ids).tolist() == [is_number]


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("digits", [5, 1000])
def test_each_kind_of_question_is_what_it_is_called(op, digits):
    for kind in long_sums.KINDS:
        sums = long_sums.draw_kind(kind, op, digits, 60, np.random.default_rng(2))
        left, right = (list(map(str, side.tolist())) for side in (sums.left, sums.right))
        lengths = [sorted((len(a), len(b))) for a, b in zip(left, right, strict=True)]
        assert {longer for _, longer in lengths} == {digits}
        shared = [sum(a == b for a, b in zip(*pair, strict=False)) for pair in zip(left, right, strict=True)]
        if kind in ("full_length", "shared_upper_digits"):
            assert all(shorter == digits for shorter, _ in lengths)
        if kind == "different_lengths":
            assert all(shorter < digits for shorter, _ in lengths)
        if kind == "shared_upper_digits":
            assert all(a[0] == b[0] for a, b in zip(left, right, strict=True))
            assert np.mean(shared) > 0.4 * digits
        if kind == "whole_length_carry":
            assert min(carries(sums)) >= digits - (op == "sub")
        assert 0.2 < (sums.left > sums.right).mean() < 0.8


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("  009", "    9"),
        ("--008", "   -8"),
        ("-0120", " -120"),
        ("00000", "    0"),
        ("  120", "  120"),
        ("12345", "12345"),
        ("1 234", "1 234"),  # a digit above a blank: no number
        ("-1234", "-1234"),
        ("     ", "     "),
        (" - 12", "  -12"),
        ("-    ", "-    "),
        ("5-  1", "5-  1"),
    ],
)
def test_an_answer_is_put_as_its_number_is_written(written, number):
    ids = np.array([["0123456789 -".index(character) for character in written[::-1]]], np.uint8)
    [found] = to_strings(long_sums.as_numbers(ids), "sub")
    assert found[::-1] == number
