"""Known data sets: the folder, the cache, a checked download; and that the real ones are what they should be."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import threading
from pathlib import Path

import pytest

from nnlab import datasets
from nnlab.data import datasets, digits, sentence_pairs, text
from nnlab.errors import DataUnavailable
from tests.conftest import ROOT
from tests.data.test_digits import ARRAYS, save


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No data at hand, and a mirror where nobody listens."""
    monkeypatch.delenv("NNLAB_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NNLAB_MIRROR", "http://127.0.0.1:9")
    return tmp_path


def test_the_folder_comes_before_the_cache_and_the_cache_before_a_download(nowhere, monkeypatch):
    assert datasets.local("mnist") is None
    cached = nowhere / "home" / "datasets"
    cached.mkdir(parents=True)
    save(cached / "mnist.npz")
    assert datasets.find("mnist") == cached / "mnist.npz"
    folder = nowhere / "folder"
    folder.mkdir()
    monkeypatch.setenv("NNLAB_DATA", str(folder))
    assert datasets.find("mnist") == cached / "mnist.npz"
    save(folder / "mnist.npz")
    assert datasets.find("mnist") == folder / "mnist.npz"


def test_offline_is_one_line_and_exit_3(nowhere, capfd):
    with pytest.raises(DataUnavailable, match=r"cannot download http://127\.0\.0\.1:9/mnist\.npz") as caught:
        datasets.find("mnist")
    assert "--data sample" in caught.value.hint
    assert capfd.readouterr().out == ""


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A local server with an mnist.npz, in the place of the real one."""
    folder = tmp_path / "served"
    folder.mkdir()
    save(folder / "mnist.npz")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setenv("NNLAB_MIRROR", f"http://127.0.0.1:{running.server_port}/")
        yield folder
        running.shutdown()


def test_a_download_is_checked_and_cached(nowhere, server, monkeypatch, capfd):
    with pytest.raises(DataUnavailable, match=r"mnist\.npz from http"):  # not the real MNIST: the checksum differs
        datasets.find("mnist")
    sha = hashlib.sha256((server / "mnist.npz").read_bytes()).hexdigest()
    known = datasets.KNOWN["mnist"]
    monkeypatch.setitem(datasets.KNOWN, "mnist", type(known)(**{**vars(known), "sha256": sha}))
    path = datasets.find("mnist")
    assert path == nowhere / "home" / "datasets" / "mnist.npz"
    assert digits.read_npz(path, "mnist").y_test.tolist() == ARRAYS["y_test"].tolist()
    assert datasets.local("mnist") == path
    assert capfd.readouterr().out == ""  # Keras's bar goes to stderr


def test_data_commands(nnlab, nowhere, monkeypatch):
    assert nnlab("data").code == 0
    done = nnlab("data", "fetch", "mnist")
    assert done.code == 3
    assert done.err.splitlines()[-1].startswith("error: cannot download")
    assert nnlab("data", "fetch", "cats").code == 2
    assert nnlab("data", "verify", "mnist").code == 3
    assert nnlab("data", "verify").code == 0
    save(nowhere / "mnist.npz")
    monkeypatch.setenv("NNLAB_DATA", str(nowhere))
    done = nnlab("data", "--json")
    assert done.document["results"]["data"][0]["path"] == str(nowhere / "mnist.npz")
    assert nnlab("data", "fetch", "mnist").out.strip() == str(nowhere / "mnist.npz")
    done = nnlab("data", "verify")
    assert done.code == 3
    assert "is not mnist: expected contents" in done.err


def test_a_text_is_checked_by_what_is_in_it(nowhere, server, monkeypatch):
    (server / "nietzsche.txt").write_text("Not This Book.")
    with pytest.raises(DataUnavailable, match=r"nietzsche\.txt from http.*the text is not what was expected"):
        datasets.find("nietzsche")
    assert datasets.local("nietzsche") is None  # what was wrong is not kept
    known = datasets.KNOWN["nietzsche"]
    contents = hashlib.sha256(b"not this book.").hexdigest()  # its case does not count
    monkeypatch.setitem(datasets.KNOWN, "nietzsche", type(known)(**{**vars(known), "contents": contents}))
    assert text.load(None, lower=True).alphabet == " .bhiknost"
    assert datasets.local("nietzsche") == nowhere / "home" / "datasets" / "nietzsche.txt"


def test_what_nobody_serves_says_where_to_get_it(nnlab, nowhere, monkeypatch):
    monkeypatch.delenv("NNLAB_MIRROR")
    for arguments in (["data", "fetch", "eng-ell"], ["translate"], ["translate", "--pairs", "eng-ell.txt"]):
        done = nnlab(*arguments)
        assert done.code == 3
        assert "eng-ell.txt is not at hand" in done.err
        assert "manythings.org/anki" in done.err


@pytest.mark.parametrize("name", ["nietzsche", "eng-fra", "eng-ell"])
def test_real_texts_are_what_they_should_be(name):
    folder = Path(os.environ.get("NNLAB_DATA", ROOT.parent / "shared" / "data"))
    path = folder / datasets.KNOWN[name].file
    if not path.is_file():
        pytest.skip(f"no {path.name} in {folder}: set NNLAB_DATA to a folder that has it")
    assert datasets.contents(name, path) == datasets.KNOWN[name].contents
    if name == "nietzsche":
        corpus = text.load(str(path), lower=True)
        assert (len(corpus.ids), len(corpus.alphabet)) == (600_893, 57)
    else:
        found = sentence_pairs.read_file(path)
        assert found.skipped == ()
        assert {"eng-fra": 140_000, "eng-ell": 17_000}[name] < len(found)


@pytest.mark.parametrize(("name", "file"), [("cifar10", "cifar10-jpeg.zip"), ("birds", "birds")])
def test_real_pictures_and_sounds_are_what_they_should_be(nnlab, monkeypatch, name, file):
    folder = Path(os.environ.get("NNLAB_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / file).exists():
        pytest.skip(f"no {file} in {folder}: set NNLAB_DATA to a folder that has it")
    monkeypatch.setenv("NNLAB_DATA", str(folder))
    assert datasets.contents(name, folder / file) == datasets.KNOWN[name].contents
    done = nnlab("data", "verify", name)
    assert done.code == 0
    assert done.out.startswith(f"{name}: as it should be")


def test_a_mirror_serves_cifar10_as_one_file(nnlab, nowhere, server):
    import numpy as np

    from nnlab.data import images

    data = images.draw_sample(30, 12)
    np.savez(server / "cifar10.npz", x_train=data.train, x_test=data.test)
    assert images.load("cifar10").test.tobytes() == data.test.tobytes()
    assert datasets.local("cifar10") == nowhere / "home" / "datasets" / "cifar10.npz"
    done = nnlab("data", "verify", "cifar10")
    assert done.code == 0
    assert "not on record" in done.out


def test_birds_that_are_not_at_hand_are_told(nnlab, nowhere, monkeypatch):
    monkeypatch.delenv("NNLAB_MIRROR")
    done = nnlab("autoencode", "--data", "birds")
    assert done.code == 3
    assert "birds is not at hand" in done.err
    assert "--data sample" not in done.err
