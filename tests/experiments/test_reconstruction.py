"""``nnlab autoencode`` and ``nnlab denoise`` from end to end: they learn, beat their baselines, and are used."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import soundfile
from PIL import Image

import nnlab as python
from nnlab.configs.autoencode import AutoencodeConfig
from nnlab.configs.denoise import DenoiseConfig
from nnlab.data.assets import report_2018
from nnlab.data.pictures import images
from nnlab.data.sounds import audio, sound_files
from nnlab.data.sounds.audio import RATE
from nnlab.data.sounds.spectrogram import WaveformFrontEnd
from nnlab.errors import UsageError, describe
from nnlab.experiments import _images, _sounds, denoise
from nnlab.experiments._codes import CodeTable
from nnlab.experiments._output_files import NotWritten, OutputFiles
from nnlab.experiments.summaries.autoencode_sounds import save_sounds
from nnlab.models.autoencoders import conv_autoencoder, encoder
from nnlab.models.cost import cost
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal
from nnlab.training.task import History, RunResult
from tests.conftest import run_in_process, valid

QUICK = ("--preset", "quick", "-q", "--json")


def _made(tmp_path_factory, *arguments):
    folder = tmp_path_factory.mktemp(arguments[0]) / "run"
    run_in_process(*arguments, *QUICK, "--out", folder)
    return folder


@pytest.fixture(scope="module")
def denoiser(tmp_path_factory):
    return _made(tmp_path_factory, "denoise", "--epochs", 2)


@pytest.fixture(scope="module")
def autoencoder(tmp_path_factory):
    return _made(tmp_path_factory, "autoencode", "--epochs", 2)


@pytest.fixture(scope="module")
def chirps(tmp_path_factory):
    return _made(tmp_path_factory, "autoencode", "--data", "chirps")


@pytest.fixture
def few(tmp_path):
    """An ``.npz`` of a few pictures, for what needs a run but no skill."""
    data = images.draw_sample(160, 20)
    np.savez(tmp_path / "few.npz", x_train=data.train, x_test=data.test)
    return tmp_path / "few.npz"


def _document(folder):
    return json.loads((folder / "results.json").read_text())


def test_presets_are_what_they_are_called():
    made = AutoencodeConfig.from_options
    report = made({"preset": "published", "net": "dense"})
    assert (report.code, report.epochs, report.activation, report.loss) == (256, 50, "sigmoid", "mse")
    assert made({"preset": "published"}).code == 1024
    birds = made({"preset": "published", "data": "birds"})
    assert (birds.net, birds.loss, birds.activation, birds.epochs, birds.code) == ("dense", "mae", "tanh", 200, 256)
    assert made({"data": "birds"}).net == "conv"
    assert made({"grid": True}).activation == "sigmoid"
    assert DenoiseConfig.from_options({"preset": "published"}).epochs == 100
    assert DenoiseConfig.from_options({}).tested == [0.5]
    several = DenoiseConfig.from_options({"noise": "0.02-0.5"})
    assert (several.sigmas, several.tested) == ((0.02, 0.5), [0.02, 0.26, 0.5])
    assert DenoiseConfig.from_options({"noise": 0.3}).sigmas == (0.3, 0.3)  # from Python, or an earlier record
    assert (several.design, several.epochs) == ("bounded", 16)
    quick = [DenoiseConfig.from_options({"noise": noise, "preset": "quick"}) for noise in ("0.5", "0.1-0.5")]
    assert [(config.design, config.epochs) for config in quick] == [("bounded", 3), ("bounded", 6)]
    squashed = DenoiseConfig.from_options({"loss": "bce"})
    assert (squashed.activation, squashed.design, squashed.epochs) == ("sigmoid", "plain", 4)
    assert DenoiseConfig.from_options({"noise": "0.1-0.3", "preset": "published"}).design == "plain"


def test_a_denoiser_learns_and_beats_the_classical_methods(denoiser):
    document = _document(denoiser)
    valid(document)
    results = document["results"]
    assert results["noisy_psnr_db"] < 10
    assert results["psnr_db"] > results["noisy_psnr_db"] + 10
    baselines = results["baselines"]
    assert set(baselines) == {"gaussian", "median", "bilateral", "total_variation", "wavelet", "non_local_means"}
    assert results["psnr_db"] > max(figures["psnr_db"] for figures in baselines.values())
    assert {"test_loss", "psnr_db", "strength"} == set(baselines["gaussian"])
    assert results["weights"] == 496_124
    assert {"figures/restored.png", "figures/loss.png", "model.keras"} <= set(document["artifacts"])
    console = (denoiser / "console.txt").read_text()
    assert "test PSNR restored" in console
    assert "0.5, clipped to 0…1" in console
    told = re.search(
        r"Beyond the best classical method \((.+)\), the network takes out (\S+) dB", " ".join(console.split())
    )
    assert told is not None
    assert told[1].replace(" ", "_") == max(baselines, key=lambda name: baselines[name]["psnr_db"])
    compared = results["compared"]
    assert compared["pictures"] == denoise.COMPARED
    assert told[2] == f"{compared['psnr_db'] - max(figures['psnr_db'] for figures in baselines.values()):.2f}"
    assert 0 < float(told[2]) < 3
    assert results["mflop"] == pytest.approx(2 * cost(python.load(denoiser).model) / 1e6, rel=1e-5)
    assert "MFLOP per picture, shown as it is and mirrored" in " ".join(console.split())
    assert max(map(len, console.splitlines())) <= 80


def test_a_table_compares_a_denoiser_and_its_baselines_on_the_same_pictures(nnlab, denoiser, tmp_path):
    document = _document(denoiser)
    results = document["results"]
    [row] = nnlab("runs", "table", denoiser, "--json").document["results"]["rows"]
    compared = row["figures"]["test_loss"]["compared"]
    assert compared == {"items": denoise.COMPARED, "value": results["compared"]["test_loss"]}
    best = row["figures"]["test_loss"]["best_baseline"]
    shown = nnlab("runs", "table", denoiser).out
    by = f"{100 * (compared['value'] / best['value'] - 1):+.1f} %".replace("-", "−")
    baseline = f"{best['name'].replace('_', ' ')} {best['value']:.5g}"
    assert f"(on {compared['items']} of them {compared['value']:.5g}, {baseline}, {by})" in shown
    assert not {name for name in row["figures"] if name.startswith("compared")}
    shutil.copytree(denoiser, tmp_path / "old", ignore=shutil.ignore_patterns("model.keras"))
    del document["results"]["compared"]  # as a record of before: no difference is told
    (tmp_path / "old" / "results.json").write_text(json.dumps(document))
    assert f"({baseline})" in nnlab("runs", "table", tmp_path / "old").out


def test_autoencoder_beats_pca_of_its_size(autoencoder):
    document = _document(autoencoder)
    valid(document)
    results = document["results"]
    assert results["code_size"] == 64
    pca = results["baselines"]["pca"]
    assert results["test_loss"] < 0.95 * pca["test_loss"]
    assert results["psnr_db"] > pca["psnr_db"]
    console = (autoencoder / "console.txt").read_text()
    share = re.search(r"Beyond PCA of as many numbers, the network takes (\S+) % off the test loss", console)
    assert share is not None
    assert float(share[1]) == pytest.approx(100 * (1 - results["test_loss"] / pca["test_loss"]), abs=0.06)
    assert max(map(len, console.splitlines())) <= 80


def test_validation_chooses_the_epoch_and_test_is_measured_with_its_weights(autoencoder):
    """A plain count over the test pictures with the model as it was saved."""
    with open(autoencoder / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    assert {"val_loss", "val_psnr_db"} < set(rows[0])
    assert not [name for name in rows[0] if name.startswith("test")]
    results = _document(autoencoder)["results"]
    assert results["val_loss"] == pytest.approx(min(float(row["val_loss"]) for row in rows))
    test = images.draw_sample().test / 255
    given = np.clip(python.load(autoencoder).model.predict(test, verbose=0), 0, 1)
    assert results["test_loss"] == pytest.approx(np.square(given - test).mean(), rel=1e-4)
    assert results["test_loss"] != pytest.approx(results["val_loss"], rel=1e-4)


def test_without_validation_every_epoch_is_measured_on_test(tmp_path, few):
    """As under the published preset: all training pictures are trained on and the last epoch's weights are kept."""
    assert AutoencodeConfig.from_options({"preset": "published"}).validation == 0
    config = DenoiseConfig.from_options({"preset": "published", "data": str(few), "epochs": 2})
    loaded = denoise.load(config)
    assert (len(loaded.data.train), loaded.data.validation) == (160, None)
    [task] = denoise.tasks(loaded.config, loaded.data)
    assert task.keep_best is None
    figures, _ = task.evaluate(task.build())
    assert sorted(figures) == ["test_loss", "test_psnr_db"]


@pytest.mark.slow
def test_sound_autoencoder_beats_both_baselines(chirps):
    document = _document(chirps)
    valid(document)
    results = document["results"]
    waveform, log_mel = (results["baselines"][name] for name in ("waveform_pca", "log_mel_pca"))
    assert results["log_mel_distance_db"] < 0.4 * waveform["log_mel_distance_db"]
    # Learned is what sings: all cells together, nearly all of them noise, may be a little worse than of PCA.
    assert results["log_mel_distance_db"] < 1.03 * log_mel["log_mel_distance_db"]
    assert results["song_distance_db"] < 0.9 * log_mel["song_distance_db"] < waveform["song_distance_db"]
    assert results["test_loss"] < log_mel["test_loss"] < waveform["test_loss"]
    assert results["decoded_distance_db"] < results["log_mel_distance_db"]  # as decoded, before it is sound
    assert waveform["decoded_distance_db"] == waveform["log_mel_distance_db"]
    waves = {}
    for name in ("original", "reconstructed", "both"):
        waves[name], rate = soundfile.read(chirps / "audio" / f"1-{name}.wav")
        assert rate == RATE
        assert 0.2 < np.abs(waves[name]).max() < 0.95
    assert len(waves["both"]) == 2 * len(waves["original"]) + RATE // 2


def test_saved_sounds_keep_the_level_of_what_came_back(tmp_path):
    tone = np.sin(np.arange(RATE, dtype=np.float32) / 10)
    test: Any = {3: 0.09 * tone, 5: 0.9 * tone}
    told = save_sounds(RunFolder(tmp_path), test, {3: test[3] / 2, 5: test[5] * 2})
    assert "+20.0 and -6.0 dB" in told  # the louder peak of a pair is at 0.9
    for count, ratio in ((1, 0.5), (2, 2.0)):
        waves = [
            soundfile.read(tmp_path / "audio" / f"{count}-{name}.wav")[0] for name in ("original", "reconstructed")
        ]
        assert waves[1].std() / waves[0].std() == pytest.approx(ratio, rel=1e-3)
        assert max(np.abs(wave).max() for wave in waves) == pytest.approx(0.9, rel=1e-3)


def test_predict_restores_pictures_of_any_size(nnlab, denoiser, tmp_path):
    rng = np.random.default_rng(0)
    clean = np.clip(np.linspace(0.2, 0.8, 40)[:, None, None] * np.ones((40, 35, 3)), 0, 1)
    noisy = np.clip(clean + rng.normal(0, 0.5, clean.shape), 0, 1)
    alpha = rng.integers(0, 256, (40, 35, 1), dtype=np.uint8)
    pixels = np.concatenate([(noisy * 255).astype(np.uint8), alpha], axis=-1)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    done = nnlab("predict", denoiser, tmp_path / "a.png", tmp_path / "nothing.png")
    assert done.code == 2
    assert "nothing.png: there is no such file" in done.err
    assert done.err.count("the network was taught noise of 0.5, clipped to 0…1") == 1
    assert done.out.splitlines() == [str(tmp_path / "a-restored.png"), ""]
    assert (tmp_path / "a.png").read_bytes() == before
    made = np.asarray(Image.open(tmp_path / "a-restored.png"))
    assert np.array_equal(made[..., 3:], alpha)
    assert np.square(made[..., :3] / 255 - clean).mean() < 0.15 * np.square(noisy - clean).mean()
    (tmp_path / "b").mkdir()
    Image.fromarray(pixels[:20, :20, :3]).save(tmp_path / "b" / "a.jpg")
    done = nnlab("predict", denoiser, tmp_path / "a.png", tmp_path / "b" / "a.jpg", "--out", tmp_path / "files")
    assert [line.rpartition("/")[2] for line in done.out.splitlines()] == ["a-restored.png", "a-restored-2.png"]
    again = nnlab("predict", denoiser, tmp_path / "a-restored.png", tmp_path / "a.png")
    assert [line.rpartition("/")[2] for line in again.out.splitlines()] == [
        "a-restored-restored.png",
        "a-restored-2.png",
    ]


def test_grey_comes_back_grey_and_what_of_a_picture_is_lost_is_told(nnlab, denoiser, autoencoder, tmp_path):
    levels = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
    grey = Image.fromarray(levels)
    grey.save(tmp_path / "l.png")
    grey.convert("LA").save(tmp_path / "la.png")
    Image.fromarray(levels.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    Image.fromarray(np.repeat(levels[..., None], 3, -1) + np.array([0, 0, 1], np.uint8)).save(tmp_path / "rgb.png")
    for name, size in (("thin", (3, 300)), ("long", (310, 30)), ("panorama", (320, 32))):
        Image.new("RGB", size).save(tmp_path / f"{name}.png")
    for run, suffix in ((denoiser, "restored"), (autoencoder, "reconstructed")):
        done = nnlab("predict", run, "l.png", "la.png", "deep.png", "rgb.png", "thin.png", "long.png", "panorama.png")
        assert done.code == 0
        made = [np.asarray(Image.open(tmp_path / f"{name}-{suffix}.png")) for name in ("l", "la", "deep", "rgb")]
        assert [picture.shape[2:] for picture in made] == [(), (2,), (), (3,)]
        assert np.abs(made[0] - made[3].mean(-1)).mean() < 2
        assert "input 3: 16 or 32 bits: read as 8 bits, black to white is 0 to 65,535" in done.err
        assert "input 5: 3 × 300 pixels: most of what the network sees is the picture mirrored" in done.err
        assert "input 6: 310 × 30 pixels" in done.err
        assert "input 7" not in done.err  # through tiles like any other
    scores = nnlab("predict", autoencoder, "panorama.png", "--scores")
    assert "input 1: 320 × 32 pixels: its middle is read, 32 × 32" in scores.err


def test_a_full_disk_costs_what_does_not_fit_and_is_told_by_the_name_of_out(nnlab, denoiser, tmp_path, monkeypatch):
    for name in "abc":
        Image.new("RGB", (32, 32)).save(tmp_path / f"{name}.png")
    real, fails = Image.Image.save, {1}
    calls = []

    def save(self, path, *args, **kwargs):
        calls.append(path)
        if len(calls) - 1 in fails:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, path, *args, **kwargs)

    monkeypatch.setattr(Image.Image, "save", save)
    words = ["predict", denoiser, "a.png", "b.png", "c.png", "--out", "new/files"]
    done = nnlab(*words)
    assert done.code == 4
    assert done.out.splitlines() == ["new/files/a-restored.png", "", "new/files/c-restored.png"]
    assert "error: input 2: no space left on the disk that holds --out new/files. Free some space" in done.err
    assert done.err.count("error: ") == 1
    assert len(calls) == 3
    calls.clear()
    fails = {0, 1, 2}
    for path in (tmp_path / "new" / "files").iterdir():
        path.unlink()
    (tmp_path / "new" / "files").rmdir()
    done = nnlab(*words, "--json")
    assert done.code == 4
    assert [answer["answer"] for answer in done.document["results"]["answers"]] == [None] * 3
    assert "3 of 3 inputs have no answer" in done.document["error"]["message"]
    assert list((tmp_path / "new").iterdir()) == []  # it was there before


def test_a_folder_that_cannot_be_written_is_named_once(tmp_path):
    def write(path):
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    with pytest.raises(UsageError, match=r"^--out .*ro: read-only file system$"):
        OutputFiles(tmp_path / "ro").write(tmp_path / "a.png", "restored", ".png", write)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError, match=rf"^{tmp_path}: read-only file system$"):
        OutputFiles(None).write(tmp_path / "a.png", "restored", ".png", write)


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "no space left on the disk that holds --out new"),
        (errno.EFBIG, "a file in --out new would be larger than this process may write"),
        (errno.EIO, "--out new: input/output error"),
    ],
)
def test_what_a_disk_does_is_told_and_no_empty_folder_left(tmp_path, monkeypatch, number, says):
    def write(path):
        raise OSError(number, os.strerror(number))

    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotWritten, match=f"^{says}$") as told:
        OutputFiles(Path("new")).write(Path("a.png"), "restored", ".png", write)
    assert describe(told.value).exit_code == 4
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("predictor", [_sounds.SoundAutoencoder, _sounds.SoundCodes])
def test_what_the_network_does_not_hear_of_a_sound_is_told(tmp_path, predictor):
    """No network is needed to read a sound: only what makes rows of it."""
    reader = predictor.__new__(predictor)
    reader.front, reader.scores = WaveformFrontEnd(), False

    def told(hertz: dict[float, float], rate: int = 44_100) -> str:
        time = np.arange(rate) / rate
        wave = 0.1 + sum(level * np.sin(2 * np.pi * one * time) for one, level in hertz.items())
        soundfile.write(tmp_path / "a.wav", np.stack([wave, wave / 2], axis=1), rate)
        return reader.note(reader.read(str(tmp_path / "a.wav")))

    says = " of its energy lies below 250 Hz or above 11,025 Hz, which the network does not hear"
    assert told({100: 0.2, 1000: 0.02}) == "99 %" + says
    assert told({15_000: 0.2, 1000: 0.1}) == "80 %" + says
    assert (
        told({100: 0.2, 1000: 0.1}, 16_000) == "80 % of its energy lies below 250 Hz, which the network does not hear"
    )
    assert told({100: 0.1, 1000: 0.2}) == ""


@pytest.mark.slow
def test_predict_sounds_of_any_kind(nnlab, chirps, tmp_path):
    wave = audio.sing_sample(6, 1.0).test[0]
    stereo = np.stack([wave, wave[::-1]], axis=1)
    soundfile.write(tmp_path / "a.flac", audio.resample(stereo[:, 0], RATE, 44_100), 44_100)
    soundfile.write(tmp_path / "b.wav", stereo, RATE)
    done = nnlab("predict", chirps, tmp_path / "a.flac", tmp_path / "b.wav")
    assert done.code == 0, done.err
    assert done.out.splitlines() == [str(tmp_path / f"{name}-reconstructed.wav") for name in "ab"]
    one, rate = soundfile.read(tmp_path / "a-reconstructed.wav")
    assert rate == 44_100
    assert len(one) == 44_100
    two, rate = soundfile.read(tmp_path / "b-reconstructed.wav")
    assert two.shape == (RATE, 2)
    assert 0.5 < two[:, 0].std() / wave.std() < 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["denoise", "--noise", 0], "expected --noise above 0 and at most 5, got 0"),
        (["denoise", "--noise", "0.1-9"], "expected --noise above 0 and at most 5, got 9"),
        (["denoise", "--noise", "0.5-0.1"], "expected the first number of --noise to be the smaller, got 0.5-0.1"),
        (["denoise", "--noise", "much"], "expected --noise as a number, or as two with a dash between, got 'much'"),
        (["denoise", "--loss", "bce", "--activation", "tanh"], "--loss bce needs an output between 0 and 1"),
        (["denoise", "--data", "nowhere"], "nowhere"),
        (["denoise", "--grid", "--loss", "mae"], "--grid compares mse and bce"),
        (["autoencode", "--activation", "sigmoid", "--code", 64], "has a code of 1024 values, got --code 64"),
        (["autoencode", "--data", "birds", "--grid"], "for sounds"),
        (["autoencode", "--data", "birds", "--net", "conv", "--preset", "published"], "no convolutional network"),
        (["autoencode", "--data", "chirps", "--activation", "sigmoid"], "for sounds --net conv has a linear output"),
    ],
)
def test_options_that_do_not_fit_are_refused(nnlab, arguments, says):
    done = nnlab(*arguments)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert says in done.err


@pytest.mark.parametrize(("data", "published"), [(None, [0.003, 0.007, 0.6, 0.724]), ("sample", [None] * 4)])
def test_grid_stands_beside_the_published_table_where_the_pictures_are_its(data, published):
    config = AutoencodeConfig.from_options({"grid": True, "data": data})
    run = RunResult(History([{"epoch": 1, "loss": 1.0}]), {"test_loss": 0.5, "test_psnr_db": 20.0})
    results = {f"{loss}_{activation}": [run] for loss, activation in config.outputs}
    terminal = Terminal()
    rows = _images.grid_table(config, results, report_2018("autoencode"), terminal)
    assert [row["published"] for row in rows] == published
    assert ("2018 report" in terminal.transcript) is (data is None)


@pytest.mark.slow
def test_grid_of_other_pictures_does_not_stand_beside_the_published_table(nnlab, few):
    done = nnlab("denoise", "--grid", *QUICK, "--data", few, "--epochs", 1, "--out", "grid")
    assert done.code == 0, done.err
    grid = done.document["results"]["grid"]
    assert [(row["loss"], row["activation"]) for row in grid] == [
        *(("mse", "sigmoid"), ("mse", "softmax"), ("bce", "sigmoid"), ("bce", "softmax")),
    ]
    assert [row["published"] for row in grid] == [None] * 4
    assert "2018 report" not in (Path("grid") / "console.txt").read_text()
    assert done.document["results"]["test_loss"] == grid[0]["test_loss"]


@pytest.mark.parametrize("preset", ["best", "quick", "published"])
@pytest.mark.parametrize("activation", ["linear", "sigmoid"])
def test_this_projects_denoiser_is_trained_by_muon_and_the_reports_by_adam(preset, activation):
    config = DenoiseConfig.from_options({"preset": preset, "activation": activation})
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    kinds = {"published": "Adam", "linear": "Muon", "sigmoid": "AdamW"}
    optimizer = _images.compiled(config, model, "mse", 10).optimizer
    assert type(optimizer).__name__ == kinds.get(preset, kinds[activation])
    rates = {"published": (1e-3, 128), "sigmoid": (3e-3, 32), "linear": (6e-3, 64 if preset == "best" else 32)}
    assert (config.learning_rate, config.batch_size) == rates.get(preset, rates[activation])


def test_an_error_counts_by_one_over_the_noise_of_its_picture():
    """All noise is to count alike, and the mean weight of a batch is 1, so that the learning rate means the same."""
    rng = np.random.default_rng(0)
    train, test = (rng.integers(0, 256, (count, 32, 32, 3), np.uint8) for count in (40, 8))
    pictures = images.Pictures(train, test, "here")
    config = DenoiseConfig.from_options({"noise": "0.1-0.5", "batch_size": 40}, settings=True)
    [task] = denoise.tasks(config.resolved(validation=0.0), pictures)
    [(noisy, clean, weights)] = list(task.batches(None, 0, 0))
    assert noisy.shape == clean.shape == (40, 32, 32, 3)
    assert weights.shape == (40, 1, 1)
    assert weights.mean() == pytest.approx(1)
    each = np.linspace(0.105, 0.495, 40)  # the middles of forty stretches, as the noise layer draws them
    np.testing.assert_allclose(weights[:, 0, 0] * each, weights[0, 0, 0] * each[0], rtol=1e-5)


@pytest.mark.slow
def test_noise_of_a_range_is_measured_at_both_ends_and_between(nnlab, tmp_path):
    data = images.draw_sample(20, 10)
    np.savez(tmp_path / "few.npz", x_train=data.train, x_test=data.test)
    done = nnlab(
        "denoise", "--noise", "0.1-0.5", "--no-clip", *QUICK, "--data", "few.npz", "--epochs", 1, "--out", "run"
    )
    assert done.code == 0, done.err
    results = done.document["results"]
    rows = results["by_noise"]
    assert [row["noise"] for row in rows] == [0.1, 0.3, 0.5]
    assert results["test_loss"] == pytest.approx(np.mean([row["test_loss"] for row in rows]))
    for row in rows:  # not clipped, noise is what it is called
        assert row["noisy_psnr_db"] == pytest.approx(-20 * np.log10(row["noise"]), abs=0.15)
        assert row["baseline_psnr_db"] > row["noisy_psnr_db"]
    clean = data.test / 255
    noisy = denoise.with_noise(data.test, 0.5, range(10), clip=False)
    model = python.load(tmp_path / "run").model
    both = [model.predict(given, verbose=0) for given in (noisy, np.ascontiguousarray(noisy[:, :, ::-1]))]
    mean = np.clip((both[0] + both[1][:, :, ::-1]) / 2, 0, 1)
    assert rows[2]["test_loss"] == pytest.approx(np.square(mean - clean).mean(), rel=1e-4)
    with open(tmp_path / "run" / "metrics.csv", newline="") as file:
        [row] = csv.DictReader(file)
    assert {"val_loss", "val_psnr_db_at_0.1", "val_loss_at_0.5"} < set(row)
    assert "0.1 to 0.5, drawn for each picture, not clipped" in " ".join(
        (tmp_path / "run" / "console.txt").read_text().split()
    )


def test_what_turns_out_to_be_typed_in_vain_is_refused_once_the_data_are_loaded(nnlab, tmp_path):
    (tmp_path / "songs").mkdir()
    for number, wave in enumerate(audio.sing_sample(8, 1.0).train):
        soundfile.write(tmp_path / "songs" / f"{number}.wav", wave, audio.RATE)
    done = nnlab("autoencode", "--preset", "quick", "--data", "songs", "--set", "mirror=false", "--out", "run")
    assert (done.code, done.out) == (2, "")
    assert "mirror changes nothing with kind sounds" in done.err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_interrupted_run_is_resumed_to_the_bit(nnlab, few, tmp_path, monkeypatch):
    from nnlab.commands.runs import compare
    from nnlab.training import loop

    arguments = ["denoise", *QUICK, "--data", few, "--epochs", 2]
    assert nnlab(*arguments, "--out", "whole").code == 0
    real = loop._fit_batches
    calls = []

    def interrupted(*given):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(loop, "_fit_batches", interrupted)
    assert nnlab(*arguments, "--out", "cut").code == 130
    monkeypatch.setattr(loop, "_fit_batches", real)
    assert nnlab("denoise", "--resume", "cut", "-q").code == 0
    [row] = nnlab("runs", "table", "cut", "--json").document["results"]["rows"]
    assert row["seconds"] is None  # those of the process that was interrupted are not known
    beside = nnlab("runs", "compare", "whole", "cut", "--json").document["results"]
    assert beside["environment"] == {}
    from nnlab.output.run_folder import RunFolder

    assert compare(RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "cut")) == []


@pytest.mark.release
def test_published_sound_network_runs(nnlab):
    done = nnlab("autoencode", "--data", "chirps", "--net", "dense", *QUICK, "--epochs", 1, "--out", "dense")
    assert done.code == 0, done.err
    assert done.document["results"]["code_size"] == 256


# ---- codes and errors --------------------------------------------------------------------------------


def _table(path):
    header, *rows = csv.reader(path.read_text(encoding="utf-8").splitlines())
    return header, rows


def test_codes_give_the_pictures_back_and_scores_are_the_runs_test_loss(nnlab, autoencoder, tmp_path):
    test = images.draw_sample().test[:60]
    names = [f"{number}.png" for number in range(len(test))]
    for name, picture in zip(names, test, strict=True):
        Image.fromarray(picture).save(tmp_path / name)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    pages = [Image.fromarray(picture) for picture in test[:2]]
    pages[0].save(tmp_path / "0.png", save_all=True, append_images=pages[1:])
    done = nnlab("predict", autoencoder, *names[:2], "broken.png", *names[2:], "--scores", "--codes", "codes.csv")
    assert done.code == 2
    pages_told, broken, *_ = done.err.splitlines()
    assert pages_told == "warning: input 1: several pictures in one file: the first is read"
    assert broken.startswith("error: input 3: broken.png: expected a picture")
    *lines, path = done.out.splitlines()
    assert path == "codes.csv"
    assert lines[2] == ""
    scores = [line.split("\t") for line in lines if line]
    assert [name for _, name in scores] == names
    header, rows = _table(tmp_path / "codes.csv")
    run = python.load(autoencoder)
    assert header == ["file", *(f"c{number}" for number in range(1, run.config.code + 1))]
    assert [row[0] for row in rows] == names
    decoder = keras.Model(run.model.get_layer("code").output, run.model.output)
    made = np.asarray(decoder(np.array([row[1:] for row in rows], "float32")))
    pictures = test / np.float32(255)
    np.testing.assert_allclose(made, np.asarray(run.model(pictures)), atol=1e-4)
    errors = np.square(made.clip(0, 1) - pictures).mean(axis=(1, 2, 3))
    np.testing.assert_allclose([float(score) for score, _ in scores], errors, rtol=1e-3)
    assert run.predict(names[:3], scores=True) == pytest.approx(errors[:3].tolist(), rel=1e-3)
    assert not list(tmp_path.glob("*-reconstructed*"))


def test_weights_of_pictures_are_refused_for_sounds(nnlab, autoencoder):
    done = nnlab("autoencode", "--from", autoencoder, "--data", "chirps", "--out", "new")
    assert done.code == 2
    assert "do not fit the network of these options" in done.err.splitlines()[-1]


def test_scores_of_all_test_pictures_are_the_test_loss(nnlab, autoencoder, tmp_path):
    test = images.draw_sample().test
    names = [f"{number}.png" for number in range(len(test))]
    for name, picture in zip(names, test, strict=True):
        Image.fromarray(picture).save(tmp_path / name)
    answers = nnlab("predict", autoencoder, *names, "--scores", "--json").document["results"]["answers"]
    mean = np.mean([answer["answer"] for answer in answers])
    assert mean == pytest.approx(_document(autoencoder)["results"]["test_loss"], rel=1e-3)


@pytest.mark.release
def test_codes_of_a_sound_are_one_row_per_window(nnlab, chirps, tmp_path):
    rate, seconds = 22_050, 1.5
    rng = np.random.default_rng(0)
    time = np.arange(int(rate * seconds)) / rate
    sound = np.sin(2 * np.pi * 3000 * time) * 0.3 + rng.normal(0, 0.01, len(time))
    soundfile.write(tmp_path / "a b.wav", np.stack([sound, 0.5 * sound], axis=1), rate)
    done = nnlab("predict", chirps, "a b.wav", "--codes", "out/codes.csv", "--json")
    assert done.code == 0
    assert done.document["artifacts"] == ["out/codes.csv"]
    header, rows = _table(tmp_path / "out" / "codes.csv")
    assert header[:3] == ["file", "second", "c1"]
    assert [row[:2] for row in rows] == [["a b.wav", f"{second:.3f}"] for second in (0, 2 / 3, 4 / 3)]
    assert {len(row) for row in rows} == {len(header)}
    assert done.document["results"]["answers"][0]["answer"] == len(rows)
    score = float(nnlab("predict", chirps, "a b.wav", "--scores").out.split("\t")[0])
    run = python.load(chirps)
    rows_of = run._predictor.front.rows(audio.mono(sound_files.read_sound(tmp_path / "a b.wav"))[0])
    assert score == pytest.approx(float(np.square(np.asarray(run.model(rows_of)) - rows_of).mean()), rel=1e-3)


@pytest.mark.release
def test_scores_say_what_a_sound_of_a_low_rate_cannot_have(nnlab, chirps, tmp_path):
    rng = np.random.default_rng(0)
    for rate in (8_000, 22_050):
        soundfile.write(tmp_path / f"{rate}.wav", rng.normal(0, 0.1, rate), rate)
    done = nnlab("predict", chirps, "8000.wav", "22050.wav", "--scores")
    assert (done.code, len(done.out.splitlines())) == (0, 2)
    nothing = "a sound at 8,000 Hz has nothing above 4,000 Hz; the score compares up to 11,025 Hz"
    assert done.err == f"warning: input 1: {nothing}\n"
    assert nnlab("predict", chirps, "8000.wav", "--codes", "codes.csv").err == ""


@pytest.mark.parametrize("there", ["file", "link", "folder"])
def test_codes_go_over_nothing(nnlab, autoencoder, tmp_path, there):
    Image.fromarray(images.draw_sample().test[0]).save(tmp_path / "a.png")
    target = tmp_path / "codes.csv"
    if there == "file":
        target.write_text("mine")
    elif there == "link":
        target.symlink_to("nowhere")
    else:
        target.mkdir()
    done = nnlab("predict", autoencoder, "a.png", "--codes", "codes.csv")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: expected a new file for --codes, codes.csv exists. Name another file")
    assert there != "file" or target.read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "codes.csv"}


def test_no_codes_leave_no_file(nnlab, autoencoder, tmp_path):
    done = nnlab("predict", autoencoder, "missing.png", "--codes", "codes.csv")
    assert (done.code, done.out) == (2, "")
    assert list(tmp_path.iterdir()) == []


def test_a_table_that_breaks_off_leaves_nothing_and_none_is_overwritten(tmp_path):
    table = CodeTable(tmp_path / "codes.csv")
    table.add(["file", "c1"], [["a\udce9.png", "1"]])
    assert table.finish(whole=False) == []
    assert list(tmp_path.iterdir()) == []
    table.add(["file", "c1"], [["a\udce9.png", "1"]])
    (tmp_path / "codes.csv").write_text("another's")
    with pytest.raises(UsageError, match="exists"):
        table.finish(whole=True)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["another's"]


def test_a_disk_that_is_full_is_told_by_the_name_of_the_table(tmp_path, monkeypatch):
    """Its rows were still in the buffer and are written when it is closed."""

    def full(*given, **named):
        return real("/dev/full", "w", encoding="utf-8", newline="")

    real = open
    monkeypatch.setattr("builtins.open", full)
    table = CodeTable(tmp_path / "codes.csv")
    table.add(["file", "c1"], [["a", "1"]])
    with pytest.raises(OSError, match="No space") as caught:
        table.finish(whole=True)
    assert describe(caught.value).message == f"no space left on the disk that holds {tmp_path / 'codes.csv'}"


def test_codes_and_scores_are_autoencoders(nnlab, denoiser, autoencoder, tmp_path):
    done = nnlab("predict", denoiser, "a.png", "--scores")
    assert done.code == 2
    assert "a run of denoise does not take --scores" in done.err
    done = nnlab("predict", autoencoder, "a.png", "--scores", "--out", "there")
    assert done.code == 2
    assert "--out is where reconstructions go" in done.err


def test_the_encoder_of_the_pooled_network():
    model = conv_autoencoder((8, 8, 3), "sigmoid")
    pictures = np.random.default_rng(0).random((2, 8, 8, 3)).astype("float32")
    assert np.asarray(encoder(model)(pictures)).shape == (2, 2 * 2 * 16)
