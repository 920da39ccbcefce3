"""Options that every experiment has and no result is recorded with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nnlab.config import Options
from nnlab.errors import UsageError
from nnlab.options import COMPUTE, OUTPUT, SHARED, fields_of, flag_of, option

IN_PYTHON = ("out", "verbose", "device", "workers", "benchmark")  # what nnlab.train takes of these, too


@dataclass(frozen=True, kw_only=True)
class RunOptions(Options):
    """Where a run goes, how it is shown and where it computes; what of it can change a bit is in environment.json."""

    like: Path | None = option(
        None,
        "The options of that run, with fresh weights; options typed here win.",
        metavar="RUN",
        panel=SHARED,
        default_told=" ",
    )
    parent: Path | None = option(
        None,
        "Start from that run's weights, with its options; --epochs are further ones.",
        "--from",
        metavar="RUN",
        panel=SHARED,
        default_told=" ",
    )
    set: list[str] | None = option(
        None,
        "A setting of config.json that has no option of its own (repeatable).",
        metavar="NAME=VALUE",
        panel=SHARED,
        default_told=" ",
    )
    sweep: str | None = option(
        None,
        "A run per value of an option or setting, the best chosen on validation.",
        metavar="NAME=V1,V2,…",
        panel=SHARED,
        default_told=" ",
    )
    out: Path | None = option(
        None, "The run folder.", metavar="DIR", panel=OUTPUT, default_told="runs/COMMAND-DATE-TIME"
    )
    resume: Path | None = option(None, "Go on with an interrupted run.", metavar="DIR", panel=OUTPUT, default_told=" ")
    json: bool = option(False, "One JSON document on stdout, nothing else.", "--json", panel=OUTPUT)
    quiet: bool = option(False, "Less on stderr.", "-q", "--quiet", panel=OUTPUT)
    verbose: bool = option(False, "More on stderr, tracebacks too.", "-v", "--verbose", panel=OUTPUT)
    device: Literal["auto", "cpu", "gpu"] = option("auto", "Processor or GPU.", panel=COMPUTE)
    engine: Literal["local", "ray"] = option(
        "local", "Several runs at once: processes here, or a Ray cluster.", panel=COMPUTE
    )
    address: str | None = option(
        None,
        "Address of the Ray cluster.",
        metavar="HOST:PORT",
        panel=COMPUTE,
        default_told="RAY_ADDRESS, or a new one here",
    )
    workers: int | None = option(
        None,
        "Runs at once.",
        min=1,
        max=1024,
        panel=COMPUTE,
        default_told="as cores, memory and the GPU allow",
    )
    benchmark: bool = option(
        True, "Measure how fast the trained network writes.", "--benchmark/--no-benchmark", panel=COMPUTE
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.address is not None and self.engine != "ray":
            raise UsageError(f"--address is of a Ray cluster, got {self.address!r} without --engine ray", "Add it")

    @classmethod
    def check_not_of_terminal(cls, given: Mapping[str, Any], experiment: str) -> None:
        """UsageError where Python was given an option that only the terminal has."""
        flags = {entry.name: flag_of(entry) for entry in fields_of(cls) if entry.name not in IN_PYTHON}
        for name in given:
            if name in flags or f"--{name}" in flags.values():
                raise UsageError(
                    f"{name} is an option of the terminal only",
                    f"Leave it out, or type it there: nnlab {experiment} {flags.get(name, f'--{name}')} …",
                )

    @property
    def verbosity(self) -> int:
        """-1 quiet, 0 as usual, 1 verbose."""
        return int(self.verbose) - int(self.quiet)
