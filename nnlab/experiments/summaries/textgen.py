"""What ``nnlab textgen`` shows at the end of a run: samples, table, a sentence and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nnlab.configs.textgen import TextgenConfig
from nnlab.data.assets import report_2018
from nnlab.data.texts.text import Parts
from nnlab.evaluation.intervals import mean_of, over_runs, the_network, undecided
from nnlab.evaluation.text_baselines import PREDICTED, READ
from nnlab.experiments.summaries import add_kept_epoch, add_runs
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import literal, number, table
from nnlab.training.task import RunResult, at_kept, curves

SPEEDS = (
    ("characters per second, one text", "characters_per_second"),
    ("  64 texts side by side", "characters_per_second_64"),
)


def sample_text(title: str, prompt: str, text: str) -> Any:
    """What a language model wrote after a prompt, the prompt dim."""
    from rich.text import Text as Styled

    return Styled.assemble((f"— {title} —", "bold"), "\n", (literal(prompt), "dim"), literal(text))


def summary(
    config: TextgenConfig,
    parts: Parts,
    characters: int,
    results: dict[str, Any],
    runs: Sequence[RunResult],
    collapsed: Mapping[float, str | None],
) -> Any:
    """The table at the end; the text has so many different ``characters``."""
    sizes = [len(part) for part in (parts.training, parts.validation, parts.test) if part is not None]
    named = "training / test" if parts.validation is None else "training / validation / test"
    listed = table(f"{named} characters", " / ".join(f"{size:,}" for size in sizes))
    add_runs(listed, config, "samples")
    listed.add_row("different characters", str(characters))
    listed.add_row("training loss (nats per character)", number(results["loss"], ".3f"))
    if "val_loss" in results:
        listed.add_row("validation loss (nats per character)", number(results["val_loss"], ".3f"))
    listed.add_row("test loss (nats per character)", number(results["test_loss"], ".3f"))
    listed.add_row("test bits per character", number(results["test_bits_per_character"], ".3f"))
    if same := results.get("compared"):
        shown = f"{number(same['test_loss'], '.3f')} nats, {number(same['test_bits_per_character'], '.3f')} bits"
        listed.add_row(f"  on the first {same['characters']:,} of them: this network", shown)
    for name, figures in results["baselines"].items():
        nats, bits = figures["test_loss"], figures["test_bits_per_character"]
        listed.add_row(f"  baseline: {baseline_label(name, figures)}", f"{nats:.3f} nats, {bits:.3f} bits")
    if len(parts.training) > READ or len(parts.test) > PREDICTED:
        listed.add_row("  baselines read / predict at most", f"{READ:,} / {PREDICTED:,} characters")
    add_kept_epoch(listed, runs, "the last" if parts.validation is None else "least validation loss")
    for label, name in SPEEDS:
        speed = over_runs([run.speed.get(name) for run in runs])
        if speed is not None:
            listed.add_row(label, number(speed, ",.0f"))
    for diversity, what in collapsed.items():
        if what:
            listed.add_row(f"collapsed at diversity {diversity:g}", what.replace("\n", " "))
    if config.data in (None, "nietzsche"):
        report = report_2018("textgen")
        listed.add_row("the 2018 report, training loss", f"{report['loss']:g} ({report['loss_at']})")
    return listed


def baseline_label(name: str, figures: Mapping[str, Any]) -> str:
    """A baseline as a table names it."""
    return f"Kneser–Ney {figures['order']}-grams" if name == "kneser_ney" else name


def beyond_baselines(found: Mapping[str, Any]) -> str:
    """One sentence: what the network is worth beyond the best baseline, on the same characters."""
    name, best = min(found["baselines"].items(), key=lambda item: float(item[1]["test_loss"]))
    what = f"the best baseline ({baseline_label(name, best)})"
    mine, nats = found.get("compared", found)["test_loss"], float(best["test_loss"])
    if same := undecided(mine, nats, lambda figure: number(figure, ".3f"), " nats per character"):
        return f"The network and {what} {same}."
    loss = mean_of(mine)
    share = f" ({100 * abs(loss / nats - 1):.1f} %)" if nats > 0 else ""
    told = f"{abs(loss - nats):.3f} nats per character{share}"
    if loss < nats:
        return f"Beyond {what}, the network takes off {told}."
    return f"{the_network(mine)} is worth nothing beyond {what}: {told} worse."


def save_figures(config: TextgenConfig, folder: RunFolder, runs: Sequence[RunResult], prefix: str) -> None:
    """``loss.png``: training loss, and the loss of what was watched (``prefix`` val or test), in nats and in bits."""
    from nnlab.output import figures

    watched = "validation" if prefix == "val" else "test"
    figure, axes = figures.canvas(2, title=f"nnlab textgen ({config.preset})")
    shown = (("loss", "loss (nats per character)"), ("bits_per_character", f"{watched} bits per character"))
    for ax, (measure, label) in zip(axes, shown, strict=True):
        training = {"training": curves(runs, measure)} if measure == "loss" else {}
        tested = {"": at_kept(runs, [run.outputs[f"test_{measure}"] for run in runs])}
        lines = {**training, watched: curves(runs, f"{prefix}_{measure}")}
        figures.curves(ax, lines, ylabel=label, tested=tested if prefix == "val" else None)
    folder.write("figures/loss.png", figures.png(figure))
