"""A folder whose files are written whole or not at all, and the checkpoint in it: what training needs of a run folder.

Every file is written beside its place and then renamed, so a reader (or a later process, after
``kill -9``) sees the old file or the new one, never half of one.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlab.errors import InputError, UsageError
from nnlab.output import untrusted
from nnlab.output.terminal import quoted

if TYPE_CHECKING:
    import numpy as np

CHECKPOINT = "checkpoint"


class CheckpointFolder:
    """A folder on disk with a checkpoint in it; a :class:`nnlab.training.task.Store`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, content: bytes) -> Path:
        """Write a file atomically: beside its place, to the disk, then renamed."""
        return self.place(name, lambda temporary: temporary.write_bytes(content))

    def place(self, name: str, write: Callable[[Path], Any]) -> Path:
        """Like :meth:`write`, for a writer that wants a path; a failed write leaves nothing behind.

        The folder may be anybody's: no link in it is followed. Raises UsageError where one leads out of it.
        """
        target = self.path / name
        self._make_parents(target.parent)
        temporary = target.with_name(f".{target.stem}.{secrets.token_hex(4)}.part{target.suffix}")
        try:
            write(temporary)
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, target)  # a link in its place is replaced, not followed
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        return target

    def _make_parents(self, parent: Path) -> None:
        """The folder of a file inside this folder. UsageError where a link stands for it."""
        inside = [folder for folder in (parent, *parent.parents) if self.path in folder.parents]
        for folder in reversed(inside):
            if folder.is_symlink():
                raise linked(folder)
        parent.mkdir(parents=True, exist_ok=True)

    # ---- checkpoints -----------------------------------------------------------------------------

    def save_arrays(self, name: str, arrays: Mapping[str, np.ndarray[Any, Any]], meta: dict[str, Any]) -> None:
        """Save named arrays and a JSON record as one file of the checkpoint, atomically."""
        import numpy as np

        text = np.frombuffer(json.dumps(meta).encode(), np.uint8)
        with io.BytesIO() as buffer:
            np.savez(buffer, allow_pickle=False, **{"meta.json": text}, **dict(arrays))
            self.write(f"{CHECKPOINT}/{name}.npz", buffer.getvalue())

    def load_arrays(self, name: str) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, Any]] | None:
        """What :meth:`save_arrays` saved, or None where there is none. Never unpickles, never unpacks.

        InputError says what to delete where it cannot be read.
        """
        path = self.path / CHECKPOINT / f"{name}.npz"
        if not path.exists():
            return None
        try:
            arrays = untrusted.read_arrays(path)
            meta = json.loads(arrays.pop("meta.json").tobytes())
            if not isinstance(meta, dict):
                raise ValueError("its record is none")
        except untrusted.UNREADABLE as error:
            raise self._damaged(name, error) from error
        return arrays, meta

    @contextmanager
    def restoring(self, name: str) -> Iterator[None]:
        """Within, what is wrong with what :meth:`load_arrays` gave is an InputError that says what to delete."""
        try:
            yield
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise self._damaged(name, error) from error

    def _damaged(self, name: str, error: Exception) -> InputError:
        path = self.path / CHECKPOINT / f"{name}.npz"
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        return InputError(
            f"the checkpoint cannot be read: {reason}",
            f"Delete it (rm {quoted(path)}): its run is then trained from its beginning",
            path=path,
        )

    def has_arrays(self, name: str) -> bool:
        """Whether there is a file of that name in the checkpoint."""
        return (self.path / CHECKPOINT / f"{name}.npz").is_file()

    def drop_checkpoint(self, name: str | None = None) -> None:
        """Delete one file of the checkpoint, or all of it once the run is done; no link is followed."""
        if (self.path / CHECKPOINT).is_symlink():
            return
        if name is not None:
            (self.path / CHECKPOINT / f"{name}.npz").unlink(missing_ok=True)
        else:
            shutil.rmtree(self.path / CHECKPOINT, ignore_errors=True)


def linked(path: Path) -> UsageError:
    """The error of a link in a run folder, where nnlab makes none."""
    return UsageError(
        f"expected no link, {path} is one to {os.readlink(path)}", "Do not write into a run folder you do not trust"
    )
