"""Options and presets of ``nnlab denoise``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from nnlab.config import SAMPLE, Inherited, Variant
from nnlab.configs.autoencode import GRID_ROWS, OF_PICTURES, SQUASHED, TO_TUNE, ReconstructionConfig
from nnlab.configs.schema import FIGURE, INTEGER, NUMBER, TEXT, figures, record, rows
from nnlab.errors import UsageError
from nnlab.options import added, option

MOST = 5.0  # standard deviation
NUMBERS = re.compile(r"(\d+\.?\d*|\.\d+)(?:-(\d+\.?\d*|\.\d+))?")  # one, or two with a dash between
METHODS = ("gaussian", "median", "bilateral", "total_variation", "wavelet", "non_local_means")
MUON = {"learning_rate": 6e-3, "optimizer": "muon"}


@dataclass(frozen=True, kw_only=True)
class DenoiseConfig(ReconstructionConfig):
    """Take noise out of pictures."""

    EXAMPLE: ClassVar[str] = "nnlab denoise --noise 0.3"
    SUBJECT: ClassVar = frozenset(("noise", "clip"))
    DATA: ClassVar[str] = "cifar10"
    SHAPES: ClassVar = ("design",)

    noise: str = option(
        "0.5",
        "Standard deviation of the noise, of pictures from 0 to 1; A-B: another for each training picture.",
        metavar="SIGMA|A-B",
    )
    clip: bool = option(True, "Clip noisy pictures to 0…1, or leave them as they are.", "--clip/--no-clip")
    # blind: estimates the noise of each picture; bounded: and keeps the estimate within what was taught.
    design: Literal["plain", "blind", "bounded"] = added("bounded", before="plain")

    PRESETS: ClassVar = {
        "published": {
            "activation": "sigmoid",
            "epochs": 100,
            "batch_size": 128,
            "learning_rate": 1e-3,
            "schedule": "constant",
            "validation": 0.0,
            "mirror": False,
            "design": "plain",
        },
        "best": {"epochs": 16, "batch_size": 64, **MUON},
        "quick": {"data": SAMPLE, "epochs": 3, **MUON},
    }
    VARIANTS: ClassVar = (
        *SQUASHED,
        Variant(
            {"preset": TO_TUNE, "activation": ("sigmoid", "softmax", "tanh")},
            {"design": "plain", "batch_size": 32, "learning_rate": 3e-3, "optimizer": "adamw"},
        ),
        Variant({"preset": ("best",), "activation": ("sigmoid", "softmax", "tanh")}, {"epochs": 4}),
    )
    RESULTS: ClassVar = record(
        {
            **figures("loss", "test_loss", "psnr_db", "noisy_psnr_db"),
            # the network on the test pictures that "baselines" are measured on; of "by_noise" compared_psnr_db is
            "compared": record({"pictures": INTEGER, **figures("test_loss", "psnr_db")}),
            "baselines": record(dict.fromkeys(METHODS, record(OF_PICTURES, strength=NUMBER))),
        },
        **figures("val_loss", "val_psnr_db"),
        by_noise=rows(
            {
                "noise": NUMBER,
                **dict.fromkeys(("test_loss", "psnr_db", "compared_psnr_db"), FIGURE),
                "noisy_psnr_db": NUMBER,
                "baseline": TEXT,
                "baseline_psnr_db": NUMBER,
            }
        ),
        grid=GRID_ROWS,
    )

    @classmethod
    def _made(cls, given: Mapping[str, Any], facts: Mapping[str, Any], inherited: Inherited | None = None) -> Self:
        """As for every config; from Python the noise may be a number."""
        noise = given.get("noise")
        if type(noise) in (int, float):
            given = {**given, "noise": f"{noise:.12g}" if isinstance(noise, float) else str(noise)}
        return super()._made(given, facts, inherited)

    @classmethod
    def settings(cls, given: Mapping[str, Any], facts: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """As for every config; a range of noise takes longer to learn."""
        found = super().settings(given, facts)
        noise = NUMBERS.fullmatch(str(found.get("noise", "")).strip())
        if noise and noise[2] and found["preset"] == "quick" and "epochs" not in given:
            found["epochs"] = 6
        return found

    @property
    def sigmas(self) -> tuple[float, float]:
        """The least and the most standard deviation of the noise in training: the same where it is one."""
        found = NUMBERS.fullmatch(self.noise.strip())
        assert found is not None, "check has seen it"
        return float(found[1]), float(found[2] or found[1])

    @property
    def weighted(self) -> bool:
        """Whether an error counts by one over the noise of its picture."""
        return self.design != "plain" and len(self.tested) > 1

    @property
    def tested(self) -> list[float]:
        """The standard deviations that are measured: of a range its ends and its middle."""
        low, high = self.sigmas
        return [low] if low == high else [low, round((low + high) / 2, 12), high]

    @property
    def sample_called(self) -> str:
        """As for every config; this project's network answers with the mean of both."""
        return "picture, shown as it is and mirrored" if self.activation == "linear" else "picture"

    def check(self) -> None:
        """Raise UsageError where the options do not fit together."""
        self.check_output()
        if self.design != "plain" and self.activation != "linear":
            raise UsageError(
                f"design {self.design} has a linear output, got --activation {self.activation}", "Leave one of them out"
            )
        if NUMBERS.fullmatch(self.noise.strip()) is None:
            raise UsageError(
                f"expected --noise as a number, or as two with a dash between, got {self.noise!r}",
                "For example 0.3, or 0.02-0.5",
            )
        low, high = self.sigmas
        for value in (low, high):
            if not 0 < value <= MOST:
                raise UsageError(f"expected --noise above 0 and at most {MOST:g}, got {value:g}", "Give another value")
        if "-" in self.noise and low >= high:
            raise UsageError(f"expected the first number of --noise to be the smaller, got {self.noise}", "Swap them")
