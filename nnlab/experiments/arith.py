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
from typing import Any

import numpy as np

from nnlab.config import SAMPLE
from nnlab.configs.arith import ArithConfig
from nnlab.data import arithmetic
from nnlab.data.arithmetic import Ids, Sums
from nnlab.data.folders import messages
from nnlab.data.random import Stream, rng
from nnlab.data.report_2018 import report_2018
from nnlab.data.seen import unseen
from nnlab.data.textfile import find_path
from nnlab.errors import UsageError
from nnlab.evaluation.intervals import over_runs
from nnlab.evaluation.metrics import cross_entropy
from nnlab.experiments import FinishedRun, Loaded, Predictor
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal, number, percent, table
from nnlab.training.task import Results, RunResult, Task, curves

SHOWN = 10  # questions in each console


# ---- data --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Questions:
    """Training and held-out questions, and both as ids: ``x`` what is read, ``y`` what should be written."""

    training: Sums
    held_out: Sums
    x: Ids  # (questions, columns, 2) or (questions, length)
    y: Ids  # (questions, answer length)
    x_test: Ids
    y_test: Ids


def load(config: ArithConfig) -> Loaded[ArithConfig, Questions]:
    """Draw the questions, or read a user's; the split is the same for every run: runs differ in the network."""
    config, drawn = own_questions(config) if config.data not in (None, SAMPLE) else draw_questions(config)
    training, held_out = arithmetic.split(drawn)
    kept, told = unseen(held_out.keys, config.inherited, "held-out questions")
    left_out, held_out = len(held_out), held_out[kept]
    left_out -= len(held_out)
    x, y = encode_questions(config, training.left, training.right), encode_answers(config, training.answer)
    if config.op == "mul" and config.network == "columns":  # b*a has a*b's answer: shown both ways
        x, y = np.concatenate([x, x[:, :, ::-1]]), np.concatenate([y, y])
    x_test = encode_questions(config, held_out.left, held_out.right)
    data = Questions(training, held_out, x, y, x_test, encode_answers(config, held_out.answer))
    source = {"name": drawn.origin, "size": drawn.size, "items": len(drawn), "digest": drawn.digest}
    notes = [*messages(drawn.origin, drawn.notes, ()), *told]
    return Loaded(config, data, source, notes, training_keys=lambda: training.keys, left_out=left_out)


def draw_questions(config: ArithConfig) -> tuple[ArithConfig, Sums]:
    """(config, questions): as many as are asked for, or all there are where nobody asked."""
    most = arithmetic.question_count(config.digits)
    if config.samples > most and "samples" in config.given:
        raise UsageError(
            f"expected 20 to {most:,} --samples of {config.digits} digits (a+b and b+a are one), "
            f"got {config.samples:,}",
            "Ask for fewer --samples or more --digits",
        )
    config = config.resolved(samples=min(config.samples, most))
    return config, arithmetic.draw(config.op, config.digits, config.samples, config.data_seed)


def own_questions(config: ArithConfig) -> tuple[ArithConfig, Sums]:
    """(config, questions) of a user's file, in an order of their own."""
    path = find_path(str(config.data))
    if path is None:
        raise UsageError(
            f"expected --data to be a file of sums, one per line, or 'sample'; there is no file {config.data}",
            "Leave it out: the questions are drawn",
        )
    asked = config.samples if "samples" in config.given else None
    read = arithmetic.read_file(path, config.op, config.digits, asked)
    questions = read[rng(config.data_seed, Stream.FILE_ORDER).permutation(len(read))]
    return config.resolved(samples=len(questions)), questions


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
        question_length = 2 * config.digits + 1
        return arithmetic.seq2seq_network(
            question_length=question_length, answer_length=config.answer_length, units=config.units
        )
    width = config.digits if config.op == "mul" else config.digits + 1
    return arithmetic.column_network(op=config.op, width=width, answer_length=config.answer_length, units=config.units)


def compiled(config: ArithConfig, samples: int) -> Any:
    """The network, compiled with its loss (cross-entropy per character) and optimizer."""
    import keras

    from nnlab.backend import jit_compile
    from nnlab.training.optimizers import cosine_adamw

    steps = -(-samples // config.batch_size)
    total = config.planned("", steps, config.epochs)[1]
    if config.schedule == "cosine":
        optimizer: Any = cosine_adamw(
            config.learning_rate,
            total,
            warm_up=min(3 * steps, total // 16) or 1,
            least=0.01,
            weight_decay=config.weight_decay,
            beta_2=config.beta_2,
        )
    else:
        optimizer = keras.optimizers.Adam(config.learning_rate, beta_2=config.beta_2)
    model = build(config)
    # One step per execution: eight take a tenth less time and 50 MB more memory.
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=jit_compile())
    return model


# ---- train and evaluate ------------------------------------------------------------------------------


def tasks(config: ArithConfig, data: Questions) -> list[Task]:
    """The one network, measured on the held-out questions."""
    from nnlab.training.batches import predict_in_batches, shuffled

    def answers(model: Any) -> Any:
        return predict_in_batches(model, data.x_test, size=1024)  # (questions, answer length, 12) logits

    def evaluate(model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        logits = answers(model)
        ids = logits.argmax(-1).astype(np.uint8)
        right = ids == data.y_test
        metrics = {
            "val_loss": cross_entropy(logits, data.y_test),
            "exact_match": float(right.all(axis=1).mean()),
            "character_accuracy": float(right.mean()),
        }
        return metrics, {"answers": decode(config, ids[:SHOWN])}

    steps = -(-len(data.x) // config.batch_size)
    epochs, total = config.planned("", steps, config.epochs)
    return [
        Task(
            name="",
            epochs=epochs,
            steps=steps,
            total=total,
            build=lambda: compiled(config, len(data.x)),
            batches=shuffled((data.x, data.y), len(data.x), config.batch_size),
            evaluate=evaluate,
            outputs=lambda model: {"answers": answers(model).argmax(-1).astype(np.uint8)},
        )
    ]


# ---- present -----------------------------------------------------------------------------------------


def present(
    config: ArithConfig, data: Questions, results: Results, terminal: Terminal, folder: RunFolder
) -> dict[str, Any]:
    """Consoles, summary, figures, and the ``results`` of the JSON document."""
    from nnlab.output import figures

    runs, held_out = results[""], data.held_out
    first = runs[0]
    notes = first.history.notes
    width = 2 * config.digits + 1
    truths = [str(answer) for answer in held_out.answer[:SHOWN].tolist()]
    for epoch in dict.fromkeys([min(notes), max(notes)]):
        terminal.heading(f"After epoch {epoch}", "held-out questions, never trained on")
        for index, (truth, answer) in enumerate(zip(truths, notes[epoch]["answers"], strict=True)):
            terminal.show(console_line(held_out.question(index), truth, answer, width=width))
        terminal.show("")

    right = (first.outputs["answers"] == data.y_test).all(axis=1)
    found = summarise(runs)
    by_carries = grouped([str(count) for count in arithmetic.carries(held_out).tolist()], right)
    by_length = grouped(arithmetic.operand_lengths(held_out), right)
    carried = "borrows" if config.op == "sub" else "carries"
    hard = table(carried, "right", "of", "share")
    for name, (correct, total) in by_carries.items():
        hard.add_row(name, f"{correct:,}", f"{total:,}", percent(correct / total))
    terminal.show(hard, "", summary(config, found, held_out))

    with figures.optional(terminal):
        save_figures(config, folder, runs, by_carries, by_length, carried)
    final = decode(config, first.outputs["answers"][:SHOWN])
    examples = [
        {"question": held_out.question(index), "truth": truth, "answer": answer}
        for index, (truth, answer) in enumerate(zip(truths, final, strict=True))
    ]
    return {**found, "examples": examples}


def console_line(question: str, truth: str, answer: str, *, width: int) -> Any:
    """One line of the 2018 report's consoles: ``Q 291+7    T 298   298  ☑``.

    ``width`` pads question, truth and answer so that the lines of one console stand under each other.
    """
    from rich.text import Text

    mark = ("☑", "green") if truth.strip() == answer.strip() else ("☒", "red")
    digits = max((width + 1) // 2 + 1, len(truth), len(answer))
    line = Text.assemble(("Q ", "dim"), question.ljust(width), ("  T ", "dim"), truth.ljust(digits))
    return line.append(f"  {answer.ljust(digits)} ").append(*mark)


def summarise(runs: Sequence[RunResult]) -> dict[str, Any]:
    """The figures of the contract, over all runs."""
    last = [run.history.rows[-1] for run in runs]
    names = ("exact_match", "character_accuracy", "loss", "val_loss")
    results = {name: over_runs([float(row[name]) for row in last]) for name in names}
    reached = [next((row for row in run.history.rows if row["exact_match"] >= 0.99), None) for run in runs]
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
    listed = table("held-out questions", f"{len(held_out):,}")
    if config.runs > 1:
        listed.add_row("runs (figures: mean ± half the 95 % interval)", str(config.runs))
    listed.add_row("answers right (exact match)", percent(results["exact_match"]))
    listed.add_row("characters right", percent(results["character_accuracy"]))
    listed.add_row("training loss (nats per character)", number(results["loss"], ".2g"))
    listed.add_row("held-out loss (nats per character)", number(results["val_loss"], ".2g"))
    epochs, seconds = results["epochs_to_99"], results["seconds_to_99"]
    reached = (
        "not reached"
        if epochs is None
        else f"{number(epochs, '.3g')} epoch{'s' * (epochs != 1)}, {number(seconds, '.1f')} s"
    )
    several = isinstance(epochs, dict) and epochs["n"] < config.runs
    of_runs = f" ({epochs['n']} of {config.runs} runs)" if several else ""
    listed.add_row(f"until 99 % were right{of_runs}", reached)
    report = report_2018("arith")
    if config.op in report["all_right_from_iteration"] and config.digits == 3:
        early, (low, high) = report["early"], report["late"]
        listed.add_row("the 2018 report, early / late", f"{100 * early:g} % / {100 * low:g}–{100 * high:g} %")
        listed.add_row("  all right from iteration", str(report["all_right_from_iteration"][config.op]))
    return listed


def headline(results: Mapping[str, Any]) -> str:
    """The one figure of a finished run for the listing of ``nnlab runs``."""
    return f"{percent(results['exact_match'])} right"


def save_figures(
    config: ArithConfig,
    folder: RunFolder,
    runs: Sequence[RunResult],
    by_carries: Mapping[str, tuple[int, int]],
    by_length: Mapping[str, tuple[int, int]],
    carried: str,
) -> None:
    """``loss.png`` (loss and exact match by epoch) and ``difficulty.png`` (what is hard)."""
    from nnlab.output import figures

    title = f"nnlab arith --op {config.op} --digits {config.digits} ({config.preset})"
    figure, (left, right) = figures.canvas(2, title=title)
    figures.curves(
        left,
        {"training": curves(runs, "loss"), "held-out": curves(runs, "val_loss")},
        ylabel="loss (nats per character)",
        log=True,
    )
    figures.curves(right, {"held-out": curves(runs, "exact_match", 100)}, ylabel="answers right (%)")
    right.set_ylim(0, 103)
    folder.write("figures/loss.png", figures.png(figure))

    figure, (left, right) = figures.canvas(2, title=f"{title}: held-out answers right")
    figures.bars(left, by_carries, xlabel=f"columns with {carried}")
    figures.bars(right, by_length, xlabel="digits of the operands")
    folder.write("figures/difficulty.png", figures.png(figure))


# ---- predict -----------------------------------------------------------------------------------------


def predictor(config: ArithConfig, run: FinishedRun, options: Mapping[str, Any]) -> ArithPredictor:
    """Answers typed questions with the run's network."""
    return ArithPredictor(config, run)


class ArithPredictor(Predictor[tuple[int, int]]):
    """Answers typed questions with a trained network, many in one compiled batch."""

    def __init__(self, config: ArithConfig, run: FinishedRun) -> None:
        self.config = config
        self.model = run.fill(build(config))

    def read(self, text: str) -> tuple[int, int]:
        """The operands of a typed question; InputError where the network cannot read it."""
        return arithmetic.parse(text, self.config.op, self.config.digits)

    def answer(self, inputs: Sequence[tuple[int, int]]) -> list[str]:
        """The answers, in order; ``?`` for one the network leaves blank."""
        from nnlab.training.batches import predict_in_batches

        sums = Sums.of(self.config.op, inputs)
        size = 64 if len(sums) <= 64 else 4096  # two shapes at most, so at most two compilations
        logits = predict_in_batches(self.model, encode_questions(self.config, sums.left, sums.right), size=size)
        return [text or "?" for text in decode(self.config, logits.argmax(-1).astype(np.uint8))]
