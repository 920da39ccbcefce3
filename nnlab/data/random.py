"""The random streams: each draw of NumPy's has a number of its own, so that within an experiment none repeats another.

The networks' own draws (initial weights, dropout) are the backend's.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What is drawn. The numbers are fixed: with others the same seed would give other results.

    Two names share a number where no experiment draws both, or where one has an epoch and the other none.
    """

    QUESTIONS = 0  # arith; the number of digits is its epoch
    ORDER = 1  # of an epoch's samples or batches
    AUGMENTATION = 2  # of an epoch: noise, mirrors, shifts
    FILE_ORDER = 2  # arith: the questions of a user's file, no epoch
    UNANSWERED = 3  # arith: the questions of a round of self-training; its epoch
    SPLIT = 3  # translate: the source sentences for validation and test
    PROMPT = 4  # textgen
    MEASURED = 5  # translate: the training pairs that the training loss is measured on
    NOISE = 5  # denoise: the noise of a test picture; its number is the seed
    SHOWN_TRAINING = 6  # translate: examples
    SAMPLING = 7  # textgen: the uniform numbers that choose each next character
    SHOWN_HELD_OUT = 8  # translate: examples
    SEGMENTATION = 9  # translate: subwords drawn at random
    VALIDATION = 10  # autoencode, denoise: the training pictures or recordings that choose the epoch
    EXAMINED = 11  # arith: the questions of one kind and length; both together are its epoch
    SAMPLE_DIGITS = 28  # built-in data of mnist
    SAMPLE_PICTURES = 32  # built-in data of autoencode and denoise
    PIXELS = 784  # permute: the one shuffle of all pictures' pixels
    PHASES = 1024  # the phases that Griffin and Lim's method starts from
    SAMPLE_SOUNDS = 22_050  # built-in data of autoencode on sounds


def rng(seed: int, stream: Stream, epoch: int | None = None) -> np.random.Generator:
    """The generator of a stream, of one epoch of it where there is one: the same for the same arguments."""
    return np.random.default_rng([seed, int(stream)] if epoch is None else [seed, epoch, int(stream)])
