"""``nnlab arith`` from end to end: it learns, it is honest, and it is useful afterwards."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import nnlab as python
from nnlab.configs.arith import ArithConfig
from nnlab.experiments import arith
from tests.conftest import valid


def results(folder):
    return json.loads((folder / "results.json").read_text())["results"]


def test_documented_example_is_true():
    config = ArithConfig.from_options({"op": "sub"})
    x = arith.encode_questions(config, np.array([46]), np.array([601]))
    assert x[0].tolist() == [[6, 1], [4, 0], [10, 6], [10, 10]]  # 10 is blank
    y = arith.encode_answers(config, np.array([-555]))
    assert y[0].tolist() == [5, 5, 5, 11]  # 11 is the sign
    assert arith.decode(config, y) == ["-555"]
    loaded = arith.load(config)
    assert (len(loaded.data.training), len(loaded.data.held_out)) == (45_000, 5_000)
    assert loaded.config.samples == 50_000


def test_published_preset_is_the_setting_of_2018():
    config = ArithConfig.from_options({"preset": "published"})
    assert (config.network, config.units, config.batch_size, config.samples, config.epochs) == (
        *("seq2seq", 128, 128, 50_000, 199),
    )
    model = arith.compiled(config, 45_000)
    assert [type(layer).__name__ for layer in model.layers][1:] == ["OneHot", "LSTM", "RepeatVector", "LSTM", "Dense"]
    assert model.count_params() == 4 * 128 * (12 + 128 + 1) + 4 * 128 * (128 + 128 + 1) + 129 * 12
    assert type(model.optimizer).__name__ == "Adam"
    x = arith.encode_questions(config, np.array([5]), np.array([61]))
    assert "".join("0123456789 +"[i] for i in x[0]) == "   16+5"  # read backwards


def test_quick_learns_to_add(trained):
    document = json.loads((trained / "results.json").read_text())
    valid(document)
    found = document["results"]
    assert found["exact_match"] >= 0.97
    assert found["character_accuracy"] >= found["exact_match"]
    assert found["epochs_to_99"] > 1 or found["exact_match"] < 0.99
    rows = (trained / "metrics.csv").read_text().splitlines()
    assert rows[0] == "run,epoch,seconds,loss,val_loss,exact_match,character_accuracy"
    assert len(rows) == document["config"]["epochs"] + 1
    assert not (trained / "checkpoint").exists()
    for name in ("loss", "difficulty"):
        assert (trained / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_figures_are_those_of_the_answers(trained):
    """exact_match, recounted from the saved model by hand; the run is used from Python."""
    run = python.load(trained)
    held_out = arith.load(run.config).data.held_out
    pairs = list(zip(held_out.left.tolist(), held_out.right.tolist(), strict=True))
    answers = run.predict([f"{a}+{b}" for a, b in pairs])
    right = [answer == str(a + b) for (a, b), answer in zip(pairs, answers, strict=True)]
    assert np.mean(right) == run.results["exact_match"]


def test_data_seed_draws_the_questions_and_seed_does_not(nnlab, tmp_path):
    """Run k of many is its run alone; another --data-seed holds out other questions."""
    options = ["arith", "--preset", "quick", "--samples", 200, "--epochs", 1, "-q"]
    assert nnlab(*options, "--runs", 3, "--workers", 1, "--out", "many").code == 0
    assert nnlab(*options, "--seed", 2, "--out", "alone").code == 0
    many = [row.split(",", 1)[1] for row in (tmp_path / "many" / "metrics.csv").read_text().splitlines()]
    alone = [row.split(",", 1)[1] for row in (tmp_path / "alone" / "metrics.csv").read_text().splitlines()]

    def without_seconds(row):
        epoch, _, *figures = row.split(",")
        return epoch, figures

    assert without_seconds(many[3]) == without_seconds(alone[1])
    assert without_seconds(many[1]) != without_seconds(alone[1])
    drawn = {seed: arith.load(ArithConfig.from_options({"data_seed": seed})).data.held_out for seed in (0, 1)}
    assert drawn[0].left.tolist() != drawn[1].left.tolist()
    same = arith.load(ArithConfig.from_options({"seed": 7})).data.held_out
    assert same.left.tolist() == drawn[0].left.tolist()


def test_from_python(tmp_path):
    run = python.train("arith", op="sub", preset="quick", samples=300, epochs=2, out=tmp_path / "run")
    assert run.results["exact_match"] >= 0
    assert [row["epoch"] for row in run.metrics] == [1, 2]
    assert (run.config.op, run.config.epochs) == ("sub", 2)
    assert len(run.predict(["5-3", "1-9"])) == 2
    assert run.model.count_params() > 1000
    again = python.load(tmp_path / "run")
    assert again.results == run.results
    assert again.predict(["5-3"]) == run.predict(["5-3"])
    from nnlab.errors import InputError, UsageError

    with pytest.raises(UsageError, match="--epochs"):
        python.train("arith", epochs=0, out=tmp_path / "none")
    with pytest.raises(InputError):
        again.predict(["what"])
    with pytest.raises(UsageError, match="--beam"):
        again.predict(["1-1"], beam=3)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "options",
    [
        ["--op", "mul", "--digits", "2"],
        ["--preset", "published", "--op", "sub", "--digits", "1", "--samples", "55"],
        pytest.param(["--digits", "9"], marks=pytest.mark.slow),
        ["--runs", "2", "--seed", "5", "--workers", "1"],
    ],
)
def test_options_run(nnlab, options):
    preset = [] if "--preset" in options else ["--preset", "quick"]
    samples = [] if "--samples" in options else ["--samples", "500"]
    done = nnlab("arith", *preset, *samples, *options, "--epochs", 2, "--json", "-q")
    assert (done.code, done.err) == (0, "")
    assert ("--runs" in options) == isinstance(done.document["results"]["exact_match"], dict)


@pytest.mark.slow
def test_subtraction_learns_its_sign(nnlab):
    options = ["--op", "sub", "--digits", 1, "--samples", 55, "--preset", "quick", "--epochs", 60, "--batch-size", 8]
    done = nnlab("arith", *options, "--json", "-q", "--out", "run")
    assert done.code == 0
    answers = nnlab("predict", "run", "3-8", "8-3", "5-5", "0-9").out.splitlines()
    assert sum(a == b for a, b in zip(answers, ["-5", "5", "0", "-9"], strict=True)) >= 3


def test_own_questions_and_predict_after_they_moved(nnlab, tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("\n".join(f"{a}+{b}={a + b}" for a in range(10) for b in range(10)) + "\n")
    done = nnlab("arith", "--preset", "quick", "--data", path, "--digits", 1, "--epochs", 1, "--json", "-q")
    assert done.code == 0
    assert done.document["config"]["samples"] == 55  # a+b and b+a are one
    path.rename(tmp_path / "moved.txt")
    folder = done.document["run"]
    answered = nnlab("predict", folder, "3+4")
    assert (answered.code, answered.err) == (0, "")  # reading a record does not look at the training data
    path.write_text("1+1=2\n1+2=4\n")
    done = nnlab("arith", "--preset", "quick", "--digits", 1, "--data", path)
    assert done.code == 2
    assert f"{path}:2: 1+2 is 3, not '4'" in done.err
    assert len(list((tmp_path / "runs").iterdir())) == 1  # the first run's folder only


# ---- predict, runs -----------------------------------------------------------------------------------


def test_predict_answers_one_per_line(nnlab, trained):
    done = nnlab("predict", trained, "291+7", " 46 + 601 ")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == ["298", "647"]


def test_predict_with_unreadable_inputs(nnlab, trained):
    done = nnlab("predict", trained, "291+7", "2917", "1+4000", "46+601")
    assert done.code == 2
    assert done.out.splitlines() == ["298", "", "", "647"]
    errors = done.err.splitlines()
    assert errors[0].startswith("error: input 2: expected a question like 12+34, got '2917'")
    assert errors[1].startswith("error: input 3: expected numbers of up to 3 digits, got '1+4000'")
    assert len(errors) == 2


def test_predict_as_json(nnlab, trained):
    done = nnlab("predict", trained, "291+7", "x", "--json")
    assert done.code == 2
    assert [answer["answer"] for answer in done.document["results"]["answers"]] == ["298", None]


def test_predict_reads_thousands_of_lines_from_a_pipe(nnlab, trained, monkeypatch):
    import io

    pairs = [(a, b) for a in range(100) for b in range(0, 1000, 20)]
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{a}+{b}\n" for a, b in pairs) + "oops\r\n1+1"))
    done = nnlab("predict", trained, "-")
    assert done.code == 2
    answers = done.out.splitlines()
    assert len(answers) == len(pairs) + 2
    assert np.mean([answer == str(a + b) for answer, (a, b) in zip(answers, pairs, strict=False)]) > 0.9
    assert done.err.startswith("error: line 5001: expected a question like 12+34, got 'oops'")
    one_by_one = nnlab("predict", trained, *(f"{a}+{b}" for a, b in pairs[:40]))
    assert one_by_one.out.splitlines() == answers[:40]


@pytest.mark.parametrize("damage", ["model", "config", "none"])
def test_predict_with_damaged_run_folder(nnlab, trained, tmp_path, damage):
    shutil.copytree(trained, tmp_path / "run")
    if damage == "model":
        (tmp_path / "run" / "model.keras").write_bytes((trained / "model.keras").read_bytes()[:5000])
    elif damage == "config":
        (tmp_path / "run" / "config.json").write_text('{"schema": 2, "command": "arith", "config": {"op": "add"}}')
    else:
        (tmp_path / "run" / "model.keras").unlink()
    done = nnlab("predict", "run", "1+1")
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert done.err.startswith("error: ")


def test_runs_are_listed_and_shown_again(nnlab, trained):
    done = nnlab("runs", "--dir", trained.parent)
    assert done.code == 0
    assert "run " in done.out
    assert "done" in done.out
    assert "right" in done.out
    listed = nnlab("runs", "--dir", trained.parent, "--json").document["results"]["runs"]
    assert [(entry["run"], entry["command"], entry["status"]) for entry in listed] == [("run", "arith", "done")]
    shown = nnlab("runs", "show", trained)
    assert shown.out == (trained / "console.txt").read_text()
    assert "After epoch 1" in shown.out
    document = nnlab("runs", "show", trained, "--json").document
    assert document["results"] == results(trained)


def test_resuming_a_finished_run_shows_its_results(nnlab, trained):
    done = nnlab("arith", "--resume", trained)
    assert done.code == 0
    assert done.out == (trained / "console.txt").read_text()
    assert "is finished" in done.err


def test_verify_reproduces_and_catches_a_changed_bit(nnlab, tmp_path):
    options = ["--preset", "quick", "--samples", 300, "--epochs", 2, "--runs", 2, "--workers", 1, "--out", "run", "-q"]
    assert nnlab("arith", *options).code == 0
    done = nnlab("runs", "verify", "run")
    assert (done.code, done.out.splitlines()) == (0, ["reproduced: the same weights, metrics and results, bit for bit"])
    metrics = tmp_path / "run" / "metrics.csv"
    lines = metrics.read_text().splitlines()
    run, epoch, seconds, loss, *rest = lines[2].split(",")
    lines[2] = ",".join([run, epoch, seconds, loss[:-1] + str((int(loss[-1]) + 1) % 10), *rest])
    metrics.write_text("\n".join(lines) + "\n")
    done = nnlab("runs", "verify", "run", "--json")
    assert done.code == 1
    assert "metrics.csv differs first in run 0, epoch 2" in done.document["error"]["message"]


# ---- what the prompt marks ---------------------------------------------------------------------------


def _logits(*rows):
    """Logits of which each row gives two characters these probabilities."""
    logits = np.full((len(rows), 12), -30.0)
    for row, likely in zip(logits, rows, strict=True):
        for character, p in likely.items():
            row["0123456789 -".index(character)] = np.log(p)
    return logits


@pytest.mark.parametrize("network", ["columns", "seq2seq"])
def test_characters_that_are_unsure_are_named(network):
    config = ArithConfig.from_options({"op": "sub", "preset": "best" if network == "columns" else "published"})
    assert config.network == network
    sure, doubtful, blank = {"7": 1.0}, {"1": 0.62, "2": 0.38}, {" ": 0.7, "-": 0.3}
    if network == "columns":  # least significant first: what is before the answer comes last
        found = arith.unsure_of(config, _logits(sure, doubtful, sure, blank))
        assert found[0] == (-1, "nothing more (70 %) or - (30 %)")
    else:
        found = arith.unsure_of(config, _logits(sure, doubtful, sure, blank))
        assert found[-1] == (3, "nothing more (70 %) or - (30 %)")
    assert (1, "character 2 is 1 (62 %) or 2 (38 %)") in found
    assert len(found) == 2
    assert arith.unsure_of(config, _logits(sure, {"1": 0.91, "2": 0.09}, sure, {" ": 1.0})) == []


def test_the_prompts_answer_is_that_of_a_script(trained):
    from nnlab.commands.predict import open_predictor
    from nnlab.output.run_folder import RunFolder

    predictor, _ = open_predictor(RunFolder.open(trained), {})
    pairs = [(a, b) for a in range(0, 1000, 37) for b in range(0, 1000, 111)]
    shown = [predictor.show("", pair) for pair in pairs]
    assert [text.plain.split("   ")[0] for text in shown] == predictor.answer(pairs)
    for text in shown:
        underlined = {text.plain[span.start] for span in text.spans if "underline" in str(span.style)}
        assert all(f" is {character} (" in text.plain for character in underlined)
