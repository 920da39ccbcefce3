"""``nnlab autoencode`` on sounds: bird song through 256 numbers per second.

The report's network (``--net dense``) reads 11 s as 21,167 numbers, that is at 1.9 kHz: above 1 kHz, where
birds sing, nothing is left to learn. ``--net conv`` reads what the ear does, the log-mel spectrogram of the sound
at 22,050 Hz in windows of 60 frames (two thirds of a second), starts as their principal components and learns
what is left; the sound comes back by finding samples whose spectrogram is the one that was decoded.

Two linear baselines stand beside it, fitted on the same recordings with as many numbers per window: PCA of the
samples, and PCA of the log-mel spectrogram, whose sound is made in the same way. All figures are of recordings
never trained on, after the offset and what is below 250 Hz were taken away.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.config import SAMPLE
from nnlab.configs.autoencode import CHIRPS, AutoencodeConfig
from nnlab.data import audio, spectrogram
from nnlab.data.audio import RATE, Recordings, Sounds
from nnlab.data.report_2018 import report_2018
from nnlab.data.sound_files import SoundFile, Wave, read_sound, write_sound
from nnlab.data.spectrogram import LogMelFrontEnd, WaveformFrontEnd, sounds_of
from nnlab.errors import InputError
from nnlab.evaluation.baselines import PcaBaselines, fit_pca_baselines
from nnlab.evaluation.intervals import over_runs
from nnlab.evaluation.metrics import log_mel_distance_db, loss_of, snr_db, spectral_distance_db
from nnlab.evaluation.pca import fit_pca
from nnlab.experiments import FinishedRun, Loaded, Predictor
from nnlab.experiments._codes import CodePredictor
from nnlab.experiments._images import Outputs, loss_figure, reconstruction_task
from nnlab.output.pictures import ColourRow
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal, number, table
from nnlab.training.task import Results, RunResult, Task

EXAMPLES = 3
STEP = 5  # frames between the windows that are trained on
PAUSE = 0.5  # seconds between original and reconstruction


def code_of_window(config: AutoencodeConfig) -> int:
    """Numbers in the code of one window: of 11 s for the report's network, else ``--code`` per second."""
    if config.net == "dense":
        return config.code
    return config.code * LogMelFrontEnd.window // spectrogram.FRAMES


# ---- data and tasks ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Heard:
    """Recordings, what the network reads of them, and the linear baselines."""

    sounds: Sounds  # of the training recordings no samples where the front end reads spectrograms: 68 MB of birds less
    front: Any  # LogMelFrontEnd or WaveformFrontEnd
    baselines: PcaBaselines
    rows: int  # training rows
    make: Callable[[Any, np.random.Generator], Any]  # a batch of their numbers
    held_out: list[Any]  # the rows of each held-out recording


def load(config: AutoencodeConfig) -> Loaded[AutoencodeConfig, Heard]:
    """The birds, the user's own recordings, or the chirps; baselines are fitted on the training recordings."""
    config = config.resolved(kind="sounds")
    data = audio.load(SAMPLE if config.data == CHIRPS else str(config.data))
    spectra = [spectrogram.log_mel(wave) for wave in data.train]
    front, baselines, rows, make = prepare(config, data, spectra)
    held_out = [front.rows(wave) for wave in data.test]
    source, notes = data.record(), data.notes
    if isinstance(front, LogMelFrontEnd):
        data = replace(data, train=replace(data.train, samples=np.zeros(0, np.float32)))
    return Loaded(
        config,
        Heard(data, front, baselines, rows, make, held_out),
        source=source,
        notes=notes,
        preprocessing={"mean": getattr(front, "mean", 0), "deviation": getattr(front, "deviation", 1)},
    )


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


def build(config: AutoencodeConfig) -> Any:
    """The network, not compiled; the same for training and for ``predict``."""
    from nnlab.models import autoencoders

    code = code_of_window(config)
    if config.net == "dense":
        shape: tuple[int, ...] = (WaveformFrontEnd.numbers,)
        return autoencoders.dense_autoencoder(shape, code, config.activation, hidden=config.hidden)
    shape = (LogMelFrontEnd.window, spectrogram.BANDS, 1)
    return autoencoders.residual_autoencoder(shape, code, widths=(24, 48), down_blocks=(0, 1), up_blocks=(0, 0))


def tasks(config: AutoencodeConfig, data: Heard) -> list[Task]:
    """The one network, measured on held-out recordings."""
    from nnlab.models.autoencoders import init_from_pca
    from nnlab.training.batches import predict_in_batches

    front, test = data.front, data.sounds.test
    tested = np.concatenate(data.held_out)

    def begun() -> Any:
        model = build(config)
        if isinstance(front, LogMelFrontEnd):
            fitted = data.baselines.log_mel
            mean = (fitted.mean - front.mean) / front.deviation
            init_from_pca(model, mean, fitted.components, fitted.deviation / front.deviation)
        return model

    def evaluate(model: Any) -> dict[str, float]:
        return {"val_loss": loss_of(config.loss, predict_in_batches(model, tested, size=50), tested)}

    def outputs(model: Any) -> dict[str, Any]:
        decoded = [predict_in_batches(model, part, size=50) for part in data.held_out]
        waves = sounds_of([partial(front.sound, part, wave) for part, wave in zip(decoded, test, strict=True)])
        figures = compare(test, waves)
        if isinstance(front, LogMelFrontEnd):
            pairs = zip(decoded, test, strict=True)
            decibels = [front.decibels(part, spectrogram.frame_count(len(wave))) for part, wave in pairs]
            figures["decoded_distance_db"] = distance_before_sound(test, decibels)
        return {**figures, **{f"made-{place}": waves[place] for place in examples(test)}}

    return [
        reconstruction_task(
            config,
            name="",
            loss=config.loss,
            samples=data.rows,
            batch_size=min(config.batch_size, data.rows),
            build=begun,
            make=data.make,
            evaluate=evaluate,
            outputs=outputs,
        )
    ]


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


def of_baselines(baselines: PcaBaselines, test: Recordings) -> dict[str, Any]:
    """Measures and sounds of both linear codes."""
    samples = [baselines.reconstruct_waveform(wave) for wave in test]
    decoded = [baselines.reconstruct_log_mel(wave) for wave in test]
    spoken = sounds_of([partial(spectrogram.sound, one, len(wave)) for one, wave in zip(decoded, test, strict=True)])
    return {
        "waveform_pca": compare(test, samples),
        "log_mel_pca": compare(test, spoken),
        "decoded_distance_db": distance_before_sound(test, decoded),
        "sounds": {"waveform PCA": samples, "log-mel PCA": spoken},
    }


def pca_loss(config: AutoencodeConfig, data: Heard) -> float:
    """The loss of PCA with as many numbers on what the network reads."""
    front, tested = data.front, np.concatenate(data.held_out)
    if isinstance(front, LogMelFrontEnd):
        back = [(data.baselines.reconstruct_log_mel(wave) - front.mean) / front.deviation for wave in data.sounds.test]
        rows = np.concatenate([spectrogram.windows(one, front.window)[..., None] for one in back])
        return loss_of(config.loss, rows, tested)
    train = np.concatenate([front.rows(wave) for wave in data.sounds.train])
    return loss_of(config.loss, fit_pca(lambda: iter([train]), code_of_window(config)).reconstruct(tested), tested)


def examples(test: Recordings) -> list[int]:
    """The recordings to listen to: those whose spectrogram moves most, where something sings."""
    moves = [float(np.diff(spectrogram.log_mel(wave), axis=0).std()) for wave in test]
    return sorted(range(len(moves)), key=lambda place: (-moves[place], place))[:EXAMPLES]


# ---- present -----------------------------------------------------------------------------------------


def present(
    config: AutoencodeConfig, data: Heard, results: Results, terminal: Terminal, folder: RunFolder
) -> dict[str, Any]:
    """Small spectrograms, the table, figures, WAV files, and the ``results`` of the JSON document."""
    from nnlab.output import figures

    runs, test, baselines = results[""], data.sounds.test, data.baselines
    compared = of_baselines(baselines, test)
    compared["pca_test_loss"] = pca_loss(config, data)
    found: dict[str, Any] = {
        "loss": over_runs([float(run.history.best["loss"]) for run in runs]),
        "test_loss": over_runs([float(run.history.best["val_loss"]) for run in runs]),
        "code_size": config.code,
        "pca_test_loss": compared["pca_test_loss"],
        **{name: over_runs([run.outputs[name] for run in runs]) for name in ("snr_db", "log_mel_distance_db")},
        "baselines": {name: compared[name] for name in ("waveform_pca", "log_mel_pca")},
        "sample_rate": RATE,
    }
    decoded = {place: runs[0].outputs[f"made-{place}"] for place in examples(test)}
    first = next(iter(decoded))
    pictures = [figures.thumbnail(spectrogram.log_mel(wave)) for wave in (test[first], decoded[first])]
    terminal.show(ColourRow(pictures, [test.names[first][:38], "reconstruction"], columns=38), "")
    shown = table("held-out recordings", "SNR (dB)", "log-mel distance (dB)")
    shown.add_row("network", number(found["snr_db"], ".2f"), number(found["log_mel_distance_db"], ".2f"))
    for name, label in (("waveform_pca", "PCA of the waveform"), ("log_mel_pca", "PCA of the log-mel spectrogram")):
        shown.add_row(label, f"{compared[name]['snr_db']:.2f}", f"{compared[name]['log_mel_distance_db']:.2f}")
    terminal.show(shown, "", summary(config, data, found, compared, runs))
    save_sounds(folder, data, decoded)
    with figures.optional(terminal):
        save_figures(folder, data, compared, decoded)
        figure = loss_figure(config, results, f"nnlab autoencode ({config.preset})")
        folder.write("figures/loss.png", figures.png(figure))
    return found


def summary(
    config: AutoencodeConfig,
    data: Heard,
    found: Mapping[str, Any],
    compared: Mapping[str, Any],
    runs: Sequence[RunResult],
) -> Any:
    """The table at the end."""
    baselines = data.baselines
    seconds = baselines.window / spectrogram.FRAMES
    listed = table("recordings trained on / held out", f"{len(data.sounds.train)} / {len(data.sounds.test)}")
    if config.runs > 1:
        listed.add_row("runs (figures: mean ± half the 95 % interval)", str(config.runs))
    listed.add_row("numbers in the code", f"{code_of_window(config)} for {seconds:.3g} s")
    listed.add_row("  of PCA: waveform / log-mel", f"{baselines.waveform.size} / {baselines.log_mel.size}")
    listed.add_row(f"training loss ({config.loss})", number(found["loss"], ".4f"))
    pca_loss = compared["pca_test_loss"]
    listed.add_row(f"test loss ({config.loss})", f"{number(found['test_loss'], '.4f')} (PCA {pca_loss:.4f})")
    if "decoded_distance_db" in runs[0].outputs:
        distance = over_runs([run.outputs["decoded_distance_db"] for run in runs])
        pair = f"{number(distance, '.2f')} (PCA {compared['decoded_distance_db']:.2f}) dB"
        listed.add_row("decoded spectrogram, before it is sound", pair)
    listed.add_row("taken away before", f"offset, below {audio.LOWEST:g} Hz")
    if config.net == "dense" and config.data == "birds":
        published = report_2018("birds")
        both = f"{published['loss']:g} / {published['test_loss']:g}, unnormalised"
        listed.add_row("the 2018 report, loss / test loss", both)
    return listed


def save_sounds(folder: RunFolder, data: Heard, decoded: Mapping[int, Wave]) -> None:
    """WAV files of the examples: the original, what came back, and both after each other."""
    for count, (place, wave) in enumerate(decoded.items(), start=1):
        original, back = match_loudness(data.sounds.test[place], wave)
        pause = np.zeros(int(PAUSE * RATE), np.float32)
        files = {"original": original, "reconstructed": back, "both": np.concatenate([original, pause, back])}
        for name, samples in files.items():
            folder.write(f"audio/{count}-{name}.wav", wav(samples, RATE))


def save_figures(folder: RunFolder, data: Heard, compared: Mapping[str, Any], decoded: Mapping[int, Wave]) -> None:
    """Waveforms (the report's Figure 3) and spectrograms of the examples."""
    from nnlab.output import figures

    test = data.sounds.test
    names = {place: Path(test.names[place]).stem for place in decoded}
    pairs = [(names[place], *match_loudness(test[place], wave)) for place, wave in decoded.items()]
    figure = figures.waveforms(pairs, RATE, title="Held-out recordings")
    folder.write("figures/waveforms.png", figures.png(figure))
    rows = []
    for place, wave in decoded.items():
        others = [(what, waves[place]) for what, waves in compared["sounds"].items()]
        ways = [("", test[place]), ("network", wave), *others]
        rows.append((names[place], [(what, spectrogram.log_mel(one), len(one) / RATE) for what, one in ways]))
    title = "Held-out recordings and what comes back"
    figure = figures.spectrograms(rows, spectrogram.centres(), title=title)
    folder.write("figures/spectrograms.png", figures.png(figure))


def headline(results: Mapping[str, Any]) -> str:
    """The one figure of a finished run for the listing of ``nnlab runs``."""
    return f"log-mel distance {number(results['log_mel_distance_db'], '.2f')} dB"


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

Recording = tuple[Path, SoundFile, list[Wave]]  # path, the file, its channels as the network wants them


def predictor(config: AutoencodeConfig, run: FinishedRun, options: Mapping[str, Any]) -> SoundAutoencoder | SoundCodes:
    """Gives sounds back through the run's code; or their codes and errors."""
    if options.get("codes") or options.get("scores"):
        return SoundCodes(config, run, options)
    return SoundAutoencoder(config, run)


def front_end(config: AutoencodeConfig, run: FinishedRun) -> LogMelFrontEnd | WaveformFrontEnd:
    """What makes rows of a sound, as in training."""
    if config.net == "conv":
        return LogMelFrontEnd(float(run.preprocessing["mean"]), float(run.preprocessing["deviation"]))
    return WaveformFrontEnd()


class SoundAutoencoder(Predictor[Recording]):
    """Sound files of any length, rate and channels through a trained autoencoder."""

    batch_size = 1  # a file is many windows, and may be long
    takes_files = True
    asks = "the path of a sound file"

    def __init__(self, config: AutoencodeConfig, run: FinishedRun) -> None:
        self._notes: list[str] = []
        self.model, self.outputs = run.fill(build(config)), Outputs(run.out)
        self.front = front_end(config, run)

    def read(self, text: str) -> Recording:
        """A sound file; InputError where it cannot be read."""
        path = Path(text).expanduser()
        sound = read_sound(path)
        try:
            return path, sound, audio.condition_channels(sound)
        except InputError as error:
            raise InputError(error.message, error.hint, path=path) from error

    def answer(self, inputs: Sequence[Recording]) -> list[str]:
        """Write each file's answer as a WAV, at its own rate, loudness and sample format; the paths."""
        answers = []
        for path, sound, channels in inputs:
            length = len(sound.samples)
            waves = [
                self._through(channel, sound.rate, length) if channel.any() else np.zeros(length, np.float32)
                for channel in channels
            ]
            decoded = np.stack(waves, axis=1)

            def write(target: Path, decoded: Wave = decoded, sound: SoundFile = sound, path: Path = path) -> None:
                note = write_sound(target, decoded, sound)
                self._notes += [f"{path}: {note}"] if note else []

            answers.append(self.outputs.write(path, "reconstructed", ".wav", write))
        return answers

    def notes(self) -> list[str]:
        """What was done to the last answers to write them."""
        notes, self._notes = self._notes, []
        return notes

    def _through(self, wave: Wave, rate: int, samples: int) -> Wave:
        """One channel, a stretch of at most 22 s at a time, the stretches faded into each other."""
        from nnlab.training.batches import predict_in_batches

        step, overlap = 990 * 2 * spectrogram.HOP, spectrogram.FRAMES // 3 * spectrogram.HOP
        decoded = np.zeros(len(wave), np.float32)
        for start in range(0, len(wave), step):
            part = wave[start : start + step + overlap]
            if start and len(part) <= overlap:
                break
            rows = predict_in_batches(self.model, self.front.rows(part), size=50)
            back = self.front.sound(rows, part)
            if start:  # of equal power, as their phases have nothing to do with each other
                fade = np.linspace(0, np.pi / 2, overlap, dtype=np.float32)
                back[:overlap] *= np.sin(fade)
                decoded[start : start + overlap] *= np.cos(fade)
            decoded[start : start + len(part)] += back
        back = audio.resample(decoded, RATE, rate)
        return np.pad(back, (0, max(0, samples - len(back))))[:samples]


class SoundCodes(CodePredictor):
    """The code of each window of a sound, and how well the sound comes back; channels are mixed, as in training."""

    batch_size = 1
    asks = "the path of a sound file"

    def __init__(self, config: AutoencodeConfig, run: FinishedRun, options: Mapping[str, Any]) -> None:
        self.front, self._remark = front_end(config, run), ""
        super().__init__(config, run, build(config), options)

    def read(self, text: str) -> tuple[str, Any]:
        """A sound file as rows; InputError where it cannot be read."""
        path = Path(text).expanduser()
        sound = read_sound(path)
        try:
            wave, self._remark = audio.mono(sound)
        except InputError as error:
            raise InputError(error.message, error.hint, path=path) from error
        return text, self.front.rows(wave)

    def note(self, given: tuple[str, Any]) -> str:
        """How the channels became one, where it is not their mean, or the scale."""
        return self._remark

    def columns(self, rows: int) -> dict[str, list[str]]:
        """When each window begins, in seconds."""
        seconds = self.front.window / spectrogram.FRAMES
        return {"second": [f"{number * seconds:.3f}" for number in range(rows)]}
