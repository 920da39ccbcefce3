"""The layout of shuffled pixels, recovered from correlations alone."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.data import pixel_layout
from nnlab.errors import InputError


def neighbours_kept(pictures, shuffled):
    """Share of true neighbours (that ever change) that are neighbours again, and their mean distance."""
    pixels = pictures.reshape(len(pictures), -1)
    order = shuffled[pixel_layout.recover(pixels[:, shuffled])]
    assert sorted(order.tolist()) == list(range(784))
    place = np.empty((784, 2), int)
    place[order] = np.stack(np.divmod(np.arange(784), 28), 1)
    alive = pixels.std(axis=0) > 5
    pairs = [(a, a + 1) for a in range(783) if a % 28 < 27] + [(a, a + 28) for a in range(756)]
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


@pytest.mark.slow
def test_it_does_not_depend_on_the_order_it_is_given():
    from nnlab.data.digits import draw_sample

    pictures = draw_sample(600, 10).x_train
    shares = [neighbours_kept(pictures, np.random.default_rng(seed).permutation(784))[0] for seed in (1, 2)]
    assert shares[0] == pytest.approx(shares[1], abs=0.05)
    assert min(shares) > 0.6


def test_pictures_that_never_change_are_refused():
    with pytest.raises(InputError, match="only 0 pixels change"):
        pixel_layout.recover(np.zeros((50, 784), np.uint8))
