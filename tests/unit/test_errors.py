"""Every kind of error has its exit code, mapped in one place."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from nnlab.errors import DataUnavailable, ExitCode, InputError, NotReproduced, UsageError, describe


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("a"), ExitCode.USAGE),
        (InputError("a"), ExitCode.USAGE),
        (DataUnavailable("a"), ExitCode.DATA),
        (NotReproduced("a"), ExitCode.DEFECT),
        (MemoryError(), ExitCode.RESOURCES),
        (type("ResourceExhaustedError", (Exception,), {})("OOM"), ExitCode.RESOURCES),
        (RuntimeError("RESOURCE_EXHAUSTED: out of memory"), ExitCode.RESOURCES),
        (OSError(errno.ENOSPC, "No space left on device", "x"), ExitCode.RESOURCES),
        (PermissionError(errno.EACCES, "Permission denied", "x"), ExitCode.USAGE),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (ZeroDivisionError("x"), ExitCode.DEFECT),
    ],
)
def test_exit_codes(error, code):
    assert describe(error).exit_code == code


def test_an_error_is_one_line_with_message_and_hint():
    told = describe(InputError("expected\na sum", "Write one", path=Path("sums.txt"), line=3))
    assert told.line() == "sums.txt:3: expected a sum. Write one"
    assert told.record() == {"type": "InputError", "message": "sums.txt:3: expected\na sum", "hint": "Write one"}


def test_a_defect_names_its_place_in_nnlab():
    from nnlab.data import arithmetic

    with pytest.raises(KeyError) as caught:
        arithmetic.parse("1+1", "power", 3)
    assert "KeyError at nnlab/data/arithmetic.py:" in describe(caught.value).message
