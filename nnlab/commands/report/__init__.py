"""``nnlab report``: the whole report of 2018, run again part by part and set beside what it published.

Each part is one command of nnlab in a process and a run folder of its own, so a part that fails or is killed takes
nothing with it: the same line again runs what is missing, and goes on with what was begun.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.text import Text

from nnlab.commands.outcome import Outcome, run_command
from nnlab.commands.report.items import ITEMS, Item, judge
from nnlab.commands.session import engine_of
from nnlab.config import PRESETS, SAMPLE
from nnlab.configs.run import RunOptions
from nnlab.errors import Description, ExitCode, InputError, NnlabError, UsageError
from nnlab.experiments import entry
from nnlab.machine import all_blas_threads, gpu_memory
from nnlab.output.document import document, dumps
from nnlab.output.progress import clock
from nnlab.output.run_folder import RunFolder, is_run
from nnlab.output.terminal import Terminal, literal, number, quoted, table
from nnlab.output.untrusted import read_json
from nnlab.training.parallel import FOLDER, Engine, Event, Job

RATE = 200.0  # GFLOP/s of the machine where the seconds of PARTS were taken; those of published are guesses


@dataclass(frozen=True)
class Part:
    """One command: its options per preset, and about how many seconds it takes at 200 GFLOP/s."""

    name: str
    command: str
    options: Mapping[str, Mapping[str, Any]]
    seconds: Mapping[str, float]

    def given(self, preset: str) -> dict[str, Any]:
        """The options as if they were typed; ``best`` is what a command does unasked."""
        return {**({} if preset == "best" else {"preset": preset}), **self.options.get(preset, {})}

    def arguments(self, preset: str) -> list[str]:
        """The command line, without where it goes."""
        words = [self.command]
        for name, value in self.given(preset).items():
            flag = "--pairs" if self.command == "translate" and name == "data" else f"--{name.replace('_', '-')}"
            words += [flag] if value is True else [flag, str(value)]
        return words

    def fits(self, preset: str, record: Mapping[str, Any]) -> bool:
        """Whether the record of a run is that of this part's options."""
        wanted = entry(self.command).config.from_options(self.given(preset))
        named = {"preset": preset, **wanted.given, "seed": 0, "data_seed": 0}
        if "runs" not in named:
            named["runs"] = wanted.runs
        return all(record.get(name) == value for name, value in named.items())


def _part(name: str, command: str, published: Any, best: Any, quick: Any, *seconds: float) -> Part:
    options = dict(zip(PRESETS, (published, best, quick), strict=True))
    return Part(name, command, options, dict(zip(PRESETS, seconds, strict=True)))


FRENCH, GREEK = {"data": "eng-fra"}, {"data": "eng-ell"}
FEW = {"samples": 10_000}
ADD, SUB, BIRDS, DENSE, GRID = {"op": "add"}, {"op": "sub"}, {"data": "birds"}, {"net": "dense"}, {"grid": True}
SAMPLES = {"data": SAMPLE}

PARTS = (
    _part("mnist", "mnist", {"runs": 5}, {"loss": "both", "runs": 2}, {}, 10_500, 2_300, 14),
    _part("permute", "permute", {"runs": 1}, {"runs": 1}, {}, 1_400, 650, 28),
    _part("textgen", "textgen", {}, {}, {}, 7_000, 1_000, 12),
    _part("french", "translate", FRENCH, {**FRENCH, **FEW}, SAMPLES, 1_400, 700, 23),
    _part("greek", "translate", GREEK, {**GREEK, **FEW}, {**SAMPLES, "reverse": True}, 1_750, 450, 22),
    _part("addition", "arith", ADD, ADD, ADD, 420, 50, 7),
    _part("subtraction", "arith", SUB, SUB, SUB, 420, 70, 12),
    _part("birds", "autoencode", BIRDS, BIRDS, {"data": "chirps"}, 315, 90, 12),
    _part("dense", "autoencode", DENSE, DENSE, DENSE, 1_400, 500, 16),
    _part("conv", "autoencode", {}, {}, {}, 1_050, 450, 9),
    _part("table2", "autoencode", GRID, {**GRID, "epochs": 10}, {**GRID, "epochs": 1}, 4_200, 900, 14),
    _part("denoise", "denoise", {}, {}, {}, 2_800, 850, 12),
    _part("table3", "denoise", GRID, {**GRID, "epochs": 2}, {**GRID, "epochs": 1}, 11_200, 240, 15),
)


def report(preset: str, only: Sequence[str], options: RunOptions) -> ExitCode:
    """Plan, run what is missing, and write ``report.html`` and ``report.json``."""
    home = options.out or Path("runs") / f"report-{preset}"

    def work(terminal: Terminal) -> Outcome:
        wanted = chosen(only)
        parts = [part for part in PARTS if part.name in {item.part for item in wanted}]
        if home.exists() and not home.is_dir():
            raise UsageError(f"expected a folder for --out, got the file {home}", "Choose another --out")
        if not is_own(home):
            raise UsageError(
                f"expected a new or empty folder for --out, or that of a report, got {home}, with files of others",
                "Choose another --out",
            )
        (home / "runs").mkdir(parents=True, exist_ok=True)
        states = {part.name: state_of(part, preset, home) for part in parts}
        engine = engine_of(options)
        seconds = plan(terminal, preset, parts, states, engine.workers, has_gpu=gpu_memory() > 0)
        carry_out(terminal, engine, preset, parts, states, home, seconds)
        rows = [measured(item, states[item.part], preset, home) for item in wanted]
        show(terminal, rows)
        results = {"items": rows, "parts": list(states.values())}
        folder = RunFolder(home)
        from nnlab.commands.report.page import page

        whole = document("report", run=str(home), config={"preset": preset}, results=results)
        folder.write("report.json", dumps(whole).encode())
        size = folder.write("report.html", page(preset, rows, states, home)).stat().st_size
        terminal.tell(f"saved {home / 'report.html'} ({size / 1e6:.3g} MB) and report.json")
        failed = [name for name, state in states.items() if state["status"] != "ok"]
        told = f"not finished: {', '.join(failed)}"
        error = NnlabError(told, "The same line again runs what is missing") if failed else None
        return Outcome(results, error, {"run": str(home), "config": {"preset": preset}})

    def failed(told: Description) -> tuple[Description, dict[str, Any]]:
        if told.exit_code not in (ExitCode.INTERRUPTED, ExitCode.RESOURCES):
            return told, {}
        line = ["nnlab", "report", "--preset", preset, *(word for name in only for word in ("--only", name))]
        go_on = f"{f'{told.hint}, then' if told.hint else 'Parts that were begun go on:'} {shlex.join(line)}"
        return replace(told, hint=f"{go_on} --out {quoted(home)}"), {"run": str(home)}

    return run_command("report", work, json=options.json, verbosity=options.verbosity, failed=failed)


def is_own(home: Path) -> bool:
    """Whether a folder is new, empty, or an earlier report's: then its ``report.html`` may be written anew."""
    made, page = home / "report.json", home / "report.html"
    if made.is_file():
        try:
            return bool(read_json(made).get("command") == "report")
        except InputError:
            return False
    if page.exists() or page.is_symlink():
        return False
    begun = any((home / "runs" / part.name).is_dir() for part in PARTS)
    if begun or not home.is_dir():
        return True
    return all(one.name == "runs" and one.is_dir() and not any(one.iterdir()) for one in home.iterdir())


def chosen(only: Sequence[str]) -> list[Item]:
    """The items named by ``--only`` (an item, or a part with all its items); all where none is named."""
    names = [name.strip().lower() for text in only for name in text.split(",") if name.strip()]
    known = {item.name for item in ITEMS} | {part.name for part in PARTS}
    strange = [name for name in names if not any(one.startswith(name) for one in known)]
    strange += [text for text in only if not names]  # a variable that is not set is not everything
    if strange:
        raise UsageError(f"expected --only of {', '.join(sorted(known))}, got {strange[0]!r}", "Leave it out for all")
    if not names:
        return list(ITEMS)
    return [item for item in ITEMS if any(item.name.startswith(name) or item.part == name for name in names)]


# ---- running -----------------------------------------------------------------------------------------


def state_of(part: Part, preset: str, home: Path) -> dict[str, Any]:
    """Whether a part is done, begun or missing, and what makes it."""
    folder = home / "runs" / part.name
    command = shlex.join(["nnlab", *part.arguments(preset)])
    state: dict[str, Any] = {"name": part.name, "command": command, "status": "missing", "seconds": None, "error": None}
    if not is_run(folder):
        return state
    if not part.fits(preset, RunFolder.open(folder).config):
        raise UsageError(
            f"{folder} holds a run with other options than {command}", "Name another folder: --out, or delete that one"
        )
    try:
        document = RunFolder(folder).read_results() if (folder / "results.json").is_file() else {}
    except InputError:
        document = {}
    if document.get("status") == "ok":
        if RunFolder(folder).read_json("results.json").get("run") != str(folder):  # it was made on another machine
            RunFolder(folder).write_json("results.json", document)
        return {**state, "status": "ok", "seconds": document["seconds"]["total"]}
    return {**state, "status": "begun"}


def plan(
    terminal: Terminal, preset: str, parts: Sequence[Part], states: Mapping[str, Any], workers: int, *, has_gpu: bool
) -> dict[str, float]:
    """Say what will be run and about how long it takes on this machine; the seconds of each part."""
    rate = machine_rate()
    listed = table("part", "command", "about", left=2)
    seconds = {part.name: part.seconds[preset] * RATE / rate for part in parts}
    for part in parts:
        state, thought = states[part.name], clock(seconds[part.name])
        about = {"ok": f"done in {clock(state['seconds'] or 0)}", "begun": f"begun, {thought}"}
        listed.add_row(part.name, state["command"], about.get(state["status"], thought))
    terminal.tell(listed)
    total = sum(seconds[part.name] for part in parts if states[part.name]["status"] != "ok")
    at_once = f", {workers} parts at once" if workers > 1 else ""
    faster = ", less where the GPU that was found can be used" if has_gpu else ""
    terminal.tell(f"about {clock(total)} at {rate:.0f} GFLOP/s (matrix product of this machine){at_once}{faster}")
    return seconds


def machine_rate() -> float:
    """GFLOP/s of a large matrix product on all cores: what most parts spend their time on."""
    import numpy as np

    square = np.ones((1024, 1024), np.float32)
    best = float("inf")
    with all_blas_threads():
        square @ square
        for _ in range(5):
            start = time.perf_counter()
            square @ square
            best = min(best, time.perf_counter() - start)
    return 2 * 1024**3 / best / 1e9


def carry_out(
    terminal: Terminal,
    engine: Engine,
    preset: str,
    parts: Sequence[Part],
    states: dict[str, Any],
    home: Path,
    seconds: Mapping[str, float],
) -> None:
    """Run the parts that are not done, some at once; tell each as it ends."""
    from nnlab.output.progress import LiveParts

    missing = {part.name: part for part in parts if states[part.name]["status"] != "ok"}
    display = LiveParts(terminal)

    def hear(job: Job, event: Event) -> None:
        if event["event"] == "process":
            display.parts[job.name] = (time.monotonic(), seconds[job.name])
        elif event["event"] == "lost":
            terminal.warn(f"{job.name}: {event['why']}, begun again")

    try:
        longest_first = sorted(missing.values(), key=lambda part: -seconds[part.name])  # none is waited for at the end
        jobs = [job_of(part, preset, home) for part in longest_first]
        for count, (job, ended) in enumerate(engine.run(jobs, hear), start=1):
            display.parts.pop(job.name, None)
            states[job.name] = state = state_of(missing[job.name], preset, home)
            if state["status"] != "ok":
                state |= {"status": "failed", "error": ended.error or f"exit code {ended.code}"}
            told = f"in {clock(state['seconds'])}" if state["status"] == "ok" else f"failed: {state['error']}"
            terminal.tell(f"{count}/{len(missing)} {job.name} {told}")
    finally:
        display.stop()


def job_of(part: Part, preset: str, home: Path) -> Job:
    """One command, or going on with it."""
    folder = home / "runs" / part.name
    begun = is_run(folder)
    words = [part.command, "--resume", FOLDER] if begun else [*part.arguments(preset), "--out", FOLDER]
    return Job(part.name, (*words, "-q"), folder)


# ---- the result --------------------------------------------------------------------------------------


def measured(item: Item, state: Mapping[str, Any], preset: str, home: Path) -> dict[str, Any]:
    """One row: what was published, what was measured, and the verdict."""
    row: dict[str, Any] = {
        "item": item.name,
        "what": item.what,
        "published": item.published,
        "measured": None,
        "verdict": "not run",
        "reason": state["error"] or "",
        "part": item.part,
        "command": state["command"],
    }
    if state["status"] != "ok":
        return row
    folder = home / "runs" / item.part
    document = RunFolder(folder).read_results()
    value, verdict, reason = judge(item, document["results"], folder, preset)
    return {**row, "measured": value, "verdict": verdict, "reason": reason}


def show(terminal: Terminal, rows: Sequence[Mapping[str, Any]]) -> None:
    """The table: item, published, measured, verdict."""
    listed = table("item", "published", "measured", "verdict", left=1)
    colours = {"reproduced": "green", "better": "green", "differs": "yellow", "not run": "red"}
    colours |= dict.fromkeys(("shown", "other data"), "dim")
    for row in rows:
        verdict = Text(row["verdict"], style=colours[row["verdict"]])
        listed.add_row(row["what"], number(row["published"]), number(row["measured"]), verdict)
    terminal.show(listed)
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row["reason"]:
            reasons.setdefault(row["reason"], []).append(row["what"])
    for reason, items in reasons.items():
        terminal.show(Text(f"{'; '.join(items)}: {literal(reason)}", style="dim"))
    if any(row["verdict"] == "other data" for row in rows):
        terminal.show(Text("other data: the quick preset measures on small built-in data", style="dim"))
