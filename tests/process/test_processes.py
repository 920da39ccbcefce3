"""What happens to a process: killed, interrupted, out of disk, two at once, stdin closed."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from nnlab.commands.runs import compare
from nnlab.output.run_folder import RunFolder
from tests.conftest import ROOT, call, start

# Elsewhere in the suite TensorFlow has one thread (conftest.py); the same bits are to come of several too.
SEVERAL = {"TF_NUM_INTRAOP_THREADS": "2", "TF_NUM_INTEROP_THREADS": "2"}
ARGUMENTS = [
    *("arith", "--preset", "quick", "--samples", "1000", "--runs", "2", "--workers", "1", "--set", "examined=0"),
    *("--epochs", "4"),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run left alone, and how long it took."""
    place = tmp_path_factory.mktemp("whole")
    begun = time.monotonic()
    done = call(*ARGUMENTS, "--out", "whole", cwd=place, env=SEVERAL)
    assert done.code == 0, done.err
    return RunFolder(place / "whole"), time.monotonic() - begun


@pytest.mark.parametrize("attempt", range(int(os.environ.get("NNLAB_TEST_KILLS", "1"))))
def test_kill_9_and_resume_to_the_same_bits(whole, tmp_path, attempt):
    folder, seconds = whole
    process = start(*ARGUMENTS, "--out", "killed", cwd=tmp_path, stderr=subprocess.DEVNULL, env=SEVERAL)
    instant = random.Random(os.environ.get("NNLAB_TEST_KILLS", "1") + str(attempt)).uniform(0.3, 1.0)
    try:
        process.wait(instant * seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.stdout is not None
    process.stdout.close()
    if (tmp_path / "killed" / "config.json").exists():
        done = call("arith", "--resume", "killed", cwd=tmp_path, env=SEVERAL)
    else:
        done = call(*ARGUMENTS, "--out", "killed", cwd=tmp_path, env=SEVERAL)
    assert done.code == 0, done.err
    assert compare(folder, RunFolder(tmp_path / "killed")) == []
    assert not (tmp_path / "killed" / "checkpoint").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_sigint_and_sigterm_save_and_print_the_line_to_resume(tmp_path, number):
    process = start(*ARGUMENTS[:-1], "400", "--out", "run", "--json", cwd=tmp_path)
    assert process.stderr is not None
    for line in process.stderr:
        if "epoch   2/400" in line:
            break
    process.send_signal(number)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "error: interrupted. Go on with: nnlab arith --resume run"
    document = json.loads(out)
    assert (document["status"], document["exit_code"], document["run"]) == ("interrupted", 130, "run")
    assert (tmp_path / "run" / "checkpoint" / "run-000.npz").exists()
    assert (tmp_path / "run" / "metrics.csv").read_text().count("\n") >= 3


@pytest.mark.skipif(not hasattr(os, "mkfifo") or os.geteuid() != 0, reason="mounting a small disk needs root")
@pytest.mark.slow
def test_full_disk_loses_nothing_and_says_how_to_go_on(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=False)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        (disk / "filler").write_bytes(bytes(300_000))
        done = call(*ARGUMENTS, "--out", disk / "run", cwd=tmp_path)
        assert done.code == 4
        assert done.err.splitlines()[-1].startswith("error: no space left on the disk")
        assert f"Free some space, then go on with: nnlab arith --resume {disk / 'run'}" in done.err
        (disk / "filler").unlink()
        subprocess.run(["mount", "-o", "remount,size=40m", disk], check=True)
        done = call("arith", "--resume", disk / "run", cwd=tmp_path)
        assert done.code == 0, done.err
        assert json.loads((disk / "run" / "results.json").read_text())["status"] == "ok"
    finally:
        subprocess.run(["umount", disk], check=True)


def test_training_piped_into_head_loses_no_result(tmp_path):
    arguments = " ".join([*ARGUMENTS[:3], "--samples 300 --epochs 1 --set examined=0 --out run"])
    script = f"set -o pipefail; {sys.executable} -m nnlab {arguments} | head -n 1"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert json.loads((tmp_path / "run" / "results.json").read_text())["status"] == "ok"
    assert (tmp_path / "run" / "figures" / "loss.png").exists()


@pytest.mark.slow
def test_live_display_on_a_terminal_with_no_color(tmp_path):
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    environment = {"NO_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "30"}
    more = ("--samples", "2000", "--epochs", "5")  # so that an answer is right
    process = start(*ARGUMENTS, *more, "--out", "run", cwd=tmp_path, env=environment, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    assert process.wait() == 0
    text = seen.decode()
    assert "batch" in text  # the display
    assert "\x1b[2K" in text  # drawn in place
    assert re.search("[▁▂▃▄▅▆▇█]", text)  # the small curve of the loss
    assert "☑" in text
    assert not re.search(r"\x1b\[[0-9;]*\b(3[0-7]|38|9[0-7])\b[0-9;]*m", text)  # no colour


@pytest.mark.slow
def test_two_processes_on_one_folder(tmp_path):
    first = start(*ARGUMENTS[:-1], "400", "--out", "run", cwd=tmp_path)
    assert first.stderr is not None
    for line in first.stderr:
        if line.startswith("run 1/2  epoch"):
            break
    second = call("arith", "--resume", "run", cwd=tmp_path)
    assert second.code == 2
    assert second.err.splitlines()[-1].startswith("error: another process is at work in run")
    assert first.poll() is None
    first.kill()
    first.communicate()
    assert not RunFolder(tmp_path / "run").busy


def test_predict_as_a_coprocess_answers_each_line_as_it_comes(trained, tmp_path):
    with start("predict", trained, "-", "-q", cwd=tmp_path, stdin=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        ended = threading.Timer(60, process.kill)  # where no answer comes before the end of the input
        ended.start()
        for question in ("1+1", "oops", "20+22"):
            print(question, file=process.stdin, flush=True)
            assert process.stdout.readline().rstrip("\n").isdigit() == (question != "oops")
        process.stdin.close()
        assert (process.stdout.read(), process.wait()) == ("", 2)
        ended.cancel()
        assert "error: line 2: " in process.stderr.read()


def test_predict_ends_when_its_reader_has_left(trained, tmp_path):
    script = f"yes 1+1 | {sys.executable} -m nnlab predict '{trained}' - | head -n 1; exit ${{PIPESTATUS[1]}}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        ended = threading.Timer(120, os.killpg, (process.pid, signal.SIGKILL))
        ended.start()
        out, err = process.communicate()
        ended.cancel()
    assert out.strip().isdigit()
    assert (process.returncode, err) == (0, "")


def test_predict_with_closed_stdin(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    script = f"exec 0<&-; exec {sys.executable} -m nnlab predict run - "
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: expected lines on stdin, it is closed")
    done = subprocess.run(
        ["bash", "-c", script.replace(" - ", " 1+1 ")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n", "")


def test_interrupt_swallowed_by_a_finalizer_is_not_lost_and_not_printed(capfd):
    from nnlab.training import signals

    class Fragile:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)
            for _ in range(1000):  # where the handler runs at the latest
                pass

    with signals.interrupt_on_sigterm():
        signals.check()
        Fragile()
        assert capfd.readouterr().err == ""
        with pytest.raises(KeyboardInterrupt):
            signals.check()
    signals.check()


def test_predict_without_inputs_is_a_prompt_on_a_terminal(trained, tmp_path):
    pytest.importorskip("pty")
    from tests.unit.commands.test_prompt import Typist

    typist = Typist(tmp_path, "-m", "nnlab", "predict", str(trained), NNLAB_HISTORY="")
    greeting = typist.sees("arith> ")
    assert "Opening" in greeting
    assert ":q or Ctrl-D leaves" in greeting
    for line, shown in (("291+7", "298"), ("291", "error: expected a question like 12+34"), ("1 + 1", "2")):
        typist.types(f"{line}\r")
        typist.sees(shown)
        typist.sees("arith> ")
    typist.types("\x04")
    assert typist.ends() == 0


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_predict_without_inputs_or_a_terminal_tells_the_three_ways(trained, tmp_path, arguments):
    done = call("predict", trained, *arguments, cwd=tmp_path)
    assert done.code == 2
    assert "expected inputs" in (done.document["error"]["message"] if arguments else done.err)
    if not arguments:
        assert "Name them after the run" in done.err
        assert "predict RUN - < FILE" in done.err
        assert "on a terminal for a prompt" in done.err
