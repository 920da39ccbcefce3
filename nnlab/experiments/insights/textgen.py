"""How unexpected each character of a paragraph of the test part is to a language model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnlab.configs.textgen import TextgenConfig
from nnlab.data.texts.tokenizers import TextTokenizer
from nnlab.experiments import FinishedRun, Loaded
from nnlab.experiments import textgen as experiment
from nnlab.experiments.insights import Array, ColouredText, Insight, Table
from nnlab.experiments.textgen import Text

LONGEST, SHORTEST = 700, 250  # characters of the paragraph
READ_BEFORE = 4  # windows that are read before it
EDGES = (0.5, 1.0, 2.0, 4.0, 7.0)  # bits
WORST, BEFORE = 8, 16  # characters that are listed, and how many stand before each


def insights(config: TextgenConfig, loaded: Loaded[TextgenConfig, Text], run: FinishedRun) -> list[Insight]:
    """The paragraph in colour, and where the model was most wrong."""
    predictor = experiment.predictor(config, run, {})
    corpus = loaded.data.corpus
    tail = loaded.data.parts.test
    tokenizer = TextTokenizer(corpus.alphabet)
    start, end = paragraph(tokenizer.decode(tail.tolist()), READ_BEFORE * config.maxlen)
    logits = logits_of(predictor.model, config, tail[:end], start)
    ids = tail[start:end].astype(int)
    log_p = logits - logits.max(-1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(-1, keepdims=True))
    bits = -log_p[np.arange(len(ids)), ids] / math.log(2)
    text = [tokenizer.decode([number]) for number in ids.tolist()]
    coloured = ColouredText(list(zip(text, bits.tolist(), strict=True)), EDGES, "bits")
    rows = []
    for place in np.argsort(-bits, kind="stable")[:WORST].tolist():
        guess = int(log_p[place].argmax())
        before = tokenizer.decode(tail[start + place - BEFORE : start + place].tolist())
        share = 100 * math.exp(log_p[place, guess])
        rows.append(
            [f"…{visible(before)}", visible(text[place]), f"{bits[place]:.1f}",
             f"{visible(tokenizer.decode([guess]))} ({share:.0f} %)"]
        )  # fmt: skip
    caption = (
        f"A held-out paragraph, never trained on. The colour of a character is its negative log-likelihood, given all "
        f"before it: {bits.mean():.2f} bits in the mean here. A character that costs 1 bit was given a probability of "
        f"one half, one of 7 bits less than one in a hundred."
    )
    worst = Table(["text before", "came", "bits", "most probable"], rows, left=2)
    return [Insight("How unexpected each character was", caption, [coloured, worst])]


def visible(text: str) -> str:
    """Spaces and line ends as signs."""
    return text.replace("\n", "↵").replace(" ", "␣")


def paragraph(text: str, least: int) -> tuple[int, int]:
    """Begin and end of a paragraph: from the beginning of one, or of a sentence, behind ``least`` characters.

    It ends with a sentence where there is one between ``SHORTEST`` and ``LONGEST``.
    """
    least = min(least, max(1, len(text) - LONGEST))
    start = least
    for mark in ("\n\n", "\n", ". ", " "):
        found = text.find(mark, least, least + 3 * LONGEST)
        if 0 <= found < len(text) - SHORTEST:
            start = found + len(mark)
            start += len(text[start : start + SHORTEST]) - len(text[start : start + SHORTEST].lstrip())
            break
    whole = text[start : start + LONGEST]
    stops = [whole.rfind(mark, SHORTEST) for mark in ("\n\n", ".\n", ". ", "? ", "! ")]
    last = max(stops)
    return start, start + (last + 1 if last > 0 else len(whole))


def logits_of(model: Any, config: TextgenConfig, ids: Array, start: int) -> Array:
    """Logits ``(len(ids) - start, vocabulary)`` of each character from ``start`` on, float64, after all before it."""
    if config.network == "window":
        first = max(config.maxlen, start)
        windows = np.lib.stride_tricks.sliding_window_view(ids[first - config.maxlen : -1], config.maxlen)
        from nnlab.training.batches import predict_in_batches

        found = predict_in_batches(model, windows.astype("int32"), size=256).astype(np.float64)
        missing = first - start  # a text shorter than the window
        return np.concatenate([np.zeros((missing, found.shape[1])), found])
    streams, window = model.input_shape
    before = max(0, start - 1 - READ_BEFORE * window)
    read = ids[before:-1]
    experiment.reset(model)
    parts = []
    for place in range(0, len(read), window):
        batch = np.zeros((streams, window), "int32")  # the text is read by the first stream, the others idle
        part = read[place : place + window]
        batch[0, : len(part)] = part
        parts.append(np.asarray(model.predict_on_batch(batch))[0, : len(part)])
    experiment.reset(model)
    whole: Array = np.concatenate(parts)[start - 1 - before :].astype(np.float64)
    return whole
