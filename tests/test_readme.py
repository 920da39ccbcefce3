"""The README's commands are run, its two lines are what CI runs, and its contents are the program's."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from nnlab.data import audio, images
from nnlab.errors import ExitCode
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
LINES = [line for block in BLOCKS[1:] for line in block.splitlines()]
SMALL = {  # the last option given wins
    "arith": ["--samples", "300", "--epochs", "1", "--preset", "quick"],
    "mnist": ["--preset", "quick", "--data", "sample", "--epochs", "1", "--runs", "1"],
    "textgen": ["--preset", "quick", "--data", "sample", "--epochs", "1"],
    "translate": ["--preset", "quick", "--pairs", "sample", "--epochs", "1"],
    "autoencode": ["--preset", "quick", "--data", "few.npz", "--epochs", "1"],
    "denoise": ["--preset", "quick", "--data", "few.npz", "--epochs", "1"],
    "permute": ["--preset", "quick", "--data", "sample", "--epochs", "1", "--runs", "1"],
}


def test_setting_up_is_two_lines():
    main_job, tests = BLOCKS[0].splitlines()
    assert main_job.endswith("uv run nnlab arith")
    assert tests.endswith("uv run pytest")
    assert "uv run pytest" in (ROOT / ".ci" / "run").read_text()


def test_every_command_of_the_readme_runs(nnlab):
    assert len(LINES) >= 8
    few = images.draw_sample(60, 20)
    np.savez("few.npz", x_train=few.train, x_test=few.test)
    Image.fromarray(few.test[0]).resize((70, 50)).save("holiday.jpg")
    soundfile.write("birdsong.wav", audio.sing_sample(6, 1.0).test[0], audio.RATE)
    for line in LINES:
        words = shlex.split(line)
        if "|" in words:
            binary = Path(sys.executable).parent
            environment = {**os.environ, "PATH": f"{binary}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
            script = f'set -o pipefail; nnlab() {{ {sys.executable} -m nnlab "$@"; }}; {line}'
            done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, check=False)
            assert (done.returncode, bool(done.stdout)) == (0, True), (line, done.stderr)
        else:
            assert words[0] == "nnlab"
            small = ["--epochs", "1"] if "chirps" in words else SMALL.get(words[1], [])
            done = nnlab(*words[1:], *small)
            assert done.code == 0, (line, done.err)
            assert done.out, line


def test_every_exit_code_is_in_the_readme():
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)} == set(map(int, ExitCode))
