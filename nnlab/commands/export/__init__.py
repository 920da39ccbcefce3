"""``nnlab export``: take a finished run along, as one zip that ``nnlab import`` opens, or as ONNX for other programs.

What is exported is written under a temporary name beside its place and gets its own name once it is whole: a killed
export, a full disk or a network that answers otherwise in ONNX leave no file.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nnlab.commands.outcome import Outcome, run_command
from nnlab.commands.record import config_of
from nnlab.errors import Description, ExitCode, InputError, UsageError, named
from nnlab.output import untrusted
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal, quoted

FORMS = ("onnx", "zip")


def export(run: Path, to: str, out: Path | None, *, json: bool) -> ExitCode:
    """Export a finished run ``to`` one of :data:`FORMS`: into ``out``, or a new file named after the run, here."""

    def work(terminal: Terminal) -> Outcome:
        if to not in FORMS:
            raise UsageError(f"expected --to {' or '.join(FORMS)}, got {to!r}", "Choose one")
        folder = finished_run(run)
        target = target_of(run, to, out)
        if to == "zip":
            from nnlab.commands.export.archive import write_zip

            results = write_zip(folder, target, terminal)
        else:
            from nnlab.commands.export.network import write_networks

            results = write_networks(folder, target, terminal)
        for file in results["files"]:
            terminal.line(file)
        return Outcome(results, known={"run": str(run), "config": folder.config})

    def failed(told: Description) -> tuple[Description, Mapping[str, Any]]:
        return told, {"run": str(run)}

    return run_command("export", work, json=json, failed=failed)


def finished_run(path: Path) -> RunFolder:
    """The folder of a finished run whose record fits this version. UsageError or InputError where it is none."""
    folder = RunFolder.open(path)
    if folder.busy:
        raise UsageError(f"another process is at work in {path}", "Wait for it to end")
    config_of(folder)
    if not folder.finished:
        raise UsageError(f"{path} is not finished", f"Go on with it: nnlab {folder.command} --resume {quoted(path)}")
    if not (path / "model.keras").is_file():
        raise InputError("expected the trained network, there is none", untrusted.DAMAGED, path=path)
    untrusted.digest_of_weights(path / "model.keras")  # read whole: a copy that broke off is not handed on
    return folder


def target_of(run: Path, to: str, out: Path | None) -> Path:
    """The file to write. UsageError where it has another ending or no folder to lie in."""
    usual = Path(f"{run.resolve().name}.{to}")
    target = out or usual
    if target.suffix.lower() != f".{to}":
        raise UsageError(f"expected --out to end in .{to}, got {target}", f"For example: --out {quoted(usual)}")
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}", f"Make it: mkdir -p {quoted(target.parent)}")
    return target


def check_new(*targets: Path) -> None:
    """UsageError where there is a file already: none is replaced."""
    for target in targets:
        if os.path.lexists(target):
            raise UsageError(f"expected a new file, {target} is there already", "Choose another --out")


@contextmanager
def placing(*targets: Path) -> Iterator[list[Path]]:
    """Paths to write to, which become ``targets`` where the block ends well; otherwise nothing is left.

    Raises UsageError where there is a file already.
    """
    check_new(*targets)
    folder = targets[0].parent / f".{targets[0].stem}.{secrets.token_hex(4)}.part"
    placed: list[Path] = []
    with named(targets[0]):
        folder.mkdir()
    try:
        parts = [folder / target.name for target in targets]
        yield parts
        for part, target in zip(parts, targets, strict=True):
            with open(part, "rb+") as file:
                os.fsync(file.fileno())
            _place(part, target)
            placed.append(target)
    except BaseException as error:
        for target in placed:
            target.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(targets[0])  # what a full disk holds
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _place(part: Path, target: Path) -> None:
    """Give a file its name, never over another's."""
    try:
        os.link(part, target)
    except OSError:  # it was made meanwhile, or the disk has no links
        check_new(target)
        os.replace(part, target)
