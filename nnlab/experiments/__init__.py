"""The experiments, and the registry of them: the one list of their names.

An experiment is a module of five functions (:class:`Experiment`) and a config class. To add one: ``configs/NAME.py``,
``experiments/NAME.py``, and an entry in :data:`REGISTRY`.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from nnlab.config import Config, path_of
from nnlab.configs.arith import ArithConfig
from nnlab.configs.autoencode import PICTURES_BY_NAME, AutoencodeConfig
from nnlab.configs.denoise import DenoiseConfig
from nnlab.configs.mnist import MnistConfig
from nnlab.configs.permute import PermuteConfig
from nnlab.configs.textgen import TextgenConfig
from nnlab.configs.translate import TranslateConfig
from nnlab.errors import InputError, UsageError
from nnlab.evaluation.intervals import LARGEST
from nnlab.output.untrusted import DAMAGED

if TYPE_CHECKING:
    from nnlab.experiments.insights import Insight
    from nnlab.output.run_folder import RunFolder
    from nnlab.output.terminal import Terminal
    from nnlab.training.task import Results, Task

C = TypeVar("C", bound=Config)
D = TypeVar("D")
Input = TypeVar("Input")


@dataclass(frozen=True)
class Loaded(Generic[C, D]):
    """The data of a run, and what they decided.

    ``config`` is complete and goes into ``config.json``; ``source`` is what ``data.json`` says of the data (name,
    digest, …); ``notes`` are told as warnings (what could not be read); ``preprocessing`` is what ``predict`` needs
    of the data beside the weights, as JSON values. ``training_keys`` makes the keys (``nnlab/data/seen.py``) of what
    will be trained on, without which no run can start from this one's weights; ``left_out`` is how many held-out items
    an ancestor was trained on.
    """

    config: C
    data: D
    source: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    training_keys: Callable[[], Any] | None = None
    left_out: int = 0


def with_data(loaded: Loaded[C, Any], data: D) -> Loaded[C, D]:
    """What was loaded, with data that were made of it."""
    return dataclasses.replace(loaded, data=data)


class Experiment(Protocol[C, D]):
    """What the module of an experiment offers; the runner does the rest."""

    def load(self, config: C, /) -> Loaded[C, D]:
        """Read or draw the data and complete the config. InputError, UsageError or DataUnavailable."""

    def tasks(self, config: C, data: D, /) -> list[Task]:
        """The networks to train, in order. The backend has been started."""

    def present(self, config: C, data: D, results: Results, terminal: Terminal, folder: RunFolder, /) -> dict[str, Any]:
        """Show the results and save their figures and files; the ``results`` of the JSON document."""

    def headline(self, results: Mapping[str, Any], /) -> str:
        """The one figure of a finished run for the listing of ``nnlab runs``."""

    def predictor(self, config: C, run: FinishedRun, options: Mapping[str, Any], /) -> Predictor[Any]:
        """What answers inputs with the trained network. The backend has been started."""


@dataclass(frozen=True)
class FinishedRun:
    """What ``predict`` needs of a run folder: where the weights are, what the data decided, and what came out.

    ``results`` may be anybody's: what is used of them is looked at first. They are empty where they cannot be read.
    """

    weights: Path
    preprocessing: Mapping[str, Any]
    results: Mapping[str, Any] = field(default_factory=dict)
    out: Path | None = None  # where files go; None: beside each input

    def whole(self, name: str, *, least: int = 1, most: int, multiple: int = 1) -> int:
        """A whole number that was kept of the data; InputError where it is none, or out of bounds."""
        value: Any = self.preprocessing.get(name)
        if type(value) is not int or not least <= value <= most or value % multiple:
            of = f", a multiple of {multiple}" if multiple > 1 else ""
            told = f"expected {name!r} as a whole number from {least:,} to {most:,}{of}, got {str(value)[:40]}"
            raise InputError(told, DAMAGED, path=self.weights.with_name("preprocessing.json"))
        return value

    def number(self, name: str) -> float:
        """A finite number that was kept of the data; InputError where it is none."""
        value: Any = self.preprocessing.get(name)
        if type(value) not in (int, float) or not -LARGEST < value < LARGEST:
            told = f"expected {name!r} as a number, got {str(value)[:40]}"
            raise InputError(told, DAMAGED, path=self.weights.with_name("preprocessing.json"))
        return float(value)

    def fill(self, network: Any) -> Any:
        """The network with the run's weights. InputError where they are missing, damaged or of another network."""
        from nnlab.models.saved_weights import load_weights

        load_weights(network, self.weights)
        return network


class Predictor(ABC, Generic[Input]):
    """Answers inputs with a trained network, many in one batch."""

    batch_size: ClassVar[int] = 4096  # inputs held in memory at a time
    takes_files: ClassVar[bool] = False  # inputs are paths
    makes_files = False  # an answer is more than its line
    model: Any  # the Keras model, filled
    asks = "an input"  # what an input is, for who sits at the prompt
    tells = ""  # how to read the answers there, where it needs to be said
    line_each = True  # whether every input has its line on stdout
    remarks: Sequence[str] = ()  # on the input that was read last

    @abstractmethod
    def read(self, text: str) -> Input:
        """An input as the network wants it; InputError where it cannot be read."""

    def path(self, text: str) -> Path:
        """An input that is the path of a file; InputError where nothing was typed."""
        if not text.strip():
            raise InputError(f"expected {self.asks}, the line is empty", "Leave it out")
        return path_of(text)

    @abstractmethod
    def answer(self, inputs: Sequence[Input]) -> Sequence[Any]:
        """The answers, in order: texts, or other JSON values that :meth:`line` makes a line of."""

    def line(self, text: str, answer: Any) -> str:
        """An answer as the line of stdout; ``text`` is the input as it was typed."""
        return str(answer)

    def show(self, text: str, given: Input) -> Any:
        """The answer to one input as it is shown at the prompt: what Rich can print."""
        return self.line(text, self.answer([given])[0])

    def finish(self, *, whole: bool) -> list[str]:
        """The paths of files about all inputs, written when the last was answered; ``whole``: nothing broke off."""
        return []

    def note(self, given: Input) -> str:
        """What of an input could not be used, or how it was taken; empty where there is nothing to say."""
        return "; ".join(self.remarks)

    def notes(self) -> list[str]:
        """What is to be told of the answers since it was last asked."""
        return []

    def stream(self, given: Input) -> Iterator[str] | None:
        """One answer as it is written; None where answers come whole."""
        return None


class Insights(Protocol):
    """What a module of :mod:`nnlab.experiments.insights` offers."""

    def insights(self, config: Any, loaded: Loaded[Any, Any], run: FinishedRun, /) -> Sequence[Insight]:
        """What a teacher would project of a finished run. The backend has been started."""


@dataclass(frozen=True)
class Entry:
    """One line of the registry: the options, and functions that import the experiment and its insights, if any.

    ``onednn``: whether TensorFlow computes its network with oneDNN, see :func:`nnlab.backend.environment_variables`.
    """

    config: type[Config]
    experiment: Callable[[Any], Experiment[Any, Any]]
    onednn: bool | None = None
    insights: Callable[[Any], Insights] | None = None


def _mnist(config: MnistConfig) -> Experiment[MnistConfig, Any]:
    from nnlab.experiments import mnist

    return mnist


def _permute(config: PermuteConfig) -> Experiment[PermuteConfig, Any]:
    from nnlab.experiments import permute

    return permute


def _textgen(config: TextgenConfig) -> Experiment[TextgenConfig, Any]:
    from nnlab.experiments import textgen

    return textgen


def _translate(config: TranslateConfig) -> Experiment[TranslateConfig, Any]:
    from nnlab.experiments import translate

    return translate


def _arith(config: ArithConfig) -> Experiment[ArithConfig, Any]:
    from nnlab.experiments import arith

    return arith


def _autoencode(config: AutoencodeConfig) -> Experiment[AutoencodeConfig, Any]:
    """On pictures or on sounds: known by the record, by the name of known data, or by what a folder holds."""
    from nnlab.data.sounds.audio import is_of_sounds

    kind: str | None = config.kind
    if kind is None and config.data not in PICTURES_BY_NAME:
        kind = "sounds" if is_of_sounds(path_of(str(config.data))) else "pictures"
    if kind == "sounds":
        from nnlab.experiments import autoencode_sounds

        return autoencode_sounds
    from nnlab.experiments import autoencode_images

    return autoencode_images


def _denoise(config: DenoiseConfig) -> Experiment[DenoiseConfig, Any]:
    from nnlab.experiments import denoise

    return denoise


def _of_digits(config: MnistConfig | PermuteConfig) -> Insights:
    from nnlab.experiments.insights import digits

    return digits


def _of_textgen(config: TextgenConfig) -> Insights:
    from nnlab.experiments.insights import textgen

    return textgen


def _of_translate(config: TranslateConfig) -> Insights:
    from nnlab.experiments.insights import translate

    return translate


def _of_arith(config: ArithConfig) -> Insights:
    from nnlab.experiments.insights import arith

    return arith


def _of_autoencode(config: AutoencodeConfig) -> Insights:
    if config.kind == "sounds":
        from nnlab.experiments.insights import autoencode_sounds

        return autoencode_sounds
    from nnlab.experiments.insights import autoencode_images

    return autoencode_images


def _of_denoise(config: DenoiseConfig) -> Insights:
    from nnlab.experiments.insights import denoise

    return denoise


REGISTRY: dict[str, Entry] = {
    "mnist": Entry(MnistConfig, _mnist, onednn=True, insights=_of_digits),
    "permute": Entry(PermuteConfig, _permute, onednn=True, insights=_of_digits),
    "textgen": Entry(TextgenConfig, _textgen, insights=_of_textgen),
    "translate": Entry(TranslateConfig, _translate, onednn=False, insights=_of_translate),
    "arith": Entry(ArithConfig, _arith, insights=_of_arith),
    "autoencode": Entry(AutoencodeConfig, _autoencode, onednn=True, insights=_of_autoencode),
    "denoise": Entry(DenoiseConfig, _denoise, onednn=True, insights=_of_denoise),
}


def entry(name: str, hint: str = "Choose one of them") -> Entry:
    """The registry's line of an experiment; UsageError, with this ``hint``, where there is none of that name."""
    if not isinstance(name, str) or name not in REGISTRY:
        raise UsageError(f"expected an experiment among {', '.join(REGISTRY)}, got {name!r}", hint)
    return REGISTRY[name]
