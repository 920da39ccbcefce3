"""What a network costs, against counts by hand: from the sizes of its layers alone."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from keras import layers

from nnlab.models import arithmetic, autoencoders, digits, language_model, seq2seq
from nnlab.models.cost import cost, translation_cost, weights
from nnlab.models.layers import Noise


def test_the_published_mlp_alone_and_of_several():
    many = digits.side_by_side(lambda: digits.mlp(input_dropout=0.0, hidden_dropout=0.2), 3)
    one = digits.network(many, 1)
    assert weights(one) == 784 * 512 + 512 + 512 * 512 + 512 + 512 * 10 + 10
    assert cost(one) == 2 * (784 * 512 + 512 * 512 + 512 * 10)
    assert cost(many) == 3 * cost(one)


def test_the_published_cnn():
    model = digits.cnn()
    convolutions = 26 * 26 * 9 * 1 * 32 + 24 * 24 * 9 * 32 * 64
    assert cost(model) == 2 * (convolutions + 12 * 12 * 64 * 128 + 128 * 10)


@pytest.mark.parametrize("networks", [1, 3])
def test_a_layer_that_reads_a_window_in_two_halves_counts_for_both(networks):
    model = language_model.stream_model(
        vocabulary=57, streams=4, window=21, units=32, depth=2, dropout=0.1, networks=networks
    )
    recurrent, gates, logits = 32 * 128, 32 * 128, 32 * 57
    assert weights(model) == networks * (57 * 128 + 2 * (recurrent + 128) + gates + logits + 57)
    assert cost(model) == networks * 2 * 21 * (2 * recurrent + gates + logits)  # characters are looked up
    window = language_model.window_model(vocabulary=57, window=21, units=32)
    assert cost(window) == 2 * (21 * recurrent + logits)


def test_keras_own_recurrent_layers():
    model = arithmetic.seq2seq_network(question_length=7, answer_length=4, units=16)
    assert cost(model) == 2 * (7 * 64 * (12 + 16) + 4 * 64 * (16 + 16) + 4 * 16 * 12)
    columns = arithmetic.column_network(op="add", width=4, answer_length=4, units=8)
    gated = [width * 4 * 8 + 2 * 8 * 2 * 8 for width in (8, 16)]  # both directions: of what is read, of the states
    assert cost(columns) == 2 * (sum(gated) + 16 * 12)  # per column
    products = arithmetic.column_network(op="mul", width=2, answer_length=4, units=8)
    summed = 4 * 4 * 8  # columns x pairs x units
    assert cost(products) == 2 * (summed + 4 * (8 * 16 + 2 * 24 * (16 + 8) + 16 * 16 + 16 * 12))
    products = arithmetic.column_network(op="mul", width=2, answer_length=4, units=8, pair_size=3, recurrence="one_way")
    assert cost(products) == 2 * (4 * 4 * 3 + 4 * (3 * 16 + 3 * 16 * (16 + 16) + 16 * 16 + 16 * 12))
    products = arithmetic.column_network(op="mul", width=2, answer_length=4, units=8, pair_size=3, recurrence="carried")
    carried = 4 * 3 * 16 + 3 * (16 * 16 + 16 * 3)  # nothing is carried out of the last column
    assert cost(products) == 2 * (4 * 4 * 3 + carried + 4 * (16 * 16 + 16 * 12))


def test_pictures_there_and_back():
    dense = autoencoders.dense_autoencoder((8, 8, 3), 16, "sigmoid")
    assert cost(dense) == 2 * (192 * 1000 + 1000 * 16 + 16 * 1000 + 1000 * 192)
    pooled = autoencoders.conv_denoiser((8, 8, 3), "sigmoid", Noise(0.5))
    assert cost(pooled) == 2 * 9 * (64 * 3 * 32 + 16 * 32 * 32 + 4 * 32 * 32 + 16 * 32 * 32 + 64 * 32 * 3)
    turned = keras.Sequential([keras.Input((4, 4, 3)), layers.Conv2DTranspose(5, 2, strides=2)])
    assert cost(turned) == 2 * (4 * 4) * (2 * 2 * 3 * 5)
    linear = autoencoders.residual_autoencoder((8, 8, 3), 16, widths=(4, 6), down_blocks=(0, 1), up_blocks=(0, 0))
    there_and_back = 2 * 192 * 16
    u_net = 16 * 9 * 12 * 4 + 4 * (4 * 4 * 6 + 9 * 6 * 6) + 4 * (4 * 6 * 4) + 16 * 9 * 4 * 12
    assert cost(linear) == 2 * (there_and_back + u_net)


@pytest.mark.parametrize(("depth", "lexical"), [(1, False), (2, False), (1, True)])
def test_a_translator(depth, lexical):
    u, source, target = 8, 30, 40
    sizes: dict[str, Any] = {"source_vocabulary": source, "target_vocabulary": target, "units": u, "dropout": 0.0}
    model = seq2seq.AttentionSeq2Seq(**sizes, depth=depth, word_dropout=0.0, lexical=lexical)
    model.build()
    read = (u * 8 * u) + (depth - 1) * (2 * u * 8 * u) + depth * 2 * (u * 4 * u) + 2 * (2 * u * u)
    written = 2 * (u * 4 * u) + (u * 4 * u) + (u * u) + (2 * u * 4 * u) + (u * u) + u * target + lexical * u * u
    attended = 6 * 5 * (2 + lexical) * u
    assert translation_cost(model, 5, 6) == 2 * (5 * read + 2 * u * 4 * u + 6 * written + attended)
    plain = seq2seq.EncoderDecoder(**sizes)
    plain.build()
    assert translation_cost(plain, 5, 6) == 2 * (5 * u * 4 * u + 6 * (u * 4 * u + u * target))
    assert weights(plain) == 4 * u * (source + u + 1) + 4 * u * (target + u + 1) + (u + 1) * target
