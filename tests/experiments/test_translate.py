"""``nnlab translate`` from end to end: it learns, what is held out stays held out, and it is useful afterwards."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

import nnlab as python
from nnlab.configs.translate import TranslateConfig
from nnlab.data.pairs import sentence_pairs
from nnlab.evaluation.translation_baselines import translation_baselines
from nnlab.experiments import FinishedRun, translate
from nnlab.experiments.insights import Table
from nnlab.experiments.insights.translate import insights
from nnlab.models.beam_search import Translator
from tests.conftest import call, run_in_process, valid

QUICK = ["--preset", "quick", "--epochs", 2, "--no-benchmark", "-q", "--json"]
PUBLISHED = ["--preset", "published", "--data", "sample", "--no-benchmark"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("translate") / "run"
    run_in_process("translate", "--preset", "quick", "--epochs", 6, "--out", folder, "-q", "--json")
    return folder


GREEK_WORDS = ("σκύλος", "γάτα", "σπίτι", "βιβλίο", "νερό")


@pytest.mark.parametrize(
    ("file", "words", "setting"),
    [
        ("intellect-ell.txt", ("chien", "chat", "maison"), (100, 70, 0.0, 0.2, 0.0)),
        ("eng-fra.txt", GREEK_WORDS, (126, 75, 0.0, 0.4, 0.5)),
    ],
)
def test_published_setting_follows_the_letters_and_not_the_path(tmp_path, file, words, setting):
    path = tmp_path / file
    path.write_text("".join(f"word {n}\t{words[n % len(words)]} {n}\n" for n in range(40)), encoding="utf-8")
    config = translate.load(TranslateConfig.from_options({"preset": "published", "data": str(path)})).config
    assert (config.epochs, config.batch_size, config.validation, config.test, config.dropout) == setting
    assert config.samples == 40
    typed = {"preset": "published", "data": str(path), "epochs": 3, "test": 0.1}
    config = translate.load(TranslateConfig.from_options(typed)).config
    assert (config.epochs, config.test) == (3, 0.1)


def test_published_preset_is_the_setting_of_2018(tmp_path):
    (tmp_path / "pairs.txt").write_text("".join(f"s{n}\tt{n}\n" for n in range(12_000)))
    given = {"preset": "published", "data": str(tmp_path / "pairs.txt")}
    loaded = translate.load(TranslateConfig.from_options(given))
    config = loaded.config
    assert (config.samples, config.epochs, config.batch_size, config.units, config.vocab_size) == (
        *(10_000, 100, 70, 256, 0),
    )
    source, target = len(loaded.data.source), len(loaded.data.target)
    model = translate.compiled(config, loaded.data)
    weights = 4 * 256 * (source + 256 + 1) + 4 * 256 * (target + 256 + 1) + 257 * target
    assert model.count_params() == weights
    assert type(model.optimizer).__name__ == "RMSprop"


def test_it_learns_to_translate(trained):
    document = json.loads((trained / "results.json").read_text())
    valid(document)
    found = document["results"]
    assert found["exact_match"] > 0.9
    assert found["chrf"] > 95
    tested = [example for example in found["examples"] if not example["seen"]]
    assert len(tested) == 10
    assert len(found["examples"]) == 14
    console = (trained / "console.txt").read_text()
    assert "Test sources (never trained on)" in console
    assert f"{found['weights']:,} weights" in console
    assert "test sentence read and its reference written once" in " ".join(console.split())
    assert max(map(len, console.splitlines())) <= 80
    assert "Input sentence:" in console
    assert "✓" in console
    for name in ("loss", "lengths", "attention"):
        assert (trained / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_shows_first_what_was_measured(trained, monkeypatch):
    """The first translation is the output in translations.csv, also where a wider beam has it nowhere."""
    n_best = Translator.n_best

    def only_others(self, sentences):
        found = n_best(self, sentences)
        return found if self._search.beam == 1 else [[("something else", -1.0), *one[1:]] for one in found]

    monkeypatch.setattr(Translator, "n_best", only_others)
    with open(trained / "translations.csv", encoding="utf-8", newline="") as file:
        outputs = {row["source"]: row["output"] for row in csv.DictReader(file)}
    config = TranslateConfig.from_record(json.loads((trained / "config.json").read_text())["config"])
    run = FinishedRun(trained / "model.keras", json.loads((trained / "preprocessing.json").read_text()))
    found, *_ = insights(config, translate.load(config), run)
    assert config.beam == 1
    assert "written greedily" in found.caption
    for shown in found.contents:
        assert isinstance(shown, Table)
        assert shown.rows[0][0].removesuffix(" ✓") == outputs[shown.heads[0]]


def test_figures_are_those_of_the_translations(nnlab, trained):
    """exact_match, recounted by translating the test sentences again after reload, one by one for some."""
    found = json.loads((trained / "results.json").read_text())["results"]
    with open(trained / "translations.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert np.mean([row["output"] in row["references"].split(" | ") for row in rows]) == found["exact_match"]
    run = python.load(trained)
    sentences = [row["source"] for row in rows]
    parts = sentence_pairs.split(sentence_pairs.sample(), 0.1, 0.1, 0)
    assert sentences == list(parts.test)
    data = translate.load(run.config).data
    assert translate.loss_on(run.model, data.test) == pytest.approx(found["test_loss"], rel=1e-5)
    assert translate.loss_on(run.model, data.watched) == pytest.approx(found["val_loss"], rel=1e-5)
    with open(trained / "metrics.csv", newline="") as file:
        assert found["val_loss"] == min(float(row["val_loss"]) for row in csv.DictReader(file))
    assert run.predict(sentences) == [row["output"] for row in rows]
    assert [run.predict([sentence])[0] for sentence in sentences[:5]] == [row["output"] for row in rows[:5]]


def test_baselines_stand_beside_the_network(trained):
    found = json.loads((trained / "results.json").read_text())["results"]
    parts = sentence_pairs.split(sentence_pairs.sample(), 0.1, 0.1, 0)
    for name, outputs in translation_baselines(parts.training, list(parts.test)).items():
        right = np.mean([output in targets for output, targets in zip(outputs, parts.test.values(), strict=True)])
        assert found["baselines"][name]["exact_match"] == pytest.approx(right)
        assert found["baselines"][name]["chrf"] < found["chrf"]
    best = max(figures["chrf"] for figures in found["baselines"].values())
    console = " ".join((trained / "console.txt").read_text().split())
    assert f"the network gains {found['chrf'] - best:.1f} points of chrF" in console


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(
            [*PUBLISHED, "--epochs", 1, "--dropout", 0.5, "--test", 0.4, "--reverse", "--beam", 2],
            marks=pytest.mark.slow,
        ),
        pytest.param([*QUICK, "--reverse", "--beam", 3, "--samples", 200], marks=pytest.mark.slow),
        pytest.param([*QUICK, "--runs", 2, "--seed", 3, "--samples", 200, "--workers", 1], marks=pytest.mark.release),
    ],
)
def test_options_run(nnlab, options):
    done = nnlab("translate", *options, "--json", "-q")
    assert (done.code, done.err) == (0, "")
    if "--runs" in options:
        assert done.document["results"]["test_loss"]["n"] == 2
    assert ("val_loss" in done.document["results"]) is ("published" not in options)


@pytest.mark.release
def test_verify_in_another_process_reproduces_the_default_network(tmp_path):
    """Subwords are cut at random while training: the draws depend on the seed alone, not on the process."""
    options = ["--data", "sample", "--samples", 100, "--epochs", 1, "--no-benchmark", "-q", "--json", "--out", "run"]
    done = call("translate", *options, cwd=tmp_path)
    assert (done.code, done.document["config"]["vocab_size"]) == (0, 2000)
    again = call("runs", "verify", "run", cwd=tmp_path)
    assert (again.code, again.out) == (0, "reproduced: the same weights, metrics and results, bit for bit\n")


@pytest.mark.slow
def test_early_stopping_keeps_the_best_weights(nnlab, tmp_path):
    """Noise cannot be learned: the validation loss rises, the best epoch's weights are kept, training ends early."""
    rng = np.random.default_rng(0)
    letters = list("abcdefghij")
    lines = ["".join(rng.choice(letters, 6)) + "\t" + "".join(rng.choice(letters, 6)) for _ in range(60)]
    (tmp_path / "noise.txt").write_text("\n".join(lines))
    options = [
        "--preset",
        "quick",
        "--pairs",
        "noise.txt",
        "--epochs",
        60,
        "--no-benchmark",
        "--json",
        "-q",
        "--out",
        "run",
    ]
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
        ("no tabs here\n" * 30, [], "pairs.txt: expected two columns with a tab"),
        ("a\tb\n" * 30, [], "found 1 (0 lines skipped, 29 repeated)"),
        (None, ["--samples", 5000], "expected at most 100 --samples"),
        (None, ["--validation", -0.1], "expected --validation at least 0 and below 1, got -0.1"),
        (None, ["--validation", 1], "at least 0 and below 1, got 1"),
        (None, ["--test", 0], "expected --test above 0 and below 1, got 0"),
        (None, ["--test", 0.6, "--validation", 0.4], "expected --validation and --test of less than 1 together"),
    ],
)
def test_bad_input_is_one_line(nnlab, tmp_path, content, options, says):
    path = tmp_path / "pairs.txt"
    path.write_text(content or "".join(f"s{n}\tt{n}\n" for n in range(100)))
    done = nnlab("translate", "--pairs", path, *options)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert says in done.err


# ---- predict -----------------------------------------------------------------------------------------


def test_predict_translates_one_per_line(nnlab, trained, monkeypatch):
    sentences = ["We sing in the garden often.", "She works at school.", "They cook with my friends every day."]
    done = nnlab("predict", trained, *sentences)
    assert (done.code, done.err) == (0, "")
    answers = done.out.splitlines()
    assert answers[0] == "Nous chantons dans le jardin souvent."
    many = [*sentences, "", "  ", "Ω sings."] * 300
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(many) + "\n"))
    piped = nnlab("predict", trained, "-")
    assert piped.code == 0
    lines = piped.out.split("\n")
    assert lines[:5] == [*answers, "", ""]
    assert len(lines) == len(many) + 1
    assert lines[1794:1797] == answers
    assert piped.err.splitlines()[0] == "warning: line 6: read as unknown, the training sentences have none: Ω"


def test_predict_with_a_sentence_too_long(nnlab, trained):
    done = nnlab("predict", trained, "x" * 500, "She works at school.")
    assert done.code == 2
    assert "expected a sentence of up to 400 characters, got 500" in done.err
    assert done.out.splitlines()[0] == ""
    assert nnlab("predict", trained, "She works at school.", "--beam", 4).code == 0
    done = nnlab("predict", trained, "She works.", "--length", 4)
    assert done.code == 2
    assert "a run of translate does not take --length (it takes --beam, --n-best)" in done.err


def test_predict_shows_the_n_best(nnlab, trained):
    sentences = ["She works at school.", "", "We sing."]
    plain = nnlab("predict", trained, *sentences, "--beam", 4).out.splitlines()
    done = nnlab("predict", trained, *sentences, "--n-best", 4, "--beam", 4)
    assert done.code == 0
    lines = done.out.splitlines()
    assert len(lines) == 3
    assert [line.split("\t")[0] for line in lines] == plain
    answers = nnlab("predict", trained, *sentences, "--n-best", 4, "--json").document["results"]["answers"]
    for line, answer in zip(lines, answers, strict=True):
        pairs = line.split("\t") if line else []
        found = answer["answer"]
        assert pairs[::2] == [one["text"] for one in found]
        assert pairs[1::2] == [f"{one['score']:.4f}" for one in found]
        assert [one["score"] for one in found] == sorted((one["score"] for one in found), reverse=True)
        assert len(found) == (4 if answer["input"] else 0)
    assert python.load(trained).predict(sentences, n_best=4) == [answer["answer"] for answer in answers]
    done = nnlab("predict", trained, "We sing.", "--n-best", 5, "--beam", 4)
    assert (done.code, done.out) == (2, "")
    assert "expected --n-best of at most --beam, got 5 of a beam of 4" in done.err
    assert nnlab("predict", trained, "We sing.", "--n-best", 33).code == 2
