"""Sums longer than any that were taught: how ``arith`` teaches itself, and how it is examined.

A column network knows no length, but what it learned of sums of 3 digits need not hold over 100 columns. So it goes on
with questions *without answers*, in rounds of more and more digits: it answers them itself, with dropout off,
keeps the answers that it is sure of (as FixMatch does; Sohn and others 2020) and that agree with themselves
(a+b = b+a, a-b = -(b-a)), and learns from those with dropout on, together with taught ones (noisy student; Xie and
others 2020. Lee and others 2025 go from 10 to 100 digits so). A round is an epoch to the runner: it depends on the
weights at its start, the seed and its number, so it can be resumed to the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from nnlab.configs.arith import ArithConfig
from nnlab.data.random import Stream, rng
from nnlab.data.sums import long_sums
from nnlab.data.sums.arithmetic import Ids, Sums, number_ids
from nnlab.training.batches import Batches, Rows, predict_in_batches

Shares: TypeAlias = np.ndarray[Any, np.dtype[np.floating[Any]]]
Answer: TypeAlias = Callable[[Ids], Ids]  # ids of questions (n, width, 2) to ids of answers (n, width)
SureAnswer: TypeAlias = Callable[[Ids], tuple[Ids, Shares]]  # also how sure of each, (n,)
TAUGHT_SHARE = 4  # one in so many questions of a round is a taught one
COLUMNS = 1 << 16  # read at once when a network answers: memory grows with them
LENGTHS = (5, 10, 30, 100, 300, 1000)  # digits that a network is asked, those it was taught left out


def answers(model: Any, questions: Ids) -> Ids:
    """What the network writes, ``(n, width)``: the most probable character of each column."""
    return sure_answers(model, questions)[0]


def sure_answers(model: Any, questions: Ids) -> tuple[Ids, Shares]:
    """What the network writes, and the probability ``(n,)`` of the character of each answer it is least sure of."""
    from scipy.special import softmax

    size = min(len(questions), 1024, max(1, COLUMNS // questions.shape[1]))
    written, sure = [], []
    for start in range(0, len(questions), size):
        logits = predict_in_batches(model, questions[start : start + size], size=size)
        written.append(logits.argmax(-1).astype(np.uint8))
        sure.append(softmax(logits, axis=-1).max(-1).min(-1))
    return np.concatenate(written), np.concatenate(sure)


# ---- self-training -----------------------------------------------------------------------------------


class SelfTraining:
    """The batches of an epoch: of the taught sums first, then of the rounds, some for each of the first lengths."""

    def __init__(self, config: ArithConfig, x: Ids, y: Ids, taught: Callable[[Any, int, int], Rows]) -> None:
        self.config, self.x, self.y, self.taught = config, x, y, taught
        self.rounds = config.own_rounds
        self.told: dict[str, Any] = {}  # of the last round: its digits, and the share of its answers that were kept

    def batches(self, model: Any, seed: int, epoch: int) -> Rows | Batches:
        """``Task.batches``."""
        if epoch < self.config.epochs:
            return self.taught(model, seed, epoch)
        digits = self.rounds[epoch - self.config.epochs]
        return self.round(lambda questions: sure_answers(model, questions), digits, seed, epoch)

    def round(self, answer: SureAnswer, digits: int, seed: int, epoch: int) -> Batches:
        """As many questions as an epoch has, three quarters of them of up to ``digits`` digits, the others taught ones.

        The longer ones have the answers that ``answer`` gives, put as numbers are written; those whose answers
        disagree, or are less sure than ``confidence`` either way, are left out. A batch has either of them, for taught
        ones stand in fewer columns.
        """
        op, generator = self.config.op, rng(seed, Stream.UNANSWERED, epoch)
        taught = max(1, len(self.x) // TAUGHT_SHARE)
        asked = long_sums.draw_unanswered(op, digits, len(self.x) - taught, generator)
        (own, sure), (other, other_sure) = answer(asked), answer(long_sums.mirrored(asked))
        if self.config.rewritten:
            own, other = long_sums.as_numbers(own), long_sums.as_numbers(other)
        kept = long_sums.agrees(op, own, other) & (np.minimum(sure, other_sure) >= self.config.confidence)
        self.told = {"digits": digits, "kept": float(kept.mean())}
        sums = {"own": (asked[kept], own[kept]), "taught": (self.x, self.y)}
        rows = {
            "own": generator.permutation(int(kept.sum())),
            "taught": generator.choice(len(self.x), taught, replace=False),
        }
        size = self.config.batch_size
        groups = [
            (name, order[start : start + size]) for name, order in rows.items() for start in range(0, len(order), size)
        ]
        mixed = [groups[place] for place in generator.permutation(len(groups))]
        return Batches(mixed, lambda group: tuple(array[group[1]] for array in sums[group[0]]))


# ---- examination -------------------------------------------------------------------------------------


def examine(config: ArithConfig, answer: Answer) -> list[dict[str, Any]]:
    """How many of ``config.examined`` questions of each length and kind are answered right, in order of length.

    Rows ``{"digits", "of", "right": {kind: count}}``. The questions are the same for every seed.
    """
    found = []
    for digits in LENGTHS:
        if digits <= config.digits or not config.examined:
            continue
        drawn = [
            long_sums.draw_kind(
                kind,
                config.op,
                digits,
                config.examined,
                rng(config.data_seed, Stream.EXAMINED, digits * len(long_sums.KINDS) + place),
            )
            for place, kind in enumerate(long_sums.KINDS)
        ]
        width = digits + 1
        written = answer(np.concatenate([encode(sums, width) for sums in drawn]))  # at once: a step costs the same
        truth = np.concatenate([number_ids(sums.answer, width) for sums in drawn])
        counts = (written == truth).all(axis=1).reshape(len(drawn), -1).sum(axis=1).tolist()
        right = dict(zip(long_sums.KINDS, counts, strict=True))
        found.append({"digits": digits, "of": config.examined, "right": right})
    return found


def encode(sums: Sums, width: int) -> Ids:
    """The columns of sums from the right, ``(n, width, 2)``."""
    return np.stack([number_ids(sums.left, width), number_ids(sums.right, width)], axis=-1)


def reach(config: ArithConfig, results: Mapping[str, Any]) -> int:
    """The longest operands, in digits, up to which a run was right on 99 % at every length it was asked; 0 for none.

    Where its results do not say, what it was taught.
    """
    longest = None
    rows = results.get("exact_match_by_length")
    for row in rows[:100] if isinstance(rows, list) else []:
        digits, share = (row.get("digits"), row.get("exact_match")) if isinstance(row, dict) else (None, None)
        share = share.get("mean") if isinstance(share, dict) else share
        if not isinstance(digits, int) or not isinstance(share, int | float):
            break
        longest = longest or 0
        if share < 0.99:
            break
        longest = max(longest, digits)
    return config.digits if longest is None else longest
