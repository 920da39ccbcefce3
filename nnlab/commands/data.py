"""``nnlab data``: list the known data sets, fetch one, verify that what is at hand is what it should be."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nnlab.commands.runs import tell
from nnlab.data import datasets
from nnlab.errors import DataUnavailable, ExitCode, UsageError
from nnlab.output.terminal import Terminal, table


def list_data(*, json: bool) -> ExitCode:
    """The known data sets and where each is found."""

    def work(terminal: Terminal) -> dict[str, Any]:
        listed = []
        listing = table("name", "what it is", "where", left=3)
        for known in datasets.KNOWN.values():
            path = datasets.local(known.name)
            listed.append(
                {
                    "name": known.name,
                    "about": known.about,
                    "licence": known.licence,
                    "url": known.url,
                    "path": str(path) if path else None,
                    "bytes": _size(path) if path else None,
                }
            )
            where = f"{path} ({_size(path) / 1e6:.1f} MB)" if path else "not here: nnlab data fetch"
            listing.add_row(known.name, f"{known.about}, {known.licence}", where)
        listing.add_row(datasets.SAMPLE, "built into every command", "made on the spot")
        terminal.show(listing)
        searched = [os.environ.get("NNLAB_DATA") or "NNLAB_DATA (not set)", str(datasets.cache())]
        terminal.tell(f"[dim]looked in {', '.join(searched)}[/dim]")
        return {"data": listed}

    return tell("data", work, json=json)


def fetch_data(name: str, *, json: bool) -> ExitCode:
    """Bring a data set into the cache, where it is not at hand already."""

    def work(terminal: Terminal) -> dict[str, Any]:
        path = datasets.local(_known(name).name) or _download(name)
        terminal.show(str(path))
        return {"name": name, "path": str(path)}

    return tell("data", work, json=json)


def verify_data(names: list[str], *, json: bool) -> ExitCode:
    """Compare the contents of data sets at hand with what they should be."""

    def work(terminal: Terminal) -> dict[str, Any]:
        verified: dict[str, str] = {}
        wanted = [_known(name).name for name in names] or [one for one in datasets.KNOWN if datasets.local(one)]
        for name in wanted:
            path = datasets.local(name)
            if path is None:
                raise DataUnavailable(f"{name} is not at hand", f"Fetch it: nnlab data fetch {name}")
            found = contents(name, path)
            if path.name in datasets.UNRECORDED:
                terminal.show(f"{name}: can be read, what it should contain is not on record ({path})")
                verified[name] = str(path)
                continue
            if found != datasets.KNOWN[name].contents:
                raise DataUnavailable(
                    f"{path} is not {name}: expected contents {datasets.KNOWN[name].contents[:12]}…, got {found[:12]}…",
                    "Delete it and fetch it again",
                )
            verified[name] = str(path)
            terminal.show(f"{name}: as it should be ({path})")
        if not wanted:
            terminal.tell("no data set is at hand; fetch one: nnlab data fetch mnist")
        return {"verified": verified}

    return tell("data", work, json=json)


def contents(name: str, path: Path) -> str:
    """sha256 of what is inside a data set, however it is packed."""
    from nnlab.data import audio, digits, images

    if name == "cifar10":
        return images.fingerprint(path)
    if name == "birds":
        return audio.fingerprint(path)
    if name == "mnist":
        return digits.read_npz(path, "mnist").fingerprint
    return datasets.text_digest(path, lower=datasets.KNOWN[name].lower)


def _size(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    return sum(file.stat().st_size for file in path.rglob("*")) if path.is_dir() else path.stat().st_size


def _download(name: str) -> Path:
    from nnlab import backend

    backend.start("cpu")  # Keras does the fetching
    return datasets.download(name)


def _known(name: str) -> datasets.DataSet:
    if name not in datasets.KNOWN:
        raise UsageError(f"expected one of {', '.join(datasets.KNOWN)}, got {name!r}", "See them: nnlab data")
    return datasets.KNOWN[name]
