"""Rows of different lengths in one array come back, one by one and as batches."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.data.batching import Ragged
from nnlab.data.sentence_pairs import padded

ROWS = [np.array(row, np.uint16) for row in ([5, 6, 7], [], [8], [9, 65535], [])]


def test_rows_come_back():
    made = Ragged.of(ROWS)
    assert len(made) == 5
    assert made.lengths.tolist() == [3, 0, 1, 2, 0]
    assert all(np.array_equal(a, b) for a, b in zip(made, ROWS, strict=True))
    assert list(Ragged.of([])) == []


@pytest.mark.parametrize("left", [False, True])
def test_a_batch_is_what_padding_its_rows_gives(left):
    made = Ragged.of(ROWS)
    for numbers in ([0, 1, 2], [3, 0], np.array([2]), [4, 0, 4]):
        expected = padded([ROWS[number] for number in numbers], left=left)
        assert np.array_equal(made.padded(numbers, left=left), expected)
    assert made.padded([0, 2], left=left, multiple=4).shape == (2, 4)
    assert made.padded([0], left=left).dtype == np.int32


def test_an_end_comes_after_the_last_id():
    assert Ragged.of(ROWS).padded([0, 1, 2], end=2).tolist() == [[5, 6, 7, 2], [2, 0, 0, 0], [8, 2, 0, 0]]
    assert Ragged.of(ROWS).padded([2], end=2, multiple=4).tolist() == [[8, 2, 0, 0]]
