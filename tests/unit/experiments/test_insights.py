"""What is shown of a network, against independent oracles: differences, every translation, one character at a time."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from nnlab.data.tokenizers import END, START, UNKNOWN
from nnlab.experiments.insights import autoencode_images, digits, textgen
from nnlab.models import autoencoders
from nnlab.models import digits as digit_models
from nnlab.models.language_model import stream_model, window_model
from nnlab.models.n_best import n_best
from nnlab.models.seq2seq import EncoderDecoder


def test_gradient_is_what_small_differences_say(monkeypatch):
    """Without noise the map is the plain gradient of log p(digit) by the pixels in [0, 1]."""
    keras.utils.set_random_seed(0)
    pictures = keras.Input((28, 28), dtype="uint8")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(pictures))
    x = keras.layers.Dense(20, activation="tanh")(x)
    model = keras.Model(pictures, keras.layers.Dense(10)(x))
    pixels = np.random.default_rng(1).integers(20, 235, (28, 28)).astype(np.uint8)
    monkeypatch.setattr(digits, "NOISE", 0.0)
    (gradient,) = digits.smooth_gradients(model, [(pixels, 3)])

    def log_p(picture):
        logits = np.asarray(model.predict_on_batch(picture[None]), np.float64)[0]
        return logits[3] - np.log(np.exp(logits).sum())

    for row, column in ((14, 14), (5, 20), (22, 9)):
        more, less = pixels.copy(), pixels.copy()
        more[row, column] += 10
        less[row, column] -= 10
        assert gradient[row, column] == pytest.approx((log_p(more) - log_p(less)) / (20 / 255), rel=0.02, abs=2e-4)


@pytest.mark.parametrize("build", [digit_models.cnn, lambda: digit_models.small_cnn(2)])
def test_every_network_of_digits_has_a_gradient(build):
    pixels = np.random.default_rng(1).integers(0, 255, (28, 28)).astype(np.uint8)
    (gradient,) = digits.smooth_gradients(build(), [(pixels, 3)])
    assert gradient.shape == (28, 28)
    assert np.isfinite(gradient).all()
    assert np.count_nonzero(gradient) > 500


def test_saliency_is_the_same_twice_and_where_the_ink_matters():
    keras.utils.set_random_seed(0)
    pictures = keras.Input((28, 28), dtype="uint8")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(pictures))
    model = keras.Model(pictures, keras.layers.Dense(10)(x))
    weights = np.zeros((784, 10), "float32")
    weights[28 * 7 + 3, 4], weights[28 * 20 + 9, 4] = 5, -5  # one pixel speaks for a 4, another against it
    model.layers[-1].set_weights([weights, np.zeros(10, "float32")])
    pixels = np.full((28, 28), 100, np.uint8)
    first, second = (digits.smooth_gradients(model, [(pixels, 4)])[0] for _ in range(2))
    assert np.array_equal(first, second)
    assert first[7, 3] > 1
    assert first[20, 9] < -1
    assert np.count_nonzero(first) == 2
    shown = digits.overlay(pixels, first)
    assert tuple(shown[7, 3]) == digits.FOR
    assert tuple(shown[20, 9]) == digits.AGAINST


class Letters:
    """A tokenizer of three letters, whose ids begin behind the special ones."""

    def encode(self, sentence):
        return np.array(["abc".index(letter) + 4 for letter in sentence], "uint16")

    def decode(self, ids):
        ended = list(itertools.takewhile(lambda number: number != END, ids))
        return "".join("abc"[number - 4] for number in ended)


def test_n_best_are_the_best_of_all_there_are():
    """A beam wide enough for every translation of up to two letters, against the probabilities of each."""
    keras.utils.set_random_seed(3)
    model = EncoderDecoder(source_vocabulary=7, target_vocabulary=7, units=8, dropout=0.0)
    model.build()
    model.target_embedding.set_weights([3 * np.random.default_rng(0).normal(size=(7, 32)).astype("float32")])
    letters: Any = Letters()
    found = n_best(model, letters, letters, "ab", beam=60, limit=3)
    source = np.array([[0] * 6 + letters.encode("ab").tolist()], "int32")
    expected: dict[str, float] = {}
    for length in range(3):
        for written in itertools.product("abc", repeat=length):
            ids = [*letters.encode(written).tolist(), END]
            given = {"source": source, "target": np.array([[START, *ids[:-1]]], "int32")}
            logits = np.array(model(given), np.float64)[0]
            logits[:, [0, START, UNKNOWN]] = -np.inf
            log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
            expected["".join(written)] = log_p[np.arange(len(ids)), ids].mean()
    ended = [(text, score) for text, score in found if len(text) < 3]
    assert {text for text, _ in ended} == set(expected)
    assert [text for text, _ in ended] == sorted(expected, key=lambda text: expected[text], reverse=True)
    for text, score in ended:
        assert score == pytest.approx(expected[text], abs=1e-4)


@pytest.mark.parametrize("network", ["stream", "window"])
def test_each_character_is_measured_after_all_before_it(network):
    keras.utils.set_random_seed(0)
    ids = np.random.default_rng(0).integers(0, 9, 70).astype(np.uint8)
    config: Any = SimpleNamespace(network=network, maxlen=8)
    if network == "window":
        model = window_model(vocabulary=9, window=8, units=6)
        wanted = [np.asarray(model.predict_on_batch(ids[None, k - 8 : k].astype("int32")))[0] for k in range(40, 70)]
    else:
        alone = stream_model(vocabulary=9, streams=1, window=1, units=6, depth=1, dropout=0.1)
        model = stream_model(vocabulary=9, streams=3, window=8, units=6, depth=1, dropout=0.1)
        for weight, value in zip(alone.trainable_weights, model.trainable_weights, strict=True):
            weight.assign(value)
        one_by_one = [
            np.asarray(alone.predict_on_batch(ids[None, k : k + 1].astype("int32")))[0, 0] for k in range(7, 69)
        ]
        wanted = one_by_one[32:]  # 4 windows were read before the first
    found = textgen.logits_of(model, config, ids, 40)
    assert found.shape == (30, 9)
    assert np.allclose(found, wanted, atol=1e-4)


def test_paragraph_begins_and_ends_with_sentences():
    text = "Some words before. " * 40 + "\n\n\n\n" + "A short sentence of nine words stands here again. " * 30
    start, end = textgen.paragraph(text, 100)
    assert text[start:end].startswith("A short sentence")
    assert text[start:end].endswith("again.")
    assert textgen.SHORTEST <= end - start <= textgen.LONGEST
    for words in ("x" * 3000, "y" * 30, "ab " * 9):  # no sentence, hardly a text
        start, end = textgen.paragraph(words, 256)
        assert 0 < start < end <= len(words)


def test_both_halves_are_the_whole():
    keras.utils.set_random_seed(0)
    pictures = np.random.default_rng(0).random((3, 8, 8, 3)).astype("float32")
    for model in (
        autoencoders.residual_autoencoder((8, 8, 3), 5, widths=(4,), down_blocks=(0,), up_blocks=(0,)),
        autoencoders.conv_autoencoder((8, 8, 3), "sigmoid"),
    ):
        encoder, decoder = autoencode_images.halves(model)
        whole = np.asarray(model.predict_on_batch(pictures))
        code = np.asarray(encoder.predict_on_batch(pictures))
        assert code[0].size < pictures[0].size
        assert np.allclose(np.asarray(decoder.predict_on_batch(code)), whole, atol=1e-5)


def test_a_walk_begins_and_ends_where_it_says():
    keras.utils.set_random_seed(0)
    model = autoencoders.conv_autoencoder((8, 8, 3), "sigmoid")
    test = np.random.default_rng(0).integers(0, 255, (9, 8, 8, 3)).astype(np.uint8)
    walks: Any = autoencode_images.walks(model, test).contents[0]
    code, pixels, *_ = walks.rows
    assert np.array_equal(pixels[1][0].pixels, test[0])
    whole = np.asarray(model.predict_on_batch(test[[0]] / np.float32(255)))[0]
    assert np.abs(code[1][0].pixels / 255 - whole).max() < 0.01
    worst: Any = autoencode_images.largest_errors(model, test).contents[0]
    made = np.asarray(model.predict_on_batch(test / np.float32(255)))
    errors = ((made - test / 255) ** 2).mean(axis=(1, 2, 3))
    assert worst.rows[0][1][0].caption == f"#{errors.argmax()}"
