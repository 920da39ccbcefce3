"""What ``nnlab translate`` shows at the end of a run: sentences, table, a sentence and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.configs.translate import TranslateConfig
from nnlab.data.assets import report_2018
from nnlab.data.pairs.sentence_pairs import Split
from nnlab.data.random import Stream, rng
from nnlab.evaluation.intervals import mean_of, over_runs, the_network, undecided
from nnlab.evaluation.translation import Scores
from nnlab.experiments.summaries import add_kept_epoch, add_runs
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import TRANSCRIPT_WIDTH, literal, number, percent, table
from nnlab.training.task import RunResult, at_kept, curves

SHOWN = 10  # test sentences in the console
BLEUS = (("BLEU, all references", "bleu"), ("BLEU, one reference", "bleu_one_reference"))
BASELINES = {"nearest": "of the nearest training source", "word_for_word": "word for word"}


def translation_line(source: str, output: str, correct: bool) -> Any:
    """A line of the 2018 report's Console 2: ``Input sentence: Find Tom. ✓  Decoded sentence: Βρες τον Τομ.``.

    Where it is wider than a page the decoded sentence has a line of its own.
    """
    from rich.text import Text

    source, output = literal(source), literal(output)
    mark = ("✓", "green") if correct else ("✗", "red")
    line = Text.assemble(("Input sentence: ", "dim"), source, " ", mark, ("  Decoded sentence: ", "dim"), output)
    if line.cell_len <= TRANSCRIPT_WIDTH:
        return line
    return Text.assemble(("Input sentence:   ", "dim"), source, " ", mark, ("\nDecoded sentence: ", "dim"), output)


def examples_of(config: TranslateConfig, parts: Split, run: RunResult) -> list[dict[str, Any]]:
    """A few sentences of training, and more of test."""
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
        for source, output in run.outputs["training"]
    ]
    sources = list(parts.test)
    rows = rng(config.data_seed, Stream.SHOWN_HELD_OUT).permutation(len(sources))[:SHOWN]
    for row in sorted(rows.tolist()):
        targets, output = parts.test[sources[row]], run.outputs["outputs"][row]
        correct = output in targets
        reference = output if correct else targets[0]
        examples.append(
            {"source": sources[row], "reference": reference, "output": output, "correct": correct, "seen": False}
        )
    return examples


def summary(
    config: TranslateConfig, parts: Split, results: dict[str, Any], runs: Sequence[RunResult], scores: Scores
) -> Any:
    """The table at the end."""
    named, counts = "training pairs", f"{len(parts.training):,}"
    for name, part in (("validation", parts.validation), ("test", parts.test)):
        if part:
            named, counts = f"{named} / {name} sources", f"{counts} / {len(part):,}"
    listed = table(named, counts)
    add_runs(listed, config, "sentences, translations.csv, attention")
    for label, name in (("right (exact match)", "exact_match"), ("chrF", "chrf"), *BLEUS):
        shown = percent if name == "exact_match" else _one_decimal
        listed.add_row(f"test sentences, {label}", shown(results[name]))
        for baseline, scored in results["baselines"].items():
            listed.add_row(f"  baseline: {BASELINES[baseline]}", shown(scored[name]))
    references = sum(map(len, parts.test.values())) / len(parts.test)
    listed.add_row("references of a test sentence, on average", f"{references:.2f}")
    listed.add_row("training loss (nats per character)", number(results["loss"], ".3f"))
    if "val_loss" in results:
        listed.add_row("validation loss (nats per character)", number(results["val_loss"], ".3f"))
    listed.add_row("test loss (nats per character)", number(results["test_loss"], ".3f"))
    add_kept_epoch(listed, runs, "least validation loss" if parts.validation else "the last")
    if results["sentences_per_second"] is not None:
        listed.add_row("sentences per second (greedy)", number(results["sentences_per_second"], ",.0f"))
    listed.add_row("beam", str(config.beam))
    report = report_2018("translate").get("greek" if config.script == "greek" else "french")
    if report and Path(config.data or "eng-ell").stem in ("eng-ell", "eng-fra"):
        prefix, watched = ("val", "validation") if parts.validation else ("test", "test")
        columns = ("loss_padded", f"{prefix}_loss_padded")
        padded = [number(over_runs([run.history.best[name] for run in runs]), ".3f") for name in columns]
        listed.add_row(f"training / {watched} loss, padding counted as in the report", " / ".join(padded))
        listed.add_row("the 2018 report's", f"{report['loss']:g} / {report['val_loss']:g}")
    listed.caption = f"chrF: {scores.chrf_signature}\nBLEU: {scores.bleu_signature}"
    listed.caption_justify = "left"
    return listed


def _one_decimal(figure: Any) -> str:
    return number(figure, ".1f")


def beyond_baselines(found: Mapping[str, Any]) -> str:
    """One sentence: what the network is worth beyond the best baseline, by chrF."""
    name, best = max(found["baselines"].items(), key=lambda item: float(item[1]["chrf"]))
    ahead = mean_of(found["chrf"]) - best["chrf"]
    what = f"the better baseline ({BASELINES[name]})"
    if same := undecided(found["chrf"], best["chrf"], _one_decimal, " points of chrF"):
        return f"The network and {what} {same}."
    if ahead <= 0:
        return f"{the_network(found['chrf'])} is worth nothing beyond {what}: {ahead:+.1f} points of chrF."
    gained = f"Beyond {what}, the network gains {ahead:.1f} points of chrF"
    if same := undecided(found["exact_match"], best["exact_match"], percent):
        return f"{gained}; the sentences right {same}."
    right = 100 * (mean_of(found["exact_match"]) - best["exact_match"])
    return f"{gained} and {right:+.1f} percentage points of sentences right."


def save_figures(
    config: TranslateConfig,
    folder: RunFolder,
    parts: Split,
    runs: Sequence[RunResult],
) -> None:
    """``loss.png``, ``lengths.png`` (right by length of the source) and ``attention.png``."""
    from nnlab.output import figures

    title = f"nnlab translate ({config.preset})"
    figure, (ax,) = figures.canvas(1, width=5.6, title=title)
    watched = "validation" if parts.validation else "test"
    prefix = "val" if parts.validation else "test"
    lines = {"training": curves(runs, "loss"), watched: curves(runs, f"{prefix}_loss")}
    tested = {"": at_kept(runs, [run.outputs["test_loss"] for run in runs])} if parts.validation else None
    figures.curves(ax, lines, ylabel="loss (nats per character)", tested=tested)
    folder.write("figures/loss.png", figures.png(figure))

    every = zip(*(run.outputs["outputs"] for run in runs), strict=True)  # of each sentence what each run wrote
    right = [
        float(np.mean([output in targets for output in outputs]))
        for outputs, targets in zip(every, parts.test.values(), strict=True)
    ]
    groups = figures.by_length([len(source) for source in parts.test], right)
    figure, (ax,) = figures.canvas(1, width=6.2, title=f"{figures.mean_over(title, config.runs)}: test sentences right")
    figures.bars(ax, groups, xlabel="characters of the source")
    folder.write("figures/lengths.png", figures.png(figure))
    if runs[0].outputs["attention"]:
        maps = [(read, written, np.array(weights)) for read, written, weights in runs[0].outputs["attention"]]
        figure = figures.attention_maps(maps, title=figures.first_of(title, config.runs))
        folder.write("figures/attention.png", figures.png(figure))
