"""``nnlab runs page``: a page that stands alone, in a real browser; and what is damaged, begun or hostile."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shutil
from typing import Any

import pytest
from PIL import Image

from nnlab.commands.record import command_line
from nnlab.experiments import REGISTRY
from tests.browser.chromium import look
from tests.browser.test_report import Page
from tests.conftest import run_in_process


def text_of(path):
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def begun(trained, tmp_path_factory):
    """A copy of the trained run as ``kill -9`` leaves one: no results, no model, no figures."""
    folder = tmp_path_factory.mktemp("begun") / "begun"
    shutil.copytree(
        trained, folder, ignore=shutil.ignore_patterns("results.json", "model.keras", "figures", "console*")
    )
    return folder


@pytest.fixture(scope="module")
def several(trained, begun, tmp_path_factory):
    """The page of a finished run and of one that is not."""
    page = tmp_path_factory.mktemp("page") / "new" / "two.html"
    run_in_process("runs", "page", trained, begun, "--out", page)
    return page


def test_page_of_a_finished_and_an_unfinished_run(several, trained):
    text = text_of(several)
    page = Page(text)
    assert page.open == []
    pictures = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(pictures) == 2
    for picture in pictures:
        content = base64.b64decode(picture["src"].removeprefix("data:image/png;base64,"))
        assert Image.open(io.BytesIO(content)).mode == "P"  # 256 colours
    links = [value for _, attributes in page.tags for key, value in attributes.items() if key in ("src", "href")]
    assert all(link.startswith(("data:", "#")) for link in links)
    assert not {"script", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert "nnlab arith --preset quick" in text
    assert json.loads(text_of(trained / "data.json"))["digest"] in text
    assert "Right by the length of the numbers" in text
    assert "This run is not finished. Go on with it: nnlab arith --resume" in text
    assert "The last epochs" in text
    assert re.search(r'<th scope="row">weights</th><td class="n">25,388</td>', text)
    assert '<th scope="row">MFLOP per question</th>' in text
    assert "test questions, never trained on" in text  # the console
    assert list(several.parent.iterdir()) == [several]  # nothing beside it


def test_accuracy_by_length_adds_up_to_the_result(several, trained):
    rows = re.findall(
        r"<td class=\"t\">\d\+\d</td><td class=\"n\">([\d,]+)</td><td class=\"n\">([\d,]+)</td>", text_of(several)
    )
    right, total = (sum(int(row[k].replace(",", "")) for row in rows) for k in range(2))
    results = json.loads(text_of(trained / "results.json"))["results"]
    assert total == 400
    assert right / total == results["exact_match"]


@pytest.mark.parametrize(("width", "dark"), [(375, True), pytest.param(1200, False, marks=pytest.mark.slow)])
def test_page_in_a_browser(several, tmp_path, width, dark):
    seen = look(several, tmp_path / "browser", width=width, dark=dark)
    assert seen["console"] == seen["errors"] == []
    assert seen["content"] <= width  # no scrolling sideways
    assert seen["paper"] == ("rgb(22, 22, 24)" if dark else "rgb(255, 255, 255)")
    assert seen["contrast"][0] >= 4.5, seen["contrast"]
    assert seen["links"] == 0
    assert all(picture["width"] > 0 and len(picture["alt"]) > 8 for picture in seen["pictures"])


def test_default_name_json_and_no_second_time(nnlab, trained, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    done = nnlab("runs", "page", "run", "--json")
    assert done.code == 0, done.err
    assert done.document["artifacts"] == ["run/page.html"]
    results = done.document["results"]
    assert results["bytes"] == (tmp_path / "run" / "page.html").stat().st_size
    (run,) = results["runs"]
    assert (run["status"], run["figures"], run["insights"]) == ("done", 2, ["Right by the length of the numbers"])
    before = text_of(tmp_path / "run" / "page.html")
    again = nnlab("runs", "page", "run")
    assert again.code == 2
    assert "expected a new file for --out, run/page.html exists" in again.err
    assert text_of(tmp_path / "run" / "page.html") == before
    assert nnlab("runs", "--dir", ".", "--json").document["results"]["runs"][0]["status"] == "done"


def test_a_damaged_run_is_told_and_the_others_are_shown(nnlab, begun, tmp_path):
    shutil.copytree(begun, tmp_path / "good")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "config.json").write_text("{")
    deep = '{"a":' * 900 + "1" + "}" * 900
    shutil.copytree(begun, tmp_path / "deep")
    (tmp_path / "deep" / "data.json").write_text(f'{{"name": {deep}}}')
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer" / "config.json").write_text('{"schema": 99, "command": "arith", "config": {}}')
    done = nnlab("runs", "page", "bad", "good", "newer", "nowhere", "deep", "--json")
    assert done.code == 2
    assert "4 of 5 runs could not be shown" in done.err
    assert [run["status"] for run in done.document["results"]["runs"]] == [
        "damaged",
        "interrupted",
        "damaged",
        "damaged",
        "damaged",
    ]
    text = text_of(tmp_path / "page.html")
    for told in ("expected JSON", "written by a newer version", "expected a run folder, found nothing"):
        assert told in text
    assert "The last epochs" in text
    for names in (["bad"], ["bad", "nowhere"]):  # a page of nothing is none
        alone = nnlab("runs", "page", *names, "--out", "alone.html")
        assert (alone.code, (tmp_path / "alone.html").exists()) == (2, False)


def test_two_names_of_one_folder_and_other_wrong_usage(nnlab, begun, tmp_path):
    shutil.copytree(begun, tmp_path / "run")
    (tmp_path / "other").symlink_to("run")
    done = nnlab("runs", "page", "run", "other")
    assert (done.code, "run and other are the same" in done.err) == (2, True)
    (tmp_path / "dangling.html").symlink_to("elsewhere.html")
    for out in ("dangling.html", "run", "run/config.json"):
        assert nnlab("runs", "page", "run", "--out", out).code == 2
    assert nnlab("runs", "page", "run", "--out", "run/config.json/page.html").code == 2
    assert not (tmp_path / "elsewhere.html").exists()
    assert nnlab("runs", "page").code == 2


def test_no_text_of_a_run_is_markup_and_no_link_is_followed(nnlab, begun, tmp_path):
    hostile = "<script>alert(1)</script>\x1b[31m\u202e{{ 7 * 7 }}"
    shutil.copytree(begun, tmp_path / "run")
    run = tmp_path / "run"
    record = json.loads(text_of(run / "config.json"))
    record["config"]["data"] = hostile
    (run / "config.json").write_text(json.dumps(record))
    (run / "data.json").write_text(json.dumps({"name": hostile, "digest": hostile, "edition": [hostile]}))
    (run / "console.txt").write_text(hostile)
    (run / "results.json").write_text(
        json.dumps({"status": "error", "results": {}, "environment": {}, "config": {}, "seconds": {}}
                   | {"error": {"message": hostile}})
    )  # fmt: skip
    (run / "metrics.csv").write_text(f"epoch,{hostile}\n1,{hostile}\n")
    (run / "figures").mkdir()
    (tmp_path / "private.png").write_bytes(b"private")
    (run / "figures" / "link.png").symlink_to("../../private.png")
    (run / "figures" / "none.png").write_bytes(b"no picture")
    Image.new("RGB", (30, 20), "red").save(run / "figures" / f"{hostile[8:24]}.png".replace("/", "_"))
    Image.new("1", (9000, 9000)).save(run / "figures" / "huge.png")
    (run / "audio").mkdir()
    (run / "audio" / "1-original.wav").write_bytes(b"<svg onload=alert(1)>")
    os.mkfifo(run / "audio" / "2-original.wav")
    done = nnlab("runs", "page", "run", "--json")
    assert done.code == 0, done.err
    text = text_of(run / "page.html")
    page = Page(text)
    assert page.open == []
    assert not {"script", "svg"} & {tag for tag, _ in page.tags}
    assert not {"\x1b", "\u202e", "onload"} & set(re.findall("[\x1b\u202e]|onload", text))
    assert "{{ 7 * 7 }}" in text
    assert base64.b64encode(b"private").decode() not in text
    (shown,) = done.document["results"]["runs"]
    assert (shown["figures"], shown["sounds"], len(shown["notes"])) == (1, 0, 5)
    assert shown["status"] == "error"


def test_a_run_of_an_experiment_without_insights_and_one_whose_data_are_gone(nnlab, trained, tmp_path, monkeypatch):
    import dataclasses

    shutil.copytree(trained, tmp_path / "other")
    source = json.loads(text_of(tmp_path / "other" / "data.json"))
    (tmp_path / "other" / "data.json").write_text(json.dumps({**source, "digest": "0" * 64}))
    done = nnlab("runs", "page", "other", "--json")
    assert done.code == 0
    (shown,) = done.document["results"]["runs"]
    assert (shown["insights"], len(shown["notes"])) == ([], 1)
    assert "other contents than those that it was trained on" in text_of(tmp_path / "other" / "page.html")
    monkeypatch.setitem(REGISTRY, "arith", dataclasses.replace(REGISTRY["arith"], insights=None))
    (shown,) = nnlab("runs", "page", trained, "--out", "x.html", "--json").document["results"]["runs"]
    assert (shown["insights"], shown["notes"]) == ([], [])


@pytest.mark.parametrize(
    "line",
    ["arith", "arith --preset quick --op sub --digits 5", "mnist --preset published --net cnn --loss mse --top 7",
     "textgen --diversity 0.3 --diversity 0.9 --keep-case", "autoencode --preset quick --data 'my birds' --grid",
     "denoise --noise 0.2 --seed 3 --runs 4"],
)  # fmt: skip
def test_the_line_that_is_shown_makes_the_same_config(nnlab, monkeypatch, line):
    import shlex

    from nnlab.commands import train

    seen: list[Any] = []

    def train_nothing(name, given, options):
        seen.append((name, dict(given)))
        return 0

    monkeypatch.setattr(train, "train", train_nothing)
    assert nnlab(*shlex.split(line)).code == 0
    name, given = seen.pop()
    config = REGISTRY[name].config.from_options(given)
    shown = command_line({"command": name, "typed": given, "config": config.record()}, {})
    assert nnlab(*shlex.split(shown)[1:]).code == 0
    assert REGISTRY[name].config.from_options(seen.pop()[1]).record() == config.record()


# ---- every experiment, looked into -------------------------------------------------------------------

QUICK: dict[str, tuple[list[Any], list[str]]] = {
    "mnist": (["mnist", "--net", "cnn"], ["Where the network looks, on the digits that fool it"]),
    "permute": (["permute", "--net", "mlp"], ["Where the network looks, on the digits that fool it"]),
    "textgen": (["textgen", "--length", 40, "--no-benchmark"], ["How unexpected each character was"]),
    "translate": (
        ["translate", "--no-benchmark"],
        ["What else it might have written", "Where it looked while it wrote"],
    ),
    "pictures": (["autoencode"], ["A walk through the code", "What the code loses most of"]),
    "sounds": (["autoencode", "--data", "chirps"], ["Error by recording"]),
    "denoise": (["denoise"], ["Before and after"]),
}


@pytest.mark.release
@pytest.mark.parametrize("name", QUICK)
def test_each_experiment_is_looked_into_and_readable_everywhere(nnlab, tmp_path, name):
    words, titles = QUICK[name]
    run_in_process(*words, "--preset", "quick", "--epochs", 1, "--out", tmp_path / "run", "-q")
    done = nnlab("runs", "page", "run", "--json")
    assert done.code == 0, done.err
    (shown,) = done.document["results"]["runs"]
    assert (shown["insights"], shown["notes"]) == (titles, [])
    page = tmp_path / "run" / "page.html"
    for width, dark in ((375, False), (375, True), (1200, False), (1200, True)):
        seen = look(page, tmp_path / f"browser-{width}-{dark}", width=width, dark=dark)
        assert seen["console"] == seen["errors"] == []
        assert seen["content"] <= width
        assert seen["contrast"][0] >= 4.5, seen["contrast"]
        assert all(picture["width"] > 0 and picture["alt"] for picture in seen["pictures"])
        assert len({picture["alt"] for picture in seen["pictures"]}) == len(seen["pictures"])
        assert all(sound["seconds"] > 0.5 and sound["label"] for sound in seen["sounds"])
    again = nnlab("runs", "page", "run", "--out", "again.html")
    assert again.code == 0
    assert text_of(tmp_path / "again.html") == text_of(page)  # the same run, the same page
