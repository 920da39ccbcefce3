"""What is shown: the report's console lines to the letter, figures with intervals, the displays."""

from __future__ import annotations

import io

import numpy as np
from rich.console import Console

from nnlab.output import figures
from nnlab.output.progress import LiveDisplay, PlainLines, clock, measures, sparkline
from nnlab.output.terminal import PictureRow, console_line, number, percent


def plain(renderable, width=80):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(renderable)
    return console.file.getvalue()


def test_console_lines_are_the_reports():
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
    assert number({"mean": 3.0, "std": None, "ci95": [None, None], "n": 1}, "g") == "3"
    assert (number(None), percent(None)) == ("–", "–")


def test_an_epochs_measures_are_told_and_what_only_compares_is_not():
    row = {"run": 0, "epoch": 3, "seconds": 4.2, "loss": 0.12345, "test_accuracy": 0.5, "loss_padded": 0.1}
    assert measures(row) == {"loss": "0.1235", "test": "50.00 %"}


def test_shares_have_as_many_digits_as_their_count_is_worth():
    _, (ax,) = figures.canvas(1, width=4, title="shares")
    figures.shares(ax, {"few": (3, 7), "some": (53, 128), "many": (4999, 5000), "all": (128, 128)}, xlabel="length")
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


def test_plain_lines_are_one_an_epoch():
    console = Console(file=io.StringIO(), width=40, color_system=None)
    for _ in drive(PlainLines(console)):
        pass
    written = console.file.getvalue()
    assert written.startswith("run 1/2  epoch 1/2  loss 0.5  val loss 0.25  exact match 90.00 %")
    assert written.count("\n") == 1


def test_the_live_display_fits_narrow_and_wide_terminals():
    for width in (40, 80, 200):
        display = LiveDisplay(Console(file=io.StringIO(), width=width, force_terminal=False))
        for _ in drive(display):
            lines = plain(display.render(), width).splitlines()
            assert max(map(len, lines)) <= width
            assert any("epoch" in line and "/2" in line for line in lines)
            assert any("batch" in line for line in lines)


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
