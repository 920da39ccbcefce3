"""Rows of a Markdown file that are written from runs: which rows they are, and what of them stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnlab.commands.results_file import write_rows
from nnlab.errors import InputError, UsageError

RUN = {"command": "`nnlab arith`", "seeds": "0", "exact match": "98 %"}
HEAD = "| command | exact match | chrF | remark |\n| --- | --- | --- | --- |\n"


def written(tmp_path, text, *runs):
    place = tmp_path / "r.md"
    place.write_bytes(text.encode())
    _, told = write_rows(place, runs or [RUN], lambda head: head in ("exact match", "chrF"))
    return place.read_bytes().decode(), told


@pytest.mark.parametrize(
    ("row", "made"),
    [
        ("| `nnlab arith` | 1 | 2 | mine |", "| `nnlab arith` | 98 % | – | mine |"),
        ("| `nnlab arith` | 1 | 2 | no bar", "| `nnlab arith` | 98 % | – | no bar |"),
        ("| `nnlab arith` |", "| `nnlab arith` | 98 % | – |  |"),
        ("| `nnlab arith` | 1 | 2 | a \\| b | more |", "| `nnlab arith` | 98 % | – | a \\| b | more |"),
        ("  |`nnlab arith`|98 %|–|as it is|\r", "  |`nnlab arith`|98 %|–|as it is|\r"),  # nothing of it is new
    ],
)
def test_a_row_keeps_what_is_not_of_the_run(tmp_path, row, made):
    others = "| `nnlab arith --op sub` | 1 | 2 | |\n"
    text, [told] = written(tmp_path, f"\ufeff{HEAD}{others}{row}\n\nEnd")
    assert text == f"\ufeff{HEAD}{others}{made}\n\nEnd"
    assert told.endswith("r.md, line 4: no column for seeds")


@pytest.mark.parametrize(
    "hidden",
    [
        f"```\n{HEAD}| `nnlab arith` | 1 |\n```\n",
        f"~~~ text\n```\n{HEAD}| `nnlab arith` | 1 |\n~~~\n",
        f"<!--\n{HEAD}| `nnlab arith` | 1 |\n-->\n",
        f"below <!-- so\n{HEAD}| `nnlab arith` | 1 |\n-->\n",
        f"````\n```\n{HEAD}| `nnlab arith` | 1 |\n````\n",
        "```x``` is no block of code\n",
        "| command | seconds |\n| --- | --- |\n| `nnlab arith` | 7 |\n",  # a table without a figure of runs
        f"{HEAD}\n| `nnlab arith` | 1 |\n",  # no longer of the table
    ],
)
def test_what_is_no_row_of_runs_stays(tmp_path, hidden):
    text, _ = written(tmp_path, f"{hidden}\n{HEAD}| `nnlab arith` | 1 |\n")
    assert text == f"{hidden}\n{HEAD}| `nnlab arith` | 98 % | – |  |\n"
    with pytest.raises(UsageError, match="there is none"):
        written(tmp_path, hidden)


def test_two_rows_of_a_command_are_refused(tmp_path):
    both = f"{HEAD}| `nnlab arith` | 1 |\n\n{HEAD}| `nnlab arith` | 2 |\n"
    with pytest.raises(UsageError, match="lines 3 and 7"):
        written(tmp_path, both)
    assert (tmp_path / "r.md").read_text() == both


def test_what_is_no_text_is_refused(tmp_path):
    (tmp_path / "r.md").write_bytes(b"\xff\xfe|")
    for place in (tmp_path / "r.md", tmp_path, tmp_path / "none", Path("/dev/null")):
        with pytest.raises(InputError):
            write_rows(place, [RUN], bool)
