"""The folder of nnlab's own on a user's machine: downloads, what was decoded, programs compiled for a GPU.

All of it can be deleted at any time, and comes back when it is needed.
"""

from __future__ import annotations

import functools
import os
import stat
import tempfile
from pathlib import Path


def folder() -> Path:
    """Where nnlab keeps what it would else fetch or make again; it need not be there yet.

    ``NNLAB_CACHE``, else the user's folder for such (``~/.cache/nnlab``), else, for users without a home or with one
    that is read-only, one among the temporary files.
    """
    named = os.environ.get("NNLAB_CACHE")
    if named:
        return Path(os.path.expanduser(named))
    import pooch  # type: ignore[import-untyped]

    try:
        usual = Path(pooch.os_cache("nnlab"))
    except RuntimeError:  # no home at all
        return _temporary()
    return usual if _can_be_made(usual) else _temporary()


def private(name: str) -> Path | None:
    """A folder of the cache for what is run as code: made for this user alone; None where others can write it."""
    path = folder() / name
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        above = path.parent.stat().st_mode
        replaceable = above & 0o022 and not above & stat.S_ISVTX  # others could put a folder of theirs in its place
        return path if _is_private(path) and not replaceable else None
    except OSError:
        return None


def _is_private(path: Path) -> bool:
    """Whether a folder is this user's, and no link, and nobody else can write it."""
    status = os.lstat(path)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == _user() and not status.st_mode & 0o022


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def _can_be_made(path: Path) -> bool:
    """Whether a folder is there, or can be made where the user has a home (root could make any, also /nonexistent)."""
    if path.is_dir():
        return True
    has_home = os.environ.get("XDG_CACHE_HOME") or os.path.isdir(os.path.expanduser("~"))
    above = next((parent for parent in path.parents if parent.exists()), path)
    return bool(has_home) and path.is_absolute() and os.access(above, os.W_OK | os.X_OK)


@functools.lru_cache(maxsize=1)
def _temporary() -> Path:
    """A folder among the temporary files that only this user can write."""
    path = Path(f"nnlab-{_user()}")
    try:
        path = Path(tempfile.gettempdir()) / path
        path.mkdir(mode=0o700, exist_ok=True)
        return path if _is_private(path) else Path(tempfile.mkdtemp(prefix="nnlab-"))
    except OSError:  # nothing can be written: nothing is kept
        return path
