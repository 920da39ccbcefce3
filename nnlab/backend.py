"""The one door to the backend: TensorFlow (the default) or JAX, chosen by ``KERAS_BACKEND``.

Nothing else in nnlab imports ``tensorflow`` or ``jax``. Here are the switches that Keras has no public call for: the
device, determinism, quiet start-up, compiled loops. The user's ``keras.json`` is overruled: what decides a result is
in the record of its run.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nnlab
from nnlab import cache
from nnlab.environment import Environment, commit, numeric_variables, processor
from nnlab.errors import UsageError, install_hint
from nnlab.machine import count_cores, one_blas_thread, one_heap, quiet_native_stderr

BACKENDS = ("tensorflow", "jax")
FLOATX, IMAGE_DATA_FORMAT, EPSILON = "float32", "channels_last", 1e-7  # Keras's own defaults, whatever keras.json says
UNUSED = ("sklearn", "matplotlib")  # Keras imports them where it finds them: a second
# With Python's own thresholds (700 or 2,000 new objects) garbage collection took a seventh of a short training.
COLLECTIONS = (100_000, 20, 10)


_started: Environment | None = None
_left_out: set[str] = set()


def own_process() -> None:
    """Be ready sooner, in a command's process: Keras stays without ``UNUSED``, garbage is collected less often.

    And OpenBLAS begins with one thread, see :func:`one_blas_thread`.
    """
    _left_out.update(UNUSED)
    gc.set_threshold(*COLLECTIONS)
    one_blas_thread()


def start(device: str = "auto", *, verbose: bool = False, onednn: bool | None = None) -> Environment:
    """Import the backend quietly, choose the device and make it repeatable; once per process.

    ``device``: ``auto``, ``cpu`` or ``gpu``. ``verbose``: show what the native libraries print. ``onednn``: see
    :func:`environment_variables`. Later calls return what the first one found.

    Raises UsageError for ``gpu`` where there is none, for a backend that nnlab does not run on or that cannot be
    imported, and where Keras was imported before with another backend.
    """
    global _started
    if _started is None:
        _started = _start(device, verbose, onednn)
    if device == "gpu" and _started.device.startswith("CPU"):
        raise UsageError(
            "--device gpu: no GPU was found", f"Leave --device out, or install the extra: {install_hint('gpu')}"
        )
    return _started


def environment_variables(device: str, *, onednn: bool | None, current: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that :func:`start` sets, given the ``current`` ones; the user's own choices stand.

    ``onednn``: whether TensorFlow computes with oneDNN; None: as it thinks fit, which is without on a processor with
    AVX2 alone (2.20). There an MLP takes 13 % less with it, a CNN 30 %; recurrent networks take some percent more. It
    keeps something of each shape: without it a translator, whose batches have hundreds, took
    200 MB less, trained as fast and wrote a tenth more slowly.
    """
    chosen = {
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        **({} if onednn is None else {"TF_ENABLE_ONEDNN_OPTS": str(int(onednn))}),
    }
    chosen |= {name: current[name] for name in chosen if current.get(name)}
    if device == "cpu":
        chosen |= {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
    if chosen["KERAS_BACKEND"] == "jax":  # cuDNN and cuBLAS: the same bits each time
        chosen["XLA_FLAGS"] = f"{current.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true".strip()
    return chosen


def _start(device: str, verbose: bool, onednn: bool | None) -> Environment:
    variables = environment_variables(device, onednn=onednn, current=os.environ)
    backend = variables["KERAS_BACKEND"]
    if backend not in BACKENDS:
        raise UsageError(f"expected KERAS_BACKEND to be tensorflow or jax, got {backend!r}", "Unset it for tensorflow")
    os.environ.update(variables)
    one_heap()
    with quiet_native_stderr(enabled=not verbose), usable_keras_home(), _not_found(_left_out):
        try:
            open_backend = _open_tensorflow if backend == "tensorflow" else _open_jax
            name, version, threads = open_backend()
        except ImportError as error:
            raise _import_failure(backend, error) from error
        keras = _import_keras(backend)
        import numpy as np
    cores = count_cores()
    name_of_processor, features = processor()
    return Environment(
        nnlab=nnlab.__version__,
        commit=commit(),
        keras=keras.__version__,
        backend=backend,
        backend_version=version,
        device=name,
        python=platform.python_version(),
        numpy=np.__version__,
        platform=platform.platform(terse=True),
        processor=name_of_processor,
        cores=cores,
        threads=threads or cores,
        cpu_features=features,
        variables=numeric_variables(),
    )


@contextmanager
def usable_keras_home() -> Iterator[None]:
    """Keras reads ``keras.json`` while it is imported: where that would stop it, it is shown an empty folder."""
    home = os.environ.get("KERAS_HOME")
    if home == "":  # Keras would take the working folder for its home
        del os.environ["KERAS_HOME"]
    with tempfile.TemporaryDirectory() as empty:
        if not _keras_json_can_be_read():
            os.environ["KERAS_HOME"] = empty
        try:
            yield
        finally:
            if home:
                os.environ["KERAS_HOME"] = home
            else:
                os.environ.pop("KERAS_HOME", None)


def _import_keras(backend: str) -> Any:
    """Keras with the settings that nnlab wants, whatever the user's are."""
    import keras

    if keras.config.backend() != backend:
        raise UsageError(
            f"expected Keras on {backend}, it was imported before with {keras.config.backend()}",
            f"Import keras after nnlab, or set KERAS_BACKEND={keras.config.backend()}",
        )
    keras.config.set_floatx(FLOATX)
    keras.config.set_dtype_policy(FLOATX)
    keras.config.set_image_data_format(IMAGE_DATA_FORMAT)
    keras.config.set_epsilon(EPSILON)
    return keras


@contextmanager
def _not_found(packages: Iterable[str]) -> Iterator[None]:
    """Hide these packages from imports for a while, unless they are imported already."""
    hidden = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: there is none
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


def _keras_json_can_be_read() -> bool:
    """Whether Keras can be imported beside the user's ``keras.json``; one with a value it does not know stops it."""
    path = Path(os.path.expanduser(os.environ.get("KERAS_HOME") or "~/.keras"), "keras.json")
    try:
        settings = json.loads(path.read_bytes())
    except FileNotFoundError:
        return True
    except (OSError, ValueError, RecursionError):
        return False
    return (
        isinstance(settings, dict)
        and settings.get("floatx", FLOATX) in ("float16", "float32", "float64")
        and settings.get("image_data_format", IMAGE_DATA_FORMAT) in ("channels_last", "channels_first")
        and isinstance(settings.get("epsilon", EPSILON), float)
        and not settings.get("nnx_enabled")
    )


def _import_failure(backend: str, error: ImportError) -> Exception:
    """What is told where a backend cannot be imported: it is missing, memory is, or it is damaged."""
    if isinstance(error, ModuleNotFoundError) and error.name in BACKENDS:
        hint = install_hint("jax" if backend == "jax" else "")
        return UsageError(f"the backend {backend} is not installed", f"Install it: {hint}")
    reason = " ".join(str(error).split())
    if re.search("memory|failed to map", reason, re.IGNORECASE):
        return MemoryError(reason)
    return UsageError(f"the backend {backend} cannot be imported: {reason[:300]}", f"Install {backend} again")


def _open_tensorflow() -> tuple[str, str, int]:
    """(device, version, threads of an operation; 0: as many as there are cores)."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    tf.config.experimental.enable_op_determinism()
    tf.get_logger().setLevel("ERROR")
    asked = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    threads = tf.config.threading.get_intra_op_parallelism_threads() or (int(asked) if asked.isdecimal() else 0)
    if not gpus:
        return "CPU", tf.__version__, threads
    details = tf.config.experimental.get_device_details(gpus[0])
    return f"GPU {details.get('device_name', gpus[0].name)}", tf.__version__, threads


def _open_jax() -> tuple[str, str, int]:
    import jax

    with suppress(ImportError):  # Keras's data adapters import it in any case: here it is quiet
        import tensorflow  # noqa: F401

    device = jax.devices()[0]
    if device.platform == "cpu":
        return "CPU", jax.__version__, 0
    _keep_programs(jax)
    return f"GPU {device.device_kind}", jax.__version__, 0


def _keep_programs(jax: Any) -> None:
    """Have JAX keep what it compiles for a GPU, unless the user has said where or that it should not.

    Not on processors: what was compiled for another one that shares the home can end in an illegal instruction. JAX
    loads what it kept as code, so it is kept where this user alone can write.
    """
    if jax.config.jax_compilation_cache_dir is None and "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        folder = cache.private("programs")
        if folder is not None:
            jax.config.update("jax_compilation_cache_dir", str(folder))


def jit_compile() -> bool:
    """Whether models are compiled with XLA: always on JAX, never on TensorFlow.

    There XLA cannot be had together with op determinism, and on these small models it costs 12 s of
    compilation and saves nothing after (measured on 2 cores with arith).
    """
    return os.environ.get("KERAS_BACKEND") == "jax"


def predict_threads() -> int:
    """How many threads may have one model predict at the same time: under JAX a Keras model is one thread's."""
    return 1 if os.environ.get("KERAS_BACKEND") == "jax" else 2


def queue_workers() -> int:
    """How many threads fill a queue of Keras's with the batches of ``fit``; with one there is no queue.

    On TensorFlow the queue leaves out the tuning thread of tf.data, which sleeps 10 ms x 2^k and may hold up the end of
    an epoch until it wakes: 5.1 s were measured for 3.4, and 82 s for 50. Under JAX the first ``fit`` of a model looks
    at a batch and begins again, but what was in the queue by then is read twice, and as many batches at the end of the
    epoch are never read (Keras 3.15).
    """
    return 1 if os.environ.get("KERAS_BACKEND") == "jax" else 2


def on_tensorflow_s_processor() -> bool:
    """Whether TensorFlow computes, and on a processor."""
    if os.environ.get("KERAS_BACKEND") == "jax":
        return False
    import tensorflow as tf

    return not tf.config.get_visible_devices("GPU")


def compiles_each_shape() -> bool:
    """Whether each shape of a batch is a program of its own, as under JAX; on TensorFlow a new one costs nothing."""
    return os.environ.get("KERAS_BACKEND") == "jax"


def compile_call(model: Any) -> Callable[[Any], Any]:
    """A model's call as one compiled program, for loops of many small steps: a function of its inputs to arrays.

    On TensorFlow that is XLA, which fuses what a step of a loop does: a text is sampled 2.4 times as fast
    as by ``predict_on_batch`` (measured). Keras itself offers XLA only without op determinism; where an
    operation is not deterministic under XLA, TensorFlow refuses to compile it.
    """
    if os.environ.get("KERAS_BACKEND") == "jax":
        predict: Callable[[Any], Any] = model.predict_on_batch
        return predict
    import tensorflow as tf

    with quiet_native_stderr(enabled=True):  # XLA greets once per process
        tf.function(lambda x: x + 1, jit_compile=True)(tf.zeros(()))
    # Without AutoGraph, as in `trace_once`: 0.1 to 0.4 s for reading code whose loops are Keras's operations.
    traced = tf.function(model.call, jit_compile=True, autograph=False)
    return lambda inputs: tf.nest.map_structure(lambda array: array.numpy(), traced(inputs))


def gradient(function: Callable[[Any], Any], at: Any) -> Any:
    """The gradient of a function to one number, made of Keras's operations, at ``at``: an array of its shape."""
    import numpy as np

    if os.environ.get("KERAS_BACKEND") == "jax":
        import jax

        return np.asarray(jax.grad(function)(jax.numpy.asarray(at)))
    import tensorflow as tf

    point = tf.convert_to_tensor(at)
    with tf.GradientTape() as tape:
        tape.watch(point)
        value = function(point)
    return tape.gradient(value, point).numpy()


def update_at_once(name: str, gradient: Any, variables: Mapping[str, Any], **settings: Any) -> bool:
    """Update a variable and its optimizer's slots by one operation of TensorFlow; False where that is left to Keras.

    That is under JAX, whose compiler makes one operation of several, and where a gradient is of some rows only, as that
    of an embedding that is not clipped: Keras squares each mention of a row by itself.

    ``name``: Adam, RMSProp or Adadelta. ``variables``: Keras's or TensorFlow's, by the operation's names. The
    operation reads and writes each of them once.
    """
    if os.environ.get("KERAS_BACKEND") == "jax":
        return False
    import keras
    import tensorflow as tf

    if isinstance(gradient, tf.IndexedSlices):
        return False
    own = {role: one.value if isinstance(one, keras.Variable) else one for role, one in variables.items()}
    handles = {role: one.handle for role, one in own.items()}
    getattr(tf.raw_ops, f"ResourceApply{name}")(**handles, grad=gradient, **settings)
    return True


def scratch(variables: Iterable[Any]) -> list[Any]:
    """For each variable one of its shape that :func:`update_at_once` writes and nobody reads; none under JAX."""
    if os.environ.get("KERAS_BACKEND") == "jax":
        return []
    import tensorflow as tf

    return [tf.Variable(tf.zeros(one.shape), trainable=False) for one in variables]


def trace_once(model: Any, *, samples: int | None = None) -> None:
    """Have a compiled model's steps of training and ``predict_on_batch`` traced once for batches of every size.

    ``samples``: how many each batch has, where that is known; None: any number.

    Keras leaves sizes open only after it has met other ones: three traces of a translator, 3 s and 60 MB more. Which
    size it met first decides how a batch of that size is computed, and with it the last bit, so a run that was resumed
    would differ from one that was not.
    """
    if os.environ.get("KERAS_BACKEND") == "jax":  # where each size is a program of its own in any case
        return
    import tensorflow as tf

    def open_sizes(step: Callable[[Any], Any]) -> Callable[[Iterator[Any]], Any]:
        traced: Any = None
        one_thread = threading.Lock()

        def function(batches: Iterator[Any]) -> Any:
            nonlocal traced
            batch = tuple(part for part in next(iter(batches)) if part is not None)  # no sample weights
            with one_thread:
                if traced is None:
                    sizes = tf.nest.map_structure(
                        lambda array: tf.TensorSpec([samples, *[None] * (array.ndim - 1)], array.dtype), batch
                    )
                    traced = tf.function(step, input_signature=[sizes], autograph=False)
            return traced(batch)

        return function

    model.train_function = open_sizes(model.train_step)
    model.predict_function = open_sizes(model.predict_step)
