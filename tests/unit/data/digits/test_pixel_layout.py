"""The layout of shuffled pixels, recovered from correlations alone."""

from __future__ import annotations

import os

import numpy as np
import pytest
from scipy import optimize

from nnlab.data.digits import pixel_layout
from nnlab.errors import InputError


def neighbours_kept(pictures, shuffled):
    """Share of true neighbours (that ever change) that are neighbours again, and their mean distance."""
    pixels = pictures.reshape(len(pictures), -1)
    count, side = pixels.shape[1], pictures.shape[1]
    order = shuffled[pixel_layout.recover(pixels[:, shuffled])]
    assert sorted(order.tolist()) == list(range(count))
    place = np.empty((count, 2), int)
    place[order] = np.stack(np.divmod(np.arange(count), side), 1)
    alive = pixels.std(axis=0) > 5
    pairs = [(a, a + 1) for a in range(count - 1) if a % side < side - 1]
    pairs += [(a, a + side) for a in range(count - side)]
    distances = np.array([np.abs(place[a] - place[b]).max() for a, b in pairs if alive[a] and alive[b]])
    return float((distances <= 1).mean()), float(distances.mean())


@pytest.mark.slow
def test_real_digits_are_laid_out_again(mnist):
    share, distance = neighbours_kept(mnist.x_train[:20_000], np.random.default_rng(0).permutation(784))
    assert share > 0.9
    assert distance < 1.15


def test_a_thousand_real_digits_are_enough(mnist):
    plain = mnist.x_train[:1000].reshape(1000, -1)
    shuffled = np.random.default_rng(0).permutation(784)
    found, pairs = pixel_layout.neighbours_found(plain, shuffled[pixel_layout.recover(plain[:, shuffled])])
    assert found > 0.85
    assert pairs == pytest.approx(0.77, abs=0.01)


@pytest.mark.parametrize(
    "change",
    [pytest.param("brighter", marks=pytest.mark.release), pytest.param("noisy", marks=pytest.mark.slow)],
)
def test_a_background_that_is_never_black_is_no_harm(mnist, change):
    plain = mnist.x_train[:1000].reshape(1000, -1)
    noise = np.random.default_rng(1).integers(1, 12, plain.shape) if change == "noisy" else 1
    plain = np.maximum(plain, noise).astype(np.uint8)
    shuffled = np.random.default_rng(0).permutation(784)
    found, _ = pixel_layout.neighbours_found(plain, shuffled[pixel_layout.recover(plain[:, shuffled])])
    assert found > {"brighter": 0.65, "noisy": 0.4}[change]


def test_neighbours_found_of_layouts_that_are_known():
    grid = np.arange(25).reshape(5, 5)
    pictures = np.random.default_rng(0).integers(0, 256, (9, 25))
    for layout in (grid, grid[::-1], grid.T, np.rot90(grid)):
        assert pixel_layout.neighbours_found(pictures, layout.ravel()) == (1.0, 1.0)
    rows_apart = grid[[0, 2, 4, 1, 3]].ravel()  # of 40 pairs the 20 within rows, and none between them
    assert pixel_layout.neighbours_found(pictures, rows_apart) == (0.5, 1.0)
    pictures[:, 12] = 7  # the middle never changes: 4 pairs, 2 of them within its row
    found, pairs = pixel_layout.neighbours_found(pictures, rows_apart)
    assert (found, pairs) == (18 / 36, 36 / 40)
    assert pixel_layout.neighbours_found(np.zeros((3, 25)), rows_apart) == (0.0, 0.0)


def test_it_does_not_depend_on_the_order_it_is_given():
    from nnlab.data.digits.digits import draw_sample

    pictures = draw_sample(600, 10).x_train[:, 4:24, 4:24]
    shares = [neighbours_kept(pictures, np.random.default_rng(seed).permutation(20 * 20))[0] for seed in (1, 2)]
    assert shares[0] == pytest.approx(shares[1], abs=0.05)
    assert min(shares) > 0.75


def rounds_one_by_one(place, similarity, squared):
    """What ``_refine`` does, with every round done even where the layouts go round and round."""
    cycles = 0
    for reach in pixel_layout.REACHES:
        nearness = np.exp(-squared / (2 * reach**2)).astype(np.float32)
        known = {tuple(place)}
        for _ in range(pixel_layout.ROUNDS):
            before, place = place, optimize.linear_sum_assignment(-(similarity @ nearness[place]))[1]
            cycles += tuple(place) in known and (place != before).any()
            known.add(tuple(place))
            if np.count_nonzero(place != before) < pixel_layout.STILL:
                break
    return place, cycles


def test_a_layout_that_goes_round_ends_where_the_last_round_would():
    cells = np.stack(np.divmod(np.arange(36), 6), 1)
    squared = ((cells[:, None] - cells[None]) ** 2).sum(-1)
    cycles = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        similarity = rng.random((36, 36), np.float32) ** 4
        similarity += similarity.T
        np.fill_diagonal(similarity, 0)
        begun_with = rng.permutation(36)
        expected, gone_round = rounds_one_by_one(begun_with, similarity, squared)
        cycles += gone_round
        assert pixel_layout._refine(begun_with, similarity, squared)[1].tolist() == expected.tolist()
    assert cycles > 20


@pytest.mark.parametrize("closing", [[4, 3, 5, 0, 1, 2], [5, 4, 3, 2, 1, 0]])  # from the first by few, by many
def test_a_cycle_of_three_layouts(monkeypatch, closing):
    """What it began with is not part of it; where the move that closes it is of few pixels, it is the last."""
    ring = [[3, 4, 5, 0, 1, 2], [1, 2, 3, 4, 5, 0], closing]
    follows = {(5, 3, 4, 0, 2, 1): ring[0]} | {tuple(ring[k]): ring[(k + 1) % 3] for k in range(3)}
    now: list[list[int]] = []

    def assign(cost):
        now.append(follows[tuple(now[-1])])
        return None, np.array(now[-1])

    def answers():
        for search in (rounds_one_by_one, lambda *given: (pixel_layout._refine(*given)[1], 0)):
            now[:] = [[5, 3, 4, 0, 2, 1]]
            place = search(np.array(now[0]), np.ones((6, 6), np.float32), np.ones((6, 6)))[0]
            yield place.tolist()

    monkeypatch.setattr(optimize, "linear_sum_assignment", assign)
    monkeypatch.setattr(pixel_layout, "REACHES", (1.0,))
    monkeypatch.setattr(pixel_layout, "ROUNDS", 9)
    expected, found = answers()
    assert found == expected


def test_a_layout_is_the_same_on_one_core(monkeypatch):
    waves = np.random.default_rng(0).normal(size=(300, 6))
    across = np.linspace(0, 2, 10)
    bases = [np.outer(np.sin(k * across + 1), np.cos((3 - k) * across)).ravel() for k in range(6)]
    pictures = np.clip(128 + 40 * waves @ np.array(bases), 0, 255).astype(np.uint8)
    begun = []
    assign = pixel_layout._assign

    def counted(*given):
        begun.append(given)
        return assign(*given)

    monkeypatch.setattr(pixel_layout, "_assign", counted)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    several = pixel_layout.recover(pictures)
    assert len(begun) > 1
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert pixel_layout.recover(pictures).tolist() == several.tolist()


def test_pictures_that_never_change_are_refused():
    with pytest.raises(InputError, match="only 0 pixels change"):
        pixel_layout.recover(np.zeros((50, 784), np.uint8))
