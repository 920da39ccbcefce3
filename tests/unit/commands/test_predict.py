"""Answering inputs in batches, with a predictor of a few lines."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nnlab.commands import predict
from nnlab.configs.arith import ArithConfig
from nnlab.configs.predict import PredictOptions
from nnlab.errors import InputError, UsageError
from nnlab.experiments import Predictor
from nnlab.output.run_folder import RunFolder
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


def test_stdin_is_read_alone(nnlab):
    config = ArithConfig.from_options({})
    RunFolder.create("arith", Path("run")).write_config("arith", config.record(), {})
    done = nnlab("predict", "run", "-", "5+3")
    assert (done.code, done.out) == (2, "")
    assert "expected - alone, which reads stdin" in done.err


def test_who_makes_files():
    from nnlab.experiments import _codes, _digits, _images, _sounds, _sums

    makers = {one: one.makes_files for one in (_images.PicturePredictor, _sounds.SoundAutoencoder)}
    others = {one: one.makes_files for one in (_digits.DigitPredictor, _codes.CodePredictor, _sums.SumPredictor)}
    assert all(makers.values())
    assert not any(others.values())


class Sizes(Predictor[Path]):
    """How many bytes a file has."""

    asks = "the path of a file"

    def read(self, text):
        return self.path(text)

    def answer(self, inputs):
        return [path.stat().st_size for path in inputs]


def test_names_with_a_tilde_and_empty_lines(tmp_path, monkeypatch):
    """A name that looks like that of an unknown user must not end a batch."""
    monkeypatch.chdir(tmp_path)
    Path("~five.png").write_bytes(b"five")
    lines = ["~five.png", "", "~nosuch-user/x.png", " \t", "~five.png"]
    answers = list(predict.answer_all(Sizes(), lines, Terminal(), from_stdin=False, quiet=True))
    assert [answer["answer"] for answer in answers] == [4, None, None, None, 4]
    told = [answer["error"] and answer["error"].message for answer in answers]
    assert told[1] == "input 2: expected the path of a file, the line is empty"
    assert told[3] == "input 4: expected the path of a file, the line is empty"
    assert "~nosuch-user/x.png" in told[2]


def test_every_predictor_of_files_knows_an_empty_line():
    from nnlab.experiments import _digits, _images, _sounds, autoencode_images

    kinds: list[Any] = [_digits.DigitPredictor, _images.PicturePredictor, _sounds.SoundAutoencoder]
    for kind in (*kinds, _sounds.SoundCodes, autoencode_images.PictureCodes):
        with pytest.raises(InputError, match=r"expected the path of a .*, the line is empty"):
            kind.read(SimpleNamespace(path=lambda text, kind=kind: Predictor.path(kind, text), levels=None), "")


@pytest.mark.parametrize(("best", "beam"), [(3, 3), (2, 5), (4, None)])
def test_as_many_translations_as_the_beam_is_wide_may_be_asked_for(best, beam):
    assert PredictOptions(n_best=best, beam=beam).n_best == best
    with pytest.raises(UsageError, match="got 4 of a beam of 3"):
        PredictOptions(n_best=4, beam=3)
