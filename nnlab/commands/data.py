"""``nnlab data``: list the known data sets, fetch one, verify that what is at hand is what it should be."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nnlab import cache
from nnlab.commands.outcome import Outcome, run_command
from nnlab.data.sources import datasets
from nnlab.errors import DataUnavailable, Description, ExitCode, NnlabError, describe
from nnlab.output.terminal import Terminal, table


def list_data(*, json: bool) -> ExitCode:
    """The known data sets: what each is, its size and licence, whose it is, and where it is found."""

    def work(terminal: Terminal) -> Outcome:
        listed = []
        listing = table("name", "what it is; licence; attribution", "size", "where", left=2)
        listing.columns[-1].justify = "left"
        for data_set in [*datasets.KNOWN.values(), *fetched_of_opus()]:
            path = datasets.local(data_set.name)
            bytes_there = size_of(path) if path else None
            listed.append({**described(data_set), "path": str(path) if path else None, "bytes": bytes_there})
            about = f"{data_set.about}; {data_set.licence}; {data_set.attribution}"
            size = bytes_there if bytes_there is not None else data_set.source.size
            listing.add_row(data_set.name, about, megabytes(size), str(path or f"nnlab data fetch {data_set.name}"))
        listing.add_row(
            "opus:en-de", "sentence pairs of any two languages of Tatoeba, by OPUS's codes", "", "nnlab data fetch"
        )
        listing.add_row(datasets.SAMPLE, "built into every command", "", "made on the spot")
        terminal.show(listing)
        named = os.environ.get("NNLAB_DATA")
        lost = " (no folder)" if named and not os.path.isdir(os.path.expanduser(named)) else ""
        terminal.tell(f"looked in {named or 'NNLAB_DATA (not set)'}{lost}, {cache.folder()}")
        return Outcome({"data": listed})

    return run_command("data", work, json=json)


def fetch_data(name: str, *, json: bool) -> ExitCode:
    """Bring a data set into the cache, where it is not at hand already; its path is what is printed."""

    def work(terminal: Terminal) -> Outcome:
        data_set = datasets.required(name)
        path = datasets.local(name)
        if path is None:
            server = urlsplit(datasets.mirror_named() or str(data_set.source.url)).hostname
            size = f"a download of about {megabytes(data_set.source.size)} from {server}"
            terminal.tell(f"fetching {name}: {data_set.about}; {data_set.licence}; {data_set.attribution}; {size}")
            path = datasets.download(name)
        path = path.absolute()
        terminal.line(str(path))
        note = datasets.edition_note(name, path)
        if note:
            terminal.tell(note)
        return Outcome({"name": name, "path": str(path), "edition": edition_of(name, path)})

    return run_command("data", work, json=json)


def verify_data(names: Sequence[str], *, json: bool) -> ExitCode:
    """Compare the contents of data sets (all at hand, where none is named) with what they should be."""

    def work(terminal: Terminal) -> Outcome:
        wanted = [datasets.required(name).name for name in names] or datasets.at_hand()
        verified: dict[str, Any] = {}
        failed: dict[str, Description] = {}
        for name in wanted:
            try:
                path, edition = verify(name)
            except (NnlabError, OSError) as error:
                failed[name] = describe(error)
                terminal.line(f"{name}: {failed[name].message}")
                continue
            verified[name] = {"path": str(path), "edition": edition.about, "published_figures": edition.measured}
            measured = datasets.KNOWN[name].measured if name in datasets.KNOWN else None
            other = f"; the published figures are of {measured.about}" if measured and not edition.measured else ""
            terminal.line(f"{name}: as it should be, {edition.about} ({path}){other}")
        if not wanted:
            terminal.tell("no data set is at hand; fetch one: nnlab data fetch mnist")
        messages = {name: told.message for name, told in failed.items()}
        return Outcome({"verified": verified, "failed": messages}, error=problem(failed, len(wanted)))

    return run_command("data", work, json=json)


def verify(name: str) -> tuple[Path, datasets.Edition]:
    """Where a data set is, and which edition.

    Raises:
        DataUnavailable: it is not at hand, or of no edition on record.
        InputError, OSError: it cannot be read.
    """
    path = datasets.local(name)
    if path is None:
        raise DataUnavailable("it is not at hand", f"Fetch it: nnlab data fetch {name}")
    edition = datasets.edition(name, path)
    if edition is None:
        on_record = " or ".join(source.edition.about for source in datasets.required(name).sources)
        raise DataUnavailable(f"expected {on_record}, {path} has other contents", "Delete it and fetch it again")
    return path, edition


def problem(failed: dict[str, Description], count: int) -> DataUnavailable | None:
    """The one error of all sets that are not what they should be; None where there are none."""
    if not failed:
        return None
    name, first = next(iter(failed.items()))
    if len(failed) == 1:
        return DataUnavailable(f"{name}: {first.message}", first.hint)
    return DataUnavailable(
        f"{len(failed)} of {count} data sets are not as they should be: {', '.join(failed)}",
        f"Delete what is wrong and fetch it again: nnlab data fetch {name}",
    )


def described(data_set: datasets.DataSet) -> dict[str, Any]:
    """What is known of a data set before it is fetched."""
    return {
        "name": data_set.name,
        "kind": data_set.kind,
        "about": data_set.about,
        "licence": data_set.licence,
        "attribution": data_set.attribution,
        "url": data_set.source.url,
        "download_bytes": data_set.source.size,
        "download_edition": data_set.source.edition.about,
        "published_figures": data_set.source.edition.measured,
    }


def fetched_of_opus() -> list[datasets.DataSet]:
    """The pairs of OPUS that are at hand."""
    return [datasets.required(name) for name in datasets.at_hand() if name not in datasets.KNOWN]


def edition_of(name: str, path: Path) -> str | None:
    """Which edition a file is; None where that is none on record, or it cannot be read."""
    try:
        edition = datasets.edition(name, path)
    except (NnlabError, OSError):
        return None
    return edition.about if edition else None


def megabytes(size: int) -> str:
    """A size of data, to three digits."""
    return f"{size / 1e6:.3g} MB"


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder; what has gone meanwhile counts nothing."""
    if not path.is_dir():
        return os.stat(path).st_size
    return sum(os.path.getsize(file) for file in path.rglob("*") if file.is_file())
