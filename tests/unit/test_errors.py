"""Every kind of error has its exit code, mapped in one place."""

from __future__ import annotations

import errno
import importlib.metadata
import json
import shutil
import sys
from pathlib import Path

import pytest

from nnlab import errors
from nnlab.errors import DataUnavailable, ExitCode, InputError, NotReproduced, UsageError, describe, install_hint


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("a"), ExitCode.USAGE),
        (InputError("a"), ExitCode.USAGE),
        (DataUnavailable("a"), ExitCode.DATA),
        (NotReproduced("a"), ExitCode.DEFECT),
        (MemoryError(), ExitCode.RESOURCES),
        (type("ResourceExhaustedError", (Exception,), {})("OOM"), ExitCode.RESOURCES),
        (RuntimeError("RESOURCE_EXHAUSTED: out of memory"), ExitCode.RESOURCES),
        (OSError(errno.ENOSPC, "No space left on device", "x"), ExitCode.RESOURCES),
        (PermissionError(errno.EACCES, "Permission denied", "x"), ExitCode.USAGE),
        (OSError(errno.EROFS, "Read-only file system", "x"), ExitCode.USAGE),
        (OSError(errno.ENAMETOOLONG, "File name too long", "x"), ExitCode.USAGE),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", b"x"), ExitCode.USAGE),
        (OSError(errno.EIO, "Input/output error", "x"), ExitCode.RESOURCES),
        (OSError(errno.EMFILE, "Too many open files", "x"), ExitCode.RESOURCES),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", errors.__file__), ExitCode.DEFECT),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), ExitCode.DEFECT),
        (OSError("no number"), ExitCode.DEFECT),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (ZeroDivisionError("x"), ExitCode.DEFECT),
    ],
)
def test_exit_codes(error, code):
    assert describe(error).exit_code == code


def test_an_error_is_one_line_with_message_and_hint():
    told = describe(InputError("expected\na sum", "Write one", path=Path("sums.txt"), line=3))
    assert told.line() == "sums.txt:3: expected a sum. Write one"
    assert told.record() == {"type": "InputError", "message": "sums.txt:3: expected\na sum", "hint": "Write one"}


def test_an_error_names_what_the_user_named(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match=r"No such file or directory: 'mine\.csv'"),
        errors.named(Path("mine.csv")),
    ):
        (tmp_path / "nowhere" / ".0af3.part").write_text("x")


def test_the_spaces_of_a_path_stay():
    told = describe(UsageError("no file at a  b.txt", "Use: nnlab arith --resume 'a  b'"))
    assert told.line() == "no file at a  b.txt. Use: nnlab arith --resume 'a  b'"


def test_a_defect_names_its_place_in_nnlab():
    from nnlab.data.sums import arithmetic

    with pytest.raises(KeyError) as caught:
        arithmetic.parse("1+1", "power", 3)
    assert "KeyError at nnlab/data/sums/arithmetic.py:" in describe(caught.value).message


# ---- install_hint ------------------------------------------------------------------------------------


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """nnlab as if it were installed another way: files in the environment, and what pip wrote of its origin."""

    def install(marker, content="", *, origin=None, pip=True):
        (tmp_path / "bin").mkdir()
        if marker:
            (tmp_path / marker).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / marker).write_text(content)

        class Distribution:
            def read_text(self, name):
                return json.dumps(origin) if origin and name == "direct_url.json" else None

        monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv" if marker.startswith(".venv") else tmp_path))
        monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
        monkeypatch.setattr(importlib.metadata, "distribution", lambda name: Distribution())
        monkeypatch.setattr("importlib.util.find_spec", lambda name: object() if pip else None)
        monkeypatch.setattr(shutil, "which", lambda name: str(tmp_path / "bin" / name))
        return tmp_path

    return install


def test_install_hint_of_pip(installed):
    installed("")
    assert install_hint("ray") == "pip install 'nnlab-cli[ray]'"
    assert install_hint() == "pip install 'nnlab-cli'"


def test_install_hint_where_pip_on_the_path_is_another_environments(installed, monkeypatch):
    folder = installed("")
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert install_hint("ray") == f"{folder}/bin/python -m pip install 'nnlab-cli[ray]'"


def test_install_hint_of_pipx(installed):
    installed("pipx_metadata.json")
    assert install_hint("ray") == "pipx install --force 'nnlab-cli[ray]'"


def test_install_hint_of_a_uv_tool(installed):
    installed("uv-receipt.toml")
    assert install_hint("gpu") == "uv tool install --force 'nnlab-cli[gpu]'"


def test_install_hint_of_an_environment_without_pip(installed):
    folder = installed("", pip=False)
    assert install_hint("jax") == f"uv pip install --python {folder}/bin/python 'nnlab-cli[jax]'"


def test_install_hint_of_a_checkout_under_uv(installed, tmp_path, monkeypatch):
    origin = {"url": tmp_path.as_uri(), "dir_info": {"editable": True}}
    installed(".venv/pyvenv.cfg", "home = /usr/bin\nuv = 0.9.0\n", origin=origin)
    assert install_hint("ray") == "uv sync --inexact --extra ray"
    assert install_hint() == "uv sync --inexact"
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert install_hint("ray") == "python3 -m uv sync --inexact --extra ray"


def test_install_hint_of_a_checkout_under_pip(installed, tmp_path):
    installed("", origin={"url": tmp_path.as_uri(), "dir_info": {"editable": True}})
    assert install_hint("ray") == f"pip install -e '{tmp_path}[ray]'"


def test_install_hint_installs_from_where_nnlab_came_from(installed):
    origin = {"url": "https://example.org/nnlab.git", "vcs_info": {"vcs": "git", "commit_id": "0" * 40}}
    installed("", origin=origin)
    assert install_hint("ray") == "pip install 'nnlab-cli[ray] @ git+https://example.org/nnlab.git'"


@pytest.mark.parametrize("recorded", ["{", "[]", "null"])
def test_install_hint_of_a_damaged_record_is_a_command_all_the_same(installed, monkeypatch, recorded):
    installed("")
    distribution = type("Distribution", (), {"read_text": lambda self, name: recorded})
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: distribution())
    monkeypatch.setattr(errors, "__file__", "/somewhere/site-packages/nnlab/errors.py")
    assert install_hint("ray") == "pip install 'nnlab-cli[ray]'"
