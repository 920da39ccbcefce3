"""Digests, the cache of what was decoded, and what is held out."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab import cache
from nnlab.data import decoded
from nnlab.errors import InputError


def hashes(*contents: int) -> list[bytes]:
    return [bytes([content]) * 32 for content in contents]


def split(names, contents):
    train, test, notes = decoded.split(names, hashes(*contents), 1)
    return [int(k) for k in np.flatnonzero(train)], [int(k) for k in np.flatnonzero(test)], notes


def test_one_in_five_is_held_out_and_its_copies_with_it():
    names = [f"{number}.png" for number in range(40)]
    contents = [*range(20), *range(20)]
    train, test, notes = split(names, contents)
    assert sorted(train + test) == list(range(40))
    assert test == [0, 5, 10, 15, 20, 25, 30, 35]
    assert notes == []


def test_folders_named_train_and_test_decide():
    names = ["a/train/1.png", "a/Test/2.png", "train/deep/3.png", "test/4.png"]
    assert split(names, range(4)) == ([0, 2], [1, 3], [])


def test_a_copy_on_both_sides_is_not_trained_on():
    names = ["train/1.png", "train/2.png", "test/3.png", "test/4.png"]
    train, test, notes = split(names, [7, 8, 7, 7])
    assert (train, test) == ([1], [2, 3])
    assert notes == ["1 of 2 files in train are copies of held-out ones: not trained on"]


def test_copies_stay_where_nothing_else_is_there_and_it_is_told():
    train, test, notes = split(["train/1.png", "train/2.png", "test/3.png"], [7, 7, 7])
    assert (train, test) == ([0, 1], [2])
    assert "2 of 2 files in train are copies of held-out ones: they stay" in notes[0]


def test_folders_for_validation():
    names = ["train/1.png", "val/2.png", "test/3.png"]
    assert split(names, range(3)) == ([0], [2], ["not used: what is in a folder for validation (1 of 3 files)"])
    told = "held out is what lies in a folder for validation (1 of 2 files)"
    assert split(names[:2], range(2)) == ([0], [1], [told])


def test_files_beside_the_folders_are_told():
    names = ["train/1.png", "test/2.png", "3.png", "test/train/4.png", "val/5.png"]
    assert split(names, range(5)) == (
        [0],
        [1],
        [
            "not used: what is in a folder for validation (1 of 5 files)",
            "not used: what is neither in train nor in test (2 of 5 files)",
        ],
    )


@pytest.mark.parametrize("folder", ["test", "Testing", "val"])
def test_what_is_held_out_by_its_folder_is_never_trained_on(folder):
    """Also where what is left lies in no folder called train."""
    names = [f"cats/{number}.png" for number in range(10)] + [f"cats/{folder}/{number}.png" for number in range(4)]
    train, test, notes = split(names, [*range(9), 30, 30, 31, 32, 33])
    assert (train, test) == ([*range(9)], [10, 11, 12, 13])
    part = "validation" if folder == "val" else "test"
    assert notes == [
        f"held out is what lies in a folder for {part} (4 of 14 files)",
        "1 of 10 files are copies of held-out ones: not trained on",
    ]
    also = [name if folder.lower() in name.lower() else f"Training/{name}" for name in names]
    assert split(also, range(14)) == ([*range(10)], [10, 11, 12, 13], notes[:1] if part == "validation" else [])


@pytest.mark.parametrize(("stray", "tested"), [(200, 1), (300, 2), (9, 200)])
def test_a_folder_of_hardly_anything_does_not_decide(stray, tested):
    names = [f"a/{number}.png" for number in range(stray)] + [f"a/test/{number}.png" for number in range(tested)]
    contents = [number.to_bytes(32, "big") for number in range(len(names))]
    train, test, notes = decoded.split(names, contents, 10)
    assert test.tolist() == (~train).tolist() == [number % 5 == 0 for number in range(len(names))]
    assert notes == ["split by their contents, as too few lie in a folder for test, or outside"]


def test_folders_for_test_and_validation_are_no_training_part():
    names = [f"{folder}/{number}.png" for folder in ("test", "val") for number in range(10)]
    train, test, notes = split(names, range(20))
    assert (sorted(train + test), test, notes) == ([*range(20)], [0, 5, 10, 15], [])


@pytest.mark.parametrize("names", ["train_images test_images", "TrainSet TestSet", "training tests", "train-data Test"])
def test_names_of_folders_may_say_what_is_in_them(names):
    train, test = names.split()
    assert split([f"{train}/1.png", f"{train}/2.png", f"{test}/3.png"], range(3)) == ([0, 1], [2], [])


def test_a_folder_for_train_alone_is_told():
    names = [f"{folder}/{number}.png" for folder in ("train", "bus") for number in range(10)]
    train, test, notes = split(names, range(20))
    assert (sorted(train + test), test) == ([*range(20)], [0, 5, 10, 15])
    assert notes == ["split by their contents: there is a folder for train, and none for test"]


@pytest.mark.parametrize("folder", ["train", "test", "val", "testimony", "test tubes"])
def test_one_folder_alone_says_nothing(folder):
    names = [f"{folder}/{number}.png" for number in range(10)]
    assert split(names, range(10)) == ([1, 2, 3, 4, 6, 7, 8, 9], [0, 5], [])


def test_what_was_made_is_kept_and_what_is_damaged_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("NNLAB_CACHE", str(tmp_path))
    calls = []

    def make():
        calls.append(1)
        return {"x": np.arange(5)}, {"names": ["a\udce9b", "ü\x1b["], "none": None}

    for _ in range(2):
        arrays, record = decoded.cached("things", "key", make)
        assert arrays["x"].tolist() == [0, 1, 2, 3, 4]
        assert set(arrays) == {"x"}
        assert record == {"names": ["a\udce9b", "ü\x1b["], "none": None}
    assert len(calls) == 1
    decoded.cached("things", "other", make)
    assert len(calls) == 2
    (path,) = (cache.folder() / "decoded").glob("things-key.npz")
    for content in (b"", b"PK", path.read_bytes()[:-50]):
        path.write_bytes(content)
        assert decoded.cached("things", "key", make)[1]["none"] is None
    assert len(calls) == 5


def test_nothing_is_kept_where_nothing_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NNLAB_CACHE", str(tmp_path / "file" / "cache"))
    arrays, _ = decoded.cached("things", "key", lambda: ({"x": np.ones(2)}, 5))
    assert arrays["x"].tolist() == [1, 1]


@pytest.mark.parametrize("other", [np.arange(6).reshape(3, 2), np.arange(6, dtype=np.int32), np.arange(1, 7)])
def test_digests_tell_shapes_types_and_numbers_apart(other):
    x = np.arange(6).reshape(2, 3)
    assert decoded.digest(x) == decoded.digest(np.asfortranarray(x))
    assert decoded.digest(x) != decoded.digest(other)
    assert decoded.digest(x, x) != decoded.digest(np.concatenate([x, x]))


def test_validation_is_a_share_of_the_different_items_and_keeps_copies_together():
    contents = [bytes([number // 2]) for number in range(100)]  # fifty, each twice
    taken = decoded.validation_part(contents, 0.1, 0)
    assert taken.sum() == 10
    assert (taken[::2] == taken[1::2]).all()
    order = np.random.default_rng(0).permutation(100)
    shuffled = decoded.validation_part([contents[place] for place in order], 0.1, 0)
    assert (shuffled == taken[order]).all()  # whatever the order of the files
    assert (decoded.validation_part(contents, 0.1, 1) != taken).any()


@pytest.mark.parametrize(("share", "taken"), [(0.001, 1), (0.4, 1), (0.9, 2)])
def test_validation_takes_one_at_least_and_leaves_one(share, taken):
    assert decoded.validation_part([b"a", b"b", b"c"], share, 0).sum() == taken


def test_validation_needs_two_different_items():
    with pytest.raises(InputError, match="all 3 are copies of one"):
        decoded.validation_part([b"a"] * 3, 0.1, 0)
