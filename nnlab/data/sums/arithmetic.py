"""Sums: questions like ``535+61``, drawn without repeats, and how they become numbers for a network.

A question and its mirror (``a+b`` and ``b+a``, also ``a-b`` and ``b-a``) count as one, so knowing one
side of the held-out split never gives away the other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from nnlab.data.characters import shown
from nnlab.data.random import Stream, rng
from nnlab.data.seen import Keys, keys_of
from nnlab.errors import InputError, UsageError

SIGNS = {"add": "+", "sub": "-", "mul": "*"}
# As people and other programs write them: with a dash of a word processor, or as wide as Chinese characters.
TYPED_SIGNS = str.maketrans(
    {"＋": "+", "＝": "="} | dict.fromkeys("−–－", "-") | dict.fromkeys("×·xX＊", "*")
    | {chr(ord("０") + digit): str(digit) for digit in range(10)}
)  # fmt: skip
CHARACTERS = "0123456789 "  # ids 0-10; the sign of the operation is id 11, for sub also the minus of an answer
BLANK, SIGN, VOCABULARY_SIZE = 10, 11, 12
MOST_DIGITS = {"add": 100, "sub": 100, "mul": 9}  # of an operand
MACHINE_DIGITS = 9  # up to so many digits, operands and their products are 64-bit integers; beyond, Python's
LISTABLE = 3  # up to so many digits all questions are listed and drawn from; beyond, drawn and deduplicated
PLAIN = "Use digits and one sign"  # the hint where nothing better is known

Ints: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[Any]]  # int64, or Python's integers (object)
Ids: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


@dataclass(frozen=True)
class Sums:
    """Questions ``left OP right`` and their answers, each of shape ``(n,)``.

    ``origin``: the file they are from, or ``drawn``; ``size``: its bytes on disk; ``notes``: what of it was left out.
    """

    op: str
    left: Ints
    right: Ints
    origin: str = "drawn"
    size: int = 0
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, op: str, pairs: Sequence[tuple[int, int]]) -> Sums:
        """Questions of pairs of operands of any length."""
        longest = max((operand for pair in pairs for operand in pair), default=0)
        kind: Any = np.int64 if longest < 10**MACHINE_DIGITS else object
        operands = np.array(pairs, kind).reshape(-1, 2)
        return cls(op, operands[:, 0], operands[:, 1])

    @property
    def answer(self) -> Ints:
        """The true answers, shape ``(n,)``."""
        if self.op == "add":
            return self.left + self.right
        return self.left - self.right if self.op == "sub" else self.left * self.right

    @cached_property
    def digest(self) -> str:
        """sha256 of the questions, in order."""
        pairs = zip(self.left.tolist(), self.right.tolist(), strict=True)
        return hashlib.sha256("".join(f"{a}{SIGNS[self.op]}{b}\n" for a, b in pairs).encode()).hexdigest()

    @property
    def keys(self) -> Keys:
        """A key per question, the same for its mirror: ``(n,)``."""
        pairs = zip(self.left.tolist(), self.right.tolist(), strict=True)
        return keys_of(f"{min(a, b)}{SIGNS[self.op]}{max(a, b)}" for a, b in pairs)

    def __len__(self) -> int:
        return len(self.left)

    def __getitem__(self, index: slice | np.ndarray[Any, Any]) -> Sums:
        return replace(self, left=self.left[index], right=self.right[index])

    def question(self, index: int) -> str:
        """The question as it is typed: ``535+61``."""
        return f"{self.left[index]}{SIGNS[self.op]}{self.right[index]}"


def question_count(digits: int) -> int:
    """How many different questions there are: unordered pairs of numbers of up to ``digits`` digits."""
    numbers: int = 10**digits
    return numbers * (numbers + 1) // 2


def draw(op: str, digits: int, samples: int, data_seed: int) -> Sums:
    """``samples`` different questions in random order; the same seed draws the same.

    Each operand has first its number of digits drawn, 1 to ``digits``, then each digit: short numbers
    are as frequent as long ones, as in Keras's addition example and the report. As they do, the questions
    are shuffled: in the order drawn, without repeats, the first tenth would have nearly all the short ones.

    Raises UsageError where there are fewer questions, or operands of so many digits are not supported.
    """
    if samples > question_count(digits):
        raise UsageError(
            f"expected at most {question_count(digits):,} questions of {digits} digit{'s' * (digits != 1)} "
            f"(a+b and b+a are one), got --samples {samples}",
            "Ask for fewer --samples or more --digits",
        )
    if digits > MOST_DIGITS[op]:
        raise UsageError(
            f"expected at most {MOST_DIGITS[op]} digits with --op {op}, got --digits {digits}", "Ask for fewer"
        )
    generator = rng(data_seed, Stream.QUESTIONS, digits)
    draw_pairs = (
        _draw_from_all if digits <= LISTABLE else _draw_unique if digits <= MACHINE_DIGITS else _draw_unique_long
    )
    pairs = draw_pairs(digits, samples, generator)
    pairs = generator.permutation(pairs)
    pairs = np.where(generator.random((samples, 1)) < 0.5, pairs, pairs[:, ::-1])
    return Sums(op, pairs[:, 0], pairs[:, 1])


def _draw_from_all(digits: int, samples: int, rng: np.random.Generator) -> Ints:
    """Successive draws without repeats, all at once: the smallest of exponential arrival times.

    Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (2006): the same distribution
    as drawing and throwing repeats away, also when nearly all questions are wanted.
    """
    numbers = np.arange(10**digits)
    weight = sum((numbers < 10**length) / 10**length for length in range(1, digits + 1))
    low, high = np.triu_indices(10**digits)
    arrival = rng.exponential(size=len(low)) / (weight[low] * weight[high] * np.where(low == high, 1, 2))
    order = np.argpartition(arrival, samples - 1)[:samples]
    order = order[np.argsort(arrival[order])]
    return np.stack([low[order], high[order]], axis=1).astype(np.int64)


def _draw_unique(digits: int, samples: int, rng: np.random.Generator) -> Ints:
    """Draw, drop repeats (keeping each first), until there are enough."""
    pairs = np.empty((0, 2), np.int64)
    while len(pairs) < samples:
        length = rng.integers(1, digits + 1, size=(samples + 1000, 2))
        more = np.sort((rng.random(length.shape) * 10.0**length).astype(np.int64), axis=1)
        pairs = np.concatenate([pairs, more])
        _, first = np.unique(pairs, axis=0, return_index=True)
        pairs = pairs[np.sort(first)]
    return pairs[:samples]


def _draw_unique_long(digits: int, samples: int, rng: np.random.Generator) -> Ints:
    """The same for operands that are Python's integers, digit by digit."""
    pairs: dict[tuple[int, int], None] = {}
    while len(pairs) < samples:
        count = min(samples + 1000, 50_000)  # at once: as many times two times `digits` bytes
        lengths = rng.integers(1, digits + 1, size=(count, 2))
        drawn = rng.integers(ord("0"), ord("9") + 1, size=(count, 2, digits), dtype=np.uint8)
        for row, (first, second) in zip(drawn, lengths.tolist(), strict=True):
            operands = int(row[0, :first].tobytes()), int(row[1, :second].tobytes())
            pairs.setdefault((min(operands), max(operands)))
    return np.array(list(pairs)[:samples], object)


def split(sums: Sums, validation: float = 0.0) -> tuple[Sums, Sums, Sums]:
    """(training, validation, test): a tenth is held out for the test before anything else, at least one question.

    ``validation`` is its share of the others, at least one question where it is not 0.
    """
    test = max(1, len(sums) // 10)
    chosen_on = max(1, int((len(sums) - test) * validation)) if validation else 0
    return sums[test + chosen_on :], sums[test : test + chosen_on], sums[:test]


# ---- reading what a user typed -----------------------------------------------------------------------


def parse(text: str, op: str, digits: int | None) -> tuple[str, str]:
    """The digits of the two operands of a typed question, ``12+34`` or ``12 + 34 =``, leading zeros left out.

    Raises InputError where it is no question of the operation, or an operand has more than ``digits`` digits, where
    there is a limit: digits, not numbers, so that there need not be one.
    """
    operands = _operands(text, op)
    if operands is None:
        others = (other for other in SIGNS if other != op and _operands(text, other))
        hint = next((f"This sign is for --op {other}" for other in others), PLAIN)
        raise InputError(f"expected a question like 12{SIGNS[op]}34, got {shown(text)}", hint)
    left, right = (operand.lstrip("0") or "0" for operand in operands)
    longest = max(len(left), len(right))
    if digits is not None and longest > digits:
        raise InputError(
            f"expected numbers of up to {digits} digit{'s' * (digits != 1)}, got {shown(text)}",
            f"Train with --digits {longest}"
            if longest <= MOST_DIGITS[op]
            else f"At most {MOST_DIGITS[op]} can be learned",
        )
    return left, right


def _operands(text: str, op: str) -> tuple[str, str] | None:
    """The two operands as typed; None where it is no question of the operation."""
    pattern = rf"\s*(\d+)\s*{re.escape(SIGNS[op])}\s*(\d+)\s*=?\s*"
    found = re.fullmatch(pattern, text.translate(TYPED_SIGNS), re.ASCII)
    return (found[1], found[2]) if found else None


# ---- to and from character ids -----------------------------------------------------------------------

_IDS = np.full(128, BLANK, np.uint8)
_IDS[[ord(character) for character in CHARACTERS]] = range(len(CHARACTERS))
_IDS[[ord(sign) for sign in SIGNS.values()]] = SIGN


def to_ids(strings: Sequence[str], width: int, *, align: str) -> Ids:
    """Character ids of strings padded with blanks, shape ``(n, width)``; ``align`` is left or right."""
    pad = str.rjust if align == "right" else str.ljust
    raw = np.frombuffer("".join(pad(string, width) for string in strings).encode("ascii"), np.uint8)
    ids: Ids = _IDS[raw].reshape(len(strings), width)
    return ids


def to_strings(ids: Ids, op: str) -> list[str]:
    """The strings of ids of shape ``(n, width)``, blanks included."""
    characters = np.array(list(CHARACTERS + SIGNS[op]))
    return ["".join(row) for row in characters[ids].tolist()]


def number_ids(numbers: Ints, width: int) -> Ids:
    """Numbers as ids, right-aligned and least significant first: shape ``(n, width)``.

    >>> to_strings(number_ids(np.array([61, -4]), 4), "sub")
    ['16  ', '4-  ']
    """
    return digit_ids([str(number) for number in numbers.tolist()], width)


def digit_ids(numbers: Sequence[str], width: int) -> Ids:
    """The same for numbers that are digits, however many."""
    return to_ids(numbers, width, align="right")[:, ::-1]


# ---- what makes a sum hard ---------------------------------------------------------------------------


def carries(sums: Sums) -> np.ndarray[Any, np.dtype[np.int64]]:
    """How many columns carry (``add``) or borrow (``sub``, larger minus smaller), shape ``(n,)``.

    For ``mul`` the number of column sums, of the long multiplication, that leave a carry.
    """
    columns = max(map(len, map(str, [*sums.left.tolist(), *sums.right.tolist()])), default=1)
    low, high = _digits(np.minimum(sums.left, sums.right), columns), _digits(np.maximum(sums.left, sums.right), columns)
    count, carry = np.zeros(len(sums), np.int64), np.zeros(len(sums), np.int64)
    for column in range(2 * columns if sums.op == "mul" else columns):
        if sums.op == "add":
            carry = (high[:, column] + low[:, column] + carry) // 10
        elif sums.op == "sub":
            carry = (high[:, column] - low[:, column] - carry < 0).astype(np.int64)
        else:
            places = range(max(0, column - columns + 1), min(column + 1, columns))
            carry = (carry + sum(high[:, place] * low[:, column - place] for place in places)) // 10
        count += carry > 0
    return count


def _digits(numbers: Ints, columns: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The digits of numbers, ``(n, columns)``, least significant first."""
    ids = number_ids(numbers, columns).astype(np.int64)
    return np.where(ids == BLANK, 0, ids)


def operand_lengths(sums: Sums) -> list[str]:
    """The digits of the two operands, longer first: ``"3+1"`` for 535+6 and for 6+535."""
    lengths = ((len(str(a)), len(str(b))) for a, b in zip(sums.left.tolist(), sums.right.tolist(), strict=True))
    return [f"{max(pair)}{SIGNS[sums.op]}{min(pair)}" for pair in lengths]
