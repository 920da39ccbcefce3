"""What the record of a run says: its config, its data, the command line that made it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nnlab.commands.parent import found_again, with_parent
from nnlab.config import Config, path_of
from nnlab.data.sources import datasets
from nnlab.errors import UsageError, about
from nnlab.experiments import Loaded, entry
from nnlab.options import words_of
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import literal


def config_of(folder: RunFolder) -> Config:
    """The config of a run folder; InputError names the file where it, or what was typed, does not fit."""
    with about(folder.path / "config.json"):
        made_by = entry(folder.command, "It may be a run of another version of nnlab").config
        made_by.check_values(folder.typed)
        return made_by.from_record(folder.config)


def read_data(command: str, config: Config, source: Mapping[str, Any]) -> Loaded[Any, Any]:
    """The data of a config; a relative path of another folder is found again by what ``data.json`` says of it.

    ``source``: that record, empty where there is none yet. UsageError where the data are in neither place.
    """
    data, was = config.data, source.get("path")
    found = None if data is None else found_again(data, source)
    if found is not None and found == data and was and not datasets.known(found) and not path_of(found).exists():
        raise UsageError(f"expected the data of the run at {was}, there is nothing", "Put them back where they were")
    there = replace(config, data=found)
    loaded: Loaded[Any, Any] = entry(command).experiment(there).load(there)
    return loaded if found == data else replace(loaded, config=replace(loaded.config, data=data))


def load_again(folder: RunFolder) -> Loaded[Any, Any]:
    """The data of a run as it read them, with what it took over of another run.

    Nothing is downloaded: UsageError, InputError or OSError where they are not at hand, or not as they were.
    """
    config = with_parent(folder, config_of(folder))
    name = config.data or type(config).DATA
    if datasets.known(name) and datasets.local(name) is None:
        raise UsageError(f"{name} is not at hand", f"Fetch it: nnlab data fetch {name}")
    source = folder.source
    loaded = read_data(folder.command, config, source)
    if loaded.source.get("digest") != source.get("digest"):
        otherwise = read_otherwise(source, loaded.source)
        hint = f"{otherwise}: start a new run" if otherwise else "Put it back as it was"
        raise UsageError(f"{name} has other contents than those that it was trained on", hint)
    return loaded


def check_same_data(run: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """UsageError where a run was started with other data than are there now."""
    if before.get("digest") != now.get("digest"):
        otherwise = read_otherwise(before, now)
        raise UsageError(
            f"{run} was started with data of digest {str(before.get('digest'))[:12]}… "
            f"({before.get('name')}), now they have {str(now.get('digest'))[:12]}… ({now.get('name')})",
            f"{otherwise}: start a new run" if otherwise else "Put the data back as they were, or start a new run",
        )


def read_otherwise(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What this version leaves out of a file that a run before it read whole; empty where it is another file."""
    if "licence_left_out" not in now or "licence_left_out" in before or before.get("size") != now.get("size"):
        return ""
    return "That run read the licence of Project Gutenberg too, this version leaves it out"


def command_line(record: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """What made a run, as it is typed, from its ``config.json`` and ``data.json``; it may be anybody's.

    Options that the record does not say were typed are all of them.
    """
    command = str(record["command"])
    cls, typed = entry(command).config, record.get("typed", record["config"])
    given = {name: value for name, value in dict(typed).items() if value is not None}
    parent = data.get("parent")
    start = ["--from", str(parent.get("run"))] if isinstance(parent, dict) else []
    words = words_of(cls, cls.effective(given, record=record["config"]))
    return shlex.join(map(literal, ["nnlab", command, *words, *start]))
