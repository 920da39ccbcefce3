"""Where shuffled pixels belong, told from their correlations alone (as Le Roux and others asked in 2007).

Neighbouring pixels of a picture are nearly always alike, whatever order they are handed over in. First a map: of the
pixels that change most, the correlation of each pair over the training pictures gives a graph of nearest neighbours;
its shortest paths give distances, as Isomap has it (Tenenbaum, de Silva and Langford 2000); multidimensional scaling
puts the pixels on a plane, and an assignment puts them on the grid. Then all pixels move, round by round, to where
those like them are: an assignment of most similarity times nearness, as in kernelized sorting (Quadrianto and others
2010), in which near ones count more and more. Several maps are begun with, of more pixels and of fewer; kept is the
layout whose similar pixels are nearest. Which way is up cannot be told (there are eight ways to lay a square), and
pixels that never change cannot be placed: they fill what is left.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np

from nnlab.errors import InputError

Array: TypeAlias = np.ndarray[Any, Any]
NEIGHBOURS = 6
LEAST = 2 * NEIGHBOURS  # pixels that must change
DEVIATIONS = (2.0, 20.0, 30.0, 40.0)  # grey levels (of 255): a map is begun with the pixels that change more
REACHES = (5.0, 3.0, 2.0)  # cells: how far similar pixels attract each other, round by round
ROUNDS = 10  # of each reach, at most
STILL = 4  # fewer pixels than this were moved: no more rounds
DOUBTED = 10, 200  # changed in 10 pictures and one of 200, a pixel's correlations count half
CHUNK = 10_000  # pictures whose products are added at once


def recover(pictures: Array) -> Array:
    """For each cell of the square grid the pixel that belongs there.

    Args:
        pictures: ``(n, pixels)`` in any fixed order of pixels, 0 to 255.

    Returns:
        ``order`` of shape ``(pixels,)``: ``pictures[:, order]`` is laid out.

    Raises:
        InputError: fewer than 12 pixels change by more than 2 grey levels (standard deviation).
    """
    count = pictures.shape[1]
    side = int(count**0.5)
    correlation, deviation, similarity = _statistics(pictures)
    if (deviation > DEVIATIONS[0]).sum() < LEAST:
        found = int((deviation > DEVIATIONS[0]).sum())
        raise InputError(f"only {found} pixels change: no layout can be told", "Give other pictures")
    cells = np.stack(np.divmod(np.arange(count), side), 1)
    squared = ((cells[:, None] - cells[None]) ** 2).sum(-1)
    alive = [np.flatnonzero(deviation > least) for least in DEVIATIONS]

    def laid_out(begun_with: Array) -> tuple[float, Array]:
        place = np.full(count, -1)
        place[begun_with] = _assign(_embed(correlation[np.ix_(begun_with, begun_with)]), side)
        place[place < 0] = np.setdiff1d(np.arange(count), place[place >= 0])
        return _refine(place, similarity, squared)

    # ``linear_sum_assignment`` releases Python's lock.
    with ThreadPoolExecutor(min(len(alive), os.cpu_count() or 1)) as pool:
        layouts = list(pool.map(laid_out, [pixels for pixels in alive if len(pixels) >= LEAST]))
    _, place = max(layouts, key=lambda layout: layout[0])
    order = np.empty(count, int)
    order[place] = np.arange(count)
    return order


def neighbours_found(pictures: Array, order: Array) -> tuple[float, float]:
    """How well a layout of pictures whose pixels are in their true order ``(n, pixels)`` was told.

    ``order``: the pixel in each cell. Returns the share of true neighbours (beside or above each other) that are in
    neighbouring cells (beside, above or across a corner), among the pairs whose pixels both change in the pictures; and
    the share of all pairs that these are.
    """
    count = len(order)
    side = int(count**0.5)
    grid = np.arange(count).reshape(side, side)
    sides = (grid[:, :-1], grid[:, 1:]), (grid[:-1], grid[1:])
    first, second = (np.concatenate([pair[which].ravel() for pair in sides]) for which in (0, 1))
    place = np.empty((count, 2), int)
    place[order] = np.stack(np.divmod(np.arange(count), side), 1)
    near = np.abs(place[first] - place[second]).max(axis=1) <= 1
    changing = pictures.max(axis=0) > pictures.min(axis=0)
    both = changing[first] & changing[second]
    return float(near[both].mean()) if both.any() else 0.0, float(both.mean())


def _statistics(pictures: Array) -> tuple[Array, Array, Array]:
    """Correlation ``(pixels, pixels)``, deviation in grey levels ``(pixels,)``, and similarity: what attracts pixels.

    The similarity is the square of a positive correlation, of less weight where a pixel was seen to change seldom.
    """
    number, count = pictures.shape
    lowest = pictures.min(axis=0)
    lit, total = np.zeros(count), np.zeros(count)
    products = np.zeros((count, count))
    levels, squares = np.zeros(count), np.zeros(count)
    for start in range(0, number, CHUNK):
        chunk = pictures[start : start + CHUNK].astype(np.float32)
        levels += chunk.sum(axis=0, dtype=np.float64)
        squares += np.square(chunk).sum(axis=0, dtype=np.float64)
        root = np.sqrt(chunk)
        lit += (chunk > lowest).sum(axis=0)
        total += root.sum(axis=0, dtype=np.float64)
        products += root.T @ root
    covariance = products / number - np.outer(total / number, total / number)
    scale = np.sqrt(np.maximum(np.diag(covariance), 0))
    changing = scale > 1e-6
    correlation = np.where(np.outer(changing, changing), covariance / np.outer(scale, scale).clip(1e-12), 0.0)
    seen = np.minimum(lit, number - lit)
    trust = np.where(changing, np.sqrt(seen / (seen + DOUBTED[0] + number / DOUBTED[1])), 0.0)
    similarity = np.square(np.maximum(correlation, 0)) * np.outer(trust, trust)
    np.fill_diagonal(similarity, 0)
    deviation = np.sqrt(np.maximum(squares / number - np.square(levels / number), 0))
    return correlation, deviation, similarity.astype(np.float32)


def _refine(place: Array, similarity: Array, squared: Array) -> tuple[float, Array]:
    """(sum of similarity times nearness, the cell of each pixel) after moving from ``place``.

    ``squared``: distances of the cells, squared.
    """
    from scipy.optimize import linear_sum_assignment

    nearness = np.empty(0)
    for reach in REACHES:
        nearness = np.exp(-squared / (2 * reach**2)).astype(np.float32)
        places = [place]
        while len(places) <= ROUNDS:
            _, moved = linear_sum_assignment(-(similarity @ nearness[places[-1]]))
            if np.count_nonzero(moved != places[-1]) < STILL:
                places.append(moved)
                break
            if before := [number for number, earlier in enumerate(places) if np.array_equal(moved, earlier)]:
                # From here on the layouts repeat, mostly two in turn, so the one after the last round is known.
                places.append(places[before[0] + (ROUNDS - before[0]) % (len(places) - before[0])])
                break
            places.append(moved)
        place = places[-1]
    return float((similarity * nearness[np.ix_(place, place)]).sum()), place


def _embed(correlation: Array) -> Array:
    """Pixels on a plane, ``(pixels, 2)``, from shortest paths along the most correlated neighbours."""
    from scipy.linalg import eigh
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
    values, vectors = eigh(centred, subset_by_index=(count - 2, count - 1))
    plane: Array = vectors * np.sqrt(np.maximum(values, 0))
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
