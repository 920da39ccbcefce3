"""``nnlab runs``: listed, sorted, filtered and compared."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from nnlab.commands import session
from nnlab.training import repeat
from tests.conftest import run_in_process

QUICK = ("arith", "--preset", "quick", "--samples", 300, "--set", "examined=0", "--workers", 1, "-q")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Small experiments with two seeds each: one epoch, six epochs, and other data; and a single run."""
    place = tmp_path_factory.mktemp("runs")
    run_in_process(*QUICK, "--runs", 2, "--epochs", 1, "--out", place / "short")
    run_in_process(*QUICK, "--runs", 2, "--epochs", 6, "--out", place / "long")
    run_in_process(*QUICK, "--runs", 2, "--epochs", 1, "--seed", 7, "--data-seed", 1, "--out", place / "other")
    run_in_process(*QUICK, "--epochs", 1, "--out", place / "single")
    return place


def test_a_figure_that_is_not_finite_costs_nothing_of_what_is_computed(nnlab, tmp_path, monkeypatch):
    """The console and the weights are there, and once the figure is mended nothing is trained again."""
    finite = nnlab(*QUICK, "--epochs", 1, "--out", "finite").code
    assert finite == 0
    monkeypatch.setattr(session, "add_sizes", lambda found, *rest: found.update(mflop=float("inf")))
    done = nnlab(*QUICK, "--epochs", 1, "--out", "run")
    assert done.code == 2
    assert "expected finite figures, results.mflop is inf" in done.err
    said, expected = ((tmp_path / name / "console.txt").read_text() for name in ("run", "finite"))
    assert said
    assert expected.startswith(said)  # but for the line of the sizes
    assert (tmp_path / "run" / "model.keras").is_file()
    assert json.loads((tmp_path / "run" / "results.json").read_text())["status"] == "error"
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(repeat, "train", None)  # which is not needed any more
    assert nnlab("arith", "--resume", "run", "-q").code == 0


def test_runs_are_sorted_and_filtered(nnlab, runs):
    listed = nnlab("runs", "--dir", runs, "--sort", "val_loss", "--json").document["results"]["runs"]
    assert listed[0]["run"] == "long"
    assert [entry["sorted_by"] for entry in listed] == sorted(entry["sorted_by"] for entry in listed)
    listed = nnlab("runs", "--dir", runs, "--sort", "exact_match", "--top", 1, "--json").document["results"]["runs"]
    assert [entry["run"] for entry in listed] == ["long"]
    listed = nnlab("runs", "--dir", runs, "--where", "epochs=1", "--where", "data-seed=1", "--json").document
    assert [entry["run"] for entry in listed["results"]["runs"]] == ["other"]
    assert nnlab("runs", "--dir", runs, "--command", "mnist", "--json").document["results"]["runs"] == []
    assert nnlab("runs", "--dir", runs / "rusn").code == 2
    wrong = nnlab("runs", "--dir", runs, "--sort", "beauty")
    assert wrong.code == 2
    assert "exact_match" in wrong.err
    assert nnlab("runs", "--dir", runs, "--where", "epochs").code == 2
    assert "Did you mean epochs?" in nnlab("runs", "--dir", runs, "--where", "epoch=1").err
    assert "expected --command to be one of" in nnlab("runs", "--dir", runs, "--command", "arithmetic").err


@pytest.mark.parametrize(("width", "has"), [(100, ["preset", "epochs"]), (70, ["preset"]), (44, [])])
def test_a_narrow_terminal_shows_names_and_results_whole(nnlab, runs, monkeypatch, width, has):
    monkeypatch.setenv("COLUMNS", str(width))
    shown = nnlab("runs", "--dir", runs, "--sort", "val_loss").out.splitlines()
    assert [name for name in ("preset", "epochs") if name in shown[0]] == has
    names = [line.split()[0] for line in shown[1:] if not line.startswith(" ")]
    assert sorted(names) == ["long", "other", "short", "single"]
    assert not re.search(r"\d\.\d{5}", "".join(shown))  # four figures of a loss, not seventeen


def test_damaged_folder_is_one_row(nnlab, runs, tmp_path):
    shutil.copytree(runs / "single", tmp_path / "runs" / "good")
    for name, content in {"a": "{", "b": "[]", "c": '{"schema": 2, "command": 3, "config": {}}'}.items():
        (tmp_path / "runs" / name).mkdir()
        (tmp_path / "runs" / name / "config.json").write_text(content)
    (tmp_path / "runs" / "dangling").symlink_to(tmp_path / "nowhere")
    damaged = json.loads((tmp_path / "runs" / "good" / "results.json").read_text())
    shutil.copytree(runs / "single", tmp_path / "runs" / "d")
    (tmp_path / "runs" / "d" / "results.json").write_text(json.dumps({**damaged, "results": [1]}))
    listed = nnlab("runs", "--json").document["results"]["runs"]
    assert {entry["run"]: entry["status"] for entry in listed} == {
        **dict.fromkeys("abcd", "damaged"),
        "good": "done",
    }
    assert nnlab("runs").code == 0


def test_same_seeds_are_compared_in_pairs(nnlab, runs, tmp_path, monkeypatch):
    monkeypatch.chdir(runs)
    done = nnlab("runs", "compare", runs / "short", runs / "long", "--figure", tmp_path / "curves.png", "--json")
    assert done.code == 0, done.err
    results = done.document["results"]
    assert results["config"] == {"epochs": [1, 6]}
    assert results["data"] == {}
    rows = {row["figure"]: row for row in results["figures"]}
    assert rows["val_loss"]["method"] == "paired"
    assert rows["val_loss"]["told_apart"]
    low, high = rows["val_loss"]["ci95"]
    assert low < rows["val_loss"]["difference"] < high < 0
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    again = nnlab("runs", "compare", runs / "short", runs / "long", "--figure", tmp_path / "curves.png")
    assert again.code == 2
    assert "expected --figure FILE.png" in nnlab("runs", "compare", "short", "long", "--figure", "curves.txt").err
    shown = nnlab("runs", "compare", "short", "long")
    assert re.search(r"^figure +short +long +difference", shown.out, re.MULTILINE)
    assert "95 % interval over the seeds, on this test set" in shown.out


def test_other_data_and_other_seeds_are_told_before_any_figure(nnlab, runs):
    done = nnlab("runs", "compare", runs / "short", runs / "other")
    assert done.code == 0
    assert "measured on different data" in done.err
    document = nnlab("runs", "compare", runs / "short", runs / "other", "--json").document
    assert document["results"]["figures"][0]["method"] == "welch"
    for row in document["results"]["figures"]:  # there is no test set that both were measured on
        assert (row["ci95"], row["told_apart"], row["verdict"]) == (None, False, "")
    assert "on this test set" not in done.out
    assert "digest" in document["results"]["data"]


def test_other_sums_are_told_before_any_figure(nnlab, runs, tmp_path):
    shutil.copytree(runs / "short", tmp_path / "own")
    record = json.loads((tmp_path / "own" / "config.json").read_text())
    record["config"]["op"] = "sub"
    (tmp_path / "own" / "config.json").write_text(json.dumps(record))
    assert "learned other things: op differ" in nnlab("runs", "compare", runs / "short", "own").err


def test_one_run_a_side_tells_nothing(nnlab, runs):
    done = nnlab("runs", "compare", runs / "short", runs / "single")
    assert done.code == 0
    assert "repeat both with --runs 5" in done.err
    assert "cannot be told apart" not in done.out


@pytest.mark.parametrize("names", [["short"], ["short", "short"], ["short", "nowhere"]])
def test_what_cannot_be_compared_is_refused(nnlab, runs, names):
    done = nnlab("runs", "compare", *(runs / name for name in names))
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)


def test_finished_runs_become_markdown_tables(nnlab, runs, tmp_path):
    document = json.loads((runs / "single" / "results.json").read_text())
    document["results"]["baselines"] = {"published": {"exact_match": 0.25, "test_loss": 2.5, "character_accuracy": 0.5}}
    document["results"]["exact_match"] = 0.5
    document["results"]["exact_match_by_length"] = [{"digits": n, "exact_match": 0.125, "kinds": {}} for n in (3, 1000)]
    document["environment"]["processor"] = "odd | one <b>"
    document["environment"]["commit"] = "abc123"
    shutil.copytree(runs / "single", tmp_path / "own")
    (tmp_path / "own" / "results.json").write_text(json.dumps(document))
    done = nnlab("runs", "table", runs / "long", tmp_path / "own")
    assert done.code == 0, done.err
    title, _, head, rule, several, single = done.out.strip().splitlines()
    assert title == "## arith"
    assert rule == "| --- " * head.count(" | ") + "| --- |"
    assert several.startswith("| `nnlab arith --preset quick ")
    assert "--runs 2" in several
    assert " | 0 to 1 | " in several
    assert " ± " in several
    columns = dict(zip(head.split(" | "), single.replace("\\|", "/").split(" | "), strict=True))
    assert columns["exact match"] == "50 % (published 25 %)"
    assert columns["exact match at 1,000 digits"] == "12.5 %"
    assert "exact match at 3 digits" not in columns  # that is the exact match itself
    by = 100 * (document["results"]["test_loss"] / 2.5 - 1)
    assert columns["test loss"].endswith(f"(published 2.5, {f'{by:+.1f}'.replace('-', '−')} %)")
    assert columns["machine"].endswith("odd / one &lt;b&gt;; " + columns["machine"].rpartition("; ")[2])
    assert columns["nnlab |"].endswith("abc123 |")
    assert "val" not in head  # what chose an epoch is not reported
    assert columns["weights"] == f"{document['results']['weights']:,}"
    [first, second] = nnlab("runs", "table", runs / "long", tmp_path / "own", "--json").document["results"]["rows"]
    assert first["figures"]["exact_match"]["value"]["n"] == 2
    assert second["figures"]["exact_match"] == {"value": 0.5, "best_baseline": {"name": "published", "value": 0.25}}
    notes = tmp_path / "notes.txt"
    notes.write_text("no table of runs")
    for path in (notes, tmp_path / "none.md", tmp_path):
        assert nnlab("runs", "table", tmp_path / "own", "--into", path).code == 2
    assert notes.read_text() == "no table of runs"
    report = tmp_path / "report.md"
    command = single.split(" | ")[0]
    kept = "# Ours\r\n\r\n| command | a | b |\r\n| `ls a\\|b` | 1 | 2 |\r\n"
    report.write_bytes(
        f"{kept}| command | remark | exact match | chrF |\n| --- | --- | --- | --- |\n{command} | mine |\n".encode()
    )
    report.chmod(0o600)
    (tmp_path / "link.md").symlink_to(report)
    into = nnlab("runs", "table", runs / "long", tmp_path / "own", "--into", tmp_path / "link.md")
    assert (into.code, into.out) == (0, f"1 of 2 runs are in {tmp_path / 'link.md'}\n"), into.err
    assert report.read_bytes().decode().startswith(kept)
    assert report.read_text().splitlines()[-1] == f"{command} | mine | 50 % (published 25 %) | – |"
    assert report.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "link.md").is_symlink()
    assert into.err.count("left out: no table of") == 1
    assert into.err.count("no column for seeds, character accuracy") == 1
    before = report.read_bytes()
    again = nnlab("runs", "table", tmp_path / "own", "--into", report, "--json").document["results"]
    assert again["into"]["written"] == [again["rows"][0]["command"]]
    for also in (runs / "single", tmp_path / "own"):  # of one command: which is meant is not told
        assert f"{tmp_path / 'own'} and {also}" in nnlab("runs", "table", tmp_path / "own", also, "--into", report).err
    assert report.read_bytes() == before
    (tmp_path / "own" / "results.json").unlink()
    some = nnlab("runs", "table", runs / "single", tmp_path / "own", tmp_path / "notes.txt", "--json")
    assert (some.code, len(some.document["results"]["rows"])) == (0, 1)
    assert some.err.count("left out:") == 2
    assert nnlab("runs", "table", tmp_path / "own").code == 2


def test_tables_of_several_networks_and_of_several_strengths_of_noise():
    from nnlab.commands.runs_table import best_baseline, cell, figure_shown, label, weights, weights_of

    results = {
        "mlp_plain": {"test_accuracy": 0.98, "weights": 1000},
        "mlp_permuted": {"test_accuracy": 0.97, "weights": 1000},
    }
    figures = {
        "baselines.logistic_plain.test_accuracy": 0.99,
        "baselines.logistic_permuted.test_accuracy": 0.9,
        "baselines.nearest_permuted.test_accuracy": {"mean": 0.95, "ci95": [0.9, 1]},
        "baselines.odd_permuted.test_accuracy": {"mean": None, "ci95": [None]},
    }
    assert best_baseline("mlp_permuted.test_accuracy", figures) == {"name": "nearest_permuted", "value": 0.95}
    assert best_baseline("mlp_plain.test_accuracy", figures) == {"name": "logistic_plain", "value": 0.99}
    assert best_baseline("mlp_plain.test_loss", figures) is None
    assert weights(weights_of(results)) == "MLP plain 1,000; MLP permuted 1,000"
    assert label("mlp_plain.test_accuracy") == "MLP plain: test accuracy"
    assert label("psnr_db at 0.02") == "PSNR in dB at 0.02"
    assert figure_shown("test_accuracy", {"mean": 0.98997, "ci95": [0.98965, 0.99035]}) == "98.997 ± 0.035 %"
    assert figure_shown("exact_match at 5 digits", {"mean": 1.0, "ci95": [1.0, 1.0]}) == "100 %"
    assert figure_shown("test_loss", {"mean": 1.5, "ci95": [None, None]}) == "1.5"
    assert figure_shown("test_loss", {"mean": 1.5, "ci95": [float("nan"), 2]}) == "1.5"
    assert figure_shown("test_loss", {"mean": 1.5, "ci95": [2, 1]}) == "1.5"
    figure = {"value": {"mean": 1.5, "ci95": [1.0, 2.0]}, "best_baseline": {"name": "xz", "value": 1.75}}
    assert cell("test_loss", figure) == "1.50 ± 0.50 (xz 1.75, not told apart)"
    figure["compared"] = {"items": 500_000, "value": 3.5}
    assert cell("test_loss", figure) == "1.50 ± 0.50 (on 500,000 of them 3.5, xz 1.75, +100.0 %)"
