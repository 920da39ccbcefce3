"""A run folder as one zip: what nnlab wrote and nothing else, no checkpoint, and a model card made from the record.

The same run gives the same bytes: names are sorted, times are fixed, and nothing is compressed, as compressors differ
from machine to machine (weights and pictures would not get smaller). Paths of this machine stay here: of data only
the name goes along.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from nnlab.commands.export import placing
from nnlab.commands.export.card import card
from nnlab.commands.record import config_of
from nnlab.errors import InputError
from nnlab.output import untrusted
from nnlab.output.document import dumps
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal, one_line, quoted

CARD = "README.md"
NEEDED = ("config.json", "data.json", "environment.json", "metrics.csv", "results.json", "console.txt", "model.keras")
KEPT = re.compile(
    r"(?:config|data|environment|preprocessing|results)\.json|console\.txt|model\.keras|trained_on\.npy"
    r"|parent/(?:model\.keras|preprocessing\.json|trained_on\.npy)"  # of the run that it started from
    r"|[A-Za-z0-9][\w-]{0,60}\.csv|figures/[A-Za-z0-9][\w-]{0,60}\.png|audio/[A-Za-z0-9][\w-]{0,60}\.wav",
    re.ASCII,
)
MOST_BYTES = (1 << 31) - 1  # of a file in a zip of the old format
TIME = (1980, 1, 1, 0, 0, 0)  # the first that a zip can say
UNSAID = re.compile(r"(?:checkpoint/|\.).*|README\.md")  # left behind without a word


def write_zip(folder: RunFolder, target: Path, terminal: Terminal) -> dict[str, Any]:
    """Write a finished run as a zip; the results. What is no file of a run is left behind, and told.

    Raises:
        UsageError: there is a file already.
        InputError: a file of the run is missing or cannot be read.
    """
    names, others = files_of(folder.path)
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise InputError(f"expected {missing[0]} as a file, there is none", untrusted.DAMAGED, path=folder.path)
    large = next((name for name in names if os.lstat(folder.path / name).st_size > MOST_BYTES), None)
    if large:
        raise InputError(f"{large} is too large for a zip", "Copy the folder", path=folder.path)
    if others:
        shown = ", ".join(map(one_line, others[:5]))
        terminal.warn(f"left behind, not written by nnlab: {shown}{' …' if len(others) > 5 else ''}")
    (config, data, results), console = without_places(folder)
    records = {"config.json": config, "data.json": data, "results.json": results}
    made = {name: dumps(record).encode() for name, record in records.items()}
    made["console.txt"] = console.encode("utf-8", "surrogateescape")
    environment = folder.read_json("environment.json")
    try:
        made[CARD] = card(config_of(folder), config, data, results, environment).encode()
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(
            f"expected results as nnlab writes them ({type(error).__name__}: {error})",
            untrusted.DAMAGED,
            path=folder.path / "results.json",
        ) from error
    with placing(target) as (part,):
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
            for name in sorted({*names, CARD}):
                entry = zipfile.ZipInfo(name, TIME)
                entry.create_system, entry.external_attr = 3, (stat.S_IFREG | 0o644) << 16
                with archive.open(entry, "w", force_zip64=False) as into:
                    if name in made:
                        into.write(made[name])
                    else:
                        copy(folder.path / name, into)
        digest = sha256(part)
    terminal.tell(f"open it elsewhere: nnlab import {quoted(target.name)}")
    entries = sorted({*names, CARD})
    return {"to": "zip", "files": [str(target)], "sha256": digest, "entries": entries, "left_behind": others}


def files_of(place: Path) -> tuple[list[str], list[str]]:
    """(files of a run, what else is there), sorted. No link is followed."""
    names, others = [], []
    for parent, folders, files in os.walk(place):
        inside = Path(parent).relative_to(place)
        for name in [*folders, *files]:
            path = (inside / name).as_posix()
            kind = os.lstat(place / path).st_mode
            if stat.S_ISREG(kind) and KEPT.fullmatch(path):
                names.append(path)
            elif not stat.S_ISDIR(kind) and not UNSAID.fullmatch(path):
                others.append(path)
    return sorted(names), sorted(others)


def copy(path: Path, into: Any) -> None:
    """The content of a file that is no link, a piece at a time."""
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
        while piece := file.read(1 << 20):
            into.write(piece)


def sha256(path: Path) -> str:
    """The digest of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# ---- paths of this machine ---------------------------------------------------------------------------


def without_places(folder: RunFolder) -> tuple[tuple[dict[str, Any], dict[str, Any], dict[str, Any]], str]:
    """((config, data, results), console) of a run with names instead of paths of this machine."""
    config, data, results = (folder.read_json(f"{name}.json") for name in ("config", "data", "results"))
    console = folder.read_text("console.txt")
    home = str(Path.home())
    places = {str(folder.path.absolute()): folder.path.resolve().name, **({} if home == os.sep else {home: "~"})}
    places |= {text: last_name(text) for text in data.values() if isinstance(text, str) and is_absolute(text)}
    for place in sorted(places, key=len, reverse=True):
        console = console.replace(place, places[place])
    results = {name: cleared(value) if name in ("run", "config", "data") else value for name, value in results.items()}
    return (cleared(config), cleared(data), results), console


def cleared(value: Any) -> Any:
    """A JSON value with the name alone of every absolute path in it."""
    if isinstance(value, dict):
        return {name: cleared(item) for name, item in value.items()}
    if isinstance(value, list):
        return [cleared(item) for item in value]
    return last_name(value) if isinstance(value, str) and is_absolute(value) else value


def is_absolute(text: str) -> bool:
    """Whether a text is an absolute path, of any system, or begins in a home."""
    return text.startswith(("/", "~")) or PureWindowsPath(text).is_absolute()


def last_name(text: str) -> str:
    """The last part of a path of any system."""
    return (PureWindowsPath(text).name if "\\" in text else PurePosixPath(text).name) or "data"
