"""Several networks in one model, which share no weights: the mean of their probabilities is the model's answer.

Each is trained by its own loss, so its gradient is what it would be alone, divided by their number (Lakshminarayanan,
Pritzel and Blundell, "Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles", 2017).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers, ops


def ensemble(inputs: Any, network: Callable[[str], keras.Model], count: int, name: str) -> keras.Model:
    """A model of ``count`` networks that read the same ``inputs``: logits of the mean of their probabilities.

    ``network`` makes one of them, given its name. In training the model gives each network's own logits, on the axis
    before the last, for :class:`EachCrossEntropy`.
    """
    logits = [network(f"network_{number}")(inputs) for number in range(1, count + 1)]
    return keras.Model(inputs, Averaged(name="averaged")(logits), name=name)


def networks_of(model: keras.Model) -> list[keras.Model]:
    """The networks of a model, in order: itself where it is one."""
    return [layer for layer in model.layers if isinstance(layer, keras.Model)] or [model]


def loss_of(networks: int) -> keras.losses.Loss:
    """Cross-entropy in nats of ids under logits; of several networks, the mean of each one's."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True) if networks == 1 else EachCrossEntropy()


def averaged(logits: Sequence[Any]) -> Any:
    """Logits of the mean of the networks' probabilities, from each network's own ``(…, classes)``."""
    if len(logits) == 1:
        return logits[0]
    log_p = ops.log_softmax(ops.stack(logits, axis=-2), axis=-1)  # (…, networks, classes)
    return ops.logsumexp(log_p, axis=-2) - math.log(len(logits))


@keras.saving.register_keras_serializable("nnlab")
class Averaged(layers.Layer):  # type: ignore[misc]
    """:func:`averaged` logits; in training those of each network, ``(…, networks, classes)``."""

    def call(self, logits: Sequence[Any], training: bool | None = None) -> Any:
        """A list of logits ``(…, classes)`` in, one array out."""
        return ops.stack(logits, axis=-2) if training else averaged(logits)


@keras.saving.register_keras_serializable("nnlab")
class EachCrossEntropy(keras.losses.Loss):  # type: ignore[misc]
    """Cross-entropy in nats of ids ``(…)``: the mean of the networks', each by its own logits, or the average's."""

    def call(self, ids: Any, logits: Any) -> Any:
        """The loss of each id ``(…)`` under logits ``(…, networks, classes)`` or ``(…, classes)``."""
        if len(logits.shape) > len(ids.shape) + 1:
            ids = ops.broadcast_to(ids[..., None], ops.shape(logits)[:-1])
        return ops.sparse_categorical_crossentropy(ids, logits, from_logits=True)
