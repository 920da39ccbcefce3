"""Training pictures as they are moved: an edge that comes in from outside is repeated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import shift as moved_by_scipy

from nnlab.configs.autoencode import AutoencodeConfig
from nnlab.experiments._images import moved, picture_batches

PICTURES = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)


def test_pictures_are_moved_as_scipy_moves_them():
    by = np.array([[0, 0], [1, 0], [0, 1], [-1, 2], [3, -2], [-8, 9]])
    expected = [
        moved_by_scipy(one, (*each, 0), order=0, mode="nearest")
        for one, each in zip(PICTURES, by.tolist(), strict=True)
    ]
    np.testing.assert_array_equal(moved(PICTURES, by), expected)


@pytest.mark.parametrize("shift", [0, 1])
def test_batches_hold_pictures_moved_by_no_more_than_the_shift(shift):
    [rows] = picture_batches(PICTURES, mirror=False, shift=shift)(np.arange(6), np.random.default_rng(1))
    places = [(down, right) for down in range(-shift, shift + 1) for right in range(-shift, shift + 1)]
    every = {moved(PICTURES[k : k + 1], np.array([place])).tobytes(): place for k in range(6) for place in places}
    drawn = {every[np.rint(row * 255).astype(np.uint8)[None].tobytes()] for row in rows}
    assert (drawn == {(0, 0)}) == (shift == 0)


def test_few_numbers_are_learned_longer():
    few, more, sounds = (
        AutoencodeConfig.from_options({"code": code, "data": data})
        for code, data in ((32, "cifar10"), (33, "cifar10"), (32, "birds"))
    )
    assert [(one.epochs, one.shift) for one in (few, more, sounds)] == [(24, 1), (12, 0), (4, 0)]
    assert AutoencodeConfig.from_options({"code": 16, "epochs": 3}).epochs == 3
