"""The one place where the work of a command becomes an exit code: its results or its error, shown once, as JSON if asked."""

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
    error: NnlabError | None = None
    known: Mapping[str, Any] = field(default_factory=dict)
    whole: Mapping[str, Any] | None = None


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
    try:
        with signals.interrupt_on_sigterm():
            outcome = work(terminal)
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        terminal.traceback(error)
        told, known = failed(describe(error))
        terminal.error(told)
        if json:
            terminal.write(dumps({**document(command, exit_code=told.exit_code, error=told), **known}))
        return told.exit_code
    problem = describe(outcome.error) if outcome.error else None
    code = problem.exit_code if problem else ExitCode.DONE
    if problem:
        terminal.error(problem)
    if json:
        whole = outcome.whole or {
            **document(command, exit_code=code, results=dict(outcome.results), error=problem),
            **outcome.known,
        }
        terminal.write(dumps(dict(whole)))
    return code
