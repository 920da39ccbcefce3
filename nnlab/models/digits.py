"""Networks that read digits: uint8 pictures ``(batch, 28, 28)`` to logits ``(batch, 10)``.

- :func:`mlp`: 784-512-512-10 with dropout, Keras's ``mnist_mlp`` example of early 2018;
- :func:`cnn`: 3x3 convolutions of 32 and 64, pool, dropout, dense 128, dropout, ``mnist_cnn`` likewise;
- :func:`adversarial_mlp`: this project's, 784-1600-800-10, which learns from pixels moved towards its own mistakes;
- :func:`normalised_mlp`: its forerunner, with noise and dropout instead;
- :func:`normalised_cnn`: this project's, five convolutions with batch normalisation;
- :func:`small_cnn`: a fifth of its arithmetic, and within a few seconds at 99 %;
- :func:`shallow_cnn`: this project's where the pixels have lost their order.

:func:`side_by_side` puts several into one program.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers, ops

from nnlab.models import products
from nnlab.models.adversarial import AdversarialMLP
from nnlab.models.layers import RandomAffine, RandomShift

SIDE = 28


def mlp(*, input_dropout: float, hidden_dropout: float) -> keras.Model:
    """The MLP, with the dropout of its pixels and of its hidden layers."""
    pictures = keras.Input((SIDE, SIDE), dtype="uint8")
    x = layers.Rescaling(1 / 255)(layers.Flatten()(pictures))  # (batch, 784)
    x = layers.Dropout(input_dropout)(x) if input_dropout else x
    for _ in range(2):
        x = layers.Dropout(hidden_dropout)(products.Dense(512, activation="relu")(x))  # (batch, 512)
    return keras.Model(pictures, layers.Dense(10)(x))


def normalised_mlp(*, units: tuple[int, ...] = (800, 400), noise: float = 0.3, dropout: float = 0.15) -> keras.Model:
    """The MLP with batch normalisation (Ioffe and Szegedy 2015), and Gaussian noise in its pixels and before each ReLU.

    ``noise``: its standard deviation, where values are normalised to a deviation of one (Rasmus and others 2015);
    ``dropout``: of the hidden layers, after it.
    """
    pictures = keras.Input((SIDE, SIDE), dtype="uint8")
    x = layers.Rescaling(1 / 255)(layers.Flatten()(pictures))  # (batch, 784)
    x = layers.GaussianNoise(noise)(x)
    for width in units:
        x = layers.Dense(width, use_bias=False, kernel_initializer="he_normal")(x)
        x = layers.GaussianNoise(noise)(layers.BatchNormalization()(x))
        x = layers.Dropout(dropout)(layers.ReLU()(x))  # (batch, width)
    return keras.Model(pictures, layers.Dense(10)(x))


def adversarial_mlp(*, units: tuple[int, ...] = (1600, 800), distance: float = 1.5) -> keras.Model:
    """The MLP with batch normalisation, taught by adversarial training; ``distance`` as for :class:`AdversarialMLP`."""
    pictures = keras.Input((SIDE, SIDE), dtype="uint8")
    x = layers.Rescaling(1 / 255)(layers.Flatten()(pictures))  # (batch, 784)
    return keras.Model(pictures, AdversarialMLP(units, 10, distance)(x))


def cnn() -> keras.Model:
    """The published CNN."""
    pictures = keras.Input((SIDE, SIDE), dtype="uint8")
    x = layers.Rescaling(1 / 255)(ops.expand_dims(pictures, -1))  # (batch, 28, 28, 1)
    x = layers.Conv2D(32, 3, activation="relu")(x)  # (batch, 26, 26, 32)
    x = layers.Conv2D(64, 3, activation="relu")(x)  # (batch, 24, 24, 64)
    x = layers.Dropout(0.25)(layers.MaxPooling2D()(x))  # (batch, 12, 12, 64)
    x = layers.Dense(128, activation="relu")(layers.Flatten()(x))
    return keras.Model(pictures, layers.Dense(10)(layers.Dropout(0.5)(x)))


def normalised_cnn(shift: float) -> keras.Model:
    """Five convolutions, each with batch normalisation.

    ``shift``: pixels by which training pictures may move; where it is not 0 they are turned, scaled and slanted too.
    """
    pictures = keras.Input((SIDE, SIDE), dtype="uint8")
    x = layers.Rescaling(1 / 255)(ops.expand_dims(pictures, -1))  # (batch, 28, 28, 1)
    x = RandomAffine(shift)(x) if shift else x
    x = layers.MaxPooling2D()(_normalised(x, 24, 5, "valid"))  # (batch, 12, 12, 24)
    x = _normalised(_normalised(x, 48, 3, "same"), 48, 3, "same")
    x = layers.MaxPooling2D()(x)  # (batch, 6, 6, 48)
    x = _normalised(_normalised(x, 96, 3, "same"), 96, 3, "valid")  # (batch, 4, 4, 96)
    x = layers.Dropout(0.3)(layers.Flatten()(x))  # (batch, 1536)
    x = layers.Dropout(0.3)(layers.Dense(128, activation="relu")(x))
    return keras.Model(pictures, layers.Dense(10)(x))


def _normalised(x: Any, filters: int, size: int, padding: str) -> Any:
    convolution = layers.Conv2D(filters, size, padding=padding, use_bias=False, kernel_initializer="he_normal")
    return layers.ReLU()(layers.BatchNormalization(momentum=0.95)(convolution(x)))


def small_cnn(shift: int) -> keras.Model:
    """This project's CNN; training pictures are moved by up to ``shift`` pixels."""
    pictures = keras.Input((SIDE, SIDE), dtype="uint8")
    x = RandomShift(shift)(pictures) if shift else pictures
    x = layers.Rescaling(1 / 255)(ops.expand_dims(x, -1))  # (batch, 28, 28, 1)
    options = {"activation": "relu", "kernel_initializer": "he_normal"}
    x = layers.MaxPooling2D()(layers.Conv2D(20, 5, **options)(x))  # (batch, 12, 12, 20)
    x = layers.MaxPooling2D()(layers.Conv2D(48, 3, **options)(x))  # (batch, 5, 5, 48)
    x = layers.Conv2D(96, 3, **options)(x)  # (batch, 3, 3, 96)
    x = layers.Dropout(0.3)(layers.Flatten()(x))  # (batch, 864)
    x = layers.Dropout(0.3)(layers.Dense(128, activation="relu")(x))
    return keras.Model(pictures, layers.Dense(10)(x))


def shallow_cnn() -> keras.Model:
    """Pools once: where neighbours are unrelated, every pooling loses what is not the largest.

    On permuted MNIST 97.9 % where :func:`small_cnn` has 96.9 %; on plain 99.4 % for 99.5 %.
    """
    pictures = keras.Input((SIDE, SIDE), dtype="uint8")
    x = layers.Rescaling(1 / 255)(ops.expand_dims(pictures, -1))  # (batch, 28, 28, 1)
    options = {"activation": "relu", "kernel_initializer": "he_normal"}
    x = layers.MaxPooling2D()(layers.Conv2D(24, 5, **options)(x))  # (batch, 12, 12, 24)
    x = layers.Conv2D(48, 3, **options)(x)  # (batch, 10, 10, 48)
    x = layers.Dropout(0.3)(layers.Flatten()(x))  # (batch, 4800)
    x = layers.Dropout(0.3)(layers.Dense(128, activation="relu")(x))
    return keras.Model(pictures, layers.Dense(10)(x))


def side_by_side(build: Callable[[], keras.Model], count: int) -> keras.Model:
    """``count`` networks in one program, each with its own pictures and sharing nothing.

    ``build()`` makes one of them. Pictures ``(batch, count, 28, 28)`` to logits ``(batch, count, 10)``. Each
    network's operations are those it would have alone, so it learns the same to the bit; they fill each other's
    pauses.
    """
    pictures = keras.Input((count, SIDE, SIDE), dtype="uint8", name="pictures")
    logits = [_numbered(build(), number)(pictures[:, number]) for number in range(count)]
    return keras.Model(pictures, ops.stack(logits, axis=1))


def network(model: keras.Model, number: int) -> keras.Model:
    """One of the networks that are trained side by side."""
    return model.get_layer(f"network_{number}")


def _numbered(model: keras.Model, number: int) -> keras.Model:
    model.name = f"network_{number}"
    return model
