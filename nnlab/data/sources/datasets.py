"""Where the data sets known by name are found: ``NNLAB_DATA``, the cache, Keras's cache, or a download.

What lies in ``NNLAB_DATA`` or in the cache is used as it is; ``nnlab data verify`` compares its contents. A download
becomes part of the cache only once it is what it should be, from a mirror (``NNLAB_MIRROR``) as from its source.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nnlab import cache
from nnlab.data.sources import archives, downloads
from nnlab.data.sources.catalogue import KNOWN, SAMPLE, DataSet, Edition, Source, known, names, required
from nnlab.data.sources.digests import content_key
from nnlab.errors import DataUnavailable, NnlabError

if TYPE_CHECKING:
    import numpy as np

# fmt: off
__all__ = [
    "KNOWN", "SAMPLE", "DataSet", "Edition", "at_hand", "content_key", "download", "edition", "edition_note",
    "find", "keep", "known", "local", "mirror_named", "names", "required",
]
# fmt: on

DAY = 86_400  # seconds


def find(name: str) -> Path:
    """The file (or folder) of a known data set, downloaded where it is not at hand.

    Raises:
        UsageError: no data set has this name.
        DataUnavailable: it is not at hand and cannot be downloaded.
    """
    return local(name) or download(name)


def local(name: str) -> Path | None:
    """The file (or folder) of a known data set where it is at hand; None where it is not.

    Raises:
        UsageError: no data set has this name.
    """
    data_set = required(name)
    for path in [folder / file for folder in _folders() for file in data_set.files]:
        if _has_files(path) if data_set.is_folder else os.path.isfile(path):
            return path
    return _of_keras(data_set)


def at_hand() -> list[str]:
    """The names of the data sets that are at hand, pairs of OPUS that were fetched among them."""
    fetched = sorted(path.stem.replace("-", ":", 1) for path in cache.folder().glob("opus-*-*.txt"))
    return [name for name in [*KNOWN, *fetched] if local(name)]


def edition(name: str, path: Path) -> Edition | None:
    """Which edition of a data set a file is, by its contents; None where that is none on record.

    Raises:
        UsageError: no data set has this name.
        InputError, OSError: the file cannot be read.
    """
    data_set = required(name)
    contents = data_set.fingerprint(path)
    for source in data_set.sources:
        if contents == (source.edition.contents or _record(source.file).get("contents")):
            return source.edition
    return None


def edition_note(name: str, path: Path) -> str:
    """One line where a file is another edition than the one that README's and RESULTS's figures are of; else empty.

    Raises:
        UsageError: no data set has this name.
        InputError, OSError: the file cannot be read.
    """
    measured = required(name).measured
    if measured is None:
        return ""
    this = edition(name, path)
    if this == measured:
        return ""
    about = this.about if this else "an edition that is not on record"
    return f"{name} is {about}; the published figures are of {measured.about}"


def _has_files(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(entries)
    except NotADirectoryError:
        return False
    except OSError as error:
        return not isinstance(error, FileNotFoundError)  # it is there, and who reads it will say what is wrong


# ---- folders -----------------------------------------------------------------------------------------


def _folders() -> list[Path]:
    named = os.environ.get("NNLAB_DATA")
    return [Path(os.path.expanduser(named)), cache.folder()] if named else [cache.folder()]


def _of_keras(data_set: DataSet) -> Path | None:
    """What Keras has downloaded; whole and right, for Keras may have been killed meanwhile."""
    if not data_set.of_keras:
        return None
    home = os.path.expanduser(os.environ.get("KERAS_HOME") or os.path.join("~", ".keras"))
    path = Path(home) / "datasets" / data_set.of_keras
    try:
        return path if path.is_file() and edition(data_set.name, path) else None
    except (OSError, NnlabError):
        return None


def keep(path: Path, arrays: Mapping[str, np.ndarray[Any, Any]]) -> bool:
    """Keep arrays in the cache as an ``.npz``, whole or not at all; False where the disk does not let us."""
    import numpy as np

    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob(".*.part"):  # by a process that was killed
            if time.time() - left.stat().st_mtime > DAY:
                left.unlink()
        with open(temporary, "wb") as file:
            np.savez(file, allow_pickle=False, **dict(arrays))
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        return False
    return True


# ---- downloads ---------------------------------------------------------------------------------------


def download(name: str) -> Path:
    """Fetch a known data set into the cache and check it; ``NNLAB_MIRROR`` names another place for the files.

    Raises:
        UsageError: no data set has this name.
        DataUnavailable: it cannot be downloaded, or what comes is not what it should be.
    """
    data_set = required(name)
    mirror = mirror_named()
    hint = f"{where_to_put(data_set.file)}, or use --data {data_set.sample}"
    with downloads.workshop(cache.folder(), Path(data_set.file).stem) as workshop:
        path = local(name)
        if path:  # another process has fetched it meanwhile
            return path
        *others, last = [source for source in data_set.sources if mirror or source.url]
        for source in others:
            try:
                return _bring(data_set, source, mirror, workshop, hint)
            except downloads.NotOnServer:
                continue  # the mirror has another edition
        return _bring(data_set, last, mirror, workshop, hint)


def where_to_put(file: str) -> str:
    """What to do with a file that cannot be downloaded; a folder that is named and not there is said to be none."""
    named = os.environ.get("NNLAB_DATA")
    if not named:
        return f"Put {file} into a folder and set NNLAB_DATA to it"
    if not os.path.isdir(os.path.expanduser(named)):
        return f"NNLAB_DATA names {named}, which is no folder: correct it, or put {file} there"
    return f"Put {file} into {named}, which NNLAB_DATA names"


def mirror_named() -> str:
    """The address in ``NNLAB_MIRROR``, empty where none is set. DataUnavailable where it is no address of a server."""
    mirror = os.environ.get("NNLAB_MIRROR", "").strip().rstrip("/")
    try:
        parts = urlsplit(mirror)
        good = not mirror or (parts.scheme in ("http", "https") and parts.hostname)
    except ValueError:
        good = False
    if not good:
        raise DataUnavailable(
            "expected NNLAB_MIRROR as an address that begins with http:// or https://, got "
            + downloads.without_password(mirror),
            "Correct it or unset it; a folder of data is named by NNLAB_DATA",
        )
    return mirror


def _bring(data_set: DataSet, source: Source, mirror: str, workshop: Path, hint: str) -> Path:
    """Download an edition, unpack and check it, and only then put it where data are looked for."""
    files = source.remote_files(mirror)
    folder = workshop / "files"
    downloads.fetch(files, folder, label=data_set.name, size=source.size, hint=hint)
    path = made = folder if source.registry else folder / files[0].name
    origin = downloads.without_password(files[0].url if len(files) == 1 else os.path.dirname(files[0].url))
    try:
        if source.unpack:
            made = workshop / source.file
            source.unpack(path, made)
        _check(source, data_set.fingerprint(made), origin, hint)
        os.replace(made, cache.folder() / source.file)
    except (archives.DamagedArchive, NnlabError, OSError) as error:
        _clear(workshop)
        if isinstance(error, DataUnavailable):
            raise
        if isinstance(error, OSError):
            downloads.raise_full(error)
        raise DataUnavailable(f"{source.file} from {origin}: {downloads.of_system(error)}", hint) from error
    return cache.folder() / source.file


def _clear(folder: Path) -> None:
    """Empty a workshop: what is in it is wrong, or the disk is full."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _check(source: Source, contents: str, origin: str, hint: str) -> None:
    """DataUnavailable where contents are not those of the edition, or those recorded when it was first fetched."""
    recorded = _record(source.file)
    if contents == (source.edition.contents or recorded.get("contents", contents)):
        if source.edition.contents is None and not recorded:
            _write_record(source.file, {"edition": source.edition.about, "contents": contents, "from": origin})
        return
    if source.edition.contents is None:
        hint = f"Delete {_record_path(source.file)} if the new contents are right"
        raise DataUnavailable(f"{source.file} from {origin}: its contents are not those fetched before", hint)
    raise DataUnavailable(f"{source.file} from {origin}: its contents are not what was expected", hint)


def _record_path(file: str) -> Path:
    return cache.folder() / f"{file}.json"


def _record(file: str) -> dict[str, Any]:
    """What was recorded when a file was first fetched whose contents nobody publishes; empty where it was not."""
    try:
        record = json.loads(_record_path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _write_record(file: str, record: Mapping[str, str]) -> None:
    path = _record_path(file)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, path)
