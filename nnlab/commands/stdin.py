"""The lines of stdin in batches: of a file as many as there are, of a pipe those that have arrived."""

from __future__ import annotations

import codecs
import io
import itertools
import os
import select
import stat
import sys
import time
from collections.abc import Iterable, Iterator

from nnlab.errors import UsageError

PAUSE = 0.1  # seconds: who sends nothing for so long waits for answers
LONGEST = 0.5  # seconds that a line waits for others where there is no pause
READ = 1 << 16  # bytes, what a pipe holds


def check_stdin() -> None:
    """Raise UsageError where stdin is closed."""
    if sys.stdin is None or sys.stdin.closed:
        raise UsageError("expected lines on stdin, it is closed", "Give the inputs as arguments, or pipe a file in")


def batches_of_stdin(most: int) -> Iterator[list[str]]:
    """The lines of stdin without their ends and the first one's byte order mark, at most ``most`` at a time.

    Bytes that are not UTF-8 come as lone surrogates: they are one bad line. A batch of a pipe or a socket is full, or
    what came before a pause, so that a program may write a question, read the answer and write the next.
    """
    if is_pipe():
        batches = batches_as_they_come(sys.stdin.fileno(), most)
    else:
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
        batches = batches_of((line.rstrip("\r\n") for line in sys.stdin), 1 if sys.stdin.isatty() else most)
    first = next(batches, [])
    if first:
        yield [first[0].removeprefix("\ufeff"), *first[1:]]
    yield from batches


def batches_of(lines: Iterable[str], most: int) -> Iterator[list[str]]:
    """At most ``most`` at a time."""
    lines = iter(lines)
    while batch := list(itertools.islice(lines, most)):
        yield batch


def is_pipe() -> bool:
    """Whether lines of stdin may come one by one and can be waited for: on Windows they cannot."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError):  # stdin was replaced
        return False
    return os.name == "posix" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


def batches_as_they_come(source: int, most: int) -> Iterator[list[str]]:
    """The lines a file descriptor has when there is a pause, up to ``most``; ends of lines as Python reads them."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("surrogateescape"), translate=True)
    waiting: list[str] = []
    since = 0.0  # when the first of them came
    unfinished: list[str] = []  # pieces of a line that has not ended
    data = b" "
    while data:
        if waiting:
            left = min(PAUSE, max(0.0, since + LONGEST - time.monotonic()))
            if not select.select([source], [], [], left)[0] or not left:
                yield from batches_of(waiting, most)
                waiting = []
        select.select([source], [], [])  # a pipe may be set not to wait
        data = os.read(source, READ)
        first, *others = decoder.decode(data, final=not data).split("\n")
        unfinished.append(first)
        if others:
            since = since if waiting else time.monotonic()
            waiting += ["".join(unfinished), *others[:-1]]
            unfinished = [others[-1]]
        if full := len(waiting) // most * most:
            yield from batches_of(waiting[:full], most)
            waiting = waiting[full:]
    last = "".join(unfinished)
    yield from batches_of([*waiting, last] if last else waiting, most)
