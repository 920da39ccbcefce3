"""``nnlab arith`` from end to end: it learns, it is honest, and it is useful afterwards."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nnlab as python
from nnlab.commands.runs import compare
from nnlab.config import Inherited
from nnlab.configs.arith import ArithConfig
from nnlab.data.sums.arithmetic import BLANK, Sums, number_ids, to_strings
from nnlab.errors import InputError, UsageError
from nnlab.experiments import FinishedRun, _long_sums, _sums, arith
from nnlab.experiments.summaries import arith as summaries
from nnlab.output.run_folder import RunFolder
from tests.conftest import valid


def results(folder):
    return json.loads((folder / "results.json").read_text())["results"]


def test_blanks_are_no_characters_that_are_right():
    """An answer of blanks has nothing right, one digit too many is wrong, and a blank beside a blank is not counted."""
    truths = np.array([[5, 10, 10, 10], [1, 2, 10, 10], [7, 3, 11, 10]])
    blank = np.full_like(truths, 10)
    assert arith.shares_right(blank, truths) == (0, 0)
    assert arith.shares_right(truths, truths) == (1, 1)
    answers = np.array([[5, 5, 10, 10], [1, 2, 10, 10], [7, 0, 11, 10]])  # right: 5, 1, 2, 7 and the sign
    assert arith.shares_right(answers, truths) == pytest.approx((1 / 3, 5 / 7))


def test_documented_example_is_true():
    config = ArithConfig.from_options({"op": "sub"})
    x = _sums.encode_questions(config, ["46"], ["601"])
    assert x[0].tolist() == [[6, 1], [4, 0], [10, 6], [10, 10]]  # 10 is blank
    y = _sums.encode_answers(config, np.array([-555]))
    assert y[0].tolist() == [5, 5, 5, 11]  # 11 is the sign
    assert _sums.decode(config, y) == ["-555"]
    loaded = arith.load(config)
    parts = loaded.data.training, loaded.data.validation, loaded.data.test
    assert list(map(len, parts)) == [40_500, 4_500, 5_000]
    assert loaded.config.samples == 50_000
    assert loaded.config.baseline_epochs > 0


def test_what_goes_on_from_trained_weights_is_not_set_beside_a_network_that_begins(tmp_path):
    parent = Inherited("my [b]run", tmp_path, "abc", {}, np.zeros(0, np.uint64))
    fresh = ArithConfig.from_options({"samples": 300})
    child = ArithConfig.from_options({"samples": 300, "start": "abc"}, settings=True).inheriting(parent)
    assert arith.load(fresh).config.baseline_epochs > 0
    config = arith.load(child).config
    assert config.baseline_epochs == 0
    figures = dict.fromkeys(
        ("exact_match", "character_accuracy", "test_loss", "val_loss", "loss", "seconds_to_99"), 1.0
    )
    found = {**figures, "epochs_to_99": 1.0, "exact_match_by_length": [{}], "baselines": {}}

    def reached(config):
        cells = [list(column.cells) for column in summaries.summary(config, found, 30).columns]
        return dict(zip(*cells, strict=True))["until 99 % of validation were right"]

    assert reached(config) == "1 epoch, 1.0 s (after the training of my [b]run)"
    assert reached(fresh) == "1 epoch, 1.0 s"


@pytest.mark.parametrize("preset", ["best", "quick"])
def test_products_have_the_recurrence_of_their_record(preset):
    config = ArithConfig.from_options({"op": "mul", "preset": preset})
    names = {"phases", "carry"}
    assert names <= {layer.name for layer in arith.build(config).layers}
    record = config.record()
    del record["recurrence"]
    assert not names & {layer.name for layer in arith.build(ArithConfig.from_record(record)).layers}
    other = ArithConfig.from_options({"op": "mul", "preset": preset, "network": "seq2seq"}, settings=True)
    assert arith.build(other).name == "seq2seq"


def test_published_preset_is_the_setting_of_2018():
    config = ArithConfig.from_options({"preset": "published"})
    assert (config.network, config.units, config.batch_size, config.samples, config.epochs) == (
        *("seq2seq", 128, 128, 50_000, 199),
    )
    loaded = arith.load(config)
    parts = loaded.data.training, loaded.data.validation, loaded.data.test
    assert list(map(len, parts)) == [45_000, 0, 5_000]  # no validation: the last epoch's weights
    assert loaded.config.baseline_epochs == 0
    (task,) = arith.tasks(loaded.config, loaded.data)
    assert (task.keep_best, task.epochs) == (None, 199)
    model = arith.compiled(config, 45_000)
    assert [type(layer).__name__ for layer in model.layers][1:] == ["OneHot", "LSTM", "RepeatVector", "LSTM", "Dense"]
    assert model.count_params() == 4 * 128 * (12 + 128 + 1) + 4 * 128 * (128 + 128 + 1) + 129 * 12
    assert type(model.optimizer).__name__ == "Adam"
    x = _sums.encode_questions(config, ["5"], ["61"])
    assert "".join("0123456789 +"[i] for i in x[0]) == "   16+5"  # read backwards


def test_quick_learns_to_add(trained):
    document = json.loads((trained / "results.json").read_text())
    valid(document)
    found = document["results"]
    assert found["exact_match"] >= 0.97
    assert found["character_accuracy"] >= found["exact_match"]
    assert found["epochs_to_99"] is None or found["epochs_to_99"] > 1
    rows = (trained / "metrics.csv").read_text().splitlines()
    assert rows[0] == "run,epoch,seconds,loss,val_loss,val_exact_match,val_character_accuracy"
    assert len(rows) == document["config"]["epochs"] + 1
    assert not (trained / "checkpoint").exists()
    for name in ("loss", "difficulty"):
        assert (trained / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_figures_are_those_of_the_answers(trained):
    """exact_match, recounted from the saved model by hand; the run is used from Python."""
    run = python.load(trained)
    test = arith.load(run.config).data.test
    pairs = list(zip(test.left.tolist(), test.right.tolist(), strict=True))
    answers = run.predict([f"{a}+{b}" for a, b in pairs])
    right = [answer == str(a + b) for (a, b), answer in zip(pairs, answers, strict=True)]
    assert np.mean(right) == run.results["exact_match"]
    best = min(run.metrics, key=lambda row: row["val_loss"])  # the epoch is chosen on validation
    assert run.results["val_loss"] == best["val_loss"]
    assert run.results["test_loss"] != run.results["val_loss"]
    lengths = [row["digits"] for row in run.results["exact_match_by_length"]]
    assert lengths == [3, 5, 10, 30, 100, 300, 1000]
    assert run.results["baselines"] == {}  # quick: in seconds


@pytest.mark.release
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
    drawn = {seed: arith.load(ArithConfig.from_options({"data_seed": seed})).data.test for seed in (0, 1)}
    assert drawn[0].left.tolist() != drawn[1].left.tolist()
    same = arith.load(ArithConfig.from_options({"seed": 7})).data.test
    assert same.left.tolist() == drawn[0].left.tolist()


def test_from_python(tmp_path):
    run = python.train("arith", op="sub", preset="quick", samples=300, epochs=2, units=16, out=tmp_path / "run")
    assert run.results["exact_match"] >= 0
    assert [row["epoch"] for row in run.metrics] == [1, 2]
    assert (run.config.op, run.config.epochs, run.config.units) == ("sub", 2, 16)
    assert len(run.predict(["5-3", "1-9"])) == 2
    assert run.model.count_params() > 1000
    again = python.load(tmp_path / "run")
    assert again.results == run.results
    assert again.predict(["5-3"]) == run.predict(["5-3"])
    with pytest.raises(UsageError, match="--epochs"):
        python.train("arith", epochs=0, out=tmp_path / "none")
    with pytest.raises(InputError):
        again.predict(["what"])
    with pytest.raises(TypeError, match="input 2: expected a text or a path, got int: 12"):
        again.predict(["1-1", 12])
    with pytest.raises(UsageError, match=r"there is no file .*none\.txt"):
        python.train("arith", data=tmp_path / "none.txt", out=tmp_path / "none")
    with pytest.raises(UsageError, match="--beam"):
        again.predict(["1-1"], beam=3)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "options",
    [
        ["--op", "mul", "--digits", "2", "--set", "networks=2"],
        ["--preset", "published", "--op", "sub", "--digits", "1", "--samples", "55"],
        pytest.param(["--digits", "9"], marks=pytest.mark.slow),
        pytest.param(["--runs", "2", "--seed", "5", "--workers", "1", "--set", "networks=2"], marks=pytest.mark.slow),
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
    options = ["--op", "sub", "--preset", "quick", "--epochs", 8]
    done = nnlab("arith", *options, "--json", "-q", "--out", "run")
    assert done.code == 0
    answers = nnlab("predict", "run", "3-8", "8-3", "5-5", "0-9").out.splitlines()
    assert sum(a == b for a, b in zip(answers, ["-5", "5", "0", "-9"], strict=True)) >= 3


def test_own_questions_and_predict_after_they_moved(nnlab, tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("\n".join(f"{a}+{b}={a + b}" for a in range(10) for b in range(10)) + "\n")
    words = ("--preset", "quick", "--digits", 1, "--epochs", 1, "--set", "examined=0", "--json", "-q")
    done = nnlab("arith", *words, "--data", path)
    assert done.code == 0
    assert done.document["config"]["samples"] == 55  # a+b and b+a are one
    path.rename(tmp_path / "moved.txt")
    folder = done.document["run"]
    assert "Taught only the questions of the file" in " ".join((tmp_path / folder / "console.txt").read_text().split())
    answered = nnlab("predict", folder, "3+4")
    assert (answered.code, answered.err.count("\n")) == (
        0,
        1,
    )  # how often it is wrong; reading a record does not look at the training data
    path.write_text("1+1=2\n1+2=4\n")
    done = nnlab("arith", "--preset", "quick", "--digits", 1, "--data", path)
    assert done.code == 2
    assert f"{path}:2: 1+2 is 3, not '4'" in done.err
    assert len(list((tmp_path / "runs").iterdir())) == 1  # the first run's folder only


def test_what_is_missing_when_a_run_is_gone_on_with_is_told_or_made_again(nnlab, tmp_path):
    (tmp_path / "sample").mkdir()  # a folder of the name of data that are known
    words = ("--preset", "quick", "--epochs", 1, "--samples", 400, "--set", "examined=0", "-q")
    done = nnlab("arith", *words, "--data", "sample", "--out", "a")
    assert done.err == "warning: sample is the known data set, not what lies here by that name, which is ./sample\n"
    assert "path" not in json.loads((tmp_path / "a" / "data.json").read_text())
    keys = (tmp_path / "a" / "trained_on.npy").read_bytes()
    for name in ("results.json", "trained_on.npy"):
        (tmp_path / "a" / name).unlink()
    done = nnlab("arith", "--resume", "a", "-q")
    assert done.code == 0
    assert "warning: there is no checkpoint in a: training begins anew, 1 epoch is lost\n" in done.err
    assert (tmp_path / "a" / "trained_on.npy").read_bytes() == keys


# ---- predict, runs -----------------------------------------------------------------------------------


def test_predict_answers_one_per_line(nnlab, trained):
    done = nnlab("predict", trained, "291+7", " 46 + 601 ")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == ["298", "647"]


def test_predict_with_unreadable_inputs(nnlab, trained):
    done = nnlab("predict", trained, "291+7", "2917", f"1+{'4' * 100_001}", "46+601")
    assert done.code == 2
    assert done.out.splitlines() == ["298", "", "", "647"]
    errors = done.err.splitlines()
    assert errors[0].startswith("error: input 2: expected a question like 12+34, got '2917'")
    assert errors[1].startswith("error: input 3: expected at most 100,000 digits, got 100,001")
    assert len(errors) == 2


def test_predict_answers_any_length_and_warns_beyond_what_was_measured(nnlab, trained):
    longest = f"{'123' * 2000}+7"  # more digits than Python's int() reads
    done = nnlab("predict", trained, "291+7", "1234+5", longest, "46+601")
    assert done.code == 0
    answers = done.out.splitlines()
    assert (answers[0], answers[3]) == ("298", "647")
    assert 4 <= len(answers[1]) <= 5
    assert len(answers[2]) in (6000, 6001)
    reach = _long_sums.reach(ArithConfig.from_options({"preset": "quick"}), results(trained))
    beyond = sum(digits > reach for digits in (4, 6000))
    which = "1 question is" if beyond == 1 else f"{beyond} questions are"
    assert done.err.startswith(f"warning: {which} longer than {reach} digits, up to which the run was measured")
    alone = nnlab("predict", trained, "1234+5")  # answers do not depend on what is asked beside them
    assert alone.out.splitlines() == answers[1:2]


@pytest.mark.parametrize(
    ("rows", "reach"),
    [
        ([(3, 1.0), (5, 0.99), (10, 0.98), (30, 1.0)], 5),
        ([(3, 1.0), (100, {"mean": 1.0}), (1000, 0.5)], 100),
        ([(3, 0.5), (5, 1.0)], 0),
        ([(3, 1.0), ("many", 1.0)], 3),
        ([(3, None)], 3),
        (["text"], 3),
        ("text", 3),
        (None, 3),
    ],
)
def test_how_far_a_run_was_measured_to_be_right(rows, reach):
    if isinstance(rows, list):
        rows = [row if isinstance(row, str) else {"digits": row[0], "exact_match": row[1]} for row in rows]
    assert _long_sums.reach(ArithConfig.from_options({}), {"exact_match_by_length": rows}) == reach


def test_a_run_that_is_often_wrong_says_so_once():
    rows = {"exact_match_by_length": [{"digits": 3, "exact_match": 0.56}, {"digits": 5, "exact_match": 0.04}]}
    run: Any = SimpleNamespace(results=rows, fill=lambda model: model)
    network = _sums.SumPredictor(ArithConfig.from_options({"preset": "quick"}), run, None)
    told = network.notes()
    assert "not measured to be right on 99 % of any length" in told[0]
    assert (len(told), network.notes()) == (1, [])


def test_products_and_the_published_network_refuse_longer_operands(nnlab):
    for preset, op in (("quick", "mul"), ("published", "add")):
        config = ArithConfig.from_options({"preset": preset, "op": op, "digits": 2})
        network = _sums.SumPredictor.__new__(_sums.SumPredictor)
        network.config = config
        sign = "*" if op == "mul" else "+"
        assert network.read(f"12{sign}34") == ("12", "34")
        with pytest.raises(InputError, match="expected numbers of up to 2 digits") as caught:
            network.read(f"123{sign}4")
        assert caught.value.hint == "Train with --digits 3"


def test_characters_come_with_their_probabilities(trained):
    config = ArithConfig.from_options({"preset": "quick"})
    predictor = arith.predictor(config, FinishedRun(trained / "model.keras", {}), {})
    questions = [("291", "7"), ("12345", "6"), ("46", "601")]
    found = predictor.probabilities(questions)
    assert [len(ids) for ids, _ in found] == [4, 6, 4]
    for ids, probabilities in found:
        assert probabilities.shape == (len(ids), 12)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
        assert (probabilities.argmax(axis=1) == ids).all()
    assert predictor.answer(questions) == [_sums.decode(config, ids[None])[0] for ids, _ in found]
    assert predictor.reach == 3  # nothing is known of what the run was measured at


# ---- sums it teaches itself ------------------------------------------------------------------------------


def self_training(op, digits):
    from nnlab.training.batches import shuffled

    config = ArithConfig.from_options({"op": op, "preset": "quick", "extend": digits})
    loaded = arith.load(config)
    x, y = _sums.encoded(loaded.config, loaded.data.training)
    return _long_sums.SelfTraining(loaded.config, x, y, shuffled((x, y), len(x), 64)), x, y


def test_a_round_learns_what_the_network_itself_answered(monkeypatch):
    """No true sum of a long question is computed: whatever it answers is taken, right or wrong, if it agrees."""

    def refuse(sums):
        raise AssertionError("a true sum was computed")

    teaching, _, _ = self_training("add", 10)
    monkeypatch.setattr(Sums, "answer", property(refuse))

    def wrong_but_agreeing(questions):  # 77…7, with one 3 where the digits of both operands add up to an even number
        written = np.full(questions.shape[:2], 7, np.uint8)
        written[:, -1] = BLANK
        even = np.where(questions < BLANK, questions, 0).sum(axis=(1, 2)) % 2 == 0
        written[even, 0] = 3
        return written, np.ones(len(written))

    own, taught = parted(teaching.round(wrong_but_agreeing, 10, seed=0, epoch=9), 10)
    assert sum(map(len, (x for x, _ in own))) == len(teaching.x) - len(teaching.x) // _long_sums.TAUGHT_SHARE
    assert all((y == wrong_but_agreeing(x)[0]).all() for x, y in own)
    assert teaching.told == {"digits": 10, "kept": 1.0}
    assert taught


def parted(batches, digits):
    """The batches of a round: (those it answered itself, taught ones), told apart by their columns."""
    made = list(batches)
    assert len(batches) == len(made)
    own, taught = ([(x, y) for x, y in made if (x.shape[1] == digits + 1) == is_own] for is_own in (True, False))
    return own, taught


def test_a_round_leaves_out_what_does_not_agree_and_keeps_taught_sums_true():
    teaching, x_taught, _ = self_training("sub", 6)

    def same_either_way(questions):  # a-b = b-a, which is true of 0 alone
        answer = np.where(np.arange(questions.shape[1]) < 2, 5, BLANK).astype(np.uint8)
        return np.tile(answer, (len(questions), 1)), np.ones(len(questions))

    own, taught = parted(teaching.round(same_either_way, 6, seed=0, epoch=9), 6)
    assert own == []
    assert teaching.told == {"digits": 6, "kept": 0.0}
    x, y = (np.concatenate(arrays) for arrays in zip(*taught, strict=True))
    assert len(x) == len(x_taught) // _long_sums.TAUGHT_SHARE
    left, right, answers = numbers(x[:, :, 0]), numbers(x[:, :, 1]), numbers(y)
    assert [a - b for a, b in zip(left, right, strict=True)] == answers


def test_a_round_keeps_what_the_network_is_sure_of_both_ways():
    """Sure of each question but where the last digit of the first operand, or of the second, is 0."""
    teaching, _, _ = self_training("add", 10)

    def answer(questions):
        first, _ = questions[:, 0].T
        written = np.tile(np.where(np.arange(questions.shape[1]) < 2, 5, BLANK), (len(questions), 1))
        return written.astype(np.uint8), np.where(first == 0, 0.949, 0.951)

    own, _ = parted(teaching.round(answer, 10, seed=0, epoch=9), 10)
    asked = np.concatenate([x for x, _ in own])
    assert (asked[:, 0] != 0).all()
    share = len(asked) / (len(teaching.x) - len(teaching.x) // _long_sums.TAUGHT_SHARE)
    assert 0.7 < teaching.told["kept"] == share < 0.9


def test_how_sure_an_answer_is_is_its_least_sure_character():
    class Model:
        def predict_on_batch(self, rows):
            logits = np.zeros((*rows.shape[:2], 12), "float32")
            logits[..., 3] = np.log(11 * np.where(rows[:, :, 0] == 1, 3, 9))  # the 11 others together have 1
            return logits

    questions = np.zeros((2, 4, 2), np.uint8)
    questions[1, 2, 0] = 1
    written, sure = _long_sums.sure_answers(Model(), questions)
    assert (written == 3).all()
    np.testing.assert_allclose(sure, [0.9, 0.75], rtol=1e-6)


def numbers(ids):
    """Numbers of ids ``(n, width)``, least significant first."""
    return [int(string[::-1].strip()) for string in to_strings(ids, "sub")]


def test_questions_of_a_round_depend_on_seed_and_epoch_alone():
    def answer(questions):
        return np.full(questions.shape[:2], 7, np.uint8), np.ones(len(questions))

    def drawn(seed, epoch):
        return b"".join(x.tobytes() for x, _ in self_training("add", 5)[0].round(answer, 5, seed, epoch))

    assert drawn(0, 7) == drawn(0, 7)
    assert len({drawn(0, 7), drawn(1, 7), drawn(0, 8)}) == 3


@pytest.mark.slow
def test_it_teaches_itself_and_resumes_to_the_same_bits(nnlab, tmp_path, monkeypatch):
    from nnlab.training import loop

    options = ["arith", "--op", "sub", "--preset", "quick", "--samples", 200, "--epochs", 1, "--extend", 5, "-q"]
    whole = nnlab(*options, "--json", "--out", "whole").document
    rows = [row.split(",")[1] for row in (tmp_path / "whole" / "metrics.csv").read_text().splitlines()[1:]]
    assert rows == list("1234567")  # an epoch of taught sums, three rounds of 4 and three of 5 digits
    lines = (tmp_path / "whole" / "console.txt").read_text()
    assert "Taught sums of up to 3 digits, taught itself up to 5; right are" in " ".join(lines.split())
    assert "That is of 80 questions of each longer length" in " ".join(lines.split())  # 20 of each of four kinds
    assert [row["digits"] for row in whole["results"]["exact_match_by_length"]] == [3, 5, 10, 30, 100, 300, 1000]

    done = 0

    def stop(rows, check=loop.check_finite):
        nonlocal done
        done += 1
        if done == 5:  # in a round of 5 digits, after its training
            raise KeyboardInterrupt
        check(rows)

    monkeypatch.setattr(loop, "check_finite", stop)
    assert nnlab(*options, "--out", "cut").code == 130
    assert nnlab("arith", "--resume", "cut", "-q").code == 0
    assert done == 8
    assert compare(RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "cut")) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--op", "mul", "--extend", 9], "--extend is for networks that read column by column, got it with --op mul"),
        (["--preset", "published", "--extend", 9], "got it with --preset published"),
        (["--digits", 9, "--extend", 9], "expected --extend above --digits 9, got 9"),
        (["--op", "mul", "--digits", 10], "expected --digits 1 to 9 with --op mul, got 10"),
        (
            ["--op", "sub", "--set", "pair_size=8"],
            "pair_size changes nothing with --op sub. Leave it out, or use --op mul",
        ),
        (
            ["--preset", "published", "--op", "mul", "--set", "pair_size=8"],
            "with network seq2seq. Leave it out, or use --set network=columns",
        ),
        (["--sweep", "recurrence=carried,one_way"], "recurrence changes nothing with --op add"),
        (["--set", "commuting=false", "--sweep", "units=8,16"], "commuting changes nothing with --op add"),
        (["--preset", "published", "--set", "networks=2"], "networks changes nothing with network seq2seq"),
    ],
)
def test_what_does_not_go_together_is_refused(nnlab, options, says):
    done = nnlab("arith", *options)
    assert (done.code, done.out) == (2, "")
    assert says in done.err


def test_the_exam_has_true_answers_of_every_kind():
    """A calculator passes it, and one that forgets carries does not."""
    config = ArithConfig.from_options({"op": "add", "preset": "quick"})

    def calculator(questions):
        left, right = (np.array(numbers(questions[:, :, side]), object) for side in (0, 1))
        return number_ids(left + right, questions.shape[1])

    def without_carries(questions):
        return np.where(questions == BLANK, 0, questions).sum(axis=2).astype(np.uint8) % 10

    passed = _long_sums.examine(config, calculator)
    assert [row["digits"] for row in passed] == [5, 10, 30, 100, 300, 1000]
    assert all(count == row["of"] == 20 for row in passed for count in row["right"].values())
    assert all(count < 20 for row in _long_sums.examine(config, without_carries) for count in row["right"].values())


@pytest.mark.parametrize(
    ("options", "least", "most"),
    [
        ({}, 4, 6),
        ({"extend": 26}, 10, 15),
        ({"epochs": 1}, 1, 1),
        ({"preset": "quick"}, 0, 0),
        ({"op": "mul", "epochs": 20}, 6, 7),
        ({"op": "mul", "epochs": 3}, 1, 1),
        ({"op": "mul", "digits": 2, "epochs": 20, "networks": 1}, 6, 7),
        ({"op": "mul", "digits": 2, "epochs": 20, "networks": 2}, 12, 14),
        ({"op": "mul", "epochs": 3, "recurrence": "one_way"}, 6, 8),
    ],
)
def test_the_time_of_the_baseline_is_a_number_of_epochs(options, least, most):
    """So it is the same on every machine: its epochs go with ours, and it takes a minute at most."""
    assert least <= arith.baseline_epochs(ArithConfig.from_options(options, settings=True), 40_500) <= most


@pytest.mark.slow
def test_the_published_network_is_trained_beside_it_for_as_many_seconds(nnlab, tmp_path):
    done = nnlab("arith", "--samples", 400, "--epochs", 3, "--json", "-q", "--out", "run")
    found = done.document["results"]
    epochs = done.document["config"]["baseline_epochs"]
    rows = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert len(rows) == 1 + 3 + epochs
    assert set(found["baselines"]) == {"published"}
    assert 0 <= found["baselines"]["published"]["exact_match"] <= 1
    assert "The published network, given as much time" in (tmp_path / "run" / "console.txt").read_text()


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


@pytest.mark.slow
def test_verify_reproduces_and_catches_a_changed_bit(nnlab, tmp_path):
    options = ["--preset", "quick", "--samples", 300, "--epochs", 2, "--runs", 2, "--workers", 1, "--out", "run", "-q"]
    assert nnlab("arith", *options, "--set", "baseline_epochs=0").code == 0
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


def _probabilities(*rows):
    """Rows that give one or two characters these probabilities."""
    probabilities = np.zeros((len(rows), 12))
    for row, likely in zip(probabilities, rows, strict=True):
        for character, p in likely.items():
            row["0123456789 -".index(character)] = p
    return probabilities


@pytest.mark.parametrize("network", ["columns", "seq2seq"])
def test_characters_that_are_unsure_are_named(network):
    config = ArithConfig.from_options({"op": "sub", "preset": "best" if network == "columns" else "published"})
    assert config.network == network
    sure, doubtful, blank = {"7": 1.0}, {"1": 0.62, "2": 0.38}, {" ": 0.7, "-": 0.3}
    if network == "columns":  # least significant first: what is before the answer comes last
        found = _sums.unsure_of(config, _probabilities(sure, doubtful, sure, blank))
        assert found[0] == (-1, "nothing more (70 %) or - (30 %)")
    else:
        found = _sums.unsure_of(config, _probabilities(sure, doubtful, sure, blank))
        assert found[-1] == (3, "nothing more (70 %) or - (30 %)")
    assert (1, "character 2 is 1 (62 %) or 2 (38 %)") in found
    assert len(found) == 2
    assert _sums.unsure_of(config, _probabilities(sure, {"1": 0.91, "2": 0.09}, sure, {" ": 1.0})) == []


def test_the_prompts_answer_is_that_of_a_script(trained):
    from nnlab.commands.predict import open_predictor
    from nnlab.output.run_folder import RunFolder

    predictor, _ = open_predictor(RunFolder.open(trained), {})
    pairs = [(str(a), str(b)) for a in range(0, 1000, 37) for b in range(0, 1000, 111)]
    shown = [predictor.show("", pair) for pair in pairs]
    assert [text.plain.split("   ")[0] for text in shown] == predictor.answer(pairs)
    for text in shown:
        underlined = {text.plain[span.start] for span in text.spans if "underline" in str(span.style)}
        assert all(f" is {character} (" in text.plain for character in underlined)
