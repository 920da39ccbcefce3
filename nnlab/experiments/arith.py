"""A recurrent network learns to add, subtract or multiply by reading sums and writing answers.

Run it::

    nnlab arith --op sub

One question on its way, with ``--op sub``: of 500,500 pairs of numbers of up to three digits, 50,000
are drawn, ``46-601`` among them. ``46-601`` and ``601-46`` count as one question, and a tenth of the
questions is held out before training. The default network reads the sum as it stands on paper, column
by column from the right: ``(6, 1) (4, 0) (blank, 6)`` and an empty column for the sign. In each it
writes one character, here ``5 5 5 -``, which read the other way round is the answer ``-555``. It is
right only if every character is. The published network reads ``46-601`` backwards as characters.

A tenth of the others is validation: there epochs are compared, and the best one's weights are kept. With
``--extend 26`` the network then teaches itself longer sums, whose answers it is never given
(``nnlab/experiments/_long_sums.py``).

What is shown was never trained on and chose nothing, and what is hard is said: exact match by the number of carries or
borrows, and by the length of the operands, up to 1,000 digits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlab.config import SAMPLE
from nnlab.configs.arith import ArithConfig
from nnlab.data.folders import messages
from nnlab.data.random import Stream, rng
from nnlab.data.seen import unseen
from nnlab.data.sums import arithmetic, sum_files
from nnlab.data.sums.arithmetic import BLANK, Ids, Sums
from nnlab.data.texts.textfile import find_path
from nnlab.errors import UsageError
from nnlab.evaluation.metrics import cross_entropy
from nnlab.experiments import FinishedRun, Loaded
from nnlab.experiments._sums import SumPredictor, decode, encode_answers, encoded
from nnlab.experiments.summaries.arith import (
    BASELINE,
    console_line,
    counted,
    grouped,
    in_words,
    moment,
    save_figures,
    summarise,
    summary,
)
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal, percent, table
from nnlab.training.task import Results, Task

SHOWN = 10  # questions in each console
# Seconds of an epoch here, per sample and column, over those of the published network, per sample and step of its
# recurrence; measured with TensorFlow: `add` alone on 2 cores (1.7, 2.1 and 2.6 on machines of 190, 449 and 254
# GFLOP/s; `sub` has the same network), products of 2 digits on one core (of 3 it was 0.5, so there the published
# network has somewhat more time), of the gated recurrences with 64 units.
STEP_RATIO = {"add": 2.1, "sub": 2.1, "mul": 0.7}
GATED_PRODUCT_RATIO = 5.0
MOST_BASELINE_STEPS = 12 * 11 * 45_000  # of the published recurrence: about a minute


# ---- data --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Questions:
    """The questions of each part; validation is empty where there is none."""

    training: Sums
    validation: Sums
    test: Sums

    @property
    def compared(self) -> Sums:
        """Those on which epochs are measured: validation, or the test questions where there is none."""
        return self.validation if len(self.validation) else self.test


def load(config: ArithConfig) -> Loaded[ArithConfig, Questions]:
    """Draw the questions, or read a user's; the split is the same for every run: runs differ in the network."""
    config, drawn = own_questions(config) if config.data not in (None, SAMPLE) else draw_questions(config)
    training, validation, test = arithmetic.split(drawn, config.validation)
    held_out = {"test": lambda: test.keys} | ({"validation": lambda: validation.keys} if len(validation) else {})
    found = unseen(held_out, config.inherited, "questions")
    if found is not None:
        test = test[found.masks["test"]]
        validation = validation[found.masks["validation"]] if len(validation) else validation
    data = Questions(training, validation, test)
    config = config.resolved(baseline_epochs=baseline_epochs(config, len(data.training)))
    source = {"name": drawn.origin, "size": drawn.size, "items": len(drawn), "digest": drawn.digest}
    notes: Sequence[str] = messages(drawn.origin, drawn.notes, ())
    left_out = 0
    if found is not None:
        notes, left_out = [*notes, *found.notes], found.left_out
    return Loaded(config, data, source, notes, training_keys=lambda: training.keys, left_out=left_out)


def baseline_epochs(config: ArithConfig, samples: int) -> int:
    """In how many epochs the published network takes about as long, as measured; with the best preset only.

    0 for weights that were trained before (``--from``): beside them it would begin from nothing.

    Counted in steps of a recurrence, of which the column network's were measured to take ``STEP_RATIO`` of the time of
    the published one's; a number, so that the run is the same on another machine. At most a minute's worth.
    """
    if config.preset != "best" or config.inherited is not None:
        return 0
    width = config.answer_length
    widths = [width] * config.epochs
    widths += [digits + 1 for digits in config.own_rounds]
    published = 2 * config.digits + 1 + config.answer_length
    gated = config.op == "mul" and config.recurrence != "carried"
    # Of several networks somewhat more: two take 1.5 times as long as one, three 2.2 to 2.6 times.
    epochs = config.networks * (GATED_PRODUCT_RATIO if gated else STEP_RATIO[config.op]) * sum(widths) / published
    most = MOST_BASELINE_STEPS / (published * samples)
    return max(1, round(min(epochs, most)))


def draw_questions(config: ArithConfig) -> tuple[ArithConfig, Sums]:
    """(config, questions): as many as are asked for, or all there are where nobody asked."""
    most = arithmetic.question_count(config.digits)
    if config.samples > most and "samples" in config.given:
        raise UsageError(
            f"expected 20 to {most:,} --samples of {config.digits} digit{'s' * (config.digits != 1)} "
            "(a+b and b+a are one), "
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
    read = sum_files.read_file(path, config.op, config.digits, asked)
    questions = read[rng(config.data_seed, Stream.FILE_ORDER).permutation(len(read))]
    return config.resolved(samples=len(questions)), questions


# ---- model -------------------------------------------------------------------------------------------


def build(config: ArithConfig) -> Any:
    """The network of a config, not compiled; the same for training and for ``predict``."""
    from nnlab.models import arithmetic

    if config.network == "seq2seq":
        question_length = 2 * config.digits + 1
        return arithmetic.seq2seq_network(
            question_length=question_length, answer_length=config.answer_length, units=config.units
        )
    return arithmetic.column_network(
        op=config.op,
        width=config.digits,
        answer_length=config.answer_length,
        units=config.units,
        dropout=config.dropout,
        noise=config.noise,
        gates=config.gates,
        commuting=config.commuting,
        pair_size=config.pair_size,
        recurrence=config.recurrence,
        networks=config.networks,
    )


def compiled(config: ArithConfig, samples: int) -> Any:
    """The network, compiled with its loss (cross-entropy per character) and optimizer."""
    import keras

    from nnlab.backend import jit_compile, trace_once
    from nnlab.models.ensemble import loss_of
    from nnlab.models.optimizers import on_a_cosine

    steps = -(-samples // config.batch_size)
    total = config.planned("", steps, config.epochs)[1]
    if config.schedule == "cosine":
        optimizer: Any = on_a_cosine(
            config.learning_rate,
            total,
            warm_up=min(3 * steps, total // 16) or 1,
            least=config.least_rate,
            weight_decay=config.weight_decay,
            beta_2=config.beta_2,
        )
    else:
        optimizer = keras.optimizers.Adam(config.learning_rate, beta_2=config.beta_2)
    model = build(config)
    # One step per execution: eight take a tenth less time and 50 MB more memory.
    model.compile(optimizer, loss_of(config.networks), jit_compile=jit_compile())
    if config.reads_any_length:  # the bits of an epoch must not depend on which lengths came before it
        trace_once(model)
    return model


# ---- train and evaluate ------------------------------------------------------------------------------


def tasks(config: ArithConfig, data: Questions) -> list[Task]:
    """The network, compared on validation and measured on test; and the published one to compare it with."""
    made = [task(config, data)]
    if config.baseline_epochs:
        made.append(task(published(config), data, name=BASELINE))
    return made


def published(config: ArithConfig) -> ArithConfig:
    """The published network for the same questions, for as many seconds."""
    setting = ArithConfig.from_options({"preset": "published", "op": config.op, "digits": config.digits})
    return dataclasses.replace(setting, epochs=config.baseline_epochs, samples=config.samples)


def shares_right(answers: Ids, truths: Ids) -> tuple[float, float]:
    """The share of the answers that are right, and of the characters of those or of the truths; both ``(n, length)``.

    A blank where one belongs is no character: of sums of 3 digits a network that knows nothing would have 39 % right.
    """
    right = answers == truths
    written = (answers != BLANK) | (truths != BLANK)
    return float(right.all(axis=1).mean()), float(right[written].mean())


def task(config: ArithConfig, data: Questions, name: str = "") -> Task:
    """One network: ``val_…`` of each epoch where there is a validation part, else ``test_…``."""
    from nnlab.experiments._long_sums import SelfTraining, examine
    from nnlab.experiments._long_sums import answers as written
    from nnlab.models.cost import cost
    from nnlab.training.batches import predict_in_batches, shuffled

    x, y = encoded(config, data.training)
    if config.op == "mul" and config.network == "columns" and not config.commuting:  # b*a has a*b's answer
        x, y = np.concatenate([x, x[:, :, ::-1]]), np.concatenate([y, y])
    chosen = bool(config.validation)
    x_compared, y_compared = encoded(config, data.compared if chosen else data.test)
    x_shown, _ = encoded(config, data.test[:SHOWN])
    steps = -(-len(x) // config.batch_size)
    epochs, total = config.planned(name, steps, config.epochs)
    teaching = SelfTraining(config, x, y, shuffled((x, y), len(x), config.batch_size))

    def measured(model: Any, x: Ids, y: Ids) -> tuple[dict[str, float], Ids]:
        logits = predict_in_batches(model, x, size=1024)  # (questions, answer length, 12)
        ids = logits.argmax(-1).astype(np.uint8)
        exact, characters = shares_right(ids, y)
        return {"loss": cross_entropy(logits, y), "exact_match": exact, "character_accuracy": characters}, ids

    def evaluate(model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        metrics, _ = measured(model, x_compared, y_compared)
        part = "val" if chosen else "test"
        ids = predict_in_batches(model, x_shown, size=1024).argmax(-1).astype(np.uint8)
        notes = {"answers": decode(config, ids), **teaching.told}
        return {f"{part}_{name}": value for name, value in metrics.items()}, notes

    def outputs(model: Any) -> dict[str, Any]:
        metrics, ids = measured(model, *encoded(config, data.test))
        longer = examine(config, lambda questions: written(model, questions)) if config.reads_any_length else []
        return {"answers": ids, "test": metrics, "longer": longer}

    return Task(
        name=name,
        epochs=epochs + len(teaching.rounds),
        steps=steps,
        total=None if teaching.rounds else total,
        build=lambda: compiled(config, len(x)),
        batches=teaching.batches,
        evaluate=evaluate,
        outputs=outputs,
        # What it teaches itself is not measured on taught sums: there the last round's weights are kept.
        keep_best="val_loss" if chosen and not config.extend else None,
        keep_model=not name,
        is_baseline=bool(name),
        rounds=len(teaching.rounds),
        flop=lambda model: cost(model) * (config.answer_length if config.reads_any_length else 1),
    )


# ---- present -----------------------------------------------------------------------------------------


def present(
    config: ArithConfig, data: Questions, results: Results, terminal: Terminal, folder: RunFolder
) -> dict[str, Any]:
    """Consoles, summary, figures, and the ``results`` of the JSON document."""
    from nnlab.output import figures

    runs, test = results[""], data.test
    first = runs[0]
    notes = first.history.notes
    width = 2 * config.digits + 1
    truths = [str(answer) for answer in test.answer[:SHOWN].tolist()]
    for epoch in dict.fromkeys([min(notes), max(notes)]):
        terminal.heading(f"After {moment(config, epoch)}", "test questions, never trained on")
        for index, (truth, answer) in enumerate(zip(truths, notes[epoch]["answers"], strict=True)):
            terminal.show(console_line(test.question(index), truth, answer, width=width))
        terminal.show("")

    found = summarise(config, runs, results.get(BASELINE, []))
    final = decode(config, first.outputs["answers"][:SHOWN])
    expected = encode_answers(config, test.answer)
    right = np.mean([(run.outputs["answers"] == expected).all(axis=1) for run in runs], axis=0)  # share of the runs
    by_carries = grouped([str(count) for count in arithmetic.carries(test).tolist()], right)
    by_length = grouped(arithmetic.operand_lengths(test), right)
    carried = "borrows" if config.op == "sub" else "carries"
    hard = table(carried if len(runs) == 1 else f"{carried}, mean of {len(runs)} runs", "right", "of", "share")
    for name, (correct, total) in by_carries.items():
        hard.add_row(name, counted(correct), f"{total:,}", percent(correct / total))
    terminal.show(hard, "", summary(config, found, len(test)), "", *in_words(config, found))

    with figures.optional(terminal):
        save_figures(config, folder, runs, found, by_carries, by_length)
    examples = [
        {"question": test.question(index), "truth": truth, "answer": answer}
        for index, (truth, answer) in enumerate(zip(truths, final, strict=True))
    ]
    return {**found, "examples": examples}


def headline(results: Mapping[str, Any]) -> str:
    """The one figure of a finished run for the listing of ``nnlab runs``."""
    return f"{percent(results['exact_match'])} right"


# ---- predict -----------------------------------------------------------------------------------------


def predictor(config: ArithConfig, run: FinishedRun, options: Mapping[str, Any]) -> SumPredictor:
    """Answers typed questions with the run's network."""
    return SumPredictor(config, run, build(config))
