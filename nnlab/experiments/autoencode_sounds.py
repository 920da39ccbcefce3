"""``nnlab autoencode`` on sounds: bird song through 256 numbers a second.

The report's network (``--net dense``) reads 11 s as 21,167 numbers, that is at 1.9 kHz: above 1 kHz, where
birds sing, nothing is left to learn. ``--net conv`` reads what the ear does, the log-mel spectrogram of the sound
at 22,050 Hz in windows of 60 frames (two thirds of a second), starts as their principal components and learns
what is left; the sound comes back by finding samples whose spectrogram is the one that was decoded.

Two linear floors stand beside it, fitted on the same recordings with as many numbers a window: PCA of the
samples, and PCA of the log-mel spectrogram, whose sound is made in the same way. All figures are of recordings
never trained on, after the offset and what is below 250 Hz were taken away.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlab.commands.train import Bench
from nnlab.data import audio, spectrogram
from nnlab.data.audio import RATE, Recordings, Sounds, Wave
from nnlab.data.datasets import SAMPLE
from nnlab.data.report_2018 import published
from nnlab.errors import UsageError
from nnlab.evaluation.intervals import over_runs
from nnlab.evaluation.pictures import loss_of
from nnlab.evaluation.sounds import PcaBaselines, fit_pca_baselines, log_mel_distance_db, snr_db, spectral_distance_db
from nnlab.experiments._images import Outputs
from nnlab.models import pca
from nnlab.models.sounds import LogMelFrontEnd, WaveformFrontEnd, sounds_of
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import ColourRow, number, table

if TYPE_CHECKING:
    from nnlab.experiments.autoencode_images import AutoencodeConfig
    from nnlab.training.repeat import Outcome

EXAMPLES = 3
STEP = 5  # frames between the windows that are trained on
PAUSE = 0.5  # seconds between original and reconstruction


def check(config: AutoencodeConfig) -> None:
    """Raise UsageError where the options do not fit sounds."""
    wanted = {"conv": ("linear", ("mse", "mae")), "dense": ("tanh", ("mse", "mae"))}[config.net]
    if config.net == "conv" and config.preset == "published":
        raise UsageError("the report has no convolutional network for sounds", "Use --net dense, or --preset best")
    if config.activation != wanted[0] or config.loss not in wanted[1] or config.grid:
        raise UsageError(
            f"for sounds --net {config.net} has a {wanted[0]} output and --loss mse or mae, no --grid",
            "Leave --activation and --grid out",
        )
    if config.net == "conv" and code_of_window(config) < 1:
        raise UsageError(f"expected --code of at least 2 numbers a second, got {config.code}", "The usual is 256")


def code_of_window(config: AutoencodeConfig) -> int:
    """Numbers in the code of one window: of 11 s for the report's network, else ``--code`` a second."""
    return config.code if config.net == "dense" else config.code * LogMelFrontEnd.window // spectrogram.FRAMES


def build(config: AutoencodeConfig) -> Any:
    """The network, not compiled; the same for training and for ``predict``."""
    from nnlab.models import autoencoders as models

    code = code_of_window(config)
    if config.net == "dense":
        return models.dense_autoencoder((WaveformFrontEnd.numbers,), code, config.activation)
    return models.residual_autoencoder((LogMelFrontEnd.window, spectrogram.BANDS, 1), code, (24, 48), (0, 1), (0, 0))


# ---- run ---------------------------------------------------------------------------------------------


def run_sounds(config: AutoencodeConfig, bench: Bench) -> dict[str, Any]:
    """The experiment: floors, network, sounds of both, measured on held-out recordings; show and save."""
    with bench.clock("data"):
        data = audio.load(SAMPLE if config.data == "chirps" else str(config.data))
    for name in data.skipped:
        bench.terminal.warn(f"skipped {name}")
    bench.start_backend()
    from nnlab.models.autoencoders import init_from_pca
    from nnlab.training.batches import predict_in_batches
    from nnlab.training.reconstruct import compiled, train_seeds

    with bench.clock("data"):
        heard = [spectrogram.log_mel(wave) for wave in data.train]
        front, floors, rows, make = prepare(config, data, heard)
        held_out = [front.rows(wave) for wave in data.test]
        del heard
        if isinstance(front, LogMelFrontEnd):  # what is learnt from is in `make`: 68 MB of birds less
            data = replace(data, train=replace(data.train, samples=np.zeros(0, np.float32)))
    bench.folder.write_json(
        "spectrum.json", {"mean": getattr(front, "mean", 0), "deviation": getattr(front, "deviation", 1)}
    )
    steps = max(1, rows // config.batch_size) * config.epochs
    tested = np.concatenate(held_out)

    def built() -> Any:
        model = build(config)
        if config.net == "conv":
            assert isinstance(front, LogMelFrontEnd)
            found = floors.log_mel
            mean = (found.mean - front.mean) / front.deviation
            init_from_pca(model, mean, found.components, found.deviation / front.deviation)
        schedule = config.preset != "published"
        return compiled(model, config.loss, config.learning_rate, steps, schedule=schedule)

    def measure(model: Any) -> dict[str, float]:
        return {"val_loss": loss_of(config.loss, predict_in_batches(model, tested, size=50), tested)}

    def finish(model: Any, run: int) -> tuple[dict[str, Any], dict[str, Any]]:
        if run == 0:
            bench.folder.place("model.keras", model.save)
        decoded = [predict_in_batches(model, part, size=50) for part in held_out]
        jobs = [partial(front.sound, part, wave) for part, wave in zip(decoded, data.test, strict=True)]
        made = sounds_of(jobs)
        figures = compare(data.test, made)
        if isinstance(front, LogMelFrontEnd):
            figures["decoded_distance_db"] = distance_before_sound(
                data.test,
                [front.decibels(d, spectrogram.frame_count(len(w))) for d, w in zip(decoded, data.test, strict=True)],
            )
        chosen = examples(data.test)
        return figures, {f"made-{place}": made[place] for place in chosen}

    outcomes = train_seeds(
        bench,
        built,
        rows,
        make,
        measure,
        seeds=config.seeds,
        epochs=config.epochs,
        batch_size=min(config.batch_size, rows),
        finish=finish,
    )
    with bench.clock("evaluate"):
        compared = of_floors(floors, data.test)
        compared["pca_test_loss"] = floor_loss(config, floors, front, data, tested)
    return present(config, bench, data, floors, compared, outcomes)


def prepare(config: AutoencodeConfig, data: Sounds, heard: Sequence[Wave]) -> tuple[Any, PcaBaselines, int, Any]:
    """(front end, floors, number of training rows, what makes a batch of their numbers)."""
    if config.net == "dense":
        slow = WaveformFrontEnd()
        rows = np.concatenate([slow.rows(wave) for wave in data.train])
        return (
            slow,
            fit_pca_baselines(data.train, heard, slow.window, code_of_window(config)),
            len(rows),
            lambda n, rng: rows[n],
        )
    count = sum(map(len, heard))
    mean = float(sum(float(one.sum(dtype=np.float64)) for one in heard) / (count * spectrogram.BANDS))
    squared = sum(float(np.square(one - mean, dtype=np.float64).sum()) for one in heard)
    front = LogMelFrontEnd(mean, float(np.sqrt(squared / (count * spectrogram.BANDS))))
    floors = fit_pca_baselines(data.train, heard, front.window, code_of_window(config))
    long = [one if len(one) >= front.window else spectrogram.windows(one, front.window)[0] for one in heard]
    scaled = [(one - front.mean) / front.deviation for one in long]
    places = [(k, start) for k, one in enumerate(scaled) for start in range(0, len(one) - front.window + 1, STEP)]

    def make(numbers: Any, rng: np.random.Generator) -> Any:
        batch = np.empty((len(numbers), front.window, spectrogram.BANDS, 1), np.float32)
        for row, (k, start) in enumerate(places[place] for place in numbers):
            first = int(np.clip(start + rng.integers(-2, 3), 0, len(scaled[k]) - front.window))
            batch[row, ..., 0] = scaled[k][first : first + front.window]
        return batch

    return front, floors, len(places), make


# ---- evaluate ----------------------------------------------------------------------------------------


def compare(originals: Recordings, made: Sequence[Wave]) -> dict[str, Any]:
    """Means over recordings of the two measures."""
    pairs = list(zip(originals, made, strict=True))
    return {
        "snr_db": float(np.mean([snr_db(original, one) for original, one in pairs])),
        "log_mel_distance_db": float(np.mean([log_mel_distance_db(original, one) for original, one in pairs])),
    }


def distance_before_sound(originals: Recordings, decoded: Sequence[Wave]) -> float:
    """The log-mel distance of the decoded spectrograms, before they become sound."""
    pairs = zip(originals, decoded, strict=True)
    return float(np.mean([spectral_distance_db(spectrogram.log_mel(wave), one) for wave, one in pairs]))


def of_floors(floors: PcaBaselines, test: Recordings) -> dict[str, Any]:
    """Measures and sounds of both linear codes."""
    samples = [floors.of_waveform(wave) for wave in test]
    decoded = [floors.of_log_mel(wave) for wave in test]
    spoken = sounds_of([partial(spectrogram.sound, one, len(wave)) for one, wave in zip(decoded, test, strict=True)])
    return {
        "waveform_pca": compare(test, samples),
        "log_mel_pca": compare(test, spoken),
        "decoded_distance_db": distance_before_sound(test, decoded),
        "sounds": {"waveform PCA": samples, "log-mel PCA": spoken},
    }


def floor_loss(config: AutoencodeConfig, floors: PcaBaselines, front: Any, data: Sounds, tested: Any) -> float:
    """The loss of PCA with as many numbers on what the network reads."""
    if isinstance(front, LogMelFrontEnd):
        back = [(floors.of_log_mel(wave) - front.mean) / front.deviation for wave in data.test]
        rows = np.concatenate([spectrogram.windows(one, front.window)[..., None] for one in back])
        return loss_of(config.loss, rows, tested)
    train = np.concatenate([front.rows(wave) for wave in data.train])
    return loss_of(config.loss, pca.fit(lambda: iter([train]), code_of_window(config)).back(tested), tested)


def examples(test: Recordings) -> list[int]:
    """The recordings to listen to: those whose spectrogram moves most, where something sings."""
    moves = [float(np.diff(spectrogram.log_mel(wave), axis=0).std()) for wave in test]
    return sorted(range(len(moves)), key=lambda place: (-moves[place], place))[:EXAMPLES]


# ---- present -----------------------------------------------------------------------------------------


def present(
    config: AutoencodeConfig,
    bench: Bench,
    data: Sounds,
    floors: PcaBaselines,
    compared: Mapping[str, Any],
    outcomes: Sequence[Outcome],
) -> dict[str, Any]:
    """Small spectrograms, the table, figures, WAV files, and the ``results`` of the JSON document."""
    from nnlab.output.figures_sounds import thumbnail

    terminal = bench.terminal
    results: dict[str, Any] = {
        "loss": over_runs([float(one.history.best["loss"]) for one in outcomes]),
        "test_loss": over_runs([float(one.history.best["val_loss"]) for one in outcomes]),
        "code_size": config.code,
        "pca_test_loss": compared["pca_test_loss"],
        **{name: over_runs([one.figures[name] for one in outcomes]) for name in ("snr_db", "log_mel_distance_db")},
        "baselines": {name: compared[name] for name in ("waveform_pca", "log_mel_pca")},
        "sample_rate": RATE,
    }
    chosen = examples(data.test)
    made = {place: outcomes[0].arrays[f"made-{place}"] for place in chosen}
    first = chosen[0]
    pictures = [thumbnail(data.test[first]), thumbnail(made[first])]
    terminal.show(ColourRow(pictures, [f"{data.test.names[first]}"[:38], "reconstruction"], columns=38), "")
    seconds = floors.window / spectrogram.FRAMES
    shown = table("held-out recordings", "SNR (dB)", "log-mel distance (dB)")
    shown.add_row("network", number(results["snr_db"], ".2f"), number(results["log_mel_distance_db"], ".2f"))
    for name, label in (("waveform_pca", "PCA of the waveform"), ("log_mel_pca", "PCA of the log-mel spectrogram")):
        shown.add_row(label, f"{compared[name]['snr_db']:.2f}", f"{compared[name]['log_mel_distance_db']:.2f}")
    terminal.show(shown, "")
    more = table("recordings trained on / held out", f"{len(data.train)} / {len(data.test)}")
    more.add_row("numbers in the code", f"{code_of_window(config)} for {seconds:.3g} s")
    more.add_row("  of PCA: waveform / log-mel", f"{floors.waveform.size} / {floors.log_mel.size}")
    more.add_row(f"training loss ({config.loss})", number(results["loss"]))
    more.add_row(f"test loss ({config.loss})", f"{number(results['test_loss'])} (PCA {compared['pca_test_loss']:.4f})")
    if "decoded_distance_db" in outcomes[0].figures:
        mine = over_runs([one.figures["decoded_distance_db"] for one in outcomes])
        pair = f"{number(mine, '.2f')} (PCA {compared['decoded_distance_db']:.2f}) dB"
        more.add_row("decoded spectrogram, before it is sound", pair)
    more.add_row("taken away before", f"offset, below {audio.LOWEST:g} Hz")
    if config.net == "dense" and config.data == "birds":
        report = published("birds")
        more.add_row(
            "the report of 2018, loss / test loss", f"{report['loss']:g} / {report['test_loss']:g}, unnormalised"
        )
    terminal.show(more)
    save(config, bench.folder, data, compared, outcomes, made)
    return results


def save(
    config: AutoencodeConfig,
    folder: RunFolder,
    data: Sounds,
    compared: Mapping[str, Any],
    outcomes: Sequence[Outcome],
    made: Mapping[int, Wave],
) -> None:
    """WAV files of the examples; waveforms (the report's Figure 3), spectrograms, losses (Figure 4)."""
    from nnlab.experiments.denoise import loss_figure
    from nnlab.output import figures, figures_sounds

    for count, (place, one) in enumerate(made.items(), start=1):
        original, back = match_loudness(data.test[place], one)
        pause = np.zeros(int(PAUSE * RATE), np.float32)
        files = {"original": original, "reconstructed": back, "both": np.concatenate([original, pause, back])}
        for name, wave in files.items():
            folder.write(f"audio/{count}-{name}.wav", wav(wave, RATE))
    names = [Path(data.test.names[place]).stem for place in made]
    pairs = [(name, *match_loudness(data.test[k], one)) for name, (k, one) in zip(names, made.items(), strict=True)]
    folder.write("figures/waveforms.png", figures.png(figures_sounds.waveforms(pairs, title="Held-out recordings")))
    rows = [
        (name, [("", data.test[k]), ("network", one), *((what, wave[k]) for what, wave in compared["sounds"].items())])
        for name, (k, one) in zip(names, made.items(), strict=True)
    ]
    figure = figures_sounds.spectrograms(rows, title="Held-out recordings and what comes back")
    folder.write("figures/spectrograms.png", figures.png(figure))
    curves = loss_figure({config.loss: outcomes}, f"nnlab autoencode ({config.preset})")
    folder.write("figures/loss.png", figures.png(curves))


def match_loudness(original: Wave, made: Wave) -> tuple[Wave, Wave]:
    """Both at one loudness (root mean square) and as loud as goes without clipping."""
    level = float(np.sqrt(np.square(original, dtype=np.float64).mean()))
    found = float(np.sqrt(np.square(made, dtype=np.float64).mean()))
    same = made * np.float32(level / max(found, 1e-12))
    gain = np.float32(0.9 / max(float(np.abs(original).max()), float(np.abs(same).max()), 1e-9))
    return original * gain, same * gain


def wav(wave: Any, rate: int) -> bytes:
    """``(samples[, channels])`` as the bytes of a WAV file of 16 bits."""
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, wave, rate, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


# ---- predict -----------------------------------------------------------------------------------------


class SoundPredictor:
    """Sound files of any length, rate and channels through a trained sound autoencoder."""

    def __init__(self, folder: RunFolder, config: AutoencodeConfig, outputs: Outputs) -> None:
        self.folder, self.config, self.outputs = folder, config, outputs
        self.front: Any = WaveformFrontEnd()
        if config.net == "conv":
            known = folder.read_json("spectrum.json")
            self.front = LogMelFrontEnd(known["mean"], known["deviation"])
        self._model: Any = None

    def open(self) -> None:
        """Build the network and load its weights; the backend has been started."""
        from nnlab.backend import load_weights

        self._model = build(self.config)
        load_weights(self._model, self.folder.path / "model.keras")

    def read(self, text: str) -> tuple[Path, list[Wave], int, int]:
        """A sound file: its path, its channels as the network wants them, its rate in Hz and its samples."""
        path = Path(text)
        wave, rate = audio.read_sound(path)
        return path, [audio.condition(channel, rate) for channel in wave.T], rate, len(wave)

    def answer(self, given: Sequence[tuple[Path, list[Wave], int, int]]) -> list[str]:
        """Write each file's answer, at its own rate and loudness; the paths."""
        answers = []
        for path, channels, rate, samples in given:
            made = np.stack([self._through(channel, rate, samples) for channel in channels], axis=1)
            target = self.outputs.place(path, "reconstructed", ".wav")
            target.write_bytes(wav(np.clip(made, -1, 1), rate))
            answers.append(str(target))
        return answers

    def _through(self, wave: Wave, rate: int, samples: int) -> Wave:
        """One channel, a stretch of at most 22 s at a time, the stretches faded into each other."""
        from nnlab.training.batches import predict_in_batches

        step, overlap = 990 * 2 * spectrogram.HOP, spectrogram.FRAMES // 3 * spectrogram.HOP
        made = np.zeros(len(wave), np.float32)
        for start in range(0, len(wave), step):
            part = wave[start : start + step + overlap]
            if start and len(part) <= overlap:
                break
            rows = predict_in_batches(self._model, self.front.rows(part), size=50)
            back = self.front.sound(rows, part)
            if start:  # of equal power, as their phases have nothing to do with each other
                fade = np.linspace(0, np.pi / 2, overlap, dtype=np.float32)
                back[:overlap] *= np.sin(fade)
                made[start : start + overlap] *= np.cos(fade)
            made[start : start + len(part)] += back
        back = audio.resample(made, RATE, rate)
        return np.pad(back, (0, max(0, samples - len(back))))[:samples]
