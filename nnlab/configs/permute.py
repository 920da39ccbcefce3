"""Options and presets of ``nnlab permute``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from nnlab.config import SAMPLE
from nnlab.configs.mnist import ACCURACY, FAST, LOGISTIC, NEIGHBOURS, OF_VALIDATION, PUBLISHED, DigitsConfig
from nnlab.configs.schema import INTEGER, NUMBER, record, rows
from nnlab.options import added


@dataclass(frozen=True, kw_only=True)
class PermuteConfig(DigitsConfig):
    """See whether the order of the pixels matters."""

    EXAMPLE: ClassVar[str] = "nnlab permute --runs 5"
    GOES_ON: ClassVar[bool] = False
    DATA: ClassVar[str] = "mnist"

    layout: Literal["map", "refined"] = added("refined", before="map")  # how shuffled pixels are laid out again

    PRESETS: ClassVar = {
        "published": PUBLISHED,
        "best": {"cnn_epochs": 8, "cnn_weight_decay": 0.15},  # its pictures are not moved, so it needs a decay
        "quick": {"data": SAMPLE, "mlp_epochs": 4, "cnn_epochs": 4, "batch_size": 64, **FAST},
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
                ),
                "layout": rows({"pictures": INTEGER, "found": NUMBER, "pairs": NUMBER}, least=0),
            }
        ),
        "patternProperties": {"^(mlp|cnn)_(plain|permuted|recovered)$": record(ACCURACY, **OF_VALIDATION)},
    }

    @property
    def experiments(self) -> list[tuple[str, str]]:
        """(network, order of the pixels) of each task."""
        tasks = [("mlp", "plain"), ("mlp", "permuted"), ("cnn", "plain"), ("cnn", "permuted"), ("cnn", "recovered")]
        return [task for task in tasks if self.net in ("both", task[0])]
