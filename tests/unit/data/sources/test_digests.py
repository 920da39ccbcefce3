"""Digests follow contents and nothing else; what was decoded is kept whole or not at all."""

from __future__ import annotations

import errno
import os

import numpy as np

from nnlab.data.sources import datasets, digests


def test_a_key_follows_contents_names_and_settings_and_not_dates(tmp_path):
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"two")
    files = [("a", tmp_path / "a"), ("b", tmp_path / "b")]
    key = digests.content_key(32, files)
    os.utime(tmp_path / "a", (1, 1))
    assert digests.content_key(32, files) == key
    others = {
        digests.content_key(64, files),
        digests.content_key(32, files[:1]),
        digests.content_key(32, files[::-1]),
        digests.content_key(32, [("c", tmp_path / "a"), files[1]]),
        digests.content_key(32, [*files, ("missing", tmp_path / "missing")]),
        digests.content_key(32, [("caf\udce9", tmp_path / "a"), files[1]]),
    }
    (tmp_path / "a").write_bytes(b"One")  # as long as before
    os.utime(tmp_path / "a", (1, 1))
    others.add(digests.content_key(32, files))
    assert len(others | {key}) == 8


def test_arrays_are_kept_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "decoded" / "a.npz"
    assert datasets.keep(path, {"a": np.arange(3)})
    old, new = path.with_name(".b.1.part"), path.with_name(".c.2.part")  # of processes that were killed, or are at it
    for part in (old, new):
        part.touch()
    os.utime(old, (1, 1))

    def full(file, **arrays):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        assert not datasets.keep(path, {"a": np.arange(4)})
    assert sorted(entry.name for entry in path.parent.iterdir()) == [".c.2.part", "a.npz"]
    with np.load(path) as arrays:
        assert arrays["a"].tolist() == [0, 1, 2]
