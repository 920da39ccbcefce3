"""Rows of different lengths in one array come back, one by one and as batches with little padding."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.data.pairs import sentence_pairs
from nnlab.data.texts.batching import WIDTHS, Ragged, bucket_by_length, compiled_rows, compiled_width, encode, pad
from nnlab.data.texts.tokenizers import END, START, fit_tokenizers

ROWS = [np.array(row, np.uint16) for row in ([5, 6, 7], [], [8], [9, 65535], [])]


def padded(row, width, left):
    zeros = [0] * (width - len(row))
    return [*zeros, *row.tolist()] if left else [*row.tolist(), *zeros]


def test_rows_come_back():
    rows = Ragged.of(ROWS)
    assert len(rows) == 5
    assert rows.lengths.tolist() == [3, 0, 1, 2, 0]
    assert all(np.array_equal(a, b) for a, b in zip(rows, ROWS, strict=True))
    assert list(Ragged.of([])) == []


@pytest.mark.parametrize("left", [False, True])
def test_a_batch_is_its_rows_padded_to_the_longest(left):
    rows = Ragged.of(ROWS)
    for numbers, width in (([0, 1, 2], 3), ([3, 0], 3), (np.array([2]), 1), ([4, 0, 4], 3)):
        batch = rows.pad(numbers, left=left)
        assert batch.tolist() == [padded(ROWS[number], width, left) for number in numbers]
        assert batch.dtype == np.int32
    assert rows.pad([0, 2], left=left, width=4).tolist() == [padded(ROWS[n], 4, left) for n in (0, 2)]
    assert pad(ROWS, left=left, width=5).tolist() == [padded(row, 5, left) for row in ROWS]
    assert pad(ROWS, left=left).tolist() == [padded(row, 3, left) for row in ROWS]


def test_an_end_comes_after_the_last_id():
    assert Ragged.of(ROWS).pad([0, 1, 2], end=2).tolist() == [[5, 6, 7, 2], [2, 0, 0, 0], [8, 2, 0, 0]]
    assert Ragged.of(ROWS).pad([2], end=2, width=4).tolist() == [[8, 2, 0, 0]]


def test_encoded_pairs_begin_and_end():
    pairs = [("She sings.", "Elle chante."), ("Go.", "Va !")]
    source, target = fit_tokenizers(pairs * 10, 0)
    encoded = encode(pairs, source, target)
    inputs, following = encoded.batch([0, 1], left=False)
    assert inputs["target"][:, 0].tolist() == [START, START]
    assert inputs["target"][0, 1:].tolist() == following[0, :-1].tolist()
    assert following[1].tolist() == [*target.encode("Va !").tolist(), END, *[0] * 8]
    assert inputs["target"][1].tolist() == [START, *target.encode("Va !").tolist(), *[0] * 8]
    assert target.decode(following[0].tolist()) == "Elle chante."
    assert encoded.characters.tolist() == [13, 5]
    assert encoded.lengths.tolist() == [[10, 13], [3, 5]]
    left, _ = encoded.batch([0, 1], left=True)
    assert left["source"][1].tolist() == [0] * 7 + source.encode("Go.").tolist()


def test_batches_that_are_compiled_have_few_shapes_and_the_same_sentences():
    """Under JAX each takes seconds of compilation: twenty thousand French pairs had fourteen."""
    sample = sentence_pairs.sample()
    pairs = list(zip(sample.sources, sample.targets, strict=True))[:700]
    pairs.append(("long " * 79, "longue " * 57))  # 395 and 399 characters
    encoded = encode(pairs, *fit_tokenizers(pairs, 0))
    groups = bucket_by_length(encoded.lengths, 24, np.random.default_rng(0))
    shapes = set()
    for rows in groups:
        plain, following = encoded.batch(rows, left=False)
        inputs, padded_following = encoded.batch(rows, left=False, compiled_for=24)
        for name, short in {**plain, "next": following}.items():
            long = {**inputs, "next": padded_following}[name]
            assert np.array_equal(long[: short.shape[0], : short.shape[1]], short)
        assert (inputs["source"] > 0).sum() == (plain["source"] > 0).sum()
        assert (padded_following > 0).sum() == (following > 0).sum()
        assert inputs["source"].shape == inputs["target"].shape == padded_following.shape
        shapes.add(inputs["source"].shape)
    assert {rows for rows, _ in shapes} <= {24, 12, 6, 3, 2, 1}
    assert {width for _, width in shapes} <= {*WIDTHS, 800}
    assert len(shapes) < len({encoded.batch(rows, left=False)[1].shape for rows in groups}) / 2
    assert [compiled_rows(rows, 75) for rows in (75, 39, 38, 10, 5, 3, 2, 1)] == [75, 75, 38, 10, 5, 3, 2, 1]
    assert all(compiled_rows(rows, at_most) < 2 * rows for at_most in range(1, 130) for rows in range(1, at_most + 1))
    assert compiled_width(400) == 400
    assert compiled_width(401) == 800


def test_a_seed_draws_subwords_and_leaves_characters_alone():
    sample = sentence_pairs.sample()
    pairs = list(zip(sample.sources, sample.targets, strict=True))[:200]
    tokenizers = fit_tokenizers(pairs, 90)
    drawn = [encode(pairs, *tokenizers, seed=seed) for seed in (1, 1, 2)]
    assert np.array_equal(drawn[0].sources.ids, drawn[1].sources.ids)
    assert not np.array_equal(drawn[0].sources.ids, drawn[2].sources.ids)
    tokenizers = fit_tokenizers(pairs, 0)
    assert np.array_equal(encode(pairs, *tokenizers, seed=1).sources.ids, encode(pairs, *tokenizers).sources.ids)


def test_batches_of_similar_length_hold_every_row_once_and_little_padding():
    rng = np.random.default_rng(0)
    lengths = np.stack([rng.integers(1, 60, 1000), rng.integers(1, 80, 1000)], axis=1)
    batches = bucket_by_length(lengths, 64, np.random.default_rng(1))
    assert sorted(np.concatenate(batches).tolist()) == list(range(1000))
    assert max(len(batch) for batch in batches) == 64
    assert all(len(batch) * lengths[batch].max() <= 4096 or len(batch) == 1 for batch in batches)
    computed = sum(len(batch) * int(lengths[batch, 1].max()) for batch in batches)
    assert computed < 1.15 * lengths[:, 1].sum()
    other = bucket_by_length(lengths, 64, np.random.default_rng(2))
    assert [batch.tolist() for batch in other] != [batch.tolist() for batch in batches]
    unshuffled = bucket_by_length(lengths, 64, None)
    assert [lengths[batch, 1].min() for batch in unshuffled] == sorted(lengths[batch, 1].min() for batch in unshuffled)
