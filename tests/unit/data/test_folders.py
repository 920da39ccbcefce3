"""What of a folder is read, by the rule that people expect, and the one line about the rest."""

from __future__ import annotations

import os

import pytest

from nnlab.data import folders
from nnlab.data.folders import is_run_folder, list_files, messages
from nnlab.errors import UsageError


def make(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def names(listing, folder):
    return [path.relative_to(folder).as_posix() for path in listing.files]


def test_endings_of_any_case_in_order_and_the_rest_is_told(tmp_path):
    make(tmp_path, "b.TXT", "a.txt", "sub/c.Txt", "d.md", "e.md", "f.pdf", "Makefile", "sub/g.txt.bak")
    listing = list_files(tmp_path, (".txt",))
    assert names(listing, tmp_path) == ["a.txt", "b.TXT", "sub/c.Txt"]
    assert listing.note == "not read: 2 .md, 1 .bak, 1 .pdf, 1 without an ending"


def test_hidden_thumbnails_runs_and_consoles_are_left_out(tmp_path):
    make(tmp_path, "a.txt", "._a.txt", ".git/b.txt", "__MACOSX/c.txt", "Thumbs.db", "@eaDir/d.txt", "console.txt")
    make(tmp_path, "runs/one/config.json", "runs/one/results.json", "runs/one/x.txt", "runs/two/config.json")
    make(tmp_path, "runs/two/environment.json", "runs/two/figures/y.txt", "own/config.json", "own/z.txt")
    listing = list_files(tmp_path, (".txt",))
    assert names(listing, tmp_path) == ["a.txt", "own/z.txt"]
    assert listing.left_out == {
        "nnlab run folders": 2,
        "hidden folders": 3,
        "hidden files": 2,
        "console.txt": 1,
        ".json": 1,
    }
    assert is_run_folder(tmp_path / "runs" / "one")
    assert not is_run_folder(tmp_path / "own")
    assert list_files(tmp_path / "runs" / "one", (".txt",)).files == ()


def test_a_hidden_folder_that_is_named_is_read(tmp_path):
    make(tmp_path, ".texts/a.txt")
    assert names(list_files(tmp_path / ".texts", (".txt",)), tmp_path) == [".texts/a.txt"]


def test_linked_folders_are_followed_once(tmp_path):
    make(tmp_path, "outside/a.txt", "inside/b.txt")
    (tmp_path / "inside" / "linked").symlink_to(tmp_path / "outside")
    (tmp_path / "inside" / "again").symlink_to(tmp_path / "outside")
    (tmp_path / "inside" / "back").symlink_to(tmp_path / "inside")
    (tmp_path / "inside" / "c.txt").symlink_to(tmp_path / "outside" / "a.txt")
    (tmp_path / "inside" / "broken.txt").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "inside" / "pipe.txt")
    listing = list_files(tmp_path / "inside", (".txt",))
    assert names(listing, tmp_path / "inside") == ["again/a.txt", "b.txt", "c.txt"]
    assert listing.left_out == {"broken links": 1, "special files": 1}


def test_a_link_to_a_folder_above_brings_nothing_in(tmp_path):
    make(tmp_path, "private.txt", "mine/a.txt")
    (tmp_path / "mine" / "up").symlink_to("..")
    listing = list_files(tmp_path / "mine", (".txt",))
    assert names(listing, tmp_path) == ["mine/a.txt"]
    assert listing.left_out == {"links to a folder above": 1}


def test_too_many_files_and_names_of_any_bytes(tmp_path, monkeypatch):
    make(tmp_path, "a.txt", os.fsdecode(b"caf\xe9.txt"), "b.\x1b[31mred", "c." + "x" * 100)
    listing = list_files(tmp_path, (".txt",))
    assert len(listing.files) == 2
    assert listing.note == "not read: 1 .?[31mred, 1 .xxxxxxxxxx…"
    monkeypatch.setattr(folders, "MOST_ENTRIES", 3)
    with pytest.raises(UsageError, match="has more than 3 files"):
        list_files(tmp_path, (".txt",))


def test_messages_name_the_first_of_many():
    told = messages("here", ["read as UTF-16"], [f"line {n}: bad" for n in range(9)])
    assert told == [
        "here: read as UTF-16",
        *(f"here: line {n}: bad: skipped" for n in range(3)),
        "here: 6 more skipped",
    ]
    assert messages("here", (), ()) == []
