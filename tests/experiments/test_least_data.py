"""The least that each loader accepts, and data that measure to zero: nothing after the training divides by it."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from PIL import Image


def pictures(folder, count, pixels):
    folder.mkdir()
    for number in range(count):
        Image.fromarray(pixels(number)).save(folder / f"{number:02d}.png")
    return folder


def npz(path, train, test, pixels):
    """MNIST's arrays."""
    x_train = np.stack([pixels(number) for number in range(train)])
    x_test = np.stack([pixels(train + number) for number in range(test)])
    y_train, y_test = (np.arange(count, dtype=np.uint8) % 10 for count in (train, test))
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path


def noise(number, shape=(32, 32, 3)):
    return np.random.default_rng(number).integers(0, 256, shape, dtype=np.uint8)


def constant(number):
    return np.full((32, 32, 3), 9 * number % 256, np.uint8)


@pytest.fixture
def train(nnlab):
    """Train for an epoch on given data; it must come to an end, with figures."""

    def run(*arguments):
        done = nnlab(*arguments, "--epochs", 1, "--no-benchmark", "--json", "-q", "--out", "run")
        assert done.code == 0, done.err
        assert "could not be drawn" not in done.err
        return done.document["results"]

    return run


def test_twenty_questions(train):
    assert train("arith", "--preset", "quick", "--samples", 20, "--set", "examined=0")["exact_match"] >= 0


@pytest.mark.slow
def test_twenty_pairs(train, tmp_path):
    (tmp_path / "pairs.txt").write_text("".join(f"hello {chr(97 + n)}\tbonjour {chr(97 + n)}\n" for n in range(20)))
    assert train("translate", "--preset", "quick", "--pairs", "pairs.txt")["chrf"] >= 0


def test_shortest_text(train, tmp_path):
    (tmp_path / "mine.txt").write_text("to be or not to be. " * 33)  # 660 characters
    assert train("textgen", "--preset", "quick", "--length", 20, "--data", "mine.txt")["test_loss"] > 0


def test_fewest_digits(train, tmp_path):
    path = npz(tmp_path / "digits.npz", 10, 10, lambda number: noise(number, (28, 28)))
    assert 0 <= train("mnist", "--preset", "quick", "--net", "mlp", "--data", path)["mlp_ce"]["test_accuracy"] <= 1


@pytest.mark.parametrize("command", ["autoencode", pytest.param("denoise", marks=pytest.mark.slow)])
@pytest.mark.parametrize("pixels", [pytest.param(noise, marks=pytest.mark.slow), constant], ids=["noise", "constant"])
def test_fewest_pictures(train, tmp_path, command, pixels):
    folder = pictures(tmp_path / "pictures", 20, pixels)
    assert train(command, "--preset", "quick", "--data", folder)["test_loss"] >= 0


@pytest.mark.slow
def test_fewest_recordings(train, tmp_path):
    (tmp_path / "sounds").mkdir()
    for number in range(5):
        wave = 0.1 * np.random.default_rng(number).normal(size=22_050 // 10)
        soundfile.write(tmp_path / "sounds" / f"{number}.wav", wave, 22_050)
    assert train("autoencode", "--preset", "quick", "--data", tmp_path / "sounds")["test_loss"] >= 0


def test_training_that_diverges_is_an_error_and_not_ok(nnlab, tmp_path):
    """Finite samples that overflow: the step is named, and no result says ok."""
    from nnlab.errors import InputError
    from nnlab.training.loop import check_finite

    with pytest.raises(InputError, match="loss is nan after epoch 3 of run 2"):
        check_finite([{"run": 1, "epoch": 3, "loss": float("nan")}])
