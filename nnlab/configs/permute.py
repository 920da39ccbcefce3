"""Options and presets of ``nnlab permute``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nnlab.config import SAMPLE
from nnlab.configs.mnist import ACCURACY, LOGISTIC, NEIGHBOURS, OF_VALIDATION, DigitsConfig
from nnlab.configs.schema import record


@dataclass(frozen=True, kw_only=True)
class PermuteConfig(DigitsConfig):
    """See whether the order of the pixels matters."""

    EXAMPLE: ClassVar[str] = "nnlab permute --runs 5"
    DATA: ClassVar[str] = "mnist"

    PRESETS: ClassVar = {
        "published": {"design": "keras_2018", "cnn_epochs": 12},
        "best": {},
        "quick": {"data": SAMPLE, "mlp_epochs": 4, "cnn_epochs": 4, "batch_size": 64},
    }

    RESULTS: ClassVar = {
        **record(
            {
                "baselines": record(
                    {
                        f"{name}_{pixels}": record(figures)
                        for name, figures in (("logistic_regression", LOGISTIC), ("k_nearest_neighbours", NEIGHBOURS))
                        for pixels in ("plain", "permuted")
                    }
                )
            }
        ),
        "patternProperties": {"^(mlp|cnn)_(plain|permuted|recovered)$": record(ACCURACY, **OF_VALIDATION)},
    }

    @property
    def experiments(self) -> list[tuple[str, str]]:
        """(network, order of the pixels) of each task."""
        tasks = [("mlp", "plain"), ("mlp", "permuted"), ("cnn", "plain"), ("cnn", "permuted"), ("cnn", "recovered")]
        return [task for task in tasks if self.net in ("both", task[0])]
