"""``nnlab translate`` from end to end: it learns, what is held out stays held out, and it is useful afterwards."""

from __future__ import annotations

import csv
import io
import json
import time

import jsonschema
import numpy as np
import pytest

from nnlab.experiments import translate
from nnlab.experiments.translate import TranslateConfig
from tests.conftest import call
from tests.schema import ENVELOPE, RESULTS

QUICK = ["--preset", "quick", "--epochs", 2, "-q", "--json"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    from nnlab import cli

    folder = tmp_path_factory.mktemp("translate") / "run"
    with pytest.raises(SystemExit) as stopped:
        cli.main(["translate", "--preset", "quick", "--out", str(folder), "-q", "--json"])
    assert not stopped.value.code
    return folder


def test_the_published_preset_is_the_reports_setting(tmp_path, monkeypatch):
    monkeypatch.setenv("NNLAB_DATA", str(tmp_path))
    for name in ("eng-fra", "eng-ell"):
        (tmp_path / f"{name}.txt").write_text("".join(f"s{n}\tt{n}\n" for n in range(12_000)))
    french = TranslateConfig.from_options({"preset": "published", "data": "eng-fra.txt"})
    assert (french.samples, french.epochs, french.batch_size, french.units, french.pieces) == (10_000, 100, 70, 256, 0)
    greek = TranslateConfig.from_options({"preset": "published", "data": "eng-ell.txt"})
    assert (greek.epochs, greek.batch_size, greek.validation, greek.dropout) == (126, 75, 0.4, 0.5)
    model = translate.build_for_training(greek, 60, 70, 100)
    weights = 4 * 256 * (60 + 256 + 1) + 4 * 256 * (70 + 256 + 1) + 257 * 70
    assert model.count_params() == weights
    assert type(model.optimizer).__name__ == "RMSprop"


def test_quick_learns_to_translate_and_says_so(trained):
    document = json.loads((trained / "results.json").read_text())
    jsonschema.validate(document, ENVELOPE)
    jsonschema.validate(document["results"], RESULTS["translate"])
    found = document["results"]
    assert found["exact_match"] > 0.9
    assert found["chrf"] > 95
    held_out = [example for example in found["examples"] if not example["seen"]]
    assert len(held_out) == 10
    assert len(found["examples"]) == 14
    console = (trained / "console.txt").read_text()
    assert "Held out (never trained on)" in console
    assert "Input sentence:" in console
    assert "✓" in console
    for name in ("loss", "lengths", "attention"):
        assert (trained / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_figures_are_those_of_the_translations(nnlab, trained):
    """exact_match, recounted by translating the held-out sentences again after reload, one by one for some."""
    found = json.loads((trained / "results.json").read_text())["results"]
    with open(trained / "translations.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert np.mean([row["output"] in row["references"].split(" | ") for row in rows]) == found["exact_match"]
    folder = translate.RunFolder(trained)
    predictor = translate.Predictor(folder)
    predictor.open()
    sentences = [row["source"] for row in rows]
    assert predictor.answer(sentences) == [row["output"] for row in rows]
    assert [predictor.answer([one])[0] for one in sentences[:20]] == [row["output"] for row in rows[:20]]


@pytest.mark.parametrize(
    "options",
    [
        ["--preset", "published", "--data", "sample", "--epochs", 1],
        ["--preset", "published", "--data", "sample", "--epochs", 1, "--dropout", 0.5, "--validation", 0.4],
        [*QUICK, "--reverse", "--beam", 3, "--samples", 200],
        [*QUICK, "--runs", 2, "--seed", 3, "--samples", 200],
    ],
)
def test_every_way_to_run_it_runs(nnlab, options):
    done = nnlab("translate", *options, "--json", "-q")
    assert (done.code, done.err) == (0, "")
    jsonschema.validate(done.document["results"], RESULTS["translate"])
    if "--runs" in options:
        assert done.document["results"]["val_loss"]["n"] == 2


def test_verify_reproduces(nnlab):
    assert nnlab("translate", *QUICK, "--samples", 200, "--out", "run").code == 0
    done = nnlab("runs", "verify", "run")
    assert (done.code, done.out) == (0, "reproduced: the same weights, metrics and results, bit for bit\n")


def test_another_process_reproduces_the_default_network(tmp_path):
    """Subwords are cut at random while training: the draws depend on the seed alone, not on the process."""
    options = ["--data", "sample", "--samples", 200, "--epochs", 2, "-q", "--json", "--out", "run"]
    done = call("translate", *options, cwd=tmp_path)
    assert (done.code, done.document["config"]["pieces"]) == (0, 2000)
    again = call("runs", "verify", "run", cwd=tmp_path)
    assert (again.code, again.out) == (0, "reproduced: the same weights, metrics and results, bit for bit\n")


def test_early_stopping_keeps_the_best_weights(nnlab, tmp_path):
    """Noise cannot be learned: the held-out loss rises, the best epoch's weights are kept, training ends early."""
    rng = np.random.default_rng(0)
    letters = list("abcdefghij")
    lines = ["".join(rng.choice(letters, 6)) + "\t" + "".join(rng.choice(letters, 6)) for _ in range(60)]
    (tmp_path / "noise.txt").write_text("\n".join(lines))
    options = ["--preset", "quick", "--pairs", "noise.txt", "--epochs", 60, "--json", "-q", "--out", "run"]
    done = nnlab("translate", *options)
    assert done.code == 0
    with open(tmp_path / "run" / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    losses = [float(row["val_loss"]) for row in rows]
    assert len(rows) < 60
    # Six letters and their end, of eight places: Keras's mean over rows of zeros for the padding, as the report has it.
    assert [float(row["val_loss_padded"]) for row in rows] == pytest.approx([loss * 7 / 8 for loss in losses])
    assert done.document["results"]["val_loss"] == min(losses)
    best = losses.index(min(losses))
    assert len(rows) == best + 1 + done.document["config"]["patience"]
    console = (tmp_path / "run" / "console.txt").read_text()
    assert f"{best + 1} of {len(rows)}" in console


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        ("no tabs here\n" * 30, [], "pairs.txt: expected at least 20 sentence pairs, found 0 (30 lines skipped)"),
        ("a\tb\n" * 30, [], "found 1 (0 lines skipped, 29 repeated)"),
        (None, ["--samples", 5000], "expected at most 100 --samples"),
        (None, ["--validation", 0], "expected --validation between 0 and 1, both left out, got 0"),
        (None, ["--validation", 1], "both left out, got 1"),
        (None, ["--validation", 2], "both left out, got 2"),
    ],
)
def test_bad_input_is_one_line(nnlab, tmp_path, content, options, says):
    path = tmp_path / "pairs.txt"
    path.write_text(content or "".join(f"s{n}\tt{n}\n" for n in range(100)))
    done = nnlab("translate", "--pairs", path, *options)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert says in done.err
    done = nnlab("translate", "--pairs", path, "--data", "other.txt")
    assert done.code == 2
    assert "--pairs" in done.err


# ---- predict -----------------------------------------------------------------------------------------


def test_predict_translates_a_line_each(nnlab, trained, monkeypatch):
    sentences = ["We sing in the garden often.", "She works at school.", "They cook with my friends every day."]
    done = nnlab("predict", trained, *sentences)
    assert (done.code, done.err) == (0, "")
    answers = done.out.splitlines()
    assert answers[0] == "Nous chantons dans le jardin souvent."
    many = [*sentences, "", "  ", "Ω sings."] * 300
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(many) + "\n"))
    began = time.monotonic()
    piped = nnlab("predict", trained, "-")
    assert time.monotonic() - began < 60
    assert piped.code == 0
    lines = piped.out.split("\n")
    assert lines[:5] == [*answers, "", ""]
    assert len(lines) == len(many) + 1
    assert lines[1794:1797] == answers
    assert piped.err.splitlines()[0] == "warning: line 6: read as unknown, the training sentences have none: Ω"


def test_predict_refuses_what_it_cannot_read(nnlab, trained):
    done = nnlab("predict", trained, "x" * 500, "She works at school.")
    assert done.code == 2
    assert "expected a sentence of up to 400 characters, got 500" in done.err
    assert done.out.splitlines()[0] == ""
    assert nnlab("predict", trained, "She works at school.", "--beam", 4).code == 0
    done = nnlab("predict", trained, "She works.", "--length", 4)
    assert done.code == 2
    assert "a run of translate does not take --length (it takes --beam)" in done.err
