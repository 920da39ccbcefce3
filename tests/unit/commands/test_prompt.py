"""The prompt on a real (pseudo) terminal, with an answerer that needs no network; and its parts."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time

import pytest

from nnlab.commands import prompt
from tests.conftest import ROOT

pty = pytest.importorskip("pty")

SCRIPT = """
import signal, sys, time
from nnlab.commands.predict import decoded
from nnlab.commands.prompt import ask
from nnlab.errors import InputError
from nnlab.experiments import Predictor
from nnlab.output.terminal import Terminal

class Shouter(Predictor):
    asks = "a word"
    def read(self, text):
        text = decoded(text)
        if text == "bad":
            raise InputError("expected a good word, got 'bad'", "Type another")
        return text
    def answer(self, inputs):
        if inputs == ["slow"]:
            time.sleep(60)
        return [text.upper() for text in inputs]
    def stream(self, given):
        return iter(["one ", "two"]) if given == "count" else None

shouter = Shouter()
if "nohup" in sys.argv:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
sys.stdin.reconfigure(errors="surrogateescape")
terminal = Terminal()
ended = ask("shout", shouter, shouter.read, terminal)
terminal.write(f"left {ended}\\n")
raise SystemExit(ended.exit_code if ended else 0)
"""


class Typist:
    """A process on a terminal, and what it has shown."""

    def __init__(self, cwd, *arguments, **environment):
        self.master, slave = pty.openpty()
        variables = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb", **environment}
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=cwd,
            env=variables,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=take_terminal,
        )
        os.close(slave)
        self.shown = ""

    def types(self, text):
        os.write(self.master, text if isinstance(text, bytes) else text.encode())

    def sees(self, text, seconds=60.0):
        """Wait until a text has been shown since the last was seen; what came up to its end."""
        deadline = time.monotonic() + seconds
        while text not in self.shown:
            if not select.select([self.master], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"{text!r} did not come: {self.shown!r}")
            try:
                self.shown += os.read(self.master, 4096).decode(errors="replace")
            except OSError as error:
                raise AssertionError(f"{text!r} did not come before the end: {self.shown!r}") from error
        before, _, self.shown = self.shown.partition(text)
        return before

    def ends(self):
        code = self.process.wait(timeout=60)
        os.close(self.master)
        return code


def take_terminal():
    """Stdin is the terminal that this session is controlled by: Ctrl-C comes from there."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup


@pytest.fixture
def typist(tmp_path):
    shown = Typist(tmp_path, "-c", SCRIPT, NNLAB_HISTORY=str(tmp_path / "history"))
    assert "a word" in shown.sees("shout> ")
    return shown


def test_lines_are_answered_until_the_user_leaves(typist, tmp_path):
    for line, answer in (("hello", "HELLO"), ("count", "one two"), ("bad", "error: expected a good word")):
        typist.types(f"{line}\n")
        typist.sees(answer)
        typist.sees("shout> ")
    typist.types(b"\xff\n")
    typist.sees("error: expected UTF-8")
    typist.sees("shout> ")
    typist.types(":help\n")
    assert "a word" in typist.sees("shout> ")
    typist.types("   \n")
    assert "error" not in typist.sees("shout> ")
    typist.types("dropped\x03")
    typist.sees("shout> ")
    typist.types("slow\n")
    typist.sees("slow")
    time.sleep(0.3)
    typist.types("\x03")
    typist.sees("shout> ")
    typist.types("\x1b[A\x1b[A\n")  # up, up: the last but one
    typist.sees("shout> ")
    typist.types(":q\n")
    typist.sees("left None")
    assert typist.ends() == 0
    kept = (tmp_path / "history" / "shout").read_text(errors="replace").splitlines()
    assert [line for line in kept if line.isascii()][:3] == ["hello", "count", "bad"]
    assert not {":q", ":help"} & set(kept)
    assert not [line for line in kept if "dropped" in line]
    assert (tmp_path / "history" / "shout").stat().st_mode & 0o77 == 0


def test_the_end_of_the_input_leaves(typist):
    typist.types("\x04")
    typist.sees("left None")
    assert typist.ends() == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_prompt_ended_from_outside_ends_quietly(typist, number):
    typist.types("half a li")
    typist.sees("half a li")
    typist.process.send_signal(number)
    assert "Traceback" not in typist.sees("left ")
    assert typist.ends() == 130


@pytest.mark.parametrize("how", ["hangup", "nohup"])
def test_a_terminal_that_goes_away_ends_it(tmp_path, how):
    typist = Typist(tmp_path, "-c", SCRIPT, how, NNLAB_HISTORY="")
    typist.sees("shout> ")
    typist.types("half a li")
    typist.sees("half a li")
    os.close(typist.master)
    assert typist.process.wait(timeout=60) == 130


def test_history_is_where_users_expect_it_or_nowhere(tmp_path, monkeypatch):
    monkeypatch.delenv("NNLAB_HISTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert prompt.history_file("arith") == tmp_path / "nnlab" / "history" / "arith"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert prompt.history_file("arith") == tmp_path / "home" / ".local" / "state" / "nnlab" / "history" / "arith"
    monkeypatch.setenv("NNLAB_HISTORY", "")
    assert prompt.history_file("arith") is None
    monkeypatch.delenv("NNLAB_HISTORY")
    monkeypatch.setattr("pathlib.Path.home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    assert prompt.history_file("arith") is None


def test_a_history_that_cannot_be_kept_does_not_matter(tmp_path):
    (tmp_path / "history").write_text("a file, no folder")
    shown = Typist(tmp_path, "-c", SCRIPT, NNLAB_HISTORY=str(tmp_path / "history"))
    shown.sees("shout> ")
    shown.types("x\n:q\n")
    shown.sees("left None")
    assert shown.ends() == 0


def test_paths_as_terminals_drop_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "it's a.png").touch()
    assert prompt.unquoted(" it's a.png ") == "it's a.png"
    assert prompt.unquoted("'a b.png'") == "a b.png"
    assert prompt.unquoted(r"a\ b.png ") == "a b.png"
    assert prompt.unquoted("a b.png") == "a b.png"
    assert prompt.unquoted("it's") == "it's"


def test_the_tabulator_completes_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "five.png").touch()
    (tmp_path / "figures").mkdir()
    (tmp_path / "six[1].png").touch()
    assert [prompt.path_completion("fi", number) for number in range(3)] == ["figures/", "five.png", None]
    assert prompt.path_completion("six[", 0) == "six[1].png"
