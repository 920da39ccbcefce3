"""The record of a run, which may be anybody's, and its data, read again from wherever the command is typed."""

from pathlib import Path

import pytest

from nnlab.commands.record import config_of, read_data
from nnlab.commands.session import Session, execute
from nnlab.configs.arith import ArithConfig
from nnlab.configs.run import RunOptions
from nnlab.configs.textgen import TextgenConfig
from nnlab.errors import InputError, UsageError
from nnlab.experiments import FinishedRun, denoise, textgen, translate
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal

RECORD = ArithConfig.from_options({"epochs": 1}).record()
FIGURE = {"mean": 0.5, "std": None, "ci95": [None, None], "n": 1, "values": [0.5]}


def finished(path, config=RECORD, typed=None, data=None, results=None) -> RunFolder:
    """The records of a finished run."""
    folder = RunFolder(path)
    folder.write_config("arith", config, typed)
    folder.write_json("data.json", {"name": "drawn", "digest": "0" * 64, **(data or {})})
    parts = {"config": {}, "environment": {}, "seconds": {}, "results": {"loss": 1.0, "test_loss": FIGURE}}
    folder.write_results({"status": "ok", **parts, **({"results": results} if results else {})})
    return folder


STRANGERS = [
    ({"config": {**RECORD, "runs": "x"}}, "config.json: expected --runs to be a whole number, got 'x'"),
    ({"config": {**RECORD, "seed": {}}}, "config.json: expected --seed to be a whole number, got {}"),
    ({"config": {"seed": 1}}, "config.json: the record of the run does not fit this version of nnlab: missing"),
    ({"typed": {"preset": {"a": 1}}}, "config.json: expected --preset to be one of"),
    ({"data": {"digest": [1]}}, "data.json: expected 'digest' as nnlab writes it, got '[1]'"),
    ({"data": {"name": {}}}, "data.json: expected 'name' as nnlab writes it"),
    ({"results": {"loss": 10**400}}, "results.json: expected 'loss' as nnlab writes it"),
    ({"results": {"a": {"loss": {**FIGURE, "values": 5}}}}, "results.json: expected 'a.loss' as nnlab writes it"),
    ({"results": {"loss": {**FIGURE, "mean": "x"}}}, "results.json: expected 'loss' as nnlab writes it"),
    ({"results": {"loss": {**FIGURE, "ci95": [1]}}}, "results.json: expected 'loss' as nnlab writes it"),
]


@pytest.mark.parametrize(("wrong", "told"), STRANGERS)
def test_a_strangers_record_is_refused_by_its_file_before_anything_is_shown(nnlab, tmp_path, wrong, told):
    finished(tmp_path / "good")
    finished(tmp_path / "bad", **wrong)
    done = nnlab("runs", "compare", "good", "bad")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert f"bad/{told}" in done.err
    assert nnlab("runs").code == 0


def test_epochs_of_a_strangers_metrics_that_are_none_are_not_drawn(nnlab, tmp_path):
    for name in ("good", "bad"):
        finished(tmp_path / name).write("metrics.csv", b"epoch,loss\nx,1\n,2\n3,1.5\n4,y\n")
    assert nnlab("runs", "compare", "good", "bad", "--figure", "curves.png").code == 0


def test_options_of_a_stranger_are_refused_by_their_file(nnlab, tmp_path):
    finished(tmp_path / "bad", typed={"preset": []})
    done = nnlab("arith", "--like", "bad")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "bad/config.json: expected --preset to be one of" in done.err


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"typed": {"preset": None}}, "expected --preset to be one of"),
        ({"typed": {"op": []}}, "expected --op to be one of"),
        ({"values": [{}]}, "expected units to be a whole number, got {}"),
        ({"values": []}, "expected the record of a sweep"),
    ],
)
def test_the_sweep_of_a_stranger_is_refused_by_its_file(nnlab, tmp_path, wrong, told):
    record = {"command": "arith", "typed": {}, "name": "units", "values": [8, 16], **wrong}
    RunFolder(tmp_path / "bad").write_json("sweep.json", record)
    done = nnlab("arith", "--resume", "bad")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert f"bad/sweep.json: {told}" in done.err


def test_the_experiment_of_a_stranger_is_named_with_its_file(tmp_path):
    folder = finished(tmp_path / "bad")
    folder.write_config("dream", RECORD)
    with pytest.raises(InputError, match=r"bad/config\.json: expected an experiment among .*, got 'dream'") as caught:
        config_of(folder)
    assert "another version" in caught.value.hint


WORDS = {"source": {"characters": "abc"}, "target": {"characters": "abc"}}


@pytest.mark.parametrize(
    ("experiment", "kept", "wrong"),
    [
        (denoise, {"levels": None}, {"side": [0.5, 32.0, 0, -8, 12, True, "32", None, 10**9]}),
        (textgen, {"characters": "abc", "lower": True}, {"streams": [0.5, 16.0, -1, False, "16", None, 10**9]}),
        (translate, WORDS, {"limit": [0.5, 8.0, 0, -1, True, "8", None, 10**9]}),
    ],
)
def test_numbers_kept_of_the_data_are_whole(tmp_path, experiment, kept, wrong):
    for name, values in wrong.items():
        for value in values:
            run = FinishedRun(tmp_path / "model.keras", {**kept, name: value})
            with pytest.raises(InputError, match=rf"preprocessing\.json: expected '{name}' as a whole number from"):
                experiment.predictor(None, run, {})  # the config is not asked before


@pytest.mark.parametrize(
    "value", [None, True, "1.5", [1], float("nan"), float("inf"), pytest.param(10**400, id="large")]
)
def test_a_number_kept_of_the_data_is_finite(tmp_path, value):
    with pytest.raises(InputError, match=r"preprocessing\.json: expected 'mean' as a number"):
        FinishedRun(tmp_path / "model.keras", {"mean": value}).number("mean")


def test_a_relative_path_is_found_again_from_another_folder(tmp_path, monkeypatch):
    for folder in ("home", "elsewhere"):
        (tmp_path / folder).mkdir()
    text = tmp_path / "home" / "text.txt"
    text.write_text("The student trains and never looks. " * 100)
    config = TextgenConfig.from_options({"data": "text.txt"})
    monkeypatch.chdir(tmp_path / "home")
    loaded = read_data("textgen", config, {})
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="there is nothing at"):
        read_data("textgen", config, {})
    again = read_data("textgen", config, {"path": str(text)})
    assert again.source["digest"] == loaded.source["digest"]
    assert again.config.record() == loaded.config.record()
    text.unlink()
    with pytest.raises(UsageError, match=f"expected the data of the run at {text}, there is nothing"):
        read_data("textgen", config, {"path": str(text)})


def test_data_of_a_run_whose_options_are_taken_over_are_named_by_their_place(nnlab, tmp_path):
    folder = RunFolder.create("textgen", tmp_path / "run")
    folder.write_json("data.json", {"path": str(tmp_path / "gone.txt")})
    config = TextgenConfig.from_options({"data": "gone.txt", "preset": "quick"})
    folder.write_config("textgen", config.record(), dict(config.given))
    done = nnlab("textgen", "--like", "run")
    assert done.code == 2
    assert f"expected the data of the run at {tmp_path / 'gone.txt'}, there is nothing" in done.err


def test_other_data_are_told_by_the_name_of_the_run(tmp_path):
    """A run that is verified is done again in a folder for the time being."""
    (tmp_path / "sums").write_text("".join(f"{n}+{n}\n" for n in range(100)))
    config = ArithConfig.from_options({"data": str(tmp_path / "sums")})
    session = Session("arith", config, RunFolder(tmp_path / "again"), Terminal(verbosity=-1), RunOptions())
    session.repeats, session.repeats_source = Path("runs/mine"), {"digest": "0", "name": "sums"}
    with pytest.raises(UsageError, match=r"runs/mine was started with data of digest 0… \(sums\)"):
        execute(session)
