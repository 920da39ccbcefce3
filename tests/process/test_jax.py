"""All seven commands under JAX; the tests' own environment is without, as beside it TensorFlow starts slowly."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT

QUICK = {
    "arith": (),
    "mnist": ("--set", "design=adversarial", "--epochs", "1"),
    "permute": ("--epochs", "1"),
    "textgen": ("--set", "networks=2", "--epochs", "1"),
    "translate": ("--epochs", "1"),
    "autoencode": ("--epochs", "1"),
    "denoise": ("--set", "optimizer=muon", "--epochs", "1"),
}
SOUNDS = ("autoencode", "--data", "chirps", "--epochs", "1")
PRODUCTS = ("arith", "--op", "mul", "--epochs", "1")
RANGE = ("denoise", "--noise", "0.1-0.5", "--epochs", "1")


@pytest.fixture(scope="module")
def jax(tmp_path_factory):
    """The environment variables of a process that has JAX."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("needs uv, which installs JAX into a folder of its own")
    folder = tmp_path_factory.mktemp("jax")
    install = [uv, "pip", "install", "--quiet", "--python", sys.executable, "--target", str(folder), "jax"]
    subprocess.run(install, check=True, timeout=600)
    shutil.rmtree(folder / "numpy", ignore_errors=True)  # that of the tests' own environment
    return {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(folder)}


@pytest.mark.release
@pytest.mark.parametrize(
    "options", [*((name, *more) for name, more in QUICK.items()), SOUNDS, PRODUCTS, RANGE], ids=lambda o: "-".join(o)
)
def test_under_jax_a_command_learns_and_repeats_itself(jax, tmp_path, options):
    documents = []
    for run in "ab":
        command = [
            sys.executable,
            "-m",
            "nnlab",
            *options,
            "--preset",
            "quick",
            "--json",
            "-q",
            "--out",
            tmp_path / run,
        ]
        done = subprocess.run(command, env=jax, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stderr
        documents.append(json.loads(done.stdout))
    environment = json.loads((tmp_path / "a" / "environment.json").read_text())
    assert environment["backend"] == "jax"
    for document in documents:
        for measured in ("characters_per_second", "sentences_per_second", "seconds_to_99"):
            document["results"].pop(measured, None)
    assert documents[0]["results"] == documents[1]["results"]


READ = """
import jax, keras, numpy as np
from nnlab import backend
backend.start()
from nnlab.training.batches import Rows

read = []

class Model(keras.Model):
    def __init__(self):
        super().__init__()
        self.layer = keras.layers.Dense(1)

    def call(self, x):
        return self.layer(x)

    def train_step(self, state, data):
        jax.debug.callback(lambda first: read.append(int(first)), data[0][0, 0])
        return super().train_step(state, data)

numbers = np.arange(100, dtype=np.float32).reshape(-1, 1)
model = Model()
model.build((None, 1))
model.compile("sgd", "mse")
for epoch in range(2):
    model.fit(Rows((numbers, numbers), np.arange(100), 4), shuffle=False, verbose=0)
    jax.effects_barrier()
print(read == [*range(0, 100, 4)] * 2, read)
"""


@pytest.mark.release
def test_under_jax_the_first_epoch_too_reads_each_batch_once(jax):
    """Keras's queue began again once it had looked at a batch: 17 batches were read twice, the last 17 never."""
    done = subprocess.run(
        [sys.executable, "-c", READ], env=jax, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    told, _, order = done.stdout.partition(" ")
    assert told == "True", order
