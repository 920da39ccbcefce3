"""The layers of our own that several networks are built from; each can be saved and loaded by Keras.

All are registered under the package name ``nnlab``, so a saved network finds them once :mod:`nnlab.models` is imported.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from nnlab.models.products import product


@keras.saving.register_keras_serializable("nnlab")
class OneHot(layers.Layer):  # type: ignore[misc]
    """Ids ``(batch, time)`` to one-hot vectors ``(batch, time, depth)``, as floats."""

    def __init__(self, depth: int, **options: Any) -> None:
        super().__init__(**options)
        self.depth = depth

    def call(self, ids: Any) -> Any:
        """One-hot vectors of ids."""
        return ops.one_hot(ids, self.depth)

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to build this layer again."""
        return {**super().get_config(), "depth": self.depth}


@keras.saving.register_keras_serializable("nnlab")
class RandomShift(layers.Layer):  # type: ignore[misc]
    """Moves each picture ``(batch, height, width)`` by up to ``most`` pixels in each direction while training.

    What comes in from outside is 0, which is black.
    """

    def __init__(self, most: int, **options: Any) -> None:
        super().__init__(**options)
        self.most = most
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, pictures: Any, training: bool = False) -> Any:
        """The pictures, each moved by an offset of its own; unchanged when the network is used."""
        if not training or self.most == 0:
            return pictures
        batch, most = ops.shape(pictures)[0], self.most
        height, width = pictures.shape[1:]
        offsets = keras.random.randint((batch, 2), 0, 2 * most + 1, seed=self.seed_generator)
        padded = ops.pad(pictures, [(0, 0), (most, most), (most, most)])
        rows = (offsets[:, :1] + ops.arange(height, dtype="int32"))[:, :, None]  # (batch, height, 1)
        columns = (offsets[:, 1:] + ops.arange(width, dtype="int32"))[:, None, :]  # (batch, 1, width)
        moved = ops.take_along_axis(padded, ops.broadcast_to(rows, (batch, height, width + 2 * most)), 1)
        return ops.take_along_axis(moved, ops.broadcast_to(columns, (batch, height, width)), 2)

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to build this layer again."""
        return {**super().get_config(), "most": self.most}


@keras.saving.register_keras_serializable("nnlab")
class RandomAffine(layers.Layer):  # type: ignore[misc]
    """Turns, scales, slants and moves each picture ``(batch, height, width, channels)`` a little while training.

    Each is uniform between minus and plus the most: ``turn`` degrees, ``scale`` (of each axis) and ``slant`` as shares,
    ``shift`` pixels. Pixels between pixels are interpolated; what comes in from outside is 0.
    """

    def __init__(self, shift: float, turn: float = 8.0, scale: float = 0.08, slant: float = 0.08, **options: Any):
        super().__init__(**options)
        self.shift, self.turn, self.scale, self.slant = shift, turn, scale, slant
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, pictures: Any, training: bool = False) -> Any:
        """The pictures, each through a map of its own; unchanged when the network is used."""
        if not training:
            return pictures
        batch = ops.shape(pictures)[0]
        height, width = pictures.shape[1:3]
        drawn = keras.random.uniform((6, batch), -1.0, 1.0, seed=self.seed_generator)
        angle = drawn[0] * self.turn * math.pi / 180
        across, down = 1 + drawn[1] * self.scale, 1 + drawn[2] * self.scale
        slant = drawn[3] * self.slant
        sine, cosine = ops.sin(angle), ops.cos(angle)
        x_x, x_y = across * cosine, across * (slant * cosine - sine)
        y_x, y_y = down * sine, down * (slant * sine + cosine)
        x, y = (width - 1) / 2, (height - 1) / 2  # the middle stays where it is, but for the shift
        from_x = x - x_x * x - x_y * y + drawn[4] * self.shift
        from_y = y - y_x * x - y_y * y + drawn[5] * self.shift
        none = ops.zeros_like(angle)
        maps = ops.stack([x_x, x_y, from_x, y_x, y_y, from_y, none, none], axis=1)  # (batch, 8)
        return ops.image.affine_transform(
            pictures, maps, interpolation="bilinear", fill_mode="constant", data_format="channels_last"
        )

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to build this layer again."""
        how = {"shift": self.shift, "turn": self.turn, "scale": self.scale, "slant": self.slant}
        return {**super().get_config(), **how}


@keras.saving.register_keras_serializable("nnlab")
class Noise(layers.Layer):  # type: ignore[misc]
    """Gaussian noise of standard deviation ``sigma``, fresh in each batch while training.

    ``most``: where it is not None each picture has a deviation of its own: :func:`deviations` between ``sigma`` and
    ``most``, rising through the batch. ``clip``: what comes out is clipped to [0, 1], as a picture file would be.
    """

    def __init__(self, sigma: float, most: float | None = None, clip: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.sigma, self.most, self.clip = sigma, most, clip
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, pictures: Any, training: bool = False) -> Any:
        """Pictures ``(batch, height, width, channels)`` in [0, 1], with noise; unchanged when the network is used."""
        if not training:
            return pictures
        if self.most is None:
            noise = keras.random.normal(ops.shape(pictures), stddev=self.sigma, seed=self.seed_generator)
        else:
            count = ops.shape(pictures)[0]
            places = ops.arange(count, dtype="float32") + keras.random.uniform((), seed=self.seed_generator)
            each = deviations(places, ops.cast(count, "float32"), self.sigma, self.most)
            noise = each[:, None, None, None] * keras.random.normal(ops.shape(pictures), seed=self.seed_generator)
        return ops.clip(pictures + noise, 0.0, 1.0) if self.clip else pictures + noise

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to build this layer again."""
        return {**super().get_config(), "sigma": self.sigma, "most": self.most, "clip": self.clip}


def deviations(places: Any, count: Any, least: float, most: float) -> Any:
    """The deviations of the noise at ``places`` (from 0 to ``count``, fractions too) of a batch, evenly spaced.

    Which picture stands where, and the fraction, are drawn anew. So every batch has all noise alike, and what stands in
    a place can count by its noise.
    """
    return least + (most - least) * places / count


@keras.saving.register_keras_serializable("nnlab")
class NoiseGates(layers.Layer):  # type: ignore[misc]
    """How much of each pixel to believe: blocks ``(batch, h, w, 4 c)`` to ``(batch, h, w, scales)``.

    The same everywhere in a picture: channel ``k`` is ``s² / (s² + v)`` (Wiener's share of a signal of deviation
    ``s``, the k-th of the ``scales``) with ``v`` the variance of the noise, estimated by the mean absolute difference
    along the diagonals of the 2 x 2 blocks (Donoho and Johnstone 1994, with the mean for the median). ``bounds``: what
    the estimated deviation is kept within; None: nothing.
    """

    def __init__(self, scales: Sequence[float], bounds: Sequence[float] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.scales, self.bounds = list(scales), bounds

    def call(self, blocks: Any) -> Any:
        """The gates."""
        _, height, width, channels = blocks.shape
        pixels = ops.reshape(blocks, (-1, height, width, 4, channels // 4))
        diagonal = (pixels[:, :, :, 0] - pixels[:, :, :, 1] - pixels[:, :, :, 2] + pixels[:, :, :, 3]) / 2
        deviation = math.sqrt(math.pi / 2) * ops.mean(ops.abs(diagonal), axis=(1, 2, 3), keepdims=True)
        if self.bounds is not None:
            deviation = ops.clip(deviation, *self.bounds)
        squares = ops.convert_to_tensor(np.square(self.scales).astype("float32"))
        return squares / (squares + ops.square(deviation)) * ops.ones_like(blocks[..., :1])

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to build this layer again."""
        return {**super().get_config(), "scales": self.scales, "bounds": self.bounds}


@keras.saving.register_keras_serializable("nnlab")
class SpaceToDepth(layers.Layer):  # type: ignore[misc]
    """``(batch, h, w, c)`` to ``(batch, h / 2, w / 2, 4 c)``: each 2 x 2 block of pixels becomes one; h and w even."""

    def call(self, x: Any) -> Any:
        """Space to depth."""
        _, height, width, channels = x.shape
        x = ops.reshape(x, (-1, height // 2, 2, width // 2, 2, channels))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, height // 2, width // 2, 4 * channels))


@keras.saving.register_keras_serializable("nnlab")
class DepthToSpace(layers.Layer):  # type: ignore[misc]
    """``(batch, h, w, 4 c)`` to ``(batch, 2 h, 2 w, c)``, the inverse of :class:`SpaceToDepth`."""

    def call(self, x: Any) -> Any:
        """Depth to space."""
        _, height, width, channels = x.shape
        x = ops.reshape(x, (-1, height, width, 2, 2, channels // 4))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, 2 * height, 2 * width, channels // 4))


@keras.saving.register_keras_serializable("nnlab")
class DeltaDense(layers.Layer):  # type: ignore[misc]
    """A dense layer with a frozen matrix and a scaled, learned correction: ``x (initial + scale * delta) + offset``.

    ``(batch, inputs)`` to ``(batch, outputs)``; ``delta`` starts at zero and alone is trained. Adam moves every weight
    by about its learning rate a step, which would tear up a matrix of small entries that is right already; ``scale``
    makes those steps as small as the entries.
    """

    def __init__(self, inputs: int, outputs: int, scale: float = 0.02, **options: Any) -> None:
        super().__init__(**options)
        self.inputs, self.outputs, self.scale = inputs, outputs, scale

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """The frozen part is zero until it is assigned; it is saved with the model."""
        shape = (self.inputs, self.outputs)
        self.initial = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="initial")
        self.offset = self.add_weight(shape=(self.outputs,), initializer="zeros", trainable=False, name="offset")
        self.delta = self.add_weight(shape=shape, initializer="zeros", name="delta")

    def call(self, x: Any, training: bool = False) -> Any:
        """The product with the corrected matrix, and the offset."""
        matrix = self.initial + self.scale * self.delta
        return (product(x, matrix) if training else ops.matmul(x, matrix)) + self.offset

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to build this layer again."""
        return {**super().get_config(), "inputs": self.inputs, "outputs": self.outputs, "scale": self.scale}
