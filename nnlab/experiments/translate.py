"""A recurrent network learns to translate from sentence pairs.

Run it::

    nnlab translate --pairs eng-ell.txt

One sentence on its way: ``Find Tom.`` has two translations in the file, ``Βρες τον Τομ.`` and ``Βρείτε
τον Τομ.``. Sentences are grouped by source; a tenth of the sources is for validation, which chooses the epoch, and
a tenth for test, which chooses nothing, each with all its translations, so no tested source was trained on in any
version. The default network reads subwords, here ``Find Tom .``, and writes the translation's, one after
the other, until it writes the end; the published one reads and writes single characters.

A translation of a test source is right (✓) if it is exactly one of the references. As few are, chrF and BLEU
say how near the others come (sacreBLEU, with all references; BLEU also with the first of each). The translation of
the nearest training sentence and one word for word stand beside them. The loss is per character; padding is never
scored.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from nnlab.configs.translate import SCORES, TranslateConfig
from nnlab.data.folders import messages
from nnlab.data.pairs import sentence_pairs
from nnlab.data.pairs.sentence_pairs import pairs_of, without_seen
from nnlab.data.random import Stream, rng
from nnlab.data.seen import keys_of
from nnlab.data.texts.batching import Encoded, bucket_by_length, encode
from nnlab.data.texts.tokenizers import fit_tokenizers
from nnlab.evaluation.intervals import over_runs
from nnlab.evaluation.translation import score
from nnlab.evaluation.translation_baselines import translation_baselines
from nnlab.experiments import FinishedRun, Loaded
from nnlab.experiments._sentences import (
    SentencePredictor,
    Sentences,
    given_tokenizers,
    mostly_greek,
    padded,
    tokenizers_of,
    unknown_characters,
)
from nnlab.experiments.summaries.translate import (
    beyond_baselines,
    examples_of,
    save_figures,
    summary,
    translation_line,
)
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal, number, percent
from nnlab.training.task import Results, Task

SHOWN_TRAINING = 4  # sentences in the console
TIMED = 1000  # test sentences whose translation is timed
MEASURED = 1000  # training pairs on which the training loss is measured
MEASURED_AT_ONCE = 128  # of them, or of held-out ones
CHARACTERS_AT_ONCE, SUBWORDS_AT_ONCE = 4096, 2048  # in a batch: each has logits of all the vocabulary
MOST_TOKENS = 100_000  # of a translation
PAIRS = 600_000  # that an unasked training reads: 30 epochs of 20,000


# ---- data --------------------------------------------------------------------------------------------


def load(config: TranslateConfig) -> Loaded[TranslateConfig, Sentences]:
    """The first pairs of a file, split by source; what the config leaves to them is decided."""
    asked = config.samples if "samples" in config.given else None
    pairs = sentence_pairs.load(config.data, asked, reverse=config.reverse, most=config.samples)
    greek = mostly_greek(pairs.sources) or mostly_greek(pairs.targets)
    epochs: dict[str, int] = {"epochs": max(4, min(33, round(PAIRS / len(pairs))))} if config.epochs is None else {}
    config = config.resolved(script="greek" if greek else "other", samples=len(pairs), **epochs)
    parts = sentence_pairs.split(pairs, config.validation, config.test, config.data_seed)
    parts, left_out, told = without_seen(parts, config.inherited)
    if config.inherited is None:
        source, target = fit_tokenizers(parts.training, config.vocab_size)
    else:
        source, target = given_tokenizers(config, config.inherited)
    training, test = encode(parts.training, source, target), encode(pairs_of(parts.test), source, target)
    watched = encode(pairs_of(parts.validation), source, target) if parts.validation else test
    some = rng(config.data_seed, Stream.MEASURED).permutation(len(parts.training))[:MEASURED]
    limit = int(max(training.lengths[:, 1].max(), 8) * 1.2)
    if config.inherited:
        told = (*told, *unknown_characters(parts, source, target, config.inherited.run))
    groups = bucket_by_length(training.lengths, config.batch_size, np.random.default_rng(0), ids_at_once(config))
    data = Sentences(
        parts,
        source,
        target,
        training,
        watched,
        test,
        measured=encode([parts.training[row] for row in some.tolist()], source, target),
        limit=limit,
        steps=len(groups),
        places=1 + max(int(part.characters.max()) for part in (training, watched, test)),
    )
    return Loaded(
        config,
        data,
        source={"name": pairs.origin, "size": pairs.size, "items": len(pairs), "digest": pairs.digest},
        notes=[*messages(pairs.origin, pairs.notes, pairs.skipped), *told],
        preprocessing={"source": source.to_json(), "target": target.to_json(), "limit": limit},
        training_keys=lambda: keys_of(dict.fromkeys(source for source, _ in parts.training)),
        left_out=left_out,
    )


def ids_at_once(config: TranslateConfig) -> int:
    """The most ids in a batch."""
    return SUBWORDS_AT_ONCE if config.vocab_size else CHARACTERS_AT_ONCE


# ---- model -------------------------------------------------------------------------------------------


def build(config: TranslateConfig, source: int, target: int) -> Any:
    """The network of a config for vocabularies of two sizes, not compiled; for training and for ``predict``."""
    from nnlab.models import seq2seq

    model: seq2seq.Seq2Seq
    if config.network == "encoder_decoder":
        model = seq2seq.EncoderDecoder(
            source_vocabulary=source, target_vocabulary=target, units=config.units, dropout=config.dropout
        )
    else:
        model = seq2seq.AttentionSeq2Seq(
            source_vocabulary=source,
            target_vocabulary=target,
            units=config.units,
            depth=config.depth,
            dropout=config.dropout,
            word_dropout=config.word_dropout,
            lexical=config.lexical,
        )
    model.build()
    return model


def compiled(config: TranslateConfig, data: Sentences) -> Any:
    """The network, compiled with its loss (nats per character) and optimizer."""
    from nnlab.backend import jit_compile, trace_once
    from nnlab.models.optimizers import RMSprop, on_a_cosine, share_of
    from nnlab.models.seq2seq import MaskedCrossEntropy

    model = build(config, len(data.source), len(data.target))
    optimizer: Any = RMSprop(config.learning_rate)
    if config.network == "attentive":
        total = config.planned("", data.steps, config.epochs)[1]
        optimizer = on_a_cosine(
            config.learning_rate,
            total,
            warm_up=share_of(total, 0.06),
            least=0.01,
            weight_decay=config.weight_decay,
            beta_2=config.beta_2,
            clip=1.0,
        )
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    model.compile(optimizer, MaskedCrossEntropy(config.label_smoothing), jit_compile=jit_compile())
    trace_once(model)
    return model


# ---- train and evaluate ------------------------------------------------------------------------------


def tasks(config: TranslateConfig, data: Sentences) -> list[Task]:
    """The one network, measured on the validation pairs where there are some."""
    from nnlab.models.cost import translation_cost
    from nnlab.training.batches import Batches

    def batches(model: Any, seed: int, epoch: int) -> Batches:
        draws = rng(seed, Stream.ORDER, epoch)
        cut = data.training
        if config.vocab_size:
            cut = encode(data.parts.training, data.source, data.target, int(draws.integers(2**31)))
        groups = bucket_by_length(cut.lengths, config.batch_size, draws, ids_at_once(config))
        return Batches(groups, lambda rows: padded(cut, model, rows, config.batch_size))

    def evaluate(model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        losses: dict[str, float] = {}
        for name, part in (("loss", data.measured), (f"{data.prefix}_loss", data.watched)):
            losses[name] = loss_on(model, part)
        for name, part in (("loss", data.measured), (f"{data.prefix}_loss", data.watched)):
            # as the 2018 report has it: padding counts, as 0
            losses[f"{name}_padded"] = losses[name] * float(part.characters.mean()) / data.places
        return losses, {}

    epochs, total = config.planned("", data.steps, config.epochs)

    def flop(model: Any) -> float:
        source, target = data.test.lengths.mean(axis=0).tolist()
        return translation_cost(model, source, target)

    return [
        Task(
            name="",
            epochs=epochs,
            steps=data.steps,
            total=total,
            build=lambda: compiled(config, data),
            batches=batches,
            evaluate=evaluate,
            outputs=lambda model: translate_test(config, model, data),
            benchmark=lambda model: {"sentences_per_second": translation_speed(model, data)},
            keep_best="val_loss" if data.parts.validation else None,
            patience=config.patience if data.parts.validation else None,
            flop=flop,
        )
    ]


def translate_test(config: TranslateConfig, model: Any, data: Sentences) -> dict[str, Any]:
    """The loss on the test pairs, every test source and a few of training translated, and where the network looked."""
    from nnlab.models.beam_search import Translator

    sentences = list(data.parts.test)
    greedy = Translator(model, data.source, data.target, data.limit)
    beam = Translator(model, data.source, data.target, data.limit, beam=config.beam) if config.beam > 1 else greedy
    seen = list(dict.fromkeys(source for source, _ in data.parts.training))
    chosen = rng(config.data_seed, Stream.SHOWN_TRAINING).permutation(len(seen))[:SHOWN_TRAINING].tolist()
    shown = [seen[row] for row in chosen]
    longer = sorted(sentences, key=len)
    looked = [longer[int(share * len(longer))] for share in (0.7, 0.85, 0.98)] if config.network == "attentive" else []
    return {
        "test_loss": loss_on(model, data.test),
        "outputs": beam.translate(sentences),
        "training": [[sentence, output] for sentence, output in zip(shown, beam.translate(shown), strict=True)],
        "attention": [greedy.attention(sentence) for sentence in looked],
    }


def translation_speed(model: Any, data: Sentences) -> float:
    """Sentences per second, greedy, after start-up."""
    from nnlab.models.beam_search import Translator

    greedy = Translator(model, data.source, data.target, data.limit)
    timed = list(data.parts.test)[:TIMED]
    greedy.translate(timed)  # compiles each length
    began = time.perf_counter()
    greedy.translate(timed)
    return round(len(timed) / (time.perf_counter() - began), 1)


def loss_on(model: Any, encoded: Encoded) -> float:
    """Mean nats per character (its end is one), padding not counted, no label smoothing."""
    from nnlab.backend import predict_threads
    from nnlab.evaluation.metrics import token_nll

    def nats_of(rows: Any) -> float:
        inputs, following = padded(encoded, model, rows, MEASURED_AT_ONCE)
        return float(token_nll(model.predict_on_batch(inputs), following)[following > 0].sum())

    groups = bucket_by_length(encoded.lengths, MEASURED_AT_ONCE, None, SUBWORDS_AT_ONCE)
    with ThreadPoolExecutor(predict_threads()) as pool:
        return sum(pool.map(nats_of, groups)) / int(encoded.characters.sum())


# ---- present -----------------------------------------------------------------------------------------


def present(
    config: TranslateConfig, data: Sentences, results: Results, terminal: Terminal, folder: RunFolder
) -> dict[str, Any]:
    """Consoles, summary, figures, and the ``results`` of the JSON document."""
    from nnlab.output import figures

    runs, parts = results[""], data.parts
    references = list(parts.test.values())
    scores = [score(run.outputs["outputs"], references) for run in runs]
    examples = examples_of(config, parts, runs[0])
    for seen, heading in ((True, "Trained on"), (False, "Test sources (never trained on)")):
        terminal.heading(heading)
        for example in examples:
            if example["seen"] is seen:
                terminal.show(translation_line(example["source"], example["output"], example["correct"]))
        terminal.show("")
    named = ("loss", "val_loss") if parts.validation else ("loss",)
    found: dict[str, Any] = {name: over_runs([float(run.history.best[name]) for run in runs]) for name in named}
    found["test_loss"] = over_runs([float(run.outputs["test_loss"]) for run in runs])
    for name in SCORES:
        found[name] = over_runs([float(getattr(one, name)) for one in scores])
    found["baselines"] = {
        name: {key: float(getattr(one, key)) for key in SCORES}
        for name, outputs in translation_baselines(parts.training, list(parts.test)).items()
        for one in [score(outputs, references)]
    }
    found["sentences_per_second"] = over_runs([run.speed.get("sentences_per_second") for run in runs])
    terminal.show(summary(config, parts, found, runs, scores[0]), "", beyond_baselines(found))
    with figures.optional(terminal):
        save_figures(config, folder, parts, runs)
    rows = [
        {"source": source, "output": output, "right": int(output in targets), "references": " | ".join(targets)}
        for (source, targets), output in zip(parts.test.items(), runs[0].outputs["outputs"], strict=True)
    ]
    folder.write_table("translations.csv", rows)
    return {**found, "examples": examples}


def headline(results: Mapping[str, Any]) -> str:
    """The one figure of a finished run for the listing of ``nnlab runs``."""
    return f"{percent(results['exact_match'], 1)} right, chrF {number(results['chrf'], '.1f')}"


# ---- predict -----------------------------------------------------------------------------------------


def limit_of(run: FinishedRun) -> int:
    """How many tokens a translation has at most: 1.2 times as many as the longest that was trained on."""
    return run.whole("limit", most=MOST_TOKENS)


def predictor(config: TranslateConfig, run: FinishedRun, options: Mapping[str, Any]) -> SentencePredictor:
    """Translates sentences with the run's network."""
    (source, target), limit = tokenizers_of(run.preprocessing), limit_of(run)
    model = run.fill(build(config, len(source), len(target)))
    return SentencePredictor(config, model, source, target, limit, options)
