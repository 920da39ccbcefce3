"""Options and presets of ``nnlab mnist``, and what ``permute`` shares with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from nnlab.config import SAMPLE, Config, Preset, Variant
from nnlab.configs.schema import FIGURE, INTEGER, NUMBER, record, rows
from nnlab.errors import UsageError
from nnlab.options import BY_DATA, SHARED, added, bounded, option

ACCURACY = {"test_accuracy": FIGURE}
OF_VALIDATION = {"val_accuracy": FIGURE, "val_loss": FIGURE}
MLP_EPOCHS, CNN_EPOCHS = 20, 24
PUBLISHED = {"design": "keras_2018", "mlp_epochs": 20, "cnn_epochs": 12}
FAST = {"design": "nnlab", "mlp_learning_rate": 1.5e-3, "weight_decay": 0.05}  # near its best after few epochs
NEIGHBOURS, LOGISTIC = {"test_accuracy": NUMBER, "k": INTEGER}, {"test_accuracy": NUMBER}

OF_MLP, OF_CNN = {"net": ("mlp", "both")}, {"net": ("cnn", "both")}
OF_THIS_PROJECT = {"design": ("nnlab", "normalised", "adversarial")}


@dataclass(frozen=True, kw_only=True)
class DigitsConfig(Config):
    """What both experiments on digits are told: networks, epochs of each, and how they learn."""

    net: Literal["mlp", "cnn", "both"] = option("both", "Network.")
    epochs: int = option(
        BY_DATA,
        "Epochs of every network (overrides the preset).",
        min=1,
        max=1_000_000,
        panel=SHARED,
    )
    # keras_2018: Keras's examples of early 2018; nnlab: this project's first, without batch normalisation, faster;
    # normalised: with it; adversarial: the same CNN, and an MLP that learns from its own mistakes.
    design: Literal["keras_2018", "nnlab", "normalised", "adversarial"] = "adversarial"
    mlp_epochs: int = bounded(MLP_EPOCHS, min=1, max=1_000_000)
    cnn_epochs: int = bounded(CNN_EPOCHS, min=1, max=1_000_000)
    mlp_learning_rate: float = bounded(2e-3, above=0, max=10)
    cnn_learning_rate: float = bounded(3e-3, above=0, max=10)
    weight_decay: float = bounded(0.0, min=0, max=10)
    cnn_weight_decay: float | None = added(None, before=None, min=0, max=10)  # None: that of both networks
    beta_2: float = bounded(0.99, above=0, below=1)
    # Settings are chosen with the last sixth of the training digits, 10,000 of MNIST's; what is reported trains on all.
    validation: float = added(0.0, before=0.0, min=0, below=1)
    SWEEP_VALIDATION: ClassVar[float] = 1 / 6
    SHAPES: ClassVar = ("design",)
    ONLY_WITH: ClassVar[Mapping[str, Mapping[str, tuple[Any, ...]]]] = {
        "mlp_epochs": OF_MLP | {"minutes": (None,)},
        "cnn_epochs": OF_CNN | {"minutes": (None,)},
        "mlp_learning_rate": OF_MLP | OF_THIS_PROJECT,
        "cnn_learning_rate": OF_CNN | OF_THIS_PROJECT,
        "cnn_weight_decay": OF_CNN | OF_THIS_PROJECT,
        "weight_decay": OF_THIS_PROJECT,
        "beta_2": OF_THIS_PROJECT,
    }
    VARIANTS: ClassVar[Sequence[Variant]] = (
        Variant({"preset": ("best",), "design": ("nnlab",)}, {**FAST, "mlp_epochs": 20, "cnn_epochs": 8}),
        Variant({"preset": ("best",), "design": ("normalised",)}, {"mlp_epochs": 45}),
    )

    @classmethod
    def without_effect(cls, name: str, settings: Mapping[str, Any]) -> str | None:
        """As for every config; a CNN with a weight decay of its own has no use for that of both networks."""
        if name == "weight_decay" and settings["net"] == "cnn" and settings["cnn_weight_decay"] is not None:
            return "cnn_weight_decay"
        return super().without_effect(name, settings)

    @classmethod
    def default_told(cls, name: str, preset: Preset) -> str | None:
        """The epochs of both networks; else as for every config."""
        if name != "epochs":
            return super().default_told(name, preset)
        found = cls.settings({"preset": preset})
        mlp, cnn = found.get("mlp_epochs", MLP_EPOCHS), found.get("cnn_epochs", CNN_EPOCHS)
        return f"{mlp} (MLP), {cnn} (CNN)" if mlp != cnn else str(mlp)

    @classmethod
    def settings(cls, given: Mapping[str, Any], facts: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """As for every config; ``--epochs`` is of every network, and is recorded as the most of those trained."""
        found = super().settings(given, facts)
        by_net = {"mlp": "mlp_epochs", "cnn": "cnn_epochs"}
        if given.get("epochs") is not None:
            found |= {name: given["epochs"] for name in by_net.values() if name not in given}
        trained = by_net.values() if found.get("net", "both") not in by_net else [by_net[found["net"]]]
        defaults = {"mlp_epochs": MLP_EPOCHS, "cnn_epochs": CNN_EPOCHS}
        found.setdefault("epochs", max(found.get(name, defaults[name]) for name in trained))
        return found

    @property
    def sample_called(self) -> str:
        """As for every config."""
        return "picture"

    @property
    def epochs_told(self) -> str:
        """As for every config; of two networks each its own."""
        if self.net != "both" or self.mlp_epochs == self.cnn_epochs:
            return super().epochs_told
        return f"{self.mlp_epochs:,} (MLP) and {self.cnn_epochs:,} (CNN) epochs"


@dataclass(frozen=True, kw_only=True)
class MnistConfig(DigitsConfig):
    """Find the digits that fool an MLP and a CNN."""

    EXAMPLE: ClassVar[str] = "nnlab mnist --net cnn --runs 5"
    DATA: ClassVar[str] = "mnist"

    loss: Literal["ce", "mse", "both"] = option("ce", "Cross-entropy or mean squared error.")
    top: int = option(3, "Show the K most misclassified.", min=1, max=100)
    shift: float = bounded(1.5, min=0, max=8)  # pixels by which a training picture may move
    ONLY_WITH: ClassVar[Mapping[str, Mapping[str, tuple[Any, ...]]]] = {
        **DigitsConfig.ONLY_WITH,
        "shift": OF_CNN | OF_THIS_PROJECT,
    }

    PRESETS: ClassVar = {
        "published": {"loss": "both", "runs": 50, "shift": 0, **PUBLISHED},
        "best": {},
        "quick": {"data": SAMPLE, "mlp_epochs": 3, "cnn_epochs": 3, "batch_size": 64, **FAST},
    }
    VARIANTS: ClassVar[Sequence[Variant]] = (*DigitsConfig.VARIANTS, Variant({"design": ("nnlab",)}, {"shift": 1}))

    RESULTS: ClassVar = {
        **record(
            {
                "common": {"type": "array", "items": INTEGER},
                "baselines": record(
                    {"logistic_regression": record(LOGISTIC), "k_nearest_neighbours": record(NEIGHBOURS)}
                ),
            }
        ),
        "patternProperties": {
            "^(mlp|cnn)_(ce|mse)$": record(
                {
                    **ACCURACY,
                    "most_misclassified": rows(
                        {
                            **dict.fromkeys(("index", "label", "predicted", "runs_misclassified"), INTEGER),
                            **dict.fromkeys(("p_label", "p_predicted", "gap"), NUMBER),
                        },
                        least=0,
                    ),
                },
                **OF_VALIDATION,
            )
        },
    }

    def check(self) -> None:
        """Raise UsageError where the first design is to move pictures by parts of pixels."""
        if self.design == "nnlab" and self.shift != int(self.shift):
            raise UsageError(f"design nnlab moves pictures by whole pixels, got shift {self.shift:g}", "Use 1, say")

    @property
    def experiments(self) -> list[tuple[str, str]]:
        """(network, loss) of each task."""
        nets = ("mlp", "cnn") if self.net == "both" else (self.net,)
        losses = ("ce", "mse") if self.loss == "both" else (self.loss,)
        return [(net, loss) for net in nets for loss in losses]
