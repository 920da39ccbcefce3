"""Encoder and decoder networks: padding, word dropout, and their loss."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from nnlab import backend
from nnlab.data.texts.batching import encode, pad
from nnlab.data.texts.tokenizers import END, SPECIAL, START, UNKNOWN, fit_tokenizers
from nnlab.models.seq2seq import AttentionSeq2Seq, EncoderDecoder, MaskedCrossEntropy, Seq2Seq

SIZES: dict[str, Any] = {"source_vocabulary": 14, "target_vocabulary": 12, "units": 24, "dropout": 0.0}
SENTENCE = np.array([4, 5, 6, 12, 7, 13], "uint16")
TARGET = np.array([[START, SPECIAL, SPECIAL + 1]], "int32")


@pytest.fixture(autouse=True, scope="module")
def _backend():
    backend.start("cpu")


def model_of(kind, word_dropout=0.0):
    keras.utils.set_random_seed(7)
    model = EncoderDecoder(**SIZES)
    if kind != "published":
        model = AttentionSeq2Seq(**SIZES, depth=2, word_dropout=word_dropout, lexical=kind == "lexical")
    model.build()
    return model


def test_seq2seq_base_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        Seq2Seq()


@pytest.mark.parametrize("kind", ["published", "attention", "lexical"])
def test_padding_changes_no_logits(kind):
    model = model_of(kind)
    logits = [
        np.array(model({"source": pad([SENTENCE], left=model.pad_left, width=width), "target": TARGET}))
        for width in (8, 24)
    ]
    np.testing.assert_allclose(logits[0], logits[1], atol=1e-5)


def test_padding_changes_no_loss():
    logits = np.random.default_rng(0).normal(size=(1, 3, 12)).astype("float32")
    goal = np.array([[SPECIAL, SPECIAL + 1, END]])
    loss = MaskedCrossEntropy()
    padded = loss(np.pad(goal, ((0, 0), (0, 2))), np.pad(logits, ((0, 0), (0, 2), (0, 0))))
    assert float(padded) == pytest.approx(float(loss(goal, logits)), rel=1e-6)


@pytest.mark.parametrize("kind", ["published", "lexical"])
def test_a_batch_with_a_shape_of_few_trains_as_the_plain_one(kind):
    """Its padding, on either side of a source, and its rows of nothing else change neither loss nor weights."""
    pairs = [("abc", "xyz"), ("ab", "y"), ("cabca", "zxy xyz")]
    source, target = fit_tokenizers(pairs * 4, 0)
    encoded = encode(pairs, source, target)
    after = []
    for compiled_for in (None, 8):
        model = model_of(kind)
        model.compile(keras.optimizers.SGD(0.5), MaskedCrossEntropy(0.1), jit_compile=backend.jit_compile())
        inputs, following = encoded.batch([0, 1, 2], left=model.pad_left, compiled_for=compiled_for)
        loss = model.train_on_batch(inputs, following)
        after.append((inputs["source"].shape, float(loss), [np.asarray(weight) for weight in model.get_weights()]))
    assert [shape for shape, _, _ in after] == [(3, 5), (4, 8)]
    assert after[0][1] == pytest.approx(after[1][1], rel=1e-5)
    before = model_of(kind).get_weights()
    assert max(np.abs(one - start).max() for one, start in zip(after[0][2], before, strict=True)) > 1e-2
    for one, other in zip(after[0][2], after[1][2], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_masked_cross_entropy_by_hand(smoothing):
    probabilities = np.array([[[0.1, 0.2, 0.7], [0.25, 0.25, 0.5], [0.6, 0.2, 0.2]]], "float32")
    ids = np.array([[2, 1, 0]])  # the last is padding
    mean_log = np.log(probabilities).mean(-1)[0]
    expected = [-(1 - smoothing) * np.log(p) - smoothing * mean_log[k] for k, p in enumerate((0.7, 0.25))]
    assert float(MaskedCrossEntropy(smoothing)(ids, np.log(probabilities))) == pytest.approx(np.mean(expected))


@pytest.mark.parametrize("kind", ["attention", "lexical"])
def test_word_dropout_of_all_words_leaves_nothing_of_the_sentence(kind):
    model = model_of(kind, word_dropout=1.0)
    unknown = np.full((1, 6), UNKNOWN, "int32")
    start = np.array([[START, UNKNOWN, UNKNOWN]], "int32")
    trained = np.array(model({"source": SENTENCE[None].astype("int32"), "target": TARGET}, training=True))
    np.testing.assert_allclose(trained, np.array(model({"source": unknown, "target": start})), atol=1e-6)
    used = np.array(model({"source": SENTENCE[None].astype("int32"), "target": TARGET}))
    assert np.abs(used - trained).max() > 1e-3


def test_lexical_logits_are_of_the_embeddings_it_looked_at():
    """Without what the decoder's layers say: tanh of the attended embeddings, once more through its own layer."""
    model: Any = model_of("lexical")
    model.output_projection.kernel.assign(np.zeros((24, 24)))
    inputs = {"source": pad([SENTENCE], width=8).astype("int32"), "target": TARGET}
    looked = np.array(model.attention(inputs))[0]
    words = np.tanh(looked @ np.array(model.source_embedding.embeddings)[inputs["source"][0]])
    words += np.tanh(words @ np.array(model.lexical_projection.kernel))
    expected = words @ np.array(model.target_embedding.embeddings).T
    np.testing.assert_allclose(np.array(model(inputs))[0], expected, atol=1e-5)
