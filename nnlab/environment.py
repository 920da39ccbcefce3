"""What a result depends on beside its config and its data: versions, device, threads, processor, variables."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nnlab

# Environment variables that may change arithmetic. Not all that begin with TF_: Terraform keeps tokens in such.
NUMERIC_VARIABLES = re.compile(
    r"TF_(ENABLE|DISABLE|USE|DETERMINISTIC|XLA|CUDNN|CUBLAS|GPU|NUM_INTEROP)_|XLA_FLAGS$|NVIDIA_TF32_OVERRIDE$"
    r"|JAX_(ENABLE|DISABLE|DEFAULT|NUMPY|XLA)_|KERAS_(MAX|NNX)_"
    r"|(OMP|ONEDNN|DNNL|MKL|OPENBLAS|GOTO|BLIS|VECLIB|CUBLAS|CUDNN|NPY)_"
)
# Features of a processor by which the libraries choose their kernels, and with them the order of sums.
NUMERIC_FEATURES = re.compile(r"sse4|avx|fma|f16c|amx|asimd|neon|sve|sme(?!p)|bf16|i8mm")


@dataclass(frozen=True)
class Environment:
    """What a result depends on beside the config and the data; saved as ``environment.json``."""

    nnlab: str
    commit: str | None  # of nnlab's own checkout, with "-dirty" where it has changes; None where it is installed
    keras: str
    backend: str
    backend_version: str
    device: str  # "CPU", or "GPU" and its name
    python: str
    numpy: str
    platform: str
    processor: str
    cores: int  # that this process may use
    threads: int  # that may take part in one operation
    cpu_features: list[str]  # avx2, avx512f, … where the system tells them
    variables: dict[str, str]  # environment variables that may change arithmetic

    def record(self) -> dict[str, Any]:
        """The environment as plain JSON values."""
        return asdict(self)


def numeric_variables() -> dict[str, str]:
    """The environment variables that may change arithmetic, as they are now."""
    return {name: value for name, value in sorted(os.environ.items()) if NUMERIC_VARIABLES.match(name)}


def commit() -> str | None:
    """The commit of the checkout that nnlab runs from; None where there is none, or no git to ask."""
    checkout = Path(nnlab.__file__).resolve().parent.parent
    if not (checkout / ".git").exists():
        return None
    ask = ["git", "--no-optional-locks", "-C", str(checkout), "describe"]
    options = ["--always", "--dirty", "--abbrev=10", "--exclude=*"]
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}  # of another repository
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run([*ask, *options], env=own, capture_output=True, text=True, timeout=10, check=True)
        return done.stdout.strip() or None
    return None


def processor() -> tuple[str, list[str]]:
    """The processor's name and the features that its arithmetic may depend on, where the system tells them."""
    try:
        info = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine(), []
    name = re.search(r"^model name\s*:\s*(.+)$", info, re.MULTILINE)
    features = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", info, re.MULTILINE)
    known = features.group(1).split() if features else []
    return name.group(1).strip() if name else platform.machine(), sorted(filter(NUMERIC_FEATURES.match, known))
