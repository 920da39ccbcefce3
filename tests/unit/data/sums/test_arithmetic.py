"""Sums: drawn without repeats and fairly, split honestly, and encoded without loss."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.data.sums import arithmetic
from nnlab.errors import InputError, UsageError


def keys(drawn):
    return {(min(a, b), max(a, b)) for a, b in zip(drawn.left.tolist(), drawn.right.tolist(), strict=True)}


@pytest.mark.parametrize(("digits", "samples"), [(1, 55), (2, 5050), (3, 50_000), (4, 30_000), (9, 1000)])
def test_questions_are_unique_either_way_round_and_of_the_right_length(digits, samples):
    drawn = arithmetic.draw("add", digits, samples, data_seed=0)
    assert len(drawn) == samples == len(keys(drawn))
    assert min(drawn.left.min(), drawn.right.min()) >= 0
    assert max(drawn.left.max(), drawn.right.max()) < 10**digits
    assert (drawn.left > drawn.right).mean() == pytest.approx(0.5, abs=0.2)


def test_more_questions_than_there_are_is_refused():
    with pytest.raises(UsageError, match="at most 5,050"):
        arithmetic.draw("add", 2, 5051, data_seed=0)


@pytest.mark.parametrize("digits", [10, 19, 100])
def test_questions_of_any_length_are_drawn_digit_by_digit(digits):
    drawn = arithmetic.draw("sub", digits, 3000, data_seed=1)
    assert len(keys(drawn)) == len(drawn) == 3000
    operands = [*drawn.left.tolist(), *drawn.right.tolist()]
    assert all(type(operand) is int and 0 <= operand < 10**digits for operand in operands)
    # Lengths and last digits are even over all there are (leading zeros make a few shorter).
    lengths = np.bincount([len(str(operand)) for operand in operands], minlength=digits + 1)[1:]
    expected = len(operands) / digits
    assert all(abs(count - expected) < 6 * np.sqrt(expected) + 0.25 * expected for count in lengths[:-1])
    last = np.bincount([operand % 10 for operand in operands])
    assert all(abs(count - 600) < 6 * np.sqrt(600) for count in last)
    again = arithmetic.draw("sub", digits, 3000, data_seed=1)
    assert (again.left.tolist(), again.digest) == (drawn.left.tolist(), drawn.digest)
    assert arithmetic.draw("sub", digits, 3000, data_seed=2).digest != drawn.digest
    assert drawn.answer.tolist() == [a - b for a, b in zip(drawn.left.tolist(), drawn.right.tolist(), strict=True)]


def test_the_longest_operands_of_each_operation():
    for op, digits in (("add", 101), ("sub", 101), ("mul", 10)):
        with pytest.raises(UsageError, match=f"expected at most {digits - 1} digits with --op {op}"):
            arithmetic.draw(op, digits, 20, data_seed=0)


def test_the_same_seed_draws_the_same_and_another_does_not():
    first, again, other = (arithmetic.draw("sub", 3, 100, seed) for seed in (1, 1, 2))
    assert first.left.tolist() == again.left.tolist()
    assert keys(first) != keys(other)


def test_all_at_once_draws_as_one_after_another_does():
    """Both ways of drawing favour short numbers alike: the shares of each operand length agree."""
    both = []
    for draw in (arithmetic._draw_from_all, arithmetic._draw_unique):
        pairs = draw(3, 20_000, np.random.default_rng(5))
        both.append([np.mean(pairs[:, 1] < 10**length) for length in (1, 2)] + [np.mean(pairs[:, 0] < 10)])
    assert both[0] == pytest.approx(both[1], abs=0.01)


def test_the_held_out_tenth_shares_no_question_with_training():
    parts = arithmetic.split(arithmetic.draw("sub", 3, 20_000, data_seed=3), 0.1)
    assert list(map(len, parts)) == [16_200, 1_800, 2_000]  # training, validation, test
    training, validation, test = map(keys, parts)
    assert not training & validation
    assert not training & test
    assert not validation & test
    without = arithmetic.split(arithmetic.draw("sub", 3, 20_000, data_seed=3))
    assert list(map(len, without)) == [18_000, 0, 2_000]
    assert without[2].left.tolist() == parts[2].left.tolist()  # what validation takes, it takes from training


def test_of_the_fewest_questions_each_part_has_one():
    assert list(map(len, arithmetic.split(arithmetic.draw("add", 1, 20, data_seed=0), 0.01))) == [17, 1, 2]


@pytest.mark.parametrize(("op", "answer"), [("add", 96), ("sub", -4), ("mul", 2300)])
def test_answers(op, answer):
    assert arithmetic.Sums(op, np.array([46]), np.array([50])).answer.tolist() == [answer]


def test_negative_numbers_and_leading_blanks_survive_the_way_to_ids_and_back():
    numbers = np.array([0, -4, 61, -555, 999])
    ids = arithmetic.number_ids(numbers, 4)
    assert ids.dtype == np.uint8
    assert arithmetic.to_strings(ids[:, ::-1], "sub") == ["   0", "  -4", "  61", "-555", " 999"]


def test_published_questions_are_padded_on_the_right_and_their_sign_is_kept():
    ids = arithmetic.to_ids(["5-61", "535-61"], 7, align="left")
    assert arithmetic.to_strings(ids, "sub") == ["5-61   ", "535-61 "]


@pytest.mark.parametrize("text", ["46-601", " 46 - 601 ", "046-601"])
def test_a_typed_question_is_read(text):
    assert arithmetic.parse(text, "sub", 3) == ("46", "601")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("46+601", "expected a question like 12-34, got '46\\+601'"),
        ("hello", "got 'hello'"),
        ("", "got ''"),
        ("1-2-3", "got"),
        ("٣-1", "got"),
        ("-1-2", "got"),
        ("4600-1", "numbers of up to 3 digits, got"),
    ],
)
def test_what_cannot_be_read_is_said(text, says):
    with pytest.raises(InputError, match=says):
        arithmetic.parse(text, "sub", 3)


@pytest.mark.parametrize(
    ("text", "op", "hint"),
    [
        ("28-30", "add", "This sign is for --op sub"),
        ("28 − 30 =", "mul", "This sign is for --op sub"),
        ("28+30", "sub", "This sign is for --op add"),
        *((f"28{sign}30", "add", "This sign is for --op mul") for sign in ("*", "×", " x ", "·", "X")),
        ("28/7", "add", "Use digits and one sign"),
    ],
)
def test_a_sign_of_another_operation_is_told(text, op, hint):
    with pytest.raises(InputError) as caught:
        arithmetic.parse(text, op, 3)
    assert caught.value.hint == hint


def test_one_digit_is_told_as_one():
    with pytest.raises(InputError, match="numbers of up to 1 digit, got '12\\+3'"):
        arithmetic.parse("12+3", "add", 1)
    with pytest.raises(UsageError, match="at most 55 questions of 1 digit "):
        arithmetic.draw("add", 1, 56, data_seed=0)


def test_questions_as_people_type_them():
    assert arithmetic.parse("12 x 34", "mul", 3) == ("12", "34")
    assert arithmetic.parse("12 × 34 =", "mul", 3) == ("12", "34")
    assert arithmetic.parse("12−34", "sub", 3) == ("12", "34")
    assert arithmetic.parse("0" * 6000 + "5+1", "add", 1) == ("5", "1")
    assert arithmetic.parse(f"{'9' * 100}-{'1' * 99}", "sub", 100) == ("9" * 100, "1" * 99)
    assert arithmetic.parse("9" * 5000 + "-0", "sub", None) == ("9" * 5000, "0")  # longer than int() reads
    with pytest.raises(InputError, match="numbers of up to 3 digits") as caught:
        arithmetic.parse("9" * 5000 + "+1", "add", 3)
    assert len(caught.value.message) < 200
    assert caught.value.hint == "At most 100 can be learned"


@pytest.mark.parametrize(
    ("op", "left", "right", "count"),
    [
        ("add", 999, 1, 3),
        ("add", 535, 61, 0),
        ("add", 85, 15, 2),
        ("sub", 601, 46, 2),
        ("sub", 46, 601, 2),
        ("sub", 99, 11, 0),
        ("mul", 12, 11, 0),
        ("mul", 25, 4, 2),
    ],
)
def test_carries_and_borrows(op, left, right, count):
    assert arithmetic.carries(arithmetic.Sums(op, np.array([left]), np.array([right]))).tolist() == [count]


def test_carries_of_long_operands():
    left, right = 10**60 - 1, 1
    assert arithmetic.carries(arithmetic.Sums.of("add", [(left, right), (right, 5)])).tolist() == [60, 0]
    assert arithmetic.carries(arithmetic.Sums.of("sub", [(10**60, right)])).tolist() == [60]


def test_carries_are_those_of_long_addition_on_paper():
    drawn = arithmetic.draw("add", 30, 200, data_seed=0)
    for left, right, count in zip(drawn.left, drawn.right, arithmetic.carries(drawn).tolist(), strict=True):
        digits = sum(map(int, f"{left}{right}"))
        assert (digits - sum(map(int, str(left + right)))) == 9 * count  # each carry takes ten and gives one


def test_operand_lengths_say_the_longer_first():
    assert arithmetic.operand_lengths(arithmetic.Sums("sub", np.array([5, 100]), np.array([61, 2]))) == ["2-1", "3-1"]
