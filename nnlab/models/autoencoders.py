"""Networks from pictures to pictures: ``(batch, side, side, 3)`` in [0, 1] to the same.

- :func:`dense_autoencoder`: 1000-code-1000, the report's simple one;
- :func:`conv_autoencoder`: 3x3 convolutions 32-16, pooled to a quarter of each side, and back, the report's;
- :func:`conv_denoiser`: 32-32 and back with noise in front, of the tutorial of its time;
- :func:`residual_autoencoder`: this project's: starts as PCA and learns what is left;
- :func:`residual_denoiser`: this project's: a small U-Net on 2 x 2 blocks of pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

Shape = tuple[int, int, int]


@keras.saving.register_keras_serializable("nnlab")
class Noise(layers.Layer):  # type: ignore[misc]
    """Gaussian noise of standard deviation ``sigma``, fresh in each batch while training; clipped to [0, 1]."""

    def __init__(self, sigma: float, **options: Any) -> None:
        super().__init__(**options)
        self.sigma = sigma
        self.stream = keras.random.SeedGenerator()

    def call(self, pictures: Any, training: bool = False) -> Any:
        """Add and clip; nothing happens when the network is used."""
        if not training:
            return pictures
        noise = keras.random.normal(ops.shape(pictures), stddev=self.sigma, seed=self.stream)
        return ops.clip(pictures + noise, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to build this layer again."""
        return {**super().get_config(), "sigma": self.sigma}


@keras.saving.register_keras_serializable("nnlab")
class SpaceToDepth(layers.Layer):  # type: ignore[misc]
    """``(batch, h, w, c)`` to ``(batch, h / 2, w / 2, 4 c)``: each 2 x 2 block of pixels becomes one."""

    def call(self, x: Any) -> Any:
        """Space to depth."""
        _, high, wide, channels = x.shape
        x = ops.reshape(x, (-1, high // 2, 2, wide // 2, 2, channels))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, high // 2, wide // 2, 4 * channels))


@keras.saving.register_keras_serializable("nnlab")
class DepthToSpace(layers.Layer):  # type: ignore[misc]
    """The way back from :class:`SpaceToDepth`."""

    def call(self, x: Any) -> Any:
        """Depth to space."""
        _, high, wide, channels = x.shape
        x = ops.reshape(x, (-1, high, wide, 2, 2, channels // 4))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, 2 * high, 2 * wide, channels // 4))


@keras.saving.register_keras_serializable("nnlab")
class DeltaDense(layers.Layer):  # type: ignore[misc]
    """A matrix that is given and may be moved a little: ``x (start + pace * learned) + shift``, ``learned`` at zero.

    Adam moves every weight by about its learning rate a step, which would tear up a matrix of small entries
    that is right already; ``pace`` makes those steps as small as the entries.
    """

    def __init__(self, rows: int, columns: int, pace: float = 0.02, **options: Any) -> None:
        super().__init__(**options)
        self.rows, self.columns, self.pace = rows, columns, pace

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """The given part is filled by :func:`init_from_pca`; it is saved with the model and not trained."""
        shape = (self.rows, self.columns)
        self.start = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="start")
        self.shift = self.add_weight(shape=(self.columns,), initializer="zeros", trainable=False, name="shift")
        self.learned = self.add_weight(shape=shape, initializer="zeros", name="learned")

    def call(self, x: Any) -> Any:
        """``(batch, rows)`` to ``(batch, columns)``."""
        return ops.matmul(x, self.start + self.pace * self.learned) + self.shift

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to build this layer again."""
        return {**super().get_config(), "rows": self.rows, "columns": self.columns, "pace": self.pace}


# ---- the report's ------------------------------------------------------------------------------------


def _squash(x: Any, activation: str, shape: Sequence[int]) -> Any:
    """The output in the activation asked for; ``linear`` is left as it is. Softmax is over the last axis."""
    x = layers.Reshape(tuple(shape))(x) if tuple(x.shape[1:]) != tuple(shape) else x
    return layers.Activation(activation, name="output")(x)


def dense_autoencoder(shape: Sequence[int], code: int, activation: str, *, hidden: str = "sigmoid") -> keras.Model:
    """1000 units, the code, 1000 units."""
    given = keras.Input(tuple(shape))
    x = layers.Dense(1000, activation=hidden)(layers.Flatten()(given))
    x = layers.Dense(code, activation=hidden, name="code")(x)  # (batch, code)
    x = layers.Dense(1000, activation=hidden)(x)
    return keras.Model(given, _squash(layers.Dense(int(np.prod(shape)))(x), activation, shape))


def conv_autoencoder(shape: Sequence[int], activation: str) -> keras.Model:
    """Convolutions of 32 and 16, each pooled; the code is ``side / 4 * side / 4 * 16`` values."""
    return _pooled(keras.Input(tuple(shape)), None, (32, 16), activation)


def conv_denoiser(shape: Sequence[int], activation: str, sigma: float) -> keras.Model:
    """Convolutions of 32 and 32, each pooled, behind the noise."""
    return _pooled(keras.Input(tuple(shape)), sigma, (32, 32), activation)


def _pooled(given: Any, sigma: float | None, widths: Sequence[int], activation: str) -> keras.Model:
    x = given if sigma is None else Noise(sigma)(given)
    for width in widths:
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2, padding="same")(x)
    for width in reversed(widths):
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = layers.UpSampling2D(2)(x)
    x = layers.Conv2D(given.shape[-1], 3, padding="same")(x)
    return keras.Model(given, _squash(x, activation, given.shape[1:]))


# ---- this project's ----------------------------------------------------------------------------------


def _conv(x: Any, width: int) -> Any:
    return layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)


def _u_net(x: Any, widths: Sequence[int], inner: Sequence[int], outer: Sequence[int], channels: int) -> Any:
    """A U-Net (Ronneberger, Fischer and Brox 2015) whose parts are added, not stacked; it starts at zero.

    ``inner[level]`` and ``outer[level]`` convolutions on the way down and up, each added to what it read.
    """
    x = _conv(x, widths[0])
    kept = []
    for level, width in enumerate(widths):
        if level:
            down = layers.Conv2D(width, 2, strides=2, padding="same", activation="relu", kernel_initializer="he_normal")
            x = down(x)
        for _ in range(inner[level]):
            x = layers.add([x, _conv(x, width)])
        kept.append(x)
    for level in reversed(range(len(widths) - 1)):
        x = _as_large_as(layers.Conv2DTranspose(widths[level], 2, strides=2)(x), kept[level])
        x = layers.add([x, kept[level]])
        for _ in range(outer[level]):
            x = layers.add([x, _conv(x, widths[level])])
    return layers.Conv2D(channels, 3, padding="same", kernel_initializer="zeros")(x)


def _as_large_as(x: Any, other: Any) -> Any:
    """Cut the last row or column that halving an odd side and doubling it again has added."""
    more = [a - b for a, b in zip(x.shape[1:3], other.shape[1:3], strict=True)]
    return layers.Cropping2D(((0, more[0]), (0, more[1])))(x) if any(more) else x


def residual_denoiser(
    shape: Shape, sigma: float, widths: Sequence[int] = (24, 64, 128), activation: str = "linear"
) -> keras.Model:
    """The noisy picture, and what a U-Net on its 2 x 2 blocks says must go."""
    given = keras.Input(shape)
    x = layers.Rescaling(1.0, offset=-0.5)(Noise(sigma)(given))
    blocks = SpaceToDepth()(x)  # (batch, side / 2, side / 2, 12)
    change = _u_net(blocks, widths, (0, 2, 2), (0, 1, 0), blocks.shape[-1])
    kept = layers.Dense(blocks.shape[-1], kernel_initializer=keras.initializers.Identity(0.5))(blocks)
    x = DepthToSpace()(layers.add([change, kept]))
    x = layers.Rescaling(1.0, offset=0.5)(x)
    return keras.Model(given, layers.Activation(activation, name="output")(x))


def residual_autoencoder(
    shape: Shape, code: int, widths: Sequence[int], inner: Sequence[int], outer: Sequence[int], *, gain: float = 1.0
) -> keras.Model:
    """Pca components both ways, and a U-Net that adds to their picture what goes with it.

    Before training (after :func:`init_from_pca`) it is PCA to rounding. ``code`` values, each of variance one.
    ``gain`` brings the linear picture to a variance near one for the U-Net.
    """
    values = int(np.prod(shape))
    given = keras.Input(shape)
    numbers = DeltaDense(values, code, name="code")(layers.Flatten()(given))  # (batch, code)
    linear = layers.Reshape(shape)(DeltaDense(code, values, name="back")(numbers))
    blocks = SpaceToDepth()(layers.Rescaling(gain, offset=-0.5 * gain)(linear))
    change = layers.Rescaling(0.1 * 3.0 / gain)(DepthToSpace()(_u_net(blocks, widths, inner, outer, blocks.shape[-1])))
    return keras.Model(given, layers.add([linear, change]))


def init_from_pca(model: keras.Model, mean: Any, components: Any, deviation: Any) -> None:
    """Fill the linear path of a :func:`residual_autoencoder`; fewer components than its code leave the rest at zero."""
    code, back = model.get_layer("code"), model.get_layer("back")
    found = components.shape[1]
    forward = np.zeros(code.start.shape, "float32")
    forward[:, :found] = components / np.maximum(deviation, 1e-6)
    backward = np.zeros(back.start.shape, "float32")
    backward[:found] = (components * np.maximum(deviation, 1e-6)).T
    code.start.assign(forward)
    code.shift.assign(-mean @ forward)
    back.start.assign(backward)
    back.shift.assign(mean)
