"""``--like``, ``--from``, ``--set`` and ``--sweep``, with real runs."""

from __future__ import annotations

import json
import shutil
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nnlab.commands.parent import taken_over
from nnlab.commands.runs import compare
from nnlab.commands.sweep import Sweep
from nnlab.configs.arith import ArithConfig
from nnlab.configs.autoencode import AutoencodeConfig
from nnlab.configs.permute import PermuteConfig
from nnlab.configs.run import RunOptions
from nnlab.data import seen
from nnlab.data.sums import arithmetic
from nnlab.errors import UsageError
from nnlab.output.run_folder import RunFolder
from tests.conftest import few_digits


def questions(sums):
    return {frozenset([a, b]) for a, b in zip(sums.left.tolist(), sums.right.tolist(), strict=True)}


def config(place):
    return json.loads((place / "config.json").read_text())


def test_like_takes_the_options_and_what_is_typed_wins(nnlab, trained, tmp_path):
    words = ("--seed", 7, "--epochs", 1, "--set", "examined=0")
    assert nnlab("arith", "--like", trained, *words, "--out", "b").code == 0
    made, before = config(tmp_path / "b"), config(trained)
    typed = {"seed": 7, "epochs": 1, "examined": 0}
    assert made["typed"] == {"preset": "quick", **typed}
    assert made["config"] == {**before["config"], **typed}
    assert not (tmp_path / "b" / "parent").exists()


@pytest.mark.slow
def test_from_goes_on_with_the_weights_without_the_other_run(nnlab, trained, tmp_path):
    shutil.copytree(trained, tmp_path / "a")
    first = nnlab("arith", "--from", "a", "--epochs", 1, "--set", "examined=0", "--out", "b", "--json", "-q")
    assert first.code == 0
    parent = first.document["data"]["parent"]
    assert (parent["run"], parent["left_out"]) == ("a", 0)
    rows = RunFolder(tmp_path / "b").read_metrics()
    begun = RunFolder(trained).read_metrics()
    assert rows[0]["val_loss"] < begun[0]["val_loss"] / 2  # further on than a first epoch from fresh weights
    shutil.rmtree(tmp_path / "a")
    assert nnlab("runs", "verify", "b").code == 0
    grandchild = nnlab("arith", "--from", "b", "--data-seed", 1, "--epochs", 1, "--out", "c", "--json")
    assert grandchild.code == 0
    left_out = grandchild.document["data"]["parent"]["left_out"]
    known = questions(arithmetic.split(arithmetic.draw("add", 3, 4000, 0), 0.1)[0])
    validation, test = map(questions, arithmetic.split(arithmetic.draw("add", 3, 4000, 1), 0.1)[1:])
    assert left_out == len(known & validation) + len(known & test)
    assert f"{len(known & test)} of 400 test questions leave" in grandchild.err
    both = seen.read(tmp_path / "c" / "trained_on.npy")
    assert set(seen.read(tmp_path / "b" / "trained_on.npy").tolist()) <= set(both.tolist())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("mnist", "--from", "a"), "expected --from to be a run of mnist, a is one of arith"),
        (("arith", "--from", "a", "--like", "a"), "Leave --like out"),
        (("arith", "--from", "a", "--out", "a"), "which has files in it"),
        (("arith", "--from", "a", "--set", "units=8"), "do not fit the network of these options"),
        (("arith", "--like", "nowhere"), "expected a run folder, found nothing"),
        (("arith", "--resume", "a", "--from", "a"), "it does not take --from"),
        (("arith", "--set", "unit=8"), "Did you mean units?"),
        (("arith", "--set", "start=abc"), "expected --set with a setting of this experiment, got 'start'"),
        (("arith", "--sweep", "steps=1,2"), "expected --sweep with a setting of this experiment, got 'steps'"),
        (("arith", "--set", "units=x"), "expected units to be a whole number, got 'x'"),
        (("arith", "--set", "digits=2", "--digits", "3"), "digits is given twice"),
        (("arith", "--sweep", "units=8"), "expected 2 to 100 values"),
        (("arith", "--sweep", "units=8,8"), "expected different values"),
        (("arith", "--sweep", "unit=8,16"), "Did you mean units?"),
        (("arith", "--sweep", "units=" + ",".join(map(str, range(1, 1001)))), "got 1,000"),
        (("arith", "--sweep", "units=1,2,3", "--runs", "50"), "expected 2 to 2 values in --sweep with 50 runs each"),
        (("arith", "--sweep", "seed=1,2"), "Repeat with other seeds: --runs"),
        (("arith", "--sweep", "units=1,-2"), "expected units 1 to 8,192, got -2"),
        (
            ("arith", "--sweep", "op=add,sub"),
            "It says what is to be learned, whose figures cannot be compared",
        ),
        (("denoise", "--sweep", "noise=0.1,0.5"), "It says what is to be learned"),
    ],
)
def test_what_cannot_be_is_one_line(nnlab, trained, tmp_path, arguments, told):
    shutil.copytree(trained, tmp_path / "a")
    done = nnlab(*arguments, *(() if "--out" in arguments or "--resume" in arguments else ("--out", "new")))
    assert done.code == 2
    assert told in done.err.splitlines()[-1]
    assert not (tmp_path / "new").exists()


def test_networks_that_are_compared_start_alike(monkeypatch):
    """Of ``permute`` a run keeps the weights of one, and it always trains several."""
    assert all(len(PermuteConfig.from_options({"net": net}).experiments) > 1 for net in ("mlp", "cnn", "both"))
    folder = types.SimpleNamespace(command="permute")
    monkeypatch.setattr(RunFolder, "open", lambda place: folder)
    with pytest.raises(UsageError, match=r"permute trains several networks.*it cannot start --from another"):
        taken_over("permute", {}, RunOptions(parent=Path("x")))


def test_run_that_does_not_say_what_it_was_trained_on(nnlab, trained, tmp_path):
    shutil.copytree(trained, tmp_path / "a")
    (tmp_path / "a" / "trained_on.npy").unlink()
    done = nnlab("arith", "--from", "a")
    assert done.code == 2
    assert "expected trained_on.npy" in done.err
    np.save(tmp_path / "a" / "trained_on.npy", np.zeros(3))
    assert "expected what the run was trained on" in nnlab("arith", "--from", "a").err
    (tmp_path / "a" / "results.json").unlink()
    assert "expected --from a finished run" in nnlab("arith", "--from", "a").err


@pytest.mark.release
def test_child_whose_parent_weights_were_exchanged_is_not_gone_on_with(nnlab, trained, tmp_path):
    assert nnlab("arith", "--from", trained, "--epochs", 1, "--out", "b").code == 0
    assert nnlab("arith", "--like", trained, "--seed", 1, "--epochs", 1, "--out", "other").code == 0
    shutil.copy(tmp_path / "other" / "model.keras", tmp_path / "b" / "parent" / "model.keras")
    done = nnlab("runs", "verify", "b")
    assert done.code == 2
    assert "expected weights of digest" in done.err


@pytest.mark.slow
def test_from_keeps_the_design_of_the_weights_whatever_the_default_is_now(nnlab, tmp_path):
    few_digits(tmp_path / "few.npz", 600, 100)
    words = ("mnist", "--preset", "quick", "--net", "mlp", "--epochs", 1, "--data", "few.npz")
    assert nnlab(*words, "--set", "design=normalised", "--out", "a").code == 0
    record = config(tmp_path / "a")
    record["typed"].pop("design")  # as if it had been the default once
    (tmp_path / "a" / "config.json").write_text(json.dumps(record))
    assert nnlab("mnist", "--from", "a", "--out", "b").code == 0
    assert config(tmp_path / "b")["config"]["design"] == "normalised"


def test_what_starts_from_products_of_before_has_their_network(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "a")
    former = {"op": "mul", "recurrence": "one_way", "units": 64, "pair_size": 8}
    settings = ArithConfig.from_options(former, settings=True).record()
    folder = RunFolder(tmp_path / "a")
    folder.write_json("config.json", config(folder.path) | {"config": settings, "typed": {}})
    given, _, _ = taken_over("arith", {"op": "mul"}, RunOptions(parent=tmp_path / "a"))
    found = ArithConfig.from_options(given, settings=True)
    assert (found.recurrence, found.units, found.pair_size) == ("one_way", 64, 8)


def test_what_changes_nothing_any_more_is_not_taken_over(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "a")
    like = RunOptions(like=tmp_path / "a")
    RunFolder(tmp_path / "a").write_json("config.json", config(trained) | {"typed": {"gates": "sigmoid", "seed": 3}})
    assert taken_over("arith", {"op": "mul"}, like)[0] == {"op": "mul", "seed": 3}
    assert taken_over("arith", {"op": "mul", "noise": 1.0}, like)[0]["noise"] == 1.0  # typed now: it is refused


def test_what_starts_from_another_is_not_given_settings_that_change_nothing(trained):
    given, _, _ = taken_over("arith", {}, RunOptions(parent=trained))
    assert given.keys() & {*ArithConfig.SHAPES} == {"gates", "networks", "units"}
    ArithConfig.from_options(given, settings=True).check_effect(given)


def test_records_of_before_have_the_networks_of_before():
    for cls, options, added in (
        (AutoencodeConfig, {"data": "birds"}, {"conv_design": "corrected", "song_weight": 1.0}),
        (PermuteConfig, {}, {"layout": "map"}),
        (ArithConfig, {"op": "mul"}, {"commuting": False, "recurrence": "both_ways", "pair_size": 0}),
    ):
        record = cls.from_options(options).record()
        assert all(record.pop(name) != value for name, value in added.items())
        earlier = cls.from_record(record)
        assert {name: getattr(earlier, name) for name in added} == added


@pytest.mark.slow
def test_sweep_chooses_on_validation_goes_on_and_is_listed(nnlab, tmp_path):
    words = ("arith", "--preset", "quick", "--samples", 300, "--epochs", 2, "--set", "examined=0")
    done = nnlab(*words, "--sweep", "units=8,24", "--out", "s", "--json")
    assert done.code == 0
    results = done.document["results"]
    by_value = {row["value"]: row[results["chosen_by"]] for row in results["values"]}
    assert results["chosen"] == min(by_value, key=lambda value: by_value[value])
    assert (tmp_path / "s" / "figures" / "sweep.png").exists()
    alone = nnlab(*words, "--set", "units=8", "--out", "alone")
    assert alone.code == 0
    assert compare(RunFolder(tmp_path / "alone"), RunFolder(tmp_path / "s" / "units=8")) == []
    shutil.rmtree(tmp_path / "s" / "units=24")
    (tmp_path / "s" / "results.json").unlink()
    again = nnlab("arith", "--resume", "s", "--json")
    assert again.code == 0
    assert "1 of 2 values to run" in again.err
    assert again.document["results"] == results
    shutil.rmtree(tmp_path / "s" / "units=24")
    asked = json.loads((tmp_path / "s" / "sweep.json").read_text())
    for settings in asked["settings"].values():  # as if these had been defaults when it began
        settings |= {"learning_rate": 0.003, "least_rate": 0.05}
        settings.pop("gates")  # and this had not been a setting yet
    (tmp_path / "s" / "sweep.json").write_text(json.dumps(asked))
    assert nnlab("arith", "--resume", "s").code == 0
    found = config(tmp_path / "s" / "units=24")["config"]
    assert (found["learning_rate"], found["least_rate"], found["gates"], found["units"]) == (0.003, 0.05, "sigmoid", 24)
    assert "sweep: units" in nnlab("runs", "--dir", ".").out
    assert "chosen on validation" in nnlab("runs", "show", "s").out
    refused = nnlab("predict", "s", "1+1")
    assert refused.code == 2
    assert "holds those of a sweep" in refused.err


def test_a_sweep_keeps_the_defaults_that_it_began_with():
    typed = {"minutes": 1.0}
    then = {"units=8": {**ArithConfig.from_options({**typed, "units": 8}, settings=True).record(), "epochs": 4}}
    begun = Sweep("arith", typed, "units", [8, 16], settings=then)
    assert begun.given(8) == {**typed, "units": 8}  # of a run of minutes epochs are not asked for
    then["units=8"] |= {"dropout": 0.4}
    assert begun.given(8) == {**typed, "units": 8, "dropout": 0.4}
    assert begun.given(16) == {**typed, "units": 16}  # nothing is known of it
    for name in ("samples", "learning_rate"):
        then["units=8"] |= {name: 77 if name == "samples" else None}
    with pytest.raises(UsageError, match="the default of samples, learning_rate was another"):
        begun.given(8)


def test_each_run_of_a_sweep_has_the_settings_that_change_it():
    typed = {"pair_size": 8, "noise": 1.0, "networks": 2}
    assert settings_of("arith", typed, "op", ["add", "mul"]) == [{"noise", "networks"}, {"pair_size", "networks"}]
    assert settings_of("arith", typed, "network", ["columns", "seq2seq"]) == [{"noise", "networks"}, set()]
    for name, values in (("net", ["mlp", "cnn"]), ("design", ["keras_2018", "adversarial"])):
        assert settings_of("mnist", {"cnn_weight_decay": 0.1}, name, values) == [set(), {"cnn_weight_decay"}]
    then = {"gates=sigmoid": ArithConfig.from_options({"op": "mul"}).record()}
    before = Sweep("arith", {"op": "mul"}, "gates", ["hard_sigmoid", "sigmoid"], settings=then)
    assert before.given("sigmoid") == {"op": "mul", "gates": "sigmoid"}  # of a former version: the run refuses it


def settings_of(command, typed, name, values):
    """What each run of a sweep is given beside its value; also when it is gone on with."""
    begun = Sweep(command, typed, name, values)
    found = [begun.given(value) for value in values]
    resumed = replace(begun, settings={run: begun.config(value).record() for run, value in begun.runs.items()})
    assert [resumed.given(value) for value in values] == found
    return [given.keys() - {name} for given in found]


def test_a_sweep_of_own_pictures_is_refused_where_a_default_of_pictures_has_changed(tmp_path):
    typed = {"data": "my pictures", "code": 16}
    begun = Sweep("autoencode", typed, "learning_rate", [0.001, 0.002])
    asked = begun.config(0.001)
    assert asked.record()["conv_design"] == "both_ways"  # whether they are pictures shows when they are loaded
    record = asked.resolved(kind="pictures").record()
    folder = RunFolder(tmp_path / "learning_rate=0.001")
    folder.path.mkdir()
    folder.write_json("config.json", {"config": record})
    begun.check_decided(tmp_path)
    folder.write_json("config.json", {"config": {**record, "conv_design": "both_ways", "weight_decay": 0.1}})
    with pytest.raises(UsageError, match="the default of conv_design, weight_decay was another"):
        begun.check_decided(tmp_path)
    from_another = Sweep("autoencode", {**typed, "weight_decay": 0.1}, "learning_rate", [0.001], start="a")
    from_another.check_decided(tmp_path)  # the weights it starts from decide the design


@pytest.mark.release
def test_minutes_become_steps_that_repeat_to_the_bit(nnlab, tmp_path):
    done = nnlab("arith", "--preset", "quick", "--samples", 1000, "--minutes", 0.03, "--out", "a", "--json")
    assert done.code == 0
    steps = done.document["config"]["steps"][""]
    epochs = len(RunFolder(tmp_path / "a").read_metrics())
    per_epoch = -(-810 // done.document["config"]["batch_size"])  # a tenth is test, a tenth of the rest validation
    assert (epochs - 1) * per_epoch < steps <= epochs * per_epoch
    assert nnlab("runs", "verify", "a").code == 0
    again = nnlab("arith", "--like", "a", "--epochs", 1, "--out", "b", "--json")
    assert (again.document["config"]["minutes"], again.document["config"]["steps"]) == (None, None)


def test_minutes_and_epochs_are_one_or_the_other(nnlab):
    done = nnlab("arith", "--minutes", 1, "--epochs", 1)
    assert done.code == 2
    assert "--minutes decides the epochs" in done.err
    assert nnlab("arith", "--minutes", 0).code == 2


@pytest.mark.slow
def test_another_text_for_a_trained_network(nnlab, tmp_path):
    small = ("textgen", "--preset", "quick", "--epochs", 1, "--length", 20, "--no-benchmark", "-q")
    assert nnlab(*small, "--out", "a").code == 0
    text = "Ein ganz anderer Text, mit ß und é. " * 300
    (tmp_path / "other.txt").write_text(text, encoding="utf-8")
    words = ("textgen", "--from", "a", "--data", "other.txt", "--out", "b", "--no-benchmark", "--json")
    done = nnlab(*words, "--epochs", 1)
    assert done.code == 0, done.err
    assert "characters are unknown to a, left out: " in done.err
    before, after = (json.loads((tmp_path / run / "preprocessing.json").read_text()) for run in "ab")
    assert after == before
    refused = nnlab("textgen", "--from", "a", "--keep-case")
    assert refused.code == 2
    assert "expected the case of the text as a read it" in refused.err
    assert nnlab("runs", "verify", "b").code == 0
    page = nnlab("runs", "page", "b")  # it looks into the network with the vocabulary of the weights
    assert page.code == 0
    assert "is not shown" not in page.err
    assert len(json.loads((tmp_path / "b" / "preprocessing.json").read_text())["characters"]) > len(set(text.lower()))


@pytest.mark.release
def test_other_pairs_for_a_trained_network(nnlab, tmp_path):
    small = ("translate", "--preset", "quick", "--samples", 200, "--epochs", 1, "--no-benchmark", "-q")
    assert nnlab(*small, "--out", "a").code == 0
    pairs = [
        f"I saw {word} ☂.\tJ'ai vu {word} ☂." for word in (f"thing{chr(97 + n)}{chr(97 + n // 5)}" for n in range(26))
    ]
    (tmp_path / "pairs.txt").write_text("\n".join(pairs), encoding="utf-8")
    done = nnlab(
        "translate", "--from", "a", "--pairs", "pairs.txt", "--epochs", 1, "--samples", 26, "--out", "b", "--json"
    )
    assert done.code == 0, done.err
    assert "characters unknown to a are read as unknown: " in done.err
    assert "☂" in done.err
    assert nnlab("predict", "b", "I saw thingaa.").code == 0
    again = nnlab("translate", "--from", "a", "--data-seed", 5, "--epochs", 1, "--out", "c", "--json")
    assert again.code == 0, again.err
    assert again.document["data"]["parent"]["left_out"] > 0
    refused = nnlab("translate", "--from", "a", "--set", "vocab_size=300")
    assert refused.code == 2
    assert "expected characters, which a was trained on, got subwords" in refused.err


@pytest.mark.release
@pytest.mark.parametrize(
    ("words", "options"),
    [
        (("mnist", "--net", "cnn"), ("--data-seed", 1)),
        (("denoise",), ("--noise", "0.2")),
        (("autoencode", "--code", "16"), ("--loss", "mae")),
        (("autoencode", "--data", "chirps"), ()),
    ],
)
def test_every_kind_of_network_goes_on_from_its_weights(nnlab, tmp_path, words, options):
    assert nnlab(*words, "--preset", "quick", "--epochs", 1, "--out", "a", "-q").code == 0
    done = nnlab(words[0], "--from", "a", *options, "--epochs", 1, "--out", "b", "--json")
    assert done.code == 0, done.err
    first, second = (RunFolder(tmp_path / run).read_metrics()[0] for run in "ab")
    if "--loss" not in options:
        assert second["loss"] < first["loss"]
    assert done.document["data"]["parent"]["run"] == "a"
