"""A picture of any size through a network of one size: tiles that overlap by half and fade into each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]


def through(network: Callable[[Array], Array], picture: Array, side: int) -> Array:
    """``network`` ``(n, side, side, 3)`` to the same, over a picture ``(height, width, 3)`` in [0, 1].

    The picture is mirrored around its border. The tiles' weights are sin², which add up to one everywhere,
    so there is no seam. A picture of exactly ``side`` x ``side`` goes through as it is.
    """
    high, wide, channels = picture.shape
    if (high, wide) == (side, side):
        whole: Array = network(picture[None].astype(np.float32))[0]
        return whole
    half = side // 2
    rows, columns = -(-high // half) + 1, -(-wide // half) + 1
    padding = [(half, (rows + 1) * half - half - high), (half, (columns + 1) * half - half - wide), (0, 0)]
    padded = np.pad(picture.astype(np.float32), padding, mode="symmetric")
    fade = np.sin(np.pi * (np.arange(side) + 0.5) / side).astype(np.float32) ** 2
    weights = (fade[:, None] * fade[None, :])[:, :, None]
    made = np.zeros_like(padded)
    for row in range(rows):
        strip = padded[row * half : row * half + side]
        tiles = np.lib.stride_tricks.sliding_window_view(strip, side, axis=1)[:, ::half]  # (side, columns, 3, side)
        answers = network(np.ascontiguousarray(tiles.transpose(1, 0, 3, 2)))
        for column, answer in enumerate(answers):
            made[row * half : row * half + side, column * half : column * half + side] += answer * weights
    inner: Array = made[half : half + high, half : half + wide, :channels]
    return inner
