"""Options and presets of ``nnlab arith``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from nnlab.config import Config, Variant
from nnlab.configs.schema import TEXT, figures, record, rows
from nnlab.options import bounded, option


@dataclass(frozen=True, kw_only=True)
class ArithConfig(Config):
    """Learn to add, subtract or multiply by reading sums."""

    EXAMPLE: ClassVar[str] = "nnlab arith --op sub --runs 3"
    DATA: ClassVar[str] = "questions drawn on the spot"

    op: Literal["add", "sub", "mul"] = option("add", "Operation.")
    digits: int = option(3, "Digits of the longest operand.", min=1, max=9)
    samples: int = option(
        50_000, "Different questions (or all there are), a tenth of them held out.", min=20, max=2_000_000
    )
    network: Literal["columns", "seq2seq"] = "columns"  # seq2seq: the 2018 report's
    units: int = bounded(48, min=1, max=8192)
    learning_rate: float = bounded(4e-3, above=0, max=10)
    weight_decay: float = bounded(0.0, min=0, max=10)
    beta_2: float = bounded(0.98, above=0, below=1)
    schedule: Literal["cosine", "constant"] = "cosine"  # cosine: with warm-up, and AdamW; constant: Adam

    PRESETS: ClassVar = {
        "published": {
            "network": "seq2seq",
            "units": 128,
            "learning_rate": 1e-3,
            "beta_2": 0.999,
            "schedule": "constant",
            "epochs": 199,
        },
        "best": {"epochs": 6},
        "quick": {"samples": 4_000, "epochs": 6, "batch_size": 64, "units": 32, "learning_rate": 1e-2},
    }
    VARIANTS: ClassVar = (
        Variant(
            {"preset": ("best",), "op": ("mul",)},
            {"epochs": 200, "units": 64, "learning_rate": 3e-3, "weight_decay": 0.3},
        ),
    )

    RESULTS: ClassVar = record(
        {
            **figures("exact_match", "character_accuracy", "loss", "val_loss", "epochs_to_99", "seconds_to_99"),
            "examples": rows({"question": TEXT, "truth": TEXT, "answer": TEXT}),
        }
    )

    @property
    def answer_length(self) -> int:
        """Characters of the longest answer, its sign included."""
        return 2 * self.digits if self.op == "mul" else self.digits + 1
