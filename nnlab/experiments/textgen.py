"""A recurrent network learns to write by predicting the next character of a text.

Run it::

    nnlab textgen --data mybook.txt

The first nine tenths of the text are trained on. The default network reads them as parallel streams in
windows of 64 characters and says, after every character, what comes next: after ``suppos`` it should say
``i``. Its state goes on from one window to the next. The published network sees 40 characters, says one,
and forgets them.

The last tenth is never trained on. What a network is worth is its loss there: the mean of
-log p(next character) in nats, or divided by ln 2 in bits. Then it writes: it is given some held-out
text as a prompt, and each next character is drawn from its probabilities, sharpened (below 1) or
flattened (above) by a diversity, which the field calls temperature.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlab.configs.textgen import TextgenConfig
from nnlab.data import text as texts
from nnlab.data.folders import messages
from nnlab.data.random import Stream, rng
from nnlab.data.report_2018 import report_2018
from nnlab.data.text import Corpus, Ids, held_out_windows, training_windows
from nnlab.data.tokenizers import TextTokenizer
from nnlab.errors import InputError
from nnlab.evaluation.intervals import over_runs
from nnlab.evaluation.metrics import collapse
from nnlab.experiments import FinishedRun, Loaded, Predictor
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal, literal, number, table
from nnlab.training.task import Results, RunResult, Task, curves

EVERY = 3  # the published network starts a window every third character
CHARACTERS = 6_000_000  # that an unasked training reads: 10 epochs of Nietzsche's 600,000


# ---- data --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Text:
    """A corpus, and how a training reads it: ``streams`` side by side (0: windows in random order)."""

    corpus: Corpus
    streams: int
    steps: int  # batches per epoch
    prompt: list[int]  # held-out text that the samples go on from


def load(config: TextgenConfig) -> Loaded[TextgenConfig, Text]:
    """Nietzsche, the user's own text, or the sample; InputError where it is too short for the window."""
    corpus = texts.load(config.data, lower=config.lower)
    epochs = max(2, min(60, round(CHARACTERS / len(corpus.ids))))  # a smaller text is read more often
    config = config.resolved(epochs=epochs) if config.epochs is None else config
    least = 10 * (config.maxlen + 2)
    if len(corpus.ids) < least:
        raise InputError(
            f"expected at least {least:,} characters for --maxlen {config.maxlen} and a held-out tenth, "
            f"{corpus.origin} has {len(corpus.ids):,}",
            "Use a longer text or a smaller --maxlen",
        )
    streams, steps = shape_of(config, len(corpus.training))
    return Loaded(
        config,
        Text(corpus, streams, steps, draw_prompt(config, corpus)),
        source={"name": corpus.origin, "size": corpus.size, "items": len(corpus.ids), "digest": corpus.digest},
        notes=messages(corpus.origin, corpus.notes, corpus.skipped),
        preprocessing={**TextTokenizer(corpus.alphabet, lower=config.lower).to_json(), "streams": streams},
    )


def shape_of(config: TextgenConfig, characters: int) -> tuple[int, int]:
    """(streams side by side, batches per epoch) of so many training characters.

    As many streams as the batch size, fewer where the text is too short for eight windows each.
    """
    if config.network == "window":
        windows = len(range(0, characters - config.maxlen, EVERY))
        return 0, math.ceil(windows / config.batch_size)
    streams = max(1, min(config.batch_size, characters // (8 * config.maxlen)))
    return streams, (characters - 1) // (streams * config.maxlen)


def draw_prompt(config: TextgenConfig, corpus: Corpus) -> list[int]:
    """Some held-out text, from the beginning of a word where there is one."""
    tail = corpus.held_out
    length = min(config.maxlen, 40, len(tail) - 1)
    start = int(rng(config.data_seed, Stream.PROMPT).integers(len(tail) - length))
    space = corpus.alphabet.find(" ")
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
    )


def compiled(config: TextgenConfig, vocabulary: int, text: Text) -> Any:
    """The network, compiled with its loss (nats per character) and optimizer."""
    import keras

    from nnlab.backend import jit_compile
    from nnlab.training.optimizers import cosine_adamw, share_of

    model = build(config, vocabulary, text.streams)
    optimizer: Any = keras.optimizers.RMSprop(config.learning_rate)
    if config.network == "stream":
        total = text.steps * config.epochs
        optimizer = cosine_adamw(
            config.learning_rate,
            total,
            warm_up=share_of(total, 0.05),
            least=0.01,
            weight_decay=config.weight_decay,
            beta_2=config.beta_2,
            clip=1.0,
        )
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=jit_compile())
    return model


def loss_on_tail(model: Any, config: TextgenConfig, tail: Ids) -> float:
    """Mean nats per character on the held-out tail."""
    from nnlab.evaluation.metrics import token_nll

    total, count = 0.0, 0
    if config.network == "stream":
        streams, window = model.input_shape
        reset(model)
        for ids, following, counted in held_out_windows(tail, streams, window):
            nats = token_nll(model.predict_on_batch(ids.astype("int32")), following)
            total, count = total + float(nats[counted].sum()), count + int(counted.sum())
    else:
        windows = np.lib.stride_tricks.sliding_window_view(tail, config.maxlen + 1)[::EVERY]
        for start in range(0, len(windows), 1024):
            rows = windows[start : start + 1024]
            short = 1024 - len(rows)
            padded = np.concatenate([rows, np.repeat(rows[-1:], short, axis=0)]).astype("int32")
            nats = token_nll(model.predict_on_batch(padded[:, :-1])[: len(rows)], rows[:, -1])
            total, count = total + float(nats.sum()), count + len(rows)
    return total / count


def reset(model: Any) -> None:
    """Every stream of a model starts anew."""
    from nnlab.models.lstm import ScanLSTM

    for layer in model.layers:
        if isinstance(layer, ScanLSTM):
            layer.reset_state()


# ---- train and evaluate ------------------------------------------------------------------------------


def tasks(config: TextgenConfig, data: Text) -> list[Task]:
    """The one network, measured on the held-out tail, and what it writes after each epoch."""
    from nnlab.models.text_sampling import TextSampler, sampling_speed

    tokenizer = TextTokenizer(data.corpus.alphabet)

    @functools.lru_cache(maxsize=1)
    def sampler(model: Any) -> TextSampler:
        return TextSampler(model)

    def evaluate(model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        loss = loss_on_tail(model, config, data.corpus.held_out)
        prompts = [data.prompt] * len(config.diversity)
        chunks = sampler(model).sample(prompts, config.length, config.diversity, config.data_seed)
        ids = np.concatenate(list(chunks), axis=1)
        metrics = {"val_loss": loss, "val_bits_per_character": loss / math.log(2)}
        return metrics, {"samples": [tokenizer.decode(row) for row in ids.tolist()]}

    def outputs(model: Any) -> dict[str, Any]:
        reset(model)  # the model is saved with its streams at their beginning
        return {}

    return [
        Task(
            name="",
            epochs=config.epochs,
            steps=data.steps,
            build=lambda: compiled(config, len(data.corpus.alphabet), data),
            batches=lambda model, seed, epoch: batches(config, data, model, seed, epoch),
            evaluate=evaluate,
            outputs=outputs,
            benchmark=lambda model: sampling_speed(sampler(model), data.prompt),
            keep_best="val_loss",
        )
    ]


def batches(config: TextgenConfig, data: Text, model: Any, seed: int, epoch: int) -> Any:
    """What an epoch trains on: streams cut anew, or the windows of the published network in a new order."""
    from nnlab.training.batches import Batches, Rows, permutation

    ids = data.corpus.training
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
        terminal.heading(f"After epoch {epoch}", "the prompt is held-out text")
        terminal.show("")
        for diversity, text in zip(config.diversity, history.notes[epoch]["samples"], strict=True):
            samples.append({"epoch": epoch, "diversity": diversity, "prompt": prompt, "text": text})
            terminal.show(sample_text(f"diversity {diversity:g}", prompt, text), "")
    collapsed = {sample["diversity"]: collapse(sample["text"]) for sample in samples if sample["epoch"] == chosen}
    found: dict[str, Any] = {
        name: over_runs([float(run.history.best[name]) for run in runs])
        for name in ("loss", "val_loss", "val_bits_per_character")
    }
    found["characters_per_second"] = over_runs([run.speed.get("characters_per_second") for run in runs])
    terminal.show(summary(config, corpus, found, runs, collapsed))
    with figures.optional(terminal):
        save_figures(config, folder, runs)
    return {**found, "samples": samples}


def sample_text(title: str, prompt: str, text: str) -> Any:
    """What a language model wrote after a prompt, the prompt dim."""
    from rich.text import Text as Styled

    return Styled.assemble((f"— {title} —", "bold"), "\n", (literal(prompt), "dim"), literal(text))


def summary(
    config: TextgenConfig,
    corpus: Corpus,
    results: dict[str, Any],
    runs: Sequence[RunResult],
    collapsed: Mapping[float, str | None],
) -> Any:
    """The table at the end."""
    history = runs[0].history
    listed = table("characters trained on / held out", f"{len(corpus.training):,} / {len(corpus.held_out):,}")
    if config.runs > 1:
        listed.add_row("runs (figures: mean ± half the 95 % interval)", str(config.runs))
    listed.add_row("different characters", str(len(corpus.alphabet)))
    listed.add_row("training loss (nats per character)", number(results["loss"], ".3f"))
    listed.add_row("held-out loss (nats per character)", number(results["val_loss"], ".3f"))
    listed.add_row("held-out bits per character", number(results["val_bits_per_character"], ".3f"))
    best = history.best
    listed.add_row("weights of epoch (least held-out loss)", f"{best['epoch']} of {history.rows[-1]['epoch']}")
    listed.add_row("until then", f"{best['seconds']:.0f} s")
    if runs[0].speed:
        speed = runs[0].speed
        listed.add_row("characters per second, one text", f"{speed['characters_per_second']:,.0f}")
        listed.add_row("  64 texts side by side", f"{speed['characters_per_second_64']:,.0f}")
    for diversity, what in collapsed.items():
        if what:
            listed.add_row(f"collapsed at diversity {diversity:g}", what.replace("\n", " "))
    if config.data in (None, "nietzsche"):
        report = report_2018("textgen")
        listed.add_row("the 2018 report, training loss", f"{report['loss']:g} ({report['loss_at']})")
    return listed


def headline(results: Mapping[str, Any]) -> str:
    """The one figure of a finished run for the listing of ``nnlab runs``."""
    return f"{number(results['val_bits_per_character'], '.3f')} bits per character"


def save_figures(config: TextgenConfig, folder: RunFolder, runs: Sequence[RunResult]) -> None:
    """``loss.png``: training and held-out loss by epoch, in nats and in bits."""
    from nnlab.output import figures

    figure, (left, right) = figures.canvas(2, title=f"nnlab textgen ({config.preset})")
    figures.curves(
        left,
        {"training": curves(runs, "loss"), "held-out": curves(runs, "val_loss")},
        ylabel="loss (nats per character)",
    )
    figures.curves(right, {"held-out": curves(runs, "val_bits_per_character")}, ylabel="held-out bits per character")
    folder.write("figures/loss.png", figures.png(figure))


# ---- predict -----------------------------------------------------------------------------------------


def predictor(config: TextgenConfig, run: FinishedRun, options: Mapping[str, Any]) -> TextPredictor:
    """Writes on from prompts with the run's network."""
    return TextPredictor(config, run, options)


class TextPredictor(Predictor[tuple[list[int], str]]):
    """Writes on from prompts with a trained network."""

    asks = "the beginning of a text"

    def __init__(self, config: TextgenConfig, run: FinishedRun, options: Mapping[str, Any]) -> None:
        from nnlab.models.text_sampling import TextSampler

        known = run.preprocessing
        self.tokenizer = TextTokenizer.from_json(known)
        self.length, self.diversity = options.get("length", 400), options.get("diversity", 0.5)
        self.seed, self.top_p = options.get("seed", 0), options.get("top_p", 1.0)
        self.model = run.fill(build(config, len(self.tokenizer), known["streams"]))
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
