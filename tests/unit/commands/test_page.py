"""Names of figures on the page."""

import pytest

from nnlab.commands.page import figure_row, with_count


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("mlp_ce.test_accuracy", "MLP CE: test accuracy"),
        ("cnn_mse.mflop", "CNN MSE: MFLOP"),
        ("baselines.pca.psnr_db", "baselines: PCA: PSNR (dB)"),
        ("by_strength.total_variation_0.5.test_loss", "by strength: total variation 0.5: test loss"),
    ],
)
def test_names_of_figures_are_words(name, told):
    assert figure_row(name, 0.5)[0] == told


def test_baselines_of_fewer_pictures_say_so():
    results = {"compared": {"pictures": 200}}
    told = [with_count(name, results) for name in ("psnr_db", "compared.psnr_db", "baselines.median.psnr_db")]
    assert told == [
        "psnr_db",
        "network on 200 of the test pictures.psnr_db",
        "baselines on 200 of the test pictures.median.psnr_db",
    ]
    assert figure_row(told[2], 0.5)[0] == "baselines on 200 of the test pictures: median: PSNR (dB)"
    assert with_count("baselines.pca.psnr_db", {}) == "baselines.pca.psnr_db"
