"""Sums: questions like ``535+61``, drawn without repeats, and how they become numbers for a network.

A question and its mirror (``a+b`` and ``b+a``, also ``a-b`` and ``b-a``) count as one, so knowing one
side of the held-out split never gives away the other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from nnlab.errors import InputError, UsageError

SIGNS = {"add": "+", "sub": "-", "mul": "*"}
CHARACTERS = "0123456789 "  # ids 0-10; the sign of the operation is id 11, for sub also the minus of an answer
BLANK, SIGN, VOCABULARY_SIZE = 10, 11, 12
MAX_DIGITS = 9  # answers of nine-digit products still fit 64 bits
LISTABLE = 3  # up to this many digits all questions are listed and drawn from; beyond, drawn and deduplicated

Ints: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Ids: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


@dataclass(frozen=True)
class Sums:
    """Questions ``left OP right`` and their answers, each of shape ``(n,)``, 64-bit integers."""

    op: str
    left: Ints
    right: Ints

    @property
    def answer(self) -> Ints:
        """The true answers, shape ``(n,)``."""
        if self.op == "add":
            return self.left + self.right
        return self.left - self.right if self.op == "sub" else self.left * self.right

    @property
    def digest(self) -> str:
        """sha256 of the operation and the operands, in order."""
        content = self.op.encode() + np.stack([self.left, self.right]).astype("<i8").tobytes()
        return hashlib.sha256(content).hexdigest()

    def __len__(self) -> int:
        return len(self.left)

    def __getitem__(self, index: slice | Ints) -> Sums:
        return Sums(self.op, self.left[index], self.right[index])

    def question(self, index: int) -> str:
        """The question as it is typed: ``535+61``."""
        return f"{self.left[index]}{SIGNS[self.op]}{self.right[index]}"


def question_count(digits: int) -> int:
    """How many different questions there are: unordered pairs of numbers of up to ``digits`` digits."""
    numbers: int = 10**digits
    return numbers * (numbers + 1) // 2


def draw(op: str, digits: int, samples: int, seed: int) -> Sums:
    """``samples`` different questions in random order; the same seed draws the same.

    Each operand has first its number of digits drawn, 1 to ``digits``, then each digit: short numbers
    are as frequent as long ones, as in Keras's addition example and the report.
    """
    if samples > question_count(digits):
        raise UsageError(
            f"expected at most {question_count(digits):,} questions of {digits} digits "
            f"(a+b and b+a are one), got --samples {samples}",
            "Ask for fewer --samples or more --digits",
        )
    rng = np.random.default_rng([seed, digits, 0])
    pairs = _draw_from_all(digits, samples, rng) if digits <= LISTABLE else _draw_unique(digits, samples, rng)
    pairs = np.where(rng.random((samples, 1)) < 0.5, pairs, pairs[:, ::-1])
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


def split(sums: Sums) -> tuple[Sums, Sums]:
    """(training, held-out): a tenth is held out before training, at least one question."""
    held_out = max(1, len(sums) // 10)
    return sums[held_out:], sums[:held_out]


# ---- reading what a user wrote -----------------------------------------------------------------------


def parse(text: str, op: str, digits: int) -> tuple[int, int]:
    """The two operands of a typed question. Blanks are allowed; InputError says what cannot be read."""
    sign = SIGNS[op]
    example = f"12{sign}34"
    found = re.fullmatch(rf"\s*(\d+)\s*{re.escape(sign)}\s*(\d+)\s*", text, re.ASCII)
    if not found:
        raise InputError(f"expected a question like {example}, got {text.strip()!r}", "Use digits and one sign")
    left, right = found.groups()
    longest = max(len(left.lstrip("0")), len(right.lstrip("0")))
    if longest > digits:
        raise InputError(
            f"expected numbers of up to {digits} digits, got {text.strip()!r}", f"Train with --digits {longest}"
        )
    return int(left), int(right)


def read_file(path: Path, op: str, digits: int, samples: int | None) -> Sums:
    """Questions from a user's file, one a line (``12+34`` or ``12+34=46``); blank lines are skipped.

    Repeats and mirrored questions are dropped. InputError names the file and the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"expected UTF-8 text, byte {error.start} is not", "Convert the file", path=path) from error
    pairs: dict[tuple[int, int], tuple[int, int]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        text, equals, claimed = line.partition("=")
        try:
            left, right = parse(text, op, digits)
        except InputError as error:
            raise InputError(error.message, error.hint, path=path, line=number) from error
        truth = int(Sums(op, np.array([left]), np.array([right])).answer[0])
        if equals and claimed.strip() != str(truth):
            raise InputError(f"{text.strip()} is {truth}, not {claimed.strip()!r}", "Mend it", path=path, line=number)
        pairs.setdefault((min(left, right), max(left, right)), (left, right))
    if samples is not None and samples > len(pairs):
        raise UsageError(
            f"{path} has {len(pairs):,} different questions, --samples asks for {samples:,}", "Ask for fewer"
        )
    if len(pairs) < 20:
        raise InputError(f"expected at least 20 different questions, got {len(pairs)}", "Add some", path=path)
    both = np.array(list(pairs.values())[:samples], np.int64)
    return Sums(op, both[:, 0], both[:, 1])


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
    return to_ids([str(number) for number in numbers.tolist()], width, align="right")[:, ::-1]


# ---- what makes a sum hard ---------------------------------------------------------------------------


def carries(sums: Sums) -> Ints:
    """How many columns carry (``add``) or borrow (``sub``, larger minus smaller), shape ``(n,)``.

    For ``mul`` the number of column sums, of the long multiplication, that leave a carry.
    """
    low, high = np.minimum(sums.left, sums.right), np.maximum(sums.left, sums.right)
    count, carry = np.zeros(len(sums), np.int64), np.zeros(len(sums), np.int64)
    columns = len(str(int(high.max(initial=0))))
    for column in range(2 * columns if sums.op == "mul" else columns):
        if sums.op == "add":
            total = _digit(high, column) + _digit(low, column) + carry
            carry = total // 10
        elif sums.op == "sub":
            carry = (_digit(high, column) - _digit(low, column) - carry < 0).astype(np.int64)
        else:
            products = sum(_digit(high, i) * _digit(low, column - i) for i in range(column + 1))
            carry = (carry + products) // 10
        count += carry > 0
    return count


def _digit(numbers: Ints, column: int) -> Ints:
    digit: Ints = numbers // 10**column % 10
    return digit


def operand_lengths(sums: Sums) -> list[str]:
    """The digits of the two operands, longer first: ``"3+1"`` for 535+6 and for 6+535."""
    both = ((len(str(a)), len(str(b))) for a, b in zip(sums.left.tolist(), sums.right.tolist(), strict=True))
    return [f"{max(pair)}{SIGNS[sums.op]}{min(pair)}" for pair in both]
