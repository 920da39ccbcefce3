"""Keys of what was trained on: the same item has the same key, and what an ancestor saw is found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnlab.config import Inherited
from nnlab.data import seen
from nnlab.errors import InputError, UsageError


def inherited(keys):
    return Inherited("runs/a", Path("runs/a"), "0" * 64, {}, np.unique(keys))


def test_keys_tell_items_apart():
    rows = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    keys = seen.keys_of_rows(np.concatenate([rows, rows[:1]]))
    assert keys.shape == (4,)
    assert keys[0] == keys[3]
    assert len(np.unique(keys)) == 3
    assert seen.keys_of_rows(rows.astype(np.int16))[0] != keys[0]


def test_runs_of_words_are_found_wherever_they_stand():
    text = [f"word{number}" for number in range(100)]
    keys = seen.keys_of_runs(text)
    assert len(keys) == 93
    elsewhere = ["before", *text[40:52], "after"]
    found = seen.seen(seen.keys_of_runs(elsewhere), np.sort(keys))
    assert found.tolist() == [False, *[True] * 5, False]
    assert len(seen.keys_of_runs(text[:7])) == 0
    assert len(seen.keys_of_runs([])) == 0


def test_what_an_ancestor_saw_leaves_and_is_counted():
    keys = seen.keys_of(["1+2", "3+4", "5+6"])
    kept, told = seen.unseen(keys, inherited(keys[1:2]), "held-out questions")
    assert kept.tolist() == [True, False, True]
    assert told == ["1 of 3 held-out questions leave: runs/a or its ancestors were trained on them"]
    kept, told = seen.unseen(keys, None, "questions")
    assert kept.all()
    assert told == []
    with pytest.raises(UsageError, match="all 3 were among its training data"):
        seen.unseen(keys, inherited(keys), "held-out questions")


def test_file_of_keys_is_read_back_or_refused(tmp_path):
    path = tmp_path / "trained_on.npy"
    keys = seen.keys_of(["b", "a", "b"])
    seen.write(keys, path)
    assert seen.read(path).tolist() == sorted(set(keys.tolist()))
    for content in (np.array([3, 1], np.uint64), np.array([1.0]), np.array([["x"]])):
        np.save(path, content)
        with pytest.raises(InputError, match="expected what the run was trained on"):
            seen.read(path)
    np.save(path, np.array([{}], object), allow_pickle=True)
    with pytest.raises(InputError):
        seen.read(path)
    path.write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr': '<u8', 'fortran_order': False, 'shape': (10**15,), }\n")
    with pytest.raises(InputError):
        seen.read(path)
