"""The one door to the backend: what it sets, what it overrules, and what of it is recorded."""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import keras
import pytest

from nnlab import backend
from nnlab.errors import UsageError
from tests.conftest import ROOT, call


def test_only_the_door_imports_a_backend():
    pattern = re.compile(r"^\s*(import|from) (tensorflow|jax)\b", re.MULTILINE)
    files = [path.name for path in (ROOT / "nnlab").rglob("*.py") if pattern.search(path.read_text())]
    assert files == ["backend.py"]


@pytest.mark.slow
def test_a_command_leaves_out_what_keras_would_import_beside_it():
    beside = "print(*sorted({'matplotlib', 'sklearn'} & {*sys.modules}))"
    command = "import contextlib, nnlab.__main__ as m\nwith contextlib.suppress(SystemExit): m.main(['--version'])\n{}"
    program = f"import sys\nfrom nnlab import backend\nbackend.start()\n{beside}\nimport matplotlib, sklearn"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for script, told in ((command.format(program), ""), (program, "matplotlib sklearn")):
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[-1] == told


# ---- what is set -------------------------------------------------------------------------------------


def test_an_experiment_says_whether_it_is_computed_with_onednn_unless_the_user_chose():
    def variable(onednn, **current):
        variables = backend.environment_variables("auto", onednn=onednn, current=current)
        return variables.get("TF_ENABLE_ONEDNN_OPTS")

    assert (variable(False), variable(True), variable(None)) == ("0", "1", None)
    assert variable(False, TF_ENABLE_ONEDNN_OPTS="1") == "1"
    assert variable(True, TF_ENABLE_ONEDNN_OPTS="0") == "0"


def test_device_cpu_hides_gpus():
    variables = backend.environment_variables("cpu", onednn=None, current={"CUDA_VISIBLE_DEVICES": "0"})
    assert variables["CUDA_VISIBLE_DEVICES"] == "-1"
    assert variables["JAX_PLATFORMS"] == "cpu"
    assert "CUDA_VISIBLE_DEVICES" not in backend.environment_variables("auto", onednn=None, current={})


THREADS = "print('threads', *{pool['num_threads'] for pool in threadpool_info() if pool['internal_api'] == 'openblas'})"
FROM_PYTHON = f"""
import numpy, scipy.linalg, nnlab
from nnlab.data.digits import pixel_layout
from threadpoolctl import threadpool_info
def recover(pictures):
    {THREADS}
    raise SystemExit
pixel_layout.recover = recover
nnlab.train("permute", preset="quick", out="run")
"""
COMMAND = f"""
import contextlib, nnlab.__main__
with contextlib.suppress(SystemExit):
    nnlab.__main__.main(["--version"])
import numpy, scipy.linalg
from threadpoolctl import threadpool_info
{THREADS}
"""


@pytest.mark.parametrize(
    ("program", "asked", "expected"),
    [(FROM_PYTHON, "", "1"), (FROM_PYTHON, "2", "2"), (COMMAND, "none", "1"), (COMMAND, "2", "2")],
)
def test_matrices_have_one_thread_before_data_are_loaded_unless_the_user_asks_for_more(
    program, asked, expected, tmp_path
):
    """From Python they had more, as NumPy was imported before nnlab was asked for anything."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two cores")
    others = {name: value for name, value in os.environ.items() if name not in ("OMP_NUM_THREADS", "GOTO_NUM_THREADS")}
    environment = {**others, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": asked}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    told = done.stdout.splitlines()[-1:]
    if told == ["threads"]:
        pytest.skip("NumPy's matrices are multiplied by another library")
    assert told == [f"threads {expected}"], done.stderr


def test_jax_is_chosen_by_the_environment_and_made_deterministic():
    current = {"KERAS_BACKEND": "jax", "XLA_FLAGS": "--mine"}
    variables = backend.environment_variables("auto", onednn=None, current=current)
    assert variables["KERAS_BACKEND"] == "jax"
    assert variables["XLA_FLAGS"] == "--mine --xla_gpu_deterministic_ops=true"


def test_every_model_is_compiled_as_the_backend_wants_it():
    """Two were not under JAX, where texts were then sampled at 291 characters per second instead of 41,000."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "nnlab").rglob("*.py")]
    calls = [node for source in sources for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    of_models = [node for node in calls if re.fullmatch(r"(?!re\b)[\w.]+\.compile", ast.unparse(node.func))]
    found = [ast.unparse(word.value) for node in of_models for word in node.keywords if word.arg == "jit_compile"]
    assert len(found) == len(of_models)
    assert set(found) == {"jit_compile()"}
    assert len(found) >= 7


class Jax:
    """What of JAX tells its device, and where it keeps programs."""

    __version__ = "1"

    def __init__(self, platform, folder=None):
        self.platform = platform
        self.jax_compilation_cache_dir = folder
        self.config = self

    def devices(self):
        return [SimpleNamespace(platform=self.platform, device_kind="NVIDIA H100")]

    def update(self, name, value):
        setattr(self, name, value)


@pytest.mark.parametrize(
    ("platform", "users", "kept"),
    [("gpu", None, "cache/programs"), ("cpu", None, None), ("gpu", "own", "own"), ("gpu", "", None)],
)
def test_jax_keeps_what_it_compiles_for_a_gpu(monkeypatch, tmp_path, platform, users, kept):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NNLAB_CACHE", "cache")
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    if users is not None:
        monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", users)
    jax = Jax(platform, users or None)
    monkeypatch.setitem(sys.modules, "jax", jax)
    name, *_ = backend._open_jax()
    assert name == ("CPU" if platform == "cpu" else "GPU NVIDIA H100")
    assert jax.jax_compilation_cache_dir == kept
    assert (tmp_path / "cache").exists() == (kept == "cache/programs")


@pytest.mark.parametrize(("device", "refused"), [("CPU", True), ("GPU NVIDIA H100", False)])
def test_device_gpu_is_refused_where_there_is_none(monkeypatch, device, refused):
    monkeypatch.setattr(backend, "_started", dataclasses.replace(backend.start(), device=device))
    if refused:
        with pytest.raises(UsageError, match="no GPU was found") as caught:
            backend.start("gpu")
        assert "nnlab-cli[gpu]" in caught.value.hint or "--extra gpu" in caught.value.hint
    else:
        assert backend.start("gpu").device == device


def test_unknown_backend_is_refused(tmp_path):
    done = call("arith", "--preset", "quick", cwd=tmp_path, env={"KERAS_BACKEND": "caffe"})
    assert done.code == 2
    assert done.err.startswith("error: expected KERAS_BACKEND to be tensorflow or jax, got 'caffe'")


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (ModuleNotFoundError("No module named 'jax'", name="jax"), UsageError, "is not installed"),
        (ImportError("libfoo.so: failed to map segment from shared object"), MemoryError, "failed to map"),
        (ImportError("libbar.so: undefined symbol"), UsageError, "cannot be imported: libbar.so"),
    ],
)
def test_backend_that_cannot_be_imported_is_told_by_its_cause(monkeypatch, error, kind, words):
    def fail():
        raise error

    monkeypatch.setattr(backend, "_started", None)
    monkeypatch.setattr(backend, "_open_tensorflow", fail)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    with pytest.raises(kind, match=words):
        backend.start()


# ---- keras.json --------------------------------------------------------------------------------------

SETTINGS = (
    "import json, sys\nfrom nnlab import backend\nbackend.start('cpu')\nimport keras\n"
    "print(json.dumps([keras.config.floatx(), keras.config.image_data_format(), keras.config.epsilon(),"
    " keras.config.dtype_policy().name, keras.layers.Dense(1).compute_dtype, keras.config.backend()]))"
)


@pytest.mark.slow
def test_keras_json_of_the_user_is_overruled(tmp_path):
    """In a process of its own: Keras reads it once, as it is imported."""
    settings = {"floatx": "float16", "epsilon": 1e-3, "image_data_format": "channels_first", "backend": "jax"}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    environment = {**os.environ, "KERAS_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    del environment["KERAS_BACKEND"]
    done = subprocess.run([sys.executable, "-c", SETTINGS], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["float32", "channels_last", 1e-7, "float32", "float32", "tensorflow"]
    assert json.loads((tmp_path / "keras.json").read_text()) == settings


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"floatx": "float8"}',
        '{"floatx": ["float16"]}',
        '{"epsilon": 1}',
        '{"epsilon": null}',
        '{"image_data_format": "rgb"}',
        '{"nnx_enabled": true}',
        "[" * 100_000,
    ],
)
def test_broken_keras_json_is_never_shown_to_keras(tmp_path, monkeypatch, content):
    (tmp_path / "keras.json").write_text(content, encoding="utf-8")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with backend.usable_keras_home():
        assert os.environ["KERAS_HOME"] != str(tmp_path)
        assert not os.path.exists(os.path.join(os.environ["KERAS_HOME"], "keras.json"))
    assert os.environ["KERAS_HOME"] == str(tmp_path)


def test_good_keras_json_and_home_are_left_alone(tmp_path, monkeypatch):
    (tmp_path / "keras.json").write_text('{"floatx": "float16", "epsilon": 1e-3}')
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with backend.usable_keras_home():
        assert os.environ["KERAS_HOME"] == str(tmp_path)


def test_empty_keras_home_is_not_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    with backend.usable_keras_home():
        assert "KERAS_HOME" not in os.environ


def test_keras_imported_before_with_another_backend_is_refused(monkeypatch):
    backend.start()
    monkeypatch.setattr(keras.config, "backend", lambda: "torch")
    monkeypatch.setattr(backend, "_started", None)
    with pytest.raises(UsageError, match="expected Keras on tensorflow, it was imported before with torch"):
        backend.start()
