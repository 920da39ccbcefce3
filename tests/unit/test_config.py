"""Options, presets and records: what a config makes of what is typed, and of what was saved."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import nnlab.options
from nnlab.config import PRESETS, command, path_of
from nnlab.configs.arith import ArithConfig
from nnlab.configs.autoencode import AutoencodeConfig
from nnlab.configs.denoise import DenoiseConfig
from nnlab.configs.mnist import MnistConfig
from nnlab.configs.run import RunOptions
from nnlab.configs.textgen import TextgenConfig
from nnlab.configs.translate import TranslateConfig
from nnlab.errors import UsageError
from nnlab.experiments import REGISTRY
from nnlab.options import (
    BY_DATA,
    added,
    check_value,
    defaults_told,
    fields_of,
    hints_of,
    parsed,
    value_of,
    words_of,
)


@pytest.mark.parametrize("name", REGISTRY)
@pytest.mark.parametrize("preset", PRESETS)
def test_record_of_every_preset_is_complete_and_comes_back(name, preset):
    cls = REGISTRY[name].config
    open_ones = {"epochs": 5, "kind": "pictures", "script": "other"}
    config = cls.from_options({"preset": preset})
    config = config.resolved(**{key: value for key, value in open_ones.items() if getattr(config, key, 0) is BY_DATA})
    record = json.loads(json.dumps(config.record()))
    assert None not in [record[key] for key in ("epochs", "batch_size", "seed", "data_seed", "runs")]
    again = cls.from_record(record)
    assert again.record() == record
    assert again.resolved(epochs=77).record() == record  # what is recorded is fixed


@pytest.mark.parametrize("name", REGISTRY)
def test_a_value_of_another_type_is_refused_before_it_is_looked_up(name):
    """A record may be anybody's: lists and objects are no keys, whole numbers may be larger than any other number."""
    cls = REGISTRY[name].config
    record = cls.from_options({}).record()
    wrong: list[Any] = [[[]], {"a": [1]}, 10**400, float("nan")]
    for setting in record:
        for value in wrong:
            with pytest.raises(UsageError):
                cls.from_record({**record, setting: value})
            with pytest.raises(UsageError):
                cls.effective({setting: value})


def test_numbers_of_numpy_and_one_value_alone_are_taken_and_recorded_as_pythons_own():
    typed = {"seed": np.int64(1), "learning_rate": np.float32(0.5), "commuting": np.bool_(True)}
    config = ArithConfig.from_options(typed, settings=True)
    found = [config.seed, config.learning_rate, config.commuting]
    assert [(value, type(value)) for value in found] == [(1, int), (0.5, float), (True, bool)]
    assert json.loads(json.dumps(config.record() | dict(config.given))) == config.record()
    for diversity in (0.5, np.float32(0.5), (0.5,), [np.float64(0.5)], np.array([0.5])):
        [value] = TextgenConfig.from_options({"diversity": diversity}).diversity
        assert (value, type(value)) == (0.5, float)
    assert DenoiseConfig.from_options({"noise": np.float32(0.25)}).noise == "0.25"
    workers: Any = np.int64(2)
    assert type(RunOptions(workers=workers).workers) is int
    for given in ({"seed": np.float64(3)}, {"seed": np.array([1, 2])}, {"op": np.array(["add", "sub"])}):
        with pytest.raises(UsageError):
            ArithConfig.from_options(given)


@pytest.mark.parametrize("name", REGISTRY)
def test_every_option_changes_the_record_and_nothing_else(name):
    cls = REGISTRY[name].config
    typed = {
        "preset": "quick", "epochs": 3, "minutes": 1.5, "batch_size": 7, "seed": 5, "data_seed": 6,
        "runs": 2, "op": "sub",
        "digits": 2, "samples": 30,
        "net": "mlp" if "mlp" in str(cls.__annotations__) or name == "permute" else "dense",
        "loss": "mse", "top": 4, "maxlen": 9, "diversity": [0.7], "length": 11, "lower": False, "validation": 0.3,
        "dropout": 0.4, "reverse": True, "beam": 3, "code": 12, "activation": "sigmoid", "grid": True,
        "data": "sample", "extend": 26, "test": 0.2, "noise": "0.2-0.4", "clip": False,
    }  # fmt: skip
    options = [entry.name for entry in fields_of(cls) if "option" in entry.metadata]
    assert set(options) <= set(typed), "an option without a value in this test"
    for option in options:
        if name in ("mnist", "permute") and option == "net":
            typed["net"] = "mlp"
        given = {option: typed[option]} | ({"net": "dense"} if option == "code" else {})
        assert getattr(cls.from_options(given), option) == typed[option]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"op": "pow"}, "expected --op to be one of add, sub, mul, got 'pow'"),
        ({"digits": 0}, "expected --digits 1 to 100, got 0"),
        ({"digits": "3"}, "expected --digits to be a whole number, got '3'"),
        ({"epochs": True}, "expected --epochs to be a whole number, got True"),
        ({"epochs": 0}, "expected --epochs 1 to 1,000,000, got 0"),
        ({"nope": 1}, "got nope"),
        ({"units": 3}, "got units"),  # recorded, not on the command line
        ({"preset": "fast"}, "expected --preset to be one of published, best, quick, got 'fast'"),
    ],
)
def test_wrong_options_are_refused(given, told):
    with pytest.raises(UsageError) as raised:
        ArithConfig.from_options(given)
    assert told in raised.value.message


@pytest.mark.parametrize("changed", [{"epochs": 0}, {"units": -5}, {"runs": 10**9}, {"digits": 400}, {"op": 3}])
def test_records_out_of_bounds_are_refused(changed):
    record = ArithConfig.from_options({}).record()
    with pytest.raises(UsageError):
        ArithConfig.from_record({**record, **changed})


def test_unknown_and_missing_names_of_a_record_are_refused():
    record = ArithConfig.from_options({}).record()
    with pytest.raises(UsageError, match="colour"):
        ArithConfig.from_record({**record, "colour": "red"})
    del record["units"]
    with pytest.raises(UsageError, match="units"):
        ArithConfig.from_record(record)


def test_setting_added_later_takes_the_value_in_force_before_it_existed():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Later(ArithConfig):
        rounds: int = added(9, before=4)

    record = ArithConfig.from_options({}).record()
    assert Later.from_record(record).rounds == 4
    assert Later.from_options({}).rounds == 9
    assert Later.from_record(Later.from_options({}).record()).rounds == 9


def test_multiplication_has_a_setting_of_its_own_unless_it_is_typed():
    assert [ArithConfig.from_options({"op": "mul", "digits": n}).epochs for n in (1, 2, 3)] == [150, 150, 60]
    assert [ArithConfig.from_options({"op": "mul", "digits": n}).networks for n in (1, 2, 3)] == [3, 3, 1]
    assert [ArithConfig.from_options({"op": op}).pair_size for op in ("mul", "add")] == [32, 0]
    assert ArithConfig.from_options({"op": "mul", "epochs": 3}).epochs == 3
    assert ArithConfig.from_options({"op": "mul", "preset": "quick"}).epochs == 16


def test_epochs_of_digit_networks_are_recorded_each():
    config = MnistConfig.from_options({})
    assert (config.mlp_epochs, config.cnn_epochs, config.epochs) == (20, 24, 24)
    typed = MnistConfig.from_options({"epochs": 2, "net": "cnn"})
    assert (typed.mlp_epochs, typed.cnn_epochs, typed.epochs) == (2, 2, 2)


def test_greek_letters_decide_the_published_setting_and_not_the_path():
    config = TranslateConfig.from_options({"preset": "published", "data": "intellect/eng-fra.txt"})
    assert (config.epochs, config.batch_size) == (100, 70)
    greek = config.resolved(script="greek")
    assert (greek.epochs, greek.batch_size, greek.test, greek.dropout) == (126, 75, 0.4, 0.5)
    assert config.resolved(script="other").epochs == 100


def test_kind_of_data_decides_the_settings_of_sounds():
    config = AutoencodeConfig.from_options({"data": "a-folder", "net": "dense"}).resolved(kind="sounds")
    assert (config.loss, config.activation, config.epochs, config.batch_size) == ("mae", "tanh", 60, 16)
    with pytest.raises(UsageError, match="no convolutional network for sounds"):
        AutoencodeConfig.from_options({"data": "birds", "preset": "published", "net": "conv"})


@pytest.mark.parametrize("name", REGISTRY)
def test_defaults_told_are_the_defaults(name):
    """Each preset's default in the help is what a config of that preset has."""
    cls = REGISTRY[name].config
    for entry in fields_of(cls):
        if "option" not in entry.metadata or entry.name == "preset":
            continue
        told = defaults_told(cls, entry.name)
        for preset in PRESETS:
            value = getattr(cls.from_options({"preset": preset}), entry.name)
            if isinstance(value, int) and not isinstance(value, bool):
                assert f"{value:,}" in told, (entry.name, preset, told)


def test_many_values_in_a_row_are_told_by_their_ends():
    assert "--extend 1 to 100: 8" in defaults_told(ArithConfig, "epochs")
    assert "--digits 1 or 2: 150" in defaults_told(ArithConfig, "epochs")


def test_address_needs_the_engine_ray():
    with pytest.raises(UsageError, match="without --engine ray"):
        RunOptions(address="localhost:1")


def test_seeds_follow_each_other():
    assert list(ArithConfig.from_options({"seed": 4, "runs": 3}).seeds) == [4, 5, 6]


@pytest.mark.parametrize("name", REGISTRY)
def test_words_of_options_are_a_command_line_that_gives_them(name):
    """What a sweep or a page prints, read by the program as if it were typed."""
    cls = REGISTRY[name].config
    given = {"preset": "quick", "epochs": 3, "batch_size": 7, "data": "sample", "seed": 5}
    given |= {"diversity": [0.5, 1.0], "lower": False} if name == "textgen" else {}
    given |= {"grid": True, "clip": False} if name == "denoise" else {}
    given |= {"units": 16} if name == "arith" else {}
    seen: dict[str, Any] = {}

    def run(command, options, run_options):
        seen.update(options, settings=run_options.set)
        return 0

    app = typer.Typer()
    app.command()(command(cls, RunOptions, name, run))
    result = CliRunner().invoke(app, words_of(cls, given))
    assert result.exit_code == 0, result.output
    settings = [parsed(cls, text, "--set") for text in seen.pop("settings") or []]
    assert {**seen, **{key: value_of(cls, key, text) for key, text in settings}} == given


def test_few_numbers_per_picture_are_learned_longer():
    few, more, sounds = (
        AutoencodeConfig.from_options({"code": code, "data": data})
        for code, data in ((32, "cifar10"), (33, "cifar10"), (32, "birds"))
    )
    assert [(one.epochs, one.weight_decay) for one in (few, more, sounds)] == [(24, 0.3), (12, 1e-4), (4, 1e-4)]
    assert [one.conv_design for one in (few, more, sounds)] == ["grown", "both_ways", "both_ways"]
    assert AutoencodeConfig.from_options({"code": 16, "epochs": 3}).epochs == 3


def test_lexical_path_is_of_networks_with_attention_and_of_runs_that_had_one():
    own = TranslateConfig.from_options({"epochs": 3}).resolved(script="greek", samples=100)
    record = own.record()
    assert record.pop("lexical") is True
    assert TranslateConfig.from_record(record).lexical is False
    assert "lexical" in TranslateConfig.SHAPES  # what --from keeps
    for given in ({"preset": "published"}, {"network": "encoder_decoder"}):
        assert TranslateConfig.from_options(given, settings=True).lexical is False


# ---- settings that change nothing --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("arith", {"recurrence": "one_way"}, "recurrence changes nothing with --op add"),
        ("arith", {"op": "mul", "gates": "sigmoid"}, "gates changes nothing with --op mul"),
        ("arith", {"preset": "published", "noise": 1.0}, "noise changes nothing with network seq2seq"),
        ("arith", {"confidence": 0.5}, "confidence changes nothing with --extend 0"),
        ("mnist", {"net": "mlp", "cnn_learning_rate": 1e-3}, "cnn_learning_rate changes nothing with --net mlp"),
        ("permute", {"preset": "published", "beta_2": 0.9}, "beta_2 changes nothing with design keras_2018"),
        ("textgen", {"preset": "published", "depth": 2}, "depth changes nothing with network window"),
        ("translate", {"network": "encoder_decoder", "lexical": True}, "lexical changes nothing with network encoder"),
        ("autoencode", {"net": "dense", "conv_design": "grown"}, "conv_design changes nothing with --net dense"),
        ("autoencode", {"data": "birds", "mirror": True}, "mirror changes nothing with kind sounds"),
        (
            "autoencode",
            {"data": "birds", "net": "dense", "song_weight": 6.0},
            "song_weight changes nothing with --net dense",
        ),
        ("mnist", {"net": "mlp", "shift": 1.0}, "shift changes nothing with --net mlp"),
        ("mnist", {"minutes": 1.0, "mlp_epochs": 3}, "mlp_epochs changes nothing with --minutes 1.0"),
        ("permute", {"net": "cnn", "weight_decay": 0.1}, "weight_decay changes nothing with cnn_weight_decay 0.15"),
        ("textgen", {"preset": "published", "networks": 2}, "networks changes nothing with network window"),
        ("translate", {"validation": 0.0, "patience": 3}, "patience changes nothing with --validation 0"),
        ("denoise", {"preset": "published", "weight_decay": 0.1}, "weight_decay changes nothing with schedule const"),
    ],
)
def test_settings_that_change_nothing_are_refused_where_they_are_typed(name, given, told):
    config = REGISTRY[name].config.from_options(given, settings=True)
    with pytest.raises(UsageError, match=told):
        config.check_effect(given)
    config.check_effect([])  # as of a record, which says all


@pytest.mark.parametrize("name", REGISTRY)
def test_what_settings_need_to_change_something_can_be_had(name):
    cls = REGISTRY[name].config
    hints = hints_of(cls)
    fields = {entry.name: entry for entry in fields_of(cls)}
    for setting, needed in cls.ONLY_WITH.items():
        assert setting in fields
        for other, values in needed.items():
            for value in values:
                check_value(fields[other], hints[other], value)


def test_what_the_data_decide_is_open_until_they_are_loaded():
    given = {"data": "my own", "mirror": False}
    config = AutoencodeConfig.from_options(given, settings=True)
    config.check_effect(given)
    config.resolved(kind="pictures").check_effect(given)
    with pytest.raises(UsageError, match="mirror changes nothing with kind sounds"):
        config.resolved(kind="sounds").check_effect(given)


def test_what_the_data_decide_is_no_advice():
    """A setting can be left out, or the other changed; but nobody types of which kind the data are."""
    sounds = AutoencodeConfig.from_options({"data": "my own", "mirror": False}, settings=True).resolved(kind="sounds")
    dense = AutoencodeConfig.from_options({"net": "dense", "conv_design": "grown"}, settings=True)
    for config, name, hint in [(sounds, "mirror", "Leave it out"), (dense, "conv_design", "Leave it out, or use ")]:
        with pytest.raises(UsageError) as caught:
            config.check_effect([name])
        assert caught.value.hint.startswith(hint)
        assert (caught.value.hint == "Leave it out") == (name == "mirror")


@pytest.mark.parametrize(("net", "own"), [("both", 0.2), ("mlp", None), ("cnn", None)])
def test_a_weight_decay_that_one_network_has_use_for_may_be_typed(net, own):
    given = {"net": net, "weight_decay": 0.1} | ({} if own is None else {"cnn_weight_decay": own})
    config = MnistConfig.from_options(given | {"cnn_weight_decay": own}, settings=True)
    config.check_effect(given)


@pytest.mark.parametrize(("count", "fits"), [(0, False), (1, True), (100, True), (101, False)])
def test_a_repeatable_option_takes_up_to_a_hundred_values(count, fits):
    given = {"diversity": [0.5] * count}
    if fits:
        assert TextgenConfig.from_options(given).diversity == given["diversity"]
    else:
        with pytest.raises(UsageError, match="as 1 to 100 values"):
            TextgenConfig.from_options(given)


@pytest.mark.parametrize(
    ("steps", "planned"), [(None, (4, 40)), ({"a": 25}, (3, 25)), ({"a": 30}, (3, 30)), ({"b": 7}, (1, 10))]
)
def test_the_last_epoch_of_some_steps_may_be_a_part_of_one(steps, planned):
    assert ArithConfig.from_options({}).resolved(steps=steps).planned("a", 10, 4) == planned


def test_a_name_that_begins_with_a_tilde_and_no_user_is_a_name(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    assert path_of("~/five.png") == Path("/home/ada/five.png")
    for name in ("~five.png", "~nosuch-user/x.png", "five~.png"):
        assert path_of(name) == path_of(Path(name)) == Path(name)


def test_an_option_of_a_later_version_does_not_break_earlier_runs():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Later(ArithConfig):
        shown: int = nnlab.options.option(2, "Questions shown.", min=1, before=1)

    earlier = ArithConfig.from_options({}).record()
    assert Later.from_record(earlier).shown == 1
    assert Later.from_options({}).shown == 2
    assert Later.from_record({**earlier, "shown": 3}).shown == 3


def test_a_bound_that_is_excluded_is_refused_itself():
    for rate in (0.0, -1.0, 10.1):
        with pytest.raises(UsageError, match="learning_rate above 0"):
            TextgenConfig.from_options({"learning_rate": rate}, settings=True)
    assert TextgenConfig.from_options({"learning_rate": 1e-9}, settings=True).learning_rate == 1e-9
