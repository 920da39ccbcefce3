"""The edge: options, exit codes, JSON, the two streams, and a start that imports nothing heavy."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nnlab import cli
from nnlab.commands.report import is_own
from nnlab.experiments import REGISTRY
from tests.conftest import ROOT, call

HEAVY = ("tensorflow", "jax", "keras", "numpy", "matplotlib", "scipy", "soundfile")
COMMANDS = [
    *([name] for name in REGISTRY),
    ["predict"],
    ["report"],
    ["schema"],
    ["export"],
    ["import"],
    ["export"],
    ["import"],
    ["runs"],
    ["runs", "show"],
    ["runs", "verify"],
    ["data"],
    ["data", "fetch"],
    ["data", "verify"],
]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["arith", "-h"]])
def test_start_imports_nothing_heavy(arguments):
    script = (
        "import sys; from nnlab.__main__ import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit as stop: assert not stop.code, stop.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stderr.strip() == "[]"
    assert done.stdout


def test_import_nnlab_is_light_and_touches_no_stream():
    script = (
        "import sys; before = (sys.stdout, sys.stderr, sys.stdin); import nnlab\n"
        "assert (sys.stdout, sys.stderr, sys.stdin) == before\n"
        f"heavy = [name for name in ({HEAVY!r} + ('typer', 'rich')) if name in sys.modules]\n"
        "assert heavy == [], heavy; assert callable(nnlab.train) and callable(nnlab.load)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


def test_completion_imports_nothing_heavy_and_completes():
    environment = {"_NNLAB_COMPLETE": "complete_bash", "COMP_WORDS": "nnlab ari", "COMP_CWORD": "1"}
    done = call(cwd=ROOT, env=environment)
    assert "arith" in done.out
    assert done.err == ""


def test_version(nnlab):
    done = nnlab("--version")
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(r"nnlab \d+\.\d+\.\d+\n", done.out)


def test_help_names_every_command_with_a_summary_in_panels(nnlab):
    done = nnlab("--help")
    assert done.code == 0
    for panel in (cli.EXPERIMENTS, cli.USE):
        assert panel in done.out
    for command in {words[0] for words in COMMANDS}:
        assert re.search(rf"│ {command}\s+[A-Z].+\. +│", done.out)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_of_every_command_has_an_example(nnlab, command):
    done = nnlab(*command, "-h")
    assert done.code == 0
    assert f"Example: nnlab {' '.join(command)}" in done.out
    assert re.search(r"--help +-h +Show this", done.out)  # a flag, beside which Typer would say <bool>
    assert "<bool>" not in done.out


def test_every_command_is_in_this_test(nnlab):
    registered = {command.name or getattr(command.callback, "__name__", "") for command in cli.app.registered_commands}
    groups = {group.name for group in cli.app.registered_groups}
    assert (registered | groups) - {"worker"} == {words[0] for words in COMMANDS}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["arith", "--digits", "0"], "--digits 1 to 100, got 0"),
        (["arith", "--digits", "140"], "--digits 1 to 100, got 140"),
        (["arith", "--digits", "x"], "--digits to be a whole number, got 'x'"),
        (["arith", "--op", "div"], "--op to be one of add, sub, mul, got 'div'"),
        (["arith", "--epoch", "3"], "--epochs"),
        (["arith", "--digits", "2", "--samples", "6000"], "at most 5,050|20 to 5,050"),
        (["arith", "--data", "nowhere.txt"], "there is no file nowhere.txt"),
        (["arith", "--resume", "nowhere"], "found nothing at nowhere"),
        (["arith", "--resume", "nowhere", "--epochs", "3"], "does not take --epochs"),
        (["arith", "--resume", "nowhere", "--sweep", "units=4,8"], "does not take --sweep"),
        (["ariht"], "No such command 'ariht'"),
        (["predict"], "Missing argument"),
        (["predict", "nowhere", "-1+2"], "Before inputs that begin with - put --, or see nnlab predict --help"),
        (["runs", "show", "nowhere"], "found nothing at nowhere"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(nnlab, tmp_path, arguments, says):
    done = nnlab(*arguments)
    assert done.code == 2
    assert done.out == ""
    assert re.search(says, done.err)
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    assert not list(tmp_path.iterdir())  # nothing is left behind

    done = nnlab(*arguments, "--json")
    assert done.code == 2
    assert done.document["status"] == "error"
    assert done.document["error"]["hint"]


def test_a_pipe_sees_no_escape_byte_and_stderr_one_line_per_epoch(tmp_path):
    arguments = ["arith", "--preset", "quick", "--samples", "300", "--epochs", "2", "--set", "examined=0"]
    done = call(*arguments, cwd=tmp_path, env={"TERM": "xterm-256color", "COLUMNS": "80"})
    assert done.code == 0
    assert "\x1b" not in done.out + done.err
    assert re.search(r"^Q \d+\+\d+ +T \d+ +\S* +[☑☒]$", done.out, re.MULTILINE)
    lines = done.err.splitlines()
    assert [line for line in lines if line.startswith("epoch")] == lines[1:-1], done.err  # no backend noise
    assert len(lines) == 4
    assert max(map(len, done.out.splitlines())) <= 80


def test_json_is_the_only_thing_on_stdout_and_quiet_silences_stderr(nnlab):
    words = ("--preset", "quick", "--samples", 300, "--epochs", 1, "--set", "examined=0", "--json", "-q")
    done = nnlab("arith", *words, "--out", "run")
    assert (done.code, done.err) == (0, "")
    assert json.loads(Path("run/results.json").read_text()) == done.document
    assert done.document["artifacts"] == [
        *("config.json", "console.txt", "data.json", "environment.json", "figures/difficulty.png", "figures/loss.png"),
        *("metrics.csv", "model.keras", "results.json", "trained_on.npy"),
    ]


def test_no_gpu_is_one_line_and_exit_2(nnlab, trained, tmp_path):
    from nnlab import backend

    if not backend.start().device.startswith("CPU"):
        pytest.skip("this machine has a GPU")
    done = nnlab("arith", "--preset", "quick", "--device", "gpu")
    assert done.code == 2
    assert done.err.splitlines()[-1].startswith("error: --device gpu: no GPU was found")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words", ["arith --sweep units=4,8 --sweep digits=1,2", "predict runs/x --diversity 1 -q --diversity=0.2"]
)
def test_of_what_looks_repeatable_no_value_is_dropped(nnlab, words):
    done = nnlab(*words.split())
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "is given twice. Leave one of them out" in done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("arith --digits 0 --digits 101", "got 101"),  # of others the last counts, as in any command
        ("arith --set units=0 --set batch_size=0", "expected units"),
        ("textgen --diversity 1 --diversity 0.2 --maxlen 0", "expected --maxlen"),
    ],
)
def test_what_may_be_given_several_times(nnlab, words, told):
    done = nnlab(*words.split())
    assert done.code == 2
    assert told in done.err


def test_show_piped_into_head(trained, tmp_path):
    command = f"{sys.executable} -m nnlab runs show {trained} | head -n 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", ["--help", "runs --help", "--version", "--show-completion bash"])
def test_a_reader_that_has_gone_is_no_defect(words):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        command = [sys.executable, "-m", "nnlab", *words.split()]
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("columns", ["0", "1", "x", ""])
def test_a_terminal_without_a_size_is_shown_everything(nnlab, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    assert "mnist" in nnlab("data").out
    assert nnlab("predict", "nowhere", "1").err.startswith("error: ")


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["arith", "--out", ""], "--out"),
        (["arith", "--resume="], "--resume"),
        (["arith", "--like", ""], "--like"),
        (["textgen", "--from", ""], "--from"),
        (["predict", "", "1+2"], "RUN"),
        (["runs", "compare", "a", ""], "RUN"),
        (["runs", "--dir", ""], "--dir"),
        (["report", "--out", ""], "--out"),
    ],
)
def test_a_variable_that_is_not_set_is_not_the_working_folder(nnlab, words, name):
    done = nnlab(*words)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert f"expected a path for {name}, got an empty one" in done.err


@pytest.mark.parametrize("words", [["--only", ""], ["--only", ","], ["--preset", ""]])
def test_a_variable_that_is_not_set_is_not_the_whole_report(nnlab, words, tmp_path):
    done = nnlab("report", *words)
    assert done.code == 2
    assert f"expected {words[0]}" in done.err
    assert not (tmp_path / "runs").exists()


def test_a_report_writes_over_no_file_but_its_own(nnlab, tmp_path):
    def refused(home):
        done = nnlab("report", "--preset", "quick", "--only", "addition", "--out", home)
        return done.code == 2 and "expected a new or empty folder for --out, or that of a report" in done.err

    for name, content in (("report.html", "my thesis"), ("report.json", '{"mine": 1}'), ("notes.txt", "mine")):
        home = tmp_path / name.replace(".", "-")
        home.mkdir()
        (home / name).write_text(content)
        assert refused(home)
        assert [(one.name, one.read_text()) for one in home.iterdir()] == [(name, content)]
    (tmp_path / "report-html" / "runs" / "arith-1").mkdir(parents=True)
    assert refused(tmp_path / "report-html")


@pytest.mark.parametrize("there", [[], ["runs"], ["runs/addition", "notes"]])
def test_a_report_goes_on_where_it_was_begun(tmp_path, there):
    for name in there:
        (tmp_path / name).mkdir(parents=True)
    assert is_own(tmp_path)
    (tmp_path / "report.html").write_text("")
    assert not is_own(tmp_path)
    (tmp_path / "report.json").write_text('{"command": "report"}')
    assert is_own(tmp_path)


def test_a_wrong_line_is_shown_the_help_of_its_own_command(nnlab):
    assert nnlab("runs", "show").err == "error: Missing argument 'RUN'. See nnlab runs show --help\n"
    assert nnlab("data", "fetch", "--x").err == "error: No such option: --x. See nnlab data fetch --help\n"
    assert nnlab("runs", "show", "--json").document["command"] == "runs"


def test_completion_that_cannot_be_installed_names_the_file(tmp_path):
    (tmp_path / "home").write_text("a file")
    command = [sys.executable, "-m", "nnlab", "--install-completion", "bash"]
    environment = {**os.environ, "HOME": str(tmp_path / "home")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"error: {tmp_path / 'home'}" in done.stderr


def test_a_run_that_was_moved_is_where_it_lies_now(nnlab, trained, tmp_path):
    shutil.copytree(trained, tmp_path / "moved")
    assert nnlab("runs", "show", "moved", "--json").document["run"] == "moved"
    assert nnlab("arith", "--resume", "moved", "--json").document["run"] == "moved"


def test_narrow_terminal(nnlab, trained, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    for arguments in (["runs", "--dir", trained.parent], ["--help"], ["arith", "--help"]):
        done = nnlab(*arguments)
        assert done.code == 0
        assert max(map(len, done.out.splitlines())) <= 40


def test_reference_of_options_is_up_to_date():
    from tests.reference import FILE, reference

    assert FILE.read_text(encoding="utf-8") == reference(), "write it again: python -m tests.reference"


def test_every_option_of_the_reference_is_in_help(nnlab):
    from tests.reference import FILE

    for section in FILE.read_text(encoding="utf-8").split("\n## nnlab")[1:]:
        command, _, told = section.partition("\n")
        done = nnlab(*command.split(), "--help")
        assert done.code == 0
        for name in re.findall(r"(?:\| |, )`(--?[\w-]+)`", told):
            assert name in done.out, f"{command} {name}"
