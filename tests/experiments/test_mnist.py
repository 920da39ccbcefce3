"""``nnlab mnist`` and ``nnlab permute`` from end to end."""

from __future__ import annotations

import csv
import functools
import json
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from nnlab import backend
from nnlab.configs.mnist import MnistConfig
from nnlab.configs.permute import PermuteConfig
from nnlab.data.digits import digits, pixel_layout
from nnlab.evaluation import digit_baselines
from nnlab.experiments import _digits, mnist, permute
from nnlab.models import digits as digit_models
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal
from nnlab.training.repeat import train_groups
from tests.conftest import run_in_process, valid

QUICK = ["--preset", "quick", "--json", "-q"]


@pytest.fixture(scope="module", autouse=True)
def _backend():
    backend.start()


@pytest.fixture(scope="module")
def sample():
    """Half as many digits as ``quick`` draws."""
    return digits.draw_sample(2000, 500)


@pytest.fixture(scope="module")
def run(tmp_path_factory, sample):
    """A small run of both networks, two seeds; tests only read it."""
    place = tmp_path_factory.mktemp("mnist")
    parts = {name: getattr(sample, name) for name in ("x_train", "y_train", "x_test", "y_test")}
    np.savez(place / "digits.npz", **parts)
    folder = place / "run"
    words = ("--data", place / "digits.npz", "--runs", 2, "--loss", "both", "--epochs", 1, "--workers", 1)
    run_in_process("mnist", *QUICK, *words, "--batch-size", 16, "--out", folder)
    return folder


def document(folder):
    return json.loads((folder / "results.json").read_text())


def test_it_learns_and_says_which_digits_fool_it(run, sample):
    found = document(run)
    valid(found)
    assert set(found["results"]) == {"mlp_ce", "mlp_mse", "cnn_ce", "cnn_mse", "common", "baselines"}
    assert found["results"]["cnn_ce"]["test_accuracy"]["mean"] > 0.85
    assert found["results"]["mlp_ce"]["test_accuracy"]["n"] == 2
    labels = sample.y_test
    for name in ("mlp_ce", "cnn_mse"):
        for one in found["results"][name]["most_misclassified"]:
            assert one["label"] == labels[one["index"]] != one["predicted"]
            assert one["gap"] == pytest.approx(abs(one["p_label"] - one["p_predicted"]))
    for name in ("figure1", "confusion", "calibration", "training"):
        assert (run / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_baselines_stand_beside_the_networks(run, sample):
    """What the table and the sentence say is what the figures say."""
    found = document(run)["results"]
    k_nearest, logistic = (found["baselines"][name] for name in ("k_nearest_neighbours", "logistic_regression"))
    again = digit_baselines.k_nearest(sample)
    assert (again["test_accuracy"], again["k"]) == (k_nearest["test_accuracy"], k_nearest["k"])
    assert 0.8 < logistic["test_accuracy"] < found["cnn_ce"]["test_accuracy"]["mean"]
    shown = " ".join((run / "console.txt").read_text().split())
    assert f"k nearest neighbours, k = {k_nearest['k']} {100 * k_nearest['test_accuracy']:.2f} %" in shown
    best = max(k_nearest["test_accuracy"], logistic["test_accuracy"])
    low, high = found["cnn_ce"]["test_accuracy"]["ci95"]
    fewer = 1 - (1 - found["cnn_ce"]["test_accuracy"]["mean"]) / (1 - best)
    says = "cannot be told apart over 2 runs" if low <= best <= high else f"makes {100 * fewer:.0f} % fewer errors"
    assert f"cnn_ce {says}" in shown


def test_settings_are_compared_on_validation_and_never_on_test(tmp_path, monkeypatch):
    """With a share set aside the rows tell of it alone; the test pictures could be anything."""
    record = MnistConfig.from_options({"preset": "quick", "net": "mlp", "epochs": 1, "top": 1}).record()
    config = MnistConfig.from_record({**record, "validation": 1 / 4})
    drawn = digits.draw_sample(400, 60)
    monkeypatch.setattr(digits, "load", lambda data: drawn)
    loaded = mnist.load(config)
    assert np.array_equal(loaded.data.x_train, drawn.x_train[:300])  # the last, in file order
    part, _, labels = loaded.data.watched
    assert (part, labels.tolist()) == ("val", drawn.y_train[300:].tolist())
    [task] = mnist.tasks(config, loaded.data)
    folder = RunFolder(tmp_path / "run")
    [[result]] = train_groups(task, [0], folder, lambda rows: None, Silent())
    [row] = result.history.rows
    assert {"val_loss", "val_accuracy"} < set(row)
    assert not [name for name in row if name.startswith("test")]
    given = result.outputs["probabilities"]
    found = mnist.present(config, loaded.data, {"mlp_ce": [result]}, Terminal(json=True, verbosity=-1), folder)
    assert found["mlp_ce"]["val_accuracy"] == row["val_accuracy"]
    assert found["mlp_ce"]["test_accuracy"] == (given.argmax(-1) == drawn.y_test).mean()


def test_the_ledger_lists_every_digit_that_any_run_got_wrong(run):
    with open(run / "ledger.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["index"] for row in rows}) == len(rows)
    accuracy = document(run)["results"]["mlp_ce"]["test_accuracy"]["mean"]
    assert sum(int(row["wrong_mlp_ce"]) for row in rows) == round((1 - accuracy) * 500 * 2)
    order = [float(row["contradiction"]) for row in rows]
    assert order == sorted(order, reverse=True)


def test_predict_reads_pictures(nnlab, run, sample, tmp_path):
    names = []
    for index in range(12):
        picture = sample.x_test[index]
        Image.fromarray(255 - picture if index % 2 else picture).resize((90, 90)).save(tmp_path / f"{index}.png")
        names.append(f"{index}.png")
    done = nnlab("predict", run, *names, "missing.png")
    assert done.code == 2
    assert done.err.startswith("error: input 13: missing.png: there is no such file")
    answers = [line.split() for line in done.out.splitlines()]
    assert answers[12] == []
    assert sum(int(digit) == sample.y_test[index] for index, (digit, _) in enumerate(answers[:12])) >= 9
    assert all(0 < float(share) <= 1 for _, share in answers[:12])


def test_published_networks_are_those_of_2018():
    config = MnistConfig.from_options({"preset": "published"})
    assert (config.runs, config.batch_size, len(config.experiments)) == (50, 128, 4)
    assert (config.mlp_epochs, config.cnn_epochs) == (20, 12)
    for net, parameters, optimizer in (("mlp", 669_706, "RMSprop"), ("cnn", 1_199_882, "Adadelta")):
        model = _digits.compiled(config, net, "ce", 0, 1, (469, 469 * 3))
        assert (model.count_params(), type(model.optimizer).__name__) == (parameters, optimizer)


def test_a_step_of_two_networks_is_traced_once(monkeypatch):
    traced = mock.Mock(wraps=_digits.total_error("ce"))
    monkeypatch.setattr(_digits, "total_error", lambda loss: lambda labels, logits: traced(labels, logits))
    model = _digits.compiled(MnistConfig.from_options({"preset": "published"}), "mlp", "ce", 0, 2, (1, 1))
    model.optimizer.build(model.trainable_variables)  # as before every training
    for _ in range(2):
        model.fit(np.zeros((8, 2, 28, 28), "uint8"), np.zeros((8, 2), "uint8"), verbose=0)
    assert traced.call_count == 1


class Silent:
    """A progress that hears and says nothing."""

    def __getattr__(self, name):
        return lambda *given, **told: None


def train(net, seeds, folder, monkeypatch, at_once):
    """(probabilities, rows) of each seed after two small epochs, with so many networks at once."""
    monkeypatch.setattr(_digits, "networks_at_once", lambda *_: at_once)
    sample = digits.draw_sample(640, 100)
    config = MnistConfig.from_options({"epochs": 2, "batch_size": 64, "runs": len(seeds)})
    task = _digits.task(config, net, net, "ce", sample, shift=1, keep_model=True)
    results = [
        result
        for group in train_groups(task, seeds, RunFolder(folder), lambda rows: None, Silent())
        for result in group
    ]
    return [
        (
            result.outputs["probabilities"],
            [{k: v for k, v in row.items() if k not in ("run", "seconds")} for row in result.history.rows],
        )
        for result in results
    ]


@pytest.mark.parametrize(
    "net", [pytest.param("mlp", marks=pytest.mark.slow), pytest.param("cnn", marks=pytest.mark.release)]
)
def test_each_of_many_equals_its_run_alone_to_the_bit(tmp_path, monkeypatch, net):
    small = functools.partial(digit_models.adversarial_mlp, units=(60, 40))
    monkeypatch.setattr(digit_models, "adversarial_mlp", small)
    together = train(net, [3, 4, 5], tmp_path / "together", monkeypatch, 2)
    for place, seed in ((0, 3), (1, 4), (2, 5)):  # first and second of a pair, and one left over
        [alone] = train(net, [seed], tmp_path / f"alone-{seed}", monkeypatch, 1)
        assert alone[0].tobytes() == together[place][0].tobytes()
        assert alone[1] == together[place][1]  # the metrics of every epoch
    assert np.abs(together[0][0] - together[1][0]).max() > 0.01  # seeds do differ


def test_a_seed_of_the_data_changes_nothing_and_that_is_told(monkeypatch, sample):
    monkeypatch.setattr(digits, "load", lambda data: sample)
    usual, other = (mnist.load(MnistConfig.from_options({"data_seed": seed})) for seed in (0, 5))
    assert [note for note in other.notes if note not in usual.notes] == [
        "--data-seed 5 changes nothing: digits are neither drawn nor split by a seed"
    ]
    assert other.data.x_train is usual.data.x_train


def test_the_squared_error_is_that_of_probabilities():
    logits = np.array([[[2.0, 0.0] + [-9.0] * 8]], np.float32)
    share = np.exp(logits[0, 0]) / np.exp(logits[0, 0]).sum()
    expected = ((share - np.eye(10)[0]) ** 2).mean()
    found = _digits.total_error("mse")(np.array([[0]]), logits)
    assert float(found[0]) == pytest.approx(float(expected), rel=1e-5)


# ---- permute -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("data", "shown"), [(None, True), ("mnist", True), ("sample", False), ("own.npz", False)])
def test_the_2018_report_stands_beside_its_own_digits_only(data, shown):
    listed = permute.accuracy_table(PermuteConfig.from_options({"data": data}), {"mlp_plain": {"test_accuracy": 0.9}})
    assert [str(column.header) for column in listed.columns].count("2018 report") == 2 * shown
    assert list(listed.columns[1].cells) == ["90.00 %", "–", "–"]


@pytest.mark.release
def test_permute_compares_and_lays_out_again(nnlab, tmp_path):
    done = nnlab("permute", *QUICK, "--epochs", "3", "--out", "run")
    assert (done.code, done.err) == (0, "")
    results = done.document["results"]
    baselines, curve = results.pop("baselines"), results.pop("layout")
    assert baselines["k_nearest_neighbours_plain"] == baselines["k_nearest_neighbours_permuted"]
    assert baselines["logistic_regression_permuted"]["test_accuracy"] > 0.8
    accuracy = {name: value["test_accuracy"] for name, value in results.items()}
    assert abs(accuracy["mlp_plain"] - accuracy["mlp_permuted"]) < 0.05
    assert accuracy["cnn_permuted"] < accuracy["cnn_recovered"]
    assert (tmp_path / "run" / "figures" / "figure2.png").exists()
    shown = nnlab("runs", "show", "run").out
    assert "2018 report" not in shown  # these digits are not those of its Table 1
    assert "permuted, layout recovered" in shown
    assert [row["pictures"] for row in curve] == [100, 1000, 4000]
    assert f"4,000 pictures {100 * curve[-1]['found']:.2f} %" in " ".join(shown.split())
    assert curve[-1]["found"] > 0.7
    assert (tmp_path / "run" / "figures" / "layout.png").stat().st_size > 5_000


@pytest.mark.slow
def test_predict_reads_pictures_with_the_cnn_of_permute(nnlab, sample, tmp_path, monkeypatch):
    """Another network than that of ``mnist``: built again as it was trained."""
    monkeypatch.setattr(pixel_layout, "recover", lambda pictures: np.arange(pictures.shape[1]))  # takes seconds
    monkeypatch.setattr(PermuteConfig, "experiments", [("cnn", "plain")])  # the one that predict answers with
    x, y = sample.x_train[:900], sample.y_train[:900]
    np.savez("few.npz", x_train=x, y_train=y, x_test=sample.x_test[:100], y_test=sample.y_test[:100])
    words = ("--net", "cnn", "--epochs", 2, "--batch-size", 12, "--data", "few.npz", "--out", "run")
    assert nnlab("permute", *QUICK, *words).code == 0
    names = [f"{index}.png" for index in range(12)]
    for index, name in enumerate(names):
        Image.fromarray(sample.x_test[index]).save(tmp_path / name)
    done = nnlab("predict", "run", *names)
    assert (done.code, done.err) == (0, "")
    answers = [int(line.split()[0]) for line in done.out.splitlines()]
    assert sum(digit == right for digit, right in zip(answers, sample.y_test[:12], strict=True)) >= 7


def test_one_permutation_for_all_and_no_pixel_lost():
    shuffled = permute.permutation(0)
    assert sorted(shuffled.tolist()) == list(range(784))
    pictures = np.arange(2 * 784).astype(np.uint8).reshape(2, 28, 28)
    moved = permute.ordered(pictures, shuffled).reshape(2, -1)
    assert moved[1].tolist() == pictures[1].ravel()[shuffled].tolist()
    assert permute.permutation(1).tolist() != shuffled.tolist()


def test_permutation_follows_the_data_seed_and_not_the_seed(monkeypatch):
    """Run k of many is its run alone, so what a run is given must not depend on its seed."""
    monkeypatch.setattr(pixel_layout, "recover", lambda pictures: np.arange(pictures.shape[1]))  # takes seconds
    orders = [
        permute.load(PermuteConfig.from_options({"preset": "quick", **options})).data.orders["permuted"].tolist()
        for options in ({}, {"seed": 5}, {"data_seed": 5})
    ]
    assert orders[0] == orders[1] != orders[2]
