"""Options of ``nnlab predict``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass
from pathlib import Path
from typing import Any, Literal

from nnlab.config import Options
from nnlab.errors import UsageError
from nnlab.options import OUTPUT, fields_of, flag_of, option

OF_TEXTGEN, OF_TRANSLATE = "What a run of textgen takes", "What a run of translate takes"
OF_FILES = "What a run of autoencode or denoise takes"
OF_AUTOENCODE = "What a run of autoencode takes"
TAKEN_BY = {
    OF_TEXTGEN: ("textgen",),
    OF_TRANSLATE: ("translate",),
    OF_FILES: ("autoencode", "denoise"),
    OF_AUTOENCODE: ("autoencode",),
}


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
    beam: int | None = option(
        None, "Beam width.", min=1, max=32, panel=OF_TRANSLATE, default_told="the run's, or K of --n-best if more"
    )
    n_best: int | None = option(
        None,
        "Up to K translations on the line of each input, each followed by its score, all separated by tabs, best "
        "first. Score: mean log-probability (nats) per subword or character, as the beam search ranks.",
        min=1,
        max=32,
        metavar="K",
        panel=OF_TRANSLATE,
    )
    out: Path | None = option(
        None, "Where its files go.", metavar="DIR", panel=OF_FILES, default_told="beside each input"
    )
    codes: Path | None = option(
        None,
        "Write the code of each picture (cropped to a square and resized, as in training), or of each window of a "
        "sound, as a row of a new CSV file; instead of reconstructions.",
        metavar="FILE.csv",
        panel=OF_AUTOENCODE,
    )
    scores: bool = option(
        False,
        "Print the reconstruction error of each file (the run's test loss, of this file) and its path, "
        "separated by a tab: high for what is unlike the training data; instead of reconstructions.",
        "--scores",
        panel=OF_AUTOENCODE,
    )
    device: Literal["auto", "cpu", "gpu"] = option("auto", "Processor or GPU.", panel=OUTPUT)
    json: bool = option(False, "One JSON document on stdout, nothing else.", "--json", panel=OUTPUT)
    quiet: bool = option(False, "Less on stderr.", "-q", "--quiet", panel=OUTPUT)
    verbose: bool = option(False, "More on stderr, tracebacks too.", "-v", "--verbose", panel=OUTPUT)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_best is not None and self.beam is not None and self.n_best > self.beam:
            raise UsageError(
                f"expected --n-best of at most --beam, got {self.n_best} of a beam of {self.beam}",
                "Leave --beam out: it is then wide enough",
            )
        if self.out is not None and (self.codes is not None or self.scores):
            raise UsageError(
                "--out is where reconstructions go, with --codes or --scores there are none", "Leave one of them out"
            )

    @classmethod
    def check_names(cls, given: Mapping[str, Any], command: str) -> None:
        """UsageError where Python was given an option that is none, or only of the terminal."""
        of_runs = [each.name for each in fields_of(cls) if each.metadata["option"].panel in TAKEN_BY]
        for name in given:
            if name not in of_runs:
                takes = [each.name for each in taken_by(command)]
                told = f"expected options that a run of {command} takes ({', '.join(takes) or 'none'}), got {name}"
                raise UsageError(told, "Leave it out")

    def of_experiment(self, command: str) -> dict[str, Any]:
        """The options typed that belong to an experiment; UsageError for those of another, or a file that is there."""
        own = [each for each in fields_of(type(self)) if each.metadata["option"].panel in TAKEN_BY]
        values = {each.name: getattr(self, each.name) for each in own}
        typed = {name: value for name, value in values.items() if value is not None and value is not False}
        takes = {each.name: each for each in taken_by(command)}
        strange = [flag_of(each) for each in own if each.name in typed and each.name not in takes]
        if strange:
            known = ", ".join(map(flag_of, takes.values())) or "none"
            raise UsageError(
                f"a run of {command} does not take {', '.join(strange)} (it takes {known})", "Leave them out"
            )
        if self.codes == Path("-"):
            raise UsageError("expected a file for --codes, got -", "Name one: --codes codes.csv")
        if self.codes is not None and (self.codes.exists() or self.codes.is_symlink()):
            raise UsageError(
                f"expected a new file for --codes, {self.codes} exists", "Name another file, or remove this one"
            )
        return typed


def taken_by(command: str) -> list[Field[Any]]:
    """The options that a run of an experiment takes."""
    return [each for each in fields_of(PredictOptions) if command in TAKEN_BY.get(each.metadata["option"].panel, ())]
