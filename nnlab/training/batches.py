"""Batches made when they are asked for: memory grows with the data, not with what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np


class Rows(keras.utils.PyDataset):  # type: ignore[misc]
    """The rows of arrays (or of nests of arrays) in an order of their own, gathered a batch at a time.

    ``order`` ``(samples, …)`` holds the numbers of the rows, so that a batch of an array ``(rows, …)`` is
    ``(batch, …, …)``. With two workers Keras brings its own queue and leaves out the tuning thread of tf.data,
    which sleeps 10 ms x 2^k and may hold up the end of an epoch until it wakes: 5.1 s were measured for 3.4, and
    82 s for 50.
    """

    def __init__(self, arrays: Any, order: np.ndarray[Any, Any], batch_size: int) -> None:
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=16)
        self._arrays, self._order, self._batch = arrays, order, batch_size

    def __len__(self) -> int:
        return -(-len(self._order) // self._batch)

    def __getitem__(self, index: int) -> Any:
        rows = self._order[index * self._batch : (index + 1) * self._batch]
        return keras.tree.map_structure(lambda array: array[rows], self._arrays)


class Batches:
    """``make(rows)`` of each group of rows, in order; shapes may differ from batch to batch."""

    def __init__(self, groups: Sequence[Any], make: Callable[[Any], Any]) -> None:
        self._groups = groups
        self._make = make

    def __len__(self) -> int:
        return len(self._groups)

    def __iter__(self) -> Iterator[Any]:
        return map(self._make, self._groups)


def predict_in_batches(model: keras.Model, rows: np.ndarray[Any, Any], *, size: int = 250) -> np.ndarray[Any, Any]:
    """``model`` of many rows in batches of one size, so that it is traced once.

    Not ``predict``: its tf.data pipeline waits for the tuning thread as well, once an evaluation.
    """
    made = []
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        short = size - len(part)
        full = np.concatenate([part, np.zeros((short, *part.shape[1:]), part.dtype)]) if short else part
        made.append(np.asarray(model.predict_on_batch(full))[: len(part)])
    return np.concatenate(made)
