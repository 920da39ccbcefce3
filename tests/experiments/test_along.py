"""``nnlab export`` and ``nnlab import``: a run taken along, opened elsewhere, and refused where it would do harm."""

from __future__ import annotations

import json
import os
import re
import resource
import shlex
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import nnlab
from nnlab.cli import app
from nnlab.commands.export.card import about_data, figures
from nnlab.commands.export.network import compare
from nnlab.commands.record import command_line
from nnlab.commands.train import with_settings
from nnlab.config import Config
from nnlab.configs.arith import ArithConfig
from nnlab.configs.autoencode import AutoencodeConfig
from nnlab.configs.mnist import MnistConfig
from nnlab.configs.textgen import TextgenConfig
from nnlab.errors import InputError
from nnlab.experiments import REGISTRY
from nnlab.experiments.exports import Exported
from nnlab.output.markdown import code, text
from tests.conftest import ROOT, run_in_process

SMALL = ("arith", "--op", "sub", "--preset", "published", "--epochs", 1)
QUESTIONS = ("46-601", "535-61", "7-7")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small run, trained on a file of the user's that lies at an absolute path."""
    place = tmp_path_factory.mktemp("along")
    lines = [f"{a}-{b}" for a in range(1, 25) for b in range(a)]
    (place / "my sums.txt").write_text("\n".join(lines))
    run_in_process(*SMALL, "--data", place / "my sums.txt", "--out", place / "sub", "-q", "--json")
    return place / "sub"


@pytest.fixture(scope="module")
def answers(run):
    """What that run answers."""
    return nnlab.load(run).predict(QUESTIONS)


@pytest.fixture(scope="module")
def packed(run, tmp_path_factory):
    """That run as a zip."""
    path = tmp_path_factory.mktemp("packed") / "sub.zip"
    run_in_process("export", run, "--to", "zip", "--out", path, "--json")
    return path


def left_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


# ---- zip ---------------------------------------------------------------------------------------------


def test_a_run_is_taken_elsewhere_and_back(nnlab, run, packed, answers, tmp_path):
    done = nnlab("import", packed)
    assert (done.code, done.out) == (0, "runs/sub\n")
    assert nnlab("predict", "runs/sub", *QUESTIONS).out.splitlines() == answers
    assert nnlab("runs", "show", "runs/sub").out == nnlab("runs", "show", run).out
    listed = nnlab("runs", "--json").document["results"]["runs"]
    assert [(entry["run"], entry["status"]) for entry in listed] == [("sub", "done")]
    refused = nnlab("runs", "verify", "runs/sub")
    assert refused.code == 2
    shutil.copy(run.parent / "my sums.txt", "my sums.txt")
    verified = nnlab("runs", "verify", "runs/sub", "--json")
    assert verified.code == 0, verified.err
    os.utime(tmp_path / "runs" / "sub" / "model.keras", (1e9, 1e9))
    assert nnlab("export", "runs/sub", "--to", "zip", "--json").document["results"]["files"] == ["sub.zip"]
    assert Path("sub.zip").read_bytes() == packed.read_bytes()


def test_the_zip_has_the_run_a_card_and_no_path_of_this_machine(run, packed):
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
        contents = {name: archive.read(name) for name in names}
    assert names == sorted(names)
    assert set(names) == {*left_in(run) - {"figures"}, "README.md"}
    assert contents["model.keras"] == (run / "model.keras").read_bytes()
    for name in names:
        if not name.endswith((".png", ".keras")):
            assert str(run.parent).encode() not in contents[name], name
    assert json.loads(contents["data.json"])["path"] == "my sums.txt"
    assert json.loads(contents["config.json"])["config"]["data"] == "my sums.txt"
    assert json.loads(contents["results.json"])["results"] == json.loads((run / "results.json").read_text())["results"]
    card = contents["README.md"].decode()
    finished = json.loads(contents["results.json"])
    assert f"| loss | {finished['results']['loss']:.5g} | – | 1 |" in card
    assert "licence: nnlab does not know it" in card
    assert json.loads(contents["data.json"])["digest"] in card
    assert "nnlab runs verify runs/arith" in card
    assert finished["environment"]["keras"] in card


def test_a_users_own_file_that_is_called_drawn_is_not_said_to_be_free():
    config = ArithConfig.from_options({"data": "drawn"})
    own = "\n".join(about_data(config, {"name": "drawn", "path": "/home/me/drawn", "digest": "1"}))
    assert "nnlab does not know" in own
    assert "free to use" not in own
    drawn = "\n".join(about_data(ArithConfig.from_options({}), {"name": "drawn", "digest": "1"}))
    assert "free to use" in drawn


def test_what_is_foreign_in_a_run_folder_stays(nnlab, run, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    (copy / "secret.txt").write_text("mine")
    (copy / "figures" / "run.py").write_text("print()")
    (copy / "checkpoint").mkdir()
    (copy / "checkpoint" / "run-0.npz").write_bytes(b"0")
    (copy / "figures" / "linked.png").symlink_to("/etc/hostname")
    (copy / "audio").symlink_to("/etc")
    done = nnlab("export", copy, "--to", "zip", "--json")
    assert done.code == 0, done.err
    found = done.document["results"]
    assert found["left_behind"] == ["audio", "figures/linked.png", "figures/run.py", "secret.txt"]
    assert "secret.txt" in done.err
    assert found["entries"] == sorted({*left_in(run) - {"figures"}, "README.md"})
    (copy / "model.keras").unlink()
    (copy / "model.keras").symlink_to(run / "model.keras")
    refused = nnlab("export", copy, "--to", "zip", "--out", "b.zip")
    assert (refused.code, refused.out, Path("b.zip").exists()) == (2, "", False)


def of_newer_version(copy):
    record = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**record, "schema": 99}))


def with_other_results(copy):
    record = json.loads((copy / "results.json").read_text())
    (copy / "results.json").write_text(json.dumps({**record, "results": {"exact_match": [1]}}))


BROKEN = {
    "unfinished": lambda copy: (copy / "results.json").unlink(),
    "no network": lambda copy: (copy / "model.keras").unlink(),
    "damaged": lambda copy: (copy / "results.json").write_text("{"),
    "newer": of_newer_version,
    "other results": with_other_results,
    "half a network": lambda copy: os.truncate(copy / "model.keras", 1000),
    "no run": lambda copy: (copy / "config.json").unlink(),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_run_that_is_none_is_not_exported(nnlab, run, tmp_path, what):
    shutil.copytree(run, tmp_path / "copy")
    BROKEN[what](tmp_path / "copy")
    before = left_in(tmp_path)
    done = nnlab("export", "copy", "--to", "zip")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), done.err
    assert left_in(tmp_path) == before


def test_no_file_is_replaced_and_none_is_left_on_a_full_disk(nnlab, run, tmp_path):
    (tmp_path / "sub.zip").write_text("mine")
    for words in (["zip"], ["onnx", "--out", "sub.zip"], ["tar"], ["zip", "--out", "no/where.zip"]):
        done = nnlab("export", run, "--to", *words)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), done.err
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        done = nnlab("export", run, "--to", "zip", "--out", "full.zip")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (done.code, done.err.count("\n")) == (4, 1), done.err
    assert "full.zip" in done.err
    assert left_in(tmp_path) == {"sub.zip"}
    assert (tmp_path / "sub.zip").read_text() == "mine"


def test_the_command_of_a_card_makes_the_same_config(monkeypatch):
    runner = CliRunner()
    for config in (
        ArithConfig.from_options({"op": "mul", "epochs": 6, "seed": 3}),
        MnistConfig.from_options({"preset": "quick", "net": "mlp", "epochs": 1}),
        TextgenConfig.from_options({"lower": False, "diversity": [0.5, 1.5], "data": "a b.txt"}),
        AutoencodeConfig.from_options({"data": "birds", "code": 64}),
    ):
        name = type(config).__name__.removesuffix("Config").lower()
        whole = {"command": name, "config": config.record()}  # which does not say what was typed
        in_vain = {"noise": 1.0} if name == "arith" else {}  # as earlier versions allowed it
        for words in (command_line(whole | {"typed": {**config.given, **in_vain}}, {}), command_line(whole, {})):
            made: list[Config] = []

            def keep(name, typed, options, made=made):
                both = with_settings(name, typed, options)
                made.append(REGISTRY[name].config.from_options(both, settings=True))
                made[0].check_effect(both)
                return 0

            monkeypatch.setattr("nnlab.commands.train.train", keep)
            assert runner.invoke(app, shlex.split(words)[1:]).exit_code == 0, words
            assert made[0].record() == config.record(), words


def test_the_command_of_anybodys_record_is_told():
    record = MnistConfig.from_options({}).record() | {"net": ["x"], "preset": "odd"}
    assert command_line({"command": "mnist", "config": record, "typed": {"net": ["x"], "zz": 1}}, {}).endswith(
        "--net x"
    )


def test_figures_of_a_card_have_their_intervals():
    config = ArithConfig.from_options({"runs": 3})
    loss = {"mean": 0.25, "std": 0.1, "ci95": [0.125, 0.375], "n": 3, "values": [0.1, 0.2, 0.45]}
    lines = list(figures({"loss": loss, "mlp_ce": {"test_accuracy": 0.5}, "odd": {"mean": "x", "ci95": 3}}, config))
    assert "| loss | 0.25 | 0.125 … 0.375 | 3 |" in lines
    assert "| mlp\\_ce.test\\_accuracy | 0.5 | – | 1 |" in lines
    assert "| odd | – | – | – |" in lines


def test_a_card_shows_the_weakness_that_stands_in_a_list():
    longer = {"exact_match": 1.0, "exact_match_by_length": [{"digits": n, "exact_match": 3 / n} for n in (3, 10)]}
    lines = list(figures(longer, ArithConfig.from_options({})))
    assert "| exact\\_match at 10 digits | 0.3 | – | 1 |" in lines
    assert not any("at 3 digits" in line for line in lines)  # exact_match itself


def test_text_of_a_record_is_no_markdown():
    shown = text("<img src=x onerror=alert()> [a](http://b) |x|\n# head `code`")
    assert "<" not in shown
    assert "\n" not in shown
    assert re.search(r"(?<!\\)[\[\]()|#`]", shown) is None


# ---- hostile zips ------------------------------------------------------------------------------------


def rewritten(packed: Path, path: Path, change) -> Path:
    """A zip with the same entries, to which ``change(archive)`` adds before it is closed."""
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(path, "w") as archive:
        for entry in source.infolist():
            archive.writestr(entry, source.read(entry))
        change(archive)
    return path


def added(name, content=b"x", mode=stat.S_IFREG | 0o644, **known):
    def change(archive):
        entry = zipfile.ZipInfo("placeholder")
        entry.external_attr, entry.create_system = mode << 16, 3
        entry.filename = name
        archive.writestr(entry, content)
        for key, value in known.items():
            setattr(archive.filelist[-1], key, value)

    return change


def altered(name, **known):
    def change(archive):
        for key, value in known.items():
            setattr(archive.getinfo(name), key, value)

    return change


HOSTILE = {
    "up": added("../evil.png"),
    "up inside": added("figures/../../evil.png"),
    "absolute": added("/tmp/evil.png"),
    "windows": added("..\\evil.png"),
    "drive": added("C:evil.png"),
    "dot": added("figures/./loss.png"),
    "link": added("figures/link.png", b"/etc/passwd", stat.S_IFLNK | 0o777),
    "link to a folder": added("audio", b"/etc", stat.S_IFLNK | 0o777),
    "pipe": added("figures/pipe.png", b"", stat.S_IFIFO | 0o644),
    "device": added("figures/CON.png"),
    "device without ending": added("audio/nul"),
    "trailing dot": added("figures/loss.png."),
    "twice": added("config.json", b"{}"),
    "other capitals": added("CONFIG.json", b"{}"),
    "file and folder": added("metrics.csv/x.csv"),
    "control character": added("figures/a\x1b[2J.png"),
    "10 GB": altered("model.keras", file_size=10_000_000_000, compress_type=zipfile.ZIP_DEFLATED),
    "larger than a record": altered("config.json", file_size=60_000_000, compress_type=zipfile.ZIP_DEFLATED),
    "says less than it has": altered("config.json", file_size=10),
    "encrypted": altered("config.json", flag_bits=1),
    "other packing": altered("config.json", compress_type=zipfile.ZIP_LZMA),
    "wrong checksum": altered("model.keras", CRC=1),
    "too many": lambda archive: [archive.writestr(f"figures/{number}.png", b"") for number in range(2100)],
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_zip_leaves_nothing(nnlab, packed, tmp_path, what):
    (tmp_path / "place").mkdir()
    path = rewritten(packed, tmp_path / "place" / "evil.zip", HOSTILE[what])
    os.chdir(tmp_path / "place")
    before = left_in(tmp_path)
    done = nnlab("import", path, "--out", "inside")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), done.err
    assert left_in(tmp_path) == before


def test_zeros_without_end_are_not_unpacked(nnlab, packed, tmp_path):
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in source.infolist():
            archive.writestr(entry.filename, source.read(entry))
        archive.writestr("audio/1-both.wav", bytes(64 << 20))
    done = nnlab("import", "b.zip")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "67 MB" in done.err
    assert left_in(tmp_path) == {"b.zip"}


NO_ZIP = {
    "a text": b"no zip at all",
    "nothing": b"",
    "only an end": b"PK\x05\x06" + bytes(18),
}


def test_what_is_no_exported_run_is_one_line(nnlab, packed, tmp_path):
    for name, content in NO_ZIP.items():
        (tmp_path / f"{name}.zip").write_bytes(content)
    (tmp_path / "cut.zip").write_bytes(packed.read_bytes()[:-200])
    (tmp_path / "half.zip").write_bytes(packed.read_bytes()[300:])
    (tmp_path / "folder.zip").mkdir()
    os.mkfifo(tmp_path / "pipe.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("hello.txt", "hello")
    before = left_in(tmp_path)
    for path in [*sorted(tmp_path.iterdir()), tmp_path / "missing.zip"]:
        done = nnlab("import", path)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), (path, done.err)
        assert nnlab("import", path, "--json").document["error"]["message"]
    assert left_in(tmp_path) == before


def test_a_folder_and_a_zip_that_was_cut_short_are_told_as_such(nnlab, run, packed, tmp_path):
    done = nnlab("import", run)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err == f"error: {run}: expected a zip, it is a folder. It can be used as it is: nnlab predict {run} …\n"
    (tmp_path / "runs" / "some").mkdir(parents=True)
    done = nnlab("import", "runs/some")
    assert done.err == "error: runs/some: expected a zip, it is a folder. Name what nnlab export wrote\n"
    for kept in (100, 2000, packed.stat().st_size - 30):
        (tmp_path / "cut.zip").write_bytes(packed.read_bytes()[:kept])
        done = nnlab("import", "cut.zip")
        assert done.code == 2
        assert "it was cut short. Copy or export it again" in done.err


def test_an_unfinished_or_newer_run_in_a_zip_is_refused(nnlab, run, packed, tmp_path):
    with zipfile.ZipFile(packed) as source:
        contents = {name: source.read(name) for name in source.namelist()}
    record = json.loads(contents["config.json"])
    changes: dict[str, dict[str, Any]] = {
        "newer": {"config.json": json.dumps({**record, "schema": 99})},
        "other": {"config.json": json.dumps({**record, "command": "chess"})},
        "setting": {"config.json": json.dumps({**record, "config": {**record["config"], "units": "many"}})},
        "unfinished": {"results.json": None},
    }
    for what, change in changes.items():
        with zipfile.ZipFile(tmp_path / f"{what}.zip", "w") as archive:
            for name, content in {**contents, **change}.items():
                if content is not None:
                    archive.writestr(name, content)
        done = nnlab("import", f"{what}.zip")
        assert (done.code, done.err.count("\n")) == (2, 1), done.err
        assert f"{what}.zip" in done.err
        assert ".part" not in done.err
    assert left_in(tmp_path) == {f"{what}.zip" for what in changes}


def test_a_folder_packed_by_hand_is_opened(nnlab, packed, tmp_path):
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile("mine.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("my run")
        for name in source.namelist():
            archive.writestr(f"my run/{name}", source.read(name))
        archive.writestr("my run/.DS_Store", b"0")
        archive.writestr("__MACOSX/my run/._config.json", b"0")
        archive.writestr("my run/run.py", "raise SystemExit")
    done = nnlab("import", "mine.zip", "--json")
    assert done.code == 0, done.err
    assert "my run/run.py" in done.document["results"]["left_packed"]
    assert nnlab("predict", "runs/mine", "7-7").code == 0
    assert "runs/mine/run.py" not in left_in(tmp_path)
    again = nnlab("import", "mine.zip")
    assert (again.code, again.err.count("\n")) == (2, 1)


def test_a_killed_import_leaves_no_run(nnlab, packed, tmp_path):
    killed = (
        "import os, sys, nnlab.commands.import_run as it\n"
        "it.os.rename = lambda *paths: os.kill(os.getpid(), 9)\n"
        "from pathlib import Path\n"
        f"it.import_run(Path({str(packed)!r}), None, json=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", killed], cwd=tmp_path, env=environment, check=False)
    assert done.returncode == -9
    assert any("config.json" in name for name in left_in(tmp_path))
    assert nnlab("runs", "--json").document["results"]["runs"] == []
    assert nnlab("import", packed).code == 0


# ---- onnx --------------------------------------------------------------------------------------------


@pytest.fixture
def onnx():
    """onnxruntime's session of a file; skips where the extra is not installed."""
    pytest.importorskip("tf2onnx", reason="the extra onnx is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    return lambda path: runtime.InferenceSession(path, providers=["CPUExecutionProvider"])


def test_sums_are_answered_by_the_file_alone(nnlab, onnx, run, answers, tmp_path):
    done = nnlab("export", run, "--to", "onnx", "--json")
    assert done.code == 0, done.err
    assert done.document["results"]["files"] == ["sub.onnx", "sub.json"]
    assert done.document["results"]["checked"]["inputs"] == "held-out inputs"
    told = json.loads(Path("sub.json").read_text())
    assert str(tmp_path.parent) not in json.dumps(told)
    network, session = told["networks"][0], onnx("sub.onnx")
    assert [tensor["name"] for tensor in network["inputs"]] == [each.name for each in session.get_inputs()]
    assert [tensor["shape"] for tensor in network["outputs"]] == [each.shape for each in session.get_outputs()]
    vocabulary = told["preprocessing"]["vocabulary"]
    width = network["inputs"][0]["shape"][1]
    ids = np.array([[vocabulary.index(c) for c in question.ljust(width)[::-1]] for question in QUESTIONS])
    logits = session.run(["logits"], {"question": ids.astype(np.uint8)})[0]
    found = ["".join(vocabulary[place] for place in row).rstrip() or "?" for row in logits.argmax(-1)]
    assert found == answers


@pytest.mark.slow
def test_a_network_that_answers_otherwise_is_not_exported(nnlab, onnx, run, tmp_path, monkeypatch):
    from nnlab.models import onnx as written

    genuine = written.open_onnx
    monkeypatch.setattr(written, "open_onnx", lambda path: lambda given: [-one for one in genuine(path)(given)])
    done = nnlab("export", run, "--to", "onnx")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), done.err
    assert re.search(r"numbers differ by up to [\d.]+ .*answers are others; nothing was written", done.err)
    assert left_in(tmp_path) == set()


@pytest.mark.slow
def test_without_the_data_made_inputs_are_compared(nnlab, onnx, run, tmp_path):
    shutil.copytree(run, tmp_path / "copy")
    source = json.loads((run / "data.json").read_text())
    (tmp_path / "copy" / "data.json").write_text(json.dumps({**source, "digest": "0"}))
    done = nnlab("export", "copy", "--to", "onnx", "--json")
    assert done.document["results"]["checked"]["inputs"] == "made inputs"
    assert "compared on made inputs" in done.err


def test_without_the_extra_it_is_told_how_to_install_it(nnlab, run, monkeypatch):
    monkeypatch.setattr("nnlab.commands.export.network.PACKAGES", ("not_a_package",))
    refused = nnlab("export", run, "--to", "onnx")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "Install it: " in refused.err
    assert "onnx" in refused.err


@pytest.mark.parametrize(
    ("change", "chooses", "said"),
    [
        (lambda right: right, True, None),
        (lambda right: right + 1e-6, False, None),
        (lambda right: right + 0.1, True, "0 of 4 answers"),
        (lambda right: right[:, ::-1], True, "2 of 4 answers"),
        (lambda right: right * np.nan, False, "differ by up to nan"),
        (lambda right: right[:3], False, "answers (3, 3) for (4, 3)"),
    ],
)
def test_answers_that_differ_are_refused_by_how_much(change, chooses, said, monkeypatch):
    right = np.array([[3, 1, 2], [1, 3, 2], [1, 2, 3], [1, 4, 2]], np.float32)
    monkeypatch.setattr("nnlab.models.onnx.open_onnx", lambda path: None)
    leaving = Exported([], {}, lambda _: right, lambda *_: change(right), str, str, chooses)
    if said is None:
        assert compare(leaving, [], None)["answers"] == 4
    else:
        with pytest.raises(InputError, match=re.escape(said)):
            compare(leaving, [], None)


PUBLISHED = pytest.param("published", marks=pytest.mark.release)
KINDS = {
    "mlp": ["mnist", "--net", "mlp"],
    "cnn": ["mnist", "--net", "cnn"],
    "adversarial mlp": ["mnist", "--net", "mlp", "--set", "design=adversarial"],
    "normalised cnn": ["mnist", "--net", "cnn", "--set", "design=normalised"],
    "published cnn": ["mnist", "--preset", "published", "--net", "cnn", "--loss", "ce", "--runs", 1],
    "permute": ["permute", "--net", "cnn"],
    "mul": ["arith", "--op", "mul", "--samples", 500],
    "sub": ["arith", "--op", "sub", "--samples", 500],
    "mul networks": ["arith", "--op", "mul", "--samples", 500, "--set", "networks=2"],
    "sub networks": ["arith", "--op", "sub", "--samples", 500, "--set", "networks=2"],
    "pictures": ["autoencode", "--set", "conv_design=both_ways"],
    "grown pictures": ["autoencode", "--set", "conv_design=grown"],
    "published pictures": ["autoencode", "--preset", "published"],
    "dense": ["autoencode", "--net", "dense"],
    "sounds": ["autoencode", "--data", "chirps"],
    "published sounds": ["autoencode", "--data", "chirps", "--preset", "published"],
    "denoise": ["denoise"],
    "published denoise": ["denoise", "--preset", "published"],
}


@pytest.fixture
def small(nnlab, tmp_path):
    """Train a kind of network for one epoch on built-in data."""

    def train(words, *more):
        given = ["--preset", "quick", "--data", "sample", "--epochs", 1, "--no-benchmark", "-q"]
        done = nnlab(words[0], *given, *words[1:], *more, "--out", tmp_path / "run")
        assert done.code == 0, done.err
        return tmp_path / "run"

    return train


@pytest.mark.release
@pytest.mark.parametrize("kind", KINDS)
def test_every_network_of_one_input_goes_out(nnlab, onnx, small, kind):
    done = nnlab("export", small(KINDS[kind]), "--to", "onnx", "--json")
    assert done.code == 0, done.err
    found = done.document["results"]
    assert found["checked"]["inputs"] == "held-out inputs"
    assert found["checked"]["largest_difference"] < 1e-3
    assert found["left_out"]
    told = json.loads(Path("run.json").read_text())
    session = onnx("run.onnx")
    spec = told["networks"][0]["inputs"][0]
    given = np.zeros([3, *(size if isinstance(size, int) else 7 for size in spec["shape"][1:])], spec["dtype"])
    assert session.run(None, {spec["name"]: given})[0].shape[0] == 3


@pytest.mark.parametrize("preset", [pytest.param("quick", marks=pytest.mark.slow), PUBLISHED])
def test_text_is_written_by_the_file_alone(nnlab, onnx, small, preset):
    run = small(["textgen", "--preset", preset, *(["--set", "networks=2"] if preset == "quick" else [])])
    assert nnlab("export", run, "--to", "onnx", "--json").code == 0
    told, session = json.loads(Path("run.json").read_text()), onnx("run.onnx")
    vocabulary = told["preprocessing"]["vocabulary"]
    inputs = told["networks"][0]["inputs"]
    prompt = "the morning and the evening and the"[: 35 if preset == "quick" else 20]
    wanted = nnlab("predict", run, prompt, "--length", 5, "--diversity", 0.01).out.rstrip("\n")
    zeros = {tensor["name"]: np.zeros((1, tensor["shape"][1]), np.float32) for tensor in inputs[1:]}
    read = [vocabulary.index(character) for character in prompt]
    written = ""
    states = dict(zeros)
    for number in range(len(prompt) + 4):
        logits, *after = session.run(None, {"character": np.array([read[number]], np.int32), **states})
        states = dict(zip(zeros, after, strict=True))
        if number >= len(prompt) - 1:
            read.append(int(logits[0].argmax()))
            written += vocabulary[read[-1]]
    assert written == wanted[:5]


@pytest.mark.parametrize("preset", [pytest.param("quick", marks=pytest.mark.slow), PUBLISHED])
def test_sentences_are_translated_by_the_files_alone(nnlab, onnx, small, preset):
    run = small(["translate", "--preset", preset], *(["--epochs", 8] if preset == "quick" else []))
    done = nnlab("export", run, "--to", "onnx", "--json")
    assert done.code == 0, done.err
    assert done.document["results"]["files"] == ["run-encoder.onnx", "run-decoder.onnx", "run.json"]
    told = json.loads(Path("run.json").read_text())
    encoder, decoder = (onnx(network["file"]) for network in told["networks"])
    known, ids = told["preprocessing"], told["preprocessing"]["ids"]
    first = ids["first_of_vocabulary"]
    sentences = [row["source"] for row in json.loads((run / "results.json").read_text())["results"]["examples"][:4]]
    translations = []
    for sentence in sentences:
        letters = known["source"]["vocabulary"]
        source = np.array([[first + letters.index(c) for c in sentence]], np.int32)
        names = [one.name for one in encoder.get_outputs()]
        outputs = dict(zip(names, encoder.run(None, {"source": source}), strict=True))
        written, token = "", ids["start"]
        for _ in range(known["longest_translation"]):
            logits, *after = decoder.run(None, {"token": np.array([token], np.int32), **outputs})
            outputs |= dict(zip([n for n in outputs if n[:2] in ("h_", "c_")], after, strict=True))
            logits[0, [ids["padding"], ids["start"], ids["unknown"]]] = -np.inf
            token = int(logits[0].argmax())
            if token == ids["end"]:
                break
            written += known["target"]["vocabulary"][token - first]
        translations.append(written)
    assert translations == nnlab("predict", run, *sentences, "--beam", 1).out.splitlines()


# ---- other tools -------------------------------------------------------------------------------------


def test_the_readmes_line_for_duckdb(run, tmp_path, monkeypatch):
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed: uv sync")
    (line,) = re.findall(r"^```sql\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert "read_json_auto('runs/*/results.json'" in line
    document = json.loads((run / "results.json").read_text())
    other = {**document, "command": "denoise", "results": {"psnr_db": 20.5, "loss": 0.1}, "config": {"seed": 4}}
    for name, content in (("a", document), ("b", other)):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "results.json").write_text(json.dumps(content))
    monkeypatch.chdir(tmp_path)
    rows = {row[1]: row for row in duckdb.sql(line).fetchall()}
    assert set(rows) == {"arith", "denoise"}
    assert rows["denoise"][2] == 4
    assert rows["arith"][4]["exact_match"] == document["results"]["exact_match"]
    assert rows["denoise"][4]["psnr_db"] == 20.5


def test_a_line_with_a_backtick_does_not_break_a_table():
    assert code("nnlab textgen --data a|b") == "`nnlab textgen --data a\\|b`"
    shown = code("nnlab textgen --data `x`|y")
    assert re.search(r"(?<!\\)[`|]", shown) is None
