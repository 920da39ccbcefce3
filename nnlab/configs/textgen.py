"""Options and presets of ``nnlab textgen``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from nnlab.config import SAMPLE, Config, Variant
from nnlab.configs.schema import INTEGER, NUMBER, TEXT, figures, record, rows
from nnlab.options import BY_DATA, SHARED, added, bounded, option

OF_BASELINE = {"test_loss": NUMBER, "test_bits_per_character": NUMBER}


@dataclass(frozen=True, kw_only=True)
class TextgenConfig(Config):
    """Learn to write by predicting the next character."""

    EXAMPLE: ClassVar[str] = "nnlab textgen --data book.txt"
    SUBJECT: ClassVar = frozenset(("lower",))
    DATA: ClassVar[str] = "nietzsche"

    epochs: int = option(
        BY_DATA,
        "Epochs (overrides the preset).",
        min=1,
        max=1_000_000,
        panel=SHARED,
        default_told="13 of 600,000 characters, more of fewer",
    )
    batch_size: int = option(
        16, "Batch size: streams of text side by side (overrides the preset).", min=1, max=4096, panel=SHARED
    )
    maxlen: int = option(64, "Characters per window.", min=2, max=1000, metavar="N")
    diversity: list[float] = option(
        [0.2, 0.5, 1.0, 1.2], "Temperature of the sampling (repeatable).", min=0.01, max=10, metavar="T"
    )
    length: int = option(400, "Characters per sample.", min=1, max=100_000)
    lower: bool = option(True, "Lower-case the text.", "--lower/--keep-case")
    network: Literal["stream", "window"] = "stream"  # window: the 2018 report's
    networks: int = added(2, before=1, min=1, max=16)  # whose probabilities are averaged
    units: int = bounded(320, min=1, max=8192)
    depth: int = bounded(2, min=1, max=16)
    dropout: float = bounded(0.4, min=0, max=0.95)
    learning_rate: float = bounded(8e-3, above=0, max=10)
    weight_decay: float = bounded(0.1, min=0, max=10)
    beta_2: float = bounded(0.99, above=0, below=1)
    validation: float = added(0.05, before=0.0, min=0, max=0.5)  # share of the text, before the last tenth

    SHAPES: ClassVar = ("networks", "units")
    ONLY_WITH: ClassVar = {
        name: {"network": ("stream",)} for name in ("networks", "depth", "dropout", "weight_decay", "beta_2")
    }
    VARIANTS: ClassVar = (Variant({"network": ("window",)}, {"networks": 1}),)
    PRESETS: ClassVar = {
        "published": {
            "network": "window",
            "units": 128,
            "depth": 1,
            "maxlen": 40,
            "dropout": 0.0,
            "learning_rate": 0.01,
            "weight_decay": 0.0,
            "epochs": 60,
            "batch_size": 128,
            "validation": 0.0,
        },
        "best": {},
        "quick": {
            "data": SAMPLE,
            "networks": 1,
            "units": 192,
            "depth": 1,
            "dropout": 0.1,
            "learning_rate": 0.012,
            "length": 160,
            "epochs": 4,
        },
    }
    RESULTS: ClassVar = record(
        {
            **figures("loss", "test_loss", "test_bits_per_character", "characters_per_second"),
            "baselines": record({"kneser_ney": record(OF_BASELINE, order=INTEGER), "xz": record(OF_BASELINE)}),
            "samples": rows({"epoch": INTEGER, "diversity": NUMBER, "prompt": TEXT, "text": TEXT}),
        },
        **figures("val_loss", "val_bits_per_character"),
        # the network on the characters that "baselines" predict, where those are not all of the test part
        compared=record({"characters": INTEGER, **figures("test_loss", "test_bits_per_character")}),
    )

    @property
    def sample_called(self) -> str:
        """As for every config."""
        return "character"
