"""One display for several processes: what it says at 80 columns, and what stays."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from nnlab.output.progress import LiveParts, LiveProgressOfMany, ProgressOfMany, SilentProgress, progress_of_many
from nnlab.output.terminal import Terminal

JOBS = [f"mlp_ce run {first}" for first in (1, 3)]


def written(terminal: Terminal) -> str:
    """What stands on its stderr."""
    file = terminal.err.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def terminal(*, live: bool) -> Terminal:
    made = Terminal()
    made.err = Console(file=io.StringIO(), width=80, force_terminal=live, color_system=None)
    return made


def shown(renderable) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=80, color_system=None).print(renderable)
    return [line.rstrip() for line in file.getvalue().splitlines() if line.strip()]


def feed(watch: ProgressOfMany) -> None:
    for number, job in enumerate(JOBS):
        watch.hear(job, {"event": "process", "pid": 1})
        started = {"name": "mlp_ce", "run": 2 * number, "runs": 4, "epochs": 2, "steps": 10, "rows": []}
        watch.hear(job, {"event": "start", **started})
        watch.hear(job, {"event": "step", "step": 5})
    row = {"run": 0, "epoch": 1, "seconds": 3.0, "loss": 0.5, "test_accuracy": 0.91}
    watch.hear(JOBS[0], {"event": "epoch", "row": row})


def test_one_line_per_worker_in_a_terminal():
    made = terminal(live=True)
    watch = progress_of_many(made, "2 workers (local)", 4)
    assert isinstance(watch, LiveProgressOfMany)
    feed(watch)
    lines = shown(watch.render())
    assert len(lines) == 3
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].startswith("2 workers (local)")
    assert lines[1].startswith("mlp_ce run 1")
    assert "epoch 2/2 loss 0.5" in lines[1]
    assert lines[2].startswith("mlp_ce run 3")
    assert lines[2].endswith("epoch 1/2 starting")
    row = {"run": 0, "epoch": 2, "seconds": 65.0, "loss": 0.4, "test_accuracy": 0.93}
    watch.hear(JOBS[0], {"event": "epoch", "row": row})
    watch.end(JOBS[0])
    assert len(shown(watch.render())) == 2
    watch.stop()
    assert "mlp_ce run 1/4 in 1:05  test 93.00 %" in written(made)


def test_one_line_per_epoch_without_a_terminal_and_a_lost_worker_is_told():
    made = terminal(live=False)
    watch = progress_of_many(made, "2 workers (local)", 4)
    feed(watch)
    watch.hear(JOBS[1], {"event": "lost", "why": "its process was killed by SIGKILL"})
    watch.stop()
    lines = written(made).splitlines()
    assert lines[0].startswith("mlp_ce  run 1/4  epoch 1/2  loss 0.5")
    assert lines[1] == "warning: mlp_ce run 3: its process was killed by SIGKILL, begun again"
    assert len(lines) == 2


def test_quiet_is_quiet():
    made = terminal(live=True)
    made.verbosity = -1
    watch = progress_of_many(made, "2 workers (local)", 4)
    feed(watch)
    watch.stop()
    assert written(made) == ""


def test_parts_of_a_report_beside_what_they_were_thought_to_take(monkeypatch):
    made = terminal(live=True)
    parts = LiveParts(made)
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    parts.parts["addition"] = (40.0, 90.0)
    (line,) = shown(parts.render())
    parts.stop()
    assert line.startswith("addition")
    assert line.endswith("1:00 of about 1:30")


@pytest.mark.parametrize(
    ("before", "epochs", "steps", "left"),
    [
        (0, [], 0, None),
        (0, [], 5, 190.0),  # half an epoch in 10 s, nine and a half are to come
        (0, [30.0], 0, 270.0),
        (0, [30.0, 20.0, 20.0], 0, 140.0),  # the first one compiled: the others tell
        (0, [30.0, 20.0], 5, 150.0),
        (6, [30.0, 20.0], 0, 40.0),  # of a run that went on after six epochs
    ],
)
def test_the_time_left_is_told_by_the_epochs_after_the_first(monkeypatch, before, epochs, steps, left):
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    progress = SilentProgress(Console(file=io.StringIO()))
    progress.start(name="", run=0, runs=1, epochs=10, steps=10, rows=[{"epoch": n + 1} for n in range(before)])
    for number, seconds in enumerate(epochs):
        now[0] += seconds
        progress.epoch({"epoch": before + number + 1})
    now[0] += 2 * steps
    progress.step(steps)
    assert progress.left() == (None if left is None else pytest.approx(left))
