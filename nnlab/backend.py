"""The one door to the backend: TensorFlow (the default) or JAX, chosen by ``KERAS_BACKEND``.

Nothing else in nnlab imports ``tensorflow`` or ``jax``. Here are the switches that Keras has no
public call for: the device, determinism, quiet start-up, and the weights of a saved model.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nnlab
from nnlab.errors import InputError, UsageError

BACKENDS = ("tensorflow", "jax")
M_ARENA_MAX = -8  # glibc's malloc.h


@dataclass(frozen=True)
class Environment:
    """What a result depends on beside the config; saved as ``environment.json``."""

    nnlab: str
    keras: str
    backend: str
    backend_version: str
    device: str
    python: str
    numpy: str
    platform: str
    processor: str
    cores: int

    def record(self) -> dict[str, Any]:
        """The environment as plain JSON values."""
        return asdict(self)


_started: Environment | None = None


def start(device: str = "auto", *, verbose: bool = False, many_shapes: bool = False) -> Environment:
    """Import the backend quietly, choose the device and make it repeatable; once a process.

    ``device`` is ``auto``, ``cpu`` or ``gpu``. ``many_shapes``: batches of hundreds of shapes will come, and
    TensorFlow does without oneDNN, which keeps something of each: a translator took 200 MB less, trained as fast and
    wrote a tenth more slowly. Convolutions take half as long again without it. Raises UsageError for ``gpu`` where
    there is none and for a backend nnlab does not run on.
    """
    global _started
    if _started is None:
        if many_shapes:
            os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
        _started = _start(device, verbose)
    if device == "gpu" and _started.device.startswith("CPU"):
        raise UsageError(
            "--device gpu: no GPU was found", "Leave --device out, or install the extra: pip install 'nnlab[gpu]'"
        )
    return _started


def _start(device: str, verbose: bool) -> Environment:
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if backend not in BACKENDS:
        raise UsageError(f"expected KERAS_BACKEND to be tensorflow or jax, got {backend!r}", "Unset it for tensorflow")
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if backend == "jax":  # cuDNN and cuBLAS: the same bits each time
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_gpu_deterministic_ops=true".strip()
    _one_heap()
    with _quiet_native_stderr(enabled=not verbose):
        try:
            name, version = _open_tensorflow() if backend == "tensorflow" else _open_jax()
        except ImportError as error:
            extra = f"pip install 'nnlab[{backend}]'" if backend == "jax" else "pip install tensorflow"
            raise UsageError(f"the backend {backend} cannot be imported: {error}", f"Install it: {extra}") from error
        import keras
        import numpy as np
    return Environment(
        nnlab=nnlab.__version__,
        keras=keras.__version__,
        backend=backend,
        backend_version=version,
        device=name,
        python=platform.python_version(),
        numpy=np.__version__,
        platform=platform.platform(terse=True),
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    )


def _one_heap() -> None:
    """Have all threads allocate from one heap: glibc gives each its own, and what one frees the others cannot use.

    A translator's peak fell from 1.40 to 1.33 GB, at the same speed; elsewhere than with glibc nothing is done.
    """
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # another C library
            ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def _open_tensorflow() -> tuple[str, str]:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    tf.config.experimental.enable_op_determinism()
    tf.get_logger().setLevel("ERROR")
    if not gpus:
        return "CPU", tf.__version__
    details = tf.config.experimental.get_device_details(gpus[0])
    return f"GPU {details.get('device_name', gpus[0].name)}", tf.__version__


def _open_jax() -> tuple[str, str]:
    import jax

    with suppress(ImportError):  # Keras's data adapters import it in any case: here it is quiet
        import tensorflow  # noqa: F401

    found = jax.devices()[0]
    return ("CPU" if found.platform == "cpu" else f"GPU {found.device_kind}"), jax.__version__


def jit_compile() -> bool:
    """Whether models are compiled with XLA: always on JAX, never on TensorFlow.

    There XLA cannot be had together with op determinism, and on these small models it costs 12 s of
    compilation and saves nothing after (measured on 2 cores with arith).
    """
    return os.environ.get("KERAS_BACKEND") == "jax"


def predict_threads() -> int:
    """How many threads may have one model predict at the same time: under JAX a Keras model is one thread's."""
    return 1 if os.environ.get("KERAS_BACKEND") == "jax" else 2


def pad_multiple() -> int:
    """Sequences are padded to a multiple of this: under JAX each length is compiled, on TensorFlow it costs nothing."""
    return 4 if os.environ.get("KERAS_BACKEND") == "jax" else 1


def compiled(model: Any) -> Callable[[Any], Any]:
    """A model's call as one compiled program: inputs to outputs as arrays, for loops of many small steps.

    On TensorFlow that is XLA, which fuses what a step of a loop does: a text is written 2.4 times as fast
    as by ``predict_on_batch`` (measured). Keras itself offers XLA only without op determinism; where an
    operation is not deterministic under XLA, TensorFlow refuses to compile it.
    """
    if os.environ.get("KERAS_BACKEND") == "jax":
        predict: Callable[[Any], Any] = model.predict_on_batch
        return predict
    import tensorflow as tf

    with _quiet_native_stderr(enabled=True):  # XLA greets once a process
        tf.function(lambda x: x + 1, jit_compile=True)(tf.zeros(()))
    traced = tf.function(model.call, jit_compile=True)
    return lambda inputs: tf.nest.map_structure(lambda array: array.numpy(), traced(inputs))


def trace_once(model: Any) -> None:
    """Have a compiled model's ``train_on_batch`` and ``predict_on_batch`` traced once for batches of every size.

    Keras leaves sizes open only after it has met other ones, three traces of a translator, 3 s and 60 MB more.
    """
    if os.environ.get("KERAS_BACKEND") == "jax":  # where each size is a program of its own in any case
        return
    import tensorflow as tf

    def open_sizes(step: Callable[[Any], Any]) -> Callable[[Iterator[Any]], Any]:
        traced: Any = None

        def function(batches: Iterator[Any]) -> Any:
            nonlocal traced
            batch = tuple(part for part in next(iter(batches)) if part is not None)  # no sample weights
            if traced is None:
                sizes = tf.nest.map_structure(lambda array: tf.TensorSpec([None] * array.ndim, array.dtype), batch)
                traced = tf.function(step, input_signature=[sizes])
            return traced(batch)

        return function

    model.train_function = open_sizes(model.train_step)
    model.predict_function = open_sizes(model.predict_step)


@contextmanager
def _quiet_native_stderr(*, enabled: bool) -> Iterator[None]:
    """Keep what the native libraries write to file descriptor 2 while they load; shown only on failure."""
    descriptor = 2  # native code knows no sys.stderr
    try:
        kept = os.dup(descriptor)
    except OSError:  # closed: nobody to disturb
        kept = -1
    if not enabled or kept < 0:
        yield
        return
    with tempfile.TemporaryFile() as sink:
        _flush(sys.stderr)
        os.dup2(sink.fileno(), descriptor)
        try:
            yield
        except BaseException:
            sink.seek(0)
            os.write(kept, sink.read())
            raise
        finally:
            _flush(sys.stderr)
            os.dup2(kept, descriptor)
            os.close(kept)


def _flush(stream: Any) -> None:
    with suppress(OSError, ValueError, AttributeError):
        stream.flush()


def _processor() -> str:
    """The processor's name where the system tells it."""
    try:
        info = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", info, re.MULTILINE)
    return found.group(1).strip() if found else platform.machine()


# ---- saved models ------------------------------------------------------------------------------------


def load_weights(model: Any, path: Path) -> None:
    """Fill ``model`` with the weights of a ``.keras`` file; nothing else of the file is used.

    The network itself is built by nnlab from ``config.json``, so a stranger's file cannot bring code.
    One that tries (a Lambda layer, a class of another package) is refused all the same. InputError
    where the file is missing, damaged or of another network.
    """
    hint = "The model is damaged or of another version: run the experiment again"
    if not path.is_file():
        raise InputError("there is no model yet", "Finish the run first: --resume", path=path)
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise InputError(f"expected a Keras model, the file is damaged ({error})", hint, path=path) from error
    stranger = _foreign_class(config)
    if stranger:
        raise InputError(f"the model carries code: {stranger}", "Do not use a run folder you do not trust", path=path)
    try:
        model.load_weights(path)
    except (ValueError, KeyError, OSError, zipfile.BadZipFile, EOFError) as error:
        reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise InputError(f"the model does not fit config.json: {reason}", hint, path=path) from error


def _foreign_class(node: Any) -> str | None:
    """The first class in a Keras config that is neither Keras's nor ours, or that holds Python code."""
    if isinstance(node, dict):
        name = node.get("class_name")
        if isinstance(name, str):
            module = node.get("module") or ""
            known = module == "" or module.split(".")[0] in ("keras", "nnlab", "builtins")
            if name in ("Lambda", "__lambda__", "function") or not known:
                return f"{module}.{name}".strip(".")
        children: list[Any] = list(node.values())
    else:
        children = node if isinstance(node, list) else []
    return next((found for child in children if (found := _foreign_class(child))), None)
