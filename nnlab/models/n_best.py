"""The n best translations of one sentence with their scores, by beam search step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from nnlab.data.batching import pad
from nnlab.data.tokenizers import END, PAD, START, UNKNOWN, Tokenizer
from nnlab.models.beam_search import WIDTHS
from nnlab.models.seq2seq import MASKED, Seq2Seq


def n_best(
    model: Seq2Seq, source: Tokenizer, target: Tokenizer, sentence: str, *, beam: int, limit: int
) -> list[tuple[str, float]]:
    """(translation, mean log-probability per id), best first; ``beam`` of them, fewer where two read the same.

    As :class:`nnlab.models.beam_search.BeamSearch` ranks them: a finished one stays as it is, and one that is not
    after ``limit`` ids comes after all that are.
    """
    encoded = source.encode(sentence)
    width = next(width for width in WIDTHS if width >= len(encoded))
    memory, states = model.encode(ops.convert_to_tensor(pad([encoded], left=model.pad_left, width=width)))
    memory = [ops.repeat(array, beam, axis=0) for array in memory]
    states = [ops.repeat(array, beam, axis=0) for array in states]
    ids = np.full(beam, START, "int32")
    outputs: list[list[int]] = [[] for _ in range(beam)]
    scores = np.array([0.0] + [MASKED] * (beam - 1))
    done = np.zeros(beam, bool)
    for _ in range(limit):
        logits, states = model.step(ops.convert_to_tensor(ids), memory, states)
        log_p = _log_softmax(np.array(logits, np.float64))
        log_p[done] = MASKED
        log_p[done, PAD] = 0.0
        total = (scores[:, None] + log_p).ravel()
        best = np.argsort(-total, kind="stable")[:beam]
        rows, ids = best // log_p.shape[1], (best % log_p.shape[1]).astype("int32")
        scores = total[best]
        outputs = [[*outputs[row], *([] if done[row] else [int(one)])] for row, one in zip(rows, ids, strict=True)]
        states = [ops.take(state, rows, axis=0) for state in states]
        done = done[rows] | (ids == END)
        if done.all():
            break
    found: dict[str, tuple[bool, float]] = {}
    for output, score, ended in zip(outputs, scores.tolist(), done.tolist(), strict=True):
        mean = score / max(len(output), 1)
        text = target.decode(output)
        found[text] = max(found.get(text, (False, -np.inf)), (bool(ended), mean))
    ranked = sorted(found.items(), key=lambda item: item[1], reverse=True)
    return [(text, mean) for text, (_, mean) in ranked if mean > MASKED / 2]


def _log_softmax(logits: Any) -> Any:
    """Of ``(beam, vocabulary)``, without what is never written."""
    logits[:, [PAD, START, UNKNOWN]] = MASKED
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
