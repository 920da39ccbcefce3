"""Character language models, and the compiled loops that write text with them.

:func:`window_model` is the published network: read a window of characters, say the next one.
:func:`stream_model` reads a text as parallel streams, says the next character after every character,
and carries its state from one window to the next.

A :class:`Writer` reads prompts and writes on, many at once, in one compiled loop on any Keras backend.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from nnlab.models.lstm import ScanLSTM, mask_padding


def window_model(vocabulary: int, window: int, units: int) -> keras.Model:
    """The published network: ids ``(batch, window)`` to logits of the next character ``(batch, vocabulary)``.

    One LSTM that reads characters one-hot; a one-hot vector times the input weights is a row of them,
    which is what the embedding looks up.
    """
    ids = keras.Input((window,), dtype="int32", name="window")
    x = layers.Embedding(vocabulary, 4 * units, embeddings_initializer="glorot_uniform", name="characters")(ids)
    x = ScanLSTM(units, name="lstm_1")(x)  # (batch, window, units)
    return keras.Model(ids, layers.Dense(vocabulary, name="logits")(x[:, -1]), name="window")


def stream_model(vocabulary: int, streams: int, window: int, units: int, depth: int, dropout: float) -> keras.Model:
    """Ids ``(streams, window)`` to logits after each character ``(streams, window, vocabulary)``.

    ``depth`` LSTM layers with a way around each but the first (He and others 2016), dropout between and
    after them. Where there are several the window goes through in two halves, each layer on the second
    while the next is on the first: on 2 cores a step of training takes 75 ms instead of 87.
    """
    ids = keras.Input((window,), batch_size=streams, dtype="int32", name="streams")
    rows = keras.initializers.RandomNormal(stddev=0.3)
    x = layers.Embedding(vocabulary, 4 * units, embeddings_initializer=rows, name="characters")(ids)
    halves = ops.split(x, [-(-window // 2)], axis=1) if depth > 1 else [x]
    halves = ScanLSTM(units, stateful=True, name="lstm_1")(halves)  # each (streams, half a window, units)
    for number in range(2, depth + 1):
        drop, into = layers.Dropout(dropout), layers.Dense(4 * units, use_bias=False, name=f"into_{number}")
        above = ScanLSTM(units, stateful=True, name=f"lstm_{number}")([into(drop(half)) for half in halves])
        halves = [layers.add(pair) for pair in zip(halves, above, strict=True)]
    x = layers.Dropout(dropout)(ops.concatenate(halves, axis=1))
    return keras.Model(ids, layers.Dense(vocabulary, name="logits")(x), name="stream")


class Writer(keras.Model):  # type: ignore[misc]
    """Reads prompts and writes on: the common part, a loop over characters.

    Called with a dict: ``states`` of the call before or, at first, those of :meth:`start` with the
    prompts: ``prompt`` and ``present`` ``(batch, time)``, right-aligned, ``present`` 0 where a prompt is
    shorter; ``chances`` ``(batch, length)``, uniform numbers in [0, 1), one a character to write;
    ``diversity`` and ``top_p`` ``(batch,)``. Returns the ``ids`` written ``(batch, length)`` and the
    ``states``, the first of which is the logits of what comes next.
    """

    def __init__(self, model: keras.Model, *, nucleus: bool) -> None:
        super().__init__()
        self.characters = model.get_layer("characters")
        self.lstms = [layer for layer in model.layers if isinstance(layer, ScanLSTM)]
        self.logits = model.get_layer("logits")
        self.nucleus = nucleus
        self.compile(jit_compile=False)

    def start(self, batch: int) -> list[Any]:
        """The states before the first character."""
        raise NotImplementedError

    def read(self, prompt: Any, present: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """Logits after the prompts ``(batch, vocabulary)``, and the states there."""
        raise NotImplementedError

    def advance(self, ids: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """Logits after one more character ``(batch,)``, and the states there."""
        raise NotImplementedError

    def call(self, inputs: dict[str, Any]) -> Any:
        """Read, then draw and read what was drawn, ``length`` times."""
        chances = inputs["chances"]
        length = chances.shape[1]
        if "prompt" in inputs:
            logits, states = self.read(inputs["prompt"], inputs["present"], inputs["states"])
        else:
            logits, *states = inputs["states"]
        draws = ops.transpose(chances)  # (length, batch)
        places = ops.arange(length)

        def step(number: Any, logits: Any, written: Any, *now: Any) -> Any:
            ids = self._draw(logits, ops.take(draws, number, axis=0), inputs["diversity"], inputs["top_p"])
            written = ops.where(places == number, ids[:, None], written)
            logits, after = self.advance(ids, list(now))
            return (number + 1, logits, written, *after)

        def unfinished(number: Any, *rest: Any) -> Any:
            return number < length

        first = (ops.convert_to_tensor(0, "int32"), logits, ops.zeros_like(chances, dtype="int32"), *states)
        _, logits, written, *after = ops.while_loop(unfinished, step, first)
        return {"ids": written, "states": [logits, *after]}

    def _draw(self, logits: Any, chance: Any, diversity: Any, top_p: Any) -> Any:
        """Sample by inverting the cumulative distribution at ``chance``; no generator, so any batch does."""
        share = ops.softmax(logits / diversity[:, None])
        if self.nucleus:  # Holtzman and others 2020: the smallest set of characters that holds top_p
            ordered = ops.flip(ops.sort(share, axis=-1), axis=-1)
            inside = ops.cumsum(ordered, axis=-1) - ordered < top_p[:, None]
            least = ops.min(ops.where(inside, ordered, 2.0), axis=-1, keepdims=True)
            share = ops.where(share >= least, share, 0.0)
        reached = ops.cumsum(share, axis=-1)
        ids = ops.sum(ops.cast(reached <= chance[:, None] * reached[:, -1:], "int32"), axis=-1)
        return ops.minimum(ids, logits.shape[-1] - 1)


class StreamLoop(Writer):
    """Writes with a :func:`stream_model`: the state goes on, however long the text grows."""

    def __init__(self, model: keras.Model, *, nucleus: bool) -> None:
        super().__init__(model, nucleus=nucleus)
        self.into = [layer for layer in model.layers if layer.name.startswith("into_")]

    def start(self, batch: int) -> list[Any]:
        """Zeros: h and c of each layer."""
        return [np.zeros((batch, lstm.units), "float32") for lstm in self.lstms for _ in range(2)]

    def read(self, prompt: Any, present: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """All characters of a prompt at once. Left of it a state that is zero stays zero."""
        after = []
        x = None
        for number, lstm in enumerate(self.lstms):
            gates = self.characters(prompt) if number == 0 else self.into[number - 1](x)
            out, h, c = lstm.run(mask_padding(gates, present), states[2 * number : 2 * number + 2])
            after += [h, c]
            x = out if x is None else x + out
        assert x is not None
        return self.logits(x[:, -1]), after

    def advance(self, ids: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """One step of every layer."""
        after = []
        x = None
        for number, lstm in enumerate(self.lstms):
            gates = self.characters(ids) if number == 0 else self.into[number - 1](x)
            h, c = lstm.step(gates, *states[2 * number : 2 * number + 2])
            after += [h, c]
            x = h if x is None else x + h
        return self.logits(x), after


class WindowLoop(Writer):
    """Writes with a :func:`window_model`, which sees the last ``window`` characters and nothing before.

    The plain loop reads the whole window again for each character. Here ``window`` readings go on side
    by side, each begun one character after the other: a new character is one step of all of them, and
    the oldest, which has now read exactly the window, says what comes next. Then it begins anew. The
    answers are those of the plain loop, for ``window`` times less work in sequence.
    """

    def __init__(self, model: keras.Model, *, nucleus: bool) -> None:
        super().__init__(model, nucleus=nucleus)
        self.window = model.input_shape[1]

    def start(self, batch: int) -> list[Any]:
        """No character read; every reading at zero."""
        units = self.lstms[0].units
        readings = [np.zeros((batch, self.window, units), "float32") for _ in range(2)]
        return [*readings, np.zeros(batch, "int32")]

    def read(self, prompt: Any, present: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """Character by character; where none is present nothing happens."""
        length = prompt.shape[1]

        def step(number: Any, *states: Any) -> Any:
            here = ops.take(present, number, axis=1) > 0
            after = self._advance(ops.take(prompt, number, axis=1), list(states))
            return (
                number + 1,
                *(ops.where(_like(here, old), new, old) for new, old in zip(after, states, strict=True)),
            )

        def unfinished(number: Any, *rest: Any) -> Any:
            return number < length

        _, *states = ops.while_loop(unfinished, step, (ops.convert_to_tensor(0, "int32"), *states))
        return self._say(states), states

    def advance(self, ids: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """One step of every reading."""
        states = self._advance(ids, states)
        return self._say(states), states

    def _advance(self, ids: Any, states: Sequence[Any]) -> list[Any]:
        h, c, count = states
        keep = 1 - ops.one_hot(count % self.window, self.window)[:, :, None]  # the reading that begins now
        h, c = self.lstms[0].step(self.characters(ids)[:, None, :], h * keep, c * keep)
        return [h, c, count + 1]

    def _say(self, states: Sequence[Any]) -> Any:
        h, _, count = states
        oldest = ops.where(count < self.window, 0, count % self.window)
        return self.logits(ops.sum(h * ops.one_hot(oldest, self.window)[:, :, None], axis=1))


def _like(flags: Any, array: Any) -> Any:
    """Flags ``(batch,)`` with as many axes as an array."""
    return ops.reshape(flags, (-1, *(1 for _ in array.shape[1:])))
