"""A recurrent network learns to write by predicting the next character of a text.

Run it::

    nnlab textgen --data mybook.txt

The first 85 hundredths of the text are trained on. The default network reads them as parallel streams in
windows of 64 characters and says, after every character, what comes next: after ``suppos`` it should say
``i``. Its state goes on from one window to the next. Two such networks are trained, which share no weights, and
what counts is the mean of their probabilities. The published network sees 40 characters, says one, and forgets them; it
has nine tenths.

The twentieth after that is the validation part, which chooses the epoch whose weights are kept; the last tenth is
the test part, which chooses nothing. What a network is worth is its loss there: the mean of -log p(next
character) in nats, or divided by ln 2 in bits; n-grams and ``xz`` stand beside it. Then it writes: it is given
some of the test part as a prompt, and each next character is drawn from its probabilities, sharpened (below 1)
or flattened (above) by a diversity, which the field calls temperature.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlab.configs.textgen import TextgenConfig
from nnlab.data.folders import messages
from nnlab.data.random import Stream, rng
from nnlab.data.texts import text as texts
from nnlab.data.texts.text import Corpus, Ids, Parts, held_out_windows, training_windows
from nnlab.data.texts.text_lineage import in_characters_of, keys_of_text, without_seen
from nnlab.data.texts.tokenizers import TextTokenizer
from nnlab.errors import InputError
from nnlab.evaluation.intervals import over_runs
from nnlab.evaluation.metrics import collapse
from nnlab.evaluation.text_baselines import PREDICTED, text_baselines
from nnlab.experiments import FinishedRun, Loaded, Predictor
from nnlab.experiments.summaries.textgen import beyond_baselines, sample_text, save_figures, summary
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal, number
from nnlab.training.task import Results, RunResult, Task

MOST_STREAMS = 4096  # of text side by side
EVERY = 3  # the published network starts a window every third character
CHARACTERS = 7_800_000  # that an unasked training reads: 13 epochs of Nietzsche's 600,000


# ---- data --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Text:
    """A corpus, and how a training reads it: ``streams`` side by side (0: windows in random order)."""

    corpus: Corpus
    parts: Parts
    streams: int
    steps: int  # batches per epoch
    prompt: list[int]  # of the test part, what the samples go on from


def load(config: TextgenConfig) -> Loaded[TextgenConfig, Text]:
    """Nietzsche, the user's own text, or the sample; InputError where it is too short for the window."""
    read = texts.load(config.data, lower=config.lower)
    corpus = in_characters_of(read, config.inherited, lower=config.lower)
    epochs = max(2, min(60, round(CHARACTERS / len(corpus.ids))))  # a smaller text is read more often
    config = config.resolved(epochs=epochs) if config.epochs is None else config
    least = 10 * (config.maxlen + 2)
    if len(corpus.ids) < least:
        raise InputError(
            f"expected at least {least:,} characters for --maxlen {config.maxlen} and a tenth to test, "
            f"{corpus.origin} has {len(corpus.ids):,}",
            "Use a longer text or a smaller --maxlen",
        )
    split = corpus.parts(config.validation)
    parts, left_out, told = without_seen(split, corpus.alphabet, config.inherited, config.maxlen + 2)
    streams, steps = shape_of(config, len(parts.training))
    licence = {"licence_left_out": read.licence} if read.licence else {}  # characters
    return Loaded(
        config,
        Text(corpus, parts, streams, steps, draw_prompt(config, corpus.alphabet, parts.test)),
        source={"name": corpus.origin, "size": corpus.size, "items": len(read.ids), "digest": read.digest, **licence},
        notes=[*messages(corpus.origin, corpus.notes, corpus.skipped), *told],
        preprocessing={**TextTokenizer(corpus.alphabet, lower=config.lower).to_json(), "streams": streams},
        training_keys=lambda: keys_of_text(parts.training, corpus.alphabet),
        left_out=left_out,
    )


def shape_of(config: TextgenConfig, characters: int) -> tuple[int, int]:
    """(streams side by side, batches per epoch) of so many training characters.

    As many streams as the batch size, fewer where the text is too short for eight windows each.
    """
    if config.network == "window":
        windows = len(range(0, characters - config.maxlen, EVERY))
        return 0, math.ceil(windows / config.batch_size)
    streams = max(1, min(config.batch_size, characters // (8 * config.maxlen)))
    if config.inherited is not None:  # the states of so many are among the weights
        streams = int(config.inherited.kept("streams"))
    steps = (characters - 1) // (streams * config.maxlen)
    if steps < 1:
        raise InputError(
            f"expected at least {streams * config.maxlen + 1:,} characters to train the {streams} streams of the "
            f"weights on, got {characters:,}",
            "Use a longer text",
        )
    return streams, steps


def draw_prompt(config: TextgenConfig, alphabet: str, tail: Ids) -> list[int]:
    """Some of the test part, from the beginning of a word where there is one."""
    length = min(config.maxlen, 40, len(tail) - 1)
    start = int(rng(config.data_seed, Stream.PROMPT).integers(len(tail) - length))
    space = alphabet.find(" ")
    before = np.flatnonzero(tail[max(0, start - 30) : start] == space)
    if space >= 0 and len(before):
        start = max(0, start - 30) + int(before[-1]) + 1
    return [int(number) for number in tail[start : start + length]]


# ---- model -------------------------------------------------------------------------------------------


def build(config: TextgenConfig, vocabulary: int, streams: int) -> Any:
    """The network of a config, not compiled; the same for training and for ``predict``."""
    from nnlab.models import language_model

    if config.network == "window":
        return language_model.window_model(vocabulary=vocabulary, window=config.maxlen, units=config.units)
    return language_model.stream_model(
        vocabulary=vocabulary,
        streams=streams,
        window=config.maxlen,
        units=config.units,
        depth=config.depth,
        dropout=config.dropout,
        networks=config.networks,
    )


def compiled(config: TextgenConfig, vocabulary: int, text: Text) -> Any:
    """The network, compiled with its loss (nats per character) and optimizer."""
    from nnlab.backend import jit_compile
    from nnlab.models.ensemble import loss_of
    from nnlab.models.optimizers import RMSprop, on_a_cosine, share_of

    model = build(config, vocabulary, text.streams)
    optimizer: Any = RMSprop(config.learning_rate)
    if config.network == "stream":
        total = config.planned("", text.steps, config.epochs)[1]
        optimizer = on_a_cosine(
            config.learning_rate,
            total,
            warm_up=share_of(total, 0.05),
            least=0.01,
            weight_decay=config.weight_decay,
            beta_2=config.beta_2,
            clip=config.networks**-0.5,  # of all: each network's gradient is divided by their number
        )
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    model.compile(optimizer, loss_of(config.networks), jit_compile=jit_compile())
    return model


def loss_on(model: Any, config: TextgenConfig, part: Ids) -> float:
    """Mean nats per character of a part of the text."""
    from nnlab.evaluation.metrics import token_nll

    total, count = 0.0, 0
    if config.network == "stream":
        streams, window = model.input_shape
        reset(model)
        for ids, following, counted in held_out_windows(part, streams, window):
            nats = token_nll(model.predict_on_batch(ids.astype("int32")), following)
            total, count = total + float(nats[counted].sum()), count + int(counted.sum())
    else:
        windows = np.lib.stride_tricks.sliding_window_view(part, config.maxlen + 1)[::EVERY]
        for start in range(0, len(windows), 1024):
            rows = windows[start : start + 1024]
            short = 1024 - len(rows)
            padded = np.concatenate([rows, np.repeat(rows[-1:], short, axis=0)]).astype("int32")
            nats = token_nll(model.predict_on_batch(padded[:, :-1])[: len(rows)], rows[:, -1])
            total, count = total + float(nats.sum()), count + len(rows)
    return total / count


def reset(model: Any) -> None:
    """Every stream of a model starts anew."""
    from nnlab.models.ensemble import networks_of
    from nnlab.models.lstm import ScanLSTM

    for network in networks_of(model):
        for layer in network.layers:
            if isinstance(layer, ScanLSTM):
                layer.reset_state()


# ---- train and evaluate ------------------------------------------------------------------------------


def tasks(config: TextgenConfig, data: Text) -> list[Task]:
    """The one task, measured on the validation part where there is one, and what it writes after each epoch."""
    from nnlab.models.cost import cost
    from nnlab.models.text_sampling import TextSampler, sampling_speed

    tokenizer = TextTokenizer(data.corpus.alphabet)
    prefix, watched = data.parts.watched

    @functools.lru_cache(maxsize=1)
    def sampler(model: Any) -> TextSampler:
        return TextSampler(model)

    def evaluate(model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        metrics = per_character(prefix, loss_on(model, config, watched))
        prompts = [data.prompt] * len(config.diversity)
        chunks = sampler(model).sample(prompts, config.length, config.diversity, config.data_seed)
        ids = np.concatenate(list(chunks), axis=1)
        return metrics, {"samples": [tokenizer.decode(row) for row in ids.tolist()]}

    def outputs(model: Any) -> dict[str, Any]:
        tested = per_character("test", loss_on(model, config, data.parts.test))
        if len(data.parts.test) > PREDICTED:  # no baseline is measured on more
            tested |= per_character("compared", loss_on(model, config, data.parts.test[:PREDICTED]))
        reset(model)  # the model is saved with its streams at their beginning
        return tested

    epochs, total = config.planned("", data.steps, config.epochs)

    def flop(model: Any) -> float:
        return cost(model) / (1 if config.network == "window" else config.maxlen)

    return [
        Task(
            name="",
            epochs=epochs,
            steps=data.steps,
            total=total,
            build=lambda: compiled(config, len(data.corpus.alphabet), data),
            batches=lambda model, seed, epoch: batches(config, data, model, seed, epoch),
            evaluate=evaluate,
            outputs=outputs,
            benchmark=lambda model: sampling_speed(sampler(model), data.prompt),
            keep_best="val_loss" if prefix == "val" else None,
            flop=flop,
        )
    ]


def per_character(prefix: str, nats: float) -> dict[str, float]:
    """The loss of a part as its two figures: in nats and in bits."""
    return {f"{prefix}_loss": nats, f"{prefix}_bits_per_character": nats / math.log(2)}


def batches(config: TextgenConfig, data: Text, model: Any, seed: int, epoch: int) -> Any:
    """What an epoch trains on: streams cut anew, or the windows of the published network in a new order."""
    from nnlab.training.batches import Batches, Rows, permutation

    ids = data.parts.training
    if config.network == "stream":
        reset(model)
        cut = training_windows(ids, data.streams, config.maxlen, rng(seed, Stream.ORDER, epoch))
        return Rows(cut, np.arange(len(cut[0])), data.streams)
    windows = np.lib.stride_tricks.sliding_window_view(ids, config.maxlen + 1)[::EVERY]  # a view: no copy
    order = permutation(seed, epoch, len(windows))
    groups = [order[start : start + config.batch_size] for start in range(0, len(order), config.batch_size)]
    return Batches(groups, lambda rows: (windows[rows, :-1].astype("int32"), windows[rows, -1].astype("int32")))


# ---- present -----------------------------------------------------------------------------------------


def present(
    config: TextgenConfig, data: Text, results: Results, terminal: Terminal, folder: RunFolder
) -> dict[str, Any]:
    """Consoles, summary, figures, and the ``results`` of the JSON document."""
    from nnlab.output import figures

    runs, corpus = results[""], data.corpus
    prompt = TextTokenizer(corpus.alphabet).decode(data.prompt)
    history = runs[0].history
    chosen = int(history.best["epoch"])
    samples = []
    for epoch in dict.fromkeys([1, chosen]):
        terminal.heading(f"After epoch {epoch}", "the prompt is of the test part")
        terminal.show("")
        for diversity, text in zip(config.diversity, history.notes[epoch]["samples"], strict=True):
            samples.append({"epoch": epoch, "diversity": diversity, "prompt": prompt, "text": text})
            terminal.show(sample_text(f"diversity {diversity:g}", prompt, text), "")
    collapsed = {sample["diversity"]: collapse(sample["text"]) for sample in samples if sample["epoch"] == chosen}
    chosen_by = ["val_loss", "val_bits_per_character"] if data.parts.validation is not None else []
    found: dict[str, Any] = {
        name: over_runs([float(run.history.best[name]) for run in runs]) for name in ("loss", *chosen_by)
    }
    found |= measured_on("test", runs)
    if all("compared_loss" in run.outputs for run in runs):
        found["compared"] = {"characters": PREDICTED, **measured_on("compared", runs)}
    found["baselines"] = text_baselines(data.parts.training, data.parts.validation, data.parts.test, corpus.alphabet)
    found["characters_per_second"] = over_runs([run.speed.get("characters_per_second") for run in runs])
    terminal.show(
        summary(config, data.parts, len(corpus.alphabet), found, runs, collapsed), "", beyond_baselines(found)
    )
    with figures.optional(terminal):
        save_figures(config, folder, runs, data.parts.watched[0])
    return {**found, "samples": samples}


def measured_on(prefix: str, runs: Sequence[RunResult]) -> dict[str, Any]:
    """The two figures of the test part, or (``prefix`` compared) of what the baselines predict of it, over the runs."""
    names = ("loss", "bits_per_character")
    return {f"test_{name}": over_runs([float(run.outputs[f"{prefix}_{name}"]) for run in runs]) for name in names}


def headline(results: Mapping[str, Any]) -> str:
    """The one figure of a finished run for the listing of ``nnlab runs``."""
    return f"{number(results['test_bits_per_character'], '.3f')} bits per character"


# ---- predict -----------------------------------------------------------------------------------------


def predictor(config: TextgenConfig, run: FinishedRun, options: Mapping[str, Any]) -> TextPredictor:
    """Writes on from prompts with the run's network."""
    return TextPredictor(config, run, options)


class TextPredictor(Predictor[tuple[list[int], str]]):
    """Writes on from prompts with a trained network."""

    asks = "the beginning of a text"

    def __init__(self, config: TextgenConfig, run: FinishedRun, options: Mapping[str, Any]) -> None:
        self.tokenizer = TextTokenizer.from_json(run.preprocessing)
        streams = run.whole("streams", least=0, most=MOST_STREAMS)
        from nnlab.models.text_sampling import TextSampler

        self.length, self.diversity = options.get("length", 400), options.get("diversity", 0.5)
        self.seed, self.top_p = options.get("seed", 0), options.get("top_p", 1.0)
        self.model = run.fill(build(config, len(self.tokenizer), streams))
        self._sampler = TextSampler(self.model, nucleus=self.top_p < 1)

    def read(self, text: str) -> tuple[list[int], str]:
        """The ids of a prompt, and its unknown characters; InputError where nothing of it is known."""
        if not text:
            raise InputError("expected a prompt of at least one character, it is empty", "Begin with a word")
        ids, unknown = self.tokenizer.encode(text), self.tokenizer.unknown(text)
        if not ids:
            raise InputError(
                f"the model knows none of the characters of {text[:40]!r}",
                f"It knows {self.tokenizer.characters.strip()[:60]}",
            )
        return ids, unknown

    def note(self, given: tuple[list[int], str]) -> str:
        """What of a prompt the model cannot read."""
        return f"ignored, as the training text has none: {' '.join(given[1])}" if given[1] else ""

    def stream(self, given: tuple[list[int], str]) -> Iterator[str]:
        """What follows one prompt, as it is written."""
        for chunk in self._sampler.sample([given[0]], self.length, [self.diversity], self.seed, self.top_p):
            yield self.tokenizer.decode(chunk[0].tolist())

    def answer(self, inputs: Sequence[tuple[list[int], str]]) -> list[str]:
        """What follows each prompt, in order."""
        from nnlab.models.text_sampling import MAX_BATCH

        answers = []
        for start in range(0, len(inputs), MAX_BATCH):
            group = [ids for ids, _ in inputs[start : start + MAX_BATCH]]
            diversity = [self.diversity] * len(group)
            chunks = list(self._sampler.sample(group, self.length, diversity, self.seed, self.top_p))
            answers += [self.tokenizer.decode(row) for row in np.concatenate(chunks, axis=1).tolist()]
        return answers
