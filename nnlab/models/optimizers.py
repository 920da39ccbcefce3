"""AdamW and Muon, whose learning rate rises, then falls along a cosine; and the optimizers of Keras's examples.

Keras writes an update as eight to fifteen operations, each of which goes through all of a variable. TensorFlow has each
of these optimizers as one operation too; XLA, which JAX compiles with, makes one of them by itself.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from nnlab.backend import scratch, update_at_once

NARROW = 16  # rows or columns: below, a matrix is AdamW's
QUINTICS, QUINTIC = 5, (3.4445, -4.7750, 2.0315)  # how often, and the factors of its three powers
TINY = 1e-20  # beside the squares of a gradient


@keras.saving.register_keras_serializable("nnlab")
class AdamW(keras.optimizers.AdamW):  # type: ignore[misc]
    """Keras's AdamW (float32, without AMSGrad) in less time.

    Keras computes the learning rate of a schedule again for the decay of every variable, and the correction of the
    moments' bias for every update: here once per step. Of two million weights an update takes 2.4 ms instead of 7.4 on
    one core.
    """

    def _apply_weight_decay(self, variables: Any) -> None:
        """Nothing: each variable decays as it is moved, by :meth:`_decay`."""

    def _decay(self, variable: Any, learning_rate: Any) -> None:
        if self._use_weight_decay(variable):
            self.assign_sub(variable, variable * (self.weight_decay * learning_rate))

    def _backend_update_step(self, grads: Any, trainable_variables: Any, learning_rate: Any) -> None:
        step = ops.cast(self.iterations + 1, "float32")
        beta_1_power, beta_2_power = ops.power(self.beta_1, step), ops.power(self.beta_2, step)
        self._alpha = learning_rate * ops.sqrt(1 - beta_2_power) / (1 - beta_1_power)
        super()._backend_update_step(grads, trainable_variables, learning_rate)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Let a variable decay, then move it against its mean gradient; all of float32."""
        self._decay(variable, learning_rate)
        index = self._get_variable_index(variable)
        mean, square = self._momentums[index], self._velocities[index]
        corrected = {"lr": self._alpha, "beta1_power": 0.0, "beta2_power": 0.0}  # the rate is corrected for the bias
        settings = {"beta1": self.beta_1, "beta2": self.beta_2, "epsilon": self.epsilon}
        if update_at_once("Adam", gradient, {"var": variable, "m": mean, "v": square}, **corrected, **settings):
            return
        self.assign_add(mean, ops.subtract(gradient, mean) * (1 - self.beta_1))  # a gradient may be sparse
        self.assign_add(square, ops.subtract(ops.square(gradient), square) * (1 - self.beta_2))
        self.assign_sub(variable, mean * self._alpha / (ops.sqrt(square) + self.epsilon))


@keras.saving.register_keras_serializable("nnlab")
class RMSprop(keras.optimizers.RMSprop):  # type: ignore[misc]
    """Keras's RMSprop (neither centered nor with momentum) in less time: 0.4 ms instead of 1.5 of 670,000 weights."""

    def build(self, variables: Any) -> None:
        """Make the slots; the steps, which TensorFlow's operation writes down, are no state of the optimizer."""
        if not self.built:
            super().build(variables)
            self._steps = scratch(variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move a variable against its gradient over the root of its mean square."""
        index = self._get_variable_index(variable)
        slots = {"var": variable, "ms": self._velocities[index]} | ({"mom": self._steps[index]} if self._steps else {})
        settings = {"lr": learning_rate, "rho": self.rho, "momentum": 0.0, "epsilon": self.epsilon}
        if not update_at_once("RMSProp", gradient, slots, **settings):
            super().update_step(gradient, variable, learning_rate)


@keras.saving.register_keras_serializable("nnlab")
class Adadelta(keras.optimizers.Adadelta):  # type: ignore[misc]
    """Keras's Adadelta in less time."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move a variable as far as it was moved on average, against its gradient over the root of its mean square."""
        index = self._get_variable_index(variable)
        squares, steps = self._accumulated_grads[index], self._accumulated_delta_vars[index]
        slots = {"var": variable, "accum": squares, "accum_update": steps}
        settings = {"lr": learning_rate, "rho": self.rho, "epsilon": self.epsilon}
        if not update_at_once("Adadelta", gradient, slots, **settings):
            super().update_step(gradient, variable, learning_rate)


@keras.saving.register_keras_serializable("nnlab")
class Muon(AdamW):
    """Muon (Jordan and others 2024) for matrices and convolutions, AdamW for all else.

    A step moves a matrix as far in each of its singular directions: the momentum, made nearly orthogonal. Its root mean
    square is 0.2 of the learning rate, about that of AdamW's steps, so that both have one rate (Liu and others 2025).
    A convolution ``(height, width, in, out)`` is a matrix ``(height * width * in, out)``. Embeddings, whose rows are
    no directions, and what is narrower than :data:`NARROW` are AdamW's.

    Unlike Keras's, which has no convolutions; matrices of one shape are moved by the same few operations.
    """

    def __init__(self, learning_rate: Any = 1e-3, momentum: float = 0.95, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.momentum = momentum

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to build this optimizer again."""
        return {**super().get_config(), "momentum": self.momentum}

    def _backend_update_step(self, grads: Any, trainable_variables: Any, learning_rate: Any) -> None:
        """Move the matrices, shape by shape, and leave the rest to AdamW."""
        matrices: dict[tuple[int, int], list[Any]] = {}
        rest: list[Any] = []
        for pair in zip(grads, trainable_variables, strict=True):
            shape = matrix_shape(pair[1])
            (rest if shape is None else matrices.setdefault(shape, [])).append(pair)
        for shape, pairs in matrices.items():
            self._move(shape, pairs, learning_rate)
        if rest:
            gradients, variables = zip(*rest, strict=True)
            super()._backend_update_step(gradients, variables, learning_rate)

    def _move(self, shape: tuple[int, int], pairs: Any, learning_rate: Any) -> None:
        """A step of all matrices of a shape."""
        directions = []
        for gradient, variable in pairs:
            self._decay(variable, learning_rate)
            mean = self._momentums[self._get_variable_index(variable)]
            self.assign_add(mean, ops.subtract(gradient, mean) * (1 - self.momentum))
            ahead = gradient * (1 - self.momentum) + mean * self.momentum  # Nesterov's
            directions.append(ops.reshape(ahead, shape))
        steps = nearly_orthogonal(ops.stack(directions)) * (0.2 * max(shape) ** 0.5 * learning_rate)
        for number, (_, variable) in enumerate(pairs):
            self.assign_sub(variable, ops.reshape(steps[number], variable.shape))


def matrix_shape(variable: Any) -> tuple[int, int] | None:
    """(rows, columns) of what :class:`Muon` takes for a matrix; None where that is AdamW's."""
    *others, columns = variable.shape or (1,)
    rows = math.prod(others)
    return (rows, columns) if min(rows, columns) >= NARROW and "embedding" not in variable.path else None


def nearly_orthogonal(matrices: Any) -> Any:
    """``(n, rows, columns)`` with the same singular vectors, and singular values that are near 1 (0.7 to 1.2).

    Five times the quintic of Jordan and others (2024), on the products of the shorter sides alone, which are small:
    ``p(X X') X`` with a polynomial ``p`` is what the quintic comes to on ``X`` itself.
    """
    is_tall = matrices.shape[1] > matrices.shape[2]
    wide = ops.transpose(matrices, (0, 2, 1)) if is_tall else matrices
    gram = ops.matmul(wide, ops.transpose(wide, (0, 2, 1)))  # (n, shorter, shorter)
    squares = ops.sum(ops.square(wide), axis=(1, 2), keepdims=True) + TINY
    gram, whole = gram / squares, None
    for number in range(QUINTICS):
        a, b, c = QUINTIC
        step = a * ops.eye(gram.shape[1]) + b * gram + c * ops.matmul(gram, gram)  # symmetric, as all its powers
        whole = step if whole is None else ops.matmul(step, whole)
        if number < QUINTICS - 1:
            gram = ops.matmul(step, ops.matmul(gram, step))
    found = ops.matmul(whole, wide) / ops.sqrt(squares)
    return ops.transpose(found, (0, 2, 1)) if is_tall else found


def on_a_cosine(
    rate: float,
    steps: int,
    *,
    warm_up: int,
    least: float,
    weight_decay: float,
    beta_2: float,
    clip: float | None = None,
    kind: type[AdamW] = AdamW,
) -> Any:
    """AdamW (Loshchilov and Hutter 2019) on a warm-up and a cosine (Loshchilov and Hutter 2017); or :class:`Muon`.

    The learning rate rises from a twentieth of ``rate`` to ``rate`` over ``warm_up`` steps, then falls to ``least``
    of it at step ``steps``. ``clip``: the global norm of the gradients is clipped to this (Pascanu, Mikolov and
    Bengio 2013).
    """
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 20, max(1, steps - warm_up), alpha=least, warmup_target=rate, warmup_steps=warm_up
    )
    return kind(schedule, weight_decay=weight_decay, beta_2=beta_2, global_clipnorm=clip)


def share_of(steps: int, share: float) -> int:
    """A share of the steps, at least one."""
    return max(1, int(steps * share))
