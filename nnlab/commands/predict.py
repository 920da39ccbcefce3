"""``nnlab predict``: use what a run trained; one answer per line on stdout.

An input that cannot be read is one error line on stderr and an empty line on stdout, so that answers stay beside their
questions (``paste``); the others are answered all the same. Without inputs there is a prompt (``prompt.py``).
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from nnlab.commands.outcome import Outcome, run_command
from nnlab.commands.prompt import ask
from nnlab.commands.record import config_of
from nnlab.commands.stdin import batches_of, batches_of_stdin, check_stdin
from nnlab.configs.predict import PredictOptions
from nnlab.errors import Description, ExitCode, InputError, NnlabError, UsageError, describe
from nnlab.experiments import FinishedRun, Predictor, entry
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal, quoted

PIPED = "nnlab predict RUN - < FILE"


def predict(run: Path, inputs: Sequence[str], options: PredictOptions) -> ExitCode:
    """Answer the inputs (``["-"]``: lines of stdin; none: those typed at a prompt) with the model of a run folder."""
    verbosity = int(options.verbose) - int(options.quiet)

    def work(terminal: Terminal) -> Outcome:
        folder = RunFolder.open(run)
        typed = options.of_experiment(folder.command)
        config_of(folder)
        if not inputs:
            return at_prompt(folder, typed, options, terminal)
        from_stdin = list(inputs) == ["-"]
        if "-" in inputs and not from_stdin:
            raise UsageError("expected - alone, which reads stdin, got other inputs with it", f"Leave one out: {PIPED}")
        if from_stdin:
            check_stdin()
        predictor, environment = open_predictor(folder, typed, device=options.device, verbose=options.verbose)
        if len(inputs) == 1 and not from_stdin and not options.json and stream(predictor, inputs[0], terminal):
            return Outcome()
        try:
            answered = answer_all(predictor, inputs, terminal, from_stdin=from_stdin, quiet=options.quiet)
            answers, errors, count = [], [], 0
            for answer in answered:
                count += 1
                error = answer["error"]
                errors += [error] if error else []
                answers += [{**answer, "error": error and error.record()}] if options.json else []
        except BaseException:
            predictor.finish(whole=False)
            raise
        files = predictor.finish(whole=True)
        for file in files if not options.json else []:
            terminal.write(f"{' '.join(file.splitlines())}\n")
        known = {"run": str(run), "config": folder.config, "environment": environment, "artifacts": files}
        return Outcome({"answers": answers} if options.json else {}, refused(errors, count), known, told=True)

    def failed(told: Description) -> tuple[Description, dict[str, Any]]:
        return told, {"run": str(run)}

    return run_command("predict", work, json=options.json, verbosity=verbosity, failed=failed)


def open_predictor(
    folder: RunFolder, options: dict[str, Any], *, device: str = "auto", verbose: bool = False
) -> tuple[Predictor[Any], dict[str, Any]]:
    """(predictor, environment) of a finished run: the backend started, the network built and filled."""
    from nnlab import backend

    config = config_of(folder)
    registered = entry(folder.command)
    needed = folder.read_json("preprocessing.json") if (folder.path / "preprocessing.json").is_file() else {}
    results: dict[str, Any] = {}
    with suppress(InputError):  # a run whose figures are lost still answers
        results = folder.read_results()["results"]
    run = FinishedRun(folder.path / "model.keras", needed, results, options.get("out"))
    started = backend.start(device, verbose=verbose, onednn=registered.onednn)
    try:
        predictor = registered.experiment(config).predictor(config, run, options)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if not needed and registered.experiment(config).load is None:
            raise
        raise InputError(
            f"expected what predict needs of the training data, it cannot be read ({type(error).__name__}: {error})",
            "The run folder is damaged: run the experiment again",
            path=folder.path / "preprocessing.json",
        ) from error
    return predictor, started.record()


def at_prompt(folder: RunFolder, typed: dict[str, Any], options: PredictOptions, terminal: Terminal) -> Outcome:
    """Answer what is typed on a terminal; UsageError where there is none, or what was asked for needs inputs."""
    if options.json or options.codes is not None:
        flag = "--json" if options.json else "--codes"
        raise UsageError(f"expected inputs with {flag}, got none", f"Name them, or pipe them in: {PIPED}")
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        raise UsageError(
            "expected inputs, got none, and this is no terminal to ask on",
            f"Name them after the run, pipe them in ({PIPED}), or run it on a terminal for a prompt",
        )
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")  # a bad byte is one bad line
    terminal.tell(f"Opening {quoted(folder.path)} ({folder.command}) …")
    predictor, _ = open_predictor(folder, typed, device=options.device, verbose=options.verbose)
    ended = ask(folder.command, predictor, lambda line: predictor.read(decoded(line)), terminal)
    return Outcome(error=ended, told=True)


def stream(predictor: Predictor[Any], text: str, terminal: Terminal) -> bool:
    """One answer, written as it comes; False where answers come whole."""
    if type(predictor).stream is Predictor.stream:
        return False
    given = predictor.read(text)
    chunks = predictor.stream(given)
    if chunks is None:
        return False
    tell_note(predictor, given, "", terminal)
    for chunk in chunks:
        terminal.write(chunk)
    terminal.write("\n")
    return True


def answer_all(
    predictor: Predictor[Any], inputs: Sequence[str], terminal: Terminal, *, from_stdin: bool, quiet: bool
) -> Iterator[dict[str, Any]]:
    """Each input with its answer or its error's description, in batches; shown as they come, except with ``--json``.

    Once the reader of stdout has left nothing more is answered, but files are made all the same.
    """
    most = predictor.batch_size
    show = terminal.err.is_terminal and from_stdin and not sys.stdin.isatty() and not quiet
    number = 0
    with tqdm(file=sys.stderr, unit=" lines", leave=False, disable=not show) as progress:
        for chunk in batches_of_stdin(most) if from_stdin else batches_of(inputs, most):
            names = [f"{'line' if from_stdin else 'input'} {number + index + 1}" for index in range(len(chunk))]
            for answer in answer_chunk(predictor, chunk, names, terminal):
                if not terminal.json and predictor.line_each:
                    line = "" if answer["error"] else predictor.line(answer["input"], answer["answer"])
                    terminal.write(f"{' '.join(line.splitlines())}\n")
                yield answer
            number += len(chunk)
            progress.update(len(chunk))
            if terminal.stdout.failure is not None and not predictor.makes_files:
                break


def answer_chunk(
    predictor: Predictor[Any], chunk: Sequence[str], names: Sequence[str], terminal: Terminal
) -> Iterator[dict[str, Any]]:
    """Answer a chunk in one batch; tell each input that cannot be read."""
    given: list[Any] = []
    errors: dict[int, Description] = {}
    for index, (text, name) in enumerate(zip(chunk, names, strict=True)):
        try:
            given.append(predictor.read(decoded(text)))
            tell_note(predictor, given[-1], f"{name}: ", terminal)
        except (NnlabError, OSError) as error:
            told = describe(error)
            errors[index] = Description(told.exit_code, told.type, f"{name}: {told.message}", told.hint)
            terminal.error(errors[index])
    replies = iter(answers_of(predictor, given))
    for note in predictor.notes():
        terminal.warn(note)
    for index, (text, name) in enumerate(zip(chunk, names, strict=True)):
        reply = None if index in errors else next(replies)
        if isinstance(reply, Exception):
            told = describe(reply)
            errors[index] = Description(told.exit_code, told.type, f"{name}: {told.message}", told.hint)
            terminal.error(errors[index])
        problem = errors.get(index)
        yield {"input": text, "answer": None if problem else reply, "error": problem}


def answers_of(predictor: Predictor[Any], given: Sequence[Any]) -> Sequence[Any]:
    """The answers in one batch; where that fails, of each alone: its answer, or the error it has by itself."""
    if not given:
        return []
    try:
        return predictor.answer(given)
    except (NnlabError, OSError) as error:
        if isinstance(error, OSError) and describe(error).exit_code == ExitCode.RESOURCES:
            raise
        if len(given) == 1:
            return [error]
    answers: list[Any] = []
    for one in given:
        try:
            answers += predictor.answer([one])
        except (NnlabError, OSError) as error:
            answers.append(error)
    return answers


def tell_note(predictor: Predictor[Any], given: Any, where: str, terminal: Terminal) -> None:
    """What a predictor could not use of an input, told on stderr."""
    note = predictor.note(given)
    if note:
        terminal.warn(f"{where}{note}")


def refused(errors: Sequence[Description], count: int) -> InputError | Description | None:
    """The error of ``count`` inputs of which some have one: that of the disk, if any, else that they cannot be read."""
    if not errors:
        return None
    counts = f"{len(errors):,} of {count:,} inputs"
    for error in errors:
        if error.exit_code == ExitCode.RESOURCES:
            return replace(error, message=f"{counts} have no answer; {error.message}")
    return InputError(f"{counts} could not be read", "See the error of each")


def decoded(text: str) -> str:
    """An input as text; InputError where it holds bytes that are not UTF-8, unless it is the name of a file."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        if not Path(text).exists():
            byte = ord(text[error.start]) & 0xFF
            raise InputError(
                f"expected UTF-8, character {error.start + 1} is the byte 0x{byte:02x}", "Convert it to UTF-8"
            ) from None
    return text
