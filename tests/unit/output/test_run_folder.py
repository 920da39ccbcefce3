"""The run folder: atomic, locked, refused where it is damaged, and never executed."""

from __future__ import annotations

import errno
import json
import os

import numpy as np
import pytest

from nnlab.errors import FolderGone, InputError, UsageError
from nnlab.output.run_folder import RunFolder


def made(path, config=None, command="arith", schema=2):
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"schema": schema, "command": command, "config": config or {}}))
    return RunFolder(path)


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write("results.json", b"old")

    def full(path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        folder.place("results.json", full)
    assert (tmp_path / "results.json").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["results.json"]


def test_arrays_come_back_to_the_bit_and_pickles_never(tmp_path):
    folder = RunFolder(tmp_path)
    weights = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    folder.save_arrays("run-000", {"w": weights}, {"epoch": 3, "loss": 0.1 + 0.2})
    saved = folder.load_arrays("run-000")
    assert saved is not None
    arrays, meta = saved
    assert arrays["w"].tobytes() == weights.tobytes()
    assert meta == {"epoch": 3, "loss": 0.1 + 0.2}
    np.savez(tmp_path / "checkpoint" / "run-001.npz", w=np.array([{"a": 1}], object))
    with pytest.raises(InputError, match=r"run-001\.npz: the checkpoint cannot be read"):
        folder.load_arrays("run-001")
    (tmp_path / "checkpoint" / "run-002.npz").write_bytes(b"PK\x03\x04half")
    with pytest.raises(InputError, match=r"run-002\.npz: the checkpoint cannot be read"):
        folder.load_arrays("run-002")
    assert folder.load_arrays("run-003") is None


def test_one_process_at_a_time(tmp_path):
    folder, other = RunFolder(tmp_path), RunFolder(tmp_path)
    assert not folder.busy
    with folder.locked():
        assert RunFolder(tmp_path).busy
        with pytest.raises(UsageError, match="another process is at work"):
            other.locked().__enter__()
    assert not folder.busy
    with other.locked():
        pass


def test_out_must_be_new_or_empty(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="got the file"):
        RunFolder.create("arith", tmp_path / "file")
    with pytest.raises(UsageError, match="cannot write into"):
        RunFolder.create("arith", tmp_path / "file" / "below")
    made(tmp_path / "run")
    with pytest.raises(UsageError, match="has files in it") as caught:
        RunFolder.create("arith", tmp_path / "run")
    assert "--resume" in caught.value.hint
    (tmp_path / "empty").mkdir()
    assert RunFolder.create("arith", tmp_path / "empty").path == tmp_path / "empty"


def test_two_runs_in_one_second_get_two_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = {RunFolder.create("arith", None).path for _ in range(3)}
    assert len(paths) == 3


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "a folder without config.json|an empty folder"),
        ('{"schema": 2, "comm', r"config\.json:1: expected JSON"),
        ("[]", "expected a JSON object"),
        ('{"schema": 3, "command": "arith", "config": {}}', "written by a newer version"),
        ('{"schema": 2, "command": "arith"}', "has no config in it"),
        ('{"schema": 2, "command": "mnist", "config": {}}', "expected a run of arith, .* is one of mnist"),
    ],
)
def test_open_refuses_what_is_no_run_folder(tmp_path, content, says):
    path = tmp_path / "run"
    path.mkdir()
    if content is not None:
        (path / "config.json").write_text(content)
    with pytest.raises((UsageError, InputError), match=says):
        RunFolder.open(path, "arith")


def test_metrics_have_one_row_per_epoch_and_lose_no_bit(tmp_path):
    rows = [{"run": 0, "epoch": 1, "loss": 0.1 + 0.2}, {"run": 0, "epoch": 2, "loss": 1e-9, "extra": 1.5}]
    RunFolder(tmp_path).write_metrics(rows)
    lines = (tmp_path / "metrics.csv").read_text().splitlines()
    assert RunFolder(tmp_path).read_metrics() == rows
    assert lines == ["run,epoch,loss,extra", "0,1,0.30000000000000004,", "0,2,1e-09,1.5"]


def test_results_are_never_replaced_by_an_error(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write_failure({"status": "interrupted"})
    assert folder.read_json("results.json")["status"] == "interrupted"
    folder.write_results({"status": "ok", "results": {"x": 1}})
    folder.write_failure({"status": "error"})
    assert folder.read_json("results.json") == {"status": "ok", "results": {"x": 1}}


def test_only_what_was_made_here_is_removed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    RunFolder.create("arith", tmp_path / "mine").discard_if_bare()
    assert (tmp_path / "mine").is_dir()
    RunFolder.create("arith", tmp_path / "new").discard_if_bare()
    assert not (tmp_path / "new").exists()
    bare = RunFolder.create("arith", None)
    bare.write_config("arith", {})
    bare.discard_if_bare()
    assert not (tmp_path / "runs").exists()
    begun = RunFolder.create("arith", tmp_path / "mine")
    begun.write_config("arith", {})
    begun.write_metrics([{"epoch": 1}])
    begun.discard_if_bare()
    assert (tmp_path / "mine" / "config.json").is_file()
    trained = RunFolder.create("arith", tmp_path / "trained")
    trained.write_config("arith", {})
    trained.save_arrays("done-000", {"a": np.zeros(2)}, {})  # of a worker: nothing else is written yet
    trained.discard_if_bare()
    assert RunFolder.open(tmp_path / "trained").has_arrays("done-000")
    RunFolder.open(tmp_path / "mine").discard_if_bare()  # an older run is nobody's to discard
    assert (tmp_path / "mine" / "config.json").is_file()


def test_no_link_in_a_run_folder_is_followed(tmp_path):
    """A stranger's folder must not have a file outside overwritten."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("mine")
    folder = made(tmp_path / "run")
    (folder.path / "figures").symlink_to(outside)
    with pytest.raises(UsageError, match="expected no link"):
        folder.write("figures/secret", b"theirs")
    (folder.path / "results.json").symlink_to(outside / "secret")
    folder.write_json("results.json", {"status": "ok"})
    assert (outside / "secret").read_text() == "mine"
    assert not (folder.path / "results.json").is_symlink()


def test_a_failing_parent_of_a_write_hides_no_error(tmp_path):
    folder = made(tmp_path / "run")
    (folder.path / "figures").write_text("a file where a folder should be")
    with pytest.raises(OSError, match="File exists"):
        folder.write("figures/loss.png", b"png")


def test_the_lock_is_no_link_and_nothing_is_deleted_through_one(tmp_path):
    (tmp_path / "secret").write_text("mine")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "run-000.npz").write_text("mine")
    folder = made(tmp_path / "run")
    (folder.path / ".lock").symlink_to(tmp_path / "secret")
    (folder.path / "checkpoint").symlink_to(tmp_path / "outside")
    with pytest.raises(UsageError, match="expected no link"), folder.locked():
        pass
    assert not folder.busy
    folder.drop_checkpoint("run-000")
    folder.drop_checkpoint()
    assert (tmp_path / "secret").read_text() == "mine"
    assert (tmp_path / "outside" / "run-000.npz").read_text() == "mine"


def test_of_two_commands_on_one_new_folder_one_is_refused(tmp_path):
    """Both found it empty: the second must not write its record over the first's."""
    first, second = (RunFolder.create("arith", tmp_path / "run") for _ in range(2))
    with first.locked():
        first.write_config("arith", {"digits": 3})
    with pytest.raises(UsageError, match="another process has begun a run"), second.locked():
        pass
    second.discard_if_bare()
    assert first.config == {"digits": 3}


@pytest.mark.parametrize("name", ["x" * 300, "/".join(["x" * 200] * 30)])
def test_a_path_that_is_too_long_is_wrong_usage(tmp_path, name):
    with pytest.raises(UsageError, match="file name too long"):
        RunFolder.create("arith", tmp_path / name)


def test_a_name_that_is_not_utf8_is_a_folder_like_any_other(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9")
    folder = RunFolder.create("arith", path)
    with folder.locked():
        folder.write_config("arith", {"data": os.fsdecode(b"d\xe9.txt")})
        folder.write_table("table.csv", [{"name": os.fsdecode(b"\xe9")}])
        folder.write_results({"status": "ok", "run": str(path)})
    opened = RunFolder.open(path, "arith")
    assert opened.config == {"data": os.fsdecode(b"d\xe9.txt")}
    assert opened.read_json("results.json")["run"] == str(path)
    assert (path / "results.json").read_bytes().isascii()
    assert (path / "table.csv").read_text() == "name\n\\udce9\n"


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_a_place_that_is_read_only_is_wrong_usage(tmp_path, monkeypatch, number):
    def refuse(path, *arguments, **options):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    for out in (tmp_path / "run", None):
        with pytest.raises(UsageError, match=f"cannot write into .*: {os.strerror(number).lower()}"):
            RunFolder.create("arith", out)


def test_results_of_wrong_types_are_damaged_and_say_what_to_delete(tmp_path):
    folder = made(tmp_path / "run")
    whole = {"status": "ok", "results": {}, "config": {}, "environment": {}, "seconds": {}}
    folder.write_results(whole)
    assert folder.finished
    assert folder.read_results() == {**whole, "run": str(folder.path)}  # where it lies now
    for name in whole:
        folder.write_results({**whole, name: [1]})
        with pytest.raises(InputError, match=f"expected '{name}' as nnlab writes it") as caught:
            folder.read_results()
        assert f"rm {tmp_path}/run/results.json" in caught.value.hint


@pytest.mark.parametrize(
    ("config", "says"), [({"command": 3, "config": {}}, "no command"), ({"command": "arith", "config": 3}, "no config")]
)
def test_a_record_of_wrong_types_is_damaged(tmp_path, config, says):
    folder = made(tmp_path / "run")
    folder.write_json("config.json", config)
    with pytest.raises(InputError, match=says):
        _ = folder.command, folder.config


@pytest.mark.parametrize("opened", [False, True])
def test_a_folder_that_is_moved_or_deleted_is_not_begun_anew(tmp_path, opened):
    folder = RunFolder.create("arith", tmp_path / "run")
    folder.write_json("data.json", {})
    folder.write_config("arith", {})
    folder = RunFolder.open(tmp_path / "run") if opened else folder
    folder.save_arrays("one", {"a": np.zeros(1)}, {})
    (tmp_path / "run").rename(tmp_path / "moved")
    for write in (
        lambda: folder.write_metrics([]),
        lambda: folder.write("figures/loss.png", b""),
        lambda: folder.save_arrays("one", {}, {}),
        lambda: folder.place("model.keras", lambda path: path.write_bytes(b"")),
    ):
        with pytest.raises(FolderGone, match="was moved or deleted while the run was at work") as caught:
            write()
        assert "nnlab arith --resume DIR" in caught.value.hint
    folder.discard_if_bare()
    assert not (tmp_path / "run").exists()
    RunFolder.open(tmp_path / "moved").write_metrics([])
    assert RunFolder.open(tmp_path / "moved").has_arrays("one")


def test_a_run_whose_folder_is_moved_ends_with_an_error(nnlab, tmp_path, monkeypatch):
    def execute(session, engine):
        with session.folder.locked():
            session.folder.write_config("arith", session.config.record())
            (tmp_path / "run").rename(tmp_path / "moved")
            session.folder.write_metrics([{"epoch": 1}])

    monkeypatch.setattr("nnlab.commands.train.execute", execute)
    done = nnlab("arith", "--out", "run")
    assert (done.code, done.out, done.err.count("\n")) == (4, "", 1)
    assert "run folder run was moved or deleted" in done.err
    assert not (tmp_path / "run").exists()
    assert not RunFolder.open(tmp_path / "moved").busy


def test_metrics_of_wrong_types_are_text_or_left_out(tmp_path):
    folder = made(tmp_path / "run")
    folder.write("metrics.csv", b"run,epoch,loss\n0,one,0.5,more,and more\n1\n\n")
    assert folder.read_metrics() == [{"run": 0, "epoch": "one", "loss": 0.5}, {"run": 1}]


@pytest.mark.parametrize("meta", [[], 3, "x"])
def test_a_checkpoint_whose_record_is_none_says_what_to_delete(tmp_path, meta):
    folder = made(tmp_path / "run")
    folder.save_arrays("run-000", {}, meta)
    with pytest.raises(InputError, match="cannot be read: its record is none") as caught:
        folder.load_arrays("run-000")
    assert caught.value.hint.startswith(f"Delete it (rm {tmp_path}/run/checkpoint/run-000.npz)")


def test_what_is_wrong_in_a_checkpoint_is_told_while_it_is_used(tmp_path):
    folder = made(tmp_path / "run")
    missing = pytest.raises(InputError, match=r"run-000\.npz: the checkpoint cannot be read: 'state-000'")
    with missing, folder.restoring("run-000"):
        raise KeyError("state-000")


def test_folder_of_a_run_that_was_killed_before_it_was_one_can_be_used_again(tmp_path):
    place = tmp_path / "run"
    (place / "parent").mkdir(parents=True)
    for name in (
        ".lock",
        "data.json",
        "trained_on.npy",
        ".config.12ab34cd.part.json",
        ".0011aabb.probe",
        "parent/model.keras",
    ):
        (place / name).write_bytes(b"")
    with RunFolder.create("arith", place).locked():
        pass
    (place / ".lock").write_bytes(b"")
    (place / "notes.txt").write_text("of the user")
    with pytest.raises(UsageError, match="which has files in it"):
        RunFolder.create("arith", place)
    (place / "notes.txt").unlink()
    (place / ".lock").unlink()
    with pytest.raises(UsageError, match="which has files in it"):  # a data.json of somebody else's
        RunFolder.create("arith", place)
