"""``nnlab NAME``: train an experiment, from the options typed to the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from nnlab.commands.outcome import Outcome, run_command
from nnlab.commands.parent import taken_over, with_parent
from nnlab.commands.record import config_of
from nnlab.commands.session import Session, engine_of, execute
from nnlab.configs.run import RunOptions
from nnlab.errors import Description, ExitCode, InputError, UsageError
from nnlab.experiments import entry
from nnlab.options import parsed, value_of
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal, quoted


def train(name: str, given: Mapping[str, Any], options: RunOptions) -> ExitCode:
    """``nnlab NAME``: from the options to the exit code. ``given`` holds only what was typed."""
    session: Session | None = None

    def work(terminal: Terminal) -> Outcome:
        nonlocal session
        engine = engine_of(options) if options.engine != "local" else None
        if options.resume is not None:
            session = resumed(name, given, options, terminal)
            if session.folder.finished:
                return shown_again(session)
        else:
            typed = with_settings(name, given, options)
            wanted, source, inherited = taken_over(name, typed, options)
            config = entry(name).config.from_options(wanted, settings=True, inherited=inherited)
            config.check_effect(typed)
            session = Session(name, config, RunFolder.create(name, options.out), terminal, options)
            session.typed = tuple(typed)
            session.source_of_like = source
        finished = execute(session, engine)
        terminal.tell(f"saved in {session.folder.path}; use it: nnlab predict {quoted(session.folder.path)} …")
        return Outcome(whole=finished)

    def failed(told: Description) -> tuple[Description, dict[str, Any]]:
        return keep_failure(session, told) if session else (told, {})

    return run_command(name, work, json=options.json, verbosity=options.verbosity, failed=failed)


def with_settings(name: str, given: Mapping[str, Any], options: RunOptions) -> dict[str, Any]:
    """The options typed, with those of ``--set``. UsageError where a setting is none, or is given twice."""
    cls, both = entry(name).config, dict(given)
    for text in options.set or ():
        setting, value = parsed(cls, text, "--set")
        if setting in both:
            raise UsageError(f"{setting} is given twice", "Leave one of them out")
        both[setting] = value_of(cls, setting, value)
    return both


def check_resume(given: Mapping[str, Any], options: RunOptions) -> None:
    """UsageError where anything is typed beside ``--resume`` that would have no effect."""
    others: dict[str, Any] = {"out": options.out, "like": options.like, "from": options.parent, "set": options.set}
    others["sweep"] = options.sweep
    if typed := [*given, *(name for name, value in others.items() if value)]:
        raise UsageError(
            "--resume goes on with the options it was started with, it does not take "
            + ", ".join(f"--{option.replace('_', '-')}" for option in typed),
            "Leave them out, or start a new run with the options or the weights of that one: --like, --from",
        )


def resumed(name: str, given: Mapping[str, Any], options: RunOptions, terminal: Terminal) -> Session:
    """The session of a run folder to go on with. UsageError where options come with it or it is of another command."""
    check_resume(given, options)
    assert options.resume is not None
    folder = RunFolder.open(options.resume, name)
    config = config_of(folder)
    session = Session(name, config if folder.finished else with_parent(folder, config), folder, terminal, options)
    session.is_resumed = True
    if not folder.finished and (lost := epochs_without_checkpoint(folder)):
        terminal.warn(f"there is no checkpoint in {folder.path}: training begins anew, {lost}")
    return session


def epochs_without_checkpoint(folder: RunFolder) -> str:
    """What of ``metrics.csv`` is lost where the checkpoint was deleted; empty where there is nothing to lose."""
    rows = 0
    with suppress(InputError):  # a damaged table is written anew
        rows = len(folder.read_metrics())
    if not rows or any((folder.path / "checkpoint").glob("*.npz")):
        return ""
    return "1 epoch is lost" if rows == 1 else f"{rows:,} epochs are lost"


def shown_again(session: Session) -> Outcome:
    """The results of a run that is finished, as they were."""
    folder, terminal = session.folder, session.terminal
    finished = folder.read_results()
    folder.drop_checkpoint()  # a process killed in its last instant leaves it
    terminal.tell(f"{folder.path} is finished, these are its results:")
    terminal.show_again(folder.read_text("console.txt"))
    return Outcome(whole=finished)


def keep_failure(session: Session, told: Description) -> tuple[Description, dict[str, Any]]:
    """Keep what was computed, and say how to go on: the error with its hint, and the document of the run."""
    folder = session.folder
    run: str | None = None
    if not folder.busy:
        folder.discard_if_bare()
        if folder.is_run:
            run = str(folder.path)
            if told.exit_code in (ExitCode.INTERRUPTED, ExitCode.RESOURCES):
                hint = f"{told.hint}, then go on with" if told.hint else "Go on with"
                go_on = f"{hint}: nnlab {session.name} --resume {quoted(folder.path)}"
                told = Description(told.exit_code, told.type, told.message, go_on)
    failure = {**session.document(exit_code=told.exit_code, error=told), "run": run}
    if run is not None:
        folder.write_failure(failure)
    return told, failure
