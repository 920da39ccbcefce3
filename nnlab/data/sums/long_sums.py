"""Sums longer than any that were taught: questions drawn digit by digit, and whether answers agree with themselves.

Two uses that must not be mixed up. :func:`draw_unanswered` is what a network teaches itself with: ids of questions and
nothing else; neither here nor where it is called is a true sum of them computed. :func:`draw_kind` is what a trained
network is examined with: questions with their true answers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nnlab.data.sums.arithmetic import BLANK, SIGN, Ids, Sums

# Of each kind a network is asked as many; what a carry is in a sum, a borrow is in a difference.
KINDS = ("full_length", "different_lengths", "shared_upper_digits", "whole_length_carry")

Digits = np.ndarray[Any, np.dtype[np.int64]]  # (n, 2, digits), least significant first


# ---- questions without answers -----------------------------------------------------------------------


def draw_unanswered(op: str, digits: int, count: int, rng: np.random.Generator) -> Ids:
    """Ids ``(count, digits + 1, 2)`` of questions of up to ``digits`` digits, their answers unknown.

    A quarter are of random digits, a quarter share their upper digits. In the others a carry (or, where the first
    operand is the larger one, a borrow) is made below a span of random length and runs through it; of differences,
    in half of these nothing is left above: as in 73001 - 72999, the digits above are equal, then one is 1 more, then
    comes 0 above 9. Half of all operands are of full length, of the last two quarters three in four pairs.
    """
    drawn = rng.integers(0, 10, (count, 2, digits))
    place, kind = np.arange(digits), rng.integers(0, 4, count)
    shared = (kind == 1)[:, None] & (place >= rng.integers(0, digits, (count, 1)))
    drawn[:, 1] = np.where(shared, drawn[:, 0], drawn[:, 1])
    ends = np.sort(rng.integers(0, digits + 1, (count, 2)), axis=1)
    span = (kind >= 2)[:, None] & (place >= ends[:, :1]) & (place < ends[:, 1:])
    drawn = np.where(span[:, None], _passing_on(op, digits, count, rng), drawn)
    if op == "sub":
        cancels = (kind == 3)[:, None]
        top = rng.integers(1, 10, (count, 1))
        at_end = cancels & (place == ends[:, 1:])
        above, inside = cancels & (place > ends[:, 1:]), cancels & span
        drawn[:, 0] = np.select([at_end, inside], [top, 0], drawn[:, 0])
        drawn[:, 1] = np.select([at_end, inside, above], [top - 1, 9, drawn[:, 0]], drawn[:, 1])
    row = np.flatnonzero((kind >= 2) & (ends[:, 0] > 0))
    makes = rng.integers(1, 10, len(row))
    drawn[row, 0, ends[row, 0] - 1] = makes if op == "add" else rng.integers(0, makes)
    drawn[row, 1, ends[row, 0] - 1] = rng.integers(10 - makes, 10) if op == "add" else makes
    lengths = np.where(rng.random((count, 2)) < 0.5, digits, rng.integers(1, digits + 1, (count, 2)))
    lengths[(kind == 1) | ((kind >= 2) & (rng.random(count) < 0.75))] = digits
    drawn[place >= lengths[:, :, None]] = 0
    return _ids(np.where(rng.random((count, 1, 1)) < 0.5, drawn, drawn[:, ::-1]))


def _passing_on(op: str, digits: int, count: int, rng: np.random.Generator) -> Digits:
    """Pairs of digits in each column that pass a carry (they add up to 9) or a borrow on (equal, or 0 and 9)."""
    way = rng.integers(0, 3, (count, 1))
    same = np.where(rng.random((count, 1)) < 0.5, 0, 9)
    mixed = np.where(rng.random((count, digits)) < 0.5, 0, 9)
    first = np.select([way == 0, way == 1], [rng.integers(0, 10, (count, digits)), same], mixed)
    if op == "add":
        return np.stack([first, 9 - first], axis=1)
    far = (way == 1) & (rng.random((count, 1)) < 0.5)  # 0 above 9: the borrow runs on whatever comes
    return np.stack([first, np.where(far, 9 - first, first)], axis=1)


def mirrored(questions: Ids) -> Ids:
    """``b+a`` of each ``a+b``, ``b-a`` of each ``a-b``: ids of the same shape."""
    return questions[:, :, ::-1]


def agrees(op: str, answers: Ids, of_mirrored: Ids) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which answers ``(n, width)`` are numbers and agree with those of the mirrored questions.

    That is a+b = b+a and a-b = -(b-a).
    """
    expected = of_mirrored if op == "add" else negated(of_mirrored)
    alike: np.ndarray[Any, np.dtype[np.bool_]] = (answers == expected).all(axis=1)
    return alike & are_numbers(answers)


def are_numbers(answers: Ids) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which answers ``(n, width)`` are written as numbers are: digits, no leading zero, a minus at the end if any."""
    place, row = np.arange(answers.shape[1]), np.arange(len(answers))
    length = np.where(answers != BLANK, place + 1, 0).max(axis=1)
    negative = answers[row, np.maximum(length - 1, 0)] == SIGN
    digits = length - negative
    are_digits = (answers < BLANK) == (place < digits[:, None])
    leading = answers[row, np.maximum(digits - 1, 0)]
    found: np.ndarray[Any, np.dtype[np.bool_]] = (
        are_digits.all(axis=1) & (digits > 0) & ((leading != 0) | ((digits == 1) & ~negative))
    )
    return found


def as_numbers(answers: Ids) -> Ids:
    """Each answer ``(n, width)`` as its number is written: without zeros in front, with one minus where it has any.

    So ``--008`` is ``-8``. What is no number, such as a digit above a blank, stays as it is.
    """
    place = np.arange(answers.shape[1])
    is_digit, negative = answers < BLANK, (answers == SIGN).any(axis=1)
    digits = np.cumprod(is_digit, axis=1).sum(axis=1)  # from the right, up to the first character that is none
    length = np.where(is_digit & (answers != 0), place + 1, 1).max(axis=1)
    readable = (digits > 0) & (is_digit.sum(axis=1) == digits) & ~(negative & (length == answers.shape[1]))
    written = np.where(place < length[:, None], answers, BLANK)
    written[(place == length[:, None]) & negative[:, None]] = SIGN
    return np.where(readable[:, None], written, answers)


def negated(answers: Ids) -> Ids:
    """Each answer ``(n, width)`` with its minus taken off, or one put on where it has none and is not 0."""
    changed, row = answers.copy(), np.arange(len(answers))
    length = np.where(answers != BLANK, np.arange(1, answers.shape[1] + 1), 0).max(axis=1)
    last = np.maximum(length - 1, 0)
    negative = answers[row, last] == SIGN
    zero = (length == 1) & (answers[:, 0] == 0)
    changed[row[negative], last[negative]] = BLANK
    positive = ~negative & ~zero & (length < answers.shape[1])
    changed[row[positive], length[positive]] = SIGN
    return changed


# ---- questions with answers, to examine a trained network -----------------------------------------------


def draw_kind(kind: str, op: str, digits: int, count: int, rng: np.random.Generator) -> Sums:
    """``count`` questions of a kind (:data:`KINDS`) whose longer operand has ``digits`` digits, at least 2."""
    drawn, place = rng.integers(0, 10, (count, 2, digits)), np.arange(digits)
    if kind == "shared_upper_digits":
        upper = place >= rng.integers(1, digits, (count, 1))
        drawn[:, 1] = np.where(upper, drawn[:, 0], drawn[:, 1])
    if kind == "whole_length_carry":
        drawn = _passing_on(op, digits, count, rng)
        least, top = rng.integers(1, 10, count), rng.integers(1, 10, count)
        if op == "add":  # the lowest column makes the carry, which then comes out of the highest
            drawn[:, 0, 0], drawn[:, 1, 0] = least, rng.integers(10 - least, 10)
            drawn[:, 0, -1] = top
            drawn[:, 1, -1] = 9 - top
        else:
            far = (drawn[:, 0, 1:-1] != drawn[:, 1, 1:-1]).any(axis=1)[:, None]
            drawn[:, 0] = np.where(far, 0, drawn[:, 0])  # 0 above 9 in every column between
            drawn[:, 1] = np.where(far, 9, drawn[:, 1])
            drawn[:, 0, 0], drawn[:, 1, 0] = rng.integers(0, least), least
            drawn[:, 0, -1], drawn[:, 1, -1] = top, rng.integers(0, top)
    else:
        drawn[:, 0, -1] = np.maximum(drawn[:, 0, -1], 1)
        both = kind != "different_lengths"
        drawn[:, 1, -1] = drawn[:, 0, -1] if kind == "shared_upper_digits" else np.maximum(drawn[:, 1, -1], both)
    if kind == "different_lengths":
        drawn[:, 1] = np.where(place < rng.integers(1, digits, (count, 1)), drawn[:, 1], 0)
    swapped = rng.random((count, 1, 1)) < 0.5
    drawn = np.where(swapped, drawn[:, ::-1], drawn)
    texts = (drawn[:, :, ::-1] + ord("0")).astype(np.uint8)
    return Sums.of(op, [(int(left.tobytes()), int(right.tobytes())) for left, right in texts])


def _ids(drawn: Digits) -> Ids:
    """Ids ``(n, digits + 1, 2)`` as a network reads them: no leading zeros, an empty column at the end."""
    count, _, digits = drawn.shape
    place = np.arange(digits)
    length = np.where(drawn != 0, place + 1, 1).max(axis=2, keepdims=True)
    ids = np.where(place < length, drawn, BLANK).astype(np.uint8)
    return np.concatenate([ids, np.full((count, 2, 1), BLANK, np.uint8)], axis=2).transpose(0, 2, 1)
