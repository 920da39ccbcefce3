"""The one place where the work of a command becomes an exit code."""

from __future__ import annotations

import io
import json
import os
import signal
from pathlib import Path

import pytest

from nnlab.commands.outcome import Outcome, run_command
from nnlab.errors import Description, ExitCode, InputError, UsageError


def raising(error):
    def work(terminal):
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code"),
    [(UsageError("a", "b"), 2), (MemoryError(), 4), (KeyboardInterrupt(), 130), (ZeroDivisionError("x"), 1)],
)
def test_an_error_is_one_line_and_one_document(capfd, error, code):
    assert run_command("x", raising(error), json=True) == code
    out, err = capfd.readouterr()
    document = json.loads(out)
    assert (document["exit_code"], document["command"], document["results"]) == (code, "x", {})
    assert document["error"]["message"]
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_verbose_shows_the_traceback(capfd):
    assert run_command("x", raising(UsageError("a")), json=False, verbosity=1) == 2
    assert "Traceback" in capfd.readouterr().err


def test_results_and_error_stand_together(capfd):
    def work(terminal):
        return Outcome({"answers": [1]}, InputError("3 of 40 inputs could not be read"), {"run": "r"})

    assert run_command("x", work, json=True) == ExitCode.USAGE
    document = json.loads(capfd.readouterr().out)
    assert (document["status"], document["run"], document["results"]) == ("error", "r", {"answers": [1]})
    assert document["error"]["type"] == "InputError"


def test_what_fails_while_an_error_is_handled_does_not_hide_it(capfd):
    def failed(told: Description):
        raise OSError(5, "Input/output error")

    assert run_command("x", raising(UsageError("the first", "Mend it")), json=True, failed=failed) == 2
    out, err = capfd.readouterr()
    assert json.loads(out)["error"]["message"] == "the first"
    assert err == "error: the first. Mend it\n"


def test_sigterm_ends_the_work_with_one_line(capfd):
    def work(terminal):
        os.kill(os.getpid(), signal.SIGTERM)
        return Outcome()

    assert run_command("x", work, json=True) == 130
    out, err = capfd.readouterr()
    assert json.loads(out)["status"] == "interrupted"
    assert err == "error: interrupted\n"


class Broken(io.TextIOWrapper):
    """A stream whose writes fail."""

    def __init__(self, error):
        super().__init__(io.BytesIO(), encoding="utf-8")
        self.error = error

    def write(self, text):
        raise self.error


@pytest.mark.parametrize(
    ("command", "error", "code", "as_json"),
    [
        ("arith", OSError(28, "No space left on device"), 4, True),
        ("arith", OSError(28, "No space left on device"), 4, False),
        ("predict", OSError(28, "No space left on device"), 4, False),
        ("sweep", OSError(5, "Input/output error"), 4, False),
        ("arith", BrokenPipeError(32, "Broken pipe"), 0, True),
        ("arith", BrokenPipeError(32, "Broken pipe"), 0, False),
        ("arith", KeyboardInterrupt(), 130, True),
    ],
)
def test_stdout_that_fails_ends_no_work(monkeypatch, capfd, command, error, code, as_json):
    done = []

    def work(terminal):
        terminal.show("a", "b")
        done.append("all")
        return Outcome({"x": 1}, known={"run": "runs/r"})

    monkeypatch.setattr("sys.stdout", Broken(error))
    assert run_command(command, work, json=as_json) == code
    assert done == ["all"]
    err = capfd.readouterr().err
    assert "Traceback" not in err
    if code == 4:
        assert err.startswith("error: standard output could not be written: ")
        kept = "What was computed is in runs/r" if command != "predict" else "Write it somewhere else"  # it keeps none
        assert err.endswith(f"{kept}\n")
    else:
        assert err == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_behind_stdout_is_exit_4(monkeypatch, capfd):
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr("sys.stdout", full)
        assert run_command("x", lambda terminal: Outcome({"x": 1}), json=True) == 4
        assert run_command("x", raising(UsageError("a")), json=True) == 2
    assert capfd.readouterr().err.count("\n") == 2


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_json_is_valid_in_an_encoding_without_the_letters(monkeypatch, encoding):
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding=encoding))
    assert run_command("x", lambda terminal: Outcome({"answer": "Βρες é 😀"}), json=True) == 0
    assert json.loads(raw.getvalue().decode("ascii"))["results"]["answer"] == "Βρες é 😀"


def test_interrupt_that_c_code_turned_into_another_error_is_an_interrupt(capfd):
    def work(terminal):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            for _ in range(1000):  # where the handler runs at the latest
                pass
        except KeyboardInterrupt:
            raise SystemError("Objects/listobject.c:338: bad argument to internal function") from None

    assert run_command("x", work, json=False) == 130
    assert capfd.readouterr().err.startswith("error: interrupted")
