"""Where nnlab keeps what it would else fetch or make again, and what is run as code."""

from __future__ import annotations

import os

import pytest

from nnlab import cache
from nnlab.data.sources import datasets


@pytest.mark.parametrize("home", [None, "/nonexistent/home"])
def test_without_a_home_the_cache_is_among_the_temporary_files(nowhere, monkeypatch, home):
    for name in ("NNLAB_CACHE", "KERAS_HOME"):
        monkeypatch.delenv(name)
    if home is None:  # as for a user that the system does not know
        monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    else:
        monkeypatch.setenv("HOME", home)
    monkeypatch.setattr("tempfile.tempdir", str(nowhere))
    cache._temporary.cache_clear()
    folder = cache.folder()
    cache._temporary.cache_clear()
    assert folder == nowhere / f"nnlab-{os.getuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert datasets.local("mnist") is None


def test_a_temporary_folder_that_others_can_write_is_not_used(nowhere, monkeypatch):
    monkeypatch.delenv("NNLAB_CACHE")
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setattr("tempfile.tempdir", str(nowhere))
    planted = nowhere / f"nnlab-{os.getuid()}"
    planted.mkdir()
    planted.chmod(0o777)
    cache._temporary.cache_clear()
    folder = cache.folder()
    cache._temporary.cache_clear()
    assert folder.parent == nowhere
    assert folder != planted


def test_the_cache_is_the_users_own(nowhere, monkeypatch):
    monkeypatch.delenv("NNLAB_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(nowhere / "xdg"))
    monkeypatch.setenv("HOME", str(nowhere))
    assert cache.folder().is_relative_to(nowhere)
    assert cache.folder().name == "nnlab"


def test_a_folder_for_code_is_made_for_this_user_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("NNLAB_CACHE", str(tmp_path / "a" / "cache"))
    folder = cache.private("programs")
    assert folder == tmp_path / "a" / "cache" / "programs"
    assert folder is not None
    assert folder.stat().st_mode & 0o777 == 0o700
    assert cache.private("programs") == folder


@pytest.mark.parametrize("plant", ["writable", "replaceable", "link", "file", "another's"])
def test_a_folder_for_code_that_others_could_fill_is_not_used(tmp_path, monkeypatch, plant):
    monkeypatch.setenv("NNLAB_CACHE", str(tmp_path))
    planted = tmp_path / "programs"
    if plant == "writable":
        planted.mkdir()
        planted.chmod(0o770)
    elif plant == "replaceable":
        tmp_path.chmod(0o770)
    elif plant == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        planted.symlink_to(tmp_path / "elsewhere")
    elif plant == "file":
        planted.touch()
    else:
        planted.mkdir(mode=0o700)
        other = os.getuid() + 1
        monkeypatch.setattr(os, "getuid", lambda: other)
    assert cache.private("programs") is None
