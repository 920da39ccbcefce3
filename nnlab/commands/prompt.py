"""The prompt of ``nnlab predict RUN`` on a terminal: one line in, one answer out, the model loaded once.

It behaves as Python's own: Ctrl-C drops the line (or stops an answer), Ctrl-D leaves, the arrow keys edit the line
and go through those of earlier days, which are kept per command in the user's state folder.
"""

from __future__ import annotations

import glob
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nnlab.errors import Description, ExitCode, NnlabError, describe
from nnlab.experiments import Predictor
from nnlab.output.terminal import Terminal

LEAVE, HELP = ":q", ":help"
KEPT = 1000  # lines of history
HISTORY = "NNLAB_HISTORY"  # a folder for the histories; empty: nothing is kept


class Gone(BaseException):
    """The terminal went away, or the process was told to end: not an error of any line."""


def ask(name: str, predictor: Predictor[Any], read: Callable[[str], Any], terminal: Terminal) -> Description | None:
    """Answer lines until the user leaves; None then, or why the prompt was ended from outside.

    ``name`` is the command of the run, ``read`` makes a line an input (InputError where it is none).
    """

    def tell_keys() -> None:
        terminal.tell(f"One per line: {predictor.asks}. {LEAVE} or Ctrl-D leaves, Ctrl-C drops the line.")
        if predictor.tells:
            terminal.tell(predictor.tells)

    tell_keys()
    try:
        with gone_on_hangup(), line_editing(name, files=predictor.takes_files) as remember:
            while (line := next_line(f"{name}> ", terminal)) is not None:
                if line.strip() == LEAVE:
                    break
                if line.strip() == HELP:
                    tell_keys()
                elif line.strip():
                    remember(line)
                    answer_line(predictor, read, line, terminal)
                if terminal.stdout.failure is not None:
                    break
    except Gone:
        return Description(ExitCode.INTERRUPTED, "Interrupted", "the terminal went away")
    return None


def next_line(prompt: str, terminal: Terminal) -> str | None:
    """The next line as typed; empty where it was dropped with Ctrl-C, None at the end of the input."""
    try:
        return input(prompt)
    except KeyboardInterrupt:
        terminal.write("\n")
        return ""
    except EOFError:
        terminal.write("\n")  # the shell's prompt begins a line
        if terminal.stdout.failure is not None:  # the terminal went away, under nohup say
            raise Gone from terminal.stdout.failure
        return None
    except OSError as error:  # a terminal that is no more: EIO
        raise Gone from error


def answer_line(predictor: Predictor[Any], read: Callable[[str], Any], line: str, terminal: Terminal) -> None:
    """Show the answer to a line, or its error; Ctrl-C stops it."""
    try:
        given = read(unquoted(line) if predictor.takes_files else line)
        if note := predictor.note(given):
            terminal.warn(note)
        chunks = predictor.stream(given)
        if chunks is None:
            terminal.out.print(predictor.show(line, given), soft_wrap=True)
        else:
            for chunk in chunks:
                terminal.write(chunk)
            terminal.write("\n")
        for note in predictor.notes():
            terminal.warn(note)
    except KeyboardInterrupt:
        terminal.write("\n")
    except (NnlabError, OSError) as error:
        terminal.error(describe(error))


def unquoted(line: str) -> str:
    """The path in a line: without spaces around it, and without the quotes or backslashes of a file dropped there."""
    import shlex

    path = line.strip()
    if os.path.exists(os.path.expanduser(path)):
        return path
    with suppress(ValueError):
        words = shlex.split(path)
        if len(words) == 1:
            return words[0]
    return path


@contextmanager
def gone_on_hangup() -> Iterator[None]:
    """Within, Ctrl-C is KeyboardInterrupt as in any Python, and a hangup or a polite kill is :class:`Gone`.

    Python's readline notices a signal only while it waits for a key: one that comes between two waits would be heard
    with the next key. So it is sent again until it was.
    """
    heard = dict.fromkeys((signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)), 0)
    previous: dict[int, Any] = {}

    def interrupt(number: int, frame: object) -> None:
        heard[number] += 1
        raise KeyboardInterrupt if number == signal.SIGINT else Gone

    def send_again(told: int, main: int) -> None:
        before = dict(heard)
        while numbers := os.read(told, 1024):
            for number in {*numbers} & {*previous}:
                time.sleep(0.2)
                while number in previous and heard[number] == before[number]:
                    signal.pthread_kill(main, number)
                    time.sleep(0.2)
                before[number] = heard[number]
            while select.select([told], [], [], 0)[0] and os.read(told, 1024):  # those that were sent here
                pass
        os.close(told)

    told, tell = os.pipe()
    os.set_blocking(tell, False)
    with suppress(ValueError):  # not the main thread
        for number in heard:
            # A terminal's Ctrl-C is heard even where a shell that began this in the background had it ignored.
            if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:  # nohup: so it stays
                previous[number] = signal.signal(number, interrupt)
        signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
        threading.Thread(target=send_again, args=(told, threading.get_ident()), daemon=True).start()
    try:
        yield
    finally:
        handlers = dict(previous)
        previous.clear()
        with suppress(ValueError):
            signal.set_wakeup_fd(-1)
        os.close(tell)
        for number, handler in handlers.items():
            signal.signal(number, handler)


# ---- line editing --------------------------------------------------------------------------------------


@contextmanager
def line_editing(name: str, *, files: bool) -> Iterator[Callable[[str], None]]:
    """Within, ``input`` edits lines and knows earlier ones; gives what remembers a line.

    ``files``: the tabulator completes paths. Where Python has no readline, or a history can be neither read nor kept,
    the prompt goes on without.
    """
    try:
        import readline
    except ImportError:
        yield lambda line: None
        return
    kept = history_file(name)
    readline.clear_history()
    readline.set_auto_history(False)
    readline.set_history_length(KEPT)
    if kept is not None:
        with suppress(OSError, UnicodeError):
            readline.read_history_file(str(kept))
    if files:
        readline.set_completer(path_completion)
        readline.set_completer_delims("")
        libedit = "libedit" in (readline.__doc__ or "")
        readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")

    def remember(line: str) -> None:
        count = readline.get_current_history_length()
        if not count or readline.get_history_item(count) != line:
            with suppress(UnicodeError):
                readline.add_history(line)

    try:
        yield remember
    finally:
        if kept is not None:
            with suppress(OSError, UnicodeError):
                kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                kept.touch(mode=0o600)  # what was typed is the user's own
                readline.write_history_file(str(kept))


def history_file(name: str) -> Path | None:
    """Where the lines of a command are kept; None where the user has no home, or wants none kept."""
    named = os.environ.get(HISTORY)
    if named is not None:
        return Path(os.path.expanduser(named)) / name if named else None
    state = os.environ.get("XDG_STATE_HOME", "")
    try:
        folder = Path(state) if os.path.isabs(state) else Path.home() / ".local" / "state"
    except RuntimeError:
        return None
    return folder / "nnlab" / "history" / name


def path_completion(text: str, number: int) -> str | None:
    """The path that a line may become, for readline: the number counts through them until there is none."""
    found = sorted(glob.glob(f"{glob.escape(os.path.expanduser(text))}*"))
    if number >= len(found):
        return None
    return f"{found[number]}{os.sep}" if os.path.isdir(found[number]) else found[number]
