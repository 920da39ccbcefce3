"""Shared by the unit tests of data: a machine with no data at hand, a server that misbehaves on demand, a mirror."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import http.server
import io
import pickle
import tarfile
import threading
import wave
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nnlab.data.sources import catalogue, downloads


class Server:
    """Serves the files of a folder, or what a test asks for instead; counts what was asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.answers: dict[str, list] = {}  # path -> what is done, one per request, then the last
        self.ended = threading.Event()
        self.url = ""

    def content(self, path: str) -> bytes | None:
        file = self.folder / path.lstrip("/")
        return file.read_bytes() if file.is_file() else None


def good(handler, content: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(content)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content)


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No data at hand, no Keras, and nobody listens where a mirror should be; downloads are tried once, briefly."""
    for name in ("NNLAB_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NNLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("NNLAB_MIRROR", "http://127.0.0.1:9")
    monkeypatch.setattr(downloads, "RETRIES", 0)
    monkeypatch.setattr(downloads, "TIMEOUT", 1.0)
    return tmp_path


@pytest.fixture
def server(nowhere, tmp_path, monkeypatch) -> Iterator[Server]:
    """A local server in the place of the mirror."""
    served = Server(tmp_path / "served")
    served.folder.mkdir()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            answers = served.answers.get(self.path, [])
            answer = answers.pop(0) if len(answers) > 1 else answers[0] if answers else None
            content = served.content(self.path)
            with contextlib.suppress(OSError):  # a client that has left
                if answer:
                    answer(self, content or b"")
                elif content is None:
                    self.send_error(404)
                else:
                    good(self, content)

        def log_message(self, *arguments):
            pass

    class Threads(http.server.ThreadingHTTPServer):
        block_on_close = False

        def handle_error(self, *arguments):
            """A client that has left is what some tests are about."""

    with Threads(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        served.url = f"http://127.0.0.1:{running.server_port}"
        monkeypatch.setenv("NNLAB_MIRROR", served.url)
        yield served
        served.ended.set()
        running.shutdown()


# ---- a mirror of everything, each set a tiny one -------------------------------------------------------------------

ENGLISH = [f"We have {number} words." for number in range(30)]
GREEK = [f"Έχουμε {number} λέξεις." for number in range(30)]
FRENCH = [f"Nous avons {number} mots." for number in range(30)]
GERMAN = [f"Wir haben {number} Wörter." for number in range(30)]
PROSE = "Supposing that Truth is a woman - what then? " * 20


@dataclasses.dataclass
class Mirror:
    """The tiny sets as arrays and texts, and the server that has them."""

    server: Server
    digits: dict[str, np.ndarray]
    pictures: dict[str, np.ndarray]  # as the test drew them: (n, 32, 32, 3)
    recordings: list[str]

    def put(self, name: str, content: bytes) -> None:
        path = self.server.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)


def finished_files(folder: Path) -> list[str]:
    """What a search of the cache could take for data: all files but locks."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def zipped(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def lines(sentences: list[str]) -> str:
    return "\n".join(sentences) + "\n"


def cifar_archive(pictures: dict[str, np.ndarray]) -> bytes:
    """Pictures packed as CIFAR-10 is: 100 for training in five files, 20 to test with; planes of red, green, blue."""
    buffer = io.BytesIO()
    parts = [*np.split(pictures["x_train"], 5), pictures["x_test"]]
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, part in zip(names, parts, strict=True):
            planes = np.stack([part[:, :, :, colour].reshape(len(part), -1) for colour in range(3)], axis=1)
            batch = {b"data": planes.reshape(len(part), -1), b"labels": [0] * len(part), b"batch_label": b"one"}
            content = pickle.dumps(batch, protocol=4)
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def recording(seed: int) -> bytes:
    """A tenth of a second of noise."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(22_050)
        file.writeframes(np.random.default_rng(seed).integers(-9000, 9000, 4410, dtype=np.int16).tobytes())
    return buffer.getvalue()


def expect(monkeypatch, name: str, *, digest: str | None = None, contents: str | None = None) -> None:
    """Let a tiny file stand for a data set: its digest, or its contents, are now the right ones."""
    data_set = catalogue.KNOWN[name]
    sources = []
    for source in data_set.sources:
        edition = dataclasses.replace(source.edition, contents=contents) if contents else source.edition
        known = digest if digest and source.url else source.digest
        sources.append(dataclasses.replace(source, digest=known, edition=edition))
    monkeypatch.setitem(catalogue.KNOWN, name, dataclasses.replace(data_set, sources=tuple(sources)))


@pytest.fixture
def mirror(server, monkeypatch) -> Mirror:
    """A mirror with the layout of the real sources; every digest is that of the tiny file."""
    rng = np.random.default_rng(5)
    digits = {
        "x_train": rng.integers(0, 256, (40, 28, 28), dtype=np.uint8),
        "y_train": np.arange(40, dtype=np.uint8) % 10,
        "x_test": rng.integers(0, 256, (20, 28, 28), dtype=np.uint8),
        "y_test": np.arange(20, dtype=np.uint8) % 10,
    }
    pictures = {
        "x_train": rng.integers(0, 256, (100, 32, 32, 3), dtype=np.uint8),
        "x_test": rng.integers(0, 256, (20, 32, 32, 3), dtype=np.uint8),
    }
    made = Mirror(server, digits, pictures, [f"song{number}.wav" for number in range(10)])

    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **digits)
    made.put("mnist.npz", buffer.getvalue())
    contents = sha(b"".join(digits[name].tobytes() for name in ("x_train", "y_train", "x_test", "y_test")))
    expect(monkeypatch, "mnist", digest=f"sha256:{sha(buffer.getvalue())}", contents=contents)

    archive = cifar_archive(pictures)
    made.put("cifar-10-python.tar.gz", archive)
    expect(monkeypatch, "cifar10", digest=f"sha256:{sha(archive)}")

    made.put("nietzsche.txt", PROSE.encode())
    expect(monkeypatch, "nietzsche", contents=sha(PROSE.lower().encode()))
    made.put("tinyshakespeare.txt", PROSE.upper().encode())
    shakespeare = sha(PROSE.upper().encode())
    expect(monkeypatch, "tinyshakespeare", digest=f"sha256:{shakespeare}", contents=shakespeare)

    pairs = lines([f"{left}\t{right}" for left, right in zip(ENGLISH, FRENCH, strict=True)])
    french = zipped(**{"fra-eng/fra.txt": pairs, "_about.txt": "about"})
    made.put("fra-eng.zip", french)
    expect(monkeypatch, "eng-fra", digest=f"sha1:{hashlib.sha1(french).hexdigest()}")
    texts = {"Tatoeba.el-en.el": lines(GREEK), "Tatoeba.el-en.en": lines(ENGLISH), "LICENSE": "CC", "README": "read"}
    made.put("el-en.txt.zip", zipped(**texts))
    made.put("de-en.txt.zip", zipped(**{"Tatoeba.de-en.de": lines(GERMAN), "Tatoeba.de-en.en": lines(ENGLISH)}))

    listed = []
    for seed, name in enumerate(made.recordings):
        made.put(f"birds/{name}", recording(seed))
        listed.append(f"{sha(recording(seed))}  indices/{name}")
    registry = server.folder.parent / "birds.sha256"
    registry.write_text("# comment\n" + lines(listed))
    monkeypatch.setattr(catalogue, "asset", lambda name: registry)
    expect(monkeypatch, "birds", contents=sha(b"".join(recording(seed) for seed in range(10))))
    return made
