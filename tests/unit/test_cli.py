"""The edge: options, exit codes, JSON, the two streams, and a start that imports nothing heavy."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from nnlab import cli
from nnlab.commands.train import EXPERIMENTS, experiment
from tests.conftest import ROOT, call
from tests.schema import ENVELOPE

HEAVY = ("tensorflow", "jax", "keras", "numpy", "matplotlib", "scipy", "soundfile")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["arith", "-h"], ["runs", "--help"], []])
def test_starting_imports_nothing_heavy(arguments):
    script = (
        "import sys; from nnlab.cli import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit as stop: assert not stop.code, stop.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stderr.strip() == "[]"
    assert done.stdout


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
    for panel in (cli.EXPERIMENTS, cli.AFTERWARDS):
        assert panel in done.out
    for command in ("textgen", "translate", "arith", "autoencode", "denoise", "predict", "report", "runs"):
        assert re.search(rf"│ {command}\s+[A-Z].+\. +│", done.out)


@pytest.mark.parametrize(
    "command",
    [
        ["textgen"],
        ["translate"],
        ["arith"],
        ["autoencode"],
        ["denoise"],
        ["predict"],
        ["report"],
        ["runs"],
        ["runs", "show"],
        ["runs", "verify"],
    ],
)
def test_every_command_has_an_example_in_its_help(nnlab, command):
    done = nnlab(*command, "-h")
    assert done.code == 0
    assert f"Example: nnlab {' '.join(command)}" in done.out


@pytest.mark.parametrize("command", EXPERIMENTS)
def test_options_given_by_hand_are_config_fields_and_default_to_the_preset(command):
    edge = {"out", "resume", "device", "engine", "address", "workers", "json", "quiet", "verbose"}
    edge |= {"pairs"}  # is --data
    config = experiment(command).CONFIG.from_options({"preset": "quick"})
    for name, parameter in inspect.signature(getattr(cli, command)).parameters.items():
        if name not in edge:
            assert parameter.default is None, name
            assert name in config.record()


def test_the_defaults_help_shows_are_the_configs(nnlab):
    from nnlab.experiments.arith import ArithConfig

    config = ArithConfig.from_options({})
    shown = " ".join(nnlab("arith", "--help").out.replace("│", " ").split())
    assert (config.op, config.digits, config.samples, config.seed, config.runs, config.preset) == (
        *("add", 3, 50_000, 0, 1, "best"),
    )
    for option, default in {
        "--op": "add",
        "--digits": "3",
        "--samples": "50,000",
        "--seed": "0",
        "--runs": "1",
    }.items():
        assert re.search(rf"{option} [^-]*?\[default: {default}\b", shown), option


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["arith", "--digits", "0"], "--digits.*greater than or equal to 1, got '0'"),
        (["arith", "--digits", "40"], "--digits.*less than or equal to 9, got '40'"),
        (["arith", "--digits", "x"], "--digits.*valid integer.*, got 'x'"),
        (["arith", "--op", "div"], "error: Invalid value for '--op': 'div' is not one of"),
        (["arith", "--epoch", "3"], "--epochs"),
        (["arith", "--digits", "2", "--samples", "6000"], "at most 5,050|20 to 5,050"),
        (["arith", "--data", "nowhere.txt"], "there is no file nowhere.txt"),
        (["arith", "--resume", "nowhere"], "found nothing at nowhere"),
        (["arith", "--resume", "nowhere", "--epochs", "3"], "does not take --epochs"),
        (["ariht"], "No such command 'ariht'"),
        (["predict"], "Missing argument"),
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
    jsonschema.validate(done.document, ENVELOPE)
    assert done.document["status"] == "error"
    assert done.document["error"]["hint"]


def test_a_pipe_sees_no_escape_byte_and_stderr_one_line_an_epoch(tmp_path):
    arguments = ["arith", "--preset", "quick", "--samples", "300", "--epochs", "2"]
    done = call(*arguments, cwd=tmp_path, env={"TERM": "xterm-256color", "COLUMNS": "80"})
    assert done.code == 0
    assert "\x1b" not in done.out + done.err
    assert re.search(r"^Q \d+\+\d+ +T \d+ +\S* +[☑☒]$", done.out, re.MULTILINE)
    lines = done.err.splitlines()
    assert [line for line in lines if line.startswith("epoch")] == lines[1:-1], done.err  # no backend noise
    assert len(lines) == 4
    assert max(map(len, done.out.splitlines())) <= 80


def test_json_is_the_only_thing_on_stdout_and_quiet_silences_stderr(nnlab):
    done = nnlab("arith", "--preset", "quick", "--samples", "300", "--epochs", "1", "--json", "-q", "--out", "run")
    assert (done.code, done.err) == (0, "")
    jsonschema.validate(done.document, ENVELOPE)
    assert json.loads(Path("run/results.json").read_text()) == done.document
    assert done.document["artifacts"] == [
        *("config.json", "console.txt", "environment.json", "figures/difficulty.png", "figures/loss.png"),
        *("metrics.csv", "model.keras", "results.json"),
    ]


def test_no_gpu_is_one_line_and_exit_2(nnlab, trained, tmp_path):
    from nnlab import backend

    if not backend.start().device.startswith("CPU"):
        pytest.skip("this machine has a GPU")
    done = nnlab("arith", "--preset", "quick", "--device", "gpu")
    assert done.code == 2
    assert done.err.splitlines()[-1].startswith("error: --device gpu: no GPU was found")
    assert not list((tmp_path / "runs").iterdir())


def test_a_reader_that_leaves_early_is_no_error(trained, tmp_path):
    command = f"{sys.executable} -m nnlab runs show {trained} | head -n 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_narrow_terminal_breaks_nothing(nnlab, trained, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    for arguments in (["runs", "--dir", trained.parent], ["--help"], ["arith", "--help"]):
        done = nnlab(*arguments)
        assert done.code == 0
        assert max(map(len, done.out.splitlines())) <= 40


def test_the_reference_of_options_is_what_the_program_takes():
    from tests.reference import FILE, reference

    made = reference()
    assert FILE.read_text(encoding="utf-8") == made, "write it again: python -m tests.reference"
    for command in EXPERIMENTS:
        names = re.findall(r"`(--[\w-]+)`", made.split(f"## nnlab {command}\n")[1].split("\n## ")[0])
        assert {f"--{name.replace('_', '-')}" for name in inspect.signature(getattr(cli, command)).parameters} <= {
            *names,
            "--keep-case",
        }


def test_every_option_of_the_reference_is_in_help(nnlab):
    from tests.reference import FILE

    for section in FILE.read_text(encoding="utf-8").split("\n## nnlab")[1:]:
        command, _, told = section.partition("\n")
        done = nnlab(*command.split(), "--help")
        assert done.code == 0
        for name in re.findall(r"(?:\| |, )`(--?[\w-]+)`", told):
            assert name in done.out, f"{command} {name}"
