"""What ``mnist`` and ``permute`` share: how a digit network is built, trained and measured, side by side or alone.

Measured on 2 cores, seconds per epoch of one published MLP: in a plain script 4.4; alone here 2.7-4.3, two side by
side in one program 2.2-2.5 each; the same two with one thread per operation 1.8, since matrices this small gain less
from a second core than they lose by sharing (3.2 processor seconds instead of 4.2); three 1.9, four 2.0. As one
batched product 3.9-4.1, and no longer the same bits; XLA 4.2-4.7 processor seconds. So two, side by side, with one
thread. Convolutions fill the cores alone and go one after another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnlab.configs.mnist import DigitsConfig
from nnlab.data.digits import digits
from nnlab.data.digits.digit_pictures import DigitForm, read_picture
from nnlab.data.digits.digits import Digits
from nnlab.data.pictures.pixels import Bytes
from nnlab.data.seen import keys_of_rows
from nnlab.evaluation.intervals import mean_of, over_runs, undecided
from nnlab.experiments import FinishedRun, Loaded, Predictor
from nnlab.output.terminal import percent
from nnlab.training.task import Results, RunResult, SideBySide, Task, at_kept


def load_digits(config: Any) -> Loaded[Any, Digits]:
    """The digits of a run, some of them for validation where that is set, and what could not be read as it was."""
    read = digits.load(config.data)
    split = digits.with_validation(read, config.validation)
    data, left_out = digits.without_seen(split, config.inherited)
    return Loaded(
        config,
        data,
        read.record(),
        data.notes,
        {"form": data.form.record()},
        training_keys=lambda: keys_of_rows(data.x_train),
        left_out=left_out,
    )


def task(
    config: DigitsConfig, name: str, net: str, loss: str, data: Digits, *, shift: float | None, keep_model: bool
) -> Task:
    """A digit network of all seeds: ``net`` mlp or cnn, ``loss`` ce or mse, ``shift`` pixels a picture may move.

    ``shift`` None: the pixels have no order, so the network is one that pools once. Outputs are the test
    probabilities ``(pictures, 10)`` of each run. The epochs are a setting: the last one's weights are always kept.
    """
    from nnlab import backend
    from nnlab.models import digits as models
    from nnlab.training.batches import shuffled

    device = backend.start().device
    samples = len(data.x_train)
    steps = -(-samples // config.batch_size)
    epochs, total = config.planned(name, steps, config.mlp_epochs if net == "mlp" else config.cnn_epochs)

    def build(count: int) -> Any:
        return compiled(config, net, loss, shift, count, (steps, total))

    def evaluate(model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        part, pictures, labels = data.watched
        found = metrics(probabilities(model, pictures), labels, loss)
        return {f"{part}_{name}": values for name, values in found.items()}, {}

    return Task(
        name=name,
        epochs=epochs,
        steps=steps,
        total=total,
        build=lambda: build(1),
        batches=shuffled((data.x_train, data.y_train), samples, config.batch_size),
        evaluate=evaluate,
        outputs=lambda model: {"probabilities": probabilities(model, data.x_test)},
        keep_model=keep_model,
        side_by_side=SideBySide(networks_at_once(net, config.runs, device), build, models.network),
        threads=threads_per_operation(net, samples, device),
    )


def networks_at_once(net: str, runs: int, device: str) -> int:
    """How many networks are trained side by side, as measured."""
    if device.startswith("CPU"):
        return min(runs, 2 if net == "mlp" else 1)
    return min(runs, 10)  # on an H100 under JAX an epoch of ten MLPs takes 2.6 s, of one alone 0.6


def threads_per_operation(net: str, samples: int, device: str) -> int | None:
    """How many threads an operation may use; None: all cores. Never a matter of how many runs there are.

    Few samples are trained before a process of its own has started.
    """
    import keras

    on_tensorflow = keras.backend.backend() == "tensorflow"
    return 1 if net == "mlp" and samples >= 10_000 and device.startswith("CPU") and on_tensorflow else None


# ---- model -------------------------------------------------------------------------------------------


def build_networks(config: DigitsConfig, net: str, shift: float | None, count: int) -> Any:
    """``count`` networks side by side, not compiled: ``(batch, count, 28, 28)`` to logits ``(batch, count, 10)``."""
    from nnlab.models import digits as models

    def one() -> Any:
        if config.design == "keras_2018":
            return models.mlp(input_dropout=0.0, hidden_dropout=0.2) if net == "mlp" else models.cnn()
        if net == "mlp":
            if config.design == "nnlab":
                return models.mlp(input_dropout=0.2, hidden_dropout=0.4)
            return models.normalised_mlp() if config.design == "normalised" else models.adversarial_mlp()
        if shift is None:
            return models.shallow_cnn()
        return models.small_cnn(int(shift)) if config.design == "nnlab" else models.normalised_cnn(shift)

    return models.side_by_side(one, count)


def compiled(config: DigitsConfig, net: str, loss: str, shift: float | None, count: int, steps: tuple[int, int]) -> Any:
    """Networks side by side with their loss and optimizer; ``steps``: of an epoch, and of the whole training."""
    from nnlab.backend import jit_compile
    from nnlab.models.optimizers import Adadelta, RMSprop, on_a_cosine

    optimizer: Any
    if config.design == "keras_2018":
        # Keras's examples of early 2018: RMSprop for the MLP, Adadelta (rate 1, decay 0.95) for the CNN.
        optimizer = RMSprop(1e-3) if net == "mlp" else Adadelta(1.0, rho=0.95)
    else:
        epoch, total = steps
        rate = config.mlp_learning_rate if net == "mlp" else config.cnn_learning_rate
        of_cnn = config.weight_decay if config.cnn_weight_decay is None else config.cnn_weight_decay
        optimizer = on_a_cosine(
            rate,
            total,
            warm_up=max(1, min(epoch, total // 8)),
            least=0.001,
            weight_decay=config.weight_decay if net == "mlp" else of_cnn,
            beta_2=config.beta_2,
        )
    model = build_networks(config, net, shift, count)
    model.compile(
        optimizer,
        total_error(loss),
        metrics=[network_error(loss, number) for number in range(count)],
        jit_compile=jit_compile(),
        steps_per_execution=32 if net == "mlp" else 8,  # an execution costs as much as a step of an MLP
    )
    return model


def error_of(name: str) -> Any:
    """Cross-entropy, or the mean squared error of the probabilities: labels ``(…)``, logits ``(…, 10)``."""
    from keras import ops

    def cross_entropy(labels: Any, logits: Any) -> Any:
        return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)

    def squared_error(labels: Any, logits: Any) -> Any:
        return ops.mean(ops.square(ops.softmax(logits) - ops.one_hot(labels, 10)), axis=-1)

    return cross_entropy if name == "ce" else squared_error


def total_error(name: str) -> Any:
    """The loss of all networks: summed, so that each one's gradient is what it would be alone."""
    from keras import ops

    error = error_of(name)

    def total(labels: Any, logits: Any) -> Any:
        return ops.sum(error(labels, logits), axis=-1)

    return total


def network_error(name: str, number: int) -> Any:
    """The loss of one network, reported as ``loss_0``, ``loss_1`` and so on.

    A metric, not the function: Keras would make the metric while it traces a step, which is then traced again.
    """
    import keras

    error = error_of(name)

    def own(labels: Any, logits: Any) -> Any:
        return error(labels[:, number], logits[:, number])

    return keras.metrics.MeanMetricWrapper(own, name=f"loss_{number}")


# ---- evaluate ----------------------------------------------------------------------------------------


def probabilities(model: Any, pictures: Bytes, *, size: int = 500) -> np.ndarray[Any, Any]:
    """What each network gives each digit: ``(networks, pictures, 10)`` float32."""
    from nnlab.training.batches import predict_in_batches

    count = model.input_shape[1]
    shown = np.broadcast_to(pictures[:, None], (len(pictures), count, *pictures.shape[1:]))
    logits = predict_in_batches(model, shown, size=size).astype(np.float64)
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    softmax: np.ndarray[Any, Any] = (raised / raised.sum(-1, keepdims=True)).astype(np.float32)
    return np.moveaxis(softmax, 1, 0)


def metrics(given: np.ndarray[Any, Any], labels: Bytes, loss: str) -> dict[str, np.ndarray[Any, Any]]:
    """Loss and accuracy ``(networks,)`` of probabilities ``(networks, pictures, 10)``."""
    values = []
    for one in given:
        if loss == "ce":
            right = one[np.arange(len(labels)), labels].astype(np.float64)
            values.append(float(-np.log(np.maximum(right, 1e-12)).mean()))
        else:
            values.append(float(((one - np.eye(10)[labels]) ** 2).mean()))
    accuracy = [float((one.argmax(-1) == labels).mean()) for one in given]
    return {"loss": np.array(values), "accuracy": np.array(accuracy)}


# ---- present -----------------------------------------------------------------------------------------

BASELINES = {"logistic_regression": "logistic regression", "k_nearest_neighbours": "k nearest neighbours"}


def figures_of(runs: Sequence[RunResult], test_accuracy: Sequence[float]) -> dict[str, Any]:
    """Test accuracy over the runs, and accuracy and loss on validation where there is one."""
    last = runs[0].history.best
    seen = [name for name in ("val_accuracy", "val_loss") if name in last]
    return {
        "test_accuracy": over_runs(test_accuracy),
        **{name: over_runs([float(run.history.best[name]) for run in runs]) for name in seen},
    }


def test_points(found: Mapping[str, Any], results: Results) -> dict[str, list[tuple[float, float]]]:
    """The test accuracy of each run of each task in percent, at the epoch that was kept, as a figure has it."""
    made = {}
    for name, runs in results.items():
        accuracy = found[name]["test_accuracy"]
        of_runs = accuracy["values"] if isinstance(accuracy, dict) else [accuracy]
        made[name] = at_kept(runs, [100 * value for value in of_runs])
    return made


def baseline_label(name: str, figures: Mapping[str, Any]) -> str:
    """A baseline as a table names it."""
    return f"{BASELINES[name]}, k = {figures['k']}" if "k" in figures else BASELINES[name]


def beyond_baselines(accuracy: Mapping[str, Any], baselines: Mapping[str, Mapping[str, Any]]) -> str:
    """One sentence: how many fewer errors each network makes than the best baseline; both are shares right.

    ``accuracy``: the figure of each network, over its runs.
    """
    name, best = max(baselines.items(), key=lambda item: float(item[1]["test_accuracy"]))
    wrong = 1 - float(best["test_accuracy"])
    what = f"{baseline_label(name, best)}, {percent(best['test_accuracy'])} right"
    if wrong == 0:
        return f"The best baseline ({what}) leaves a network nothing to win."
    told = []
    for network, right in accuracy.items():
        change = (1 - mean_of(right)) / wrong - 1
        errors = f"makes {100 * abs(change):.0f} % {'fewer' if change <= 0 else 'more'} errors"
        told.append(f"{network} {undecided(right, best['test_accuracy'], percent) or errors}")
    return f"Compared with the best baseline ({what}): {', '.join(told)}."


# ---- predict -----------------------------------------------------------------------------------------


class DigitPredictor(Predictor[Bytes]):
    """Reads pictures of digits with a trained network."""

    takes_files = True
    asks = "the path of a picture of a digit"

    def __init__(self, config: DigitsConfig, net: str, shift: float | None, run: FinishedRun) -> None:
        from nnlab.models import digits as models

        self._networks = build_networks(config, net, shift, 1)
        self.model = run.fill(models.network(self._networks, 0))
        self._form = DigitForm.from_record(run.preprocessing["form"])

    def read(self, text: str) -> Bytes:
        """A picture file in the form of the training digits; InputError where it cannot be read."""
        remarks: list[str] = []
        self.remarks = remarks
        return read_picture(self.path(text), self._form, remarks.append)

    def answer(self, inputs: Sequence[Bytes]) -> list[str]:
        """The digit and its probability, one per picture."""
        found = probabilities(self._networks, np.stack(inputs), size=32)[0]
        return [f"{one.argmax()} {one.max():.4f}" for one in found]
