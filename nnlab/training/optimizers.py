"""Optimizers whose learning rate rises, then falls along a cosine."""

from __future__ import annotations

from typing import Any

import keras


def cosine_adamw(
    rate: float,
    steps: int,
    *,
    warm_up: int,
    least: float,
    weight_decay: float,
    beta_2: float,
    clip: float | None = None,
) -> Any:
    """AdamW (Loshchilov and Hutter 2019) on a warm-up and a cosine (Loshchilov and Hutter 2017).

    The learning rate rises from a twentieth of ``rate`` to ``rate`` over ``warm_up`` steps, then falls to ``least``
    of it at step ``steps``. ``clip``: the global norm of the gradients is clipped to this (Pascanu, Mikolov and
    Bengio 2013).
    """
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 20, max(1, steps - warm_up), alpha=least, warmup_target=rate, warmup_steps=warm_up
    )
    return keras.optimizers.AdamW(schedule, weight_decay=weight_decay, beta_2=beta_2, global_clipnorm=clip)


def share_of(steps: int, share: float) -> int:
    """A share of the steps, at least one."""
    return max(1, int(steps * share))
