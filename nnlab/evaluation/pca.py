"""Principal components, the best linear code of a given size (Pearson 1901, Hotelling 1933)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Pca:
    """A fitted linear code; all float32."""

    mean: Array  # (values,)
    components: Array  # (values, size), each column of length one, the widest spread first
    deviation: Array  # (size,): the standard deviation along each

    @property
    def size(self) -> int:
        """Values of the code."""
        return int(self.components.shape[1])

    def encode(self, rows: Array) -> Array:
        """The codes ``(n, size)`` of rows ``(n, values)``."""
        codes: Array = (rows - self.mean) @ self.components
        return codes

    def reconstruct(self, rows: Array) -> Array:
        """Rows ``(n, values)`` as their codes give them back."""
        reconstruction: Array = self.encode(rows) @ self.components.T + self.mean
        return reconstruction


def fit_pca(batches: Callable[[], Iterator[Array]], size: int) -> Pca:
    """Principal components of rows that come in batches.

    ``batches()``: an iterator over float32 arrays ``(n, values)``; called twice. ``size``: values of the code; where
    there are too few rows (or values) for so many components, :attr:`Pca.size` is less. Memory grows with the square
    of the shorter side of the data.
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
        variance, vectors = eigh((rows @ rows.T).astype(np.float64), subset_by_index=[count - most, count - 1])
        order = np.flatnonzero(variance > variance.max(initial=0.0) * 1e-7)[::-1]
        components = rows.T @ vectors[:, order].astype(np.float32) / np.sqrt(variance[order]).astype(np.float32)
        return Pca(mean, _signed(components), np.sqrt(variance[order] / count).astype(np.float32))
    covariance = np.zeros((values, values))
    for rows in batches():
        centred = rows - mean
        covariance += centred.T @ centred
    most = min(size, values)
    covariance /= count
    variance, components = eigh(covariance, subset_by_index=[values - most, values - 1], overwrite_a=True)
    del covariance
    deviation = np.sqrt(np.maximum(variance[::-1], 0)).astype(np.float32)
    return Pca(mean, _signed(components[:, ::-1].astype(np.float32)), deviation)


def _signed(components: Array) -> Array:
    """Each component's largest value is positive, so that the same data give the same components."""
    largest = np.abs(components).argmax(axis=0)
    signs = np.sign(components[largest, np.arange(components.shape[1])])
    signed: Array = np.ascontiguousarray(components * signs)
    return signed
