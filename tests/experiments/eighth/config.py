"""Options and presets of ``nnlab majority``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nnlab.config import Config
from nnlab.configs.schema import figures, record
from nnlab.options import bounded, option


@dataclass(frozen=True, kw_only=True)
class MajorityConfig(Config):
    """Learn whether most of some bits are ones."""

    EXAMPLE: ClassVar[str] = "nnlab majority --bits 9"

    bits: int = option(9, "Bits per question.", min=1, max=63)
    units: int = bounded(16, min=1, max=1024)

    PRESETS: ClassVar = {"published": {"epochs": 9}, "best": {"epochs": 4}, "quick": {"epochs": 2, "bits": 5}}
    RESULTS: ClassVar = record(figures("val_loss", "accuracy"))
