"""Lines of stdin: whatever way the bytes of a pipe come, its lines are those Python reads from a file."""

import io
import os
import threading
import time

import pytest

from nnlab.commands import stdin
from nnlab.errors import UsageError

TEXT = "\ufeff1+1\r\nκαλημέρα\n\nlast without an end".encode() + b"\n\xff bad\rold\n \n9"


def lines_of_file(path) -> list[str]:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return [line.rstrip("\r\n") for line in file]


@pytest.fixture
def pipe(monkeypatch):
    """The end to write to of a pipe that is stdin."""
    source, sink = os.pipe()
    with open(source, encoding="utf-8") as reader, open(sink, "wb", buffering=0) as writer:
        monkeypatch.setattr("sys.stdin", reader)
        yield writer


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_pipe_has_the_lines_of_the_file(pipe, tmp_path, monkeypatch, size):
    (tmp_path / "lines.txt").write_bytes(TEXT)
    monkeypatch.setattr(stdin, "READ", size)  # bytes at a time
    pipe.write(TEXT)
    pipe.close()
    batches = list(stdin.batches_of_stdin(3))
    found = [line for batch in batches for line in batch]
    first, *others = lines_of_file(tmp_path / "lines.txt")
    assert found == [first.removeprefix("\ufeff"), *others]
    assert [len(batch) for batch in batches] == [3, 3, 2]


def test_what_has_come_is_given_while_the_pipe_is_open(pipe):
    batches = stdin.batches_of_stdin(100)
    pipe.write(b"1+1\n2+2\n3+")
    assert next(batches) == ["1+1", "2+2"]
    pipe.write(b"3\n")
    assert next(batches) == ["3+3"]
    pipe.close()
    assert list(batches) == []


def test_many_lines_one_at_a_time(pipe):
    writer = threading.Thread(target=lambda: (pipe.write(b"\n" * 1_000_000), pipe.close()))
    writer.start()
    assert sum(len(batch) == 1 for batch in stdin.batches_of_stdin(1)) == 1_000_000
    writer.join()


def test_lines_that_come_without_a_pause_are_one_batch(pipe, monkeypatch):
    monkeypatch.setattr(stdin, "PAUSE", 30)
    monkeypatch.setattr(stdin, "LONGEST", 30)

    def write():
        for k in range(500):
            pipe.write(b"%d+1\n" % k)
        pipe.close()

    writer = threading.Thread(target=write)
    writer.start()
    assert list(stdin.batches_of_stdin(4096)) == [[f"{k}+1" for k in range(500)]]
    writer.join()


def test_no_line_waits_for_ever_where_there_is_no_pause(pipe):
    def write():
        for k in range(28):
            pipe.write(b"%d\n" % k)
            time.sleep(0.05)
        pipe.close()

    writer = threading.Thread(target=write)
    writer.start()
    batches = list(stdin.batches_of_stdin(4096))
    writer.join()
    assert [line for batch in batches for line in batch] == [str(k) for k in range(28)]
    assert len(batches) > 1


def test_a_long_line_is_put_together_once(pipe):
    def write():
        pipe.write(b"7" * 3_000_000 + b"\n1+1")
        pipe.close()

    writer = threading.Thread(target=write)
    writer.start()
    assert [line for batch in stdin.batches_of_stdin(4096) for line in batch] == ["7" * 3_000_000, "1+1"]
    writer.join()


def test_a_pipe_that_does_not_wait(pipe):
    import sys

    os.set_blocking(sys.stdin.fileno(), False)
    threading.Timer(0.3, lambda: (pipe.write(b"1+1\n"), pipe.close())).start()
    assert list(stdin.batches_of_stdin(10)) == [["1+1"]]


def test_a_file_is_read_in_full_batches(tmp_path, monkeypatch):
    (tmp_path / "lines.txt").write_bytes(TEXT)
    with open(tmp_path / "lines.txt", encoding="ascii") as file:
        monkeypatch.setattr("sys.stdin", file)
        batches = list(stdin.batches_of_stdin(5))
    first, *others = lines_of_file(tmp_path / "lines.txt")
    assert [len(batch) for batch in batches] == [5, 3]
    assert [line for batch in batches for line in batch] == [first.removeprefix("\ufeff"), *others]


@pytest.mark.parametrize("replaced", [io.StringIO, lambda text: io.TextIOWrapper(io.BytesIO(text.encode()))])
def test_other_streams_are_read_to_their_end(monkeypatch, replaced):
    monkeypatch.setattr("sys.stdin", replaced("a\nb\r\nc"))
    assert list(stdin.batches_of_stdin(2)) == [["a", "b"], ["c"]]


def test_a_closed_stdin_is_told(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(UsageError, match="it is closed"):
        stdin.check_stdin()
