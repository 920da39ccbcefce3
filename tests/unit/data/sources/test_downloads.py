"""Downloads from servers that misbehave in every way we know, and from processes that were killed."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from nnlab.commands.data import fetch_data
from nnlab.data.digits import digits
from nnlab.data.sources import datasets, downloads
from nnlab.errors import DataUnavailable, ExitCode, describe
from tests.conftest import ROOT
from tests.unit.conftest import finished_files, good


def cut_short(handler, content):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[: len(content) // 2])


def cut_short_without_a_length(handler, content):
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(content[: len(content) // 2])


def web_page(handler, content):
    good(handler, b"\r\n<!DOCTYPE html><html><body>Please log in</body></html>", Content_Type="text/html")


def stalls_before_it_answers(handler, content):
    time.sleep(2)


def stalls_in_the_middle(handler, content):
    cut_short(handler, content)
    handler.wfile.flush()
    time.sleep(2)


def another_file(handler, content):
    good(handler, content[:-1] + bytes([content[-1] ^ 1]))


def more_than_the_file(handler, content):
    good(handler, content + b"\0")


def an_empty_file(handler, content):
    good(handler, b"")


def part_of_the_file(handler, content):
    half = len(content) // 2
    good(handler, content[:half], 206, Content_Range=f"bytes 0-{half - 1}/{len(content)}")


def answers(status):
    def answer(handler, content):
        handler.send_error(status)

    answer.__name__ = f"answers_{status}"
    return answer


def leads_nowhere(handler, content):
    good(handler, b"", 302, Location="/gone")


def leads_in_a_circle(handler, content):
    good(handler, b"", 302, Location=handler.path)


def hangs_up(handler, content):
    handler.connection.close()


MISBEHAVIOUR = {
    cut_short: "the connection ended too soon",
    cut_short_without_a_length: "differs",
    web_page: "answers with a web page",
    stalls_before_it_answers: r"no answer for 1 s",
    stalls_in_the_middle: r"no answer for 1 s",
    another_file: "differs",
    more_than_the_file: "differs",
    an_empty_file: "differs",
    part_of_the_file: "the server answers 206 Partial Content",
    answers(403): "the server answers 403 Forbidden",
    answers(404): "the server answers 404 Not Found",
    answers(503): "the server answers 503 Service Unavailable",
    leads_nowhere: "the server answers 404",
    leads_in_a_circle: "leads in a circle",
    hangs_up: "cannot be reached",
}
BY_DIGEST = {"tinyshakespeare": "/tinyshakespeare.txt", "cifar10": "/cifar-10-python.tar.gz"}
BY_CONTENTS = {"nietzsche": "/nietzsche.txt", "mnist": "/mnist.npz"}
UNPUBLISHED = {"opus:en-de": "/de-en.txt.zip"}
PATHS = {**BY_DIGEST, **BY_CONTENTS, **UNPUBLISHED}
SLOW = (stalls_before_it_answers, stalls_in_the_middle)
UNNOTICED = (another_file, more_than_the_file)  # a byte behind a zip or in its last field: what is inside is right
TRIALS = [
    pytest.param(misbehaviour, name, id=f"{misbehaviour.__name__}-{name}")
    for misbehaviour in MISBEHAVIOUR
    for name in PATHS
    if not (misbehaviour in SLOW and name != "mnist")
    if not (misbehaviour in UNNOTICED and name in ("mnist", "opus:en-de"))
]


@pytest.mark.parametrize(("misbehaviour", "name"), TRIALS)
def test_what_a_server_does_wrong_leaves_nothing(mirror, nowhere, misbehaviour, name, capfd):
    mirror.server.answers[PATHS[name]] = [misbehaviour]
    says = MISBEHAVIOUR[misbehaviour]
    if says == "differs" and name not in BY_DIGEST:
        says = f"{PATHS[name][1:]}.*(its contents are not|cannot be read|not a zip|no zip)"
    with pytest.raises(DataUnavailable, match=says) as caught:
        datasets.find(name)
    assert describe(caught.value).exit_code == ExitCode.DATA
    assert mirror.server.url in caught.value.message
    assert "NNLAB_DATA" in caught.value.hint
    assert datasets.local(name) is None
    assert finished_files(nowhere / "cache") == []
    mirror.server.answers.clear()
    assert datasets.find(name).read_bytes()  # the next try finds nothing in its way
    assert capfd.readouterr().out == ""


def test_a_connection_that_cannot_be_made_is_told_at_once(nowhere, monkeypatch, capfd):
    monkeypatch.setattr(downloads, "RETRIES", 5)
    began = threading.active_count()
    with pytest.raises(
        DataUnavailable, match=r"cannot download http://127\.0\.0\.1:9/mnist\.npz: .* cannot be reached"
    ):
        datasets.find("mnist")
    assert threading.active_count() == began
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("mirror_named", ["/a/folder", "ftp://me:secret@example.org", "http://", "http://[::1", "x"])
def test_a_mirror_that_is_no_address_is_told_by_its_name_before_anything_else(
    nowhere, monkeypatch, mirror_named, capfd
):
    monkeypatch.setenv("NNLAB_MIRROR", mirror_named)
    with pytest.raises(DataUnavailable, match="expected NNLAB_MIRROR as an address that begins with http://") as caught:
        datasets.find("mnist")
    assert "secret" not in caught.value.message
    assert fetch_data("mnist", json=False) == ExitCode.DATA
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("error: expected NNLAB_MIRROR")


def test_a_password_in_the_address_is_not_shown(server, monkeypatch):
    monkeypatch.setenv("NNLAB_MIRROR", server.url.replace("//", "//me:secret@"))
    with pytest.raises(DataUnavailable) as caught:
        datasets.find("mnist")
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"
    assert server.url in caught.value.message


@pytest.mark.parametrize(
    "first", [cut_short, another_file, answers(503), answers(429), hangs_up], ids=lambda one: one.__name__
)
def test_what_may_go_better_is_tried_again(mirror, monkeypatch, first):
    monkeypatch.setattr(downloads, "RETRIES", 2)
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    mirror.server.answers["/tinyshakespeare.txt"] = [first, good]
    assert datasets.find("tinyshakespeare").read_bytes() == mirror.server.content("/tinyshakespeare.txt")
    assert mirror.server.asked == ["/tinyshakespeare.txt"] * 2


@pytest.mark.parametrize("answer", [answers(404), answers(403), web_page], ids=["404", "403", "web page"])
def test_what_will_not_go_better_is_not_tried_again(mirror, monkeypatch, answer):
    monkeypatch.setattr(downloads, "RETRIES", 2)
    mirror.server.answers["/nietzsche.txt"] = [answer]
    with pytest.raises(DataUnavailable):
        datasets.find("nietzsche")
    assert mirror.server.asked == ["/nietzsche.txt"]


def test_redirections_are_followed(mirror):
    (mirror.server.folder / "elsewhere").write_bytes(mirror.server.content("/mnist.npz"))
    mirror.server.answers["/mnist.npz"] = [lambda handler, content: good(handler, b"", 302, Location="/elsewhere")]
    assert digits.load(None).x_test.tobytes() == mirror.digits["x_test"].tobytes()


@pytest.mark.parametrize("name", BY_DIGEST)
def test_what_is_called_gzip_encoded_arrives_as_it_is(mirror, name):
    mirror.server.answers[PATHS[name]] = [lambda handler, content: good(handler, content, Content_Encoding="gzip")]
    assert datasets.find(name).is_file()


def test_a_file_without_end_is_stopped(mirror, monkeypatch):
    monkeypatch.setattr(downloads, "MOST", 1000)
    with pytest.raises(DataUnavailable, match="sends more than 1,000 bytes"):
        datasets.find("mnist")


@pytest.mark.parametrize("name", ["mnist", "tinyshakespeare", "nietzsche"])
def test_what_a_killed_process_left_is_not_taken_for_the_file(mirror, nowhere, name):
    content = mirror.server.content(PATHS[name])
    left = nowhere / "cache" / "downloads" / name / "files"
    left.mkdir(parents=True)
    (left / "tmp1x2y3z").write_bytes(content[:100])
    (left / PATHS[name][1:]).write_bytes(content[:-5])
    assert datasets.local(name) is None
    assert datasets.find(name).read_bytes() == content
    assert finished_files(nowhere / "cache") == [PATHS[name][1:]]


def test_a_download_that_is_killed_leaves_nothing_that_is_taken_for_the_file(mirror, nowhere):
    def half_and_no_more(handler, content):
        cut_short(handler, content)
        handler.wfile.flush()
        mirror.server.ended.wait(20)

    mirror.server.answers["/mnist.npz"] = [half_and_no_more, good]
    code = (
        "from nnlab.data.sources import datasets, downloads as d; d.TIMEOUT, d.CHUNK = 20, 1000; datasets.find('mnist')"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    content = mirror.server.content("/mnist.npz")
    try:
        began = time.monotonic()
        while not any(path.stat().st_size for path in (nowhere / "cache").rglob("tmp*")):
            assert time.monotonic() - began < 60
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    assert datasets.local("mnist") is None
    assert datasets.find("mnist").read_bytes() == content
    assert finished_files(nowhere / "cache") == ["mnist.npz"]


def test_recordings_that_came_before_the_kill_are_not_fetched_twice(mirror, nowhere):
    mirror.server.answers["/birds/song7.wav"] = [answers(503)]
    with pytest.raises(DataUnavailable, match=r"birds/song7\.wav: the server answers 503"):
        datasets.find("birds")
    assert datasets.local("birds") is None
    mirror.server.answers.clear()
    mirror.server.asked.clear()
    assert sorted(path.name for path in datasets.find("birds").iterdir()) == mirror.recordings
    assert mirror.server.asked == [f"/birds/song{number}.wav" for number in (7, 8, 9)]


def test_two_that_want_the_same_fetch_it_once(mirror):
    got: list[Path] = []
    both = [threading.Thread(target=lambda: got.append(datasets.find("mnist"))) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(20)
    assert got == [datasets.local("mnist")] * 2
    assert mirror.server.asked == ["/mnist.npz"]


def test_a_full_disk_is_told_as_such(mirror, nowhere, monkeypatch):
    def full(*arguments, **arrays):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left") as caught:
        datasets.find("cifar10")
    assert describe(caught.value).exit_code == ExitCode.RESOURCES
    monkeypatch.undo()
    assert not (nowhere / "cache" / "cifar10.npz").exists()
