"""Files that ``predict`` writes: whole or not at all, under a name that is free."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from nnlab.errors import ExitCode, NnlabError, UsageError

OF_THE_PLACE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)


def give_name(part: Path, target: Path) -> bool:
    """Give a file that is complete its name; False where there is one of that name, also of a process beside."""
    try:
        os.link(part, target)
    except FileExistsError:
        return False
    except OSError:  # a disk without links
        if target.exists():
            return False
        os.replace(part, target)
    return True


class NotWritten(NnlabError):
    """The disk is full or broken: the answers to other inputs stay."""

    exit_code = ExitCode.RESOURCES


class OutputFiles:
    """Where the files that ``predict`` writes go: beside each input, or into one folder; never over another file."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def write(self, path: Path, suffix: str, ending: str, write: Callable[[Path], Any]) -> str:
        """Write an input's output, whole or not at all, as ``NAME-suffix``, with a number where there is one; its path.

        ``write`` is given a path. A folder that was made for it goes where that fails. Raises UsageError where
        ``--out`` is a file or cannot be written, NotWritten where the disk is full.
        """
        folder = self.folder or path.parent
        made: list[Path] = []
        target = None
        try:
            if self.folder is not None:
                if folder.exists() and not folder.is_dir():
                    raise UsageError(f"expected a folder for --out, got the file {folder}", "Choose another --out")
                made = [each for each in (folder, *folder.parents) if not each.exists()]
            for each in reversed(made):
                each.mkdir(exist_ok=True)
            target = _written(folder, f"{path.stem}-{suffix}", ending, write)
            return str(target)
        except OSError as error:
            raise self._told(error, folder) from error
        finally:
            for each in made if target is None else []:
                with suppress(OSError):  # of another process, which has written into it meanwhile
                    each.rmdir()

    def _told(self, error: OSError, folder: Path) -> Exception:
        """The error by the name that the user gave, not by those of parts; as it is where it is not of the place."""
        place = str(folder) if self.folder is None else f"--out {folder}"
        hint = "Name another folder with --out" if self.folder is None else "Choose another --out"
        reason = (error.strerror or "").lower()
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return NotWritten(f"no space left on the disk that holds {place}", f"Free some space. {hint}")
        if error.errno == errno.EFBIG:
            return NotWritten(
                f"a file in {place} would be larger than this process may write", "Raise the limit: ulimit -f unlimited"
            )
        if error.errno in (errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO):
            return NotWritten(f"{place}: {reason}", f"Check the disk. {hint}")
        return UsageError(f"{place}: {reason}", hint) if error.errno in OF_THE_PLACE else error


def _written(folder: Path, name: str, ending: str, write: Callable[[Path], Any]) -> Path:
    """The file that ``write`` makes, under the first free name."""
    part = folder / f".{secrets.token_hex(6)}.part{ending}"
    try:
        write(part)
        for more in ("", *(f"-{number}" for number in range(2, 100_000))):
            target = folder / f"{name}{more}{ending}"
            if give_name(part, target):
                return target
        raise UsageError(f"expected a free name for {name}{ending} in {folder}", "Choose another --out")
    finally:
        with suppress(OSError):  # read-only: there is none, and the error to tell is that
            part.unlink()
