"""Networks that read digits, several seeds at once.

Every layer has an axis of members: one compiled program trains ``members`` networks side by side, each
with its own weights, its own random layers and its own order of pictures, and nothing shared but the
clock. With one member they are the plain networks:

- :func:`mlp`: 784-512-512-10 with dropout, Keras's ``mnist_mlp`` example of early 2018;
- :func:`cnn`: 3x3 convolutions of 32 and 64, pool, dropout, dense 128, dropout, ``mnist_cnn`` likewise;
- :func:`small_cnn`: three convolutions with a pool after each, an eighth of the arithmetic.

All map uint8 pictures ``(batch, members, 28, 28)`` to logits ``(batch, members, 10)``.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

SIDE = 28


class MemberLayer(layers.Layer):  # type: ignore[misc]
    """A layer for ``members`` networks: variables have the member as first axis, generators are a list."""

    def __init__(self, members: int, **options: Any) -> None:
        super().__init__(**options)
        self.members = members
        self.generators: list[keras.random.SeedGenerator] = []

    def add_generators(self) -> None:
        """One stream of random numbers for each member, seeded from the global seed."""
        self.generators = [keras.random.SeedGenerator() for _ in range(self.members)]

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to build this layer again."""
        return {**super().get_config(), "members": self.members}


@keras.saving.register_keras_serializable("nnlab")
class MemberDense(MemberLayer):
    """A dense layer: ``(members, batch, inputs)`` to ``(members, batch, units)``, one batched product."""

    def __init__(self, members: int, units: int, activation: str | None = None, **options: Any) -> None:
        super().__init__(members, **options)
        self.units, self.activation = units, activation

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Glorot uniform weights, as a plain layer of these sizes has them."""
        inputs = int(shape[-1] or 0)
        limit = (6 / (inputs + self.units)) ** 0.5
        self.kernel = self.add_weight(
            shape=(self.members, inputs, self.units),
            initializer=keras.initializers.RandomUniform(-limit, limit),
            name="kernel",
        )
        self.bias = self.add_weight(shape=(self.members, 1, self.units), initializer="zeros", name="bias")

    def call(self, x: Any) -> Any:
        """Each member's product."""
        x = ops.matmul(x, self.kernel) + self.bias
        return keras.activations.get(self.activation)(x)

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to build this layer again."""
        return {**super().get_config(), "units": self.units, "activation": self.activation}


@keras.saving.register_keras_serializable("nnlab")
class MemberConv(MemberLayer):
    """A 2-D convolution with relu: ``(batch, height, width, members * channels)`` to ``… members * filters``.

    Members are groups of channels: one grouped convolution.
    """

    def __init__(self, members: int, filters: int, size: int, **options: Any) -> None:
        super().__init__(members, **options)
        self.filters, self.size = filters, size

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Glorot uniform weights, as a plain layer of these sizes has them."""
        channels = int(shape[-1] or 0) // self.members
        limit = (6 / (self.size**2 * (channels + self.filters))) ** 0.5
        self.kernel = self.add_weight(
            shape=(self.members, self.size, self.size, channels, self.filters),
            initializer=keras.initializers.RandomUniform(-limit, limit),
            name="kernel",
        )
        self.bias = self.add_weight(shape=(self.members, self.filters), initializer="zeros", name="bias")

    def call(self, x: Any) -> Any:
        """Each member's convolution, without padding."""
        kernel = ops.transpose(self.kernel, (1, 2, 3, 0, 4))  # (size, size, channels, members, filters)
        kernel = ops.reshape(kernel, (*kernel.shape[:3], self.members * self.filters))
        return ops.relu(ops.conv(x, kernel, padding="valid") + ops.reshape(self.bias, (-1,)))

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to build this layer again."""
        return {**super().get_config(), "filters": self.filters, "size": self.size}


@keras.saving.register_keras_serializable("nnlab")
class MemberDropout(MemberLayer):
    """Dropout on ``(members, batch, units)``, each member from its own stream."""

    def __init__(self, members: int, rate: float, **options: Any) -> None:
        super().__init__(members, **options)
        self.rate = rate
        self.add_generators()

    def call(self, x: Any, training: bool = False) -> Any:
        """Drop while training."""
        if not training or self.rate == 0:
            return x
        return ops.stack(
            [keras.random.dropout(x[member], self.rate, seed=stream) for member, stream in enumerate(self.generators)]
        )

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to build this layer again."""
        return {**super().get_config(), "rate": self.rate}


@keras.saving.register_keras_serializable("nnlab")
class MemberShift(MemberLayer):
    """Moves each picture by up to ``most`` pixels each way while training, a member from its own stream."""

    def __init__(self, members: int, most: int, **options: Any) -> None:
        super().__init__(members, **options)
        self.most = most
        self.add_generators()

    def call(self, pictures: Any, training: bool = False) -> Any:
        """Shift ``(batch, members, 28, 28)``; what comes in from outside is black."""
        if not training or self.most == 0:
            return pictures
        batch, most = ops.shape(pictures)[0], self.most
        offsets = ops.stack(
            [keras.random.randint((batch, 2), 0, 2 * most + 1, seed=stream) for stream in self.generators], axis=1
        )  # (batch, members, 2)
        wide = ops.pad(pictures, [(0, 0), (0, 0), (most, most), (most, most)])
        steps = ops.arange(SIDE, dtype="int32")
        rows = (offsets[..., :1] + steps)[..., :, None]  # (batch, members, 28, 1)
        columns = (offsets[..., 1:] + steps)[..., None, :]  # (batch, members, 1, 28)
        shape = (batch, self.members, SIDE)
        tall = ops.take_along_axis(wide, ops.broadcast_to(rows, (*shape, SIDE + 2 * most)), 2)
        return ops.take_along_axis(tall, ops.broadcast_to(columns, (*shape, SIDE)), 3)

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to build this layer again."""
        return {**super().get_config(), "most": self.most}


@keras.saving.register_keras_serializable("nnlab")
class ToVectors(MemberLayer):
    """Pictures ``(batch, members, 28, 28)`` 0-255 to vectors ``(members, batch, 784)`` 0-1."""

    def call(self, pictures: Any) -> Any:
        """Flatten and scale."""
        flat = ops.reshape(pictures, (-1, self.members, SIDE * SIDE))
        return ops.cast(ops.transpose(flat, (1, 0, 2)), "float32") / 255


@keras.saving.register_keras_serializable("nnlab")
class ToChannels(MemberLayer):
    """Pictures ``(batch, members, 28, 28)`` 0-255 to maps ``(batch, 28, 28, members)`` 0-1."""

    def call(self, pictures: Any) -> Any:
        """Members become channels."""
        return ops.cast(ops.transpose(pictures, (0, 2, 3, 1)), "float32") / 255


@keras.saving.register_keras_serializable("nnlab")
class FlattenMaps(MemberLayer):
    """Maps ``(batch, height, width, members * channels)`` to vectors ``(members, batch, …)``."""

    def call(self, maps: Any) -> Any:
        """Take the members out of the channels."""
        _, height, width, depth = maps.shape
        channels = depth // self.members
        split = ops.reshape(maps, (-1, height, width, self.members, channels))
        flat_size = height * width * channels
        return ops.reshape(ops.transpose(split, (3, 0, 1, 2, 4)), (self.members, -1, flat_size))


@keras.saving.register_keras_serializable("nnlab")
class BatchFirst(MemberLayer):
    """Logits ``(members, batch, 10)`` to ``(batch, members, 10)``, the order Keras counts samples in."""

    def call(self, logits: Any) -> Any:
        """Swap the first two axes."""
        return ops.transpose(logits, (1, 0, 2))


def mlp(members: int, dropout: tuple[float, float]) -> list[Any]:
    """The layers of the MLP; ``dropout`` is that of the pictures and that of the hidden layers."""
    before, within = dropout
    made: list[Any] = [ToVectors(members), MemberDropout(members, before)]
    for _ in range(2):
        made += [MemberDense(members, 512, "relu"), MemberDropout(members, within)]
    return [*made, MemberDense(members, 10), BatchFirst(members)]


def cnn(members: int) -> list[Any]:
    """The layers of the published CNN."""
    return [
        ToChannels(members),  # (batch, 28, 28, members)
        MemberConv(members, 32, 3),  # (batch, 26, 26, members * 32)
        MemberConv(members, 64, 3),  # (batch, 24, 24, members * 64)
        layers.MaxPooling2D(),  # (batch, 12, 12, members * 64)
        FlattenMaps(members),  # (members, batch, 9216)
        MemberDropout(members, 0.25),
        MemberDense(members, 128, "relu"),
        MemberDropout(members, 0.5),
        MemberDense(members, 10),
        BatchFirst(members),
    ]


def small_cnn(members: int, shift: int) -> list[Any]:
    """The layers of this project's CNN: 5x5 and 3x3 convolutions of 20, 48 and 96, shifted pictures."""
    return [
        MemberShift(members, shift),
        ToChannels(members),  # (batch, 28, 28, members)
        MemberConv(members, 20, 5),  # (batch, 24, 24, members * 20)
        layers.MaxPooling2D(),  # (batch, 12, 12, members * 20)
        MemberConv(members, 48, 3),  # (batch, 10, 10, members * 48)
        layers.MaxPooling2D(),  # (batch, 5, 5, members * 48)
        MemberConv(members, 96, 3),  # (batch, 3, 3, members * 96)
        FlattenMaps(members),  # (members, batch, 864)
        MemberDropout(members, 0.3),
        MemberDense(members, 128, "relu"),
        MemberDropout(members, 0.3),
        MemberDense(members, 10),
        BatchFirst(members),
    ]


def network(stack: list[Any], members: int) -> keras.Model:
    """The model of a list of layers: each member's pictures to logits."""
    pictures = keras.Input((members, SIDE, SIDE), dtype="uint8", name="pictures")
    x = pictures
    for layer in stack:
        x = layer(x)
    return keras.Model(pictures, x)


def set_member(model: keras.Model, member: int, single: keras.Model) -> None:
    """Give one member of a model the weights and random streams of a model with one member."""
    for many, one in zip(model.layers, single.layers, strict=True):
        if isinstance(many, MemberLayer):
            for stream, source in zip(many.generators[member : member + 1], one.generators, strict=True):
                stream.state.assign(source.state)
            for variable, value in zip(many.weights, one.weights, strict=True):
                changed = np.array(variable)
                changed[member] = np.array(value)[0]
                variable.assign(changed)


def get_member(model: keras.Model, member: int, single: keras.Model) -> None:
    """Give a model with one member the weights of one member of a model."""
    for many, one in zip(model.layers, single.layers, strict=True):
        if isinstance(many, MemberLayer):
            for variable, value in zip(one.weights, many.weights, strict=True):
                variable.assign(np.array(value)[member : member + 1])
