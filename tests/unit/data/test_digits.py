"""Digits: MNIST by the search order, the user's own files, the sample, and single pictures."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from PIL import Image

from nnlab.data import datasets, digits
from nnlab.errors import InputError, UsageError

RNG = np.random.default_rng(0)
ARRAYS = {
    "x_train": RNG.integers(0, 256, (40, 28, 28), dtype=np.uint8),
    "y_train": np.arange(40, dtype=np.uint8) % 10,
    "x_test": RNG.integers(0, 256, (20, 28, 28), dtype=np.uint8),
    "y_test": np.arange(20, dtype=np.uint8) % 10,
}


def save(path, **changes):
    np.savez(path, **{**ARRAYS, **changes})
    return path


def test_an_npz_is_read(tmp_path):
    read = digits.load(str(save(tmp_path / "mine.npz")))
    assert read.x_train.tobytes() == ARRAYS["x_train"].tobytes()
    assert read.y_test.tolist() == ARRAYS["y_test"].tolist()
    with_channel = digits.load(str(save(tmp_path / "channel.npz", x_test=ARRAYS["x_test"][..., None])))
    assert with_channel.digest == read.digest


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"x_test": np.zeros((20, 14, 14), np.uint8)}, r"expected x_test of shape \(n, 28, 28\), got \(20, 14, 14\)"),
        ({"x_train": np.zeros((40, 28, 28), np.float32)}, "expected x_train as uint8 .* got float32"),
        ({"y_train": np.arange(40)}, "expected labels 0 to 9 in y_train, got 0 to 39"),
        ({"y_test": np.zeros(3, np.uint8)}, r"expected y_test of shape \(20,\), got \(3,\)"),
        ({"y_train": np.array(["one"] * 40)}, "expected labels 0 to 9 in y_train"),
        ({"x_test": np.zeros((0, 28, 28), np.uint8), "y_test": np.zeros(0, np.uint8)}, "at least 10 pictures"),
    ],
)
def test_a_wrong_array_is_named(tmp_path, changes, says):
    with pytest.raises(InputError, match=says):
        digits.load(str(save(tmp_path / "mine.npz", **changes)))


def test_a_missing_array_a_truncated_file_and_a_pickle_are_named(tmp_path):
    np.savez(tmp_path / "half.npz", x_train=ARRAYS["x_train"])
    with pytest.raises(InputError, match=r"half\.npz: the array y_train is missing"):
        digits.load(str(tmp_path / "half.npz"))
    content = save(tmp_path / "whole.npz").read_bytes()
    for kept in (0, 50, len(content) // 2):
        (tmp_path / "cut.npz").write_bytes(content[:kept])
        with pytest.raises(InputError, match=r"cut\.npz: expected an \.npz file, it cannot be read"):
            digits.load(str(tmp_path / "cut.npz"))
    save(tmp_path / "pickle.npz", y_test=np.array([{}] * 20, object))
    with pytest.raises(InputError, match=r"pickle\.npz: expected an \.npz file"):
        digits.load(str(tmp_path / "pickle.npz"))
    with pytest.raises(UsageError, match="there is nothing at nowhere"):
        digits.load("nowhere")


def idx(array):
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def test_idx_files_gzipped_or_not(tmp_path):
    for number, (name, key) in enumerate(zip(digits.IDX_NAMES, digits.KEYS, strict=True)):
        content = idx(ARRAYS[key])
        if number % 2:
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (tmp_path / name.replace("-idx", ".idx")).write_bytes(content)
    read = digits.load(str(tmp_path))
    assert read.x_test.tobytes() == ARRAYS["x_test"].tobytes()
    assert read.y_train.tolist() == ARRAYS["y_train"].tolist()
    cut = tmp_path / digits.IDX_NAMES[0].replace("-idx", ".idx")
    cut.write_bytes(cut.read_bytes()[:-7])
    with pytest.raises(InputError, match="expected 31,360 bytes of data, got 31,353"):
        digits.load(str(tmp_path))
    cut.write_bytes(b"not idx")
    with pytest.raises(InputError, match="expected an IDX file"):
        digits.load(str(tmp_path))
    cut.unlink()
    with pytest.raises(InputError, match=r"expected train-images-idx3-ubyte or train-images-idx3-ubyte\.gz in it"):
        digits.load(str(tmp_path))


def test_real_mnist_is_what_it_should_be(mnist):
    assert mnist.digest == datasets.KNOWN["mnist"].source.edition.contents
    assert (len(mnist.x_train), len(mnist.x_test)) == (60_000, 10_000)


# ---- the sample and single pictures ------------------------------------------------------------------


def test_the_sample_is_the_same_each_time_and_has_every_digit():
    first, again = digits.draw_sample(200, 50), digits.draw_sample(200, 50)
    assert first.digest == again.digest
    assert first.digest != digits.draw_sample(200, 50, seed=1).digest
    assert np.bincount(first.y_train, minlength=10).min() >= 15
    assert 20 < first.x_train.mean() < 50  # MNIST: 33
    assert len(np.unique(first.x_train.reshape(200, -1), axis=0)) == 200


@pytest.mark.parametrize("dark_on_light", [True, False])
@pytest.mark.parametrize("size", [(28, 28), (100, 60), (900, 1400)])
def test_a_picture_is_centred_as_mnist_is(tmp_path, dark_on_light, size):
    picture = np.full(size, 240 if dark_on_light else 10, np.uint8)
    picture[2 : size[0] // 2, 3 : 3 + max(2, size[1] // 10)] = 20 if dark_on_light else 250
    Image.fromarray(picture).save(tmp_path / "one.png")
    placed = digits.read_picture(tmp_path / "one.png")
    assert placed.shape == (28, 28)
    rows, columns = np.nonzero(placed > 40)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in range(19, 23)
    assert abs((placed.sum(1) * np.arange(28)).sum() / placed.sum() - 13.5) < 1
    assert abs((placed.sum(0) * np.arange(28)).sum() / placed.sum() - 13.5) < 1


def test_transparent_and_coloured_pictures_are_read(tmp_path):
    picture = np.zeros((50, 50, 4), np.uint8)
    picture[10:40, 22:28] = (200, 0, 0, 255)
    Image.fromarray(picture).save(tmp_path / "one.png")
    assert digits.read_picture(tmp_path / "one.png").max() > 200
    Image.fromarray(picture[..., :3]).save(tmp_path / "one.jpg")
    assert digits.read_picture(tmp_path / "one.jpg").max() > 200


def test_what_is_no_digit_is_said(tmp_path):
    (tmp_path / "text.png").write_text("hello")
    Image.new("L", (20, 20), 255).save(tmp_path / "empty.png")
    for name, says in (("text", "expected a picture"), ("empty", "the picture is empty"), ("none", "no such file")):
        with pytest.raises(InputError, match=says):
            digits.read_picture(tmp_path / f"{name}.png")
