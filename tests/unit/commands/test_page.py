"""Names of figures on the page."""

import pytest

from nnlab.commands.page import figure_row


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
