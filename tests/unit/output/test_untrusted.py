"""Files that may be anybody's: read in bounds or refused by name, never waited for, never unpickled."""

from __future__ import annotations

import errno
import io
import json
import os
import zipfile
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlab.data import seen
from nnlab.errors import ExitCode, InputError, describe
from nnlab.models.saved_weights import load_weights
from nnlab.output import untrusted


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_and_an_endless_file_are_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(InputError, match=f"{name}: expected a file, it is none"):
            untrusted.read_json(tmp_path / name)
        with pytest.raises(ValueError, match="no archive of arrays"):
            untrusted.read_arrays(tmp_path / name)


def test_a_file_larger_than_any_of_ours_is_refused_by_its_name(tmp_path):
    path = tmp_path / "config.json"
    with path.open("wb") as file:
        file.truncate(untrusted.MOST_JSON + 1)  # takes no disk
    with pytest.raises(InputError, match=r"config\.json: expected at most 50,000,000 bytes"):
        untrusted.read_json(path)
    path.write_bytes(b"12345")
    assert untrusted.read_text(path, most=5) == "12345"
    with pytest.raises(InputError, match="at most 4 bytes"):
        untrusted.read_text(path, most=4)


def test_missing_and_folder_are_errors_of_their_path(tmp_path):
    with pytest.raises(InputError, match="nowhere: cannot be read: no such file") as caught:
        untrusted.read_text(tmp_path / "nowhere")
    assert "moved or deleted" in caught.value.hint
    with pytest.raises(InputError, match="cannot be read: is a directory") as caught:
        untrusted.read_text(tmp_path)
    assert caught.value.hint == untrusted.DAMAGED


def read_model(path):
    load_weights(SimpleNamespace(variables=[]), path)


@pytest.mark.parametrize(
    "read", [untrusted.read_text, untrusted.read_json, untrusted.digest_of_weights, seen.read, read_model]
)
def test_a_file_is_called_damaged_for_its_content_only(tmp_path, monkeypatch, read):
    path = tmp_path / "file"
    path.write_bytes(b"")

    def fail(number):
        def opened(*arguments, **options):
            raise OSError(number, os.strerror(number), str(path))

        for place in (f"{module}.open" for module in ("builtins", "io", "os")):
            monkeypatch.setattr(place, opened)

    fail(errno.EACCES)
    with pytest.raises(InputError, match="file: cannot be read: permission denied") as caught:
        read(path)
    assert caught.value.hint == "Allow this user to read it"
    for number in (errno.EIO, errno.EMFILE):
        fail(number)
        with pytest.raises(OSError, match=os.strerror(number)) as failed:
            read(path)
        assert describe(failed.value).exit_code == ExitCode.RESOURCES


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, '{"a": ' * 100_000, '{"a": ' + "1" * 5000 + "}", "[]", "null", "{", "\x00", "", "\ufeff{}"],
)
def test_what_is_no_json_of_ours_is_one_error(tmp_path, content):
    path = tmp_path / "results.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"results\.json") as caught:
        untrusted.read_json(path, hint="Delete it")
    assert caught.value.hint == "Delete it"


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_document_or_one_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(content)
    for read in (untrusted.read_json, untrusted.read_table):
        with suppress(InputError):
            read(path)


def npz(path, compression=zipfile.ZIP_STORED, **members):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def npy(array):
    with io.BytesIO() as buffer:
        np.save(buffer, array)
        return buffer.getvalue()


def test_arrays_are_read_and_a_compressed_archive_is_not_unpacked(tmp_path):
    zeros = npy(np.zeros(3_000_000))
    npz(tmp_path / "plain.npz", **{"a.npy": npy(np.arange(3))})
    npz(tmp_path / "bomb.npz", zipfile.ZIP_DEFLATED, **{"a.npy": zeros})
    assert (tmp_path / "bomb.npz").stat().st_size < len(zeros) / 100
    assert untrusted.read_arrays(tmp_path / "plain.npz")["a"].tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="it is compressed"):
        untrusted.read_arrays(tmp_path / "bomb.npz")


def test_arrays_that_claim_more_than_there_is_are_refused(tmp_path):
    content = npy(np.arange(4)).replace(b"(4,)", b"(4000000000000,)")
    npz(tmp_path / "claims.npz", **{"a.npy": content})
    with pytest.raises(untrusted.UNREADABLE):
        untrusted.read_arrays(tmp_path / "claims.npz")


@given(st.integers(0, 10_000), st.integers(0, 255))
@settings(max_examples=80, deadline=None)
def test_a_damaged_archive_is_read_or_refused(tmp_path_factory, place, byte):
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    npz(path, **{"a.npy": npy(np.arange(20)), "meta.json.npy": npy(np.frombuffer(json.dumps({}).encode(), np.uint8))})
    content = bytearray(path.read_bytes())
    content[place % len(content)] = byte
    path.write_bytes(content)
    with suppress(*untrusted.UNREADABLE):
        untrusted.read_arrays(path)
