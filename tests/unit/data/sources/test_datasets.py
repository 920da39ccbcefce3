"""Known data sets: folder, cache, checked downloads from servers that misbehave; and what the real ones are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nnlab import cache
from nnlab.data.digits import digits
from nnlab.data.pairs import sentence_pairs
from nnlab.data.pictures import images
from nnlab.data.sounds import audio
from nnlab.data.sources import catalogue, datasets, digests
from nnlab.data.texts import text
from nnlab.errors import DataUnavailable, UsageError
from tests.conftest import ROOT
from tests.unit.conftest import ENGLISH, FRENCH, GERMAN, GREEK, PROSE, finished_files, lines, sha, zipped

EVERY_NAME = [*catalogue.KNOWN, "opus:en-de", "opus:de-en"]


# ---- where they are looked for ---------------------------------------------------------------------------------------


def test_the_folder_comes_before_the_cache_and_the_cache_before_a_download(mirror, nowhere, monkeypatch):
    assert datasets.local("mnist") is None
    cached = datasets.find("mnist")
    assert cached == nowhere / "cache" / "mnist.npz"
    monkeypatch.setenv("NNLAB_MIRROR", "http://127.0.0.1:9")
    assert datasets.find("mnist") == cached
    folder = nowhere / "folder"
    folder.mkdir()
    monkeypatch.setenv("NNLAB_DATA", str(folder))
    assert datasets.find("mnist") == cached
    (folder / "mnist.npz").mkdir()  # no file
    assert datasets.find("mnist") == cached
    (folder / "mnist.npz").rmdir()
    (folder / "mnist.npz").write_bytes(b"as it is")
    assert datasets.find("mnist") == folder / "mnist.npz"


def test_a_folder_that_is_not_there_is_named_where_a_download_fails(nowhere, monkeypatch):
    """Its name was mistyped, or the disk is not mounted: to be told to set it helps nobody."""
    monkeypatch.setenv("NNLAB_MIRROR", "http://127.0.0.1:9")
    (nowhere / "there").mkdir()
    for named, told in (
        ("", "Put mnist.npz into a folder and set NNLAB_DATA to it"),
        (str(nowhere / "not"), f"NNLAB_DATA names {nowhere / 'not'}, which is no folder"),
        (str(nowhere / "there"), f"Put mnist.npz into {nowhere / 'there'}, which NNLAB_DATA names"),
    ):
        monkeypatch.setenv("NNLAB_DATA", named)
        with pytest.raises(DataUnavailable) as caught:
            datasets.find("mnist")
        assert str(caught.value.hint).startswith(told)


def test_a_folder_of_recordings_counts_when_something_is_in_it(nowhere, monkeypatch):
    monkeypatch.setenv("NNLAB_DATA", str(nowhere))
    assert datasets.local("birds") is None
    (nowhere / "birds").mkdir()
    assert datasets.local("birds") is None
    (nowhere / "birds" / "a.wav").touch()
    assert datasets.local("birds") == nowhere / "birds"


@pytest.mark.parametrize("variable", ["NNLAB_DATA", "NNLAB_CACHE", "KERAS_HOME"])
def test_a_tilde_is_the_home_folder(mirror, nowhere, monkeypatch, variable):
    monkeypatch.setenv("HOME", str(nowhere))
    monkeypatch.setenv(variable, "~/mine")
    folder = nowhere / "mine" / ("datasets" if variable == "KERAS_HOME" else "")
    folder.mkdir(parents=True)
    (folder / "nietzsche.txt").write_text(PROSE)
    assert datasets.local("nietzsche") == folder / "nietzsche.txt"


def test_what_keras_downloaded_is_used_where_it_is_whole(mirror, nowhere):
    folder = nowhere / "keras" / "datasets"
    folder.mkdir(parents=True)
    content = (mirror.server.folder / "mnist.npz").read_bytes()
    (folder / "mnist.npz").write_bytes(content[: len(content) // 2])  # Keras was killed
    assert datasets.local("mnist") is None
    (folder / "mnist.npz").write_bytes(content)
    assert datasets.local("mnist") == folder / "mnist.npz"
    (folder / "nietzsche.txt").write_text("Not This Book.")
    assert datasets.local("nietzsche") is None


def test_keras_home_that_is_empty_is_not_the_current_folder(mirror, nowhere, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", "")
    monkeypatch.setenv("HOME", str(nowhere))
    (nowhere / "datasets").mkdir()
    (nowhere / "datasets" / "nietzsche.txt").write_text(PROSE)
    monkeypatch.chdir(nowhere)
    assert datasets.local("nietzsche") is None
    (nowhere / ".keras" / "datasets").mkdir(parents=True)
    (nowhere / ".keras" / "datasets" / "nietzsche.txt").write_text(PROSE)
    assert datasets.local("nietzsche") == nowhere / ".keras" / "datasets" / "nietzsche.txt"


def test_a_cache_that_cannot_be_written_is_told(mirror, nowhere, monkeypatch):
    (nowhere / "file").touch()
    monkeypatch.setenv("NNLAB_CACHE", str(nowhere / "file" / "cache"))
    with pytest.raises(DataUnavailable, match="cannot write into") as caught:
        datasets.find("mnist")
    assert "NNLAB_CACHE" in caught.value.hint
    assert not datasets.keep(cache.folder() / "decoded" / "a.npz", {"a": np.zeros(1)})


# ---- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY_NAME)
def test_every_set_has_a_fixed_source_and_says_what_it_is(name):
    data_set = datasets.required(name)
    assert str(data_set.source.url).startswith("https://")
    assert data_set.source.size > 100_000
    assert all([data_set.about, data_set.licence, data_set.attribution])
    for file in data_set.source.remote_files():
        assert file.url.startswith("https://")
        assert file.digest or data_set.kind in ("text", "pairs")  # those are known by their contents
    assert all(source.digest or source.edition.contents or source.unpack for source in data_set.sources)


def test_birds_come_from_one_commit():
    files = catalogue.KNOWN["birds"].source.remote_files()
    assert len(files) == len({file.name for file in files}) == 97
    base = f"https://raw.githubusercontent.com/scikit-maad/scikit-maad/{catalogue.SCIKIT_MAAD}/data"
    assert len(catalogue.SCIKIT_MAAD) == 40
    by_name = {file.name: file for file in files}
    assert by_name["spinetail.wav"].url == f"{base}/spinetail.wav"
    assert by_name["S4A03895_20190522_000000.wav"].url == f"{base}/indices/S4A03895_20190522_000000.wav"
    assert all(len(str(file.digest)) == len("sha256:") + 64 for file in files)


def test_opus_sorts_the_languages_and_the_first_named_is_the_source():
    for name in ("opus:en-de", "opus:de-en"):
        assert str(datasets.required(name).source.url).endswith("/OPUS-Tatoeba/v2023-04-12/moses/de-en.txt.zip")
    assert datasets.required("opus:en-de").file == "opus-en-de.txt"
    assert str(datasets.required("eng-ell").source.url).endswith("/el-en.txt.zip")
    assert str(datasets.required("opus:pt_BR-zsm").source.url).endswith("/pt_BR-zsm.txt.zip")


@pytest.mark.parametrize(
    "name",
    ["opus:", "opus:en", "opus:en-en", "opus:en-de-fr", "opus:EN-DE", "opus:../../x-en", "opus:en-d", "opus:en–de"],
)
def test_names_of_opus_are_checked_before_they_become_an_address(name):
    with pytest.raises(UsageError, match="expected opus: and two different language codes"):
        datasets.known(name)


def test_unknown_names_are_named():
    assert datasets.known("cats") is None
    assert datasets.known("mnist", "text") is None
    with pytest.raises(UsageError, match=r"expected one of mnist, .* got 'cats'"):
        datasets.find("cats")


# ---- a mirror of everything ------------------------------------------------------------------------------------------


def test_every_set_comes_from_a_mirror_and_is_what_it_was(mirror, nowhere):
    loaded = digits.load(None)
    for name, array in mirror.digits.items():
        assert getattr(loaded, name).tobytes() == array.tobytes()
    pictures = images.load(None)
    assert pictures.train.tobytes() == mirror.pictures["x_train"].tobytes()
    assert pictures.test.tobytes() == mirror.pictures["x_test"].tobytes()
    sounds = audio.load("birds")
    assert sorted([*sounds.train.names, *sounds.test.names]) == mirror.recordings
    assert len(text.load(None, lower=True).ids) == len(PROSE)
    assert len(text.load("tinyshakespeare", lower=False).ids) == len(PROSE)
    for name, left, right in (
        (None, ENGLISH, GREEK),
        ("eng-fra", ENGLISH, FRENCH),
        ("opus:en-de", ENGLISH, GERMAN),
        ("opus:de-en", GERMAN, ENGLISH),
    ):
        pairs = sentence_pairs.load(name, None, reverse=False)
        assert (pairs.sources, pairs.targets) == (left, right)
    assert set(datasets.at_hand()) == set(EVERY_NAME)
    for name in EVERY_NAME:
        assert datasets.edition(name, datasets.find(name)) == datasets.required(name).source.edition
    mirror.server.asked.clear()
    assert [datasets.find(name) for name in EVERY_NAME] == [datasets.local(name) for name in EVERY_NAME]
    assert mirror.server.asked == []


def test_a_mirror_may_have_the_measured_edition_and_it_is_checked(mirror, nowhere, monkeypatch):
    pairs = lines([f"{left}\t{right}\tCC-BY" for left, right in zip(ENGLISH, GREEK, strict=True)]).encode()
    mirror.put("eng-ell.txt", pairs)
    with pytest.raises(DataUnavailable, match=r"eng-ell\.txt .* not what was expected"):
        datasets.find("eng-ell")
    assert datasets.local("eng-ell") is None
    greek, opus = catalogue.KNOWN["eng-ell"].sources
    edition = catalogue.Edition("measured", sha(pairs), measured=True)
    sources = (catalogue.Source(edition, size=1, file="eng-ell.txt"), opus)
    changed = catalogue.DataSet(**{**vars(catalogue.KNOWN["eng-ell"]), "sources": sources})
    monkeypatch.setitem(catalogue.KNOWN, "eng-ell", changed)
    assert datasets.find("eng-ell").read_bytes() == pairs
    assert datasets.edition_note("eng-ell", datasets.find("eng-ell")) == ""
    assert greek.edition.measured


def test_an_edition_that_was_not_measured_is_said_to_be_another(mirror):
    note = datasets.edition_note("eng-ell", datasets.find("eng-ell"))
    assert "Tatoeba of 2023-04-12 by OPUS" in note
    assert "the published figures are of manythings.org/anki, 17,100 pairs" in note
    path = datasets.find("eng-ell")
    path.write_text("edited\tby hand\n")
    assert "an edition that is not on record" in datasets.edition_note("eng-ell", path)
    assert datasets.edition_note("mnist", datasets.find("mnist")) == ""
    assert datasets.edition_note("opus:en-de", datasets.find("opus:en-de")) == ""  # no figures of it are published


def test_contents_that_nobody_publishes_are_recorded_when_first_seen(mirror, nowhere):
    path = datasets.find("opus:en-de")
    record = nowhere / "cache" / "opus-en-de.txt.json"
    assert json.loads(record.read_text())["contents"] == sha(path.read_bytes())
    path.unlink()
    mirror.put(
        "de-en.txt.zip", zipped(**{"Tatoeba.de-en.de": lines(GERMAN[1:]), "Tatoeba.de-en.en": lines(ENGLISH[1:])})
    )
    with pytest.raises(DataUnavailable, match="its contents are not those fetched before") as caught:
        datasets.find("opus:en-de")
    assert str(record) in caught.value.hint
    assert datasets.local("opus:en-de") is None
    record.unlink()
    assert len(datasets.find("opus:en-de").read_text().splitlines()) == 29


@pytest.mark.parametrize(
    "members",
    [
        {"Tatoeba.de-en.de": "Ja.\n"},
        {"Tatoeba.de-en.de": "Ja.\nNein.\n", "Tatoeba.de-en.en": "Yes.\n"},
        {"Tatoeba.de-en.de": "Ja.\n", "Tatoeba.de-en.en": b"Y\xe9s.\n"},
        {"../Tatoeba.de-en.de": "Ja.\n", "../Tatoeba.de-en.en": "Yes.\n"},
    ],
    ids=["one side", "lines", "encoding", "names"],
)
def test_pairs_that_do_not_fit_are_refused(mirror, nowhere, members):
    mirror.put("de-en.txt.zip", zipped(**members))
    with pytest.raises(DataUnavailable, match=r"opus-en-de\.txt from http"):
        datasets.find("opus:en-de")
    assert finished_files(nowhere / "cache") == []


def test_fetching_imports_no_keras_and_prints_nothing(mirror, nowhere):
    """In a process of its own: here another test may have imported it."""
    code = (
        "import sys; from nnlab.data.sources import datasets; print(datasets.find('nietzsche'));"
        "print(sorted({'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)))"
    )
    (nowhere / "right").write_text(sha(PROSE.lower().encode()))
    patch = (
        "import dataclasses, pathlib; from nnlab.data.sources import catalogue as c;"
        "k = c.KNOWN['nietzsche']; s = k.sources[0];"
        f"e = dataclasses.replace(s.edition, contents=pathlib.Path({str(nowhere / 'right')!r}).read_text());"
        "c.KNOWN['nietzsche'] = dataclasses.replace(k, sources=(dataclasses.replace(s, edition=e),));"
    )
    done = subprocess.run(
        [sys.executable, "-c", patch + code], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert done.stderr == ""
    assert done.stdout == f"{nowhere / 'cache' / 'nietzsche.txt'}\n[]\n"


# ---- the real ones ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, one in catalogue.KNOWN.items() if one.measured])
def test_real_data_are_of_the_measured_edition(monkeypatch, name):
    folder = Path(os.environ.get("NNLAB_DATA", ROOT.parent / "shared" / "data"))
    monkeypatch.setenv("NNLAB_DATA", str(folder))
    path = datasets.local(name)
    if path is None or path.parent != folder:
        pytest.skip(f"no {name} in {folder}: set NNLAB_DATA to a folder that has it")
    assert datasets.edition(name, path) == catalogue.KNOWN[name].measured
    if name == "birds":
        listed = {file.name: file.digest for file in catalogue.KNOWN[name].source.remote_files()}
        assert {file.name: f"sha256:{digests.of_file(file)}" for file in path.iterdir()} == listed


def test_real_texts_have_the_counts_that_are_told():
    folder = Path(os.environ.get("NNLAB_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "eng-ell.txt").is_file() or not (folder / "nietzsche.txt").is_file():
        pytest.skip(f"no eng-ell.txt or nietzsche.txt in {folder}: set NNLAB_DATA to a folder that has them")
    corpus = text.load(str(folder / "nietzsche.txt"), lower=True)
    assert (len(corpus.ids), len(corpus.alphabet)) == (600_893, 57)
    assert len((folder / "eng-ell.txt").read_text(encoding="utf-8").splitlines()) == 17_100
