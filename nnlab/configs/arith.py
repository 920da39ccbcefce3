"""Options and presets of ``nnlab arith``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from nnlab.config import Config, Variant
from nnlab.configs.schema import FIGURE, INTEGER, TEXT, figures, record, rows
from nnlab.errors import UsageError
from nnlab.options import added, bounded, option

MOST_DIGITS_OF_PRODUCTS = 9
ANY_EXTENSION = tuple(range(1, 101))
BY_COLUMNS = {"network": ("columns",)}
ROUNDS = (4, 5, 6, 8, 10, 13, 16, 20, 26, 33, 41, 51, 64, 80, 100)  # digits, each about a quarter more
SHORT = 4  # lengths that may have several rounds


def rounds(taught: int, longest: int, repeats: int = 1) -> list[int]:
    """The digits of each round of self-training from ``taught`` up to ``longest``; none where it is not longer.

    ``repeats``: how many rounds there are of each of the first :data:`SHORT` lengths, where there is most to learn.
    """
    if longest <= taught:
        return []
    lengths = [*(digits for digits in ROUNDS if taught < digits < longest), longest]
    return [digits for place, digits in enumerate(lengths) for _ in range(repeats if place < SHORT else 1)]


@dataclass(frozen=True, kw_only=True)
class ArithConfig(Config):
    """Learn to add, subtract or multiply by reading sums."""

    EXAMPLE: ClassVar[str] = "nnlab arith --op sub --runs 3"
    SUBJECT: ClassVar = frozenset(("op", "digits"))
    DATA: ClassVar[str] = "questions drawn on the spot"
    ONLY_WITH: ClassVar = {
        **{name: {"op": ("mul",), **BY_COLUMNS} for name in ("commuting", "pair_size", "recurrence")},
        **{name: {"op": ("add", "sub"), **BY_COLUMNS} for name in ("dropout", "noise", "gates", "examined")},
        **{name: {"extend": ANY_EXTENSION} for name in ("confidence", "rewritten", "repeats")},
        "networks": BY_COLUMNS,
        **{name: {"schedule": ("cosine",)} for name in ("weight_decay", "least_rate")},
    }
    SHAPES: ClassVar = ("commuting", "gates", "networks", "pair_size", "recurrence", "units")

    op: Literal["add", "sub", "mul"] = option("add", "Operation.")
    digits: int = option(3, "Digits of the longest operand (mul: at most 9).", min=1, max=100)
    samples: int = option(
        50_000, "Different questions, a tenth held out; unasked, all where there are fewer.", min=20, max=2_000_000
    )
    extend: int = option(
        0, "Then teach itself sums of up to N digits, whose answers it is never given (0: none).", min=0, max=100
    )
    validation: float = bounded(0.1, min=0, below=1)  # of the questions that are not held out for the test
    network: Literal["columns", "seq2seq"] = "columns"  # seq2seq: the 2018 report's
    dropout: float = bounded(0.1, min=0, below=1)  # between layers, of add and sub
    noise: float = bounded(0.0, min=0, max=100)  # in the gates of their recurrence, while it learns
    gates: Literal["hard_sigmoid", "sigmoid"] = added("hard_sigmoid", before="sigmoid")  # of that recurrence
    least_rate: float = bounded(0.01, above=0, max=1)  # of the learning rate, at the end of the schedule and after it
    confidence: float = added(0.95, before=0.0, min=0, below=1)  # that it needs to learn from an answer of its own
    rewritten: bool = added(True, before=False)  # such answers: as numbers are written, no zeros in front
    repeats: int = added(3, before=1, min=1, max=100)  # rounds of each of the first lengths that it teaches itself
    examined: int = bounded(100, min=0, max=100_000)  # questions of each kind and each length that was not taught
    baseline_epochs: int = bounded(0, min=0, max=1_000_000)  # of the published network, in the same seconds
    networks: int = added(1, before=1, min=1, max=16)  # by columns: whose probabilities are averaged
    units: int = bounded(48, min=1, max=8192)
    commuting: bool = added(True, before=False)  # mul: a pair of digits is the same in either order
    pair_size: int = added(0, before=0, min=0, max=8192)  # mul: numbers of each pair of digits (0: as many as units)
    # mul: what is carried is added to the next column's sum; or gated, from right to left or in both directions
    recurrence: Literal["carried", "one_way", "both_ways"] = added("carried", before="both_ways")
    learning_rate: float = bounded(4e-3, above=0, max=10)
    weight_decay: float = bounded(0.0, min=0, max=10)
    beta_2: float = bounded(0.98, above=0, below=1)
    schedule: Literal["cosine", "constant"] = "cosine"  # cosine: with warm-up, and AdamW; constant: Adam

    PRESETS: ClassVar = {
        "published": {
            "validation": 0.0,
            "network": "seq2seq",
            "units": 128,
            "learning_rate": 1e-3,
            "beta_2": 0.999,
            "schedule": "constant",
            "epochs": 199,
        },
        "best": {"epochs": 6},
        "quick": {
            "samples": 4_000,
            "epochs": 6,
            "batch_size": 64,
            "units": 32,
            "learning_rate": 1e-2,
            "examined": 20,
        },
    }
    VARIANTS: ClassVar = (
        Variant({"preset": ("best",), "op": ("sub",)}, {"epochs": 10}),
        Variant({"preset": ("quick",), "op": ("sub", "mul")}, {"epochs": 16}),
        Variant(
            {"preset": ("quick",), "op": ("mul",), "network": ("columns",)}, {"learning_rate": 3e-3, "pair_size": 16}
        ),
        Variant(
            {"preset": ("best",), "extend": ANY_EXTENSION},
            {"epochs": 8, "least_rate": 0.5, "examined": 300, "dropout": 0.2, "noise": 1.25},
        ),
        Variant({"preset": ("best",), "extend": ANY_EXTENSION, "op": ("sub",)}, {"dropout": 0.05}),
        Variant({"preset": ("best",), "op": ("mul",)}, {"epochs": 60}),
        Variant(
            {"preset": ("best",), "op": ("mul",), "network": ("columns",)},
            {"units": 16, "learning_rate": 6e-3, "weight_decay": 0.6, "pair_size": 32},
        ),
        Variant({"preset": ("best",), "op": ("mul",), "digits": (1, 2)}, {"epochs": 150}),  # of which there are few
        Variant({"preset": ("best",), "op": ("mul",), "digits": (1, 2), **BY_COLUMNS}, {"networks": 3}),
    )

    RESULTS: ClassVar = record(
        {
            **figures("exact_match", "character_accuracy", "loss", "val_loss", "test_loss"),
            **figures("epochs_to_99", "seconds_to_99"),
            "exact_match_by_length": rows(
                {"digits": INTEGER, "exact_match": FIGURE, "kinds": {"type": "object", "additionalProperties": FIGURE}},
                least=0,
            ),
            "baselines": {
                "type": "object",
                "additionalProperties": record(figures("exact_match", "character_accuracy", "test_loss")),
            },
            "examples": rows({"question": TEXT, "truth": TEXT, "answer": TEXT}),
        }
    )

    def check(self) -> None:
        """Raise UsageError where operands are too long for the operation, or longer sums cannot be learned."""
        if self.op == "mul" and self.digits > MOST_DIGITS_OF_PRODUCTS:
            raise UsageError(
                f"expected --digits 1 to {MOST_DIGITS_OF_PRODUCTS} with --op mul, got {self.digits}", "Ask for fewer"
            )
        if self.extend and not self.reads_any_length:
            which = "--op mul" if self.op == "mul" else "--preset published"
            raise UsageError(
                f"--extend is for networks that read column by column, got it with {which}", "Leave it out"
            )
        if self.extend and self.minutes is not None:
            raise UsageError("--extend takes the rounds it needs, got --minutes as well", "Leave one of them out")
        if 0 < self.extend <= self.digits:
            raise UsageError(
                f"expected --extend above --digits {self.digits}, got {self.extend}", "Ask for more, or leave it out"
            )

    @property
    def reads_any_length(self) -> bool:
        """Whether the network answers longer operands than it was taught."""
        return self.network == "columns" and self.op != "mul"

    @property
    def answer_length(self) -> int:
        """Characters of the longest answer, its sign included."""
        return 2 * self.digits if self.op == "mul" else self.digits + 1

    @property
    def own_rounds(self) -> list[int]:
        """The digits of each round of self-training, which come after the epochs."""
        return rounds(self.digits, self.extend, self.repeats)

    @property
    def sample_called(self) -> str:
        """As for every config."""
        return "question"

    @property
    def epochs_told(self) -> str:
        """As for every config; rounds of self-training are none."""
        count = len(self.own_rounds)
        return super().epochs_told + (f" and {count:,} round{'s' * (count != 1)} of self-training" if count else "")

    @property
    def figure_words(self) -> Mapping[str, str]:
        """As for every config."""
        return {**super().figure_words, "epochs_to_99": "epochs until 99 % were right"}
