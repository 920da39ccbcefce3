"""What every experiment is told: the options the seven commands share, as one frozen record.

An experiment's own config extends :class:`Config`. It is the command line and the saved record
(``config.json``) at once: what is not in it cannot change a result.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from nnlab.errors import UsageError

PRESETS = ("published", "best", "quick")


@dataclass(frozen=True, kw_only=True)
class Config:
    """The shared options. Subclasses add their own and say what a preset sets in :meth:`recipe`."""

    preset: str = "best"
    epochs: int
    batch_size: int
    seed: int = 0
    runs: int = 1
    data: str | None = None

    @classmethod
    def recipe(cls, preset: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of a preset; may depend on the options given by hand (an operation, say)."""
        raise TypeError(f"{cls.__name__} has no recipe for {preset} with {sorted(given)}")

    @classmethod
    def from_options(cls, given: Mapping[str, Any]) -> Self:
        """The config of a command line. ``given`` holds only what was typed; it beats the preset."""
        preset = given.get("preset", "best")
        settings = {**cls.recipe(preset, given), **given, "preset": preset}
        config = cls(**settings)
        config.check()
        return config

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The config that :meth:`record` wrote; raises UsageError where the names do not fit."""
        names = {field.name for field in dataclasses.fields(cls)}
        if set(record) != names:
            odd = ", ".join(sorted(set(record) ^ names))
            raise UsageError(
                f"config.json does not fit this version of nnlab: missing or unknown: {odd}",
                "Use the version named in its environment.json",
            )
        config = cls(**record)
        config.check()
        return config

    def check(self) -> None:
        """Raise UsageError where the options do not fit together."""

    def record(self) -> dict[str, Any]:
        """The config as plain JSON values."""
        return dataclasses.asdict(self)

    @property
    def seeds(self) -> range:
        """The seed of each run; run ``k`` of many equals a run alone with its seed."""
        return range(self.seed, self.seed + self.runs)
