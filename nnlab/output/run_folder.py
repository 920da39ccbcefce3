"""The run folder: what a command leaves, and the only writer into it.

Every file is written whole or not at all (:mod:`nnlab.output.checkpoint`)::

    config.json  data.json  environment.json  metrics.csv  results.json  console.txt  model.keras
    preprocessing.json (what predict needs of the data)  trained_on.npy  parent/ (with --from)
    figures/*.png  audio/*.wav  checkpoint/ (until the run is done)

Nothing in a run folder is ever executed: arrays are read without pickle and of ``model.keras`` only
the weights are used (see :mod:`nnlab.models.saved_weights`). A run folder may be anybody's: no link in it is followed
by what is written or deleted, and what is read is bounded in size.
"""

from __future__ import annotations

import csv
import errno
import io
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import filelock

from nnlab.errors import FolderGone, InputError, UsageError
from nnlab.evaluation.intervals import flat_figures, is_figure
from nnlab.output import untrusted
from nnlab.output.checkpoint import CheckpointFolder, linked
from nnlab.output.document import FORMAT, dumps
from nnlab.output.terminal import quoted

LOCK = ".lock"
TRAINED_ON = "trained_on.npy"  # keys of what the network was trained on, and its ancestors
SWEEP = "sweep.json"  # the record of a sweep, in the folder that holds its runs
PARENT = "parent"  # what a run that started from another's weights keeps of it
BEGUN = ("data.json", "preprocessing.json", TRAINED_ON, LOCK)  # written before config.json makes it a run
KEPT_OF_PARENT = ("model.keras", "preprocessing.json", TRAINED_ON)
FULL = (errno.ENOSPC, errno.EDQUOT)


class RunFolder(CheckpointFolder):
    """One run's folder on disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._new = False  # whether :meth:`create` made it, or found it empty: what is in it is then this process's
        self._folders: list[Path] = []  # that :meth:`create` made, the innermost first
        self._begun = ""  # the command of the run, once its record was written or read

    # ---- making and opening ----------------------------------------------------------------------

    @classmethod
    def create(cls, command: str, out: Path | None) -> RunFolder:
        """A new folder: ``out``, or ``runs/COMMAND-DATE-TIME``. Raises UsageError where it cannot be."""
        try:
            if out is not None and out.is_dir() and any(out.iterdir()) and not only_begun(out):
                hint = "Choose another --out, or go on with it: --resume" if is_run(out) else "Choose another --out"
                raise UsageError(f"expected a new or empty folder for --out, got {out}, which has files in it", hint)
            if out is not None and out.exists() and not out.is_dir():
                raise UsageError(f"expected a folder for --out, got the file {out}", "Choose another --out")
            made = _missing(out or Path("runs"))
            if out is None:
                out = _new_folder(command)
                made.insert(0, out)
            out.mkdir(parents=True, exist_ok=True)
            probe = out / f".{secrets.token_hex(4)}.probe"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            if error.errno in FULL:
                raise
            reason = (error.strerror or str(error)).lower()
            raise UsageError(
                f"cannot write into {out or 'runs'}: {reason}", "Choose a folder that can be written"
            ) from error
        folder = cls(out)
        folder._new, folder._folders = True, made
        return folder

    @classmethod
    def open(cls, path: Path, command: str | None = None) -> Self:
        """An existing folder, of ``command`` if given. Raises UsageError where it is not one."""
        if not path.is_dir():
            found = "a file" if path.exists() else "nothing"
            raise UsageError(f"expected a run folder, found {found} at {path}", "See them all: nnlab runs")
        if not is_run(path):
            if (path / SWEEP).is_file():
                raise UsageError(f"expected one run, {path} holds those of a sweep", f"Name one: {path}/…")
            empty = "an empty folder" if not any(path.iterdir()) else "a folder without config.json"
            raise UsageError(f"expected a run folder, {path} is {empty}", "See them all: nnlab runs")
        folder = cls(path)
        config = folder.read_json("config.json")
        schema, made_by = config.get("schema"), config.get("command")
        if not isinstance(schema, int) or isinstance(schema, bool) or schema > FORMAT:
            raise UsageError(
                f"{path} has format {schema}, this nnlab reads format {FORMAT}: it was written by a newer version",
                "Upgrade nnlab",
            )
        if schema < FORMAT:
            raise UsageError(
                f"{path} has format {schema}, from before nnlab 0.1.0; this nnlab reads format {FORMAT}",
                "Run the experiment again",
            )
        if not isinstance(config.get("config"), dict) or not isinstance(made_by, str):
            raise UsageError(f"{path / 'config.json'} has no config in it", "Run the experiment again")
        if command is not None and made_by != command:
            raise UsageError(
                f"expected a run of {command}, {path} is one of {made_by}", f"Use: nnlab {made_by} --resume {path}"
            )
        folder._begun = made_by
        return folder

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder: one process writes into it at a time. The system lets go if we are killed.

        Raises UsageError where another process is, or was since this one made the folder.
        """
        if (self.path / LOCK).is_symlink():
            raise linked(self.path / LOCK)
        lock = filelock.FileLock(self.path / LOCK, timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            raise UsageError(
                f"another process is at work in {self.path}", "Wait for it to end, or choose another --out"
            ) from error
        try:
            if self._new and is_run(self.path):
                self._new = False
                raise UsageError(f"another process has begun a run in {self.path} meanwhile", "Choose another --out")
            yield
        finally:
            (self.path / LOCK).unlink(missing_ok=True)  # while held: nobody else can have it meanwhile
            lock.release()

    @property
    def busy(self) -> bool:
        """Whether a process holds the folder now."""
        if not (self.path / LOCK).is_file() or (self.path / LOCK).is_symlink():
            return False
        lock = filelock.FileLock(self.path / LOCK, timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout:
            return True
        except OSError:  # a folder of somebody else's: not ours to lock, so not ours at work
            return False
        lock.release()
        return False

    # ---- writing ---------------------------------------------------------------------------------

    def place(self, name: str, write: Callable[[Path], Any]) -> Path:
        """As in every folder; FolderGone where the run that was begun is not here any more: nothing is begun anew."""
        if self._begun and not self.is_run:
            raise FolderGone(
                f"the run folder {self.path} was moved or deleted while the run was at work",
                f"What it had written is where it was moved to, go on with it there: nnlab {self._begun} --resume DIR",
            )
        return super().place(name, write)

    def write_json(self, name: str, document: dict[str, Any]) -> Path:
        """Write a JSON document."""
        return self.write(name, dumps(document).encode())

    def write_config(self, command: str, config: dict[str, Any], typed: Mapping[str, Any] | None = None) -> Path:
        """``config.json``: what makes a folder a run folder; ``typed`` are the options that were given."""
        given = {} if typed is None else {"typed": dict(typed)}
        path = self.write_json("config.json", {"schema": FORMAT, "command": command, **given, "config": config})
        self._begun = command
        return path

    def write_results(self, document: dict[str, Any]) -> Path:
        """``results.json`` of a finished run."""
        return self.write_json("results.json", document)

    def write_failure(self, document: dict[str, Any]) -> None:
        """``results.json`` of a run that failed: results that are there already are never replaced.

        The disk may be what failed: then nothing is written.
        """
        with suppress(OSError, InputError):
            if not self.finished:
                self.write_json("results.json", document)

    def write_metrics(self, rows: Sequence[Mapping[str, Any]]) -> Path:
        """``metrics.csv``: one row an epoch."""
        return self.write_table("metrics.csv", rows)

    def write_table(self, name: str, rows: Sequence[Mapping[str, Any]]) -> Path:
        """A CSV file; the columns are the union of the rows' keys, in order."""
        columns = list(dict.fromkeys(key for row in rows for key in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: repr(v) if isinstance(v, float) else v for key, v in row.items()} for row in rows)
        return self.write(name, text.getvalue().encode("utf-8", "backslashreplace"))

    # ---- reading ---------------------------------------------------------------------------------

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a JSON document; InputError names the file and the line where it is not one."""
        return untrusted.read_json(self.path / name)

    def read_text(self, name: str) -> str:
        """Read a text file of the folder; InputError where it cannot be read, or is larger than any of ours."""
        return untrusted.read_text(self.path / name)

    def read_metrics(self) -> list[dict[str, Any]]:
        """The rows of ``metrics.csv``, numbers as numbers. InputError where it cannot be read."""
        return [
            {name: _number(text) for name, text in row.items() if text}
            for row in untrusted.read_table(self.path / "metrics.csv")
        ]

    def read_results(self) -> dict[str, Any]:
        """The document of a finished run. InputError where ``results.json`` is damaged."""
        path = self.path / "results.json"
        hint = f"The file is damaged: delete it (rm {quoted(path)}), then go on with the run: --resume"
        document = untrusted.read_json(path, hint=hint)
        kinds = {"status": str, "results": dict, "environment": dict, "config": dict, "seconds": dict}
        wrong = {name: document.get(name) for name, kind in kinds.items() if not isinstance(document.get(name), kind)}
        wrong = wrong or {name: value for name, value in flat_figures(document["results"]) if not is_figure(value)}
        for name, value in wrong.items():
            raise InputError(f"expected {name!r} as nnlab writes it, got {str(value)[:40]!r}", hint, path=path)
        return {**document, "run": str(self.path)}  # it may have been moved since

    @property
    def config(self) -> dict[str, Any]:
        """The config the run was started with, without the schema and the command."""
        return dict(self._record("config", dict))

    @property
    def source(self) -> dict[str, Any]:
        """What ``data.json`` says of the data. InputError where a name or a digest in it is no text."""
        record = self.read_json("data.json")
        for name in ("name", "path", "digest", "asked_for"):
            if not isinstance(record.get(name), str | None):
                told = f"expected {name!r} as nnlab writes it, got {str(record[name])[:40]!r}"
                raise InputError(told, untrusted.DAMAGED, path=self.path / "data.json")
        return record

    @property
    def typed(self) -> dict[str, Any]:
        """The options that were given to the command that made the run; all settings where it does not say."""
        record = self.read_json("config.json")
        return dict(self._record("typed", dict)) if "typed" in record else self.config

    @property
    def command(self) -> str:
        """The command that made the run."""
        return str(self._record("command", str))

    def _record(self, name: str, kind: type) -> Any:
        record = self.read_json("config.json").get(name)
        if not isinstance(record, kind):
            path = self.path / "config.json"
            raise InputError(f"has no {name} in it", "The file is damaged: run the experiment again", path=path)
        return record

    @property
    def artifacts(self) -> list[str]:
        """Everything a user may want to open, relative to the folder."""
        files = (path for path in self.path.rglob("*") if path.is_file())
        names = (path.relative_to(self.path).as_posix() for path in files)
        return sorted(name for name in names if not name.startswith(("checkpoint/", ".")))

    @property
    def is_run(self) -> bool:
        """Whether a run was begun here: its data were loaded, its record is written."""
        return is_run(self.path)

    @property
    def finished(self) -> bool:
        """Whether the run is finished and its results are there."""
        if not (self.path / "results.json").is_file():
            return False
        return bool(self.read_results()["status"] == "ok")

    def discard_if_bare(self) -> None:
        """Delete what this process made for a run of which nothing was computed; what was there before stays."""
        computed = ("checkpoint", "metrics.csv", "model.keras", "results.json", "console.txt")
        if not self._new or any((self.path / name).exists() for name in computed):
            return
        for name in ("config.json", *BEGUN, "environment.json", *(f"{PARENT}/{kept}" for kept in KEPT_OF_PARENT)):
            with suppress(OSError):
                (self.path / name).unlink(missing_ok=True)
        for folder in [self.path / PARENT, *self._folders]:
            with suppress(OSError):  # there are files of somebody else in it
                folder.rmdir()


def _number(text: str) -> Any:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def _missing(path: Path) -> list[Path]:
    """The folders that making ``path`` would make, the innermost first."""
    return [folder for folder in (path, *path.parents) if not folder.exists()]


def _new_folder(command: str) -> Path:
    """``runs/COMMAND-DATE-TIME``, made by this process alone: of two in one second one gets a number."""
    stamp = f"{command}-{time.strftime('%Y%m%d-%H%M%S')}"
    Path("runs").mkdir(parents=True, exist_ok=True)
    for name in (stamp, *(f"{stamp}-{number}" for number in range(2, 1000))):
        with suppress(FileExistsError):
            (Path("runs") / name).mkdir()
            return Path("runs") / name
    raise FileExistsError(errno.EEXIST, "a thousand runs in one second", f"runs/{stamp}")


def only_begun(path: Path) -> bool:
    """Whether there is nothing in a folder but what a process leaves that was killed before its run was one."""
    names = {entry.name for entry in path.iterdir()}
    rest = names - {*BEGUN, PARENT}
    return LOCK in names and all(name.startswith(".") and (".part" in name or ".probe" in name) for name in rest)


def is_run(path: Path) -> bool:
    """Whether a folder is a run folder (finished or not)."""
    return (path / "config.json").is_file()
