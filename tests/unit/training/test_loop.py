"""The training core: the same seed gives the same bits, alone, among many, and after an interruption."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from nnlab import backend
from nnlab.output.progress import Display
from nnlab.output.run_folder import RunFolder
from nnlab.training.loop import Evaluation, Seeded, state_variables, train
from nnlab.training.repeat import Outcome, repeat


@pytest.fixture(scope="module", autouse=True)
def _backend():
    backend.start()


RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 8)).astype(np.float32)
Y = (X[:, :4].sum(1) > X[:, 4:].sum(1)).astype(np.uint8)


def build(members=1):
    """Dropout and batch normalisation: random layers and state beside the weights."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(16, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(2),
        ]
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


class Stop(Exception):
    pass


def fit(model, folder, *, epochs=4, seed=0, stop_after=None, run=0):
    def evaluate(model, epoch, training):
        if stop_after is not None and epoch > stop_after:
            raise Stop
        return Evaluation([{**training, "exact_match": float(epoch)}], {"answers": [str(epoch)]})

    return train(
        model,
        X,
        Y,
        epochs=epochs,
        batch_size=32,
        seed=seed,
        evaluate=evaluate,
        store=folder,
        record=folder.write_metrics,
        watch=Display(None),
        run=run,
    )


def bits(model):
    return [np.array(variable).tobytes() for variable in [*state_variables(model), *model.optimizer.variables]]


def measures(history):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in history.rows]


def test_the_loss_falls(tmp_path):
    history = fit(Seeded(build).reset(0), RunFolder(tmp_path), epochs=15)
    losses = history.column("loss")
    assert losses[-1] < 0.6 * losses[0]
    assert (tmp_path / "metrics.csv").read_text().count("\n") == 16


def test_the_same_seed_gives_the_same_bits_and_another_does_not(tmp_path):
    found = []
    for number, seed in enumerate((7, 7, 8)):
        model = Seeded(build).reset(seed)
        fit(model, RunFolder(tmp_path / str(number)), seed=seed)
        found.append(bits(model))
    assert found[0] == found[1]
    assert found[0] != found[2]


@pytest.mark.parametrize("stop_after", [0, 1, 3])
def test_an_interrupted_run_goes_on_to_the_same_bits(tmp_path, stop_after):
    model = Seeded(build).reset(1)
    history = fit(model, RunFolder(tmp_path / "whole"), seed=1)
    folder = RunFolder(tmp_path / "interrupted")
    with pytest.raises(Stop):
        fit(Seeded(build).reset(1), folder, seed=1, stop_after=stop_after)
    again = Seeded(build).reset(1)
    resumed = fit(again, folder, seed=1)
    assert bits(again) == bits(model)
    assert measures(resumed) == measures(history)
    assert resumed.notes == history.notes


def test_a_run_among_many_equals_its_run_alone_with_one_trace(tmp_path):
    seeded = Seeded(build)
    among = []
    for run, seed in enumerate((3, 4, 5)):
        model = seeded.reset(seed)
        fit(model, RunFolder(tmp_path / "many"), seed=seed, run=run)
        among.append(bits(model))
        assert model is seeded.reset(seed)  # one compiled model serves all seeds
    for run, seed in enumerate((3, 4, 5)):
        alone = Seeded(build).reset(seed)
        fit(alone, RunFolder(tmp_path / f"alone-{seed}"), seed=seed)
        assert bits(alone) == among[run]


def test_finished_runs_are_kept_and_never_run_again(tmp_path):
    folder = RunFolder(tmp_path)
    called = []

    def one(run, seeds):
        [seed] = seeds
        called.append(seed)
        if seed == 12 and called.count(12) == 1:
            raise Stop
        history = fit(Seeded(build).reset(seed), folder, epochs=1, seed=seed, run=run)
        return [Outcome(history, {"seed": seed}, {"answers": np.array([seed])})]

    heard = []
    with pytest.raises(Stop):
        repeat(range(11, 14), one, folder, heard.append)
    outcomes = repeat(range(11, 14), one, folder, heard.append)
    assert called == [11, 12, 12, 13]
    assert [outcome.figures["seed"] for outcome in outcomes] == [11, 12, 13]
    assert [outcome.arrays["answers"][0] for outcome in outcomes] == [11, 12, 13]
    assert len(heard) == 4


def test_rows_are_gathered_in_their_own_order_and_none_is_lost():
    from nnlab.training.batches import Rows
    from nnlab.training.loop import permutation

    pictures, labels = np.arange(70, dtype=np.uint8).reshape(35, 2), np.arange(35)
    order = np.stack([permutation(seed, 3, 35) for seed in (5, 6)], axis=1)  # (samples, members)
    rows = Rows(({"a": pictures}, labels), order, 8)
    assert len(rows) == 5
    batches = [rows[number] for number in range(5)]
    assert [len(y) for _, y in batches] == [8, 8, 8, 8, 3]
    assert batches[0][0]["a"].shape == (8, 2, 2)
    assert batches[0][0]["a"].dtype == np.uint8
    seen = np.concatenate([y for _, y in batches])
    np.testing.assert_array_equal(seen, order)
    np.testing.assert_array_equal(np.concatenate([x["a"] for x, _ in batches]), pictures[order])
    np.testing.assert_array_equal(order[:, 0], permutation(5, 3, 35))  # whoever is beside
    assert (order[:, 0] != order[:, 1]).any()
    assert (permutation(5, 3, 35) != permutation(5, 4, 35)).any()
