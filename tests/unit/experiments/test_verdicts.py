"""What a summary says of a network beside its baselines, and of several runs, from made-up figures and runs."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.configs.denoise import DenoiseConfig
from nnlab.configs.textgen import TextgenConfig
from nnlab.data.pictures.images import Pictures
from nnlab.evaluation.denoisers import figures_of
from nnlab.evaluation.intervals import over_runs
from nnlab.evaluation.metrics import psnr_db
from nnlab.experiments import _digits, autoencode_images
from nnlab.experiments import denoise as experiment
from nnlab.experiments.summaries import add_kept_epoch, add_runs, autoencode_sounds, denoise, textgen, translate
from nnlab.output.terminal import Terminal, number, table
from nnlab.training.task import History, RunResult


def digits(values):
    baselines = {"logistic_regression": {"test_accuracy": 0.5}}
    return _digits.beyond_baselines({"mlp_ce": over_runs([0.5 + value / 100 for value in values])}, baselines)


def writing(values, **more):
    best = {"test_loss": 2.0, "test_bits_per_character": 3.0, "order": 5}
    return textgen.beyond_baselines(
        {"test_loss": over_runs([2 - v for v in values]), "baselines": {"xz": best}, **more}
    )


def translating(values, right=(0.5,)):
    found = {"chrf": over_runs([50 + value for value in values]), "exact_match": over_runs(right)}
    return translate.beyond_baselines({**found, "baselines": {"nearest": {"chrf": 50.0, "exact_match": 0.25}}})


def pictures(values):
    found = {"test_loss": over_runs([0.5 - v / 100 for v in values]), "psnr_db": over_runs([20 + v for v in values])}
    return autoencode_images.beyond_pca({**found, "baselines": {"pca": {"test_loss": 0.5, "psnr_db": 20.0}}})


def sounds(values):
    best = {"log_mel_distance_db": 3.0, "decoded_distance_db": 3.0, "song_distance_db": 3.0}
    found = {name: over_runs([3 - value / 10 for value in values]) for name in best}
    return autoencode_sounds.beyond_pca({**found, "baselines": {"log_mel_pca": best}})


def restoring(values):
    same = {"pictures": 200, "psnr_db": over_runs([20 + value for value in values])}
    return denoise.beyond_baselines({"psnr_db": 99.0, "compared": same, "baselines": {"median": {"psnr_db": 20.0}}})


@pytest.mark.parametrize("verdict", [digits, writing, translating, pictures, sounds, restoring])
def test_a_verdict_needs_an_interval_that_leaves_the_baseline_out(verdict):
    for values in ([-3.0, 1.0], [3.0, -1.0], [1.0, 3.0]):  # 2 ± 12.7 and the like
        told = verdict(values)
        assert "cannot be told apart over 2 runs (95 % interval" in told
        assert not any(claim in told for claim in ("nothing", "Beyond", "more errors", "fewer errors", "changes"))
    for values in ([2.0], [2.0, 2.1], [-2.0], [-2.0, -2.1]):
        assert "told apart" not in verdict(values)
    for network, values in (("This network", [-2.0]), ("The network", [-2.0, -2.1])):
        assert verdict in (digits, sounds) or verdict(values).startswith(f"{network} is worth nothing beyond")


def test_of_several_measures_each_is_told_apart_for_itself():
    assert translating([5.0, 5.1], (0.2, 0.4)).endswith(
        "gains 5.0 points of chrF; the sentences right cannot be told apart over 2 runs (95 % interval "
        "30.00 ± 127.06 % against 25.00 %)."
    )
    found = {"test_loss": over_runs([0.1, 0.1001]), "psnr_db": over_runs([20.0, 21.0])}
    told = autoencode_images.beyond_pca({**found, "baselines": {"pca": {"test_loss": 0.2, "psnr_db": 20.0}}})
    assert "takes 50.0 % off the test loss (the PSNRs cannot be told apart over 2 runs (95 %" in told


def test_a_network_stands_beside_its_baseline_on_the_characters_that_both_predict():
    told = writing([1.0], compared={"characters": 500_000, "test_loss": 1.75})
    assert told == "Beyond the best baseline (xz), the network takes off 0.250 nats per character (12.5 %)."


def test_distances_of_sounds_say_of_what_they_are():
    figures = {"snr_db": 1.0, "log_mel_distance_db": 2.78, "decoded_distance_db": 2.75, "song_distance_db": 4.0}
    best = {"snr_db": 2.0, "log_mel_distance_db": 2.71, "decoded_distance_db": 2.69, "song_distance_db": None}
    found = {**figures, "baselines": {"log_mel_pca": best}}
    rows = list(zip(*(column.cells for column in autoencode_sounds.measures_table(found).columns), strict=True))
    assert rows == [
        ("of the sound that comes back:", "", ""),
        ("  SNR", "1.00", "2.00"),
        ("  log-mel distance", "2.78", "2.71"),
        ("as decoded, before it is sound:", "", ""),
        ("  log-mel distance", "2.75", "2.69"),
        ("  song distance", "4.00", "–"),
    ]
    told = "changes the log-mel distance of the sound by +2.6 % and the log-mel distance as decoded by +2.2 %."
    assert autoencode_sounds.beyond_pca(found).endswith(told)


class Identity:
    """A method that leaves pictures as they are."""

    strength = 1.0

    def __call__(self, noisy):
        """The same pictures."""
        return noisy


def test_a_denoiser_is_compared_on_the_pictures_of_the_baselines_over_all_runs(monkeypatch, tmp_path):
    config = DenoiseConfig.from_options({"noise": "0.1-0.5", "preset": "quick", "runs": 2})
    clean = np.full((2, 8, 8, 3), 0.5, np.float32)
    given = {name: [clean + off] * 3 for name, off in (("median", 0.1), ("gaussian", 0.2))}
    figures = {name: figures_of(made, clean, "mse") for name, made in given.items()}
    monkeypatch.setattr(experiment, "compare", lambda *_: experiment.Classical(clean, [clean] * 3, given, figures))
    monkeypatch.setattr(experiment, "save_figures", lambda *_: None)
    of_all = {f"test_{name}{at}": 9.0 for name in ("loss", "psnr_db") for at in ("", "_at_0.1", "_at_0.3", "_at_0.5")}
    history = History([{"run": 0, "epoch": 1, "seconds": 1.0, "loss": 0.5, "val_loss": 0.5, "val_psnr_db": 9.0}])
    offs = (0.01, 0.3)
    runs = [RunResult(history, {**of_all, "restored": np.stack([clean + off] * 3)}) for off in offs]
    pixels = np.full((5, 8, 8, 3), 127, np.uint8)
    terminal = Terminal(json=True)
    found = experiment.present(
        config, Pictures(pixels, pixels, "drawn", validation=pixels), {"": runs}, terminal, tmp_path
    )
    compared = found["compared"]
    assert compared["pictures"] == 2
    assert compared["psnr_db"]["values"] == pytest.approx([psnr_db(off**2) for off in offs], abs=1e-4)
    assert compared["test_loss"]["mean"] == pytest.approx(np.square(offs).mean(), rel=1e-4)
    assert [row["compared_psnr_db"]["mean"] for row in found["by_noise"]] == pytest.approx(
        [compared["psnr_db"]["mean"]] * 3
    )
    shown, mine = " ".join(terminal.transcript.split()), number(compared["psnr_db"], ".2f")
    assert f"on 2 of them: this network {mine} dB" in shown
    assert f"at 0.1 it and median cannot be told apart over 2 runs (95 % interval {mine} against 20.00 dB)" in shown
    assert "noise noisy restored on 2 of them best baseline" in shown
    assert "of seed 0 alone pictures, restored.png" in shown


@pytest.mark.parametrize(("has_validation", "grey"), [(True, 20), (False, 10)])
def test_classical_methods_are_tuned_on_no_test_picture(monkeypatch, has_validation, grey):
    """Training pictures are all 10, validation 20, test 30 of 255: which did the strengths see?"""
    train, validation, test = (np.full((4, 8, 8, 3), value, np.uint8) for value in (10, 20, 30))
    seen = []

    def tuned(noisy, clean, sigma, loss):
        seen.append((set(np.unique((clean * 255).round())), abs(noisy - clean).max() < 5 * sigma))
        return {"median": Identity()}

    monkeypatch.setattr(experiment, "tuned_denoisers", tuned)
    data = Pictures(train, test, "drawn", validation=validation if has_validation else None)
    found = experiment.compare(DenoiseConfig.from_options({"noise": "0.01-0.02", "preset": "quick"}), data)
    assert seen == [({grey}, True)] * 3
    assert np.unique((found.clean * 255).round()) == [30]


def test_over_several_noises_the_psnr_is_of_the_mean_error():
    found = experiment.together({0.1: {"loss": 0.1, "psnr_db": 10.0}, 0.5: {"loss": 0.01, "psnr_db": 20.0}})
    assert found["loss"] == pytest.approx(0.055)
    assert found["psnr_db"] == pytest.approx(-10 * np.log10(0.055))
    assert (found["psnr_db_at_0.1"], found["loss_at_0.5"]) == (10.0, 0.01)


def test_a_denoiser_of_a_range_is_judged_at_each_noise():
    """A mean over the range hides that little noise is made worse."""
    rows = [
        {
            "noise": noise,
            "psnr_db": mine,
            "noisy_psnr_db": noisy,
            "compared_psnr_db": mine,
            "baseline": "non_local_means",
        }
        | {"baseline_psnr_db": best}
        for noise, noisy, mine, best in ((0.02, 33.98, 32.55, 38.06), (0.5, 9.12, 20.66, 16.99))
    ]
    found = {"psnr_db": 24.03, "compared": {"pictures": 200, "psnr_db": 24.0}, "by_noise": rows}
    assert denoise.beyond_baselines(found) == (
        "Beside the best classical method at each noise, on the same 200 pictures: at 0.02 5.51 dB behind non local "
        "means; at 0.5 3.67 dB ahead of non local means. At 0.02 pictures are better left as they are: 32.55 dB "
        "restored, 33.98 dB with the noise."
    )
    assert experiment.headline(found) == "PSNR 24.03 dB over noise of 0.02, 0.5"
    assert experiment.headline({"psnr_db": 20.66}) == "PSNR 20.66 dB"


def test_what_stands_beside_means_is_of_all_runs_or_names_its_seed():
    runs = []
    for epoch in (2, 3):
        rows = [{"run": 0, "epoch": n, "seconds": 10.0 * n, "val_loss": abs(n - epoch) + 1.0} for n in (1, 2, 3)]
        runs.append(RunResult(History(rows, keep_best="val_loss")))
    several, one = (TextgenConfig.from_options({"seed": 7, "runs": count}) for count in (2, 1))
    listed = table("a", "b")
    for config, of in ((several, runs), (one, runs[:1])):
        add_runs(listed, config, "samples")
        add_kept_epoch(listed, of, "least")
    assert list(zip(*(column.cells for column in listed.columns), strict=True)) == [
        ("runs (figures: mean ± half the 95 % interval)", "2"),
        ("  of seed 7 alone", "samples"),
        ("weights of epoch (least)", "2 to 3 of 3"),
        ("until then", "20 to 30 s"),
        ("weights of epoch (least)", "2 of 3"),
        ("until then", "20 s"),
    ]
