"""Shared by the tests: the command line in this process, or as a user's own process."""

from __future__ import annotations

import functools
import gc
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nnlab.__main__ import main

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before any test imports keras, as backend.start does
if "PYTEST_XDIST_WORKER" in os.environ:  # one worker per core: more threads would wait for each other
    for threads in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(threads, "1")

ROOT = Path(__file__).parent.parent

TIERS = ("unit", "experiments", "process", "browser", "benchmarks")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folder of a test is its mark: ``-m "not process and not browser"`` leaves the slow ones out."""
    for item in items:
        folder = item.path.relative_to(ROOT / "tests").parts[0]
        if folder in TIERS:
            item.add_marker(folder)


@pytest.fixture(scope="module", autouse=True)
def _earlier_tests_out_of_garbage_collection():
    """What Keras and earlier tests hold is left out of every search for cycles: of a test's time a tenth."""
    if "keras.src.models" in sys.modules:
        gc.collect()
        gc.freeze()


@functools.cache
def _validator() -> jsonschema.protocols.Validator:
    """Of the schema, which is checked once: that takes longer than a document."""
    from nnlab.commands.schema import schema

    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema())


def valid(document: dict[str, Any]) -> dict[str, Any]:
    """The document, which keeps what ``nnlab schema`` promises."""
    _validator().validate(document)
    return document


@dataclass
class Result:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """stdout as the one JSON document, which keeps what ``nnlab schema`` promises."""
        return valid(json.loads(self.out))


def run_in_process(*arguments: object) -> None:
    """Run a command in this process, for a fixture; it must succeed."""
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    assert not stopped.value.code


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own(tmp_path_factory):
    """What tests fetch and decode goes nowhere near the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NNLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def nnlab(tmp_path, monkeypatch, capfd):
    """Run a command in this process (the backend is imported once), inside an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Result:
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Result(int(stopped.value.code or 0), out, err)

    return run


def start(*arguments: object, cwd: Path, **options: Any) -> subprocess.Popen[str]:
    """Start ``nnlab`` as a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    command = [sys.executable, "-m", "nnlab", *(str(argument) for argument in arguments)]
    return subprocess.Popen(command, cwd=cwd, env=environment, text=True, **options)


def call(*arguments: object, cwd: Path, **options: Any) -> Result:
    """Run ``nnlab`` as a process of its own, to its end."""
    text = options.pop("input", None)
    if text is not None:
        options["stdin"] = subprocess.PIPE
    process = start(*arguments, cwd=cwd, **options)
    out, err = process.communicate(text, timeout=300)
    return Result(process.returncode, out or "", err or "")


def few_digits(path: Path, train: int, test: int) -> Path:
    """An ``.npz`` of so many drawn digits, for what needs a run but no skill."""
    import numpy as np  # not before its threads are chosen above

    from nnlab.data.digits import drawn_digits

    x, y = drawn_digits.draw_digits(train + test, seed=1)
    np.savez(path, x_train=x[:train], y_train=y[:train], x_test=x[train:], y_test=y[train:])
    return path


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """A small finished run of ``arith``, made once; tests only read it."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    run_in_process("arith", "--preset", "quick", "--out", folder, "-q", "--json")
    return folder


@pytest.fixture(scope="session")
def mnist():
    """The real MNIST from ``NNLAB_DATA`` (default ``../shared/data``); skips where it is missing."""
    from nnlab.data.digits import digits

    folder = Path(os.environ.get("NNLAB_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "mnist.npz").is_file():
        pytest.skip(f"no mnist.npz in {folder}: set NNLAB_DATA to a folder that has it")
    return digits.read_npz(folder / "mnist.npz", "mnist")


def _real(name: str) -> Path:
    folder = Path(os.environ.get("NNLAB_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / name).exists():
        pytest.skip(f"no {name} in {folder}: set NNLAB_DATA to a folder that has it")
    return folder


def _cache_of_all(tmp_path_factory) -> Path:
    """One cache for all workers of a test run: 60,000 pictures are decoded once."""
    folder: Path = tmp_path_factory.getbasetemp()
    return (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "cache-of-all"


@pytest.fixture(scope="session")
def cifar10(tmp_path_factory):
    """The real CIFAR-10 from ``NNLAB_DATA`` (default ``../shared/data``); skips where it is missing."""
    from nnlab.data.pictures import images

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NNLAB_DATA", str(_real("cifar10-jpeg.zip")))
        patch.setenv("NNLAB_CACHE", str(_cache_of_all(tmp_path_factory)))
        return images.load("cifar10")


@pytest.fixture(scope="session")
def birds(tmp_path_factory):
    """The real recordings of birds from ``NNLAB_DATA``; skips where they are missing."""
    from nnlab.data.sounds import audio

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NNLAB_DATA", str(_real("birds")))
        patch.setenv("NNLAB_CACHE", str(_cache_of_all(tmp_path_factory)))
        return audio.load("birds")
