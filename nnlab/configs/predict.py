"""Options of ``nnlab predict``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nnlab.config import Options
from nnlab.errors import UsageError
from nnlab.options import OUTPUT, fields_of, flag_of, option

OF_TEXTGEN, OF_TRANSLATE = "What a run of textgen takes", "What a run of translate takes"
OF_FILES = "What a run of autoencode or denoise takes"
TAKEN_BY = {OF_TEXTGEN: ("textgen",), OF_TRANSLATE: ("translate",), OF_FILES: ("autoencode", "denoise")}


@dataclass(frozen=True, kw_only=True)
class PredictOptions(Options):
    """What ``predict`` is told beside the run and the inputs."""

    length: int | None = option(
        None, "Characters to write.", min=1, max=1_000_000, panel=OF_TEXTGEN, default_told="400"
    )
    diversity: float | None = option(
        None, "Temperature of the sampling.", min=0.01, max=10, metavar="T", panel=OF_TEXTGEN, default_told="0.5"
    )
    top_p: float | None = option(
        None,
        "Sample from the most probable characters that hold P of the probability.",
        min=0.01,
        max=1,
        metavar="P",
        panel=OF_TEXTGEN,
        default_told="1",
    )
    seed: int | None = option(None, "Seed of the sampling.", min=0, max=2**31, panel=OF_TEXTGEN, default_told="0")
    beam: int | None = option(None, "Beam width.", min=1, max=32, panel=OF_TRANSLATE, default_told="the run's")
    out: Path | None = option(
        None, "Where its files go.", metavar="DIR", panel=OF_FILES, default_told="beside each input"
    )
    device: Literal["auto", "cpu", "gpu"] = option("auto", "Processor or GPU.", panel=OUTPUT)
    json: bool = option(False, "One JSON document on stdout, nothing else.", "--json", panel=OUTPUT)
    quiet: bool = option(False, "Less on stderr.", "-q", "--quiet", panel=OUTPUT)
    verbose: bool = option(False, "More on stderr, tracebacks too.", "-v", "--verbose", panel=OUTPUT)

    def of_experiment(self, command: str) -> dict[str, Any]:
        """The options typed that belong to an experiment; UsageError for those of another."""
        own = [each for each in fields_of(type(self)) if each.metadata["option"].panel in TAKEN_BY]
        typed = {each.name: value for each in own if (value := getattr(self, each.name)) is not None}
        takes = {each.name: each for each in own if command in TAKEN_BY[each.metadata["option"].panel]}
        strange = [flag_of(each) for each in own if each.name in typed and each.name not in takes]
        if strange:
            known = ", ".join(map(flag_of, takes.values())) or "none"
            raise UsageError(
                f"a run of {command} does not take {', '.join(strange)} (it takes {known})", "Leave them out"
            )
        return typed
