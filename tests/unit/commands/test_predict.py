"""Answering inputs in batches, with a predictor of a few lines."""

import pytest

from nnlab.commands import predict
from nnlab.experiments import Predictor
from nnlab.output.terminal import Terminal


class Doubler(Predictor[int]):
    """Twice a number."""

    batch_size = 2

    def read(self, text):
        return int(text)

    def answer(self, inputs):
        return [2 * number for number in inputs]


@pytest.mark.parametrize(("makes_files", "answered"), [(False, 2), (True, 5)])
def test_once_the_reader_has_left_only_files_are_made(makes_files, answered):
    predictor, terminal = Doubler(), Terminal()
    predictor.makes_files = makes_files
    terminal.stdout.failure = BrokenPipeError()
    answers = predict.answer_all(predictor, ["1", "2", "3", "4", "5"], terminal, from_stdin=False, quiet=True)
    assert [answer["answer"] for answer in answers] == [2, 4, 6, 8, 10][:answered]


def test_who_makes_files():
    from nnlab.experiments import _codes, _digits, _images, _sounds, _sums

    makers = {one: one.makes_files for one in (_images.PicturePredictor, _sounds.SoundAutoencoder)}
    others = {one: one.makes_files for one in (_digits.DigitPredictor, _codes.CodePredictor, _sums.SumPredictor)}
    assert all(makers.values())
    assert not any(others.values())
