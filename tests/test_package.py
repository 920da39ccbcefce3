"""The wheel is built from the sdist, with the assets inside, and installs a command that starts."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import zipfile

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    place = tmp_path_factory.mktemp("built")
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on the path")
    done = subprocess.run(
        [uv, "build", "--quiet", "--out-dir", place, ROOT], capture_output=True, text=True, check=False
    )
    if "error sending request" in done.stderr or "dns error" in done.stderr:
        pytest.skip("the build tool cannot be fetched: no network")
    assert done.returncode == 0, done.stderr
    return place


def test_wheel_and_sdist_hold_code_and_assets(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        source = {name.partition("/")[2] for name in archive.getnames()}
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        wheel = set(archive.namelist())
    assets = {path.relative_to(ROOT).as_posix() for path in (ROOT / "assets").rglob("*") if path.is_file()}
    assert assets
    assert assets <= source
    assert {f"nnlab/{asset}" for asset in assets} <= wheel
    code = {path.relative_to(ROOT).as_posix() for path in (ROOT / "nnlab").rglob("*.py")}
    assert code <= wheel
    assert not [name for name in source | wheel if "runs/" in name or name.endswith((".keras", ".npz", ".lock"))]
