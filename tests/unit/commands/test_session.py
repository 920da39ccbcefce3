"""What ``--data`` names, and how many processes run at once."""

from __future__ import annotations

import pytest

from nnlab.commands import session
from nnlab.commands.record import check_same_data, read_otherwise
from nnlab.commands.session import is_known, workers_of
from nnlab.configs.run import RunOptions
from nnlab.errors import UsageError
from nnlab.experiments import entry


@pytest.mark.parametrize(
    ("command", "options", "known", "own"),
    [
        ("mnist", {}, ["mnist", "sample"], ["cifar10", "chirps", "digits.npz"]),
        ("textgen", {}, ["nietzsche", "sample"], ["eng-ell", "book.txt"]),
        ("translate", {}, ["eng-fra", "opus:en-de", "sample"], ["eng-fra.txt", "nietzsche"]),
        ("arith", {}, ["sample"], ["mnist", "chirps"]),
        ("autoencode", {"kind": "pictures"}, ["cifar10", "sample"], ["mnist", "birds", "chirps"]),
        ("autoencode", {"kind": "sounds"}, ["birds", "chirps", "sample"], ["cifar10", "./birds"]),
        ("denoise", {}, ["cifar10", "sample"], ["mnist"]),
    ],
)
def test_names_are_known_sets_of_the_experiments_kind_only(command, options, known, own):
    """A folder of another name, or of one that is known to other experiments, is the user's."""
    config = entry(command).config.from_options(options, settings=True)
    assert [name for name in [*known, *own] if is_known(config, name)] == known


@pytest.mark.parametrize(
    ("device", "found", "memory", "expected"),
    [
        ("auto", None, 0, 8),  # a sweep or the report, before a backend was started
        ("auto", None, 8, 3),
        ("cpu", None, 8, 8),
        ("auto", "CPU", 8, 8),  # a GPU that the backend cannot use
        ("auto", "GPU NVIDIA H200", 8, 3),
        ("auto", "GPU AMD", 0, 3),  # one that is not NVIDIA's
    ],
)
def test_processes_that_share_a_gpu_fit_into_its_memory(monkeypatch, device, found, memory, expected):
    monkeypatch.setattr(session, "gpu_memory", lambda: memory * 2**30)
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    monkeypatch.setattr("os.sysconf", {"SC_PAGE_SIZE": 2**30, "SC_PHYS_PAGES": 128}.__getitem__)
    assert workers_of(RunOptions(device=device), found) == expected


def test_a_run_that_read_the_licence_of_a_book_too_is_told_so(tmp_path):
    """Of runs from before it was left out; where the file is another one, that is what is told."""
    story = "One and one are two, and two are too many.\n" * 30
    lines = [f"*** {word} OF THE PROJECT GUTENBERG EBOOK SUMS ***\n" for word in ("START", "END")]
    (tmp_path / "book.txt").write_text(story.join(lines))
    textgen = entry("textgen")
    config = textgen.config.from_options({"data": str(tmp_path / "book.txt"), "preset": "quick"}, settings=True)
    now = textgen.experiment(config).load(config).source
    assert now["licence_left_out"] == sum(map(len, lines))
    check_same_data(tmp_path, now, now)
    assert read_otherwise(now, now) == ""
    before = {"name": now["name"], "size": now["size"], "digest": "0" * 64}
    for differs, says in (({}, "read the licence of Project Gutenberg too"), ({"size": 7}, "Put the data back")):
        with pytest.raises(UsageError) as caught:
            check_same_data(tmp_path, {**before, **differs}, now)
        assert says in caught.value.hint
