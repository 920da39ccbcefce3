"""``nnlab`` and ``python -m nnlab``: the process around the command line, its streams and its last words."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import typer

from nnlab import backend
from nnlab.cli import app
from nnlab.errors import UsageError

LEAST_WIDTH = 10  # characters per line


def main(arguments: list[str] | None = None) -> None:
    """The entry point: run the app, and tell every wrong usage in one line (and in JSON if asked)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    backend.own_process()
    _prepare_streams()
    try:
        code = app(arguments, prog_name="nnlab", standalone_mode=False) or 0
        if sys.stdout is not None:
            sys.stdout.flush()
    except typer.TyperException as error:
        place = getattr(getattr(error, "ctx", None), "command_path", "")
        code = _refuse(UsageError(error.format_message().rstrip(".")), arguments, place)
    except UsageError as error:
        code = _refuse(error, arguments)
    except typer.Abort:
        code = 130
    except BrokenPipeError:
        code = _read_enough()
    except SystemExit as error:  # Rich and Typer end the process so where the reader of a help has gone
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        code = _read_enough()
    except OSError as error:  # of the help, the version or completion: commands tell of their errors themselves
        from nnlab.commands.outcome import output_lost

        if error.filename is None:
            code = output_lost(error)
        else:
            told = f"{error.filename} cannot be written: {error.strerror}"
            code = _refuse(UsageError(told, "Write it yourself: nnlab --show-completion"), arguments)
    raise SystemExit(int(code))


def _read_enough() -> int:
    """The reader has what it wanted (``| head``), and results are on disk already: nothing more is written, code 0."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _prepare_streams() -> None:
    """Have 0, 1 and 2 lead somewhere (``>&-``), what an encoding lacks be escaped, and lines be wide enough to read.

    Else the next file that is opened would be taken for a stream, and the help would end where its lines are drawn.
    """
    if os.environ.get("COLUMNS", "").isdigit() and int(os.environ["COLUMNS"]) < LEAST_WIDTH:
        del os.environ["COLUMNS"]  # 0 is what a terminal without a size exports: Rich would show nothing at all
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _refuse(error: UsageError, arguments: list[str], place: str = "") -> int:
    """Wrong usage: one line on stderr, and the JSON document where it was asked for.

    ``place``: the command whose usage it is (``nnlab runs show``), where that is known.
    """
    from nnlab.commands.outcome import Outcome, run_command

    known = getattr(typer.main.get_command(app), "commands", {})
    name = next((word for word in arguments[:1] if word in known), None)
    of_input = "Before inputs that begin with - put --, or see" if name == "predict" else "See"
    hint = error.hint or f"{of_input} {place or ' '.join(filter(None, ['nnlab', name]))} --help"

    def work(terminal: Any) -> Outcome:
        raise UsageError(error.message, hint)

    return run_command(name, work, json="--json" in arguments)


if __name__ == "__main__":
    main()
