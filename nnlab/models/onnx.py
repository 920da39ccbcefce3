"""Networks as ONNX files, written by Keras, and run again with onnxruntime."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from nnlab.machine import quiet_native_stderr
from nnlab.models.ensemble import networks_of

Array = np.ndarray[Any, Any]
Run = Callable[[Mapping[str, Array]], list[Array]]  # inputs by name -> outputs, in their order


@dataclass(frozen=True)
class Tensor:
    """An input or an output: its name, its shape (a name where a size is free), its type."""

    name: str
    shape: list[int | str]
    dtype: str

    def record(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


def write_onnx(model: keras.Model, path: Path, outputs: Sequence[str]) -> tuple[list[Tensor], list[Tensor]]:
    """Write a functional model; what goes in and what comes out, ``outputs`` their names in the model's order.

    Free sizes are called ``batch`` and ``time``. Keras's own message and what the native libraries print are kept
    back. Raises whatever Keras or tf2onnx raise.
    """
    import onnx

    zeros = [keras.ops.zeros([1 if size is None else size for size in spec.shape], spec.dtype) for spec in model.inputs]
    model(zeros if len(zeros) > 1 else zeros[0])  # Keras exports what has been called
    failure: Exception | None = None
    with warnings.catch_warnings(), quiet_native_stderr(enabled=True), _quiet_logger("tf2onnx"):
        warnings.simplefilter("ignore")  # Keras asks NumPy for an alias that it has no more
        try:
            model.export(path, format="onnx", verbose=False)
        except Exception as error:
            failure = error
    if failure is not None:  # raised here, for what was kept back has nothing to do with it
        raise failure
    graph = onnx.load(path)
    known = [Tensor(spec.name, _named_shape(spec.shape), str(spec.dtype)) for spec in model.inputs]
    given = [
        Tensor(name, _named_shape(spec.shape), str(spec.dtype))
        for name, spec in zip(outputs, model.outputs, strict=True)
    ]
    if [each.name for each in graph.graph.input] != [tensor.name for tensor in known]:
        raise ValueError(f"expected inputs {[tensor.name for tensor in known]}, the file has others")
    for tensor, value in zip(known, graph.graph.input, strict=True):
        _name_sizes(value, tensor)
    for tensor, value in zip(given, graph.graph.output, strict=True):
        graph.graph.node.append(onnx.helper.make_node("Identity", [value.name], [tensor.name]))
        value.name = tensor.name
        _name_sizes(value, tensor)
    onnx.checker.check_model(graph, full_check=True)
    onnx.save(graph, path)
    return known, given


def open_onnx(path: Path) -> Run:
    """What runs the network of a file with onnxruntime on the processor."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(inputs: Mapping[str, Array]) -> list[Array]:
        return [np.asarray(output) for output in session.run(None, dict(inputs))]

    return run


def with_erf(model: keras.Model) -> keras.Model:
    """A functional model whose GELUs are written with ``erf``: Keras on TensorFlow takes ``erfc``, ONNX has none."""

    def copied(layer: Any) -> Any:
        config = layer.get_config()
        if config.get("activation") == "gelu":
            config["activation"] = _gelu
        return layer.__class__.from_config(config)

    parts = [layer for network in networks_of(model) for layer in network.layers]
    if not any(getattr(layer, "activation", None) is keras.activations.gelu for layer in parts):
        return model
    clone = keras.models.clone_model(model, clone_function=copied, recursive=True)
    clone.set_weights(model.get_weights())
    return clone


def renamed(model: keras.Model, name: str) -> keras.Model:
    """A functional model of one input, which is called ``name``; the layers are the same."""
    spec = model.inputs[0]
    given = keras.Input(spec.shape[1:], dtype=spec.dtype, name=name)
    return keras.Model(given, model(given))


def _gelu(x: Any) -> Any:
    return 0.5 * x * (1.0 + keras.ops.erf(x * np.float32(0.5**0.5)))


def _named_shape(shape: Sequence[int | None]) -> list[int | str]:
    return [("time" if place else "batch") if size is None else size for place, size in enumerate(shape)]


def _name_sizes(value: Any, tensor: Tensor) -> None:
    """The sizes of a tensor in the file, called as they are here."""
    del value.type.tensor_type.shape.dim[:]
    for size in tensor.shape:
        dimension = value.type.tensor_type.shape.dim.add()
        if isinstance(size, str):
            dimension.dim_param = size
        else:
            dimension.dim_value = size


class _quiet_logger:
    """Within, a logger says nothing but errors."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def __enter__(self) -> None:
        self._level = self._logger.level
        self._logger.setLevel(logging.ERROR)

    def __exit__(self, *raised: object) -> None:
        self._logger.setLevel(self._level)
