"""The errors a user can meet, and the one place where each gets its exit code.

Every message says what was expected and what came; the hint says what to do next. Anything that is
not an :class:`NnlabError` is translated by :func:`describe`, so the command line never shows a
traceback unless it is asked to (``-v``).
"""

from __future__ import annotations

import enum
import errno
import traceback
from dataclasses import dataclass
from pathlib import Path


class ExitCode(enum.IntEnum):
    """Exit codes of every command; scripts rely on them."""

    DONE = 0
    DEFECT = 1
    USAGE = 2
    DATA = 3
    RESOURCES = 4
    INTERRUPTED = 130


class NnlabError(Exception):
    """An error with a message for the user, a hint (what to do next) and an exit code."""

    exit_code = ExitCode.DEFECT

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(NnlabError):
    """Options that do not fit together, or a run folder that cannot be used as asked."""

    exit_code = ExitCode.USAGE


class InputError(NnlabError):
    """The user's own data cannot be read; names the file and the line where there is one."""

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, hint: str = "", *, path: Path | None = None, line: int | None = None) -> None:
        place = "" if path is None else f"{path}: " if line is None else f"{path}:{line}: "
        super().__init__(place + message, hint)


class DataUnavailable(NnlabError):
    """A data set that cannot be had: missing, offline, or with the wrong checksum."""

    exit_code = ExitCode.DATA


class NotReproduced(NnlabError):
    """``nnlab runs verify`` found a difference: repeatability is promised, so this is a defect."""

    exit_code = ExitCode.DEFECT


@dataclass(frozen=True)
class Description:
    """What the user is told of an error, on stderr and in the JSON document."""

    exit_code: ExitCode
    type: str
    message: str
    hint: str = ""

    def line(self) -> str:
        """The error as one line: what was expected, what came, what to do next."""
        text = " ".join(self.message.split()).rstrip(".")
        end = "" if text.endswith(("?", "!")) else "."
        return f"{text}{end} {' '.join(self.hint.split())}".strip() if self.hint else text

    def record(self) -> dict[str, str]:
        """The ``error`` member of the JSON document."""
        return {"type": self.type, "message": self.message, "hint": self.hint}


def describe(error: BaseException) -> Description:
    """Translate any exception into what the user is told and the exit code of the process."""
    name = type(error).__name__
    if isinstance(error, NnlabError):
        return Description(error.exit_code, name, error.message, error.hint)
    if isinstance(error, KeyboardInterrupt):
        return Description(ExitCode.INTERRUPTED, "Interrupted", "interrupted")
    # Keras and TensorFlow raise their own type when an allocation fails; JAX raises a RuntimeError.
    if isinstance(error, MemoryError) or name == "ResourceExhaustedError" or "RESOURCE_EXHAUSTED" in str(error)[:400]:
        return Description(
            ExitCode.RESOURCES, "OutOfMemory", "out of memory", "Try a smaller --batch-size or fewer --samples"
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return Description(
            ExitCode.RESOURCES,
            "OutOfDisk",
            f"no space left on the disk that holds {error.filename or 'the run folder'}",
            "Free some space",
        )
    if isinstance(error, PermissionError):
        return Description(
            ExitCode.USAGE,
            "PermissionDenied",
            f"{error.filename}: permission denied",
            "Choose a place that this user may read and write",
        )
    return Description(
        ExitCode.DEFECT,
        name,
        f"this is a defect of nnlab: {name} at {place_of(error)}: {' '.join(str(error).split())[:300]}",
        "Run again with -v for the traceback, and report it",
    )


def place_of(error: BaseException) -> str:
    """``file.py:line`` of the innermost frame inside nnlab, or of the innermost frame at all."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "an unknown place"
    home = str(Path(__file__).parent)
    ours = [frame for frame in frames if frame.filename.startswith(home)]
    frame = (ours or frames)[-1]
    path = Path(frame.filename)
    shown = path.relative_to(Path(home).parent) if ours else path.name
    return f"{shown}:{frame.lineno}"
