"""Weights come back from a model that may be anybody's; one that brings more than weights is refused."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile

import h5py
import keras
import numpy as np
import pytest

from nnlab import backend
from nnlab.errors import InputError
from nnlab.models.saved_weights import load_weights


@pytest.fixture(autouse=True, scope="module")
def _backend():
    backend.start("cpu")


def dense(units=2):
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(units)])


@pytest.fixture
def path(tmp_path):
    """A saved model."""
    dense().save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewrite(path, changed):
    """Other contents of some members, or more of them."""
    contents = members(path) | changed
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


def hdf5(path, change):
    """The weights of a model, changed by ``change(file)``."""
    buffer = io.BytesIO(members(path)["model.weights.h5"])
    with h5py.File(buffer, "a") as file:
        change(file)
    rewrite(path, {"model.weights.h5": buffer.getvalue()})


def arrays(file):
    found = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found


def test_weights_come_back(path):
    saved, model = keras.saving.load_model(path), dense()
    load_weights(model, path)
    assert model.get_weights()[0].tobytes() == saved.get_weights()[0].tobytes()


def test_weights_of_a_compiled_and_trained_model_come_back(tmp_path):
    saved, model = dense(), dense()
    saved.compile(keras.optimizers.AdamW(0.1), "mse", jit_compile=False)
    saved.train_on_batch(np.ones((4, 3)), np.ones((4, 2)))
    saved.save(tmp_path / "model.keras")
    load_weights(model, tmp_path / "model.keras")
    assert model.get_weights()[0].tobytes() == saved.get_weights()[0].tobytes()


def test_model_that_carries_code_is_refused(tmp_path):
    evil = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Lambda(lambda x: x)])
    evil.save(tmp_path / "model.keras")
    with pytest.raises(InputError, match=r"carries code: .*Lambda"):
        load_weights(dense(), tmp_path / "model.keras")


def test_model_with_a_class_of_another_package_is_refused(path):
    config = members(path)["config.json"].replace(b'"module": "keras.layers"', b'"module": "subprocess"', 1)
    rewrite(path, {"config.json": config})
    with pytest.raises(InputError, match=r"carries code: subprocess\."):
        load_weights(dense(), path)


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.95])
def test_truncated_model_is_refused(path, kept):
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if kept < 1 else kept])
    with pytest.raises(InputError, match="the file is damaged"):
        load_weights(dense(), path)


@pytest.mark.parametrize("config", [b"", b"{", b"[" * 100_000, b"\xff\xfe"])
def test_model_with_a_damaged_config_is_refused(path, config):
    rewrite(path, {"config.json": config})
    with pytest.raises(InputError, match="the file is damaged"):
        load_weights(dense(), path)


def test_model_of_another_shape_is_refused(path):
    with pytest.raises(InputError, match=r"does not fit config\.json"):
        load_weights(dense(5), path)


def test_missing_model_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.keras: there is no model yet"):
        load_weights(dense(), tmp_path / "none.keras")


@pytest.mark.parametrize("name", ["model.weights.h5", "config.json", "metadata.json"])
def test_model_that_unpacks_to_gigabytes_is_refused_unread(path, name):
    """48 MB of zeros in 50 kB stand for 4.8 GB in 5 MB: the size is read, the content is not."""
    rewrite(path, {name: bytes(48 << 20)})
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="unpacks to 50 MB"):
            load_weights(dense(), path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_model_with_arrays_larger_than_the_network_is_refused(path):
    """An array that was never written takes no room in the file, and all of it once it is read."""
    hdf5(path, lambda file: file.create_dataset("vars/9", (1 << 30,), "float32"))
    assert path.stat().st_size < 100_000
    with pytest.raises(InputError, match="unpacks to 4,295 MB"):
        load_weights(dense(), path)


def test_model_with_compressed_arrays_is_refused(path):
    def change(file):
        name = arrays(file)[0]
        values = file[name][()]
        del file[name]
        file.create_dataset(name, data=values, chunks=(256,) * values.ndim, maxshape=(None,) * values.ndim)

    hdf5(path, change)
    with pytest.raises(InputError, match="expected arrays of numbers"):
        load_weights(dense(), path)


@pytest.mark.parametrize("kind", ["external link", "soft link", "external array", "text"])
def test_model_that_refers_to_other_files_is_refused(path, tmp_path, kind):
    (tmp_path / "secret").write_bytes(bytes(24))

    def change(file):
        name = arrays(file)[0]
        shape = file[name].shape
        del file[name]
        if kind == "external link":
            file[name] = h5py.ExternalLink(str(tmp_path / "secret"), "/")
        elif kind == "soft link":
            file[name] = h5py.SoftLink("/elsewhere")
        elif kind == "external array":
            file.create_dataset(name, shape, "float32", external=[(str(tmp_path / "secret"), 0, h5py.h5f.UNLIMITED)])
        else:
            file[name] = ["code"]

    hdf5(path, change)
    with pytest.raises(InputError, match="expected arrays of numbers"):
        load_weights(dense(), path)


def test_model_with_other_files_in_it_is_refused(path):
    rewrite(path, {"assets/../../../etc/cron.d/x": b"* * * * *"})
    with pytest.raises(InputError, match="expected a Keras model of weights alone"):
        load_weights(dense(), path)


def test_config_of_a_saved_model_is_small(path):
    """The bound of its JSON is far above what Keras writes of the largest network here."""
    from nnlab.models.arithmetic import column_network
    from nnlab.models.saved_weights import MAX_JSON

    network = column_network(op="sub", width=19, answer_length=19, units=128)  # unrolled, the most layers
    assert len(json.dumps(network.get_config(), default=str)) < MAX_JSON / 40
