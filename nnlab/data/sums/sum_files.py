"""Sums of a user's own, one per line: ``12+34`` or ``12+34=46``."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

from nnlab.data.characters import shown
from nnlab.data.sums.arithmetic import PLAIN, SIGNS, TYPED_SIGNS, Sums, parse
from nnlab.data.texts.textfile import open_text
from nnlab.errors import InputError, UsageError

LEAST = 20  # questions in a file
NUMBER = re.compile(r"\s*-?\d+\s*", re.ASCII)
LEADING_ZEROS = re.compile(r"^(-?)0+(?=\d)", re.ASCII)
OPEN = " \t?_.…"  # what stands for an answer that is asked for


def read_file(path: Path, op: str, digits: int, samples: int | None) -> Sums:
    """Questions from a user's file, one per line (``12+34`` or ``12+34=46``); blank lines are skipped.

    Repeats and mirrored questions are dropped; that no number has as many as ``digits`` digits is told. ``samples``:
    the first so many; None: all. Raises InputError with the file and the line where one is no question or its answer
    is wrong, UsageError where there are fewer than asked for.
    """
    text = open_text(path)
    pairs: dict[tuple[int, int], tuple[int, int]] = {}
    repeated = 0
    lines = enumerate(text.lines(), 1)
    for number, line in lines:
        if not line.strip():
            continue
        question, _, claimed = line.translate(TYPED_SIGNS).partition("=")
        try:
            left, right = map(int, parse(question, op, digits))
        except InputError as error:
            following = next(lines, (0, ""))[1]
            hint = _conversion(line, following, op, path) or (_written(op) if error.hint == PLAIN else error.hint)
            raise InputError(error.message, hint, path=path, line=number) from error
        truth = str(Sums.of(op, [(left, right)]).answer[0])
        if claimed.strip(OPEN) and LEADING_ZEROS.sub(r"\1", claimed.strip()) != truth:
            message = f"{shown(question)[1:-1]} is {truth}, not {shown(claimed)}"
            raise InputError(message, "Correct the line", path=path, line=number)
        repeated += (min(left, right), max(left, right)) in pairs
        pairs.setdefault((min(left, right), max(left, right)), (left, right))
    if samples is not None and samples > len(pairs):
        raise UsageError(
            f"{path} has {len(pairs):,} different questions, --samples asks for {samples:,}", "Ask for fewer"
        )
    if len(pairs) < LEAST:
        raise InputError(
            f"expected at least {LEAST} different questions, got {len(pairs)}", f"Add some. {_written(op)}", path=path
        )
    what = "1 line repeats" if repeated == 1 else f"{repeated:,} lines repeat"
    was = "was" if repeated == 1 else "were"
    dropped = f"{what} a question (a{SIGNS[op]}b and b{SIGNS[op]}a are one) and {was} dropped" if repeated else ""
    longest = max(len(str(number)) for pair in pairs for number in pair)
    shorter = f"no number has more than {longest} digit{'s' * (longest != 1)}: use --digits {longest}"
    notes = tuple(filter(None, (text.note, dropped, shorter if longest < digits else "")))
    return replace(Sums.of(op, list(pairs.values())[:samples]), origin=str(path), size=text.size, notes=notes)


def _written(op: str) -> str:
    """How questions are written."""
    return f"One question per line, like 12{SIGNS[op]}34 or 12{SIGNS[op]}34={Sums.of(op, [(12, 34)]).answer[0]}"


def _conversion(line: str, following: str, op: str, path: Path) -> str:
    """The command that makes sums of a table, of which two lines are given; empty where they are of none."""
    separator = next((separator for separator in ("\t", ";", ",") if separator in line), "")
    if not separator:
        return ""
    names = not any(map(str.isdigit, line))
    fields = [field.strip(' "') for field in (following if names else line).split(separator)]
    sign, numbers = SIGNS[op], [NUMBER.fullmatch(field) is not None for field in fields]
    if len(fields) in (2, 3) and all(numbers):
        made = f'$1 "{sign}" $2' + (' "=" $3' if len(fields) == 3 else "")
    elif len(fields) == 2 and numbers[1] and all(map(NUMBER.fullmatch, fields[0].translate(TYPED_SIGNS).split(sign))):
        made = '$1 "=" $2'
    else:
        return ""
    delimiter = "\\t" if separator == "\t" else separator
    rows = "NR>1 " if names else ""
    table = f"tr -d '\"\\r' < {shlex.quote(str(path))}"
    return f"Make sums of its columns: {table} | awk -F'{delimiter}' '{rows}{{print {made}}}' > NEW"
