"""A recurrent network learns to translate from sentence pairs.

Run it::

    nnlab translate --pairs eng-ell.txt

One sentence on its way: ``Find Tom.`` has two translations in the file, ``Βρες τον Τομ.`` and ``Βρείτε
τον Τομ.``. Sentences are grouped by source and a share of the sources is held out, each with all its
translations, so nothing shown as held out was trained on in any version. The default network reads
subwords, here ``Find Tom .``, and writes the translation's, one after the other, until it writes the
end; the published one reads and writes single characters.

A held-out translation is right (✓) if it is exactly one of the references. As few are, chrF and BLEU
say how near the others come (sacreBLEU, with all references). The loss is per character; padding is
never scored.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlab.commands.train import Bench
from nnlab.config import Config
from nnlab.data import sentence_pairs as sentence_pairs
from nnlab.data.datasets import SAMPLE
from nnlab.data.report_2018 import published
from nnlab.data.sentence_pairs import Split, bucket_by_length
from nnlab.data.tokenizers import Encoded, Vocabulary, encode, fit_tokenizers, tokenizer_from_json
from nnlab.errors import InputError, NnlabError, UsageError
from nnlab.evaluation.intervals import over_runs
from nnlab.evaluation.translation import Scores, score
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import number, percent, table, translation_line

if TYPE_CHECKING:
    from nnlab.training.repeat import Outcome

SHOWN_HELD_OUT, SHOWN_TRAINING = 10, 4
TIMED = 1000  # held-out sentences whose translation is timed
MEASURED = 1000  # training pairs on which the training loss is measured
CHARACTERS_AT_ONCE, SUBWORDS_AT_ONCE = 4096, 2048  # in a batch: each has logits of all the vocabulary


# ---- config ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class TranslateConfig(Config):
    """What one experiment is: the pairs, what is held out, the network and how it is trained."""

    samples: int | None = None  # None: all of the file
    validation: float = 0.2
    dropout: float = 0.2
    reverse: bool = False
    beam: int = 4
    network: str = "attentive"  # or encoder_decoder, the published one
    pieces: int = 2000  # subwords a side; 0: single characters
    units: int = 256
    depth: int = 1
    forget: float = 0.04
    smoothing: float = 0.1
    learning_rate: float = 3e-3
    weight_decay: float = 0.1
    patience: int | None = None

    @classmethod
    def recipe(cls, preset: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """``published`` is the report's setting: for English-Greek its own epochs, batch, split and dropout."""
        data = given.get("data") or "eng-ell"
        if preset == "published":
            plain = {
                "network": "encoder_decoder",
                "pieces": 0,
                "forget": 0.0,
                "smoothing": 0.0,
                "beam": 1,
                "weight_decay": 0.0,
            }
            greek = {"epochs": 126, "batch_size": 75, "validation": 0.4, "dropout": 0.5}
            french = {"epochs": 100, "batch_size": 70, "validation": 0.2, "dropout": 0.0}
            setting = greek if "ell" in data else french
            samples, _ = first_pairs(data, 10_000)
            return {"samples": samples, **plain, **setting, "learning_rate": 1e-3}
        if preset == "quick":
            small = {
                "data": SAMPLE,
                "pieces": 0,
                "units": 64,
                "dropout": 0.1,
                "smoothing": 0.0,
                "forget": 0.02,
                "learning_rate": 1e-2,
            }
            return {**small, "epochs": 12, "patience": 6, "batch_size": 16, "beam": 1}
        samples, count = first_pairs(data, given.get("samples", 20_000))
        epochs = max(4, min(33, round(600_000 / count)))  # 30 of 20,000 pairs, 4 of all the French ones
        return {"samples": samples, "epochs": epochs, "patience": 8, "batch_size": 64}

    def check(self) -> None:
        """Raise UsageError where an option has no meaning."""
        if not 0 < self.validation < 1:
            raise UsageError(
                f"expected --validation between 0 and 1, both left out, got {self.validation:g}",
                "The usual are 0.1 to 0.4",
            )


CONFIG = TranslateConfig


def first_pairs(data: str, most: int) -> tuple[int | None, int]:
    """(``samples`` for at most ``most`` pairs: None where the data have fewer; how many they are)."""
    try:
        count = len(sentence_pairs.load(data, None, reverse=False, most=most))
    except NnlabError:  # told when the data are loaded, with the options that were meant
        return None, most
    return (most if count == most else None), count


# ---- model -------------------------------------------------------------------------------------------


def build(config: TranslateConfig, source: int, target: int) -> Any:
    """The network of a config, not compiled; the same for training and for ``predict``."""
    from nnlab.models import seq2seq

    model: Any
    if config.network == "encoder_decoder":
        model = seq2seq.EncoderDecoder(source, target, config.units, config.dropout)
    else:
        model = seq2seq.Attentive(source, target, config.units, config.depth, config.dropout, config.forget)
    model.build()
    return model


def build_for_training(config: TranslateConfig, source: int, target: int, steps: int) -> Any:
    """The network, compiled with its loss (nats a character) and optimizer for ``steps`` an epoch."""
    import keras

    from nnlab.backend import jit_compile, trace_once
    from nnlab.models.seq2seq import MaskedCrossEntropy
    from nnlab.training.optimizers import warm_up_then_cosine

    model = build(config, source, target)
    optimizer: Any = keras.optimizers.RMSprop(config.learning_rate)
    if config.network == "attentive":
        rate = warm_up_then_cosine(config.learning_rate, steps * config.epochs)
        optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay, beta_2=0.98, global_clipnorm=1.0)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    model.compile(optimizer, MaskedCrossEntropy(config.smoothing), jit_compile=jit_compile())
    trace_once(model)
    return model


# ---- train and evaluate ------------------------------------------------------------------------------


def run(config: TranslateConfig, bench: Bench) -> dict[str, Any]:
    """The experiment: train each run, translate the held-out sentences, score, show and save."""
    with bench.clock("data"):
        loaded = sentence_pairs.load(config.data, config.samples, reverse=config.reverse)
        parts = sentence_pairs.split(loaded, config.validation, config.seed)
        source, target = fit_tokenizers(parts.training, config.pieces)
        training = encode(parts.training, source, target)
        held_out = encode(parts.held_out_pairs, source, target)
        some = np.random.default_rng([config.seed, 5]).permutation(len(parts.training))[:MEASURED]
        measured = encode([parts.training[row] for row in some.tolist()], source, target)
        limit = int(max(training.lengths[:, 1].max(), 8) * 1.2)
        places = 1 + int(max(training.characters.max(), held_out.characters.max()))  # of the longest, begin and end too
    tell_skipped(bench, loaded)
    bench.folder.write_json("vocabulary.json", {"source": source.record(), "target": target.record(), "limit": limit})
    bench.start_backend(many_shapes=Predictor.MANY_SHAPES)
    from nnlab.backend import pad_multiple
    from nnlab.training.batches import Batches
    from nnlab.training.loop import Evaluation, Seeded, train
    from nnlab.training.repeat import Outcome

    budget = SUBWORDS_AT_ONCE if config.pieces else CHARACTERS_AT_ONCE
    steps = len(bucket_by_length(training.lengths, config.batch_size, np.random.default_rng(0), budget))
    seeded = Seeded(lambda members: build_for_training(config, len(source), len(target), steps))

    def measure(model: Any, epoch: int, fitted: dict[str, float]) -> Evaluation:
        with bench.clock("evaluate"):
            losses = {"loss": loss_on(model, measured), "val_loss": loss_on(model, held_out)}
        for name, part in (("loss", measured), ("val_loss", held_out)):  # as the report has it: padding counts, as 0
            losses[f"{name}_padded"] = losses[name] * float(part.characters.mean()) / places
        return Evaluation([losses])

    def fit(run_number: int, seeds: Sequence[int]) -> list[Outcome]:
        model = seeded.reset(*seeds)

        def order(epoch: int) -> Any:
            rng = np.random.default_rng([seeds[0], epoch, 1])
            cut = encode(parts.training, source, target, int(rng.integers(2**31))) if config.pieces else training
            groups = bucket_by_length(cut.lengths, config.batch_size, rng, budget)
            return Batches(groups, lambda rows: cut.batch(rows, left=model.left, multiple=pad_multiple()))

        history = train(
            model,
            None,
            None,
            epochs=config.epochs,
            batch_size=config.batch_size,
            seed=seeds[0],
            evaluate=measure,
            store=bench.folder,
            record=bench.record,
            watch=bench.watch,
            run=run_number,
            runs=config.runs,
            order=order,
            steps=steps,
            keep="val_loss",
            patience=config.patience,
        )
        if run_number == 0:
            bench.folder.place("model.keras", model.save)
        with bench.clock("evaluate"):
            figures = translate_held_out(config, model, parts, (source, target), limit)
        return [Outcome(history, figures=figures)]

    outcomes = bench.repeat(config.seeds, fit)
    return present(config, bench, parts, outcomes)


def translate_held_out(
    config: TranslateConfig, model: Any, parts: Split, languages: tuple[Vocabulary, Vocabulary], limit: int
) -> dict[str, Any]:
    """Every held-out source and a few of training translated, and how fast (greedy, after start-up)."""
    from nnlab.models.translating import SentenceTranslator

    sentences = list(parts.held_out)
    greedy = SentenceTranslator(model, *languages, limit)
    timed = sentences[:TIMED]
    greedy.translate(timed)  # compiles each length
    began = time.perf_counter()
    greedy.translate(timed)
    speed = len(timed) / (time.perf_counter() - began)
    interpreter = SentenceTranslator(model, *languages, limit, beam=config.beam) if config.beam > 1 else greedy
    seen = list(dict.fromkeys(source for source, _ in parts.training))
    chosen = np.random.default_rng([config.seed, 6]).permutation(len(seen))[:SHOWN_TRAINING].tolist()
    shown = [seen[row] for row in chosen]
    longer = sorted(sentences, key=len)
    looked = [longer[int(share * len(longer))] for share in (0.7, 0.85, 0.98)] if config.network == "attentive" else []
    return {
        "outputs": interpreter.translate(sentences),
        "sentences_per_second": round(speed, 1),
        "training": [[sentence, output] for sentence, output in zip(shown, interpreter.translate(shown), strict=True)],
        "attention": [greedy.attention(sentence) for sentence in looked],
    }


def loss_on(model: Any, encoded: Encoded) -> float:
    """Mean nats a character (its end is one), padding not counted, no label smoothing."""
    from nnlab.backend import pad_multiple, predict_threads
    from nnlab.evaluation.metrics import token_nll

    def nats_of(rows: Any) -> float:
        inputs, following = encoded.batch(rows, left=model.left, multiple=pad_multiple())
        return float(token_nll(model.predict_on_batch(inputs), following)[following > 0].sum())

    groups = bucket_by_length(encoded.lengths, 128, None, SUBWORDS_AT_ONCE)
    with ThreadPoolExecutor(predict_threads()) as pool:
        return sum(pool.map(nats_of, groups)) / int(encoded.characters.sum())


def tell_skipped(bench: Bench, loaded: sentence_pairs.Pairs) -> None:
    """Name the lines that could not be used, a few of them where there are many."""
    for line in loaded.skipped[:3]:
        bench.terminal.warn(f"{loaded.origin}: {line}: skipped")
    if len(loaded.skipped) > 3:
        bench.terminal.warn(f"{loaded.origin}: {len(loaded.skipped) - 3:,} more lines skipped")


# ---- present -----------------------------------------------------------------------------------------


def present(
    config: TranslateConfig,
    bench: Bench,
    parts: Split,
    outcomes: Sequence[Outcome],
) -> dict[str, Any]:
    """Consoles, summary, figures, and the ``results`` of the JSON document."""
    terminal = bench.terminal
    references = list(parts.held_out.values())
    scores = [score(outcome.figures["outputs"], references) for outcome in outcomes]
    examples = examples_of(config, parts, outcomes[0])
    for seen, heading in ((True, "Trained on"), (False, "Held out (never trained on)")):
        terminal.show(f"[bold]{heading}[/bold]")
        for example in examples:
            if example["seen"] is seen:
                terminal.show(translation_line(example["source"], example["output"], example["correct"]))
        terminal.show("")
    results: dict[str, Any] = {
        name: over_runs([float(outcome.history.best[name]) for outcome in outcomes]) for name in ("loss", "val_loss")
    }
    for name in ("exact_match", "chrf", "bleu"):
        results[name] = over_runs([float(getattr(found, name)) for found in scores])
    results["sentences_per_second"] = over_runs([o.figures["sentences_per_second"] for o in outcomes])
    terminal.show(summary(config, parts, results, outcomes, scores[0]))
    save_figures(config, bench.folder, parts, outcomes)
    rows = [
        {"source": source, "output": output, "right": int(output in targets), "references": " | ".join(targets)}
        for (source, targets), output in zip(parts.held_out.items(), outcomes[0].figures["outputs"], strict=True)
    ]
    bench.folder.write_table("translations.csv", rows)
    return {**results, "examples": examples}


def examples_of(config: TranslateConfig, parts: Split, outcome: Outcome) -> list[dict[str, Any]]:
    """A few sentences of training, and more that were held out."""
    known: dict[str, list[str]] = {}
    for source, target in parts.training:
        known.setdefault(source, []).append(target)
    examples = [
        {
            "source": source,
            "reference": known[source][0],
            "output": output,
            "correct": output in known[source],
            "seen": True,
        }
        for source, output in outcome.figures["training"]
    ]
    sources = list(parts.held_out)
    rows = np.random.default_rng([config.seed, 8]).permutation(len(sources))[:SHOWN_HELD_OUT]
    for row in sorted(rows.tolist()):
        targets, output = parts.held_out[sources[row]], outcome.figures["outputs"][row]
        correct = output in targets
        reference = output if correct else targets[0]
        examples.append(
            {"source": sources[row], "reference": reference, "output": output, "correct": correct, "seen": False}
        )
    return examples


def summary(
    config: TranslateConfig, parts: Split, results: dict[str, Any], outcomes: Sequence[Outcome], scores: Scores
) -> Any:
    """The table at the end."""
    history = outcomes[0].history
    held_out = f"{len(parts.held_out_pairs):,} of {len(parts.held_out):,} sources"
    made = table("pairs trained on / held out", f"{len(parts.training):,} / {held_out}")
    if config.runs > 1:
        made.add_row("runs (figures: mean ± half the 95 % interval)", str(config.runs))
    made.add_row("held-out sentences right (exact match)", percent(results["exact_match"]))
    made.add_row("held-out chrF", number(results["chrf"], ".1f"))
    made.add_row("held-out BLEU", number(results["bleu"], ".1f"))
    made.add_row("training loss (nats a character)", number(results["loss"], ".3f"))
    made.add_row("held-out loss (nats a character)", number(results["val_loss"], ".3f"))
    best = history.best
    made.add_row("weights of epoch (least held-out loss)", f"{best['epoch']} of {history.rows[-1]['epoch']}")
    made.add_row("until then", f"{best['seconds']:.0f} s")
    made.add_row("sentences a second (greedy)", number(results["sentences_per_second"], ",.0f"))
    made.add_row("beam", str(config.beam))
    report = published("translate").get("greek" if "ell" in (config.data or "eng-ell") else "french")
    if report and config.data != SAMPLE:
        padded = f"{best['loss_padded']:.3f} / {best['val_loss_padded']:.3f}"
        made.add_row("both with padding counted, as the report's are", padded)
        made.add_row("the report's of 2018", f"{report['loss']:g} / {report['val_loss']:g}")
    made.caption = f"chrF: {scores.chrf_signature}\nBLEU: {scores.bleu_signature}"
    made.caption_justify = "left"
    return made


def headline(results: dict[str, Any]) -> str:
    """The one figure of a finished run for the listing of ``nnlab runs``."""
    return f"{percent(results['exact_match'], 1)} right, chrF {number(results['chrf'], '.1f')}"


def save_figures(
    config: TranslateConfig,
    folder: RunFolder,
    parts: Split,
    outcomes: Sequence[Outcome],
) -> None:
    """``loss.png``, ``lengths.png`` (right by length of the source) and ``attention.png``."""
    from nnlab.output import figures
    from nnlab.output.figures_text import attention_maps, by_length

    def lines(name: str) -> list[tuple[list[float], list[float]]]:
        return [(o.history.column("epoch"), o.history.column(name)) for o in outcomes]

    title = f"nnlab translate ({config.preset})"
    figure, (ax,) = figures.canvas(1, width=5.6, title=title)
    figures.curves(ax, {"training": lines("loss"), "held-out": lines("val_loss")}, ylabel="loss (nats a character)")
    folder.write("figures/loss.png", figures.png(figure))

    right = [o in t for o, t in zip(outcomes[0].figures["outputs"], parts.held_out.values(), strict=True)]
    groups = by_length([len(source) for source in parts.held_out], right)
    figure, (ax,) = figures.canvas(1, width=6.2, title=f"{title}: held-out sentences right")
    figures.shares(ax, groups, xlabel="characters of the source")
    folder.write("figures/lengths.png", figures.png(figure))
    if outcomes[0].figures["attention"]:
        maps = [(read, written, np.array(weights)) for read, written, weights in outcomes[0].figures["attention"]]
        folder.write("figures/attention.png", figures.png(attention_maps(maps, title=title)))


# ---- predict -----------------------------------------------------------------------------------------


class Predictor:
    """Translates sentences with a trained network, many in one compiled batch."""

    OPTIONS: Mapping[str, Any] = {"beam": None}
    MANY_SHAPES = True

    def __init__(self, folder: RunFolder, **options: Any) -> None:
        self.config = TranslateConfig.from_record(folder.config)
        self.beam = options.get("beam") or self.config.beam
        self.folder = folder
        known = folder.read_json("vocabulary.json")
        self.source, self.target = tokenizer_from_json(known["source"]), tokenizer_from_json(known["target"])
        self._limit = int(known["limit"])
        self._interpreter: Any = None

    def open(self) -> None:
        """Build the network and load its weights; the backend has been started."""
        from nnlab.backend import load_weights
        from nnlab.models.translating import SentenceTranslator

        model = build(self.config, len(self.source), len(self.target))
        load_weights(model, self.folder.path / "model.keras")
        self._interpreter = SentenceTranslator(model, self.source, self.target, self._limit, beam=self.beam)

    def read(self, text: str) -> str:
        """A sentence as it was read in training; InputError for one that is too long."""
        import unicodedata

        sentence = " ".join(unicodedata.normalize("NFC", text).split())
        if len(sentence) > sentence_pairs.LONGEST:
            raise InputError(
                f"expected a sentence of up to {sentence_pairs.LONGEST} characters, got {len(sentence):,}",
                "Translate it sentence by sentence",
            )
        return sentence

    def note(self, sentence: str) -> str:
        """What of a sentence the model never read."""
        unknown = self.source.unknown(sentence)
        return f"read as unknown, the training sentences have none: {' '.join(unknown)}" if unknown else ""

    def answer(self, sentences: Sequence[str]) -> list[str]:
        """The translations, in order; an empty sentence stays empty."""
        found = iter(self._interpreter.translate([sentence for sentence in sentences if sentence]))
        return [next(found) if sentence else "" for sentence in sentences]
