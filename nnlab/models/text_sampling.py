"""Sampling text from a character language model: prompts in, the ids that follow out, some at a time.

:class:`TextSampler` is what experiments use. Below it a :class:`SamplingLoop` reads prompts and samples what follows,
many texts at once, in one compiled loop on any Keras backend.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
from keras import ops

from nnlab.backend import compile_call, jit_compile, predict_threads
from nnlab.data.random import Stream, rng
from nnlab.models.ensemble import averaged, networks_of
from nnlab.models.lstm import ScanLSTM, mask_padding

CHUNK_LENGTH = 128  # characters per call: the loop is compiled for this many
MAX_BATCH = 64  # texts side by side
BATCH_SIZES = (1, 8, MAX_BATCH // 2)  # that the loop is compiled for; of more texts, two groups go on at once:
# while one's gates are computed on one core the other's matrix product runs (41,000 to 54,000 characters per second)
PROMPT_MULTIPLE = 32  # prompts are padded to a multiple of this, so that few lengths are compiled


class TextSampler:
    """Samples texts from one model. The text of a prompt depends on the model, the seed and the settings alone.

    ``model``: a :func:`~nnlab.models.language_model.stream_model` or ``window_model``. ``nucleus``: ``top_p`` will be
    used; without it the loop is compiled without the sorting that it takes.
    """

    def __init__(self, model: keras.Model, *, nucleus: bool = False) -> None:
        self._loop: SamplingLoop = (StreamLoop if model.name == "stream" else WindowLoop)(model, nucleus=nucleus)
        self._call = compile_call(self._loop)

    def sample(
        self, prompts: Sequence[Sequence[int]], length: int, diversity: Sequence[float], seed: int, top_p: float = 1.0
    ) -> Iterator[np.ndarray[Any, Any]]:
        """The ids that follow each prompt, ``(prompts, up to CHUNK_LENGTH)`` at a time, ``length`` in all.

        ``prompts``: up to ``MAX_BATCH``, of at least one id each; ValueError where there are more. ``diversity``: the
        temperature of each, that its logits are divided by. ``top_p``: the probability of the set that is sampled
        from. Every prompt gets the same stream of random numbers, so a text does not depend on what is sampled
        beside it.
        """
        if len(prompts) > MAX_BATCH:
            raise ValueError(f"expected up to {MAX_BATCH} prompts at once, got {len(prompts)}")
        size = BATCH_SIZES[-1]
        groups = [
            self._sample_group(prompts[start : start + size], length, diversity[start : start + size], seed, top_p)
            for start in range(0, len(prompts), size)
        ]
        with ThreadPoolExecutor(predict_threads()) as pool:
            for _ in range(0, length, CHUNK_LENGTH):
                yield np.concatenate(list(pool.map(next, groups)))

    def _sample_group(
        self, prompts: Sequence[Sequence[int]], length: int, diversity: Sequence[float], seed: int, top_p: float
    ) -> Iterator[np.ndarray[Any, Any]]:
        """The same for as many as one call of the compiled loop takes."""
        count = len(prompts)
        batch = next(size for size in BATCH_SIZES if size >= count)
        filled = [*prompts, *([prompts[-1]] * (batch - count))]
        if self._loop.window:
            filled = [prompt[-self._loop.window :] for prompt in filled]
        inputs: dict[str, Any] = _right_aligned(filled)
        inputs["states"] = self._loop.initial_states(batch)
        inputs["diversity"] = np.array([*diversity, *([1.0] * (batch - count))], "float32")
        inputs["top_p"] = np.full(batch, top_p, "float32")
        draws = rng(seed, Stream.SAMPLING)
        for start in range(0, length, CHUNK_LENGTH):
            inputs["uniforms"] = np.tile(draws.random(CHUNK_LENGTH, "float32"), (batch, 1))
            outputs = self._call(inputs)
            yield outputs["ids"][:count, : length - start]
            inputs = {key: inputs[key] for key in ("diversity", "top_p")} | {"states": outputs["states"]}


def _right_aligned(prompts: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Prompts of different lengths as one array, padded on the left."""
    width = -(-max(len(prompt) for prompt in prompts) // PROMPT_MULTIPLE) * PROMPT_MULTIPLE
    ids = np.zeros((len(prompts), width), "int32")
    present = np.zeros((len(prompts), width), "float32")
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = prompt
        present[row, width - len(prompt) :] = 1
    return {"prompt": ids, "present": present}


def sampling_speed(sampler: TextSampler, prompt: Sequence[int]) -> dict[str, float]:
    """Characters per second of one text and of ``MAX_BATCH`` side by side, after start-up."""
    speeds = {}
    length = 1024
    for name, count in (("characters_per_second", 1), (f"characters_per_second_{MAX_BATCH}", MAX_BATCH)):
        for _ in sampler.sample([prompt] * count, CHUNK_LENGTH + 1, [1.0] * count, 0):  # compiles both calls
            pass
        began = time.perf_counter()
        for _ in sampler.sample([prompt] * count, length, [1.0] * count, 0):
            pass
        speeds[name] = round(count * length / (time.perf_counter() - began), 1)
    return speeds


# ---- the compiled loops ------------------------------------------------------------------------------


class SamplingLoop(keras.Model, ABC):  # type: ignore[misc]
    """Reads prompts and samples what follows: the common part, a loop over characters.

    Called with a dict: ``states`` of the call before or, at first, those of :meth:`initial_states` with the prompts:
    ``prompt`` and ``present`` ``(batch, time)``, right-aligned, ``present`` 0 where a prompt is shorter;
    ``uniforms`` ``(batch, length)``, random numbers in [0, 1), one per character to sample; ``diversity`` and
    ``top_p`` ``(batch,)``. Returns the ``ids`` sampled ``(batch, length)`` and the ``states``, the first of which is
    the logits of what comes next.
    """

    window: int | None = None  # characters of a prompt that matter; None: all

    def __init__(self, *, nucleus: bool) -> None:
        super().__init__()
        self.nucleus = nucleus
        self.compile(jit_compile=jit_compile())

    @abstractmethod
    def initial_states(self, batch: int) -> list[Any]:
        """The states before the first character."""

    @abstractmethod
    def read_prompt(self, prompt: Any, present: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """Logits after the prompts ``(batch, vocabulary)``, and the states there."""

    @abstractmethod
    def step(self, ids: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """Logits after one more character ``(batch,)``, and the states there."""

    def call(self, inputs: dict[str, Any]) -> Any:
        """Read the prompts, then sample a character and read it, ``length`` times."""
        uniforms = inputs["uniforms"]
        length = uniforms.shape[1]
        if "prompt" in inputs:
            logits, states = self.read_prompt(inputs["prompt"], inputs["present"], inputs["states"])
        else:
            logits, *states = inputs["states"]
        by_step = ops.transpose(uniforms)  # (length, batch)
        columns = ops.arange(length)

        def step(number: Any, logits: Any, sampled: Any, *states: Any) -> Any:
            ids = self._draw(logits, ops.take(by_step, number, axis=0), inputs["diversity"], inputs["top_p"])
            sampled = ops.where(columns == number, ids[:, None], sampled)
            logits, after = self.step(ids, list(states))
            return (number + 1, logits, sampled, *after)

        def unfinished(number: Any, *rest: Any) -> Any:
            return number < length

        first = (ops.convert_to_tensor(0, "int32"), logits, ops.zeros_like(uniforms, dtype="int32"), *states)
        _, logits, sampled, *after = ops.while_loop(unfinished, step, first)
        return {"ids": sampled, "states": [logits, *after]}

    def _draw(self, logits: Any, uniform: Any, diversity: Any, top_p: Any) -> Any:
        """Sample by inverting the cumulative distribution at ``uniform``; no generator, so any batch does."""
        probabilities = ops.softmax(logits / diversity[:, None])
        if self.nucleus:  # Holtzman and others 2020: the smallest set of characters that holds top_p
            ordered = ops.flip(ops.sort(probabilities, axis=-1), axis=-1)
            inside = ops.cumsum(ordered, axis=-1) - ordered < top_p[:, None]
            least = ops.min(ops.where(inside, ordered, 2.0), axis=-1, keepdims=True)
            probabilities = ops.where(probabilities >= least, probabilities, 0.0)
        cumulative = ops.cumsum(probabilities, axis=-1)
        ids = ops.sum(ops.cast(cumulative <= uniform[:, None] * cumulative[:, -1:], "int32"), axis=-1)
        return ops.minimum(ids, logits.shape[-1] - 1)


class StreamLoop(SamplingLoop):
    """Samples from a ``stream_model``: the state goes on, however long the text grows."""

    def __init__(self, model: keras.Model, *, nucleus: bool) -> None:
        super().__init__(nucleus=nucleus)
        self.networks = [_StreamNetwork(network) for network in networks_of(model)]

    def initial_states(self, batch: int) -> list[Any]:
        """Those of each network, one after the other."""
        return [state for network in self.networks for state in network.initial_states(batch)]

    def read_prompt(self, prompt: Any, present: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """Every network reads the prompts; their probabilities are averaged."""
        return self._together([network.read_prompt(prompt, present, own) for network, own in self._with_own(states)])

    def step(self, ids: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """One step of every network."""
        return self._together([network.step(ids, own) for network, own in self._with_own(states)])

    def _with_own(self, states: list[Any]) -> list[tuple[_StreamNetwork, list[Any]]]:
        """Each network and its states."""
        own = len(states) // len(self.networks)
        return [(network, states[number * own : (number + 1) * own]) for number, network in enumerate(self.networks)]

    @staticmethod
    def _together(found: list[tuple[Any, list[Any]]]) -> tuple[Any, list[Any]]:
        return averaged([logits for logits, _ in found]), [state for _, after in found for state in after]


class _StreamNetwork(keras.layers.Layer):  # type: ignore[misc]
    """The layers of one network of a ``stream_model``: how it reads from given states."""

    def __init__(self, network: keras.Model) -> None:
        super().__init__()
        self.characters = network.get_layer("characters")
        self.lstms = [layer for layer in network.layers if isinstance(layer, ScanLSTM)]
        self.gates = [layer for layer in network.layers if layer.name.startswith("gates_")]
        self.logits = network.get_layer("logits")
        self.built = True  # of layers that are: Keras on JAX would warn

    def initial_states(self, batch: int) -> list[Any]:
        """Zeros: h and c ``(batch, units)`` of each layer."""
        return [np.zeros((batch, lstm.units), "float32") for lstm in self.lstms for _ in range(2)]

    def read_prompt(self, prompt: Any, present: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """All characters of a prompt at once. Left of it a state that is zero stays zero."""
        after = []
        x = None
        for number, lstm in enumerate(self.lstms):
            gates = self.characters(prompt) if number == 0 else self.gates[number - 1](x)
            outputs, h, c = lstm.scan(mask_padding(gates, present), states[2 * number : 2 * number + 2])
            after += [h, c]
            x = outputs if x is None else x + outputs
        assert x is not None
        return self.logits(x[:, -1]), after

    def step(self, ids: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """One step of every layer."""
        after = []
        x = None
        for number, lstm in enumerate(self.lstms):
            gates = self.characters(ids) if number == 0 else self.gates[number - 1](x)
            h, c = lstm.step(gates, *states[2 * number : 2 * number + 2])
            after += [h, c]
            x = h if x is None else x + h
        return self.logits(x), after


class WindowLoop(SamplingLoop):
    """Samples from a ``window_model``, which sees the last ``window`` characters and nothing before.

    The plain loop reads the whole window again for each character. Here ``window`` readings go on side
    by side, each begun one character after the other: a new character is one step of all of them, and
    the oldest, which has now read exactly the window, predicts what comes next. Then it begins anew. The
    predictions are those of the plain loop, for ``window`` times less work in sequence.
    """

    window: int

    def __init__(self, model: keras.Model, *, nucleus: bool) -> None:
        super().__init__(nucleus=nucleus)
        self.characters, self.logits = model.get_layer("characters"), model.get_layer("logits")
        self.lstm = model.get_layer("lstm_1")
        self.window = int(model.input_shape[1])

    def initial_states(self, batch: int) -> list[Any]:
        """No character read; h and c ``(batch, window, units)`` of every reading at zero."""
        units = self.lstm.units
        readings = [np.zeros((batch, self.window, units), "float32") for _ in range(2)]
        return [*readings, np.zeros(batch, "int32")]

    def read_prompt(self, prompt: Any, present: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """Character by character; where none is present nothing happens."""
        length = prompt.shape[1]

        def step(number: Any, *states: Any) -> Any:
            read = ops.take(present, number, axis=1) > 0
            after = self._read(ops.take(prompt, number, axis=1), list(states))
            return (
                number + 1,
                *(ops.where(_like(read, old), new, old) for new, old in zip(after, states, strict=True)),
            )

        def unfinished(number: Any, *rest: Any) -> Any:
            return number < length

        _, *states = ops.while_loop(unfinished, step, (ops.convert_to_tensor(0, "int32"), *states))
        return self._predict(states), states

    def step(self, ids: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """One step of every reading."""
        states = self._read(ids, states)
        return self._predict(states), states

    def _read(self, ids: Any, states: Sequence[Any]) -> list[Any]:
        h, c, count = states
        keep = 1 - ops.one_hot(count % self.window, self.window)[:, :, None]  # 0 for the reading that begins now
        h, c = self.lstm.step(self.characters(ids)[:, None, :], h * keep, c * keep)
        return [h, c, count + 1]

    def _predict(self, states: Sequence[Any]) -> Any:
        h, _, count = states
        oldest = ops.where(count < self.window, 0, count % self.window)
        return self.logits(ops.sum(h * ops.one_hot(oldest, self.window)[:, :, None], axis=1))


def _like(flags: Any, array: Any) -> Any:
    """Flags ``(batch,)`` with as many axes as an array."""
    return ops.reshape(flags, (-1, *(1 for _ in array.shape[1:])))
