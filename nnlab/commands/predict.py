"""``nnlab predict``: use what a run trained; one answer a line on stdout.

An experiment's ``Predictor`` reads an input (InputError where it cannot), and answers many at once.
An input that cannot be read is one error line on stderr and an empty line on stdout, so that answers
stay beside their questions (``paste``); the others are answered all the same.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from nnlab.commands.train import experiment
from nnlab.errors import ExitCode, InputError, UsageError, describe
from nnlab.output.document import dumps, envelope
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal

BATCH = 4096


def predict(
    run: Path,
    inputs: list[str],
    *,
    device: str,
    json: bool,
    verbosity: int,
    options: Mapping[str, Any] | None = None,
) -> ExitCode:
    """Answer the inputs (``["-"]``: lines of stdin) with the model of a run folder.

    ``options`` are those of the experiment's ``Predictor.OPTIONS`` that were typed.
    """
    terminal = Terminal(json=json, verbosity=verbosity)
    answers: list[dict[str, Any]] = []
    code = ExitCode.DONE
    try:
        folder = RunFolder.open(run)
        predictor = _predictor(folder, options or {})
        lines = _stdin() if inputs == ["-"] else iter(inputs)
        from nnlab import backend

        many_shapes = getattr(predictor, "MANY_SHAPES", False)
        environment = backend.start(device, verbose=verbosity > 0, many_shapes=many_shapes)
        predictor.open()
        if hasattr(predictor, "stream") and len(inputs) == 1 and inputs != ["-"] and not json:
            return _stream(predictor, inputs[0], terminal)
        interactive = inputs == ["-"] and sys.stdin.isatty()
        show = terminal.err.is_terminal and inputs == ["-"] and not interactive and verbosity >= 0
        with tqdm(file=sys.stderr, unit=" lines", leave=False, disable=not show) as progress:
            number = 0
            while chunk := list(itertools.islice(lines, 1 if interactive else getattr(predictor, "CHUNK", BATCH))):
                for answer in _answer(predictor, chunk, number, from_stdin=inputs == ["-"], terminal=terminal):
                    if answer["error"]:
                        code = ExitCode.USAGE
                    if json:
                        answers.append(answer)
                    else:
                        terminal.write(f"{' '.join((answer['answer'] or '').splitlines())}\n")
                number += len(chunk)
                progress.update(len(chunk))
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        told = describe(error)
        terminal.traceback(error)
        terminal.error(told)
        if json:
            terminal.write(dumps(envelope("predict", exit_code=told.exit_code, run=str(run), error=told)))
        return told.exit_code
    if json:
        results = {"answers": answers}
        document = envelope(
            "predict",
            exit_code=code,
            run=str(run),
            config=folder.config,
            results=results,
            environment=environment.record(),
            error=describe(_refused(answers)) if code else None,
        )
        terminal.write(dumps(document))
    return code


def _predictor(folder: RunFolder, options: Mapping[str, Any]) -> Any:
    """The experiment's predictor; UsageError for options it does not take."""
    made = experiment(folder.command).Predictor
    known = getattr(made, "OPTIONS", {})
    strange = [f"--{name.replace('_', '-')}" for name in options if name not in known]
    if strange:
        takes = ", ".join(f"--{name.replace('_', '-')}" for name in known) or "none"
        raise UsageError(
            f"a run of {folder.command} does not take {', '.join(strange)} (it takes {takes})", "Leave them out"
        )
    return made(folder, **options) if options else made(folder)


def _stream(predictor: Any, text: str, terminal: Terminal) -> ExitCode:
    """One answer, written as it comes."""
    read = predictor.read(text)
    _note(predictor, read, "", terminal)
    for piece in predictor.stream(read):
        terminal.write(piece)
    terminal.write("\n")
    return ExitCode.DONE


def _note(predictor: Any, read: Any, where: str, terminal: Terminal) -> None:
    """What a predictor could not use of an input, told on stderr."""
    note = predictor.note(read) if hasattr(predictor, "note") else ""
    if note:
        terminal.warn(f"{where}{note}")


def _answer(
    predictor: Any, chunk: list[str], start: int, *, from_stdin: bool, terminal: Terminal
) -> Iterator[dict[str, Any]]:
    """Answer a chunk in one batch; tell each input that cannot be read."""
    read: list[Any] = []
    for index, text in enumerate(chunk):
        where = f"line {start + index + 1}" if from_stdin else f"input {start + index + 1}"
        try:
            read.append(predictor.read(text))
            _note(predictor, read[-1], f"{where}: ", terminal)
        except InputError as error:
            told = describe(InputError(f"{where}: {error.message}", error.hint))
            terminal.error(told)
            read.append(told)
    asked = [item for item in read if not hasattr(item, "exit_code")]
    replies = iter(predictor.answer(asked) if asked else ())
    for text, item in zip(chunk, read, strict=True):
        if hasattr(item, "exit_code"):
            yield {"input": text, "answer": None, "error": item.record()}
        else:
            yield {"input": text, "answer": next(replies), "error": None}


def _refused(answers: list[dict[str, Any]]) -> InputError:
    count = sum(1 for answer in answers if answer["error"])
    return InputError(
        f"{count:,} of {len(answers):,} inputs could not be read", "See the error of each in results.answers"
    )


def _stdin() -> Iterator[str]:
    """The lines of stdin without their ends; UsageError where it is closed."""
    if sys.stdin is None or sys.stdin.closed:
        raise UsageError("expected lines on stdin, it is closed", "Give the inputs as arguments, or pipe a file in")
    return (line.rstrip("\r\n") for line in sys.stdin)
