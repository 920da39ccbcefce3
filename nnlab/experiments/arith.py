"""A recurrent network learns to add, subtract or multiply by reading sums and writing answers.

Run it::

    nnlab arith --op sub

One question on its way, with ``--op sub``: of 500,500 pairs of numbers of up to three digits, 50,000
are drawn, ``46-601`` among them. ``46-601`` and ``601-46`` count as one question, and a tenth of the
questions is held out before training. The default network reads the sum as it stands on paper, column
by column from the right: ``(6, 1) (4, 0) (blank, 6)`` and an empty column for the sign. In each it
writes one character, here ``5 5 5 -``, which read the other way round is the answer ``-555``. It is
right only if every character is. The published network reads ``46-601`` backwards as characters.

What is shown was never trained on, and what is hard is said: exact match by the number of carries or
borrows, and by the length of the operands.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlab.commands.train import Bench
from nnlab.config import Config
from nnlab.data import arithmetic
from nnlab.data.arithmetic import Ids, Sums
from nnlab.data.report_2018 import published
from nnlab.errors import UsageError
from nnlab.evaluation.intervals import over_runs
from nnlab.evaluation.metrics import cross_entropy
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import console_line, number, percent, table

if TYPE_CHECKING:
    from nnlab.training.repeat import Outcome

SHOWN = 10  # questions in each console


# ---- config ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ArithConfig(Config):
    """What one experiment is: the operation, the questions, the network and how it is trained."""

    op: str = "add"
    digits: int = 3
    samples: int | None = None  # None: all of a user's file
    network: str = "columns"  # or seq2seq, the published one
    units: int = 48
    learning_rate: float = 4e-3
    weight_decay: float = 0.0
    schedule: str = "cosine"  # with warm-up; or constant

    @classmethod
    def recipe(cls, preset: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """``published`` is the report's setting to the letter; ``best`` is the column network."""
        op, digits = given.get("op", "add"), given.get("digits", 3)
        samples = None if _is_file(given.get("data")) else min(50_000, arithmetic.question_count(digits))
        if preset == "published":
            constant = {"network": "seq2seq", "units": 128, "learning_rate": 1e-3, "schedule": "constant"}
            return {"samples": samples, "epochs": 199, "batch_size": 128, **constant}
        if preset == "quick":
            few = samples and min(samples, 4_000)
            return {"samples": few, "epochs": 6, "batch_size": 64, "units": 32, "learning_rate": 1e-2}
        if op == "mul":
            return {
                "samples": samples,
                "epochs": 200,
                "batch_size": 128,
                "units": 64,
                "learning_rate": 3e-3,
                "weight_decay": 0.3,
            }
        return {"samples": samples, "epochs": 6, "batch_size": 128}

    def check(self) -> None:
        """Raise UsageError where there are fewer questions than asked for."""
        if self.samples is not None and self.data in (None, "sample"):
            most = arithmetic.question_count(self.digits)
            if not 20 <= self.samples <= most:
                raise UsageError(
                    f"expected 20 to {most:,} --samples of {self.digits} digits (a+b and b+a are one), "
                    f"got {self.samples:,}",
                    "Ask for fewer --samples or more --digits" if self.samples > most else "Ask for more",
                )
        if self.data not in (None, "sample") and not Path(str(self.data)).is_file():
            raise UsageError(
                f"expected --data to be a file of sums, one a line, or 'sample'; there is no file {self.data}",
                "Leave it out: the questions are drawn",
            )

    @property
    def answer_length(self) -> int:
        """Characters of the longest answer, its sign included."""
        return 2 * self.digits if self.op == "mul" else self.digits + 1


CONFIG = ArithConfig


def _is_file(data: str | None) -> bool:
    return data not in (None, "sample")


# ---- data --------------------------------------------------------------------------------------------


def load(config: ArithConfig) -> tuple[Sums, Sums]:
    """(training, held-out) questions. The split is the same for every run: runs differ in the network."""
    if _is_file(config.data):
        path = Path(str(config.data))
        drawn = arithmetic.read_file(path, config.op, config.digits, config.samples)
        drawn = drawn[np.random.default_rng([config.seed, 2]).permutation(len(drawn))]
    else:
        assert config.samples is not None
        drawn = arithmetic.draw(config.op, config.digits, config.samples, config.seed)
    return arithmetic.split(drawn)


def encode_questions(config: ArithConfig, left: arithmetic.Ints, right: arithmetic.Ints) -> Ids:
    """What the network reads: ``(n, columns, 2)`` columns from the right, or ``(n, length)`` characters."""
    if config.network == "columns":
        width = config.digits if config.op == "mul" else config.digits + 1
        return np.stack([arithmetic.number_ids(left, width), arithmetic.number_ids(right, width)], axis=-1)
    sign = arithmetic.SIGNS[config.op]
    pairs = zip(left.tolist(), right.tolist(), strict=True)
    typed = arithmetic.to_ids([f"{a}{sign}{b}" for a, b in pairs], 2 * config.digits + 1, align="left")
    return typed[:, ::-1]


def encode_answers(config: ArithConfig, answers: arithmetic.Ints) -> Ids:
    """What the network should write, ``(n, answer_length)``."""
    if config.network == "columns":
        return arithmetic.number_ids(answers, config.answer_length)
    return arithmetic.to_ids([str(answer) for answer in answers.tolist()], config.answer_length, align="left")


def decode(config: ArithConfig, ids: Ids) -> list[str]:
    """The answers as a person reads them, the padding on the side where it belongs taken off."""
    if config.network == "columns":
        return [text.lstrip(" ") for text in arithmetic.to_strings(ids[:, ::-1], config.op)]
    return [text.rstrip(" ") for text in arithmetic.to_strings(ids, config.op)]


# ---- model -------------------------------------------------------------------------------------------


def build(config: ArithConfig) -> Any:
    """The network of a config, not compiled; the same for training and for ``predict``."""
    from nnlab.models import arithmetic

    if config.network == "seq2seq":
        return arithmetic.seq2seq(2 * config.digits + 1, config.answer_length, config.units)
    crossed = config.op == "mul"
    width = config.digits if crossed else config.digits + 1
    return arithmetic.columns(width, config.answer_length, config.units, crossed=crossed)


def build_for_training(config: ArithConfig, samples: int) -> Any:
    """The network, compiled with its loss (cross-entropy per character) and optimizer."""
    import keras

    from nnlab.backend import jit_compile

    steps = -(-samples // config.batch_size)
    rate: Any = config.learning_rate
    if config.schedule == "cosine":
        warmup = min(3 * steps, steps * config.epochs // 16) or 1
        rate = keras.optimizers.schedules.CosineDecay(
            rate / 20, max(1, steps * config.epochs - warmup), alpha=0.01, warmup_target=rate, warmup_steps=warmup
        )
        optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay, beta_2=0.98)
    else:
        optimizer = keras.optimizers.Adam(rate)
    model = build(config)
    # One step an execution: eight take a tenth less time and 50 MB more memory.
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=jit_compile())
    return model


# ---- train and evaluate ------------------------------------------------------------------------------


def run(config: ArithConfig, bench: Bench) -> dict[str, Any]:
    """The experiment: train each run, measure it on the held-out questions, show and save."""
    with bench.clock("data"):
        training, held_out = load(config)
        x, y = encode_questions(config, training.left, training.right), encode_answers(config, training.answer)
        if config.op == "mul" and config.network == "columns":  # b*a has a*b's answer: shown both ways
            x, y = np.concatenate([x, x[:, :, ::-1]]), np.concatenate([y, y])
        x_test = encode_questions(config, held_out.left, held_out.right)
        y_test = encode_answers(config, held_out.answer)
    bench.start_backend()
    from nnlab.training.batches import predict_in_batches
    from nnlab.training.loop import Evaluation, Seeded, train
    from nnlab.training.repeat import Outcome

    seeded = Seeded(lambda members: build_for_training(config, len(x)))

    def measure(model: Any, epoch: int, training: dict[str, float]) -> Evaluation:
        with bench.clock("evaluate"):
            logits = predict_in_batches(model, x_test, size=1024)
        ids = logits.argmax(-1).astype(np.uint8)
        measures: dict[str, float | int] = {
            "loss": training["loss"],
            "val_loss": cross_entropy(logits, y_test),
            "exact_match": float((ids == y_test).all(axis=1).mean()),
            "character_accuracy": float((ids == y_test).mean()),
        }
        return Evaluation([measures], {"answers": decode(config, ids[:SHOWN])})

    def fit(number: int, seeds: Sequence[int]) -> list[Outcome]:
        model = seeded.reset(*seeds)
        history = train(
            model,
            x,
            y,
            epochs=config.epochs,
            batch_size=config.batch_size,
            seed=seeds[0],
            evaluate=measure,
            store=bench.folder,
            record=bench.record,
            watch=bench.watch,
            run=number,
            runs=config.runs,
        )
        if number == 0:
            bench.folder.place("model.keras", model.save)
        ids = predict_in_batches(model, x_test, size=1024).argmax(-1).astype(np.uint8)
        return [Outcome(history, arrays={"answers": ids})]

    outcomes = bench.repeat(config.seeds, fit)
    return present(config, bench, held_out, y_test, outcomes)


# ---- present -----------------------------------------------------------------------------------------


def present(
    config: ArithConfig, bench: Bench, held_out: Sums, y_test: Ids, outcomes: Sequence[Outcome]
) -> dict[str, Any]:
    """Consoles, summary, figures, and the ``results`` of the JSON document."""
    terminal = bench.terminal
    first = outcomes[0]
    epochs = sorted(first.history.notes)
    chosen = first.history.notes
    width = 2 * config.digits + 1
    truths = [str(answer) for answer in held_out.answer[:SHOWN].tolist()]
    for epoch in dict.fromkeys([epochs[0], epochs[-1]]):
        terminal.show(f"[bold]After epoch {epoch}[/bold] (held-out questions, never trained on)")
        answers = chosen[epoch]["answers"]
        for index, (truth, answer) in enumerate(zip(truths, answers, strict=True)):
            terminal.show(console_line(held_out.question(index), truth, answer, width=width))
        terminal.show("")

    right = (first.arrays["answers"] == y_test).all(axis=1)
    results = summarise(outcomes)
    by_carries = grouped([str(count) for count in arithmetic.carries(held_out).tolist()], right)
    by_length = grouped(arithmetic.operand_lengths(held_out), right)
    carried = "borrows" if config.op == "sub" else "carries"
    hard = table(carried, "right", "of", "share")
    for name, (correct, total) in by_carries.items():
        hard.add_row(name, f"{correct:,}", f"{total:,}", percent(correct / total))
    terminal.show(hard, "")
    terminal.show(summary(config, results, held_out))

    save_figures(config, bench.folder, outcomes, by_carries, by_length, carried)
    final = decode(config, first.arrays["answers"][:SHOWN])
    examples = [
        {"question": held_out.question(index), "truth": truth, "answer": answer}
        for index, (truth, answer) in enumerate(zip(truths, final, strict=True))
    ]
    return {**results, "examples": examples}


def summarise(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The figures of the contract, over all runs."""
    last = [outcome.history.rows[-1] for outcome in outcomes]
    names = ("exact_match", "character_accuracy", "loss", "val_loss")
    results = {name: over_runs([float(row[name]) for row in last]) for name in names}
    reached = [next((row for row in outcome.history.rows if row["exact_match"] >= 0.99), None) for outcome in outcomes]
    for name, column in (("epochs_to_99", "epoch"), ("seconds_to_99", "seconds")):
        results[name] = over_runs([None if row is None else row[column] for row in reached])
    return results


def grouped(names: Sequence[str], right: np.ndarray[Any, Any]) -> dict[str, tuple[int, int]]:
    """(right, all) counts of each name, in order of name."""
    total = collections.Counter(names)
    correct = collections.Counter(name for name, is_right in zip(names, right, strict=True) if is_right)
    return {name: (correct[name], total[name]) for name in sorted(total)}


def summary(config: ArithConfig, results: dict[str, Any], held_out: Sums) -> Any:
    """The table at the end."""
    made = table("held-out questions", f"{len(held_out):,}")
    if config.runs > 1:
        made.add_row("runs (figures: mean ± half the 95 % interval)", str(config.runs))
    made.add_row("answers right (exact match)", percent(results["exact_match"]))
    made.add_row("characters right", percent(results["character_accuracy"]))
    made.add_row("training loss (nats a character)", number(results["loss"], ".2g"))
    made.add_row("held-out loss (nats a character)", number(results["val_loss"], ".2g"))
    epochs, seconds = results["epochs_to_99"], results["seconds_to_99"]
    reached = "not reached" if epochs is None else f"{number(epochs, '.3g')} epochs, {number(seconds, '.1f')} s"
    made.add_row("until 99 % were right", reached)
    report = published("arith")
    if config.op in report["all_right_from_iteration"] and config.digits == 3:
        early, (low, high) = report["early"], report["late"]
        made.add_row("the report of 2018, early / late", f"{100 * early:g} % / {100 * low:g}–{100 * high:g} %")
        made.add_row("  all right from iteration", str(report["all_right_from_iteration"][config.op]))
    return made


def headline(results: dict[str, Any]) -> str:
    """The one figure of a finished run for the listing of ``nnlab runs``."""
    return f"{percent(results['exact_match'])} right"


def save_figures(
    config: ArithConfig,
    folder: RunFolder,
    outcomes: Sequence[Outcome],
    by_carries: Mapping[str, tuple[int, int]],
    by_length: Mapping[str, tuple[int, int]],
    carried: str,
) -> None:
    """``loss.png`` (loss and exact match by epoch) and ``difficulty.png`` (what is hard)."""
    from nnlab.output import figures

    def lines(name: str, scale: float = 1.0) -> list[tuple[list[float], list[float]]]:
        histories = [outcome.history for outcome in outcomes]
        return [(h.column("epoch"), [scale * value for value in h.column(name)]) for h in histories]

    title = f"nnlab arith --op {config.op} --digits {config.digits} ({config.preset})"
    figure, (left, right) = figures.canvas(2, title=title)
    figures.curves(
        left, {"training": lines("loss"), "held-out": lines("val_loss")}, ylabel="loss (nats a character)", log=True
    )
    figures.curves(right, {"held-out": lines("exact_match", 100)}, ylabel="answers right (%)")
    right.set_ylim(0, 103)
    folder.write("figures/loss.png", figures.png(figure))

    figure, (left, right) = figures.canvas(2, title=f"{title}: held-out answers right")
    figures.shares(left, by_carries, xlabel=f"columns with {carried}")
    figures.shares(right, by_length, xlabel="digits of the operands")
    folder.write("figures/difficulty.png", figures.png(figure))


# ---- predict -----------------------------------------------------------------------------------------


class Predictor:
    """Answers typed questions with a trained network, many in one compiled batch."""

    def __init__(self, folder: RunFolder) -> None:
        self.config = ArithConfig.from_record(folder.config)
        self.folder = folder
        self._model: Any = None

    def open(self) -> None:
        """Build the network and load its weights; the backend has been started."""
        from nnlab.backend import load_weights

        self._model = build(self.config)
        load_weights(self._model, self.folder.path / "model.keras")

    def read(self, text: str) -> tuple[int, int]:
        """The operands of a typed question; InputError where the network cannot read it."""
        return arithmetic.parse(text, self.config.op, self.config.digits)

    def answer(self, questions: Sequence[tuple[int, int]]) -> list[str]:
        """The answers, in order; ``?`` for one the network leaves blank."""
        from nnlab.training.batches import predict_in_batches

        pairs = np.array(questions, np.int64).reshape(-1, 2)
        size = 64 if len(pairs) <= 64 else 4096  # two shapes at most, so at most two compilations
        logits = predict_in_batches(self._model, encode_questions(self.config, pairs[:, 0], pairs[:, 1]), size=size)
        return [text or "?" for text in decode(self.config, logits.argmax(-1).astype(np.uint8))]
