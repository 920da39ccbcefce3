"""``nnlab textgen`` from end to end: it learns, its figures are honest, and it writes afterwards."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest

import nnlab as nnlab_package
from nnlab.configs.textgen import TextgenConfig
from nnlab.data.texts.text import encode, held_out_windows, sample, training_windows
from nnlab.evaluation.metrics import token_nll
from nnlab.evaluation.text_baselines import nll_by_order
from nnlab.experiments import textgen
from nnlab.training.task import History, RunResult
from tests.conftest import run_in_process, valid


def _text(content, streams, steps, validation=0.0):
    corpus = encode([content], lower=True, origin="here")
    return textgen.Text(corpus, corpus.parts(validation), streams, steps, [])


QUICK = ["--preset", "quick", "--epochs", 2, "--length", 20, "--no-benchmark", "-q", "--json"]
PUBLISHED = ["--preset", "published", "--data", "sample", "--no-benchmark"]
TWO = ["--set", "networks=2", "--set", "units=96"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("textgen") / "run"
    run_in_process("textgen", "--preset", "quick", "--out", folder, "-q", "--json")
    return folder


def test_published_preset_is_the_setting_of_2018():
    config = TextgenConfig.from_options({"preset": "published"})
    assert (config.epochs, config.batch_size, config.maxlen, config.learning_rate) == (60, 128, 40, 0.01)
    assert config.diversity == [0.2, 0.5, 1.0, 1.2]
    assert config.networks == 1
    assert config.validation == 0  # nine tenths are trained on, as in 2018
    model = textgen.compiled(config, 57, _text("ab", 0, 100))
    assert model.count_params() == 4 * 128 * (57 + 128 + 1) + 129 * 57
    assert type(model.optimizer).__name__ == "RMSprop"
    tuned = TextgenConfig.from_options({"preset": "published", "maxlen": 50, "batch_size": 131, "epochs": 64})
    assert (tuned.maxlen, tuned.batch_size, tuned.epochs) == (50, 131, 64)


def test_training_windows_go_on_from_step_to_step():
    ids = np.arange(1000)
    x, y = training_windows(ids, 3, 10, np.random.default_rng(0))
    assert x.shape == (33 * 3, 10)
    assert np.array_equal(y, x + 1)
    for step in range(32):
        assert np.array_equal(x[3 * (step + 1) : 3 * (step + 2), 0], x[3 * step : 3 * (step + 1), -1] + 1)


@pytest.mark.parametrize("length", [23, 100, 437, 1000])
def test_every_character_of_a_part_counts_once(length):
    ids = np.arange(length)
    counted = []
    for read, following, counts in held_out_windows(ids, 4, 10):
        assert read.shape == following.shape == counts.shape == (4, 10)
        assert np.array_equal(following[counts], read[counts] + 1)
        counted += following[counts].tolist()
    assert sorted(counted) == list(range(1, length))


def test_the_loss_of_a_part_is_that_of_the_plain_way():
    """One stream over the whole tail says nearly the same; a window model exactly the same."""
    config = TextgenConfig.from_options({"preset": "quick"})
    tail = encode(["to be or not to be, that is the question. " * 30], lower=True, origin="here").ids
    model = textgen.build(config, int(tail.max()) + 1, 4)
    alone = textgen.build(config, int(tail.max()) + 1, 1)
    for one, other in zip(alone.trainable_variables, model.trainable_variables, strict=True):
        one.assign(other)
    loss = textgen.loss_on(model, config, tail)
    assert loss == pytest.approx(textgen.loss_on(alone, config, tail), abs=2e-3)
    assert loss == textgen.loss_on(model, config, tail)  # it begins anew each time

    config = TextgenConfig.from_options({"preset": "published"})
    model = textgen.build(config, int(tail.max()) + 1, 0)
    starts = range(0, len(tail) - 40, 3)
    x = np.stack([tail[start : start + 40] for start in starts])
    y = np.array([tail[start + 40] for start in starts])
    plain = token_nll(model.predict(x, verbose=0), y).mean()
    assert textgen.loss_on(model, config, tail) == pytest.approx(plain, rel=1e-6)


def test_quick_learns_to_write(trained):
    document = json.loads((trained / "results.json").read_text())
    valid(document)
    found = document["results"]
    assert found["test_loss"] < 0.4
    for part in ("val", "test"):
        assert found[f"{part}_bits_per_character"] == pytest.approx(found[f"{part}_loss"] / math.log(2))
    assert {(sample["epoch"], sample["diversity"]) for sample in found["samples"]} == {
        (epoch, diversity) for epoch in (1, 4) for diversity in (0.2, 0.5, 1.0, 1.2)
    }
    assert "the student" in " ".join(s["text"] + s["prompt"] for s in found["samples"] if s["epoch"] == 4)
    assert (trained / "figures" / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert "— diversity 0.2 —" in (trained / "console.txt").read_text()
    assert not (trained / "checkpoint").exists()


def test_validation_chooses_the_epoch_and_test_is_measured_with_its_weights(trained):
    """The saved network, asked character by character over the last tenth: the loss that was reported."""
    found = json.loads((trained / "results.json").read_text())["results"]
    with open(trained / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert not [name for name in rows[0] if name.startswith("test")]
    assert found["val_loss"] == min(float(row["val_loss"]) for row in rows)
    run = nnlab_package.load(trained)
    ids = encode([sample()], lower=True, origin="sample").ids
    cut = int(0.9 * len(ids))
    validation = ids[cut - round(0.05 * len(ids)) : cut]
    assert textgen.loss_on(run.model, run.config, validation) == pytest.approx(found["val_loss"], rel=1e-5)
    alone = textgen.build(run.config, int(ids.max()) + 1, 1)
    for one, other in zip(alone.trainable_variables, run.model.trainable_variables, strict=True):
        one.assign(other)
    assert textgen.loss_on(alone, run.config, ids[cut:]) == pytest.approx(found["test_loss"], abs=2e-3)


def test_of_a_long_text_the_network_is_measured_also_on_what_the_baselines_predict(monkeypatch):
    monkeypatch.setattr(textgen, "PREDICTED", 100)
    monkeypatch.setattr(textgen, "loss_on", lambda model, config, part: float(len(part)))
    monkeypatch.setattr(textgen, "reset", lambda model: None)
    for length, compared in ((2000, {"test_loss": 100.0, "test_bits_per_character": 100 / math.log(2)}), (900, None)):
        [task] = textgen.tasks(TextgenConfig.from_options({"preset": "quick"}), _text("ab" * (length // 2), 2, 3, 0.05))
        run = RunResult(History(), task.outputs(None))
        assert textgen.measured_on("test", [run])["test_loss"] == length / 10
        assert ("compared_loss" in run.outputs) is (compared is not None)
        assert compared is None or textgen.measured_on("compared", [run]) == compared


def test_baselines_stand_beside_the_network(trained):
    found = json.loads((trained / "results.json").read_text())["results"]
    ids = encode([sample()], lower=True, origin="sample").ids
    cut = int(0.9 * len(ids))
    training = ids[: cut - round(0.05 * len(ids))]
    plain = found["baselines"]["kneser_ney"]
    [nats] = nll_by_order(training, [ids[cut:]], int(ids.max()) + 1, plain["order"])
    assert plain["test_loss"] == pytest.approx(nats[-1].mean())
    assert plain["test_loss"] < found["baselines"]["xz"]["test_loss"]
    console = (trained / "console.txt").read_text()
    assert f"baseline: Kneser–Ney {plain['order']}-grams" in console
    better = found["test_loss"] < plain["test_loss"]
    says = "Beyond the best baseline" if better else "This network is worth nothing beyond the best baseline"
    assert says in console
    assert f"{abs(found['test_loss'] - plain['test_loss']):.3f} nats per character" in " ".join(console.split())
    assert max(map(len, console.splitlines())) <= 80
    assert f"{found['weights']:,} weights" in console
    assert found["mflop"] == pytest.approx(2 * (192 * 4 * 192 + 192 * (int(ids.max()) + 1)) / 1e6, rel=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param([*PUBLISHED, "--epochs", 1, "--length", 50, "--maxlen", 12], marks=pytest.mark.slow),
        pytest.param([*QUICK, "--runs", 2, "--seed", 3, "--workers", 1], marks=pytest.mark.release),
        pytest.param(
            [*QUICK, *TWO, "--maxlen", 20, "--diversity", 0.7, "--diversity", 1.5, "--length", 300, "--keep-case"],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_options_run(nnlab, options):
    done = nnlab("textgen", *options, "--json", "-q")
    assert (done.code, done.err) == (0, "")
    if "--runs" in options:
        assert done.document["results"]["test_loss"]["n"] == 2
    if "published" in options:
        assert "val_loss" not in done.document["results"]
    if "--keep-case" in options:
        assert {len(sample["text"]) for sample in done.document["results"]["samples"]} == {300}
        assert {sample["diversity"] for sample in done.document["results"]["samples"]} == {0.7, 1.5}


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        ("", [], "is empty"),
        ("too short", [], "expected at least 660 characters for --maxlen 64 and a tenth to test"),
        ("a" * 5000, [], "has 'a' only"),
        ("abc" * 400, ["--maxlen", 500], "expected at least 5,020 characters"),
        (b"caf\xe9 " * 300, [], "mine.txt:1: expected UTF-8, byte 4 of the line is 0xe9"),
        (
            "abc" * 400,
            ["--set", "network=window", "--set", "networks=2"],
            "networks changes nothing with network window",
        ),
        ("abc" * 400, ["--diversity", 0], "expected --diversity 0.01 to 10, got 0"),
    ],
)
def test_bad_input_is_one_line(nnlab, tmp_path, content, options, says):
    path = tmp_path / "mine.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = nnlab("textgen", "--data", path, *options)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert says in done.err
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())


def test_an_error_before_the_first_epoch_leaves_nothing(nnlab, tmp_path):
    done = nnlab("textgen", "--preset", "quick", "--device", "gpu")
    assert done.code == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_short_text_is_learned(nnlab, tmp_path):
    """A text of one sentence over and over: its loss comes to nearly nothing, and it is written on."""
    (tmp_path / "mine.txt").write_text("one two three four five six seven eight nine ten. " * 20)
    options = ["--preset", "quick", "--data", "mine.txt", "--epochs", 25, "--length", 40, "--no-benchmark"]
    done = nnlab("textgen", *options, "--json", "-q", "--out", "run")
    assert done.code == 0
    assert done.document["results"]["test_loss"] < 0.5
    written = nnlab("predict", "run", "one two three ", "--length", 20, "--diversity", 0.2)
    assert written.out == "four five six seven \n"


# ---- predict -----------------------------------------------------------------------------------------


def test_predict_continues_a_prompt(nnlab, trained):
    done = nnlab("predict", trained, "The student ", "--length", 200, "--diversity", 0.3)
    assert (done.code, done.err) == (0, "")
    assert len(done.out) == 201
    assert nnlab("predict", trained, "The student ", "--length", 200, "--diversity", 0.3).out == done.out
    assert nnlab("predict", trained, "The student ", "--length", 200, "--diversity", 0.3, "--seed", 1).out != done.out
    longer = nnlab("predict", trained, "The student ", "--length", 260, "--diversity", 0.3)
    assert longer.out.startswith(done.out[:-1])
    as_json = nnlab("predict", trained, "The student ", "--length", 200, "--diversity", 0.3, "--json").document
    assert as_json["results"]["answers"][0]["answer"] == done.out[:-1]


def test_predict_many_prompts_one_per_line(nnlab, trained, monkeypatch):
    import io

    prompts = [f"the student {word}" for word in ("trains", "doubts", "keeps")]
    done = nnlab("predict", trained, *prompts, "--length", 50)
    assert (done.code, len(done.out.splitlines())) == (0, 3)
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join([*prompts, "", "#", "§ a"]) + "\n"))
    piped = nnlab("predict", trained, "-", "--length", 50)
    assert piped.out.splitlines()[:3] == done.out.splitlines()
    assert piped.out.splitlines()[3:5] == ["", ""]
    assert piped.code == 2
    errors = piped.err.splitlines()
    assert errors[0].startswith("error: line 4: expected a prompt of at least one character, it is empty")
    assert errors[1].startswith("error: line 5: the model knows none of the characters of '#'")
    assert errors[2] == "warning: line 6: ignored, as the training text has none: §"


def test_top_p_writes_only_the_most_probable_characters(nnlab, trained):
    """With a small nucleus and a high temperature only the most probable character is left: as at a low one."""
    greedy = nnlab("predict", trained, "the ", "--diversity", 0.01, "--length", 60)
    nucleus = nnlab("predict", trained, "the ", "--diversity", 1.0, "--top-p", 0.01, "--length", 60)
    free = nnlab("predict", trained, "the ", "--diversity", 1.0, "--length", 60)
    assert (greedy.code, nucleus.code) == (0, 0)
    assert nucleus.out == greedy.out != free.out


def test_predict_refuses_options_of_other_commands(nnlab, trained):
    done = nnlab("predict", trained, "the ", "--beam", 3)
    assert done.code == 2
    assert "a run of textgen does not take --beam (it takes --length, --diversity, --top-p, --seed)" in done.err


def test_predict_with_a_prompt_longer_than_a_window(nnlab, trained):
    long = "nobody keeps the seed. " * 20
    done = nnlab("predict", trained, long, "--length", 30)
    assert (done.code, len(done.out)) == (0, 31)
