"""nnlab from Python: train an experiment, or open a run folder, and use what was learned."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnlab.config import Config
    from nnlab.experiments import Predictor
    from nnlab.output.run_folder import RunFolder


class Run:
    """A finished run: its results, its record, and its trained network."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder

    def __repr__(self) -> str:
        return f"<nnlab run of {self.command} in {self.path}>"

    @property
    def path(self) -> Path:
        """The run folder, absolute: it stays the same when the working folder changes."""
        return self._folder.path

    @property
    def command(self) -> str:
        """The experiment."""
        return self._folder.command

    @cached_property
    def config(self) -> Config:
        """Every setting of the run, as the experiment's config class."""
        from nnlab.commands.record import config_of

        return config_of(self._folder)

    @cached_property
    def results(self) -> dict[str, Any]:
        """The ``results`` of the JSON document (see ``nnlab schema``)."""
        results: dict[str, Any] = self._folder.read_results()["results"]
        return results

    @cached_property
    def metrics(self) -> list[dict[str, Any]]:
        """The rows of ``metrics.csv``, one per epoch: numbers as numbers."""
        return self._folder.read_metrics()

    @cached_property
    def _predictor(self) -> Predictor[Any]:
        from nnlab.commands.predict import open_predictor

        return open_predictor(self._folder, {})[0]

    @property
    def model(self) -> Any:
        """The trained Keras model; the layers of this project are registered with Keras."""
        return self._predictor.model

    def predict(self, inputs: Sequence[str], **options: Any) -> list[Any]:
        """The answers to inputs (sums, sentences, prompts, paths of pictures or sounds), in order.

        ``options`` are what ``nnlab predict`` takes of the experiment (``length=``, ``diversity=``, ``beam=``,
        ``out=`` …). An answer is a text; with ``n_best=`` a list of ``{"text": …, "score": …}``, with ``scores=True``
        a number, with ``codes=`` alone how many codes were written. Raises InputError for an input that cannot be
        read, with its number, and UsageError for an option the run does not take.
        """
        from nnlab.commands.predict import open_predictor
        from nnlab.configs.predict import PredictOptions

        if isinstance(inputs, str):
            raise TypeError("expected a list of inputs, got one string: write predict([text])")
        for number, one in enumerate(inputs, start=1):
            if not isinstance(one, str | os.PathLike):
                raise TypeError(f"input {number}: expected a text or a path, got {type(one).__name__}: {one!r:.40}")
        texts = [os.fspath(one) for one in inputs]
        paths = {name: Path(options[name]) for name in ("out", "codes") if isinstance(options.get(name), str)}
        PredictOptions.check_names(options, self.command)
        typed = PredictOptions(**options | paths).of_experiment(self.command)
        predictor = open_predictor(self._folder, typed)[0] if typed else self._predictor
        whole = False
        try:
            given = [_read(predictor, number, text) for number, text in enumerate(texts, start=1)]
            answers = list(predictor.answer(given)) if given else []
            whole = True
        finally:
            predictor.finish(whole=whole)
        return answers


def _read(predictor: Predictor[Any], number: int, text: str) -> Any:
    """An input as the network wants it; the error of one that cannot be read says which it is."""
    from nnlab.errors import NnlabError

    try:
        return predictor.read(text)
    except NnlabError as error:
        raise type(error)(f"input {number}: {error.message}", error.hint) from error


def train(experiment: str, *, out: str | Path | None = None, verbose: bool = False, **options: Any) -> Run:
    """Train an experiment, as ``nnlab EXPERIMENT`` does, and return its run.

    The process then keeps what makes the bits those of the command: TensorFlow's deterministic operations, and one
    thread of OpenBLAS (more with ``OPENBLAS_NUM_THREADS``).

    Args:
        experiment: ``mnist``, ``permute``, ``textgen``, ``translate``, ``arith``, ``autoencode`` or ``denoise``.
        out: The run folder; a new one in ``runs/`` unless it is given.
        verbose: Show the progress on stderr.
        **options: The experiment's options, with ``_`` for ``-``, and what the command takes with ``--set``:
            ``op="sub"``, ``batch_size=64``, ``units=32``; ``device``, ``workers`` and ``benchmark``. The others
            (``--like``, ``--from``, ``--sweep``, ``--resume``, ``--engine`` …) are of the terminal only.

    Raises:
        UsageError: An option that does not exist or does not fit, or another training in this process.
        InputError: Data of the user's that cannot be read.
        DataUnavailable: A data set that cannot be had.
        FolderGone: The run folder was moved or deleted meanwhile.
        KeyboardInterrupt: Interrupted; a note on it says how to go on, where there is something to go on with.
    """
    from nnlab.commands.session import Session, execute
    from nnlab.config import path_of
    from nnlab.configs.run import RunOptions
    from nnlab.errors import ExitCode, describe
    from nnlab.experiments import entry
    from nnlab.machine import one_blas_thread
    from nnlab.output.run_folder import RunFolder
    from nnlab.output.terminal import Terminal, quoted

    one_blas_thread()
    registered = entry(experiment)
    RunOptions.check_not_of_terminal(options, experiment)
    own = {name: options.pop(name) for name in ("device", "workers", "benchmark") if name in options}
    options = {name: os.fspath(one) if isinstance(one, os.PathLike) else one for name, one in options.items()}
    config = registered.config.from_options(options, settings=True)
    folder = RunFolder.create(experiment, None if out is None else path_of(out))
    place = folder.path.absolute()
    try:
        execute(
            Session(experiment, config, folder, Terminal(json=True, verbosity=0 if verbose else -1), RunOptions(**own))
        )
    except BaseException as error:
        folder.discard_if_bare()
        if folder.is_run and describe(error).exit_code in (ExitCode.INTERRUPTED, ExitCode.RESOURCES):
            error.add_note(f"Go on with it in a terminal: nnlab {experiment} --resume {quoted(place)}")
        raise
    return Run(RunFolder(place))


def load(path: str | Path) -> Run:
    """Open the folder of a finished run. UsageError where it is none, or not finished."""
    from nnlab.config import path_of
    from nnlab.errors import UsageError
    from nnlab.machine import one_blas_thread
    from nnlab.output.run_folder import RunFolder

    one_blas_thread()
    folder = RunFolder.open(path_of(path).absolute())
    if not folder.finished:
        raise UsageError(f"{path} is not finished", f"Go on with it: nnlab {folder.command} --resume {path}")
    return Run(folder)
