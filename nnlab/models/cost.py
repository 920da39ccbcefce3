"""What a network costs: how many weights are trained, and the arithmetic of one sample's way through it.

Counted are the multiplications and additions of matrix products and convolutions, two operations for each weight that a
value meets. Biases, activations, normalisation and pooling are left out: together they are a few hundredths.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from nnlab.models.arithmetic import ColumnEmbedding
from nnlab.models.layers import DeltaDense
from nnlab.models.lstm import ScanLSTM
from nnlab.models.seq2seq import AttentionSeq2Seq, EncoderDecoder, Seq2Seq

Shape = Sequence[int]


def weights(model: keras.Model) -> int:
    """How many numbers training changes."""
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)


def cost(model: keras.Model) -> float:
    """Floating-point operations (FLOP) of one sample's way forward through a network of the functional API.

    A sample is a row of the batch: of a network that reads a window of text, the whole window. A layer that is called
    several times counts as often; an axis of any length counts as 1. Of a layer unknown here every matrix counts once
    for each position of its output, of a model that is no graph of layers once.
    """
    model = model._functional if isinstance(model, keras.Sequential) else model
    if not hasattr(model, "_nodes_by_depth"):
        matrices = [weight for weight in model.trainable_variables if len(weight.shape) > 1]
        return float(2 * sum(math.prod(weight.shape) for weight in matrices))
    nodes = [node for group in model._nodes_by_depth.values() for node in group]
    return float(sum(_of_node(node) for node in nodes if isinstance(node.operation, layers.Layer)))


def translation_cost(model: Seq2Seq, source: float, target: float) -> float:
    """FLOP of one sentence of ``source`` ids and its translation of ``target`` ids, given (teacher forcing).

    That is one pass, as the loss is measured; a beam of k writes about k times as many ids.
    """
    if isinstance(model, EncoderDecoder):
        read, written = _recurrent(model.encoder), _recurrent(model.decoder) + _matrix(model.logits)
        return source * read + target * written
    assert isinstance(model, AttentionSeq2Seq)
    read = sum(map(_matrix, [*model.encoder_gates, model.keys, model.values]))
    read += sum(_recurrent(lstm) for both in model.encoder for lstm in both)
    written = _recurrent(model.decoder_1) + _recurrent(model.decoder_2)
    written += sum(map(_matrix, [model.decoder_1_gates, model.query, model.decoder_2_gates, model.output_projection]))
    written += 2 * model.units * model.target_vocabulary
    attended = 2 * 2 * model.units * source  # of each written id: its scores, and the sum they weigh
    if model.lexical_projection:
        written += _matrix(model.lexical_projection)
        attended += 2 * model.units * source
    return source * read + _matrix(model.initial_states) + target * (written + attended)


def _of_node(node: Any) -> float:
    """FLOP of one call of a layer."""
    given = [tuple(size or 1 for size in tensor.shape) for tensor in node.input_tensors]
    made = [tuple(size or 1 for size in tensor.shape) for tensor in node.outputs]
    return sum(_of_call(node.operation, *shapes) for shapes in zip(given, made, strict=False))


def _of_call(layer: Any, given: Shape, made: Shape) -> float:
    """FLOP of a layer that makes ``made`` of ``given``, both with the batch as first axis."""
    if isinstance(layer, keras.Model):
        return cost(layer)
    if isinstance(layer, ScanLSTM):
        return given[1] * _recurrent(layer)
    if isinstance(layer, layers.Bidirectional):
        return _of_call(layer.forward_layer, given, made) + _of_call(layer.backward_layer, given, made)
    if isinstance(layer, layers.RNN):
        matrices = math.prod(layer.cell.kernel.shape) + math.prod(layer.cell.recurrent_kernel.shape)
        return float(2 * given[1] * matrices)
    if isinstance(layer, layers.Conv2DTranspose):
        return _matrix(layer) * math.prod(given[1:-1])
    if isinstance(layer, ColumnEmbedding):
        return float(2 * layer.columns * layer.width**2 * layer.units) if layer.crossed else 0.0
    if isinstance(layer, layers.Embedding):
        return 0  # a row is looked up
    if isinstance(layer, DeltaDense):
        return float(2 * layer.inputs * layer.outputs)
    if isinstance(layer, layers.Dense | layers.Conv2D):
        return _matrix(layer) * math.prod(made[1:-1])
    matrices = sum(math.prod(weight.shape) for weight in layer.weights if len(weight.shape) > 1)
    return float(2 * math.prod(made[1:-1]) * matrices)


def _matrix(layer: Any) -> float:
    """FLOP of a kernel for one position."""
    return float(2 * math.prod(layer.kernel.shape))


def _recurrent(lstm: ScanLSTM) -> float:
    """FLOP of one step; the input's part of its gates is computed outside."""
    return 8.0 * float(lstm.units) ** 2
