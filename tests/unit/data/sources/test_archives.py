"""Archives: what is in them is read, what is damaged or would run something is refused."""

from __future__ import annotations

import io
import os
import pickle
import tarfile

import numpy as np
import pytest

from nnlab.data.sources import archives, datasets
from nnlab.errors import DataUnavailable


class Call:
    """Pickled, it is a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("function", [os.system, eval, os.getcwd, np.load, getattr], ids=lambda one: one.__name__)
def test_pickles_that_would_run_something_are_refused(tmp_path, function):
    marker = tmp_path / "ran"
    content = pickle.dumps({b"data": Call(function, f"touch {marker}"), b"labels": []})
    with pytest.raises(pickle.UnpicklingError, match="has no place in data"):
        archives.PlainUnpickler(io.BytesIO(content)).load()
    assert not marker.exists()


@pytest.mark.parametrize("protocol", [3, 4])
def test_pickles_of_plain_values_are_read(protocol):
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    batch = {b"data": pixels, b"labels": [1, 2, 3], b"name": b"one", b"n": 2.5}
    read = archives.PlainUnpickler(io.BytesIO(pickle.dumps(batch, protocol)), encoding="bytes").load()
    assert read.pop(b"data").tolist() == pixels.tolist()
    assert read == {b"labels": [1, 2, 3], b"name": b"one", b"n": 2.5}


def python_2_pickle(rows: int, width: int) -> bytes:
    """A batch as Python 2 and its NumPy wrote it (protocol 2, str for bytes, numpy.core), written by hand."""
    data = bytes(range(256)) * (rows * width // 256)
    out = b"\x80\x02}(U\x04data"
    out += b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    out += b"(K\x01K" + bytes([rows]) + b"M" + width.to_bytes(2, "little") + b"\x86"
    out += b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    out += b"\x89T" + len(data).to_bytes(4, "little") + data + b"tb"
    out += b"U\x06labels](" + b"".join(b"K" + bytes([row % 10]) for row in range(rows)) + b"eu."
    return out


def test_cifar10_as_python_2_pickled_it(tmp_path):
    content = python_2_pickle(10, 3072)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"):
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    (tmp_path / "a.tar.gz").write_bytes(buffer.getvalue())
    archives.unpack_cifar10(tmp_path / "a.tar.gz", tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as arrays:
        assert {name: arrays[name].shape for name in arrays.files} == {
            "x_train": (50, 32, 32, 3),
            "y_train": (50,),
            "x_test": (10, 32, 32, 3),
            "y_test": (10,),
        }
        assert arrays["y_test"].tolist() == list(range(10))
        # byte p of a row is of colour p // 1024, in row (p % 1024) // 32, column p % 32
        assert arrays["x_test"][3, 7, 5, 2] == (2 * 1024 + 7 * 32 + 5) % 256
        assert arrays["x_test"][0, 1, 31, 1] == (1024 + 32 + 31) % 256


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-200],
        lambda content: content[:50] + b"\0\0\0\0" + content[54:],
        lambda content: b"not an archive",
        lambda content: b"",
    ],
    ids=["cut", "bytes", "another kind", "empty"],
)
def test_a_damaged_archive_of_cifar10_is_refused(mirror, tmp_path, damage):
    content = mirror.server.content("/cifar-10-python.tar.gz")
    (tmp_path / "a.tar.gz").write_bytes(damage(content))
    with pytest.raises(archives.DamagedArchive):
        archives.unpack_cifar10(tmp_path / "a.tar.gz", tmp_path / "a.npz")
    assert not (tmp_path / "a.npz").exists()


@pytest.mark.parametrize("labels", [[0] * 3, "many", [300] * 20, None])
def test_an_archive_of_other_contents_is_refused(tmp_path, labels):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in (*archives.CIFAR_TRAINING, *archives.CIFAR_TEST):
            content = pickle.dumps({b"data": np.zeros((20, 3072), np.uint8), b"labels": labels}, protocol=4)
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    (tmp_path / "a.tar.gz").write_bytes(buffer.getvalue())
    with pytest.raises(archives.DamagedArchive):
        archives.unpack_cifar10(tmp_path / "a.tar.gz", tmp_path / "a.npz")


def test_a_text_that_unpacks_to_too_much_is_refused(mirror, monkeypatch):
    monkeypatch.setattr(archives, "MOST_TEXT", 100)
    for name in ("eng-fra", "eng-ell"):
        with pytest.raises(DataUnavailable, match="at most 100 are unpacked"):
            datasets.find(name)
