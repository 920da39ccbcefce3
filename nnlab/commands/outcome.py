"""The one place where the work of a command becomes an exit code: its results or its error, shown once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nnlab.errors import Description, ExitCode, NnlabError, describe
from nnlab.output.document import document, dumps
from nnlab.output.terminal import Terminal
from nnlab.training import signals


@dataclass(frozen=True)
class Outcome:
    """What a command found: its ``results``, and an ``error`` beside them where a part of the work failed.

    ``known`` are further members of the JSON document (``run``, ``config``, …); ``whole`` is a document that is there
    already.
    """

    results: Mapping[str, Any] = field(default_factory=dict)
    error: NnlabError | Description | None = None
    known: Mapping[str, Any] = field(default_factory=dict)
    whole: Mapping[str, Any] | None = None
    told: bool = False  # the parts of the error were told as they came


Failed = Callable[[Description], tuple[Description, Mapping[str, Any]]]


def run_command(
    command: str | None,
    work: Callable[[Terminal], Outcome],
    *,
    json: bool,
    verbosity: int = 0,
    failed: Failed = lambda told: (told, {}),
) -> ExitCode:
    """Do the work of a command; its exit code.

    Results go to stdout as ``work`` shows them, or as one JSON document with ``json``. An error is one line on stderr
    (a traceback with ``-v``) and the ``error`` of the document. ``failed`` may add to what is told of an error, and
    give the document's members.
    """
    terminal = Terminal(json=json, verbosity=verbosity)
    with signals.interrupt_on_sigterm():
        try:
            outcome = work(terminal)
        except (Exception, KeyboardInterrupt) as error:
            if signals.asked() and not isinstance(error, KeyboardInterrupt):  # what an interrupt becomes in C code
                terminal.traceback(error)
                error = KeyboardInterrupt()
            outcome = failure(command, terminal, error, failed)
        problem = outcome.error if isinstance(outcome.error, Description | None) else describe(outcome.error)
        code = problem.exit_code if problem else ExitCode.DONE
        whole = outcome.whole or {
            **document(command, exit_code=code, results=dict(outcome.results), error=problem),
            **outcome.known,
        }
        try:
            return finish(terminal, problem, whole, told=outcome.told)
        except KeyboardInterrupt:  # while results that are saved were printed
            return ExitCode.INTERRUPTED


def failure(command: str | None, terminal: Terminal, error: BaseException, failed: Failed) -> Outcome:
    """What a command that failed leaves: its error, and what ``failed`` makes of it."""
    terminal.traceback(error)
    told = describe(error)
    known: Mapping[str, Any] = {}
    try:
        told, known = failed(told)
    except (Exception, KeyboardInterrupt) as another:  # the first error is the one to tell
        terminal.traceback(another)
    return Outcome(error=told, known=known)


def finish(
    terminal: Terminal, problem: Description | None, whole: Mapping[str, Any], *, told: bool = False
) -> ExitCode:
    """Tell the problem, write the document if asked, and see whether stdout took all; the exit code."""
    if problem and not told:
        terminal.error(problem)
    if terminal.json:
        terminal.write(dumps(whole, ascii_only=not terminal.stdout.is_utf8))
    terminal.stdout.flush()
    lost = terminal.stdout.failure
    if lost is not None and not isinstance(lost, BrokenPipeError | ValueError):  # a reader that left has what it wants
        kept = whole.get("run") and whole.get("command") != "predict"
        code = output_lost(lost, terminal, f"What was computed is in {whole['run']}" if kept else "")
        return problem.exit_code if problem else code
    return problem.exit_code if problem else ExitCode.DONE


def output_lost(lost: Exception, terminal: Terminal | None = None, hint: str = "") -> ExitCode:
    """Tell that stdout did not take all (a full disk, say); the exit code."""
    terminal = terminal or Terminal()
    terminal.stdout.flush()
    why = (lost.strerror if isinstance(lost, OSError) else None) or str(lost)
    message = f"standard output could not be written: {why.lower()}"
    terminal.error(Description(ExitCode.RESOURCES, "OutputLost", message, hint or "Write it somewhere else"))
    return ExitCode.RESOURCES
