"""nnlab from Python, without a training: what is refused, what is told, and what stays where it is."""

from __future__ import annotations

import os
import threading

import pytest

import nnlab
from nnlab import api
from nnlab.commands import session
from nnlab.errors import InputError, UsageError
from nnlab.experiments import REGISTRY
from nnlab.output.run_folder import RunFolder
from tests.unit.commands.test_record import finished


@pytest.mark.parametrize("experiment", ["nope", [], None, {"arith": 1}])
def test_what_is_no_experiment_is_refused_by_their_names(experiment):
    with pytest.raises(UsageError, match=f"expected an experiment among {', '.join(REGISTRY)}, got") as caught:
        nnlab.train(experiment)
    assert caught.value.hint == "Choose one of them"


@pytest.mark.parametrize(
    ("option", "typed"),
    [
        *((name, f"--{name}") for name in ("like", "from", "set", "sweep", "resume", "engine", "address", "json")),
        ("parent", "--from"),
        ("quiet", "-q"),
    ],
)
def test_options_of_the_terminal_only_are_named_as_such(option, typed):
    with pytest.raises(UsageError, match=f"{option} is an option of the terminal only") as caught:
        nnlab.train("arith", **{option: "x"})
    assert f"nnlab arith {typed} …" in caught.value.hint


def test_an_option_that_does_not_exist_is_told_the_nearest():
    with pytest.raises(UsageError, match="expected options of this experiment, got epoch") as caught:
        nnlab.train("arith", epoch=3)
    assert caught.value.hint.startswith("Did you mean epochs")


def test_a_run_is_where_it_was_when_the_working_folder_changes(tmp_path, monkeypatch):
    finished(tmp_path / "home" / "run")
    monkeypatch.chdir(tmp_path / "home")
    run = nnlab.load("run")
    os.chdir(tmp_path)
    assert repr(run) == f"<nnlab run of arith in {tmp_path / 'home' / 'run'}>"
    assert run.results["loss"] == 1
    assert run.config.epochs == 1


def test_a_run_that_was_trained_is_where_it_was_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(session, "execute", lambda one: os.chdir("/"))
    assert nnlab.train("arith", out="run").path == tmp_path / "run"


class Echo:
    """Reads numbers only."""

    def read(self, text):
        if not text.isdigit():
            raise InputError(f"expected a number, got {text!r}", "Type one")
        return text

    def answer(self, inputs):
        return inputs

    def finish(self, *, whole):
        return []


def test_predict_refuses_what_is_no_option_of_the_run_and_names_the_input(tmp_path):
    run = api.Run(finished(tmp_path / "run"))
    run.__dict__["_predictor"] = Echo()
    assert run.predict(["1", "2"], length=None) == ["1", "2"]
    for name in ("foo", "device", "json", "quiet", "verbose"):
        with pytest.raises(UsageError, match=rf"options that a run of arith takes \(none\), got {name}"):
            run.predict(["1"], **{name: True})
    with pytest.raises(UsageError, match="--beam"):
        run.predict(["1"], beam=3)
    with pytest.raises(InputError, match="input 2: expected a number, got 'x'") as caught:
        run.predict(["1", "x"])
    assert caught.value.hint == "Type one"


def test_one_training_at_a_time_in_a_process(tmp_path):
    """Keras's seeds are the process's: two at once would not repeat."""
    caught: list[BaseException] = []

    def train() -> None:
        with pytest.raises(UsageError, match="expected one training at a time in a process") as told:
            nnlab.train("arith", preset="quick", out=tmp_path / "run")
        caught.append(told.value)

    with session.alone():
        train()
        thread = threading.Thread(target=train)
        thread.start()
        thread.join()
    assert len(caught) == 2
    assert not (tmp_path / "run").exists()
    with session.alone():
        pass


def test_an_interrupted_training_says_how_to_go_on(tmp_path, monkeypatch):
    def interrupted(one: session.Session) -> None:
        one.folder.write_config("arith", one.config.record())
        one.folder.write_metrics([{"epoch": 1}])
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "execute", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        nnlab.train("arith", out=tmp_path / "a run")
    [note] = caught.value.__notes__
    assert note == f"Go on with it in a terminal: nnlab arith --resume '{tmp_path / 'a run'}'"
    assert RunFolder.open(tmp_path / "a run").command == "arith"
