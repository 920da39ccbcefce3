"""Where shuffled pixels belong, told from their correlations alone.

Neighbouring pixels of a picture are nearly always alike, whatever order they are handed over in. So: the
correlation of each pair of pixels over the training pictures gives a graph of nearest neighbours; its
shortest paths give distances, as Isomap has it (Tenenbaum, de Silva and Langford 2000); multidimensional
scaling puts the pixels on a plane, and an assignment puts them on the grid. Which way is up cannot be told
(there are eight ways to lay a square), and pixels that hardly ever change cannot be placed: they fill
what is left. They also must not take part: with them the plane is folded and the digits are in pieces.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from nnlab.errors import InputError

Array: TypeAlias = np.ndarray[Any, Any]
NEIGHBOURS = 6
LEAST_DEVIATION = 2.0  # grey levels (of 255); a pixel that changes less tells nothing
MAX_PICTURES = 20_000  # more do not change the layout


def recover(pictures: Array) -> Array:
    """For each cell of the square grid the pixel that belongs there.

    Args:
        pictures: ``(n, pixels)`` in any fixed order of pixels.

    Returns:
        ``order`` of shape ``(pixels,)``: ``pictures[:, order]`` is laid out.

    Raises:
        InputError: fewer than 12 pixels ever change.
    """
    count = pictures.shape[1]
    side = int(count**0.5)
    values = pictures[:MAX_PICTURES].astype(np.float32)
    deviation = values.std(axis=0)
    alive = np.flatnonzero(deviation > LEAST_DEVIATION)
    if len(alive) < 2 * NEIGHBOURS:
        raise InputError(f"only {len(alive)} pixels ever change: no layout can be told", "Give other pictures")
    scaled = (values[:, alive] - values[:, alive].mean(axis=0)) / deviation[alive]
    correlation = (scaled.T @ scaled) / len(scaled)
    order = np.full(side * side, -1)
    order[_assign(_embed(correlation), side)] = alive
    order[order < 0] = np.setdiff1d(np.arange(count), alive)
    return order


def _embed(correlation: Array) -> Array:
    """Pixels on a plane, ``(pixels, 2)``, from shortest paths along the most correlated neighbours."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components, shortest_path

    distance = np.sqrt(np.maximum(2 - 2 * correlation, 1e-9))
    count = len(distance)
    for neighbours in range(NEIGHBOURS, count):
        near = np.argsort(distance, axis=1)[:, 1 : neighbours + 1]
        rows = np.repeat(np.arange(count), neighbours)
        graph = csr_matrix((distance[rows, near.ravel()], (rows, near.ravel())), shape=(count, count))
        graph = graph.maximum(graph.T)
        if connected_components(graph)[0] == 1:
            break
    paths = shortest_path(graph, directed=False)
    centred = -0.5 * (paths**2 - (paths**2).mean(0) - (paths**2).mean(1)[:, None] + (paths**2).mean())
    values, vectors = np.linalg.eigh(centred)
    plane: Array = vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 0))
    return plane


def _assign(plane: Array, side: int) -> Array:
    """A cell of the grid for each point: cells near the middle are used, the sum of squared moves is least."""
    from scipy.optimize import linear_sum_assignment

    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), -1).reshape(-1, 2) - (side - 1) / 2
    radius = np.sqrt(len(plane) / np.pi)
    best: tuple[float, Array] | None = None
    for angle in np.linspace(0, np.pi / 2, 7)[:-1]:  # the plane comes turned at random: try a few
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        turned = (plane - plane.mean(0)) @ turn
        turned *= radius / 2 / turned.std(0)
        cost = ((turned[:, None] - grid[None]) ** 2).sum(-1)
        points, cells = linear_sum_assignment(cost)
        total = float(cost[points, cells].sum())
        if best is None or total < best[0]:
            best = total, cells
    assert best is not None
    return best[1]
