"""Options and presets of ``nnlab translate``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from nnlab.config import SAMPLE, Config, Variant
from nnlab.configs.schema import BOOLEAN, NUMBER, TEXT, figures, record, rows
from nnlab.errors import UsageError
from nnlab.options import BY_DATA, SHARED, added, bounded, option

SCORES = ("exact_match", "chrf", "bleu", "bleu_one_reference")


@dataclass(frozen=True, kw_only=True)
class TranslateConfig(Config):
    """Learn to translate from sentence pairs."""

    EXAMPLE: ClassVar[str] = "nnlab translate --pairs eng-ell.txt"
    SUBJECT: ClassVar = frozenset(("reverse",))
    DATA: ClassVar[str] = "eng-ell"

    data: str | None = option(
        None,
        "Tab-separated sentence pairs, a known set (eng-ell, eng-fra, opus:en-de, …) or 'sample'.",
        "--pairs",
        "--data",
        metavar="FILE|NAME",
    )
    samples: int = option(
        20_000, "The first N pairs of the file; unasked, all where it has fewer.", min=20, max=100_000_000
    )
    validation: float = option(
        0.1, "Share of the source sentences that choose the epoch; 0: the last.", min=0, below=1, metavar="F"
    )
    test: float = option(0.1, "Share of the source sentences that are tested.", above=0, below=1, metavar="F")
    dropout: float = option(0.2, "Dropout rate.", min=0, max=0.95, metavar="F")
    reverse: bool = option(False, "Swap the languages.", "--reverse")
    beam: int = option(8, "Beam width.", min=1, max=32)
    epochs: int = option(
        BY_DATA,
        "Epochs (overrides the preset).",
        min=1,
        max=1_000_000,
        panel=SHARED,
        default_told="30 of 20,000 pairs, 33 at most, 4 at least",
    )
    batch_size: int = option(64, "Batch size (overrides the preset).", min=1, max=4096, panel=SHARED)
    script: Literal["greek", "other"] = BY_DATA  # greek: mostly Greek letters on one side of the pairs
    network: Literal["attentive", "encoder_decoder"] = "attentive"  # encoder_decoder: the 2018 report's
    vocab_size: int = bounded(2000, min=0, max=60_000)  # subwords per side; 0: single characters
    units: int = bounded(256, min=1, max=8192)
    depth: int = bounded(1, min=1, max=16)
    lexical: bool = added(True, before=False)  # a path from the embeddings attended to to the logits
    word_dropout: float = bounded(0.04, min=0, max=0.95)
    label_smoothing: float = bounded(0.1, min=0, max=0.95)
    learning_rate: float = bounded(7e-3, above=0, max=10)
    weight_decay: float = bounded(0.1, min=0, max=10)
    beta_2: float = bounded(0.98, above=0, below=1)
    patience: int | None = bounded(None, min=1, max=1_000_000)

    SHAPES: ClassVar = ("lexical",)
    ONLY_WITH: ClassVar = {
        name: {"network": ("attentive",)} for name in ("depth", "lexical", "word_dropout", "weight_decay", "beta_2")
    }
    PRESETS: ClassVar = {
        "published": {
            "samples": 10_000,
            "network": "encoder_decoder",
            "vocab_size": 0,
            "word_dropout": 0.0,
            "label_smoothing": 0.0,
            "beam": 1,
            "weight_decay": 0.0,
            "learning_rate": 1e-3,
            "epochs": 100,
            "batch_size": 70,
            "dropout": 0.0,
            "validation": 0.0,
            "test": 0.2,
        },
        "best": {"patience": 8},
        "quick": {
            "data": SAMPLE,
            "vocab_size": 0,
            "units": 64,
            "dropout": 0.1,
            "label_smoothing": 0.0,
            "word_dropout": 0.02,
            "learning_rate": 1e-2,
            "epochs": 12,
            "patience": 6,
            "batch_size": 16,
            "beam": 1,
        },
    }
    VARIANTS: ClassVar = (
        Variant({"network": ("encoder_decoder",)}, {"lexical": False}),
        Variant(
            {"preset": ("published",), "script": ("greek",)},
            {"epochs": 126, "batch_size": 75, "test": 0.4, "dropout": 0.5},
        ),
    )
    RESULTS: ClassVar = record(
        {
            **figures("loss", "test_loss", *SCORES, "sentences_per_second"),
            "baselines": record(dict.fromkeys(("nearest", "word_for_word"), record(dict.fromkeys(SCORES, NUMBER)))),
            "examples": rows({"source": TEXT, "reference": TEXT, "output": TEXT, "correct": BOOLEAN, "seen": BOOLEAN}),
        },
        **figures("val_loss"),
    )

    @classmethod
    def without_effect(cls, name: str, settings: Mapping[str, Any]) -> str | None:
        """As for every config; nothing is waited for where nothing chooses the epoch."""
        if name == "patience" and not settings["validation"]:
            return "validation"
        return super().without_effect(name, settings)

    def check(self) -> None:
        """Raise UsageError where nothing is left to train on."""
        if self.validation + self.test >= 1:
            raise UsageError(
                f"expected --validation and --test of less than 1 together, got {self.validation:g} and {self.test:g}",
                "What is left of the source sentences is trained on",
            )

    @property
    def sample_called(self) -> str:
        """As for every config; a beam writes several."""
        return "test sentence read and its reference written once"
