"""A network learns whether most of some bits are ones.

Run it::

    nnlab majority --bits 9
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnlab.errors import InputError
from nnlab.evaluation.intervals import over_runs
from nnlab.experiments import FinishedRun, Loaded, Predictor
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal, percent, table
from nnlab.training.task import Results, Task
from tests.experiments.eighth.config import MajorityConfig

SAMPLES, HELD_OUT = 2000, 200


def load(config: MajorityConfig) -> Loaded[MajorityConfig, Any]:
    bits = np.random.default_rng([config.data_seed, 8]).integers(0, 2, (SAMPLES, config.bits)).astype(np.float32)
    digest = hashlib.sha256(bits.tobytes()).hexdigest()
    return Loaded(config, bits, {"name": "drawn", "items": SAMPLES, "digest": digest})


def build(config: MajorityConfig) -> Any:
    import keras

    bits = keras.Input((config.bits,))
    hidden = keras.layers.Dense(config.units, activation="relu")(bits)
    return keras.Model(bits, keras.layers.Dense(1, activation="sigmoid")(hidden))


def truth(bits: Any) -> Any:
    return (2 * bits.sum(axis=1) > bits.shape[1]).astype(np.float32)


def tasks(config: MajorityConfig, data: Any) -> list[Task]:
    from nnlab.training.batches import predict_in_batches, shuffled

    held_out, train = data[:HELD_OUT], data[HELD_OUT:]

    def compiled() -> Any:
        model = build(config)
        model.compile("adam", "binary_crossentropy")
        return model

    def evaluate(model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        p = predict_in_batches(model, held_out)[:, 0]
        right = np.where(truth(held_out) > 0, p, 1 - p).astype(float)
        return {"val_loss": float(-np.log(right + 1e-9).mean()), "accuracy": float((right > 0.5).mean())}, {}

    return [
        Task(
            name="",
            epochs=config.epochs,
            steps=-(-len(train) // config.batch_size),
            build=compiled,
            batches=shuffled((train, truth(train)), len(train), config.batch_size),
            evaluate=evaluate,
            outputs=lambda model: {},
        )
    ]


def present(
    config: MajorityConfig, data: Any, results: Results, terminal: Terminal, folder: RunFolder
) -> dict[str, Any]:
    last = [run.history.rows[-1] for run in results[""]]
    found = {name: over_runs([float(row[name]) for row in last]) for name in ("val_loss", "accuracy")}
    terminal.show(table("held-out questions right", percent(found["accuracy"])))
    return found


def headline(results: Mapping[str, Any]) -> str:
    return f"{percent(results['accuracy'])} right"


def predictor(config: MajorityConfig, run: FinishedRun, options: Mapping[str, Any]) -> Predictor[Any]:
    return MajorityPredictor(config, run)


class MajorityPredictor(Predictor[Any]):
    def __init__(self, config: MajorityConfig, run: FinishedRun) -> None:
        self.bits, self.model = config.bits, run.fill(build(config))

    def read(self, text: str) -> Any:
        if len(text) != self.bits or set(text) - {"0", "1"}:
            raise InputError(f"expected {self.bits} bits, got {text!r}", "Write 0 and 1")
        return np.array([int(bit) for bit in text], np.float32)

    def answer(self, inputs: Sequence[Any]) -> list[str]:
        from nnlab.training.batches import predict_in_batches

        return ["ones" if p > 0.5 else "zeros" for p in predict_in_batches(self.model, np.stack(inputs), size=32)[:, 0]]
