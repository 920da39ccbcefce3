"""The machine below the backend: cores, threads of OpenBLAS, the heap, a GPU's memory, what native code prints.

Nothing here needs TensorFlow or JAX, or imports them.
"""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

M_ARENA_MAX = -8  # glibc's malloc.h


def one_blas_thread() -> None:
    """Have OpenBLAS, which multiplies the matrices of NumPy and SciPy, use one thread; before data are loaded.

    With several, the last bits of PCA and of a layout of pixels depend on their number, and beside other work they wait
    for each other. What the user has set as ``OPENBLAS_NUM_THREADS`` stands.
    """
    asked = os.environ.get("OPENBLAS_NUM_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    if "numpy" in sys.modules:  # whose threads are there already
        from threadpoolctl import ThreadpoolController

        ThreadpoolController().select(internal_api="openblas").limit(limits=1)


@contextmanager
def all_blas_threads() -> Iterator[None]:
    """Let OpenBLAS use every core for a while: to measure the machine."""
    from threadpoolctl import ThreadpoolController

    with ThreadpoolController().select(internal_api="openblas").limit(limits=count_cores()):
        yield


def count_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def one_heap() -> None:
    """Have all threads allocate from one heap: glibc gives each its own, and what one frees the others cannot use.

    A translator's peak fell from 1.40 to 1.33 GB, at the same speed; elsewhere than with glibc nothing is done.
    """
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # another C library
            ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def gpu_memory() -> int:
    """Bytes of memory of the first GPU that CUDA shows to this process; 0 where it shows none.

    Asks NVIDIA's driver, in no time and without a backend, which would take some of that memory.
    """
    try:
        cuda = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        number, size = ctypes.c_int(), ctypes.c_size_t()
        answers = (
            cuda.cuInit(0),
            cuda.cuDeviceGet(ctypes.byref(number), 0),
            cuda.cuDeviceTotalMem_v2(ctypes.byref(size), number),
        )
    except (OSError, AttributeError):
        return 0
    return 0 if any(answers) else size.value


@contextmanager
def quiet_native_stderr(*, enabled: bool, shown: bool = True) -> Iterator[None]:
    """Keep what the native libraries write to file descriptor 2; ``shown`` only on failure, or never."""
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
            if shown:
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
