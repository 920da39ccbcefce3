"""The linear floor: principal components, the best linear code of a given size (Pearson 1901, Hotelling 1933)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Pca:
    """Mean ``(values,)``, components of length one ``(values, code)``, the standard deviation of each ``(code,)``."""

    mean: Array
    components: Array
    deviation: Array

    @property
    def size(self) -> int:
        """Values of the code."""
        return int(self.components.shape[1])

    def code(self, rows: Array) -> Array:
        """``(n, values)`` to ``(n, code)``."""
        made: Array = (rows - self.mean) @ self.components
        return made

    def back(self, rows: Array) -> Array:
        """Rows ``(n, values)`` as their code gives them back."""
        made: Array = self.code(rows) @ self.components.T + self.mean
        return made


def fit(batches: Callable[[], Iterator[Array]], size: int) -> Pca:
    """Pca components of rows that come in batches ``(n, values)``; the batches are gone through twice.

    Memory grows with the square of the shorter side of the data. Where there are fewer rows than ``size``
    wants, there are fewer components (``Pca.size`` says how many).
    """
    from scipy.linalg import eigh

    count, total = 0, 0.0
    for rows in batches():
        count, total = count + len(rows), total + rows.sum(axis=0, dtype=np.float64)
    mean = (np.asarray(total) / count).astype(np.float32)
    values = len(mean)
    if count <= values:  # few long rows: the products of rows with each other say the same
        rows = np.concatenate(list(batches()))
        rows -= mean
        most = min(size, count - 1)
        spread, turn = eigh((rows @ rows.T).astype(np.float64), subset_by_index=[count - most, count - 1])
        order = np.flatnonzero(spread > spread.max(initial=0.0) * 1e-7)[::-1]
        components = rows.T @ turn[:, order].astype(np.float32) / np.sqrt(spread[order]).astype(np.float32)
        return Pca(mean, _signed(components), np.sqrt(spread[order] / count).astype(np.float32))
    products = np.zeros((values, values))
    for rows in batches():
        centred = rows - mean
        products += centred.T @ centred
    most = min(size, values)
    products /= count
    spread, components = eigh(products, subset_by_index=[values - most, values - 1], overwrite_a=True)
    del products
    deviation = np.sqrt(np.maximum(spread[::-1], 0)).astype(np.float32)
    return Pca(mean, _signed(components[:, ::-1].astype(np.float32)), deviation)


def _signed(components: Array) -> Array:
    """Each component's largest value is positive, so that the same data give the same components."""
    largest = np.abs(components).argmax(axis=0)
    signs = np.sign(components[largest, np.arange(components.shape[1])])
    made: Array = np.ascontiguousarray(components * signs)
    return made
