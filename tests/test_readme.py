"""The README's commands are run, its two lines are what CI runs, and what it shows is the program's."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from nnlab.data.digits import drawn_digits, pixel_layout
from nnlab.data.pictures import images
from nnlab.data.sounds import audio
from nnlab.errors import ExitCode
from tests.conftest import ROOT, few_digits

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOORS = [path.name for path in sorted(ROOT.glob("*.md"))]


def blocks(language: str) -> list[str]:
    """The code blocks of the README in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


LINES = [line for block in blocks("sh")[1:] for line in block.splitlines()]
PICTURES = ["--preset", "quick", "--data", "few.npz", "--epochs", "1"]
DIGITS = ["--preset", "quick", "--net", "mlp", "--epochs", "1", "--runs", "1", "--data", "digits.npz"]
SMALL = {  # the last option given wins
    "arith": ["--preset", "quick", "--samples", "300", "--epochs", "1"],
    "mnist": DIGITS,
    "permute": DIGITS,
    "textgen": ["--preset", "quick", "--epochs", "1", "--length", "20", "--no-benchmark"],
    "translate": ["--preset", "quick", "--pairs", "sample", "--epochs", "1", "--no-benchmark"],
    "autoencode": PICTURES,
    "denoise": PICTURES,
}


def small(line: str) -> list[str]:
    """The words of a command of the README, with options that make it end in a second or two."""
    words = shlex.split(line)[1:]
    if "birds" in words:
        return [*words, "--preset", "quick", "--data", "recordings", "--epochs", "1"]
    return [*words, *SMALL.get(words[0], [])]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the files that the README's commands name; what they make stays for the next."""
    folder = tmp_path_factory.mktemp("readme")
    few = images.draw_sample(60, 20)
    np.savez(folder / "few.npz", x_train=few.train, x_test=few.test)
    few_digits(folder / "digits.npz", 200, 50)
    Image.fromarray(few.test[0]).resize((70, 50)).save(folder / "holiday.jpg")
    Image.fromarray(drawn_digits.draw_digits(1, seed=0)[0][0]).save(folder / "five.png")
    (folder / "recordings").mkdir()
    for number, wave in enumerate(audio.sing_sample(8, 1.0).train):
        soundfile.write(folder / "recordings" / f"{number}.wav", wave, audio.RATE)
    soundfile.write(folder / "birdsong.wav", audio.sing_sample(6, 1.0).test[0], audio.RATE)
    return folder


@pytest.fixture
def run(nnlab, place, monkeypatch):
    """Run a command of the README there; the runs it names are made first."""
    monkeypatch.chdir(place)
    monkeypatch.setattr(pixel_layout, "ROUNDS", 1)  # tests of its own hold how well a layout is told

    def command(line: str) -> None:
        done = nnlab(*small(line))
        assert done.code == 0, (line, done.err)
        assert done.out, line

    def prepare(line: str) -> None:
        made = re.findall(r"--out (runs/\w+)", line)
        for name in dict.fromkeys(re.findall(r"runs/\w+", line)):
            if name not in made and not Path(name).is_dir():
                command(next(other for other in LINES if f"--out {name}" in other))
        for name in re.findall(r"nnlab import (\S+)", line):
            if not Path(name).is_file():
                export = next(other for other in LINES if f"--out {name}" in other)
                prepare(export)
                command(export)

    return command, prepare


def test_setting_up_is_two_lines():
    main_job, tests = blocks("sh")[0].splitlines()
    assert main_job.endswith("uv run nnlab arith")
    assert tests.endswith("uv run pytest")
    assert "grep -m 1 'uv run pytest' README.md" in (ROOT / ".ci" / "run").read_text()
    assert README.index(tests) == README.index("python3 -m pip", README.index(main_job) + 1)


@pytest.mark.slow
@pytest.mark.parametrize("line", [line for line in LINES if "|" not in line and "report" not in line])
def test_command_of_the_readme(run, line):
    command, prepare = run
    prepare(line)
    command(line)


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("line", [line for line in LINES if "|" in line or "report" in line])
def test_command_of_the_readme_in_a_shell(run, place, line):
    run[1](line)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    script = f'set -o pipefail; nnlab() {{ {shlex.quote(sys.executable)} -m nnlab "$@"; }}; {line}'
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, env=environment, check=False, cwd=place
    )
    assert (done.returncode, bool(done.stdout)) == (0, True), done.stderr


@pytest.mark.slow
def test_python_of_the_readme(run, capfd):
    (script,) = blocks("python")
    run[1]("nnlab predict runs/greek")
    script = script.replace("epochs=3", 'epochs=3, preset="quick"')
    scope: dict[str, object] = {}
    exec(compile(script, "README.md", "exec"), scope)
    assert "Total params" in capfd.readouterr().out  # of the Keras model's summary


@pytest.mark.release
def test_console_of_the_readme_is_what_arith_shows(nnlab):
    done = nnlab("arith", "--op", "sub", "--extend", 26)
    assert done.code == 0, done.err
    shown = [line.split() for line in done.out.splitlines()]  # how far apart columns are depends on the seconds told
    (console,) = blocks("text")
    places = [shown.index(line.split()) for line in console.splitlines() if line != "…"]
    assert places == sorted(places)


def test_every_experiment_has_a_section_and_every_preset_a_column():
    from nnlab.config import PRESETS
    from nnlab.experiments import REGISTRY

    assert set(re.findall(r"^## (\w+): ", README, re.MULTILINE)) == set(REGISTRY)
    (head,) = re.findall(r"^\| preset \|.+$", README, re.MULTILINE)
    assert all(f"`{preset}`" in head for preset in PRESETS)


def test_every_exit_code_is_in_the_readme():
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)} == set(map(int, ExitCode))


@pytest.mark.parametrize("door", DOORS)
def test_links_of_the_doors_lead_to_files(door):
    text = (ROOT / door).read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)#]+)", text) if "://" not in target]
    missing = [target for target in targets if not (ROOT / target).is_file()]
    assert missing == []


@pytest.mark.parametrize("door", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_paths_named_by_the_doors_exist(door):
    text = (ROOT / door).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:nnlab|tests|assets)/[\w/.]+?\.\w+)`", text))
    assert named
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@pytest.mark.release
def test_the_lines_of_python_give_what_stands_beside_them(tmp_path, monkeypatch):
    """Of the network that they train; what they load is another's."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    trained = blocks("python")[0].partition("\n\ngreek")[0].splitlines()
    shown = [line.partition("  # ") for line in trained if "  # " in line and " = " not in line]
    exec("\n".join(line for line in trained if "  # " not in line or " = " in line), names)
    assert len(shown) == 3
    for line, _, told in shown:
        value, expected = eval(line, names), eval(told.partition(":")[0])
        decimals = len(told.partition(":")[0].partition(".")[2])
        assert (round(value, decimals) if isinstance(value, float) else value) == expected
