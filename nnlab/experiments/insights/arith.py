"""How right the answers are by the length of the operands, and the questions that are answered wrong."""

from __future__ import annotations

import numpy as np

from nnlab.configs.arith import ArithConfig
from nnlab.data.sums import arithmetic
from nnlab.experiments import FinishedRun, Loaded
from nnlab.experiments import arith as experiment
from nnlab.experiments._sums import decode, encoded
from nnlab.experiments.arith import Questions
from nnlab.experiments.insights import Content, Insight, Table
from nnlab.experiments.summaries.arith import counted, grouped

SHOWN = 12


def insights(config: ArithConfig, loaded: Loaded[ArithConfig, Questions], run: FinishedRun) -> list[Insight]:
    """Accuracy by length of both operands, and some wrong answers."""
    from nnlab.training.batches import predict_in_batches

    data = loaded.data
    model = experiment.predictor(config, run, {}).model
    x, y = encoded(config, data.test)
    ids = predict_in_batches(model, x, size=1024).argmax(-1).astype(np.uint8)
    right = (ids == y).all(axis=1)
    groups = grouped(arithmetic.operand_lengths(data.test), right)
    rows = [
        [name, counted(good), f"{total:,}", f"{100 * good / total:.1f} %"] for name, (good, total) in groups.items()
    ]
    bars = [good / total for good, total in groups.values()]
    accuracy = Table(["digits", "right", "of", "share"], rows, bars=bars)
    wrong = np.flatnonzero(~right)
    caption = f"{len(right):,} questions that were never trained on, {len(wrong):,} of them answered wrong."
    contents: list[Content] = [accuracy]
    if len(wrong):
        shown = wrong[:SHOWN]
        answers = decode(config, ids[shown])
        pairs = zip(shown.tolist(), answers, strict=True)
        listed = [[data.test.question(row), str(int(data.test.answer[row])), text or "(blank)"] for row, text in pairs]
        contents.append(Table(["question", "right", "answered"], listed))
        caption += f" Below: {'the first ' * (len(wrong) > SHOWN)}{len(shown)} of these."
    return [Insight("Right by the length of the numbers", caption, contents)]
