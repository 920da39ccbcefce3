"""An eighth experiment, added from here, is taken through everything a command does."""

from __future__ import annotations

import json
import os
import signal
import time

import numpy as np
import pytest
from jsonschema import validate

from tests.conftest import ROOT, call, start

pytestmark = pytest.mark.process


@pytest.fixture
def eighth(tmp_path):
    """Options of a process in which the experiment is registered, also in the workers it starts."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("import tests.experiments.eighth\n")
    return {"cwd": tmp_path, "env": {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}}


def test_help_and_schema_know_it(eighth):
    helped = call("majority", "--help", **eighth)
    assert helped.code == 0
    assert "--bits" in helped.out
    assert "default: 9; quick 5" in " ".join(helped.out.split())
    document = json.loads(call("schema", **eighth).out)
    assert "majority" in json.dumps(document["allOf"])


@pytest.mark.slow
def test_trains_on_two_workers_survives_kill_9_and_is_verified(eighth, tmp_path):
    options = ("majority", "--runs", 3, "--epochs", 12, "--workers", 2, "-q", "--json")
    process = start(*options, "--out", "cut", **eighth)
    checkpoint = tmp_path / "cut" / "checkpoint"
    deadline = time.monotonic() + 120
    while not (checkpoint.is_dir() and list(checkpoint.glob("*.npz"))):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    resumed = call("majority", "--resume", "cut", "--workers", 2, "-q", "--json", **eighth)
    assert resumed.code == 0, resumed.err
    validate(resumed.document, json.loads(call("schema", **eighth).out))
    assert resumed.document["results"]["accuracy"]["n"] == 3
    verified = call("runs", "verify", "cut", **eighth)
    assert verified.code == 0, verified.err
    answers = call("predict", "cut", "111111111", "000000000", "110", **eighth)
    assert answers.code == 2
    assert answers.out.splitlines() == ["ones", "zeros", ""]
    assert "expected 9 bits, got '110'" in answers.err
    page = call("runs", "page", "cut", "--json", **eighth)
    assert page.code == 0, page.err
    assert page.document["results"]["runs"][0]["insights"] == []  # it has none, and the page goes without
    assert "nnlab majority --epochs 12 --runs 3" in (tmp_path / "cut" / "page.html").read_text()


def test_oracle_of_the_eighth_experiment():
    from tests.experiments.eighth.experiment import truth

    assert truth(np.array([[1, 1, 0], [1, 0, 0]])).tolist() == [1, 0]
