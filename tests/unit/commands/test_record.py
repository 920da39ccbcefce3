"""The data of a run, read again from wherever the command is typed."""

import pytest

from nnlab.commands.record import read_data
from nnlab.configs.textgen import TextgenConfig
from nnlab.errors import UsageError


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
