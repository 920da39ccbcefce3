"""What stands at a path that a user named where it is no file: said before it is opened, as a pipe is waited for."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

SAVE = "Save its contents as a file"


def kind_of(mode: int) -> str:
    """What a mode of ``os.stat`` says; empty for a regular file."""
    kinds = {stat.S_IFREG: "", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def no_file(path: Path) -> tuple[str, str] | None:
    """(message, hint) of an error where an input of ``predict`` is something else; None for a file, or for nothing."""
    try:
        kind = kind_of(os.stat(path).st_mode)
    except (OSError, ValueError):  # whoever opens it says why it cannot be
        return None
    if not kind:
        return None
    hint = f"Give the files in it: nnlab predict RUN {shlex.quote(str(path))}/*" if kind == "a folder" else SAVE
    return f"expected a file, it is {kind}", hint
