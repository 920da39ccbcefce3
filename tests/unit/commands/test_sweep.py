"""What a sweep says of its values: which is chosen, and by what."""

from __future__ import annotations

import json

import jsonschema
import pytest

from nnlab.commands.schema import schema
from nnlab.commands.sweep import Sweep, chosen_by, told
from nnlab.errors import UsageError
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal


def test_values_of_other_networks_are_not_ranked():
    with pytest.raises(UsageError, match="of each value"):
        chosen_by({"net=mlp": {"mlp_ce.val_loss": 1.0}, "net=cnn": {"cnn_ce.val_loss": 0.5}})


def test_of_several_networks_no_scale_decides(tmp_path, capfd):
    losses = {0.1: (0.9, 0.050), 0.2: (1.0, 0.010)}  # the means of both are 0.475 and 0.505
    states = {
        f"cnn_weight_decay={value}": {
            "status": "ok",
            "seconds": 3.0,
            "results": {
                name: {"val_loss": loss, "val_accuracy": 0.5, "test_accuracy": 0.25}
                for name, loss in zip(("cnn_plain", "cnn_permuted"), both, strict=True)
            },
        }
        for value, both in losses.items()
    }
    asked = Sweep("permute", {"net": "cnn"}, "cnn_weight_decay", [0.1, 0.2], states=states)
    outcome = told(Terminal(json=False), asked, RunFolder(tmp_path))
    results = outcome.results
    assert outcome.error is None
    assert (results["chosen_by"], results["chosen"]) == ("val_loss", 0.2)
    assert results["values"][1]["cnn_permuted.val_loss"] == 0.010
    assert abs(results["values"][1]["val_loss"] - 0.1) < 1e-12
    assert not [name for name in results["figures"] if "val_" in name]
    assert "geometric mean of 2" in " ".join(capfd.readouterr().out.split())
    jsonschema.validate(json.loads((tmp_path / "results.json").read_text()), schema())
