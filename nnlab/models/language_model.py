"""Character language models.

:func:`window_model` is the published network: it reads a window of characters and predicts the next one.
:func:`stream_model` reads a text as parallel streams, predicts the next character after every character, and
carries its state from one window to the next; it may be several networks whose probabilities are averaged.
:mod:`nnlab.models.text_sampling` writes text with both.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from nnlab.models.ensemble import ensemble
from nnlab.models.lstm import ScanLSTM


def window_model(*, vocabulary: int, window: int, units: int) -> keras.Model:
    """The published network: ids ``(batch, window)`` to logits of the next character ``(batch, vocabulary)``.

    One LSTM that reads characters one-hot; a one-hot vector times the input weights is a row of them,
    which is what the embedding looks up.
    """
    ids = keras.Input((window,), dtype="int32", name="window")
    x = layers.Embedding(vocabulary, 4 * units, embeddings_initializer="glorot_uniform", name="characters")(ids)
    x = ScanLSTM(units, name="lstm_1")(x)  # (batch, window, units)
    return keras.Model(ids, layers.Dense(vocabulary, name="logits")(x[:, -1]), name="window")


def stream_model(
    *, vocabulary: int, streams: int, window: int, units: int, depth: int, dropout: float, networks: int = 1
) -> keras.Model:
    """Ids ``(streams, window)`` to logits after each character ``(streams, window, vocabulary)``.

    Of several ``networks`` they are those of an :func:`~nnlab.models.ensemble.ensemble`.
    """
    sizes: dict[str, Any] = {"vocabulary": vocabulary, "streams": streams, "window": window, "units": units}
    sizes |= {"depth": depth, "dropout": dropout}
    if networks == 1:
        return _network(**sizes, name="stream")
    ids = keras.Input((window,), batch_size=streams, dtype="int32", name="streams")
    return ensemble(ids, lambda name: _network(**sizes, name=name), networks, "stream")


def _network(
    *, vocabulary: int, streams: int, window: int, units: int, depth: int, dropout: float, name: str
) -> keras.Model:
    """One network of a :func:`stream_model`.

    ``depth`` LSTM layers with a residual sum around each but the first (He and others 2016), dropout between and
    after them. Where there are several the window goes through in two halves, each layer on the second
    while the next is on the first: on 2 cores a step of training takes 75 ms instead of 87.
    """
    ids = keras.Input((window,), batch_size=streams, dtype="int32", name="streams")
    rows = keras.initializers.RandomNormal(stddev=0.3)
    x = layers.Embedding(vocabulary, 4 * units, embeddings_initializer=rows, name="characters")(ids)
    halves = ops.split(x, [-(-window // 2)], axis=1) if depth > 1 else [x]
    halves = ScanLSTM(units, stateful=True, name="lstm_1")(halves)  # each (streams, half a window, units)
    for number in range(2, depth + 1):
        drop, gates = layers.Dropout(dropout), layers.Dense(4 * units, use_bias=False, name=f"gates_{number}")
        above = ScanLSTM(units, stateful=True, name=f"lstm_{number}")([gates(drop(half)) for half in halves])
        halves = [layers.add(pair) for pair in zip(halves, above, strict=True)]
    x = layers.Dropout(dropout)(ops.concatenate(halves, axis=1))
    return keras.Model(ids, layers.Dense(vocabulary, name="logits")(x), name=name)
