"""Sums as the networks of ``arith`` read and write them, and what ``predict`` does with them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlab.configs.arith import ArithConfig
from nnlab.data.sums import arithmetic
from nnlab.data.sums.arithmetic import Ids, Sums
from nnlab.errors import InputError
from nnlab.experiments import FinishedRun, Predictor

LONGEST_QUESTION = 100_000  # digits of an operand: the memory that an answer takes grows with them
UNSURE = 0.9  # probability of a character, below which the prompt says so


def encode_questions(config: ArithConfig, left: Sequence[str], right: Sequence[str]) -> Ids:
    """What the network reads of operands given as digits.

    That is ``(n, columns, 2)``, the columns from the right: as many as the longest operand has digits and one for the
    sign, at least those it was taught; or, of the published network, ``(n, length)`` characters.
    """
    if config.network == "columns":
        longest = max([config.digits, *map(len, left), *map(len, right)])
        width = longest if config.op == "mul" else longest + 1
        return np.stack([arithmetic.digit_ids(left, width), arithmetic.digit_ids(right, width)], axis=-1)
    sign = arithmetic.SIGNS[config.op]
    typed = [f"{a}{sign}{b}" for a, b in zip(left, right, strict=True)]
    return arithmetic.to_ids(typed, 2 * config.digits + 1, align="left")[:, ::-1]


def encoded(config: ArithConfig, sums: Sums) -> tuple[Ids, Ids]:
    """(what the network reads, what it should write)."""
    left, right = (list(map(str, operands.tolist())) for operands in (sums.left, sums.right))
    return encode_questions(config, left, right), encode_answers(config, sums.answer)


def encode_answers(config: ArithConfig, answers: arithmetic.Ints) -> Ids:
    """What the network should write, ``(n, answer_length)``."""
    if config.network == "columns":
        return arithmetic.number_ids(answers, config.answer_length)
    return arithmetic.to_ids([str(answer) for answer in answers.tolist()], config.answer_length, align="left")


def decode(config: ArithConfig, ids: Ids) -> list[str]:
    """The answers as a person reads them, the padding on the side where it belongs taken off."""
    if config.network == "columns":
        return [text.lstrip(" ") for text in arithmetic.to_strings(ids[:, ::-1], config.op)]
    return [text.rstrip(" ") for text in arithmetic.to_strings(ids, config.op)]


# ---- predict ------------------------------------------------------------------------------------------


class SumPredictor(Predictor[tuple[str, str]]):
    """Answers typed questions with a trained network, those of one length together."""

    def __init__(self, config: ArithConfig, run: FinishedRun, model: Any) -> None:
        from nnlab.experiments._long_sums import reach

        self.config = config
        self.model = run.fill(model)
        self.asks = f"a question like 12{arithmetic.SIGNS[config.op]}34"
        self.tells = f"Digits that it is less than {100 * UNSURE:g} % sure of are underlined and named."
        self.reach = reach(config, run.results)
        self.beyond = 0  # questions longer than that, since it was last told
        self.is_unsure = self.reach == 0  # at every length, which is told once

    def read(self, text: str) -> tuple[str, str]:
        """The operands of a typed question, as digits; InputError where the network cannot read it."""
        operands = arithmetic.parse(text, self.config.op, None if self.config.reads_any_length else self.config.digits)
        if (longest := max(map(len, operands))) > LONGEST_QUESTION:
            raise InputError(f"expected at most {LONGEST_QUESTION:,} digits, got {longest:,}", "Ask for a shorter sum")
        return operands

    def probabilities(self, inputs: Sequence[tuple[str, str]]) -> list[tuple[Ids, np.ndarray[Any, Any]]]:
        """(ids ``(n,)``, probabilities ``(n, 12)``) of each answer's characters, as the network writes them."""
        from scipy.special import softmax

        found: list[Any] = [None] * len(inputs)
        width = {index: max(self.config.digits, *map(len, pair)) for index, pair in enumerate(inputs)}
        for _, same in itertools.groupby(sorted(width, key=lambda index: width[index]), lambda index: width[index]):
            indices = list(same)
            for index, logits in zip(indices, self._logits([inputs[index] for index in indices]), strict=True):
                found[index] = logits.argmax(-1).astype(np.uint8), softmax(logits, axis=-1)
        return found

    def _logits(self, inputs: Sequence[tuple[str, str]]) -> Any:
        from nnlab.training.batches import predict_in_batches

        left, right = zip(*inputs, strict=True)
        questions = encode_questions(self.config, left, right)
        longest = max(len(operand) for pair in inputs for operand in pair)
        few = 64 if longest <= self.config.digits else 1  # of what was taught two sizes at most are compiled
        size = few if len(inputs) <= few else max(few, min(4096, (1 << 16) // questions.shape[1]))
        return predict_in_batches(self.model, questions, size=size)

    def answer(self, inputs: Sequence[tuple[str, str]]) -> list[str]:
        """The answers, in order; ``?`` for one the network leaves blank."""
        self.beyond += sum(max(map(len, pair)) > self.reach for pair in inputs)
        return [decode(self.config, ids[None])[0] or "?" for ids, _ in self.probabilities(inputs)]

    def notes(self) -> list[str]:
        """How many questions were longer than what the run was measured to be good at."""
        beyond, self.beyond = self.beyond, 0
        if self.reach == 0:
            told, self.is_unsure = self.is_unsure, False
            return ["the run was not measured to be right on 99 % of any length: look at its answers with care"] * told
        if not beyond:
            return []
        which = "1 question is" if beyond == 1 else f"{beyond:,} questions are"
        reach = f"{self.reach:,} digit{'s' * (self.reach != 1)}"
        return [
            f"{which} longer than {reach}, up to which the run was measured to be right on 99 %: "
            "look at such answers with care"
        ]

    def show(self, text: str, given: tuple[str, str]) -> Any:
        """The answer, what the network is unsure of underlined and named: also without colours, or underlining."""
        from rich.text import Text

        [answer], [(_, probabilities)] = self.answer([given]), self.probabilities([given])
        shown, unsure = Text(answer), unsure_of(self.config, probabilities)
        for place, _ in unsure:
            if 0 <= place < len(answer):
                shown.stylize("bold underline", place, place + 1)
        told = "; ".join(words for _, words in unsure)
        return shown.append(f"   unsure: {told}", "dim") if told else shown


def unsure_of(config: ArithConfig, probabilities: np.ndarray[Any, Any]) -> list[tuple[int, str]]:
    """Where an answer of probabilities ``(n, 12)`` is less than 90 % sure: (place in the answer, in words).

    A place before or behind the answer is one that was left blank: another digit may belong there.
    """
    columns = config.network == "columns"
    p = np.asarray(probabilities, np.float64)[:: -1 if columns else 1]  # as it is read
    written = arithmetic.to_strings(p.argmax(-1)[None], config.op)[0]
    blanks = len(written) - len(written.lstrip(" ")) if columns else 0
    names = [*arithmetic.CHARACTERS, arithmetic.SIGNS[config.op]]
    found = []
    for place, character in enumerate(written):
        second, first = np.argsort(p[place], kind="stable")[-2:].tolist()
        if p[place, first] >= UNSURE:
            continue
        other = "nothing" if names[second] == " " else names[second]
        both = f"{100 * p[place, first]:.0f} %) or {other} ({100 * p[place, second]:.0f} %)"
        where = f"character {place - blanks + 1} is {character}" if character != " " else "nothing more"
        found.append((place - blanks, f"{where} ({both}"))
    return found
