"""Names of figures on the page."""

import pytest

from nnlab.commands.page import cut, figure_row, with_count
from nnlab.configs.arith import ArithConfig
from nnlab.configs.autoencode import AutoencodeConfig
from nnlab.configs.mnist import MnistConfig
from nnlab.evaluation.intervals import listed_figures


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("mlp_ce.test_accuracy", "MLP CE: test accuracy"),
        ("cnn_mse.mflop", "CNN MSE: MFLOP per picture"),
        ("baselines.pca.psnr_db", "baselines: PCA: PSNR (dB)"),
        ("by_strength.total_variation_0.5.test_loss", "by strength: total variation 0.5: test loss"),
    ],
)
def test_names_of_figures_are_words(name, told):
    assert figure_row(name, 0.5, {"mflop": "MFLOP per picture"})[0] == told


def test_baselines_of_fewer_pictures_say_so():
    results = {"compared": {"pictures": 200}}
    told = [with_count(name, results) for name in ("psnr_db", "compared.psnr_db", "baselines.median.psnr_db")]
    assert told == [
        "psnr_db",
        "network on 200 of the test pictures.psnr_db",
        "baselines on 200 of the test pictures.median.psnr_db",
    ]
    assert figure_row(told[2], 0.5, {})[0] == "baselines on 200 of the test pictures: median: PSNR (dB)"
    assert with_count("baselines.pca.psnr_db", {}) == "baselines.pca.psnr_db"


@pytest.mark.parametrize(
    ("config", "name", "told"),
    [
        (ArithConfig, "mflop", "MFLOP per question"),
        (ArithConfig, "epochs_to_99", "epochs until 99 % were right"),
        (AutoencodeConfig, "code_size", "numbers in the code per picture"),
        (AutoencodeConfig, "mflop", "MFLOP per picture"),
    ],
)
def test_figures_have_their_unit(config, name, told):
    assert figure_row(name, 3, config.from_options({}).figure_words)[:2] == (told, "3")


@pytest.mark.parametrize(("net", "per"), [("conv", "second of sound"), ("dense", "window of sound")])
def test_a_code_of_sounds_says_of_how_much(net, per):
    config = AutoencodeConfig.from_options({"data": "birds", "net": net})
    assert config.figure_words["code_size"] == f"numbers in the code per {per}"


def test_each_network_has_its_own_epochs():
    assert MnistConfig.from_options({"preset": "published"}).epochs_told == "20 (MLP) and 12 (CNN) epochs"
    assert MnistConfig.from_options({"preset": "published", "net": "cnn"}).epochs_told == "12 epochs"


def test_a_long_value_that_is_cut_says_so():
    assert cut("a" * 2000) == "a" * 2000
    assert cut("a" * 2001) == "a" * 1999 + "…"


def test_figures_in_lists_are_on_the_page_and_what_is_none_is_left_out():
    noises = [{"noise": 0.02, "psnr_db": 32.5, "noisy_psnr_db": 34.0, "baseline_psnr_db": {"mean": "x"}}, "odd"]
    grid = [{"loss": "mse", "activation": "softmax", "test_loss": 0.0776}]
    lengths = [{"digits": 3, "exact_match": 1.0}, {"digits": 10, "exact_match": 0.3}]
    rows = listed_figures({"by_noise": noises, "grid": grid, "exact_match_by_length": lengths})
    assert [figure_row(*row, {})[:2] for row in rows] == [
        ("PSNR (dB) at 0.02", "32.5"),
        ("noisy PSNR (dB) at 0.02", "34"),
        ("exact match at 10 digits", "30.00 %"),
        ("test loss of MSE with softmax", "0.0776"),
    ]
    assert listed_figures({"by_noise": 3, "grid": {}, "exact_match_by_length": None}) == []
