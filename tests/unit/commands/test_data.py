"""``nnlab data``: what is told before a download, the path and nothing else after it, every set verified."""

from __future__ import annotations

import json

import pytest

from nnlab.commands.data import fetch_data, list_data, verify_data
from nnlab.data.sources import catalogue, datasets
from nnlab.errors import ExitCode


def test_list_data_tells_size_licence_and_attribution_before_anything_is_fetched(nowhere, capfd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    assert list_data(json=False) == ExitCode.DONE
    out = capfd.readouterr().out
    rows = {row.split()[0]: row for row in out.splitlines() if row.strip()}
    for name, data_set in catalogue.KNOWN.items():
        assert data_set.licence in rows[name]
        assert data_set.attribution in rows[name]
        assert rows[name].rstrip().endswith(f"nnlab data fetch {name}")
    assert "170 MB" in rows["cifar10"]
    assert "44 MB" in rows["birds"]
    assert "opus:en-de" in rows


def test_list_data_as_json(mirror, nowhere, capfd):
    datasets.find("eng-fra")
    datasets.find("opus:en-de")
    assert list_data(json=True) == ExitCode.DONE
    listed = {entry["name"]: entry for entry in json.loads(capfd.readouterr().out)["results"]["data"]}
    assert list(listed) == [*catalogue.KNOWN, "opus:en-de"]
    assert listed["mnist"]["path"] is listed["mnist"]["bytes"] is None
    assert listed["mnist"]["download_bytes"] == 11_490_434
    assert listed["eng-fra"]["path"] == str(nowhere / "cache" / "eng-fra.txt")
    assert listed["eng-fra"]["bytes"] == (nowhere / "cache" / "eng-fra.txt").stat().st_size
    assert not listed["eng-fra"]["published_figures"]
    assert "Dive into Deep Learning" in listed["eng-fra"]["download_edition"]


def test_fetch_data_prints_the_path_whole(mirror, nowhere, monkeypatch, capfd):
    folder = nowhere / ("a very long name " * 8) / "[bold] in [/i] brackets"
    monkeypatch.setenv("NNLAB_CACHE", str(folder))
    for again in (False, True):
        assert fetch_data("nietzsche", json=False) == ExitCode.DONE
        out, err = capfd.readouterr()
        assert out == f"{folder / 'nietzsche.txt'}\n"
        assert ("fetching nietzsche: " in err) is not again


def test_fetch_data_tells_licence_and_source_first_and_the_edition_afterwards(mirror, nowhere, capfd):
    assert fetch_data("eng-ell", json=False) == ExitCode.DONE
    out, err = capfd.readouterr()
    assert out == f"{nowhere / 'cache' / 'eng-ell.txt'}\n"
    first, last = err.splitlines()
    assert first.startswith("fetching eng-ell: ")
    assert "CC BY 2.0 FR; Tatoeba" in first
    assert "a download of about 1 MB from 127.0.0.1" in first
    assert "the published figures are of manythings.org/anki, 17,100 pairs" in last


def test_fetch_data_as_json(mirror, nowhere, capfd):
    assert fetch_data("opus:de-en", json=True) == ExitCode.DONE
    assert json.loads(capfd.readouterr().out)["results"] == {
        "name": "opus:de-en",
        "path": str(nowhere / "cache" / "opus-de-en.txt"),
        "edition": "Tatoeba of 2023-04-12 by OPUS, de-en",
    }


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("mnist", ExitCode.DATA, "cannot download http://127.0.0.1:9/mnist.npz"),
        ("cats", ExitCode.USAGE, "expected one of mnist, cifar10"),
        ("opus:english-german", ExitCode.USAGE, "expected opus: and two different language codes"),
    ],
)
def test_fetch_data_that_fails_prints_no_path(nowhere, capfd, name, code, says):
    assert fetch_data(name, json=False) == code
    out, err = capfd.readouterr()
    assert out == ""
    assert says in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith("error: ")


def test_verify_data_goes_on_after_a_bad_set_and_exits_3_at_the_end(mirror, nowhere, capfd):
    for name in ("mnist", "nietzsche", "eng-ell", "birds", "opus:en-de"):
        datasets.find(name)
    (nowhere / "cache" / "mnist.npz").write_bytes(b"damaged")
    (nowhere / "cache" / "eng-ell.txt").write_text("edited\tby hand\n")
    assert verify_data([], json=False) == ExitCode.DATA
    out, err = capfd.readouterr()
    lines = dict(line.split(": ", 1) for line in out.splitlines())
    assert list(lines) == ["mnist", "birds", "nietzsche", "eng-ell", "opus:en-de"]
    assert "cannot be read" in lines["mnist"]
    assert "has other contents" in lines["eng-ell"]
    assert all("as it should be" in line for line in out.splitlines() if not line.startswith(("mnist", "eng-ell")))
    assert err.startswith("error: 2 of 5 data sets are not as they should be: mnist, eng-ell.")


def test_verify_data_names_the_edition(mirror, nowhere, capfd):
    datasets.find("cifar10")
    assert verify_data(["cifar10"], json=False) == ExitCode.DONE
    out = capfd.readouterr().out
    assert out.startswith(f"cifar10: as it should be, the original arrays ({nowhere / 'cache' / 'cifar10.npz'})")
    assert "the published figures are of CIFAR-10 republished as JPEG" in out


def test_verify_data_as_json_has_the_good_and_the_bad(mirror, nowhere, capfd):
    datasets.find("mnist")
    assert verify_data(["mnist", "birds"], json=True) == ExitCode.DATA
    document = json.loads(capfd.readouterr().out)
    assert document["exit_code"] == 3
    assert document["error"]["message"] == "birds: it is not at hand"
    assert document["results"]["verified"]["mnist"]["path"] == str(nowhere / "cache" / "mnist.npz")
    assert list(document["results"]["failed"]) == ["birds"]


def test_verify_data_with_nothing_at_hand(nowhere, capfd):
    assert verify_data([], json=False) == ExitCode.DONE
    assert capfd.readouterr().out == ""
