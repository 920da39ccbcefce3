"""``nnlab runs table --into FILE``: the rows of a Markdown file that name a run's command are written anew."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nnlab.errors import InputError, UsageError
from nnlab.output.checkpoint import CheckpointFolder
from nnlab.output.markdown import table_row

Cells = Mapping[str, str]
FENCE = re.compile(r" {0,3}(`{3,}(?!.*`)|~{3,})(.*)")
ROW = re.compile(r" {0,3}\|")


def write_rows(path: Path, runs: Sequence[Cells], is_figure: Callable[[str], bool]) -> tuple[list[str], list[str]]:
    """Write runs into the tables of a Markdown file: the commands with a row there, and what is to be told.

    ``runs`` are each run's cells by the heads of their columns. A column of figures (``is_figure`` of its head) that a
    run does not have becomes a dash, all others stay as they are. Raises InputError where there is no such file or
    where it is not UTF-8, UsageError where a command has several rows, or none of them has one.
    """
    lines = read(path).split("\n")
    written, told = list[str](), list[str]()
    for cells in runs:
        command = cells["command"]
        places = [place for place in rows_of(lines) if place[2][0] == command and cells.keys() & set(place[1][1:])]
        if not places:
            told.append(f"left out: no table of {path} has a row of {command}")
            continue
        if len(places) > 1:
            numbers = " and ".join(str(number + 1) for number, _, _ in places)
            raise UsageError(f"expected one row of {command} in {path}, got lines {numbers}", "Leave one of them")
        [(number, heads, own)] = places
        if missing := [head for head in cells if head not in heads]:
            told.append(f"{path}, line {number + 1}: no column for {', '.join(missing)}")
        whole = own + [""] * (len(heads) - len(own))
        made = [cells.get(head, "–" if is_figure(head) else old) for head, old in zip(heads, whole, strict=False)]
        made += own[len(heads) :]
        if made != own:
            ending = lines[number][len(lines[number].rstrip()) :]
            lines[number] = table_row(made) + ending
        written.append(command)
    if not written:
        raise UsageError(
            f"expected rows of these runs in {path}, there is none",
            "Begin a row with the command, in a table whose first column is called command",
        )
    write(path, "\n".join(lines))
    return written, told


def rows_of(lines: Sequence[str]) -> Iterator[tuple[int, list[str], list[str]]]:
    """(line, heads of its table, cells) of each row of a table whose first column is ``command``.

    What stands in a block of code or in a comment is no table.
    """
    heads: list[str] = []
    fence, commented = "", False
    for number, line in enumerate(lines):
        found = FENCE.match(line)
        if fence:
            fence = "" if found and found[1].startswith(fence) and not found[2].strip() else fence
        elif commented or "<!--" in line:
            commented = line.rfind("<!--") > line.rfind("-->") or (commented and "-->" not in line)
            heads = []
        elif found:
            fence, heads = found[1], []
        elif ROW.match(line.lstrip("\ufeff")):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.lstrip("\ufeff").strip())[1:]]
            cells = cells[:-1] if not cells[-1] else cells
            if cells and cells[0].lower() == "command":
                heads = cells
            elif cells and heads:
                yield number, heads, cells
        else:
            heads = []


def read(path: Path) -> str:
    """The text of a file. InputError where there is none or where it is not UTF-8."""
    if not path.is_file():
        raise InputError("expected a Markdown file", "Name one with tables of runs", path=path)
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise InputError("expected UTF-8, got other bytes", "Save it as UTF-8", path=path) from error


def write(path: Path, text: str) -> None:
    """Write a file anew, whole or not at all, where its text is another; its permissions stay."""
    target = path.resolve()
    if target.read_bytes() == text.encode():
        return
    if not os.access(target, os.W_OK):
        raise InputError("expected a file that may be written", "Make it writable", path=path)

    def make(part: Path) -> Any:
        part.write_bytes(text.encode())
        shutil.copymode(target, part)

    CheckpointFolder(target.parent).place(target.name, make)
