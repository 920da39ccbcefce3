"""The one door to the backend, and models that bring more than weights."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile

import keras
import pytest

from nnlab import backend
from nnlab.errors import InputError, UsageError
from tests.conftest import ROOT, call


def dense(units=2):
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(units)])


def test_only_the_door_imports_a_backend():
    pattern = re.compile(r"^\s*(import|from) (tensorflow|jax)\b", re.MULTILINE)
    found = [path.name for path in (ROOT / "nnlab").rglob("*.py") if pattern.search(path.read_text())]
    assert found == ["backend.py"]


def test_the_environment_names_what_a_result_depends_on():
    record = backend.start().record()
    assert {"nnlab", "keras", "backend", "device", "python"} <= set(record)
    assert all(record.values())


def test_translators_do_without_onednn_and_a_users_choice_stands(tmp_path):
    """It keeps a program for each of a translator's hundreds of shapes; TensorFlow asks once, as it is imported."""
    program = (
        "import os\nfrom nnlab import cli\nfrom nnlab.training import backend\n"
        "backend._start = lambda *given: exit(os.environ.get('TF_ENABLE_ONEDNN_OPTS', 'unset'))\n"
        "cli.main(['translate', '--preset', 'quick', '-q'])"
    )
    for given, expected in ({}, "0"), ({"TF_ENABLE_ONEDNN_OPTS": "1"}, "1"):
        environment = {**{k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"}, **given}
        done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True)
        assert done.stderr.decode().splitlines()[-1] == expected


def test_an_unknown_backend_is_refused(tmp_path):
    done = call("arith", "--preset", "quick", cwd=tmp_path, env={"KERAS_BACKEND": "caffe"})
    assert done.code == 2
    assert done.err.startswith("error: expected KERAS_BACKEND to be tensorflow or jax, got 'caffe'")


def test_weights_come_back(tmp_path):
    model, other = dense(), dense()
    model.save(tmp_path / "model.keras")
    backend.load_weights(other, tmp_path / "model.keras")
    assert other.get_weights()[0].tobytes() == model.get_weights()[0].tobytes()


def test_a_model_that_carries_code_is_refused(tmp_path):
    evil = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Lambda(lambda x: x)])
    evil.save(tmp_path / "model.keras")
    with pytest.raises(InputError, match=r"carries code: .*Lambda"):
        backend.load_weights(dense(), tmp_path / "model.keras")


def test_a_model_with_a_class_of_another_package_is_refused(tmp_path):
    dense().save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["config.json"] = parts["config.json"].replace(b'"module": "keras.layers"', b'"module": "subprocess"', 1)
    with zipfile.ZipFile(tmp_path / "evil.keras", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(InputError, match=r"carries code: subprocess\."):
        backend.load_weights(dense(), tmp_path / "evil.keras")


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.95])
def test_a_truncated_model_is_refused(tmp_path, kept):
    dense().save(tmp_path / "model.keras")
    content = (tmp_path / "model.keras").read_bytes()
    (tmp_path / "model.keras").write_bytes(content[: int(kept * len(content)) if kept < 1 else kept])
    with pytest.raises(InputError, match="the file is damaged"):
        backend.load_weights(dense(), tmp_path / "model.keras")


def test_a_model_of_another_shape_is_refused(tmp_path):
    dense(5).save(tmp_path / "model.keras")
    with pytest.raises(InputError, match=r"does not fit config\.json"):
        backend.load_weights(dense(2), tmp_path / "model.keras")
    with pytest.raises(InputError, match="there is no model yet"):
        backend.load_weights(dense(2), tmp_path / "none.keras")
    with pytest.raises(UsageError, match="no GPU"):
        backend.start("gpu") if backend.start().device.startswith("CPU") else pytest.skip("has a GPU")
