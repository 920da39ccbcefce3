"""Matrix products whose right matrix has rows of a multiple of 2 KiB.

Numbers of one column then fall into the same few sets of the processor's cache, and TensorFlow's kernels, which copy
the matrix in blocks, wait for memory: 64 x 256 times 256 x 1024 takes 0.73 ms on one core, and 0.40 with rows that are
16 numbers longer; 128 x 784 times 784 x 512 takes 1.63 and 1.31 ms, and 128 x 1000 times 1000 x 3072 17.3 and 9.4, the
copy with longer rows included.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers, ops

from nnlab.backend import on_tensorflow_s_processor

ROW = 512  # float32 in 2 KiB
MORE = 16


def is_slow(columns: int) -> bool:
    """Whether a matrix of so many columns is better copied: by TensorFlow on a processor, the only one measured."""
    return columns % ROW == 0 and on_tensorflow_s_processor()


def times(matrix: Any) -> Callable[[Any], Any]:
    """What multiplies ``(…, rows)`` by a float32 matrix ``(rows, columns)``, which is copied once if at all."""
    columns = matrix.shape[-1]
    if not is_slow(columns):
        return lambda x: ops.matmul(x, matrix)
    longer = ops.pad(matrix, [(0, 0), (0, MORE)])
    return lambda x: ops.matmul(x, longer)[..., :columns]


@ops.custom_gradient  # type: ignore[untyped-decorator]
def product(x: Any, kernel: Any) -> Any:
    """``x`` ``(batch, n)`` times ``kernel`` ``(n, m)``, both tensors; the gradient is that of the product alone."""

    def gradient(d_y: Any) -> Any:
        return ops.matmul(d_y, ops.transpose(kernel)), ops.matmul(ops.transpose(x), d_y)

    return times(kernel)(x), gradient


@keras.saving.register_keras_serializable("nnlab")
class Dense(layers.Dense):  # type: ignore[misc]
    """Keras's, which learns in less time where it has a multiple of 512 units.

    Its name is Keras's, too: by it the weights are found in a file.
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """``activation(inputs @ kernel + bias)``."""
        if not training or self.bias is None or len(inputs.shape) != 2 or not is_slow(self.units):
            return super().call(inputs, training=training)
        return self.activation(product(inputs, ops.copy(self.kernel)) + self.bias)
