"""Batches made when they are asked for: memory grows with the data, not with what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from nnlab.backend import queue_workers
from nnlab.data.random import Stream, rng


class Rows(keras.utils.PyDataset):  # type: ignore[misc]
    """The rows of arrays (or of nests of arrays) in an order of their own, gathered a batch at a time.

    ``order`` ``(samples, …)`` holds the numbers of the rows, so that a batch of an array ``(rows, …)`` is
    ``(batch, …, …)``.
    """

    def __init__(self, arrays: Any, order: np.ndarray[Any, Any], batch_size: int) -> None:
        super().__init__(workers=queue_workers(), use_multiprocessing=False, max_queue_size=16)
        self.arrays, self.order, self.batch_size = arrays, order, batch_size

    def __len__(self) -> int:
        return -(-len(self.order) // self.batch_size)

    def first(self, count: int) -> Rows:
        """The first batches alone."""
        return Rows(self.arrays, self.order[: count * self.batch_size], self.batch_size)

    def __getitem__(self, index: int) -> Any:
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return keras.tree.map_structure(lambda array: array[rows], self.arrays)


class Batches:
    """``make(rows)`` of each group of rows, in order; shapes may differ from batch to batch."""

    def __init__(self, groups: Sequence[Any], make: Callable[[Any], Any]) -> None:
        self._groups = groups
        self._make = make

    def __len__(self) -> int:
        return len(self._groups)

    def first(self, count: int) -> Batches:
        """The first batches alone."""
        return Batches(self._groups[:count], self._make)

    def __iter__(self) -> Iterator[Any]:
        return map(self._make, self._groups)


def shuffled(arrays: Any, samples: int, batch_size: int) -> Callable[[keras.Model, int, int], Rows]:
    """``Task.batches`` of arrays whose first axis has ``samples`` rows: each epoch in a random order of its own."""
    return lambda model, seed, epoch: Rows(arrays, permutation(seed, epoch, samples), batch_size)


def permutation(seed: int, epoch: int, samples: int) -> np.ndarray[Any, Any]:
    """The random order ``(samples,)`` that a seed gives an epoch."""
    return rng(seed, Stream.ORDER, epoch).permutation(samples)


def stacked(parts: Sequence[Rows]) -> Rows:
    """The same rows in the order of each part, networks on axis 1: batches ``(batch, networks, …)``."""
    return Rows(parts[0].arrays, np.stack([part.order for part in parts], axis=1), parts[0].batch_size)


def predict_in_batches(model: keras.Model, rows: np.ndarray[Any, Any], *, size: int = 250) -> np.ndarray[Any, Any]:
    """``model`` of many rows ``(n, …)`` in batches of one size, so that it is traced once.

    Not ``predict``: its tf.data pipeline waits for the tuning thread as well, once an evaluation.
    """
    answers = []
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        short = size - len(part)
        full = np.concatenate([part, np.zeros((short, *part.shape[1:]), part.dtype)]) if short else part
        answers.append(np.asarray(model.predict_on_batch(full))[: len(part)])
    return np.concatenate(answers)
