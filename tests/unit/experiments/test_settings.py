"""Settings that a config says change nothing: network, optimizer and batches are the same whatever they are."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any, Literal

import keras
import numpy as np
import pytest

from nnlab.experiments import entry
from nnlab.options import fields_of, hints_of


def another(cls: Any, name: str, value: Any) -> Any:
    """A value of a setting that is not this one, within its bounds."""
    hint = hints_of(cls)[name]
    if typing.get_origin(hint) is Literal:
        return next(choice for choice in typing.get_args(hint) if choice != value)
    if isinstance(value, bool):
        return not value
    field = next(field for field in fields_of(cls) if field.name == name)
    below = (field.metadata.get("option") or field.metadata["bounds"]).below or np.inf
    more = 2 if value is None else value + (1 if isinstance(value, int) else 0.25)
    return more if more < below else value / 2


def made(name: str, config: Any, data: Any) -> list[Any]:
    """What a config makes of data: of each task its length, network, optimizer and first batch."""
    found: list[Any] = []
    keras.utils.set_random_seed(0)
    keras.backend.clear_session()  # names are counted anew
    for task in entry(name).experiment(config).tasks(config, data):
        model = task.build()
        network = [(type(layer).__name__, layer.get_config()) for layer in model.layers]
        found += [task.epochs, task.steps, task.total, network, model.optimizer.get_config()]
        found += [np.asarray(part) for part in keras.tree.flatten(next(iter(task.batches(model, 0, 0))))]
    return found


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("arith", {"op": "sub", "samples": 100}),
        ("arith", {"op": "mul", "samples": 100}),
        ("arith", {"network": "seq2seq", "schedule": "constant", "samples": 100}),
        ("mnist", {"net": "mlp"}),
        ("mnist", {"net": "cnn", "design": "keras_2018"}),
        ("textgen", {"network": "window"}),
        ("translate", {"network": "encoder_decoder"}),
        ("autoencode", {"net": "dense", "schedule": "constant"}),
        ("autoencode", {"data": "chirps", "net": "dense"}),
    ],
)
def test_a_setting_that_changes_nothing_changes_nothing(name, given):
    cls = entry(name).config
    asked = cls.from_options({"preset": "quick", **given}, settings=True)
    loaded = entry(name).experiment(asked).load(asked)
    config = loaded.config
    without = [entry.name for entry in fields_of(cls) if cls.without_effect(entry.name, config.record()) is not None]
    assert without
    changed = dataclasses.replace(config, **{one: another(cls, one, getattr(config, one)) for one in without})
    np.testing.assert_equal(made(name, changed, loaded.data), made(name, config, loaded.data))
