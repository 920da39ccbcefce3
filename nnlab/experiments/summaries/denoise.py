"""What ``nnlab denoise`` shows at the end of a run: tables, and what the network is worth beyond classical methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nnlab.configs.denoise import DenoiseConfig
from nnlab.data.assets import report_2018
from nnlab.data.pictures.images import Pictures
from nnlab.evaluation.intervals import mean_of, the_network, undecided
from nnlab.experiments.summaries import add_runs
from nnlab.output.terminal import number, table


def best_of(baselines: Mapping[str, Mapping[str, float]]) -> str:
    """The method of the highest PSNR."""
    return max(baselines, key=lambda name: baselines[name]["psnr_db"])


def noise_told(config: DenoiseConfig) -> str:
    """The noise of a run in words."""
    low, high = config.sigmas
    of = f"{low:g}" if low == high else f"{low:g} to {high:g}, drawn for each picture"
    return f"{of}, {'clipped to 0…1' if config.clip else 'not clipped'}"


def summary(config: DenoiseConfig, data: Pictures, found: Mapping[str, Any]) -> Any:
    """The table at the end; network and classical methods stand beside each other on the same pictures."""
    parts = [part for part in (data.train, data.validation, data.test) if part is not None]
    named = "training / test" if data.validation is None else "training / validation / test"
    listed = table(f"{named} pictures", " / ".join(f"{len(part):,}" for part in parts))
    add_runs(listed, config, "pictures, restored.png")
    listed.add_row("noise (standard deviation)", noise_told(config))
    if len(config.tested) > 1:
        listed.add_row("  measured at", ", ".join(f"{sigma:g}" for sigma in config.tested))
    divided = ", divided by the noise" if config.weighted else ""
    listed.add_row(f"training loss ({config.loss}{divided})", number(found["loss"], ".5f"))
    if "val_loss" in found:
        listed.add_row(f"validation loss ({config.loss})", number(found["val_loss"], ".5f"))
    listed.add_row(f"test loss ({config.loss})", number(found["test_loss"], ".5f"))
    listed.add_row("test PSNR of the noisy pictures", f"{found['noisy_psnr_db']:.2f} dB")
    listed.add_row("test PSNR restored", f"{number(found['psnr_db'], '.2f')} dB")
    same = found["compared"]
    listed.add_row(f"  on {same['pictures']} of them: this network", f"{number(same['psnr_db'], '.2f')} dB")
    for name, figures in found["baselines"].items():
        listed.add_row(f"    baseline: {name.replace('_', ' ')}", f"{figures['psnr_db']:.2f} dB")
    if config.data in (None, "cifar10") and config.tested == [0.5]:
        published = report_2018("denoise")
        listed.add_row("the 2018 report, test loss (mse)", f"{published['mse_sigmoid']:g}")
    return listed


def noise_table(rows: Sequence[Mapping[str, Any]], compared: int) -> Any:
    """PSNR at each noise: noisy, restored, and on the ``compared`` pictures beside the best classical method there."""
    listed = table("noise", "noisy", "restored", f"on {compared} of them", "best baseline", "which", left=0)
    for row in rows:
        restored, same = number(row["psnr_db"], ".2f"), number(row["compared_psnr_db"], ".2f")
        baseline, which = f"{row['baseline_psnr_db']:.2f}", row["baseline"].replace("_", " ")
        listed.add_row(f"{row['noise']:g}", f"{row['noisy_psnr_db']:.2f}", restored, same, baseline, which)
    listed.caption = f"PSNR in dB; the best baseline is measured on those {compared} test pictures."
    listed.caption_justify = "left"
    return listed


def beyond_baselines(found: Mapping[str, Any]) -> str:
    """What the network is worth beyond the best classical method, on the same pictures; of a range, at each noise."""
    pictures = f"on the same {found['compared']['pictures']} pictures"
    if "by_noise" in found:
        told = [at_noise(row) for row in found["by_noise"]]
        harmed = [row for row in found["by_noise"] if mean_of(row["psnr_db"]) < row["noisy_psnr_db"]]
        listed = f"Beside the best classical method at each noise, {pictures}: {'; '.join(told)}."
        return " ".join([listed, *map(harm, harmed)])
    name, mine = best_of(found["baselines"]), found["compared"]["psnr_db"]
    best = found["baselines"][name]["psnr_db"]
    what = f"the best classical method ({name.replace('_', ' ')})"
    if close := undecided(mine, best, lambda figure: number(figure, ".2f"), " dB"):
        return f"The network and {what} {close}, {pictures}."
    ahead = mean_of(mine) - best
    if ahead > 0:
        return f"Beyond {what}, the network takes out {ahead:.2f} dB more, {pictures}."
    return f"{the_network(mine)} is worth nothing beyond {what}: {ahead:+.2f} dB, {pictures}."


def at_noise(row: Mapping[str, Any]) -> str:
    """``at 0.5 4.02 dB ahead of gaussian``."""
    mine, best, name = row["compared_psnr_db"], row["baseline_psnr_db"], row["baseline"].replace("_", " ")
    if close := undecided(mine, best, lambda figure: number(figure, ".2f"), " dB"):
        return f"at {row['noise']:g} it and {name} {close}"
    ahead = mean_of(mine) - best
    return f"at {row['noise']:g} {abs(ahead):.2f} dB {'ahead of' if ahead > 0 else 'behind'} {name}"


def harm(row: Mapping[str, Any]) -> str:
    """Where a picture is better left as it is."""
    figures = f"{number(row['psnr_db'], '.2f')} dB restored, {row['noisy_psnr_db']:.2f} dB with the noise"
    return f"At {row['noise']:g} pictures are better left as they are: {figures}."
