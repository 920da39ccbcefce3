"""What a result depends on beside its config and its data."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

import nnlab
from nnlab import backend, environment
from tests.conftest import ROOT


def test_environment_record_is_plain_json_and_names_what_a_result_depends_on():
    record = backend.start().record()
    assert json.loads(json.dumps(record)) == record
    empty = {name for name, value in record.items() if not value}
    assert empty <= {"variables", "cpu_features"}
    assert {"nnlab", "keras", "backend", "backend_version", "device", "python", "numpy", "processor"} <= set(record)
    assert 1 <= record["threads"] <= max(record["cores"], int(os.environ.get("TF_NUM_INTRAOP_THREADS") or 0))


@pytest.mark.skipif(not os.path.exists("/proc/cpuinfo"), reason="needs Linux's /proc/cpuinfo")
def test_environment_names_the_processors_features():
    features = backend.start().cpu_features
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        known = next((line.split() for line in file if line.startswith(("flags", "Features"))), [])
    assert set(features) <= set(known)
    assert {name for name in known if name.startswith("avx") or name == "fma"} <= set(features)
    assert not {"vmx", "aes", "rdrand", "smep"} & set(features)


@pytest.mark.parametrize(
    ("name", "numeric"),
    [
        ("TF_ENABLE_ONEDNN_OPTS", True),
        ("XLA_FLAGS", True),
        ("ONEDNN_MAX_CPU_ISA", True),
        ("OMP_NUM_THREADS", True),
        ("VECLIB_MAXIMUM_THREADS", True),
        ("JAX_DEFAULT_MATMUL_PRECISION", True),
        ("KERAS_MAX_EPOCHS", True),
        ("NVIDIA_TF32_OVERRIDE", True),
        ("TF_CPP_MIN_LOG_LEVEL", False),
        ("TF_FORCE_GPU_ALLOW_GROWTH", False),
        ("XLA_PYTHON_CLIENT_PREALLOCATE", False),
        ("KERAS_HOME", False),
        ("KERAS_BACKEND", False),  # has a field of its own
        ("TF_NUM_INTRAOP_THREADS", False),  # likewise
        ("HOME", False),
        ("TF_TOKEN_app_terraform_io", False),
        ("TF_VAR_password", False),
    ],
)
def test_environment_records_the_variables_that_may_change_arithmetic(name, numeric):
    assert bool(environment.NUMERIC_VARIABLES.match(name)) is numeric


def test_the_commit_is_of_nnlabs_own_checkout(monkeypatch, tmp_path):
    checkout = ROOT
    if not (checkout / ".git").exists() or shutil.which("git") is None:
        pytest.skip("needs a checkout, and git")
    head = subprocess.run(["git", "-C", checkout, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    monkeypatch.setenv("GIT_DIR", str(tmp_path))  # as in a hook of another repository
    found = environment.commit()
    assert found is not None
    assert head.stdout.startswith(found.removesuffix("-dirty"))
    assert len(found.removesuffix("-dirty")) >= 10
    monkeypatch.setattr(nnlab, "__file__", str(tmp_path / "nnlab" / "__init__.py"))  # installed
    assert environment.commit() is None
