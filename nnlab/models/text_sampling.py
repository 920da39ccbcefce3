"""Writing with a trained language model: prompts in, text out, a stretch at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np

from nnlab.backend import compiled, predict_threads
from nnlab.models.language_model import StreamLoop, WindowLoop

CHUNK_LENGTH = 128  # characters a call: the loop is compiled for this many
MANY = 64
BATCHES = (1, 8, MANY // 2)  # and for these numbers of texts side by side; of more, two go on at once:
# while one's gates are worked out on one core the other's matrix product runs (41,000 to 54,000 characters a second)


class TextSampler:
    """Writes with one model. The text of a prompt depends on the model, the seed and the settings alone."""

    def __init__(self, model: keras.Model, *, nucleus: bool = False) -> None:
        made = StreamLoop if model.name == "stream" else WindowLoop
        self._writer = made(model, nucleus=nucleus)
        self._write = compiled(self._writer)
        self._window: int | None = getattr(self._writer, "window", None)

    def write(
        self, prompts: Sequence[Sequence[int]], length: int, diversity: Sequence[float], seed: int, top_p: float = 1.0
    ) -> Iterator[np.ndarray[Any, Any]]:
        """The ids that follow each prompt, ``(prompts, up to CHUNK_LENGTH)`` at a time, ``length`` in all.

        ``diversity`` is the temperature of each. Every prompt gets the same stream of chances, so a text
        does not depend on what is written beside it.
        """
        if len(prompts) > MANY:
            raise ValueError(f"expected up to {MANY} prompts at once, got {len(prompts)}")
        cut = BATCHES[-1]
        parts = [
            self._write_some(prompts[start : start + cut], length, diversity[start : start + cut], seed, top_p)
            for start in range(0, len(prompts), cut)
        ]
        with ThreadPoolExecutor(predict_threads()) as pool:
            for _ in range(0, length, CHUNK_LENGTH):
                yield np.concatenate(list(pool.map(next, parts)))

    def _write_some(
        self, prompts: Sequence[Sequence[int]], length: int, diversity: Sequence[float], seed: int, top_p: float
    ) -> Iterator[np.ndarray[Any, Any]]:
        """The same for as many as one call of the compiled loop takes."""
        count = len(prompts)
        batch = next(size for size in BATCHES if size >= count)
        filled = [*prompts, *([prompts[-1]] * (batch - count))]
        if self._window:
            filled = [prompt[-self._window :] for prompt in filled]
        inputs: dict[str, Any] = _right_aligned(filled)
        inputs["states"] = self._writer.start(batch)
        inputs["diversity"] = np.array([*diversity, *([1.0] * (batch - count))], "float32")
        inputs["top_p"] = np.full(batch, top_p, "float32")
        chances = np.random.default_rng([seed, 7])
        for start in range(0, length, CHUNK_LENGTH):
            inputs["chances"] = np.tile(chances.random(CHUNK_LENGTH, "float32"), (batch, 1))
            found = self._write(inputs)
            written = found["ids"]
            yield written[:count, : length - start]
            inputs = {key: inputs[key] for key in ("diversity", "top_p")} | {"states": found["states"]}


def _right_aligned(prompts: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Prompts as one array, in steps of 32 characters so that few lengths are compiled."""
    width = -(-max(len(prompt) for prompt in prompts) // 32) * 32
    ids = np.zeros((len(prompts), width), "int32")
    present = np.zeros((len(prompts), width), "float32")
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = prompt
        present[row, width - len(prompt) :] = 1
    return {"prompt": ids, "present": present}


def sampling_speed(pen: Any, prompt: list[int]) -> dict[str, float]:
    """Characters a second of one text and of many side by side, after start-up."""
    speeds = {}
    for name, count, length in (("characters_per_second", 1, 1024), (f"characters_per_second_{MANY}", MANY, 1024)):
        for _ in pen.write([prompt] * count, 129, [1.0] * count, 0):  # compiles, for prompts and for going on
            pass
        began = time.perf_counter()
        for _ in pen.write([prompt] * count, length, [1.0] * count, 0):
            pass
        speeds[name] = round(count * length / (time.perf_counter() - began), 1)
    return speeds
