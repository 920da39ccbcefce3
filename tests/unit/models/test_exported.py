"""A scanned LSTM goes out as Keras's LSTM: the same numbers from the same weights, padding and all."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from nnlab.data.texts.tokenizers import PAD, SPECIAL, START
from nnlab.models import exported
from nnlab.models.arithmetic import column_network
from nnlab.models.exported import character_step, translation_encoder, translation_step
from nnlab.models.language_model import stream_model, window_model
from nnlab.models.seq2seq import AttentionSeq2Seq, EncoderDecoder

RNG = np.random.default_rng(0)


def disturbed(model):
    """The model with biases and all else as training leaves them: nowhere zero."""
    keras.utils.set_random_seed(1)
    for weight in model.trainable_variables:
        weight.assign(RNG.normal(0, 0.5, weight.shape))
    return model


def steps_of(step, feeds, states):
    """Logits of a step after each of some ids ``(batch, time)``: ``(batch, time, vocabulary)``."""
    logits = []
    for place in range(feeds.shape[1]):
        one, *states = step([ops.convert_to_tensor(array) for array in (feeds[:, place], *states)])
        logits.append(np.asarray(one))
    return np.stack(logits, axis=1)


@pytest.mark.parametrize("networks", [1, 2])
def test_one_step_of_a_stream_is_the_stream(networks):
    model = disturbed(stream_model(vocabulary=9, streams=3, window=6, units=5, depth=2, dropout=0.2, networks=networks))
    ids = RNG.integers(0, 9, (3, 12)).astype("int32")
    whole = np.concatenate([model.predict_on_batch(ids[:, :6]), model.predict_on_batch(ids[:, 6:])], axis=1)
    states = [np.zeros((3, 5), "float32")] * 4 * networks
    np.testing.assert_allclose(steps_of(character_step(model), ids, states), whole, atol=1e-5)


def test_steps_from_zero_are_a_window():
    model = disturbed(window_model(vocabulary=9, window=7, units=5))
    ids = RNG.integers(0, 9, (4, 7)).astype("int32")
    logits = steps_of(character_step(model), ids, [np.zeros((4, 5), "float32")] * 2)
    np.testing.assert_allclose(logits[:, -1], model.predict_on_batch(ids), atol=1e-5)
    assert np.abs(logits[:, -2] - model.predict_on_batch(ids)).max() > 1e-2


SIZES: dict[str, Any] = {"source_vocabulary": 11, "target_vocabulary": 12, "units": 6, "dropout": 0.1}
NETWORKS = {
    "attention": lambda: AttentionSeq2Seq(**SIZES, depth=2, word_dropout=0.1),
    "lexical": lambda: AttentionSeq2Seq(**SIZES, depth=1, word_dropout=0.1, lexical=True),
    "published": lambda: EncoderDecoder(**SIZES),
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_encoder_and_steps_are_the_translator(kind):
    model = NETWORKS[kind]()
    model.build()
    disturbed(model)
    source = RNG.integers(SPECIAL, 11, (4, 7)).astype("int32")
    for row in range(4):
        source[row, 7 - row :] = PAD
    source = source[:, ::-1].copy() if model.pad_left else source
    target = RNG.integers(SPECIAL, 12, (4, 5)).astype("int32")
    target[:, 0] = START
    encoded = translation_encoder(model)(source)
    step, kept = translation_step(model), len(encoded) - (2 if kind == "published" else 4)
    memory, states = encoded[:kept], encoded[kept:]
    logits = []
    for place in range(5):
        one, *states = step([ops.convert_to_tensor(array) for array in (target[:, place], *memory, *states)])
        logits.append(np.asarray(one))
    whole = model.predict_on_batch({"source": source, "target": target})
    np.testing.assert_allclose(np.stack(logits, axis=1), whole, atol=1e-4)
    assert not any(layer.__class__.__name__ == "ScanLSTM" for layer in translation_encoder(model).layers)


@pytest.mark.parametrize(("gates", "networks"), [("sigmoid", 1), ("hard_sigmoid", 1), ("hard_sigmoid", 2)])
def test_columns_go_out_as_gru(gates, networks):
    sizes: dict[str, Any] = {"width": 3, "answer_length": 4, "units": 5, "dropout": 0.2, "noise": 0.5}
    model = disturbed(column_network(op="sub", **sizes, gates=gates, networks=networks))
    ids = RNG.integers(0, 11, (6, 9, 2)).astype("uint8")
    sent = exported.column_network(model)
    np.testing.assert_allclose(np.asarray(sent(ids)), np.asarray(model(ids)), atol=1e-5)
    assert not any(layer.__class__.__name__ == "BidirectionalGated" for layer in sent.layers)
