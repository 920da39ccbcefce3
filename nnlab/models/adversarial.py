"""An MLP that learns from what it is most easily mistaken about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

TINY = 1e-30  # where every direction is as good the gradient is zero, and nothing is moved


@keras.saving.register_keras_serializable("nnlab")
class AdversarialMLP(layers.Layer):  # type: ignore[misc]
    """Dense layers with batch normalisation and ReLU, and the logits: ``(batch, values)`` to ``(batch, classes)``.

    In training each sample is moved by ``distance`` (the Euclidean one, in the values' unit) in the direction in which
    the loss of the class that the network gives it now grows fastest (adversarial training, Goodfellow, Shlens and
    Szegedy 2015, with the network's own class for the label as in Kurakin, Goodfellow and Bengio 2017, and the
    Euclidean distance of Miyato and others 2016). The direction is that of the network as it is used, with the moving
    averages of its normalisation; the order of the values plays no part.

    ``units``: of each hidden layer.
    """

    def __init__(self, units: Sequence[int], classes: int, distance: float, **options: Any) -> None:
        super().__init__(**options)
        self.units, self.classes, self.distance = list(units), classes, distance
        self.hidden = [
            (
                layers.Dense(width, use_bias=False, kernel_initializer="he_normal", name=f"dense_{number}"),
                layers.BatchNormalization(name=f"normalisation_{number}"),
            )
            for number, width in enumerate(units)
        ]
        self.logits = layers.Dense(classes, name="logits")

    def build(self, input_shape: Any) -> None:
        """Make the weights."""
        width = input_shape[-1]
        for dense, normalisation in self.hidden:
            dense.build((None, width))
            width = dense.units
            normalisation.build((None, width))
        self.logits.build((None, width))

    def call(self, x: Any, training: bool = False) -> Any:
        """The logits."""
        x = x + self.distance * self.direction(x) if training else x
        for dense, normalisation in self.hidden:
            x = ops.relu(normalisation(dense(x), training=training))
        return self.logits(x)

    def direction(self, x: Any) -> Any:
        """Of length 1 per row, like ``x``: the gradient of -log p(most probable class)."""
        slopes = []
        for dense, normalisation in self.hidden:
            gain = normalisation.gamma * ops.rsqrt(normalisation.moving_variance + normalisation.epsilon)
            x = (ops.matmul(x, dense.kernel) - normalisation.moving_mean) * gain + normalisation.beta
            slopes.append(gain * ops.cast(x > 0, x.dtype))
            x = ops.relu(x)
        logits = self.logits(x)
        own = ops.one_hot(ops.argmax(logits, axis=-1), self.classes)
        others = ops.softmax(ops.where(own > 0, -np.inf, logits))  # p - own but for its length, and for rounding
        gradient = ops.matmul(others - own, ops.transpose(self.logits.kernel))
        for (dense, _), slope in zip(reversed(self.hidden), reversed(slopes), strict=True):
            gradient = ops.matmul(gradient * slope, ops.transpose(dense.kernel))
        length = ops.sqrt(ops.sum(ops.square(gradient), axis=-1, keepdims=True))
        return ops.stop_gradient(gradient / (length + TINY))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """``(batch, classes)``."""
        return (*input_shape[:-1], self.classes)

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to build this layer again."""
        return {**super().get_config(), "units": self.units, "classes": self.classes, "distance": self.distance}
