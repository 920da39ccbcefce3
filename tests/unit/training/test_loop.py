"""The runner: the same seed gives the same bits, alone, among many, side by side, and after an interruption."""

from __future__ import annotations

import gc
import time

import keras
import numpy as np
import pytest

from nnlab import backend
from nnlab.output.run_folder import RunFolder
from nnlab.training.batches import Batches, Rows, permutation, shuffled, stacked
from nnlab.training.loop import Networks, state_variables, train
from nnlab.training.repeat import Trainer, result_name, train_groups
from nnlab.training.task import History, RunResult, SideBySide, Task

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 8)).astype(np.float32)
Y = (X[:, :4].sum(1) > X[:, 4:].sum(1)).astype(np.uint8)


@pytest.fixture(scope="module", autouse=True)
def _backend():
    backend.start()


class Stop(Exception):
    pass


class Silent:
    """A progress that hears and says nothing."""

    def start(self, **told):
        pass

    def step(self, step):
        pass

    def epoch(self, row):
        pass

    def stop(self):
        pass


def build():
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
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)  # a state per weight, and traced sooner than Adam
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def task(*, epochs=4, stop_after=None, batches=None, **known):
    """A small task; ``stop_after`` epochs its evaluation raises :class:`Stop`."""
    evaluated = []

    def evaluate(model):
        evaluated.append(1)
        if stop_after is not None and len(evaluated) > stop_after:
            raise Stop
        logits = np.asarray(model.predict_on_batch(X))
        return {"val_loss": float(logits.std())}, {"first": float(logits[0, 0])}

    def outputs(model):
        return {"logits": np.asarray(model.predict_on_batch(X[:5])), "words": ["a", "b"]}

    return Task(
        name=known.pop("name", ""),
        epochs=epochs,
        steps=10,
        build=build,
        batches=batches or shuffled((X, Y), 300, 32),
        evaluate=evaluate,
        outputs=outputs,
        **known,
    )


def run(given, folder, *seeds, first=0):
    """(networks, results) of one call of the loop."""
    networks = Networks(given)
    results = train(networks, seeds, run=first, runs=9, store=folder, record=folder.write_metrics, progress=Silent())
    return networks, results


def bits(networks, seed=None):
    model = networks._model
    return [np.array(variable).tobytes() for variable in [*state_variables(model), *model.optimizer.variables]]


def rows(result):
    return [{key: value for key, value in row.items() if key not in ("seconds", "run")} for row in result.history.rows]


def test_loss_falls_and_metrics_have_one_row_per_epoch(tmp_path):
    _, [result] = run(task(epochs=15), RunFolder(tmp_path), 0)
    losses = result.history.column("loss")
    assert losses[-1] < 0.6 * losses[0]
    assert (tmp_path / "metrics.csv").read_text().count("\n") == 16
    assert (tmp_path / "model.keras").is_file()


def test_loss_of_an_epoch_is_that_of_a_plain_loop(tmp_path):
    """The first epoch by hand: the same initial weights, the same order, Keras's own train_on_batch."""
    _, [result] = run(task(epochs=1), RunFolder(tmp_path), 5)
    keras.utils.set_random_seed(5)
    plain = build()
    order = np.random.default_rng([5, 0, 1]).permutation(300)
    losses = [
        (len(part), float(plain.train_on_batch(X[part], Y[part])))
        for part in (order[start : start + 32] for start in range(0, 300, 32))
    ]
    mean = sum(count * loss for count, loss in losses) / 300
    assert result.history.rows[0]["loss"] == pytest.approx(mean, rel=1e-4), losses


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """(bits, result) of a run that nothing disturbed, of seed 1."""
    networks, [result] = run(task(), RunFolder(tmp_path_factory.mktemp("whole")), 1)
    return bits(networks), result


def test_same_seed_same_bits_and_another_seed_others(whole, tmp_path):
    seen = [bits(run(task(), RunFolder(tmp_path / str(seed)), seed)[0]) for seed in (1, 8)]
    assert seen[0] == whole[0]
    assert seen[1] != whole[0]


@pytest.mark.parametrize("stop_after", [0, 1, 3])
def test_interrupted_run_goes_on_to_the_same_bits(whole, tmp_path, stop_after):
    folder = RunFolder(tmp_path / "interrupted")
    with pytest.raises(Stop):
        run(task(stop_after=stop_after), folder, 1)
    again, [resumed] = run(task(), folder, 1)
    assert bits(again) == whole[0]
    assert rows(resumed) == rows(whole[1])
    assert resumed.history.notes == whole[1].history.notes


@pytest.mark.slow
def test_run_among_many_equals_its_run_alone_with_one_model(tmp_path):
    groups = list(train_groups(task(), (3, 4, 5), RunFolder(tmp_path / "many"), lambda rows: None, Silent()))
    for seed, [among] in ((3, groups[0]), (5, groups[2])):
        _, [alone] = run(task(), RunFolder(tmp_path / f"alone-{seed}"), seed)
        assert alone.outputs["logits"].tobytes() == among.outputs["logits"].tobytes()
        assert rows(alone) == rows(among)


def test_what_was_there_before_a_training_is_kept_out_of_garbage_collection_until_it_ends(tmp_path):
    gc.unfreeze()
    begun = gc.get_freeze_count()
    counts = []

    def counted(model, seed, epoch):
        counts.append(gc.get_freeze_count())
        if seed == 4:
            raise Stop
        return shuffled((X, Y), 300, 32)(model, seed, epoch)

    folder = RunFolder(tmp_path)
    with pytest.raises(Stop):
        Trainer((3, 4), folder, Silent(), folder.write_metrics).train([task(epochs=1, batches=counted)])
    assert len(counts) == 2
    assert min(counts) > begun + 100_000
    assert gc.get_freeze_count() == begun
    gc.freeze()  # as it was, for the tests after this one


def test_finished_runs_are_kept_and_never_trained_again(tmp_path):
    folder = RunFolder(tmp_path)
    trained = []

    def counted(model, seed, epoch):
        trained.append(seed)
        if seed == 12 and trained.count(12) == 1:
            raise Stop
        return shuffled((X, Y), 300, 32)(model, seed, epoch)

    def trainer():
        return Trainer(range(11, 14), folder, Silent(), folder.write_metrics)

    with pytest.raises(Stop):
        trainer().train([task(epochs=1, batches=counted)])
    results = trainer().train([task(epochs=1, batches=counted)])[""]
    assert trained == [11, 12, 12, 13]
    assert [result.history.rows[0]["run"] for result in results] == [0, 1, 2]
    assert all(result.outputs["words"] == ["a", "b"] for result in results)
    assert len({result.outputs["logits"].tobytes() for result in results}) == 3


def test_best_epoch_is_kept_and_patience_ends_the_training(tmp_path):
    """The spread of the logits grows as it learns: the first epoch is the least, the others run out of patience."""
    networks, [result] = run(task(epochs=9, keep_best="val_loss", patience=2), RunFolder(tmp_path / "a"), 2)
    values = result.history.column("val_loss")
    assert len(values) == values.index(min(values)) + 3
    assert result.history.best["val_loss"] == min(values)
    shown = np.asarray(networks.first().predict_on_batch(X))
    assert float(shown.std()) == pytest.approx(min(values), rel=1e-6)


def test_the_best_epoch_from_before_an_interruption_is_the_one_kept(tmp_path):
    """Its weights are in the checkpoint; the epochs after it, which are worse, must not take their place."""
    with pytest.raises(Stop):
        run(task(stop_after=3, keep_best="val_loss"), RunFolder(tmp_path), 2)
    networks, [result] = run(task(keep_best="val_loss"), RunFolder(tmp_path), 2)
    values = result.history.column("val_loss")
    assert values.index(min(values)) < 3 < len(values)
    shown = np.asarray(networks.first().predict_on_batch(X))
    assert float(shown.std()) == pytest.approx(min(values), rel=1e-6)
    np.testing.assert_array_equal(result.outputs["logits"], shown[:5])


def test_the_seconds_of_a_run_that_goes_on_begin_where_it_stood(tmp_path):
    folder = RunFolder(tmp_path)

    def slow(model, seed, epoch):
        time.sleep(0.4 if epoch == 0 else 0)
        return shuffled((X, Y), 300, 32)(model, seed, epoch)

    with pytest.raises(Stop):
        run(task(stop_after=1, batches=slow), folder, 1)
    _, [result] = run(task(batches=slow), folder, 1)
    seconds = result.history.column("seconds")
    assert seconds == sorted(seconds)
    assert seconds[1] > seconds[0] > 0.4


def test_the_wall_seconds_of_many_runs_are_split_as_the_runs_spent_theirs(tmp_path):
    trainer = Trainer((0, 1), RunFolder(tmp_path), Silent(), lambda rows: None)
    spent = [RunResult(History(), {}, {}, {"train": train, "evaluate": 1.0}, {}) for train in (2.0, 6.0)]
    trainer._book(5.0, spent)
    assert trainer.seconds == pytest.approx({"train": 4.0, "evaluate": 1.0})


def pair_of_networks(count=2):
    """A task whose networks are trained two at a time; its evaluation takes most of its time."""
    layers = keras.layers

    def build(count):
        x = keras.Input((count, 8))
        nets = [keras.Sequential([keras.Input((8,)), layers.Dense(2)], name=f"network_{n}") for n in range(count)]
        model = keras.Model(x, keras.ops.stack([net(x[:, n]) for n, net in enumerate(nets)], axis=1))
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    def evaluate(model):
        time.sleep(0.5)
        return {"val_loss": np.arange(1.0, 1 + count)}, {}

    return Task(
        name="",
        epochs=1,
        steps=10,
        build=lambda: build(1),
        batches=shuffled((X, Y), 300, 32),
        evaluate=evaluate,
        outputs=lambda model: {"logits": np.stack([X[:count], X[:count]])},
        side_by_side=SideBySide(count, build, lambda model, number: model.get_layer(f"network_{number}")),
    )


def test_seconds_of_networks_side_by_side_are_shared_among_them(tmp_path):
    began = time.perf_counter()
    _, results = run(pair_of_networks(), RunFolder(tmp_path), 3, 4)
    whole = time.perf_counter() - began
    assert [result.history.rows[0]["val_loss"] for result in results] == [1, 2]
    assert results[0].seconds == results[1].seconds
    assert 0.25 <= results[0].seconds["evaluate"] < 0.45
    assert sum(sum(result.seconds.values()) for result in results) <= whole


def test_a_pair_of_runs_of_which_one_is_done_is_trained_again(tmp_path):
    """Both were in one program; what is written of the one alone is not enough."""
    folder = RunFolder(tmp_path)
    for number in (0, 1, 2):
        folder.save_arrays(result_name("", number), {}, {})
    jobs = Trainer(range(6), folder, Silent(), folder.write_metrics)._jobs(pair_of_networks(), 2)
    assert [job.words[job.words.index("--runs") + 1] for job in jobs] == ["2", "4"]


@pytest.mark.parametrize(
    ("done", "workers", "parts"),
    [
        ([], 2, [[0, 1], [2, 3], [4, 5], [6, 7]]),
        ([0, 1, 5], 2, [[2], [3], [4], [6, 7]]),
        ([0, 1, 2, 3, 4, 5], 4, [[6], [7]]),
        ([1], 1, [[0, 2, 3, 4, 5, 6, 7]]),
        (range(8), 2, []),
    ],
)
def test_runs_that_are_not_done_are_shared_out_two_jobs_per_worker(tmp_path, done, workers, parts):
    folder = RunFolder(tmp_path)
    for number in done:
        folder.save_arrays(result_name("mlp", number), {}, {})
    trainer = Trainer(range(8), folder, Silent(), folder.write_metrics, device="cpu")
    jobs = trainer._jobs(task(name="mlp", threads=1), workers)
    runs = [job.words[job.words.index("--runs") + 1] for job in jobs]
    assert runs == [",".join(map(str, part)) for part in parts]
    assert [job.name for job in jobs] == [f"mlp run {part[0] + 1}" for part in parts]
    assert all(job.environment == {"TF_NUM_INTRAOP_THREADS": "1"} for job in jobs)


def test_parts_of_the_seconds_are_disjoint(tmp_path):
    folder = RunFolder(tmp_path)
    trainer = Trainer((0, 1), folder, Silent(), folder.write_metrics)
    began = time.perf_counter()
    trainer.train([task(epochs=2)])
    whole = time.perf_counter() - began
    assert sum(trainer.seconds.values()) <= whole
    assert sum(trainer.seconds.values()) > 0.5 * whole
    assert trainer.seconds["evaluate"] > 0


def test_the_seconds_of_an_interrupted_training_are_training(tmp_path):
    """They were told as start-up: two minutes of a translator on a GPU."""

    def interrupted(model, seed, epoch):
        time.sleep(0.3)
        raise KeyboardInterrupt

    folder = RunFolder(tmp_path)
    trainer = Trainer((0,), folder, Silent(), folder.write_metrics)
    with pytest.raises(KeyboardInterrupt):
        trainer.train([task(epochs=2, batches=interrupted)])
    assert trainer.seconds["train"] > 0.3
    assert trainer.seconds["evaluate"] == 0


def test_batches_of_different_shapes(tmp_path):
    """A step sees each batch as it is; the loss of the epoch is the mean over the batches."""
    parts = [np.arange(0, 7), np.arange(7, 50), np.arange(50, 300)]

    def ragged(model, seed, epoch):
        return Batches(parts, lambda numbers: (X[numbers], Y[numbers]))

    _, [result] = run(task(epochs=1, batches=ragged), RunFolder(tmp_path), 0)
    assert result.history.rows[0]["loss"] > 0


def test_rows_are_gathered_in_their_own_order_and_none_is_lost():
    pictures, labels = np.arange(70, dtype=np.uint8).reshape(35, 2), np.arange(35)
    parts = [Rows(({"a": pictures}, labels), permutation(seed, 3, 35), 8) for seed in (5, 6)]
    both = stacked(parts)
    assert len(both) == 5
    batches = [both[number] for number in range(5)]
    assert [len(y) for _, y in batches] == [8, 8, 8, 8, 3]
    assert batches[0][0]["a"].shape == (8, 2, 2)
    assert batches[0][0]["a"].dtype == np.uint8
    seen = np.concatenate([y for _, y in batches])
    np.testing.assert_array_equal(seen[:, 0], parts[0].order)  # whoever is beside
    np.testing.assert_array_equal(np.concatenate([x["a"] for x, _ in batches]), pictures[seen])
    assert (seen[:, 0] != seen[:, 1]).any()
    assert (permutation(5, 3, 35) != permutation(5, 4, 35)).any()


@pytest.mark.parametrize("kind", ["rows", "batches"])
def test_last_epoch_may_be_a_part_of_one(tmp_path, kind):
    def some(model, seed, epoch):
        order = permutation(seed, epoch, 300)
        return Batches([order[k * 32 : k * 32 + 32] for k in range(10)], lambda part: (X[part], Y[part]))

    given = task(epochs=3, total=27, batches=some if kind == "batches" else None)
    networks, [result] = run(given, RunFolder(tmp_path), 0)
    assert networks._model is not None
    assert int(networks._model.optimizer.iterations) == 27
    assert result.history.column("epoch") == [1, 2, 3]
    whole, [all_three] = run(task(epochs=3, batches=given.batches), RunFolder(tmp_path / "whole"), 0)
    assert whole._model is not None
    assert int(whole._model.optimizer.iterations) == 30
    assert rows(all_three)[:2] == rows(result)[:2]
    assert rows(all_three)[2] != rows(result)[2]


def test_training_starts_from_given_weights(tmp_path):
    parent, _ = run(task(epochs=2), RunFolder(tmp_path / "parent"), 3)
    weights = parent.first().get_weights()
    networks = Networks(task(epochs=1), lambda network: network.set_weights(weights))
    for seed in (0, 1):
        model = networks.reset(seed)
        assert all((one == other).all() for one, other in zip(model.get_weights(), weights, strict=True))
        assert int(model.optimizer.iterations) == 0
