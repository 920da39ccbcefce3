"""The random streams are numbered once, and give the generators that the published results were drawn with."""

from __future__ import annotations

import numpy as np

from nnlab.data.random import Stream, rng


def test_rng_is_the_generator_of_seed_epoch_and_stream():
    expected = np.random.Generator(np.random.PCG64(np.random.SeedSequence([5, 3]))).random(4)
    assert rng(5, Stream.SPLIT).random(4).tolist() == expected.tolist()
    expected = np.random.Generator(np.random.PCG64(np.random.SeedSequence([5, 9, 1]))).random(4)
    assert rng(5, Stream.ORDER, 9).random(4).tolist() == expected.tolist()


def test_streams_of_one_experiment_differ():
    translate = ("ORDER", "SPLIT", "MEASURED", "SHOWN_TRAINING", "SHOWN_HELD_OUT", "SEGMENTATION")
    draws = {rng(0, Stream[name]).random() for name in translate} | {rng(0, Stream.ORDER, n).random() for n in range(9)}
    assert len(draws) == len(translate) + 9
