"""The errors a user can meet, and the one place where each gets its exit code.

Every message says what was expected and what came; the hint says what to do next. Anything that is
not an :class:`NnlabError` is translated by :func:`describe`, so the command line never shows a
traceback unless it is asked to (``-v``).
"""

from __future__ import annotations

import enum
import errno
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Have an OSError within tell of ``path``, not of what is written beside it first and given its name then."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def about(path: Path) -> Iterator[None]:
    """Have a UsageError be an InputError that names a file: what is wrong stands in it."""
    try:
        yield
    except UsageError as error:
        raise InputError(error.message, error.hint, path=path) from error


class DataUnavailable(NnlabError):
    """A data set that cannot be had: missing, offline, or with the wrong checksum."""

    exit_code = ExitCode.DATA


class FolderGone(NnlabError):
    """The run folder was moved or deleted while its run was at work."""

    exit_code = ExitCode.RESOURCES


class NotReproduced(NnlabError):
    """``nnlab runs verify`` found a difference: repeatability is promised, so this is a defect."""

    exit_code = ExitCode.DEFECT


def unreadable(path: Path, error: OSError, damaged: str) -> InputError:
    """The error of a file of a run folder that cannot be read; ``damaged`` is the hint where its content is why.

    Raises ``error`` itself where the disk or the machine is why.
    """
    if describe(error).exit_code == ExitCode.RESOURCES:
        raise error
    hint = damaged
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        hint = "It was moved or deleted: put it back, or name the folder where it is now"
    elif isinstance(error, PermissionError):
        hint = "Allow this user to read it"
    return InputError(f"cannot be read: {(error.strerror or str(error)).lower()}", hint, path=path)


@dataclass(frozen=True)
class Description:
    """What the user is told of an error, on stderr and in the JSON document."""

    exit_code: ExitCode
    type: str
    message: str
    hint: str = ""

    def line(self) -> str:
        """The error as one line: what was expected, what came, what to do next. Spaces stay: they may be of a path."""
        text, hint = (" ".join(filter(None, map(str.strip, told.splitlines()))) for told in (self.message, self.hint))
        text = text.rstrip(".")
        end = "" if text.endswith(("?", "!")) else "."
        return f"{text}{end} {hint}" if hint else text

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
    if isinstance(error, OSError) and (told := _of_the_machine(error)):
        return told
    return Description(
        ExitCode.DEFECT,
        name,
        f"this is a defect of nnlab: {name} at {place_of(error)}: {' '.join(str(error).split())[:300]}",
        "Run again with -v for the traceback, and report it",
    )


def _of_the_machine(error: OSError) -> Description | None:
    """What is wrong with a file, a folder or the disk; None where it is nothing of the kind."""
    named = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    reason = (error.strerror or "").lower()
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        where = named or "the run folder"
        return Description(
            ExitCode.RESOURCES, "OutOfDisk", f"no space left on the disk that holds {where}", "Free some space"
        )
    if error.errno in (errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO):
        return Description(ExitCode.RESOURCES, "DiskError", f"{named or 'the disk'}: {reason}", "Check the disk")
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return Description(
            ExitCode.RESOURCES, "TooManyFiles", "too many files are open", "Raise the limit: ulimit -n 4096"
        )
    if not named or named.startswith(str(Path(__file__).parent)):
        return None
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        hint = "Choose a place that this user may read and write"
        return Description(ExitCode.USAGE, "PermissionDenied", f"{named}: {reason}", hint)
    return Description(ExitCode.USAGE, "FileError", f"{named}: {reason}", "Check this path, or name another")


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


# ---- what to install ---------------------------------------------------------------------------------

DISTRIBUTION = "nnlab-cli"  # the name in the package index, where "nnlab" is something else


def install_hint(extra: str = "") -> str:
    """The command that adds an extra (``gpu``, ``jax``, ``ray``, ``onnx`` …) to this installation of nnlab.

    Without one, the command that completes the installation. It installs from where nnlab came from: the package
    index, a repository, or a folder.
    """
    import importlib.util
    import shlex
    import shutil
    import sys

    prefix, folder, url = Path(sys.prefix), *_origin()
    if folder is not None and prefix.resolve() == folder / ".venv" and _made_by_uv(prefix):
        sync = f"{'uv' if shutil.which('uv') else 'python3 -m uv'} sync --inexact"
        return f"{sync} --extra {extra}" if extra else sync
    extras = f"[{extra}]" if extra else ""
    requirement = f"{DISTRIBUTION}{extras} @ {url}" if url else f"{DISTRIBUTION}{extras}"
    wanted = f"'{requirement}'" if folder is None else f"-e '{folder}{extras}'"
    if (prefix / "pipx_metadata.json").is_file():
        return f"pipx install --force {wanted}"
    if (prefix / "uv-receipt.toml").is_file():
        return f"uv tool install --force {wanted}"
    if importlib.util.find_spec("pip") is None:  # as in the environments that uv makes
        return f"uv pip install --python {shlex.quote(sys.executable)} {wanted}"
    on_path = shutil.which("pip")
    same = on_path is not None and Path(on_path).parent == Path(sys.executable).parent
    return f"{'pip' if same else f'{shlex.quote(sys.executable)} -m pip'} install {wanted}"


def _origin() -> tuple[Path | None, str]:
    """(folder nnlab is edited in, URL it was installed from); None and empty where it came from the index."""
    import importlib.metadata
    import json
    from urllib.parse import unquote, urlsplit

    checkout = Path(__file__).resolve().parent.parent
    try:
        recorded = importlib.metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
        origin = json.loads(recorded) if recorded else {}
        url = str(origin.get("url", ""))
    except (importlib.metadata.PackageNotFoundError, OSError, ValueError, AttributeError):
        return (checkout, "") if (checkout / "pyproject.toml").is_file() else (None, "")
    if origin.get("dir_info", {}).get("editable"):
        return Path(unquote(urlsplit(url).path)), ""
    return None, f"{origin['vcs_info']['vcs']}+{url}" if "vcs_info" in origin else url


def _made_by_uv(environment: Path) -> bool:
    try:
        return "\nuv = " in "\n" + (environment / "pyvenv.cfg").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
