"""Options and presets of ``nnlab denoise``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nnlab.config import SAMPLE
from nnlab.configs.autoencode import GRID_ROWS, SQUASHED, ReconstructionConfig
from nnlab.configs.schema import NUMBER, figures, record
from nnlab.options import option


@dataclass(frozen=True, kw_only=True)
class DenoiseConfig(ReconstructionConfig):
    """Take noise out of pictures."""

    EXAMPLE: ClassVar[str] = "nnlab denoise --noise 0.3"
    DATA: ClassVar[str] = "cifar10"

    noise: float = option(
        0.5, "Standard deviation of the noise, of pictures from 0 to 1.", above=0, max=5, metavar="SIGMA"
    )

    PRESETS: ClassVar = {
        "published": {
            "activation": "sigmoid",
            "epochs": 100,
            "batch_size": 128,
            "learning_rate": 1e-3,
            "schedule": "constant",
            "validation": 0.0,
            "mirror": False,
        },
        "best": {"epochs": 4},
        "quick": {"data": SAMPLE, "epochs": 3},
    }
    VARIANTS: ClassVar = SQUASHED
    RESULTS: ClassVar = record(
        {
            **figures("loss", "test_loss", "psnr_db", "noisy_psnr_db"),
            "baselines": {"type": "object", "additionalProperties": NUMBER},
        },
        **figures("val_loss", "val_psnr_db"),
        grid=GRID_ROWS,
    )

    def check(self) -> None:
        """Raise UsageError where the options do not fit together."""
        self.check_output()
