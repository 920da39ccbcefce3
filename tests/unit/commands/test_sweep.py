"""What a sweep says of its values: which is chosen, and by what."""

from __future__ import annotations

import json

import jsonschema
import pytest

from nnlab.commands.schema import schema
from nnlab.commands.sweep import Sweep, told
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal


def finished(results):
    return {"status": "ok", "seconds": 3.0, "results": results}


def network(loss):
    return {"val_loss": loss, "val_accuracy": 0.5, "test_accuracy": 0.25}


def test_of_several_networks_no_scale_decides(tmp_path, capfd):
    losses = {0.1: (0.9, 0.050), 0.2: (1.0, 0.010)}  # the means of both are 0.475 and 0.505
    states = {
        f"cnn_weight_decay={value}": finished({"cnn_plain": network(plain), "cnn_permuted": network(permuted)})
        for value, (plain, permuted) in losses.items()
    }
    asked = Sweep("permute", {"net": "cnn"}, "cnn_weight_decay", [0.1, 0.2], states=states)
    outcome = told(Terminal(json=False), asked, RunFolder(tmp_path))
    results = outcome.results
    assert outcome.error is None
    assert (results["chosen_by"], results["chosen"]) == ("val_loss", 0.2)
    assert results["values"][1]["cnn_permuted.val_loss"] == 0.010
    assert abs(results["values"][1]["val_loss"] - 0.1) < 1e-12
    assert not [name for name in results["figures"] if "val_" in name]
    assert "geometric mean of its networks" in " ".join(capfd.readouterr().out.split())
    jsonschema.validate(json.loads((tmp_path / "results.json").read_text()), schema())


def test_values_that_have_other_networks_are_ranked_by_their_own(tmp_path):
    states = {"net=mlp": finished({"mlp_plain": network(0.4)}), "net=cnn": finished({"cnn_plain": network(0.0)})}
    asked = Sweep("permute", {}, "net", ["mlp", "cnn"], states=states)
    outcome = told(Terminal(json=True), asked, RunFolder(tmp_path))
    assert (outcome.error, outcome.results["chosen"]) == (None, "cnn")
    assert [row["val_loss"] for row in outcome.results["values"]] == [pytest.approx(0.4), 0.0]
    jsonschema.validate(json.loads((tmp_path / "results.json").read_text()), schema())


def test_what_is_typed_beside_resume_is_not_ignored(nnlab, tmp_path):
    (tmp_path / "swept").mkdir()
    (tmp_path / "swept" / "sweep.json").write_text("{}")
    for word in ("--epochs=7", "--set=units=3", "--out=elsewhere", "--like=other", "--sweep=units=16,32"):
        done = nnlab("arith", "--resume", "swept", word)
        assert (done.code, f"it does not take {word.partition('=')[0]}" in done.err) == (2, True)
