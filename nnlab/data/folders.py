"""What of a user's folder is read, by the rule that people expect, and one line about the rest."""

from __future__ import annotations

import collections
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnlab.errors import UsageError

MOST_ENTRIES = 1_000_000
CLUTTER = {"__macosx", "$recycle.bin", "system volume information", "@eadir", "thumbs.db", "desktop.ini"}
RECORD = "config.json"  # of a run; beside one of the others
RECORDS = ("environment.json", "data.json", "metrics.csv", "results.json")
CONSOLE = "console.txt"  # what a run printed
# Endings that people's files have.
PICTURES = (
    *(".png", ".jpg", ".jpeg", ".jfif", ".jpe", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm"),
    *(".pnm", ".avif", ".jp2"),
)
SOUNDS = (
    *(".wav", ".flac", ".ogg", ".oga", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".snd", ".opus", ".caf", ".w64"),
    ".rf64",
)
WRITTEN = re.compile(r"(.+)-(?:restored|reconstructed)(?:-\d+)?\.(?:png|wav)")  # names that predict gives to its files


@dataclass(frozen=True)
class Listing:
    """The files that are read, in order of their paths, and how many of which kinds are not."""

    files: tuple[Path, ...]
    left_out: dict[str, int]

    @property
    def note(self) -> str:
        """One line about what is not read; empty where that is nothing."""
        parts = [_counted(kind, count) for kind, count in sorted(self.left_out.items(), key=_most_first)]
        more = f", and more of {len(parts) - 8} other kinds" if len(parts) > 8 else ""
        return f"not read: {', '.join(parts[:8])}{more}" if parts else ""


def _counted(kind: str, count: int) -> str:
    return f"1 {kind.removesuffix('s') if ' ' in kind else kind}" if count == 1 else f"{count:,} {kind}"


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def list_files(folder: Path, endings: Sequence[str]) -> Listing:
    """The files in and below a folder whose names have one of the endings (``.txt``), in any case.

    Left out are hidden files and folders, those that systems leave (``__MACOSX``, ``Thumbs.db``), nnlab's own run
    folders and consoles, and what is no file. Linked folders are followed, none twice. UsageError where there are
    more than a million entries.
    """
    files: list[Path] = []
    left_out: collections.Counter[str] = collections.Counter()
    entries = 0
    for place, names in _walk(folder, left_out):
        entries += len(names)
        if entries > MOST_ENTRIES:
            raise UsageError(
                f"expected a folder of data, {folder} has more than {MOST_ENTRIES:,} files", "Name a smaller one"
            )
        for name in names:
            path = place / name
            kind = _why_not(path, endings)
            if kind:
                left_out[kind] += 1
            else:
                files.append(path)
    return Listing(tuple(sorted(files)), dict(left_out))


def without_written(names: Sequence[str], left_out: dict[str, int]) -> tuple[list[str], dict[str, int]]:
    """Names without those of files that ``predict`` wrote, and the count of what is left out with them.

    Such a file lies beside the one it was made of: people call pictures of theirs ``old-restored.jpg`` as well.
    """
    sources = {os.path.splitext(name)[0] for name in names}
    made = (WRITTEN.fullmatch(name) for name in names)
    kept = [name for name, found in zip(names, made, strict=True) if found is None or found[1] not in sources]
    written = len(names) - len(kept)
    told = f"written by predict (rename {'it to use it' if written == 1 else 'them to use them'})"
    return kept, {**left_out, told: written} if written else left_out


def is_run_folder(folder: Path) -> bool:
    """Whether a folder is one that nnlab made for a run."""
    return os.path.isfile(folder / RECORD) and any(os.path.isfile(folder / name) for name in RECORDS)


def _walk(folder: Path, left_out: collections.Counter[str]) -> Iterator[tuple[Path, list[str]]]:
    """(folder, names of its files), from the top, without the folders that are not read."""
    seen: set[tuple[int, int]] = set()
    above = {(status.st_dev, status.st_ino) for status in map(os.stat, folder.resolve().parents)}

    def unreadable(error: OSError) -> None:
        left_out["unreadable folders"] += 1

    for name, folders, names in os.walk(folder, followlinks=True, onerror=unreadable):
        place = Path(name)
        try:
            status = os.stat(place)
        except OSError:  # gone since
            folders.clear()
            continue
        if (status.st_dev, status.st_ino) in seen:  # a link that leads back, or to a folder read before
            folders.clear()
            continue
        if (status.st_dev, status.st_ino) in above:
            left_out["links to a folder above"] += 1
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        if is_run_folder(place):
            left_out["nnlab run folders"] += 1
            folders.clear()
            continue
        for inner in list(folders):
            if is_clutter(inner):
                left_out["hidden folders"] += 1
                folders.remove(inner)
        folders.sort()
        yield place, names


def _why_not(path: Path, endings: Sequence[str]) -> str:
    """The kind of a file that is not read; empty for one that is."""
    if is_clutter(path.name):
        return "hidden files"
    if path.name.lower() == CONSOLE:
        return CONSOLE
    if not path.name.lower().endswith(tuple(endings)):
        return _ending(path) or "without an ending"
    try:
        return "" if stat.S_ISREG(os.stat(path).st_mode) else "special files"
    except OSError:
        return "broken links"


def is_clutter(name: str) -> bool:
    """Whether a file or folder is hidden, or one that systems leave beside people's own."""
    return name.startswith(".") or name.lower() in CLUTTER


def _ending(path: Path) -> str:
    """The ending of a file's name, short and printable."""
    ending = "".join(character if character.isprintable() else "?" for character in path.suffix.lower())
    return ending if len(ending) <= 12 else f"{ending[:11]}…"


def messages(origin: str, notes: Sequence[str], skipped: Sequence[str]) -> list[str]:
    """What is to be told of data as they were read: every note, and of what was skipped the first three."""
    more = [f"{len(skipped) - 3:,} more skipped"] if len(skipped) > 3 else []
    return [f"{origin}: {text}" for text in (*notes, *(f"{what}: skipped" for what in skipped[:3]), *more)]
