"""Trained networks in the form in which they leave nnlab: Keras's own layers, and one step where there are states.

Other programs know Keras's LSTM; :class:`~nnlab.models.lstm.ScanLSTM` goes out as one with the same weights. What
feeds its gates becomes the kernel: of a table of characters, one-hot vectors times the table are its rows.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from nnlab.data.texts.tokenizers import PAD
from nnlab.models.bidirectional import BidirectionalGated
from nnlab.models.ensemble import averaged, networks_of
from nnlab.models.layers import OneHot
from nnlab.models.lstm import GATE_CLOSED, ScanLSTM
from nnlab.models.seq2seq import AttentionSeq2Seq, EncoderDecoder

Kernel = np.ndarray[Any, Any]
RESET_OPEN = 60.0  # a sigmoid of this is 1 to the last bit of float32


def character_step(model: keras.Model) -> keras.Model:
    """One step of a ``stream_model`` or ``window_model``.

    Inputs: ids ``character`` ``(batch,)`` int32, and of each layer the states ``h_1``, ``c_1``, … ``(batch, units)``,
    zeros at the beginning of a text; of several networks those of the first, then of the second, and so on.
    Outputs: logits of the next character ``(batch, vocabulary)``, and the new states in the same order.
    """
    networks = networks_of(model)
    scans = [[layer for layer in network.layers if isinstance(layer, ScanLSTM)] for network in networks]
    ids = keras.Input((), dtype="int32", name="character")
    states = _state_inputs([scan.units for own in scans for scan in own])
    logits: list[Any] = []
    after: list[Any] = []
    for network, own in zip(networks, scans, strict=True):
        kernels = [_values(network.get_layer("characters").embeddings)]
        kernels += [_values(network.get_layer(f"gates_{number}").kernel) for number in range(2, len(own) + 1)]
        x = OneHot(kernels[0].shape[0])(ids)
        for number, (scan, kernel) in enumerate(zip(own, kernels, strict=True)):
            h, (_, c) = _cell(scan, kernel)(x, states[len(after) : len(after) + 2])
            after += [h, c]
            x = x + h if number else h  # a residual sum around each layer but the first
        logits.append(_dense(*map(_values, network.get_layer("logits").weights))(x))  # a model has no name twice
    return keras.Model([ids, *states], [averaged(logits), *after], name="step")


def translation_encoder(model: EncoderDecoder | AttentionSeq2Seq) -> keras.Model:
    """The encoder of a translator: ids ``source`` ``(batch, time)`` int32, 0 where there is padding.

    Outputs, all float32: of an :class:`AttentionSeq2Seq` ``keys`` ``(batch, time, units)``, ``values`` (of a lexical
    one twice as many) and ``padding`` ``(batch, time)``; then the states that the decoder starts from,
    ``(batch, units)`` each.
    """
    source = keras.Input((None,), dtype="int32", name="source")
    if isinstance(model, EncoderDecoder):
        kernel = _values(model.source_embedding.embeddings).copy()
        kernel[PAD, : model.encoder.units] += GATE_CLOSED  # padding changes nothing
        lstm = _lstm(model.encoder, kernel, return_state=True)
        _, h, c = lstm(OneHot(kernel.shape[0])(source))
        return keras.Model(source, [h, c], name="encoder")
    present = ops.cast(ops.not_equal(source, PAD), "float32")
    absent = ops.expand_dims(1.0 - present, -1)  # (batch, time, 1)
    x = embedded = model.source_embedding(source)
    for number, (forward, backward) in enumerate(model.encoder):
        kernels = np.split(_values(model.encoder_gates[number].kernel), 2, axis=-1)
        left = _lstm(forward, kernels[0], return_sequences=True)(x)
        closed = np.concatenate([np.full(backward.units, GATE_CLOSED), np.zeros(3 * backward.units)])
        masked = np.concatenate([kernels[1], closed[None].astype("float32")])
        right = _lstm(backward, masked, return_sequences=True, go_backwards=True)(ops.concatenate([x, absent], -1))
        both = ops.concatenate([left, ops.flip(right, axis=1)], axis=-1)
        x = both if number == 0 else x + both
    memory, states = model.summarize(x, embedded, present)
    return keras.Model(source, [*memory, *states], name="encoder")


def translation_step(model: EncoderDecoder | AttentionSeq2Seq) -> keras.Model:
    """One step of the decoder of a translator.

    Inputs: ids ``token`` ``(batch,)`` int32, then what :func:`translation_encoder` gives, in its order; the states at
    the beginning, those of the step before later. Outputs: logits of the next id ``(batch, vocabulary)``, and the new
    states.
    """
    ids = keras.Input((), dtype="int32", name="token")
    if isinstance(model, EncoderDecoder):
        states = _state_inputs([model.decoder.units])
        kernel = _values(model.target_embedding.embeddings)
        h, (_, c) = _cell(model.decoder, kernel)(OneHot(kernel.shape[0])(ids), states)
        return keras.Model([ids, *states], [model.logits(h), h, c], name="decoder")
    units = model.units
    memory = [
        keras.Input((None, units), name="keys"),
        keras.Input((None, 2 * units if model.lexical_projection else units), name="values"),
        keras.Input((None,), name="padding"),
    ]
    states = _state_inputs([units, units])
    x = model.target_embedding(ids)
    h_1, (_, c_1) = _cell(model.decoder_1, _values(model.decoder_1_gates.kernel))(x, states[:2])
    attended, embedded, _ = model.attend(ops.expand_dims(h_1, 1), memory)
    h_2, (_, c_2) = _cell(model.decoder_2, _values(model.decoder_2_gates.kernel))(attended[:, 0], states[2:])
    rows = _values(model.target_embedding.embeddings)  # tied: also the weights of the logits
    logits = _dense(rows.T)(model.compared(h_2 + h_1, embedded[:, 0]))
    return keras.Model([ids, *memory, *states], [logits, h_1, c_1, h_2, c_2], name="decoder")


def column_network(model: keras.Model) -> keras.Model:
    """A column network of sums and differences with Keras's own recurrence: of the same inputs, the same outputs."""
    operands = keras.Input(model.input_shape[1:], dtype="uint8", name="operands")
    logits: list[Any] = []
    for network in networks_of(model):
        x = operands
        for layer in network.layers[1:]:
            if isinstance(layer, BidirectionalGated):
                x = _gru_of(layer)(x)
            elif not isinstance(layer, layers.Dropout):
                x = layer(x)
        logits.append(x)
    return keras.Model(operands, averaged(logits), name="columns")


def _gru_of(layer: BidirectionalGated) -> layers.Bidirectional:
    """Keras's bidirectional GRU of the same weights; its reset gate, which ours is without, is held open."""
    units = layer.units
    kernels = np.split(_values(layer.kernel), 2, axis=-1)  # of each direction: gate and candidate
    biases = np.split(_values(layer.bias), 2, axis=-1)
    recurrent = _values(layer.recurrent)
    both = layers.Bidirectional(layers.GRU(units, recurrent_activation=layer.gates, return_sequences=True))
    both.build((None, None, kernels[0].shape[0]))
    values = []
    for direction, kernel, bias in zip(recurrent, kernels, biases, strict=True):
        open_gate = np.stack([_with_reset(bias, np.full(units, RESET_OPEN)), np.zeros(3 * units)])
        values += [_with_reset(kernel, np.zeros((len(kernel), units)))]
        values += [_with_reset(direction, np.zeros((units, units))), open_gate]
    both.set_weights([value.astype("float32") for value in values])
    return both


def _with_reset(array: Kernel, reset: Kernel) -> Kernel:
    """Gate and candidate as Keras has them: update, reset, candidate."""
    gate, candidate = np.split(array, 2, axis=-1)
    return np.concatenate([gate, reset, candidate], axis=-1)


def _state_inputs(units: list[int]) -> list[Any]:
    return [
        keras.Input((width,), name=f"{name}_{number}") for number, width in enumerate(units, start=1) for name in "hc"
    ]


def _lstm(scan: ScanLSTM, kernel: Kernel, **options: Any) -> layers.LSTM:
    """Keras's LSTM of the same weights; ``kernel`` ``(inputs, 4 * units)`` made what the scan was given."""
    lstm = layers.LSTM(scan.units, **options)
    return _filled(lstm, scan, kernel, (None, None, kernel.shape[0]))


def _cell(scan: ScanLSTM, kernel: Kernel) -> layers.LSTMCell:
    """The same of one step."""
    return _filled(layers.LSTMCell(scan.units), scan, kernel, (None, kernel.shape[0]))


def _filled(layer: Any, scan: ScanLSTM, kernel: Kernel, shape: tuple[int | None, ...]) -> Any:
    layer.build(shape)
    layer.set_weights([_gates_in_order(array) for array in (kernel, _values(scan.recurrent), _values(scan.bias))])
    return layer


def _dense(kernel: Kernel, *bias: Kernel) -> layers.Dense:
    layer = layers.Dense(kernel.shape[1], use_bias=bool(bias))
    layer.build((None, kernel.shape[0]))
    layer.set_weights([kernel, *bias])
    return layer


def _gates_in_order(array: Kernel) -> Kernel:
    """Input, forget, output, candidate of ours as Keras has them: input, forget, candidate, output."""
    input_gate, forget_gate, output_gate, candidate = np.split(array, 4, axis=-1)
    return np.concatenate([input_gate, forget_gate, candidate, output_gate], axis=-1)


def _values(variable: Any) -> Kernel:
    return np.asarray(keras.ops.convert_to_numpy(variable))
