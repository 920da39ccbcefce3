"""Files of sums: read with or without answers, or refused with the line and what to do."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

from nnlab.data.sums import sum_files
from nnlab.errors import InputError, UsageError


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_of_sums(tmp_path, encoding):
    path = tmp_path / "sums.txt"
    lines = [f"{a}+{a + 7}={2 * a + 7}" for a in range(30)]
    path.write_text("\n".join([*lines, "", "9+3", "7+0="]) + "\n", encoding=encoding, newline="\r\n")
    read = sum_files.read_file(path, "add", 2, None)
    assert len(read) == 31  # 7+0 is 0+7 again
    assert read.question(0) == "0+7"
    assert "1 line repeats a question (a+b and b+a are one) and was dropped" in read.notes
    assert ("read as UTF-16" in read.notes) == (encoding == "utf-16")
    assert (read.origin, read.size) == (str(path), path.stat().st_size)
    assert len(sum_files.read_file(path, "add", 2, 25)) == 25
    with pytest.raises(UsageError, match="has 31 different questions, --samples asks for 32"):
        sum_files.read_file(path, "add", 2, 32)


def test_sums_as_worksheets_have_them(tmp_path):
    """An en dash for the sign, full-width digits, and all that stands for an open answer."""
    ends = ["=", "=?", " = ___", "=…", "", "=00{}", "＝{}"]
    lines = [f"{k + 40}–{k}{ends[k % len(ends)].format(40)}" for k in range(30)]
    (tmp_path / "sums.txt").write_text("\n".join([*lines, "４１－１＝４０", "1-41"]))
    read = sum_files.read_file(tmp_path / "sums.txt", "sub", 3, None)
    assert (read.left - read.right).tolist() == [40] * 30
    assert "2 lines repeat a question (a-b and b-a are one) and were dropped" in read.notes


def test_a_file_of_long_sums(tmp_path):
    path = tmp_path / "sums.txt"
    path.write_text("".join(f"{10**80 + n}-{n}={10**80}\n" for n in range(20)))
    read = sum_files.read_file(path, "sub", 100, None)
    assert set(read.answer.tolist()) == {10**80}
    assert read[np.arange(3)].question(2) == f"{10**80 + 2}-2"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("1+1=02\n1+1=?\n1＋１＝２\n1+1=3\n".encode(), r"sums\.txt:4: 1\+1 is 2, not '3'"),
        (b"1+1=2\n1+1=3\n", r"sums\.txt:2: 1\+1 is 2, not '3'"),
        (b"1+1\n\nx\n", r"sums\.txt:3: expected a question"),
        (b"1+1\r2+2\rx", r"sums\.txt:3: expected a question"),
        (b"1+1\x0c2+2\n", r"sums\.txt:1: expected a question"),
        (b"1+1\n", "at least 20 different questions, got 1"),
        (b"", "at least 20 different questions, got 0"),
        (b"1+1\n2\xff\xfe", r"sums\.txt:2: expected UTF-8, byte 2 of the line is 0xff"),
        (b"1+1=" + b"9" * 5000, r"sums\.txt:1: 1\+1 is 2, not '9{59}…'"),
        (b"PK\3\4xl/", "it is an Excel workbook"),
    ],
)
def test_a_bad_file_is_named_with_its_line(tmp_path, content, says):
    path = tmp_path / "sums.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=says):
        sum_files.read_file(path, "add", 3, None)
    with pytest.raises(InputError, match="it is a folder"):
        sum_files.read_file(tmp_path, "add", 3, None)


@pytest.mark.parametrize(("digits", "told"), [(2, []), (5, ["no number has more than 2 digits: use --digits 2"])])
def test_that_no_number_is_as_long_as_it_may_be_is_told(tmp_path, digits, told):
    (tmp_path / "sums.txt").write_text("\n".join(f"{number}+{number + 1}" for number in range(8, 98)))
    read = sum_files.read_file(tmp_path / "sums.txt", "add", digits, None)
    assert (len(read), list(read.notes)) == (90, told)


@pytest.mark.parametrize(
    ("lines", "op", "hint"),
    [
        (["28-30=-2"], "add", "This sign is for --op sub"),
        (["28 × 3 = 84"], "add", "This sign is for --op mul"),
        (["28 x 3"], "sub", "This sign is for --op mul"),
        (["forty"], "sub", "One question per line, like 12-34 or 12-34=-22"),
        (["1,5+2"], "add", "One question per line, like 12+34 or 12+34=46"),
        (["a,b", "c,d"], "mul", "One question per line, like 12*34 or 12*34=408"),
    ],
)
def test_the_next_step_of_a_line_that_is_no_question(tmp_path, lines, op, hint):
    path = tmp_path / "sums.txt"
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"sums\.txt:1: expected a question like") as caught:
        sum_files.read_file(path, op, 3, None)
    assert caught.value.hint == hint


@pytest.mark.skipif(not shutil.which("awk"), reason="no awk on this machine")
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("made", ["{a} - {c}{s}{b}", '"{a}-{c}"{s}"{b}"', "{a}{s}{c}{s}{b}", "{a}{s}{c}"])
@pytest.mark.parametrize("names", ["", "question{s}answer\r\n"])
def test_the_advice_for_a_table_makes_sums_of_it(tmp_path, made, separator, names):
    path = tmp_path / "it's.csv"
    rows = "".join(made.format(a=a, c=a + 7, b=-7, s=separator) + "\r\n" for a in range(30))
    path.write_text(names.format(s=separator) + rows, newline="")
    with pytest.raises(InputError) as caught:
        sum_files.read_file(path, "sub", 2, None)
    subprocess.run(["sh", "-c", caught.value.hint.partition(": ")[2]], cwd=tmp_path, check=True)
    read = sum_files.read_file(tmp_path / "NEW", "sub", 2, None)
    assert read.question(3) == "3-10"
    assert len(read) == 30
