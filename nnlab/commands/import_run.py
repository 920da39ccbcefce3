"""``nnlab import``: open a zip that ``nnlab export`` wrote, which may be anybody's.

Names and sizes are read before contents; only files that a run has are unpacked, into a folder under a temporary
name, one level deeper than a run would lie, so that what a killed import leaves is taken for no run. Nothing is
executed, and nothing is written outside that folder.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from nnlab.commands.export import finished_run
from nnlab.commands.export.archive import CARD, KEPT
from nnlab.commands.outcome import Outcome, run_command
from nnlab.data.folders import is_run_folder
from nnlab.errors import ExitCode, InputError, NnlabError, UsageError
from nnlab.output import untrusted
from nnlab.output.terminal import Terminal, one_line, quoted

MOST_ENTRIES = 2000
MOST_DIRECTORY = 1 << 20  # bytes of the list of a zip's files
MOST_BYTES = {".json": untrusted.MOST_JSON, ".txt": untrusted.MOST_BYTES, ".csv": untrusted.MOST_BYTES,
              ".md": 1 << 20, ".png": 64 << 20, ".wav": 256 << 20, ".npy": 1 << 30, ".keras": 2 << 30}  # fmt: skip
MOST_TOGETHER = 4 << 30
MOST_PACKED = 200  # times as large as packed: text comes near 20, zeros are 1,000
PACKED = "Name what nnlab export wrote"
UNTRUSTED = "Do not use an archive you do not trust"
FIRST, END, END_64 = b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x07"
DEVICES = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE)


def import_run(file: Path, out: Path | None, *, json: bool) -> ExitCode:
    """Open an exported run in ``out``, or in ``runs/`` under the name of the file."""

    def work(terminal: Terminal) -> Outcome:
        if file.is_dir():
            used = f"It can be used as it is: nnlab predict {quoted(file)} …" if is_run_folder(file) else PACKED
            raise InputError("expected a zip, it is a folder", used, path=file)
        target = out or Path("runs") / file.stem
        if os.path.lexists(target):
            raise UsageError(f"expected a new folder, {target} is there already", "Choose another --out")
        written, others = unpack(file, target)
        if others:
            shown = ", ".join(map(one_line, others[:5]))
            terminal.warn(f"left packed, no file of a run: {shown}{' …' if len(others) > 5 else ''}")
        terminal.line(str(target))
        terminal.tell(f"use it: nnlab predict {quoted(target)} …; see it: nnlab runs show {quoted(target)}")
        return Outcome({"run": str(target), "entries": written, "left_packed": others}, known={"run": str(target)})

    return run_command("import", work, json=json)


def unpack(file: Path, target: Path) -> tuple[list[str], list[str]]:
    """Unpack the run of a zip as ``target``, whole or not at all; (files written, files left packed).

    Raises:
        InputError: the file is no zip of a finished run that this version reads, it is damaged, or names or sizes in
            it are not those of a run.
        UsageError: ``target`` cannot be made.
    """
    if not stat.S_ISREG(os.stat(file).st_mode):
        raise InputError("expected a zip, it is no file", PACKED, path=file)
    try:
        with open(file, "rb") as opened:
            check_directory(opened, file)
            with zipfile.ZipFile(opened) as archive:
                entries, others = check_entries(archive, file)
                make(archive, entries, file, target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"the zip is damaged: {reason}", "Export the run again", path=file) from error
    return sorted(entries), others


def make(archive: zipfile.ZipFile, entries: Mapping[str, zipfile.ZipInfo], file: Path, target: Path) -> None:
    """Unpack files beside ``target``, see that they are a run, and give it its name."""
    parents = [folder for folder in target.parents if not folder.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.parent / f".{target.name}.{secrets.token_hex(4)}.part"
    made = False
    try:
        run = part / "run"
        run.mkdir(parents=True)
        for name, entry in entries.items():
            place = run / name
            place.parent.mkdir(exist_ok=True)
            with archive.open(entry) as source, open(place, "xb") as into:
                shutil.copyfileobj(source, into, 1 << 20)
                into.flush()
                os.fsync(into.fileno())
        check_run(run, file)
        if os.path.lexists(target):
            raise UsageError(f"expected a new folder, {target} has been made meanwhile", "Choose another --out")
        os.rename(run, target)
        made = True
    except OSError as error:
        if error.filename is None:
            error.filename = str(target)  # what a full disk holds
        raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
        for folder in [] if made else parents:
            if not any(folder.iterdir()):
                folder.rmdir()


def check_run(run: Path, file: Path) -> None:
    """InputError where what was unpacked is no finished run of this version; it names the zip."""
    if not (run / "config.json").is_file():
        raise InputError(
            "expected an exported run, there is no config.json in it",
            "Make one: nnlab export RUN --to zip",
            path=file,
        )
    try:
        finished_run(run)
    except NnlabError as error:
        message = error.message.replace(f"{run}/", "").replace(str(run), "the run in it")
        hint = error.hint if str(run) not in error.hint else "Finish the run first, then export it"
        raise InputError(message, hint, path=file) from error


# ---- before anything is unpacked ---------------------------------------------------------------------


def check_directory(file: Any, path: Path) -> None:
    """InputError where a file is no zip, or lists more files than a run has: the list is read into memory at once."""
    begins = file.read(4) == FIRST
    size = file.seek(0, os.SEEK_END)
    begin = file.seek(max(0, size - (1 << 16) - 42))
    tail = file.read()
    place = len(tail) - 22 if tail[-22:-18] == END and tail[-2:] == b"\0\0" else tail.rfind(END)
    if place < 0 or len(tail) < place + 22:
        raise cut_short(path) if begins else InputError("expected a zip, it is none", PACKED, path=path)
    count, length, offset = struct.unpack_from("<HLL", tail, place + 10)
    if count > MOST_ENTRIES or length > MOST_DIRECTORY or tail[max(0, place - 20) :][:4] == END_64:
        raise InputError(f"expected at most {MOST_ENTRIES:,} files, it lists more", UNTRUSTED, path=path)
    if begins and begin + place > offset + length:  # the end of a zip in it, as model.keras is one
        raise cut_short(path)


def cut_short(path: Path) -> InputError:
    """The error of a zip that begins as one and has no end of its own."""
    return InputError(
        "expected a whole zip, its end is missing: it was cut short", "Copy or export it again", path=path
    )


def check_entries(archive: zipfile.ZipFile, path: Path) -> tuple[dict[str, zipfile.ZipInfo], list[str]]:
    """(the files of a run by their names, other files). InputError where a name or a size is that of no run.

    They may all lie in one folder, as where a run folder was packed by hand.
    """
    files: dict[str, zipfile.ZipInfo] = {}
    known: set[str] = set()
    if any(entry.header_offset < 0 for entry in archive.infolist()):
        raise zipfile.BadZipFile("its beginning is missing")
    for entry in archive.infolist():
        problem = wrong_with(entry)
        name = entry.filename.rstrip("/")
        same = unicodedata.normalize("NFC", name).casefold()
        if not problem and same in known:
            problem = "is there twice, or with other capitals"
        if problem:
            raise InputError(f"{entry.filename[:80]!r} in it {problem}", UNTRUSTED, path=path)
        known.add(same)
        if not entry.is_dir():
            files[name] = entry
    if any(parent.as_posix() in files for name in files for parent in PurePosixPath(name).parents):
        raise InputError("a file in it is a folder as well", UNTRUSTED, path=path)
    top = {name.partition("/")[0] for name in files if not name.startswith("__MACOSX/")}
    folder = f"{next(iter(top))}/" if len(top) == 1 and "config.json" not in files else ""
    inside = {name[len(folder) :]: entry for name, entry in files.items() if name.startswith(folder)}
    kept = {name: entry for name, entry in sorted(inside.items()) if KEPT.fullmatch(name) or name == CARD}
    check_sizes(kept, path)
    others = sorted(set(files) - {f"{folder}{name}" for name in kept})
    return kept, others


def wrong_with(entry: zipfile.ZipInfo) -> str:
    """Why an entry has no place in a run; empty where it may have one."""
    name, kind = entry.filename, entry.external_attr >> 16
    parts = name.rstrip("/").split("/")
    if entry.orig_filename != name or not name.isprintable() or len(name) > 255:
        return "has a name that is none"
    if name.startswith("/") or "\\" in name or ":" in name or any(part in ("", ".", "..") for part in parts):
        return "leads out of the folder"
    if any(DEVICES.fullmatch(part) or part.endswith((".", " ")) for part in parts):
        return "has a name that some systems keep for themselves"
    if stat.S_IFMT(kind) not in (0, stat.S_IFREG, stat.S_IFDIR) or (stat.S_ISDIR(kind) and not entry.is_dir()):
        return "is no plain file"
    if entry.flag_bits & 1:
        return "is encrypted"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed in a way that nnlab does not unpack"
    return ""


def check_sizes(entries: Mapping[str, zipfile.ZipInfo], path: Path) -> None:
    """InputError where a file, or all together, would be larger than those of a run.

    A file cannot be larger than it says: ``zipfile`` reads no more.
    """
    for name, entry in entries.items():
        most = MOST_BYTES[Path(name).suffix]
        if entry.file_size > most or entry.file_size > MOST_PACKED * entry.compress_size + 1_000_000:
            raise InputError(
                f"{name} in it unpacks to {entry.file_size / 1e6:,.0f} MB, at most {most / 1e6:,.0f} MB and "
                f"{MOST_PACKED} times its packed size are unpacked",
                UNTRUSTED,
                path=path,
            )
    together = sum(entry.file_size for entry in entries.values())
    if together > MOST_TOGETHER:
        raise InputError(
            f"it unpacks to {together / 1e9:,.1f} GB, at most {MOST_TOGETHER / 1e9:.1f} GB are unpacked",
            UNTRUSTED,
            path=path,
        )
