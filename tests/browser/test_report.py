"""``nnlab report``: plans, runs what is missing, goes on after a kill, and writes a page that stands alone."""

from __future__ import annotations

import base64
import html.parser
import io
import json
import os
import signal
import time

import numpy as np
import pytest
import soundfile
from PIL import Image
from threadpoolctl import ThreadpoolController

from nnlab.commands import report as reports
from nnlab.commands.report.items import ITEMS, SOFTMAX_FLOOR, Item, judge
from nnlab.config import PRESETS
from nnlab.experiments import REGISTRY
from nnlab.training.parallel import Ended
from tests.browser.chromium import look
from tests.conftest import call, start


def test_every_published_figure_is_an_item_and_every_part_makes_one():
    names = [item.name for item in ITEMS]
    assert len(names) == len(set(names))
    assert {item.part for item in ITEMS} == {part.name for part in reports.PARTS}
    for expected in (*(f"figure{number}" for number in range(1, 10)), "console1", "console2", "console3"):
        assert expected in names
    values = {item.name: item.published for item in ITEMS}
    assert [values[f"table1-{net}-{pixels}"] for net in ("mlp", "cnn") for pixels in ("plain", "permuted")] == [
        *(0.983, 0.983, 0.987, 0.973),
    ]
    assert values["table3-bce-softmax"] == 0.723
    assert values["birds-test"] == 158


@pytest.mark.parametrize("part", reports.PARTS, ids=lambda part: part.name)
def test_every_part_is_a_command_with_valid_options(part):
    for preset in PRESETS:
        assert len(" ".join(["nnlab", *part.arguments(preset)])) < 57  # fits the plan at 80 columns
        config = REGISTRY[part.command].config.from_options(part.given(preset))
        assert config.preset == preset
        assert part.seconds[preset] > 0
        assert part.fits(preset, config.record())
        others = [other for other in PRESETS if other != preset]
        for other in others:
            assert not part.fits(preset, REGISTRY[part.command].config.from_options(part.given(other)).record())


def test_command_line_of_a_part_is_read_as_its_options(nnlab, monkeypatch):
    from nnlab.commands import train

    seen = []

    def train_nothing(name, given, options):
        seen.append((name, dict(given)))
        return 0

    monkeypatch.setattr(train, "train", train_nothing)
    for part in reports.PARTS:
        assert nnlab(*part.arguments("quick")).code == 0
        assert seen.pop() == (part.command, part.given("quick"))


def test_the_rate_of_the_machine_is_that_of_all_its_cores(monkeypatch):
    """The plan said half of it, and twice the time, since a command's process multiplies matrices with one thread."""
    cores = len(os.sched_getaffinity(0))
    pools = ThreadpoolController().select(internal_api="openblas")
    if cores < 2 or not pools.info():
        pytest.skip("needs two cores, and OpenBLAS for NumPy's matrices")
    clock = time.perf_counter
    while_timed: set[int] = set()

    def spy():
        while_timed.update(pool["num_threads"] for pool in pools.info())
        return clock()

    with pools.limit(limits=1):
        monkeypatch.setattr(time, "perf_counter", spy)
        assert reports.machine_rate() > 0
        assert {pool["num_threads"] for pool in pools.info()} == {1}
    assert while_timed == {cores}


@pytest.mark.parametrize(("memory", "told"), [(8, True), (0, False)])
def test_the_longest_parts_begin_first_and_a_gpu_is_told(nnlab, monkeypatch, memory, told):
    """On an H200 the longest of the last parts went on alone for two of the report's seven minutes."""
    begun: list[str] = []

    class Engine:
        workers = 2

        def run(self, jobs, tell):
            begun.extend(job.name for job in jobs)
            return ((job, Ended(1, "not run")) for job in jobs)

    monkeypatch.setattr(reports, "engine_of", lambda options: Engine())
    monkeypatch.setattr(reports, "gpu_memory", lambda: memory * 2**30)
    answer = nnlab("report", "--only", "addition,denoise,table2,mnist")
    seconds = {part.name: part.seconds["best"] for part in reports.PARTS}
    assert sorted(begun) == ["addition", "denoise", "mnist", "table2"]
    assert begun == sorted(begun, key=seconds.__getitem__, reverse=True)
    assert ("less where the GPU that was found can be used" in answer.err) == told


def test_an_interrupted_report_says_how_to_go_on(nnlab, monkeypatch):
    def stopped(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(reports, "carry_out", stopped)
    done = nnlab("report", "--preset", "quick", "--only", "greek", "--only", "birds", "--out", "my report")
    assert done.code == 130
    assert done.err.rstrip().endswith("nnlab report --preset quick --only greek --only birds --out 'my report'")


@pytest.mark.parametrize(
    ("value", "higher", "verdict"),
    [(1.0, True, "reproduced"), (1.05, False, "reproduced"), (1.2, True, "better"), (0.8, False, "better"),
     (0.8, True, "differs"), (1.2, False, "differs"), (None, True, "differs")],
)  # fmt: skip
def test_verdicts(tmp_path, value, higher, verdict):
    item = Item("x", "X", "part", 1.0, ("a", "b"), higher, reason="known")
    assert judge(item, {"a": {"b": value}}, tmp_path)[1] == verdict
    several = {"mean": value, "std": 0.1, "ci95": [0, 2], "n": 3}
    if value is not None:
        assert judge(item, {"a": {"b": several}}, tmp_path)[1] == verdict
    assert bool(judge(item, {"a": {"b": value}}, tmp_path)[2]) == (verdict != "reproduced")
    assert value is None or judge(item, {"a": {"b": value}}, tmp_path, "quick")[1] == "other data"


@pytest.mark.slow
def test_what_is_not_measured_alike_is_not_called_better(tmp_path):
    """The report counts iterations until all are right, nnlab epochs until 99 % are."""
    for name in ("addition-99", "subtraction-99"):
        (item,) = (item for item in ITEMS if item.name == name)
        _, verdict, reason = judge(item, {"epochs_to_99": 1}, tmp_path)
        assert (verdict, "from which all were right" in reason) == ("differs", True)


def test_no_softmax_over_the_colours_comes_below_the_floor_that_is_told(cifar10):
    """The nearest colours whose parts add up to 1: a projection onto the simplex (Duchi and others 2008)."""
    pixels = cifar10.test.reshape(-1, 3) / 255
    sorted_ = np.sort(pixels, axis=1)[:, ::-1]
    excess = (np.cumsum(sorted_, axis=1) - 1) / np.arange(1, 4)
    last = (sorted_ > excess).sum(axis=1) - 1
    nearest = np.maximum(pixels - excess[np.arange(len(pixels)), last][:, None], 0)
    assert np.allclose(nearest.sum(axis=1), 1)
    assert np.mean((nearest - pixels) ** 2) == pytest.approx(SOFTMAX_FLOOR, abs=5e-5)
    published = {item.name: item.published for item in ITEMS}
    assert published["table2-mse-softmax"] < SOFTMAX_FLOOR < published["table3-mse-softmax"]


def test_a_verdict_from_the_metrics(tmp_path):
    """The row of the epoch that was kept: the least validation loss, or the last where there was no validation.

    A run of a version that did not measure it differs, with the reason.
    """
    item = Item("x", "X", "part", 0.25, higher=False, column="loss_padded", reason="known")
    metrics = tmp_path / "metrics.csv"
    metrics.write_text("epoch,val_loss,loss_padded\n1,0.9,0.3\n2,0.5,0.2\n3,0.7,0.1\n")
    assert judge(item, {}, tmp_path) == (0.2, "better", "known")
    metrics.write_text("epoch,val_loss\n1,0.9\n2,0.5\n")
    assert judge(item, {}, tmp_path) == (None, "differs", "known")
    validation = Item("x", "X", "part", 0.5, higher=False, column="val_loss_padded")
    metrics.write_text("epoch,test_loss,test_loss_padded\n1,0.5,0.4\n2,0.9,0.7\n")
    assert judge(validation, {}, tmp_path) == (0.7, "differs", "")
    metrics.write_text("epoch,val_loss,val_loss_padded\n1,0.5,0.4\n2,0.9,0.7\n")
    assert judge(validation, {}, tmp_path) == (0.4, "better", "")


class Page(html.parser.HTMLParser):
    """What a page holds: its tags with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module", params=[pytest.param("birds,addition", marks=pytest.mark.slow)])
def finished(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    done = call("report", "--preset", "quick", "--only", request.param, "--json", cwd=folder)
    assert done.code == 0, done.err
    return folder / "runs" / "report-quick", done


def test_page_stands_alone(finished):
    folder, done = finished
    text = (folder / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    pictures = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(pictures) >= 4
    for picture in pictures:
        assert len(picture["alt"]) > 8
        content = base64.b64decode(picture["src"].removeprefix("data:image/png;base64,"))
        Image.open(io.BytesIO(content)).load()
    sounds = [attributes for tag, attributes in page.tags if tag == "audio"]
    assert len(sounds) == 2
    for sound in sounds:
        wave, _ = soundfile.read(io.BytesIO(base64.b64decode(sound["src"].removeprefix("data:audio/wav;base64,"))))
        assert len(wave) > 10_000
    links = [value for _, attributes in page.tags for key, value in attributes.items() if key in ("src", "href")]
    assert all(link.startswith(("data:", "#")) for link in links)
    targets = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert {link[1:] for link in links if link.startswith("#")} <= targets
    assert ("lang", "en") in dict(page.tags)["html"].items()
    assert "prefers-color-scheme: dark" in text
    assert "Bird song: the built-in chirps in its place" in text
    assert len(text) < 8_000_000
    document = json.loads((folder / "report.json").read_text())
    assert document["results"] == done.document["results"]
    rows = {row["item"]: row for row in document["results"]["items"]}
    assert rows["addition"]["measured"] > 0
    assert (rows["figure3"]["verdict"], rows["birds-test"]["verdict"]) == ("shown", "other data")
    assert rows["addition"]["command"] == "nnlab arith --preset quick --op add"


@pytest.mark.parametrize(("width", "dark"), [(390, False), (390, True), (1200, False), (1200, True)])
def test_page_in_a_browser(finished, tmp_path, width, dark):
    seen = look(finished[0] / "report.html", tmp_path / "browser", width=width, dark=dark)
    assert seen["console"] == seen["errors"] == []
    assert seen["width"] == width
    assert seen["content"] <= width  # no scrolling sideways
    assert seen["paper"] == ("rgb(22, 22, 24)" if dark else "rgb(255, 255, 255)")
    assert len(seen["pictures"]) >= 4
    assert all(picture["width"] > 100 and len(picture["alt"]) > 20 for picture in seen["pictures"])
    assert len({picture["alt"] for picture in seen["pictures"]}) == len(seen["pictures"])
    assert [sound["seconds"] > 0.5 and bool(sound["label"]) for sound in seen["sounds"]] == [True, True]
    assert seen["contrast"][0] >= 4.5, seen["contrast"]  # WCAG 2.2, AA
    assert seen["links"] == 0


def test_browser_finds_what_is_wrong(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        '<html><head></head><body style="background: #fff"><p style="color: #aaa; width: 600px">pale</p>'
        '<img src="data:image/png;base64,AAAA"><audio src="data:audio/wav;base64,AAAA"></audio>'
        '<a href="#nowhere">x</a><script>console.error("oh"); undefined.x</script></body></html>'
    )
    seen = look(page, tmp_path / "browser", width=390, dark=False)
    assert seen["content"] > 390
    assert seen["contrast"][0] < 2.5
    assert seen["pictures"] == [{"alt": "", "width": 0}]
    assert seen["sounds"] == [{"label": None, "seconds": 0}]
    assert seen["links"] == 1
    assert any("undefined" in error for error in seen["errors"])
    assert any("oh" in line for line in seen["console"])


def test_finished_parts_are_not_run_again(finished):
    folder, _ = finished
    before = (folder / "runs" / "addition" / "results.json").stat().st_mtime_ns
    done = call("report", "--preset", "quick", "--only", "birds,addition", cwd=folder.parent.parent)
    assert done.code == 0
    assert (folder / "runs" / "addition" / "results.json").stat().st_mtime_ns == before
    assert "done in" in done.err
    assert "Addition: share right at the end" in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_report_refuses_parts_of_other_options(finished, nnlab):
    """A folder made by quick is not taken for best: its figures would stand there as best's."""
    folder, _ = finished
    done = nnlab("report", "--preset", "best", "--only", "addition", "--out", folder)
    assert done.code == 2
    assert "holds a run with other options than nnlab arith --op add" in done.err


@pytest.mark.slow
def test_report_killed_and_begun_again(tmp_path):
    words = ["report", "--preset", "quick", "--only", "addition,subtraction", "--workers", "1"]
    process = start(*words, cwd=tmp_path, start_new_session=True)
    first = tmp_path / "runs" / "report-quick" / "runs" / "addition" / "results.json"
    for _ in range(1200):
        if first.is_file() and '"ok"' in first.read_text():
            break
        time.sleep(0.1)
    import os

    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    before = first.stat().st_mtime_ns
    done = call(*words, cwd=tmp_path)
    assert done.code == 0, done.err
    assert first.stat().st_mtime_ns == before


def test_report_goes_on_after_a_part_that_fails(tmp_path):
    words = ["report", "--preset", "best", "--only", "conv,figure8", "--out", "here"]
    environment = {"NNLAB_DATA": "", "NNLAB_CACHE": str(tmp_path / "cache"), "NNLAB_MIRROR": "http://127.0.0.1:9"}
    done = call(*words, "--json", cwd=tmp_path, env=environment)
    assert done.code == done.document["exit_code"] == 1
    assert len(done.document["results"]["items"]) == 4
    assert "2/2" in done.err
    assert "cannot download http://127.0.0.1:9/cifar10-jpeg.zip" in done.err
    document = json.loads((tmp_path / "here" / "report.json").read_text())
    assert {row["verdict"] for row in document["results"]["items"]} == {"not run"}
    assert "cannot download" in (tmp_path / "here" / "report.html").read_text()


def test_unknown_item_is_refused(nnlab):
    done = nnlab("report", "--only", "table9")
    assert done.code == 2
    assert "table1-cnn-permuted" in done.err
