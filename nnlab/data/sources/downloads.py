"""Files brought from a server, each under a temporary name until it is what it should be (by pooch)."""

from __future__ import annotations

import errno
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from nnlab.errors import DataUnavailable

TIMEOUT = 30.0  # seconds without an answer, or without a byte
RETRIES = 2  # after 1 s and 2 s
MOST = 2 << 30  # bytes of one file
CHUNK = 1 << 16
WORTH_RETRYING = (408, 425, 429)  # of the answers that blame the request
AS_IT_IS = {"Accept-Encoding": "identity"}
WEB_PAGE = (b"<!doctype html", b"<html", b"<head")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class RemoteFile:
    """A file on a server: the name it gets, where it is, and ``sha256:…`` or ``sha1:…`` where that is known."""

    name: str
    url: str
    digest: str | None


class NotOnServer(DataUnavailable):
    """The server is there, the file is not."""


class _Hopeless(Exception):
    """An answer that would be the same if asked again; pooch lets it through."""

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


@contextmanager
def workshop(folder: Path, name: str) -> Iterator[Path]:
    """A folder of its own to fetch and unpack into, for one process at a time; gone once all went well.

    Nobody takes what is in there for a data set. After a failure or a kill it stays: a file whose digest is right is
    not fetched twice.

    Args:
        folder: the cache.
        name: of the data set; another process that wants the same waits until this one is done.

    Raises:
        DataUnavailable: the folder cannot be written.
    """
    from filelock import FileLock

    path = folder / "downloads" / name
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f"{name}.lock"))
        lock.acquire()
    except (OSError, NotImplementedError) as error:
        raise_full(error)
        raise DataUnavailable(
            f"cannot write into {folder}: {of_system(error)}", "Set NNLAB_CACHE to a folder that can be written"
        ) from error
    try:
        path.mkdir(exist_ok=True)  # the process waited for has removed it
        for left in path.rglob("tmp*"):  # by a process that was killed: the lock is ours
            left.unlink(missing_ok=True)
        yield path
        shutil.rmtree(path, ignore_errors=True)
    finally:
        lock.release()


def fetch(files: Sequence[RemoteFile], folder: Path, *, label: str, size: int, hint: str) -> None:
    """Bring files into a folder; progress goes to stderr where that is a terminal.

    Args:
        files: what to fetch; those that are there with the right digest are not fetched again.
        folder: where they go, each under its name.
        label: what the progress is called.
        size: bytes of all files, for the progress.
        hint: what the user can do where this fails.

    Raises:
        NotOnServer: the server says that it has no such file.
        DataUnavailable: the server cannot be reached, stalls, ends too soon, or sends something else.
    """
    import pooch  # type: ignore[import-untyped]
    import requests
    from tqdm import tqdm

    pooch.get_logger().setLevel("ERROR")
    for file in files:
        if file.digest is None:  # pooch would take what an earlier process has left unchecked
            (folder / file.name).unlink(missing_ok=True)
    registry = pooch.create(
        path=folder,
        base_url="",
        registry={file.name: file.digest for file in files},
        urls={file.name: file.url for file in files},
        retry_if_failed=RETRIES,
    )
    with tqdm(
        desc=label,
        total=size,
        unit="B",
        unit_scale=True,
        leave=False,
        disable=None,
        file=sys.stderr,
        dynamic_ncols=True,
    ) as progress:
        for file in files:
            try:
                registry.fetch(file.name, downloader=_Receiver(progress))
            except (_Hopeless, ValueError, OSError) as error:  # requests' errors are OSErrors
                if not isinstance(error, requests.RequestException):
                    raise_full(error)
                kind = NotOnServer if isinstance(error, _Hopeless) and error.missing else DataUnavailable
                message = f"cannot download {without_password(file.url)}: {_reason(error, file)}"
                raise kind(message, hint) from error


class _Receiver:
    """Downloads one file; pooch calls it with a temporary path, and again where it makes sense to ask again."""

    def __init__(self, progress: Any) -> None:
        self._progress = progress
        self._count = 0

    def __call__(self, url: str, path: str, registry: Any) -> None:
        """Receive the file into ``path``; what an earlier try brought counts no more."""
        import requests

        self._progress.update(-self._count)
        self._count = 0
        try:
            with (
                open(path, "wb") as file,
                requests.get(url, stream=True, timeout=TIMEOUT, headers=AS_IT_IS) as response,
            ):
                if response.status_code != requests.codes.ok:
                    raise _refused(response)
                response.raw.headers.pop("Content-Encoding", None)  # some servers say gzip of a .tar.gz: do not unpack
                for chunk in response.iter_content(CHUNK):
                    self._look_at(chunk)
                    file.write(chunk)
        except (requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema, requests.exceptions.InvalidURL):
            raise _Hopeless("expected an address that begins with http:// or https://") from None
        except requests.TooManyRedirects:
            raise _Hopeless("the server leads in a circle") from None
        except requests.ConnectionError as error:
            if _nobody_there(error):
                raise _Hopeless("the server cannot be reached") from error
            raise

    def _look_at(self, chunk: bytes) -> None:
        """Count some bytes, and stop what cannot be the file."""
        if self._count == 0 and chunk.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(WEB_PAGE):
            raise _Hopeless("the server answers with a web page, as networks do that ask for a login")
        self._count += len(chunk)
        if self._count > MOST:
            raise _Hopeless(f"the server sends more than {MOST:,} bytes")
        self._progress.update(len(chunk))


def _refused(response: Any) -> Exception:
    """What to raise of an answer that is not the whole file."""
    import requests

    answer = f"the server answers {response.status_code} {response.reason or ''}".rstrip()
    if response.status_code >= 500 or response.status_code in WORTH_RETRYING:
        return requests.HTTPError(answer, response=response)
    return _Hopeless(answer, missing=response.status_code in (404, 410))


def without_password(url: str) -> str:
    """An address as it can be shown and kept: without the name and password that may be in it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _reason(error: Exception, file: RemoteFile) -> str:
    """Why a download failed, in a few words."""
    import requests

    if isinstance(error, requests.Timeout) or "timed out" in str(error).lower():
        return f"no answer for {TIMEOUT:g} s"
    if isinstance(error, requests.HTTPError):
        return str(error)
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate cannot be verified"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection ended too soon"
    if isinstance(error, requests.RequestException):
        return "the server cannot be reached"
    if isinstance(error, OSError):
        return f"it cannot be kept ({of_system(error)})"
    if isinstance(error, _Hopeless):
        return str(error)
    return (
        f"what came is not {file.name} ({(file.digest or '').partition(':')[0].upper()} differs)"  # pooch: ValueError
    )


def _nobody_there(error: BaseException) -> bool:
    """Whether no connection came about: no network, no such name, nobody listens (urllib3's classes)."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return type(reason).__name__ in ("NameResolutionError", "NewConnectionError")


def of_system(error: BaseException) -> str:
    """What the system says of an error, on one line."""
    return getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__


def raise_full(error: BaseException) -> None:
    """A full disk is told as such."""
    if isinstance(error, OSError) and error.errno in FULL:
        raise error
