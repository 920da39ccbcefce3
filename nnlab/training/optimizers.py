"""Learning rates that change while a model trains."""

from __future__ import annotations

from typing import Any

import keras


def warm_up_then_cosine(rate: float, steps: int, *, warm_up: float = 0.06, least: float = 0.01) -> Any:
    """Up to ``rate`` over a share of the steps, then down a cosine to ``least`` of it (Loshchilov and Hutter 2017)."""
    rising = max(1, int(steps * warm_up))
    return keras.optimizers.schedules.CosineDecay(
        rate / 20, max(1, steps - rising), alpha=least, warmup_target=rate, warmup_steps=rising
    )
