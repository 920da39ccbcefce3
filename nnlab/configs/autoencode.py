"""Options and presets of ``nnlab autoencode``, and what ``denoise`` shares with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from nnlab.config import SAMPLE, Config, Variant
from nnlab.configs.schema import FIGURE, INTEGER, NUMBER, TEXT, figures, record, rows
from nnlab.errors import UsageError
from nnlab.options import BY_DATA, SHARED, added, bounded, option

CHIRPS = "chirps"  # the built-in sample of sounds
SOUNDS_BY_NAME, PICTURES_BY_NAME = ("birds", CHIRPS), (None, SAMPLE, "cifar10")
CONV_CODE = 8 * 8 * 16  # values in the code of the 2018 report's convolutional network
GRID = (("mse", "sigmoid"), ("mse", "softmax"), ("bce", "sigmoid"), ("bce", "softmax"))
TO_TUNE = ("best", "quick")
SOUND_BASELINES = ("waveform_pca", "log_mel_pca")
GRID_ROWS = rows(
    {"loss": TEXT, "activation": TEXT, "test_loss": FIGURE, "published": {"type": ["number", "null"]}}, least=4
)
OF_PICTURES = {"test_loss": NUMBER, "psnr_db": NUMBER}
OF_SOUNDS = {
    **dict.fromkeys(("test_loss", "snr_db"), NUMBER),
    "log_mel_distance_db": NUMBER,  # of the sound that comes back
    # of the log-mel spectrogram as it was decoded (of samples: of their sound), over all cells, and where it sings
    "decoded_distance_db": NUMBER,
    "song_distance_db": FIGURE,
}


@dataclass(frozen=True, kw_only=True)
class ReconstructionConfig(Config):
    """What both experiments that give pictures back are told."""

    batch_size: int = option(32, "Batch size (overrides the preset).", min=1, max=1_000_000, panel=SHARED)
    loss: Literal["mse", "bce", "mae"] = option("mse", "Mean squared error, cross-entropy or mean absolute error.")
    activation: Literal["linear", "sigmoid", "softmax", "tanh"] = option(
        "linear", "Output activation; selects the 2018 report's network where it is not linear."
    )
    grid: bool = option(False, "Compare mse and bce with sigmoid and softmax.", "--grid")
    learning_rate: float = bounded(3e-3, above=0, max=10)
    weight_decay: float = bounded(1e-4, min=0, max=10)
    beta_2: float = bounded(0.99, above=0, below=1)
    schedule: Literal["cosine", "constant"] = "cosine"  # cosine: with warm-up; constant: Adam
    optimizer: Literal["adamw", "muon"] = added("adamw", before="adamw")  # on a cosine
    mirror: bool = True  # half of the training pictures are mirrored
    validation: float = added(0.1, before=0.0, min=0, below=1)  # share of the training part that chooses the epoch
    ONLY_WITH: ClassVar[Mapping[str, Mapping[str, tuple[Any, ...]]]] = {
        name: {"schedule": ("cosine",)} for name in ("optimizer", "weight_decay", "beta_2")
    }

    @property
    def sample_called(self) -> str:
        """As for every config."""
        return "picture"

    @property
    def outputs(self) -> list[tuple[str, str]]:
        """(loss, activation) of each network to train."""
        return list(GRID) if self.grid else [(self.loss, self.activation)]

    def check_output(self) -> None:
        """Raise UsageError for a loss that the output's range does not allow."""
        if self.loss == "bce" and self.activation not in ("sigmoid", "softmax"):
            raise UsageError(
                f"--loss bce needs an output between 0 and 1, --activation {self.activation} gives others",
                "Use --activation sigmoid",
            )
        if self.grid and (self.loss, self.activation) not in GRID:
            raise UsageError(
                f"--grid compares mse and bce with sigmoid and softmax, {self.loss} with {self.activation} is not "
                "among them",
                "Leave --loss and --activation out",
            )


SQUASHED = (  # an output between 0 and 1 is what these ask for
    Variant({"preset": TO_TUNE, "loss": ("bce",)}, {"activation": "sigmoid"}),
    Variant({"preset": TO_TUNE, "grid": (True,)}, {"activation": "sigmoid"}),
)


@dataclass(frozen=True, kw_only=True)
class AutoencodeConfig(ReconstructionConfig):
    """Squeeze pictures or bird song through a few numbers."""

    EXAMPLE: ClassVar[str] = "nnlab autoencode --data birds"
    DATA: ClassVar[str] = "cifar10"
    SHAPES: ClassVar = ("conv_design", "hidden")
    ONLY_WITH: ClassVar = {
        **ReconstructionConfig.ONLY_WITH,
        "hidden": {"net": ("dense",)},
        "conv_design": {"net": ("conv",), "activation": ("linear",)},
        "mirror": {"kind": ("pictures",)},
        "song_weight": {"kind": ("sounds",), "net": ("conv",)},  # a cell of a spectrogram sings, no pixel and no sample
    }

    data: str | None = option(
        None,
        "cifar10, birds, your own folder of pictures or sounds, or 'sample' or 'chirps', built in.",
        metavar="PATH|NAME",
        panel=SHARED,
    )
    net: Literal["dense", "conv"] = option("conv", "Network.")
    code: int = option(256, "Code size: values per picture, or per second of sound.", min=1, max=3072)
    kind: Literal["pictures", "sounds"] = BY_DATA
    hidden: Literal["relu", "sigmoid"] = "relu"  # activation of the dense network's hidden layers
    # With --net conv: convolutions that correct what PCA gives back, or that add to the code as well; "grown", of
    # pictures: as both_ways, and the U-Net that corrects is given the code as well.
    conv_design: Literal["corrected", "both_ways", "grown"] = added("both_ways", before="corrected")
    song_weight: float = added(1.0, before=1.0, min=1, max=1000)  # in the loss, of cells where something sings

    PRESETS: ClassVar = {
        "published": {
            "activation": "sigmoid",
            "hidden": "sigmoid",
            "epochs": 50,
            "batch_size": 128,
            "learning_rate": 1e-3,
            "schedule": "constant",
            "validation": 0.0,
            "mirror": False,
            "code": CONV_CODE,
        },
        "best": {"epochs": 4},
        "quick": {"data": SAMPLE, "epochs": 3, "code": 64},
    }
    VARIANTS: ClassVar = (
        *SQUASHED,
        Variant({"preset": ("quick",), "kind": ("pictures",)}, {"conv_design": "corrected"}),  # soonest below PCA
        Variant(
            {"preset": ("best",), "kind": ("pictures",), "net": ("conv",), "activation": ("linear",)},
            {"epochs": 12, "learning_rate": 2e-3},
        ),
        Variant(  # with few numbers most of a picture is guessed, and soon learned by heart
            {"preset": ("best",), "kind": ("pictures",), "net": ("conv",), "code": tuple(range(1, 33))},
            {"epochs": 24, "weight_decay": 0.3, "conv_design": "grown"},
        ),
        Variant(
            {"preset": TO_TUNE, "kind": ("pictures",), "net": ("conv",), "activation": ("sigmoid", "softmax", "tanh")},
            {"code": CONV_CODE, "learning_rate": 2e-3},
        ),
        Variant(
            {"preset": ("published",), "kind": ("pictures",), "net": ("dense",)},
            {"code": 256},
        ),
        Variant({"preset": ("best",), "kind": ("pictures",), "net": ("dense",)}, {"epochs": 10, "learning_rate": 1e-3}),
        Variant({"preset": ("quick",), "kind": ("pictures",), "net": ("dense",)}, {"epochs": 6, "learning_rate": 1e-3}),
        Variant({"preset": ("published",), "kind": ("sounds",)}, {"net": "dense"}),
        Variant({"kind": ("sounds",)}, {"code": 256}),
        Variant({"preset": ("best",), "kind": ("sounds",)}, {"epochs": 4}),
        Variant({"preset": TO_TUNE, "kind": ("sounds",), "net": ("conv",)}, {"song_weight": 6.0}),
        Variant({"preset": ("quick",), "kind": ("sounds",)}, {"epochs": 2}),
        Variant(
            {"kind": ("sounds",), "net": ("dense",)},
            {"loss": "mae", "activation": "tanh", "hidden": "sigmoid", "batch_size": 16, "learning_rate": 1e-3},
        ),
        Variant({"preset": ("published",), "kind": ("sounds",), "net": ("dense",)}, {"epochs": 200}),
        Variant({"preset": ("best",), "kind": ("sounds",), "net": ("dense",)}, {"epochs": 60}),
        Variant({"preset": ("quick",), "kind": ("sounds",), "net": ("dense",)}, {"epochs": 10}),
    )

    RESULTS: ClassVar = {
        **record(
            {
                **figures("loss", "test_loss"),
                "code_size": INTEGER,
                "baselines": {
                    "anyOf": [
                        record({"pca": record(OF_PICTURES, val_loss=NUMBER)}),
                        record(dict.fromkeys(SOUND_BASELINES, record(OF_SOUNDS)), input_pca=record(OF_SOUNDS)),
                    ]
                },
            },
            **figures("val_loss", "val_psnr_db", "psnr_db", *OF_SOUNDS),
            sample_rate=INTEGER,
            grid=GRID_ROWS,
        ),
        "oneOf": [
            {"required": ["psnr_db"]},
            {"required": [*OF_SOUNDS, "sample_rate"]},
        ],
    }

    @classmethod
    def settings(cls, given: Mapping[str, Any], facts: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """As for every config; of known data the kind is known by their name."""
        data = given.get("data", cls.PRESETS[given.get("preset", "best")].get("data"))
        by_name = "sounds" if data in SOUNDS_BY_NAME else "pictures" if data in PICTURES_BY_NAME else None
        return super().settings(given, {**(facts or {}), **({"kind": by_name} if by_name else {})})

    def check(self) -> None:
        """Raise UsageError where the options do not fit together."""
        if self.kind == "pictures":
            self._check_pictures()
        elif self.kind == "sounds":
            self._check_sounds()

    @property
    def sample_called(self) -> str:
        """As for every config; of sounds a window, as the network reads them."""
        return "picture" if self.kind == "pictures" else "window of sound"

    @property
    def figure_words(self) -> Mapping[str, str]:
        """As for every config; the dense network's code is of a window."""
        per = "second of sound" if self.kind == "sounds" and self.net == "conv" else self.sample_called
        return {**super().figure_words, "code_size": f"numbers in the code per {per}"}

    def _check_pictures(self) -> None:
        self.check_output()
        if self.net == "conv" and self.activation != "linear" and self.code != CONV_CODE:
            raise UsageError(
                f"the 2018 report's convolutional network has a code of {CONV_CODE} values, got --code {self.code}",
                "Leave --code out, or leave --activation out for this project's network",
            )

    def _check_sounds(self) -> None:
        if self.net == "conv" and self.preset == "published":
            raise UsageError(
                "the 2018 report has no convolutional network for sounds", "Use --net dense, or --preset best"
            )
        if self.conv_design == "grown":
            raise UsageError("conv_design grown is of pictures", "Leave it out, or use corrected or both_ways")
        activation = {"conv": "linear", "dense": "tanh"}[self.net]
        if self.activation != activation or self.loss not in ("mse", "mae") or self.grid:
            raise UsageError(
                f"for sounds --net {self.net} has a {activation} output and --loss mse or mae, no --grid",
                "Leave --activation and --grid out",
            )
        if self.net == "conv" and self.code < 2:
            raise UsageError(f"expected --code of at least 2 numbers per second, got {self.code}", "The usual is 256")
