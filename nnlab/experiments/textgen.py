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

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlab.commands.train import Bench
from nnlab.config import Config
from nnlab.data import text as texts
from nnlab.data.datasets import SAMPLE
from nnlab.data.report_2018 import published
from nnlab.data.text import Alphabet, Corpus, Ids
from nnlab.data.windows import held_out_windows, training_windows
from nnlab.errors import InputError, UsageError
from nnlab.evaluation.collapse import collapse
from nnlab.evaluation.intervals import over_runs
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import number, table, written

if TYPE_CHECKING:
    from nnlab.training.loop import Row
    from nnlab.training.repeat import Outcome

DIVERSITIES = [0.2, 0.5, 1.0, 1.2]


# ---- config ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class TextgenConfig(Config):
    """What one experiment is: the text, the network, how it is trained, and what it is asked to write."""

    network: str = "stream"  # or window, the published one
    units: int = 320
    depth: int = 2
    maxlen: int = 64  # characters of a window
    dropout: float = 0.3
    learning_rate: float = 4e-3
    weight_decay: float = 0.1
    lower: bool = True
    diversity: list[float]
    length: int = 400

    @classmethod
    def recipe(cls, preset: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """``published`` is the report's setting (Keras's tutorial of its time); ``best`` reads every position."""
        shared: dict[str, Any] = {"diversity": DIVERSITIES}
        if preset == "published":
            window = {"network": "window", "units": 128, "maxlen": 40, "dropout": 0.0, "learning_rate": 0.01}
            unused = {"depth": 1, "weight_decay": 0.0}
            return {**shared, **window, **unused, "epochs": 60, "batch_size": 128}
        if preset == "quick":
            small = {"data": SAMPLE, "units": 192, "depth": 1, "dropout": 0.1}
            small |= {"learning_rate": 0.012, "length": 160}
            return {**shared, **small, "epochs": 4, "batch_size": 16}
        return {**shared, "epochs": epochs_for(given.get("data")), "batch_size": 16}

    def check(self) -> None:
        """Raise UsageError where an option has no meaning."""
        for diversity in self.diversity:
            if not 0.01 <= diversity <= 10:
                raise UsageError(
                    f"expected --diversity between 0.01 and 10, got {diversity:g}", "The usual are 0.2 to 1.2"
                )


CONFIG = TextgenConfig
EVERY = 3  # the published network starts a window every third character


def epochs_for(data: str | None) -> int:
    """Epochs of ``best``: 10 for Nietzsche's half a million characters; a smaller text is read more often."""
    path = Path(str(data))
    size = path.stat().st_size if data is not None and path.is_file() else 600_000
    return max(2, min(60, round(6_000_000 / max(size, 1))))


# ---- windows -----------------------------------------------------------------------------------------


def stream_count(config: TextgenConfig, characters: int) -> int:
    """Streams side by side: the batch size, fewer where the text is too short for eight windows each."""
    return max(1, min(config.batch_size, characters // (8 * config.maxlen)))


def loss_on_tail(model: Any, config: TextgenConfig, tail: Ids) -> float:
    """Mean nats a character on the held-out tail."""
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


# ---- model -------------------------------------------------------------------------------------------


def build(config: TextgenConfig, vocabulary: int, streams: int) -> Any:
    """The network of a config, not compiled; the same for training and for ``predict``."""
    from nnlab.models import language_model

    if config.network == "window":
        return language_model.window_model(vocabulary, config.maxlen, config.units)
    return language_model.stream_model(
        *(vocabulary, streams, config.maxlen, config.units, config.depth, config.dropout)
    )


def build_for_training(config: TextgenConfig, vocabulary: int, streams: int, steps: int) -> Any:
    """The network, compiled with its loss (nats a character) and optimizer for ``steps`` an epoch."""
    import keras

    from nnlab.backend import jit_compile
    from nnlab.training.optimizers import warm_up_then_cosine

    model = build(config, vocabulary, streams)
    optimizer: Any = keras.optimizers.RMSprop(config.learning_rate)
    if config.network == "stream":
        rate = warm_up_then_cosine(config.learning_rate, steps * config.epochs, warm_up=0.05)
        optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay, beta_2=0.99, global_clipnorm=1.0)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=jit_compile())
    return model


def shape_of(config: TextgenConfig, corpus: Corpus) -> tuple[int, int]:
    """(streams, steps an epoch); InputError where the text is too short for the window."""
    window = config.maxlen
    least = 10 * (window + 2)
    if len(corpus.ids) < least:
        raise InputError(
            f"expected at least {least:,} characters for --maxlen {window} and a held-out tenth, "
            f"{corpus.source} has {len(corpus.ids):,}",
            "Use a longer text or a smaller --maxlen",
        )
    characters = len(corpus.training)
    if config.network == "window":
        windows = len(range(0, characters - window, EVERY))
        return 0, math.ceil(windows / config.batch_size)
    streams = stream_count(config, characters)
    return streams, (characters - 1) // (streams * window)


# ---- train and evaluate ------------------------------------------------------------------------------


def run(config: TextgenConfig, bench: Bench) -> dict[str, Any]:
    """The experiment: train each run, measure it on the held-out tail, let it write, show and save."""
    with bench.clock("data"):
        corpus = texts.load(config.data, lower=config.lower)
        streams, steps = shape_of(config, corpus)
    bench.folder.write_json(
        "vocabulary.json", {"characters": corpus.alphabet, "lower": config.lower, "streams": streams}
    )
    bench.start_backend()
    from nnlab.models.text_sampling import TextSampler, sampling_speed
    from nnlab.training.loop import Evaluation, Seeded, train
    from nnlab.training.repeat import Outcome

    alphabet = Alphabet(corpus.alphabet)
    prompt = draw_prompt(config, corpus)
    seeded = Seeded(lambda members: build_for_training(config, len(corpus.alphabet), streams, steps))
    pens: dict[str, TextSampler] = {}

    def measure(model: Any, epoch: int, training: dict[str, float]) -> Evaluation:
        with bench.clock("evaluate"):
            loss = loss_on_tail(model, config, corpus.held_out)
            pen = pens.setdefault("pen", TextSampler(model))
            prompts = [prompt] * len(config.diversity)
            ids = np.concatenate(list(pen.write(prompts, config.length, config.diversity, config.seed)), axis=1)
        measures: Row = {"loss": training["loss"], "val_loss": loss, "val_bits_per_character": loss / math.log(2)}
        return Evaluation([measures], {"samples": [alphabet.write(row) for row in ids.tolist()]})

    def fit(run_number: int, seeds: Sequence[int]) -> list[Outcome]:
        model = seeded.reset(*seeds)
        history = train(
            model,
            None,
            None,
            epochs=config.epochs,
            batch_size=streams or config.batch_size,
            seed=seeds[0],
            evaluate=measure,
            store=bench.folder,
            record=bench.record,
            watch=bench.watch,
            run=run_number,
            runs=config.runs,
            order=ordering(config, corpus.training, streams, model, seeds[0]),
            steps=steps,
            keep="val_loss",
        )
        if run_number == 0:
            reset(model)
            bench.folder.place("model.keras", model.save)
        speeds = sampling_speed(pens["pen"], prompt) if run_number == 0 else {}
        return [Outcome(history, figures=speeds)]

    outcomes = bench.repeat(config.seeds, fit)
    return present(config, bench, corpus, alphabet.write(prompt), outcomes)


def ordering(config: TextgenConfig, ids: Ids, streams: int, model: Any, seed: int) -> Callable[[int], Any]:
    """What each epoch trains on: streams cut anew, or the windows of the published network in a new order."""
    from nnlab.training.batches import Batches, Rows

    if config.network == "stream":

        def cut_anew(epoch: int) -> Any:
            reset(model)
            cut = training_windows(ids, streams, config.maxlen, np.random.default_rng([seed, epoch, 1]))
            return Rows(cut, np.arange(len(cut[0])), streams)

        return cut_anew

    windows = np.lib.stride_tricks.sliding_window_view(ids, config.maxlen + 1)[::EVERY]  # a view: no copy

    def shuffled(epoch: int) -> Any:
        order = np.random.default_rng([seed, epoch, 1]).permutation(len(windows))
        groups = [order[start : start + config.batch_size] for start in range(0, len(order), config.batch_size)]
        return Batches(groups, lambda rows: (windows[rows, :-1].astype("int32"), windows[rows, -1].astype("int32")))

    return shuffled


def draw_prompt(config: TextgenConfig, corpus: Corpus) -> list[int]:
    """Some held-out text, from the beginning of a word where there is one."""
    tail = corpus.held_out
    length = min(config.maxlen, 40, len(tail) - 1)
    start = int(np.random.default_rng([config.seed, 4]).integers(len(tail) - length))
    space = corpus.alphabet.find(" ")
    before = np.flatnonzero(tail[max(0, start - 30) : start] == space)
    if space >= 0 and len(before):
        start = max(0, start - 30) + int(before[-1]) + 1
    return [int(number) for number in tail[start : start + length]]


# ---- present -----------------------------------------------------------------------------------------


def present(
    config: TextgenConfig, bench: Bench, corpus: Corpus, prompt: str, outcomes: Sequence[Outcome]
) -> dict[str, Any]:
    """Consoles, summary, figures, and the ``results`` of the JSON document."""
    terminal = bench.terminal
    history = outcomes[0].history
    chosen = int(history.best["epoch"])
    samples = []
    for epoch in dict.fromkeys([1, chosen]):
        terminal.show(f"[bold]After epoch {epoch}[/bold] (the prompt is held-out text)", "")
        for diversity, text in zip(config.diversity, history.notes[epoch]["samples"], strict=True):
            samples.append({"epoch": epoch, "diversity": diversity, "prompt": prompt, "text": text})
            terminal.show(written(f"diversity {diversity:g}", prompt, text), "")
    collapsed = {sample["diversity"]: collapse(sample["text"]) for sample in samples if sample["epoch"] == chosen}
    results: dict[str, Any] = {
        name: over_runs([float(outcome.history.best[name]) for outcome in outcomes])
        for name in ("loss", "val_loss", "val_bits_per_character")
    }
    results["characters_per_second"] = outcomes[0].figures["characters_per_second"]
    terminal.show(summary(config, corpus, results, outcomes, collapsed))
    save_figures(config, bench.folder, outcomes)
    return {**results, "samples": samples}


def summary(
    config: TextgenConfig,
    corpus: Corpus,
    results: dict[str, Any],
    outcomes: Sequence[Outcome],
    collapsed: Mapping[float, str | None],
) -> Any:
    """The table at the end."""
    history = outcomes[0].history
    made = table("characters trained on / held out", f"{len(corpus.training):,} / {len(corpus.held_out):,}")
    if config.runs > 1:
        made.add_row("runs (figures: mean ± half the 95 % interval)", str(config.runs))
    made.add_row("different characters", str(len(corpus.alphabet)))
    made.add_row("training loss (nats a character)", number(results["loss"], ".3f"))
    made.add_row("held-out loss (nats a character)", number(results["val_loss"], ".3f"))
    made.add_row("held-out bits a character", number(results["val_bits_per_character"], ".3f"))
    best = history.best
    made.add_row("weights of epoch (least held-out loss)", f"{best['epoch']} of {history.rows[-1]['epoch']}")
    made.add_row("until then", f"{best['seconds']:.0f} s")
    speeds = outcomes[0].figures
    made.add_row("characters a second, one text", f"{speeds['characters_per_second']:,.0f}")
    made.add_row("  64 texts side by side", f"{speeds['characters_per_second_64']:,.0f}")
    for diversity, what in collapsed.items():
        if what:
            made.add_row(f"collapsed at diversity {diversity:g}", what.replace("\n", " "))
    if config.data in (None, "nietzsche"):
        report = published("textgen")
        made.add_row("the report of 2018, training loss", f"{report['loss']:g} ({report['loss_at']})")
    return made


def headline(results: dict[str, Any]) -> str:
    """The one figure of a finished run for the listing of ``nnlab runs``."""
    return f"{number(results['val_bits_per_character'], '.3f')} bits a character"


def save_figures(config: TextgenConfig, folder: RunFolder, outcomes: Sequence[Outcome]) -> None:
    """``loss.png``: training and held-out loss by epoch, in nats and in bits."""
    from nnlab.output import figures

    def lines(name: str) -> list[tuple[list[float], list[float]]]:
        return [(o.history.column("epoch"), o.history.column(name)) for o in outcomes]

    figure, (left, right) = figures.canvas(2, title=f"nnlab textgen ({config.preset})")
    figures.curves(left, {"training": lines("loss"), "held-out": lines("val_loss")}, ylabel="loss (nats a character)")
    figures.curves(right, {"held-out": lines("val_bits_per_character")}, ylabel="held-out bits a character")
    folder.write("figures/loss.png", figures.png(figure))


# ---- predict -----------------------------------------------------------------------------------------


class Predictor:
    """Writes on from prompts with a trained network."""

    OPTIONS: Mapping[str, Any] = {"length": 400, "diversity": 0.5, "top_p": 1.0, "seed": 0}

    def __init__(self, folder: RunFolder, **options: Any) -> None:
        self.config = TextgenConfig.from_record(folder.config)
        self.options = {**self.OPTIONS, **options}
        self.folder = folder
        known = folder.read_json("vocabulary.json")
        self.alphabet = Alphabet(known["characters"], lower=known["lower"])
        self._streams = known["streams"]
        self._pen: Any = None

    def open(self) -> None:
        """Build the network and load its weights; the backend has been started."""
        from nnlab.backend import load_weights
        from nnlab.models.text_sampling import TextSampler

        model = build(self.config, len(self.alphabet.characters), self._streams)
        load_weights(model, self.folder.path / "model.keras")
        self._pen = TextSampler(model, nucleus=self.options["top_p"] < 1)

    def read(self, text: str) -> tuple[list[int], str]:
        """The ids of a prompt, and its unknown characters; InputError where nothing of it is known."""
        if not text:
            raise InputError("expected a prompt of at least one character, it is empty", "Begin with a word")
        ids, unknown = self.alphabet.read(text)
        if not ids:
            raise InputError(
                f"the model knows none of the characters of {text[:40]!r}",
                f"It knows {self.alphabet.characters.strip()[:60]}",
            )
        return ids, unknown

    def note(self, read: tuple[list[int], str]) -> str:
        """What of a prompt the model cannot read."""
        return f"ignored, as the training text has none: {' '.join(read[1])}" if read[1] else ""

    def stream(self, prompt: tuple[list[int], str]) -> Iterator[str]:
        """What follows one prompt, as it is written."""
        given = self.options
        for piece in self._pen.write([prompt[0]], given["length"], [given["diversity"]], given["seed"], given["top_p"]):
            yield self.alphabet.write(piece[0].tolist())

    def answer(self, prompts: Sequence[tuple[list[int], str]]) -> list[str]:
        """What follows each prompt, in order."""
        from nnlab.models.text_sampling import MANY

        given, answers = self.options, []
        for start in range(0, len(prompts), MANY):
            group = prompts[start : start + MANY]
            settings = ([given["diversity"]] * len(group), given["seed"], given["top_p"])
            pieces = list(self._pen.write([ids for ids, _ in group], given["length"], *settings))
            answers += [self.alphabet.write(row) for row in np.concatenate(pieces, axis=1).tolist()]
        return answers
