"""The wheel is built from the sdist, with the assets and the types inside, under a name that is ours."""

from __future__ import annotations

import email
import re
import shutil
import subprocess
import tarfile
import tomllib
import zipfile

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on the path")
    done = subprocess.run(
        [uv, "build", "--quiet", "--out-dir", folder, ROOT], capture_output=True, text=True, check=False
    )
    if "error sending request" in done.stderr or "dns error" in done.stderr:
        pytest.skip("the build tool cannot be fetched: no network")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        yield archive


def test_wheel_and_sdist_hold_code_types_and_assets(built, wheel):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        source = {name.partition("/")[2] for name in archive.getnames()}
    inside = set(wheel.namelist())
    assets = {path.relative_to(ROOT).as_posix() for path in (ROOT / "assets").rglob("*") if path.is_file()}
    doors = {path.name for path in ROOT.glob("*.md")}
    assert len(assets) >= 3
    assert assets | doors <= source
    assert {f"nnlab/{asset}" for asset in assets} | {"nnlab/py.typed"} <= inside
    code = {path.relative_to(ROOT).as_posix() for path in (ROOT / "nnlab").rglob("*.py")}
    assert code <= inside
    templates = {path.relative_to(ROOT).as_posix() for path in (ROOT / "nnlab").rglob("templates/*")}
    assert len(templates) >= 5
    assert templates <= source & inside
    assert not [name for name in source | inside if "runs/" in name or name.endswith((".keras", ".npz", ".lock"))]


def test_wheel_has_the_name_the_version_and_the_command(wheel):
    import nnlab

    (info,) = {name.partition("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    metadata = email.message_from_bytes(wheel.read(f"{info}/METADATA"))
    assert (metadata["Name"], metadata["Version"]) == ("nnlab-cli", nnlab.__version__)
    assert "nnlab = nnlab.__main__:main" in wheel.read(f"{info}/entry_points.txt").decode()


def test_extras_are_asked_of_our_distribution():
    """``nnlab`` on the public index is another project: ``nnlab[ray]`` would install that one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for path in [*(ROOT / "nnlab").rglob("*.py"), *ROOT.glob("*.md")]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\bnnlab\[", text), path
        named = set(re.findall(r"nnlab-cli\[([\w,]+)\]", text))
        assert {extra for extras in named for extra in extras.split(",")} <= set(project["optional-dependencies"]), path
