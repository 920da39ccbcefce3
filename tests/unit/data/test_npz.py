"""Arrays of anybody's file: sizes before contents, numbers only, nothing unpickled."""

from __future__ import annotations

import io
import os
import zipfile

import numpy as np
import pytest

from nnlab.data import npz
from nnlab.errors import InputError


def with_member(path, name: str, shape: str, dtype: str, body: bytes = b"") -> None:
    """A member whose header says what it likes."""
    header = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.npy", content)


def test_arrays_come_back_in_the_order_asked_for(tmp_path):
    arrays: dict[str, np.ndarray] = {
        "b": np.arange(6).reshape(2, 3),
        "a": np.zeros(3, np.float32),
        "other": np.array(["x"]),
    }
    np.savez_compressed(tmp_path / "x.bin", allow_pickle=False, **arrays)
    os.rename(tmp_path / "x.bin.npz", tmp_path / "x.bin")
    a, b = npz.read_arrays(tmp_path / "x.bin", ("a", "b"), "")
    assert a.tobytes() == arrays["a"].tobytes()
    assert b.tolist() == arrays["b"].tolist()
    assert npz.is_npz(tmp_path / "x.bin")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    with_member(tmp_path / "bomb.npz", "x", "(8589934592,)", "'|u1'", bytes(100_000))
    with pytest.raises(InputError, match=r"arrays of at most 1\.1 GB, with x \(8589934592,\) they are larger"):
        npz.read_arrays(tmp_path / "bomb.npz", ("x",), "")
    for name in "abc":
        with_member(tmp_path / "three.npz", name, "(429496729,)", "'|u1'")
    with pytest.raises(InputError, match="with c"):
        npz.read_arrays(tmp_path / "three.npz", ("a", "b", "c"), "")


def test_a_large_file_may_hold_large_arrays(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "ALWAYS", 1000)
    x = np.random.default_rng(0).integers(0, 256, 50_000, dtype=np.uint8)
    np.savez(tmp_path / "x.npz", x=x)
    (read,) = npz.read_arrays(tmp_path / "x.npz", ("x",), "")
    assert read.tobytes() == x.tobytes()
    np.savez_compressed(tmp_path / "x.npz", x=x * 0)
    with pytest.raises(InputError, match="they are larger"):
        npz.read_arrays(tmp_path / "x.npz", ("x",), "")


@pytest.mark.parametrize(
    ("shape", "dtype", "says"),
    [
        ("(3,)", "'|O'", "expected numbers in x, got object"),
        ("(3,)", "'<U5'", "expected numbers in x, got <U5"),
        ("(3,)", "'<c16'", "expected numbers in x, got complex128"),
        ("(3,)", "[('a', '<i4')]", "expected numbers in x"),
        ("(-3,)", "'|u1'", "cannot be read"),
        ("(9,)", "'|u1'", "cannot be read"),  # fewer bytes than it says
        ("3", "'|u1'", "the header of x is damaged"),
        ("((((((", "'|u1'", "the header of x is damaged"),
        ("(3,)", "'nonsense'", "the header of x is damaged"),
    ],
)
def test_headers_that_lie(tmp_path, shape, dtype, says):
    with_member(tmp_path / "x.npz", "x", shape, dtype, b"123")
    with pytest.raises(InputError, match=says):
        npz.read_arrays(tmp_path / "x.npz", ("x",), "")


def test_damage_anywhere_is_one_error(tmp_path):
    buffer = io.BytesIO()
    np.savez(buffer, x=np.arange(40, dtype=np.int16))
    whole = buffer.getvalue()
    path = tmp_path / "x.npz"
    for place in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        for content in (bytes(damaged), whole[:place]):
            path.write_bytes(content)
            try:
                (read,) = npz.read_arrays(path, ("x",), "")
            except InputError:
                continue
            assert read.tolist() == list(range(40))  # what does not matter was damaged: dates, and the like


def test_what_a_file_is_by_its_contents(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("picture.png", b"x")
    (tmp_path / "b.npz").write_bytes(b"hello")
    (tmp_path / "c.npz").write_bytes(b"")
    assert [npz.is_npz(tmp_path / f"{name}.npz") for name in "abc"] == [False] * 3
    assert [npz.is_zip(tmp_path / f"{name}.npz") for name in "abc"] == [True, False, False]
