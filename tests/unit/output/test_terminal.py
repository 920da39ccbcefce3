"""What is shown: the report's console lines to the letter, figures with intervals, the displays."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from nnlab.errors import Description, ExitCode
from nnlab.experiments.summaries.arith import console_line
from nnlab.output import figures
from nnlab.output.document import dumps
from nnlab.output.pictures import ColourRow, PictureRow
from nnlab.output.progress import LiveProgress, PlainProgress, clock, metrics_told, sparkline
from nnlab.output.terminal import LiteralConsole, Stream, Terminal, literal, number, one_line, percent, quoted, table


def plain(renderable, width=80):
    file = io.StringIO()
    Console(file=file, width=width, color_system=None).print(renderable)
    return file.getvalue()


def test_console_lines_are_those_of_2018():
    lines = [("291+7", "298", "298"), ("46+601", "647", "64"), ("5-61", "-56", "-56")]
    shown = "".join(plain(console_line(*line, width=7)) for line in lines)
    assert shown == (
        "Q 291+7    T 298    298   ☑\n"  #
        "Q 46+601   T 647    64    ☒\n"
        "Q 5-61     T -56    -56   ☑\n"
    )


def test_figures_of_one_run_and_of_several():
    several = {"mean": 0.981, "std": 0.01, "ci95": [0.971, 0.991], "n": 5}
    assert percent(0.9912) == "99.12 %"
    assert percent(several) == "98.10 ± 1.00 %"
    assert number(several, ".2f") == "0.98 ± 0.01"
    close = {"mean": 0.00860986, "std": 9e-6, "ci95": [0.00858751, 0.00863223], "n": 3}
    assert number(close, ".4f") == "0.008610 ± 0.000022"  # not "0.0086 ± 0.0000"
    assert number(close, ".5f") == "0.00861 ± 0.00002"
    assert percent({"mean": 0.9999, "ci95": [0.99986, 0.99994]}) == "99.9900 ± 0.0040 %"
    assert number({"mean": 1.0, "ci95": [1.0, 1.0]}, ".2f") == "1.00 ± 0.00"
    assert number({"mean": 3.0, "std": None, "ci95": [None, None], "n": 1}, "g") == "3"
    assert (number(None), percent(None)) == ("–", "–")


def test_metrics_told_leave_out_a_loss_under_another_convention():
    row = {"run": 0, "epoch": 3, "seconds": 4.2, "loss": 0.12345, "test_accuracy": 0.5, "loss_padded": 0.1}
    assert metrics_told(row) == {"loss": "0.1235", "test": "50.00 %"}


def test_bars_have_as_many_digits_as_their_count_is_worth():
    _, (ax,) = figures.canvas(1, width=4, title="shares")
    figures.bars(ax, {"few": (3, 7), "some": (53, 128), "many": (4999, 5000), "all": (128, 128)}, xlabel="length")
    assert [text.get_text() for text in ax.texts] == ["43", "41.4", "99.98", "100"]


def test_sparkline_falls_with_the_loss():
    assert sparkline([8, 4, 2, 1], 10) == "█▆▃▁"
    assert len(sparkline(list(range(1, 1000)), 30)) == 30
    assert sparkline([], 10) == sparkline([float("nan")], 10) == ""
    assert sparkline([0.0, 1.0], 5) == "▁█"


def test_clock():
    assert [clock(7), clock(725), clock(11045)] == ["0:07", "12:05", "3:04:05"]


def drive(display):
    display.start(name="", run=0, runs=2, epochs=2, steps=10, rows=[])
    display.step(5)
    yield
    display.epoch({"run": 0, "epoch": 1, "seconds": 1.0, "loss": 0.5, "val_loss": 0.25, "exact_match": 0.9})
    yield
    display.stop()


def test_plain_progress_is_one_line_per_epoch():
    file = io.StringIO()
    for _ in drive(PlainProgress(Console(file=file, width=40, color_system=None))):
        pass
    written = file.getvalue()
    assert written.startswith("run 1/2  epoch 1/2  loss 0.5  val loss 0.25  exact match 90.00 %")
    assert written.count("\n") == 1


def test_live_progress_fits_narrow_and_wide_terminals():
    for width in (40, 80, 200):
        display = LiveProgress(Console(file=io.StringIO(), width=width, force_terminal=False))
        for _ in drive(display):
            lines = plain(display.render(), width).splitlines()
            assert max(map(len, lines)) <= width
            assert any("epoch" in line and "/2" in line for line in lines)
            assert any("batch" in line for line in lines)


@pytest.mark.parametrize(("epochs", "said"), [(1, "1 epoch in 0:01  val loss 0.25"), (2, "2 epochs in 0:02")])
def test_what_stays_of_one_run_says_its_epochs(epochs, said):
    file = io.StringIO()
    display = LiveProgress(Console(file=file, width=80, force_terminal=False))
    display.start(name="", run=0, runs=1, epochs=epochs, steps=10, rows=[])
    for epoch in range(1, epochs + 1):
        display.epoch({"run": 0, "epoch": epoch, "seconds": float(epoch), "loss": 0.5, "val_loss": 0.25})
    display.stop()
    assert said in file.getvalue()


def test_rounds_of_self_training_are_told_as_such():
    file, live = io.StringIO(), io.StringIO()
    for display in (
        PlainProgress(Console(file=file, width=80, color_system=None)),
        LiveProgress(Console(file=live, width=80, force_terminal=False)),
    ):
        display.start(name="", run=0, runs=1, epochs=12, steps=10, rows=[], rounds=10)
        for epoch in range(1, 4):
            display.epoch({"run": 0, "epoch": epoch, "seconds": 1.0, "loss": 0.5})
        if isinstance(display, LiveProgress):
            assert "2/10" in next(line for line in plain(display.render(), 80).splitlines() if "round" in line)
        display.stop()
    assert [line.partition("  loss")[0] for line in file.getvalue().splitlines()] == [
        *("epoch 1/2", "epoch 2/2", "round  1/10")
    ]
    assert "2 epochs and 1 round in 0:01" in live.getvalue()


def test_pictures_stand_beside_each_other_as_far_as_the_terminal_is_wide():
    picture = np.zeros((28, 28), np.uint8)
    picture[6, 4:24] = 255
    picture[9, 6] = 200
    row = PictureRow([picture] * 3, ["a", "b", "c"])
    wide, narrow = plain(row, 80).splitlines(), plain(row, 40).splitlines()
    assert wide[0].split() == ["a", "b", "c"]
    assert wide[2].rstrip() == "  ".join(["▀" * 20] * 3)
    assert wide[3][2] == "▄"
    assert (len(wide), len(narrow)) == (11, 33)
    assert max(map(len, narrow)) <= 40
    assert not any("…" in line for line in narrow)


def test_pictures_in_an_encoding_without_blocks_are_drawn_with_what_it_has():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    console = LiteralConsole(stream, width=80, color_system=None)
    picture = np.zeros((28, 28), np.uint8)
    picture[6:8, 4:24] = 255
    console.print(PictureRow([picture], ["a"]), ColourRow([np.stack([picture] * 3, axis=-1)], ["b"]))
    stream.flush()
    assert "#" * 20 in raw.getvalue().decode("ascii")
    display = LiveProgress(console)
    for _ in drive(display):
        console.print(display.render())
    stream.flush()


# ---- text from users, files and models is never markup ----------------------------------------------

HOSTILE = "[/i] [bold]x[/bold] [classical] \x1b]0;title\x07 \x1b[31m \x9b31m \u202e end"


def test_strings_are_shown_literally(capfd):
    terminal = Terminal()
    terminal.show(HOSTILE)
    terminal.heading(HOSTILE, HOSTILE)
    listed = table(HOSTILE, HOSTILE)
    listed.add_row(HOSTILE, "[red]1[/red]")
    terminal.show(listed)
    terminal.tell(HOSTILE)
    terminal.warn(HOSTILE)
    out, err = capfd.readouterr()
    for shown in (out, err, terminal.transcript):
        assert not set("\x1b\x07\x9b\u202e") & set(shown)
        joined = " ".join(shown.split())
        assert "[/i] [bold]x[/bold] [classical] ␛]0;title␇ ␛[31m" in joined
    assert "[red]1[/red]" in out


def test_no_text_reaches_a_stream_unseen_whoever_built_it(capfd):
    """Also what is a Text, a caption or a picture's name."""
    terminal = Terminal(verbosity=1)
    terminal.show(
        Text(HOSTILE), Text.assemble((HOSTILE, "bold")), ColourRow([np.zeros((4, 4, 3), np.uint8)], [HOSTILE])
    )
    listed = table("a")
    listed.caption = HOSTILE
    listed.add_row(Text(HOSTILE))
    terminal.show(listed)
    terminal.line(HOSTILE)
    terminal.error(Description(ExitCode.USAGE, "InputError", HOSTILE, HOSTILE))
    terminal.traceback(ValueError(HOSTILE))
    terminal.show_again(HOSTILE)
    out, err = capfd.readouterr()
    assert not set("\x1b\x07\x9b\u202e") & set(out + err + terminal.transcript)
    assert "[bold]x[/bold] [classical] ␛]0;title␇" in " ".join(out.split())
    assert "ValueError: [/i] [bold]x[/bold] [classical] ␛]0;title␇" in err


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_is_shown_and_steers_nothing(text):
    file = io.StringIO()
    console = LiteralConsole(file, width=40, color_system=None)
    listed = table(text)
    listed.add_row(text)
    console.print(text, Text(text), listed)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", file.getvalue())
    assert "\n" not in one_line(text)


def test_literal_keeps_letters_of_every_script_and_line_ends():
    text = "Βρες τον Τομ.\n中文 ñ 😀"
    assert literal(text) == text
    assert literal("a\tb\x00\x7f\ud800\x9b\u202e") == "a␉b␀␡\ufffd\ufffd\ufffd"
    assert literal(os.fsdecode(b"caf\xe9")) == "caf\\xe9"
    assert one_line("a\nb\r\n") == "a␊b␍␊"


def test_warnings_are_one_line_each(capfd):
    Terminal().warn("a\nerror: b")
    assert capfd.readouterr().err == "warning: a␊error: b\n"


NAMES = [
    b"caf\xe9",
    b"a b",
    b"it's",
    b"a\nb",
    b"\x1b]0;title\x07",
    "Βρες".encode(),
    b"$(x) `y` \\ [z]",
    "a\u202eb".encode(),
]


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash here")
def test_a_quoted_path_is_read_back_by_a_shell():
    words = [quoted(os.fsdecode(name)) for name in NAMES]
    assert all(literal(word) == word for word in words)
    done = subprocess.run(["bash", "-c", f"printf '%s\\0' {' '.join(words)}"], capture_output=True, check=True)
    assert done.stdout.split(b"\0")[:-1] == NAMES
    assert quoted("runs/arith-1") == "runs/arith-1"
    assert quoted("-y") == "./-y"  # no option


def test_answers_are_literal_on_a_terminal_and_as_they_are_in_a_pipe(monkeypatch, capfd):
    pty = pytest.importorskip("pty")
    Terminal().write(HOSTILE)
    assert capfd.readouterr().out == HOSTILE
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        monkeypatch.setattr("sys.stdout", stream)
        Terminal().write(HOSTILE)
    seen = os.read(ours, 10_000).decode()
    os.close(ours)
    assert seen == literal(HOSTILE)


def test_json_text_holds_nothing_that_steers_a_terminal():
    text = dumps({"Βρες": HOSTILE + os.fsdecode(b"\xe9"), "x": float("nan")})
    assert "Βρες" in text
    assert not set("\x1b\x07\x9b\u202e\udce9") & set(text)
    assert json.loads(text) == {"Βρες": HOSTILE + os.fsdecode(b"\xe9"), "x": None}
    assert dumps({"Βρες": 1}, ascii_only=True).isascii()


def test_long_paths_are_one_line_in_a_pipe(capfd, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    path = "/somewhere/" + "very-long/" * 20 + "file.txt"
    terminal = Terminal()
    terminal.line(path)
    listed = table("name", "where")
    listed.add_row("data", path)
    terminal.show(listed)
    terminal.tell(f"saved in {path}")
    out, err = capfd.readouterr()
    assert out.splitlines()[0] == path
    assert any(line.endswith(path) for line in out.splitlines()[1:])
    assert err == f"saved in {path}\n"


# ---- streams that are closed, left, full, or of another encoding -------------------------------------


class Broken(io.TextIOWrapper):
    """A stream whose writes fail."""

    def __init__(self, error):
        super().__init__(io.BytesIO(), encoding="utf-8")
        self.error = error

    def write(self, text):
        raise self.error


def test_stderr_that_fails_ends_nothing(monkeypatch):
    monkeypatch.setattr("sys.stderr", Broken(BrokenPipeError(32, "Broken pipe")))
    terminal = Terminal()
    for _ in drive(PlainProgress(terminal.err)):
        terminal.tell("still here")
    terminal.warn("still here")


def test_stderr_whose_reader_leaves_is_silent_from_then_on(monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        terminal = Terminal()
        for _ in drive(PlainProgress(terminal.err)):
            terminal.tell("x" * 100_000)
        os.write(stream.fileno(), b"of a library")  # goes nowhere, and is no error


def test_the_live_display_goes_on_without_its_terminal(monkeypatch):
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        terminal = Terminal()
        assert terminal.err.is_terminal
        for number, _ in enumerate(drive(LiveProgress(terminal.err))):
            if number == 0:
                os.close(ours)  # the window is closed


def test_closed_streams_are_no_error(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setattr("sys.stderr", None)
    terminal = Terminal()
    terminal.show("a")
    terminal.tell("b")
    terminal.write("c")
    assert terminal.transcript == "a\n"


def test_letters_that_an_encoding_lacks_are_escaped(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="latin-1"))
    Terminal().write("café Βρες\n")
    assert raw.getvalue() == b"caf\xe9 \\u0392\\u03c1\\u03b5\\u03c2\n"


@pytest.mark.parametrize(
    ("encoding", "utf8"), [("utf-8", True), ("UTF8", True), ("utf_8", True), ("ascii", False), ("cp1252", False)]
)
def test_streams_know_whether_they_take_every_letter(encoding, utf8):
    assert Stream(io.TextIOWrapper(io.BytesIO(), encoding=encoding)).is_utf8 is utf8
