"""The data of a run, read again from wherever the command is typed."""

from pathlib import Path

import pytest

from nnlab.commands.record import read_data
from nnlab.commands.session import Session, execute
from nnlab.configs.arith import ArithConfig
from nnlab.configs.run import RunOptions
from nnlab.configs.textgen import TextgenConfig
from nnlab.errors import UsageError
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal


def test_a_relative_path_is_found_again_from_another_folder(tmp_path, monkeypatch):
    for folder in ("home", "elsewhere"):
        (tmp_path / folder).mkdir()
    text = tmp_path / "home" / "text.txt"
    text.write_text("The student trains and never looks. " * 100)
    config = TextgenConfig.from_options({"data": "text.txt"})
    monkeypatch.chdir(tmp_path / "home")
    loaded = read_data("textgen", config, {})
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="there is nothing at"):
        read_data("textgen", config, {})
    again = read_data("textgen", config, {"path": str(text)})
    assert again.source["digest"] == loaded.source["digest"]
    assert again.config.record() == loaded.config.record()
    text.unlink()
    with pytest.raises(UsageError, match=f"expected the data of the run at {text}, there is nothing"):
        read_data("textgen", config, {"path": str(text)})


def test_data_of_a_run_whose_options_are_taken_over_are_named_by_their_place(nnlab, tmp_path):
    folder = RunFolder.create("textgen", tmp_path / "run")
    folder.write_json("data.json", {"path": str(tmp_path / "gone.txt")})
    config = TextgenConfig.from_options({"data": "gone.txt", "preset": "quick"})
    folder.write_config("textgen", config.record(), dict(config.given))
    done = nnlab("textgen", "--like", "run")
    assert done.code == 2
    assert f"expected the data of the run at {tmp_path / 'gone.txt'}, there is nothing" in done.err


def test_other_data_are_told_by_the_name_of_the_run(tmp_path):
    """A run that is verified is done again in a folder for the time being."""
    (tmp_path / "sums").write_text("".join(f"{n}+{n}\n" for n in range(100)))
    config = ArithConfig.from_options({"data": str(tmp_path / "sums")})
    session = Session("arith", config, RunFolder(tmp_path / "again"), Terminal(verbosity=-1), RunOptions())
    session.repeats, session.repeats_source = Path("runs/mine"), {"digest": "0", "name": "sums"}
    with pytest.raises(UsageError, match=r"runs/mine was started with data of digest 0… \(sums\)"):
        execute(session)
