"""Files that ship with nnlab beside its code: in the wheel inside the package, in a checkout beside it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent.parent


def asset(name: str) -> Path:
    """The path of a file of ``assets/``, wherever nnlab is installed."""
    places = (PACKAGE / "assets" / name, PACKAGE.parent / "assets" / name)
    return next(place for place in places if place.is_file())


def report_2018(experiment: str) -> dict[str, Any]:
    """What the 2018 report published of an experiment (``assets/report.toml``)."""
    with open(asset("report.toml"), "rb") as file:
        section: dict[str, Any] = tomllib.load(file)[experiment]
    return section
