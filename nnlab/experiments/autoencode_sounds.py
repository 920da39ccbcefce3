"""``nnlab autoencode`` on sounds: bird song through 256 numbers per second.

The report's network (``--net dense``) reads 11 s as 21,167 numbers, that is at 1.9 kHz: above 1 kHz, where
birds sing, nothing is left to learn. ``--net conv`` reads what the ear does, the log-mel spectrogram of the sound
at 22,050 Hz in windows of 60 frames (two thirds of a second), starts as their principal components and learns
what is left; the sound comes back by finding samples whose spectrogram is the one that was decoded.

Two linear baselines stand beside it, fitted on the same recordings with as many numbers per window: PCA of the
samples, and PCA of the log-mel spectrogram, whose sound is made in the same way. A tenth of the training recordings
is validation, which chooses the epoch; all figures are of test recordings that neither training nor any choice has
seen, after the offset and what is below 250 Hz were taken away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from nnlab.config import SAMPLE
from nnlab.configs.autoencode import CHIRPS, AutoencodeConfig
from nnlab.data.sounds import audio, spectrogram
from nnlab.data.sounds.audio import RATE, Recordings, Sounds
from nnlab.data.sounds.sound_files import Wave
from nnlab.data.sounds.spectrogram import LogMelFrontEnd, WaveformFrontEnd, sounds_of
from nnlab.evaluation.baselines import PcaBaselines, fit_pca_baselines
from nnlab.evaluation.intervals import over_runs
from nnlab.evaluation.metrics import loss_of, sings, snr_db, song_distance_db, spectral_distance_db
from nnlab.evaluation.pca import fit_pca
from nnlab.experiments import FinishedRun, Loaded
from nnlab.experiments._images import Make, loss_figure, of_part, reconstruction_task
from nnlab.experiments._sounds import SoundAutoencoder, SoundCodes
from nnlab.experiments.summaries.autoencode_sounds import (
    BASELINES,
    MEASURES,
    beyond_pca,
    measures_table,
    save_figures,
    save_sounds,
    summary,
)
from nnlab.output.pictures import ColourRow
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal, number
from nnlab.training.task import Results, RunResult, Task

EXAMPLES = 3
STEP = 5  # frames between the windows that are trained on


def code_of_window(config: AutoencodeConfig) -> int:
    """Numbers in the code of one window: of 11 s for the report's network, else ``--code`` per second."""
    if config.net == "dense":
        return config.code
    return config.code * LogMelFrontEnd.window // spectrogram.FRAMES


# ---- data and tasks ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rows:
    """What a network reads of some recordings, and how much each of its numbers counts in the loss."""

    parts: list[Any]  # of each recording
    weights: Any  # of all rows together; None: all count alike

    def loss(self, kind: str, given: Any) -> float:
        """The loss of what the network gives back of all rows."""
        return loss_of(kind, given, np.concatenate(self.parts), self.weights)


@dataclass(frozen=True)
class Heard:
    """Recordings, what the network reads of them, and the linear baselines, fitted on the training recordings."""

    sounds: Sounds  # of the training recordings no samples where the front end reads spectrograms: 68 MB of birds less
    front: Any  # LogMelFrontEnd or WaveformFrontEnd
    baselines: PcaBaselines
    rows: int  # training rows
    make: Make  # a batch of their numbers
    watched: Rows  # what is measured after each epoch: of validation, or of test
    tested: Rows


def load(config: AutoencodeConfig) -> Loaded[AutoencodeConfig, Heard]:
    """The birds, the user's own recordings, or the chirps; baselines are fitted on the training recordings."""
    config = config.resolved(kind="sounds")
    read = audio.load(SAMPLE if config.data == CHIRPS else str(config.data))
    split = audio.with_validation(read, config.validation, config.data_seed)
    data, left_out = audio.without_seen(split, config.inherited)
    keys = audio.keys_of_waves(data.train)
    spectra = [spectrogram.log_mel(wave) for wave in data.train]
    front, baselines, rows, make = prepare(config, data, spectra)
    tested = rows_of(config, front, data.test)
    watched = tested if data.validation is None else rows_of(config, front, data.validation)
    if isinstance(front, LogMelFrontEnd):
        data = replace(data, train=replace(data.train, samples=np.zeros(0, np.float32)))
    return Loaded(
        config,
        Heard(data, front, baselines, rows, make, watched, tested),
        source=read.record(),
        notes=data.notes,
        training_keys=lambda: keys,
        left_out=left_out,
        preprocessing={"mean": getattr(front, "mean", 0), "deviation": getattr(front, "deviation", 1)},
    )


def prepare(config: AutoencodeConfig, data: Sounds, heard: Sequence[Wave]) -> tuple[Any, PcaBaselines, int, Any]:
    """(front end, baselines, number of training rows, what makes a batch of their numbers)."""
    if config.net == "dense":
        slow = WaveformFrontEnd()
        rows = np.concatenate([slow.rows(wave) for wave in data.train])
        return (
            slow,
            fit_pca_baselines(data.train, heard, slow.window, code_of_window(config)),
            len(rows),
            lambda n, rng: (rows[n],),
        )
    front = LogMelFrontEnd(*scale_of(config, heard))
    baselines = fit_pca_baselines(data.train, heard, front.window, code_of_window(config))
    long = [one if len(one) >= front.window else spectrogram.windows(one, front.window)[0] for one in heard]
    scaled = [(one - front.mean) / front.deviation for one in long]
    places = [(k, start) for k, one in enumerate(scaled) for start in range(0, len(one) - front.window + 1, STEP)]
    sung = [counted(config, one, front.window) for one in heard] if config.song_weight != 1 else None

    def make(numbers: Any, rng: np.random.Generator) -> tuple[Any, ...]:
        batch, counts = np.empty((2, len(numbers), front.window, spectrogram.BANDS), np.float32)
        for row, (k, start) in enumerate(places[place] for place in numbers):
            first = int(np.clip(start + rng.integers(-2, 3), 0, len(scaled[k]) - front.window))
            batch[row] = scaled[k][first : first + front.window]
            if sung is not None:
                counts[row] = sung[k][first : first + front.window]
        return (batch[..., None],) if sung is None else (batch[..., None], counts)

    return front, baselines, len(places), make


def counted(config: AutoencodeConfig, decibels: Wave, window: int) -> Wave:
    """How much each cell of a log-mel spectrogram ``(frames, 64)`` in dB counts in the loss: more where it sings.

    The frames that fill the last window up are no song: they count once.
    """
    cells = np.where(sings(decibels), np.float32(config.song_weight), np.float32(1))
    return np.pad(cells, ((0, -len(cells) % window), (0, 0)), constant_values=1)


def rows_of(config: AutoencodeConfig, front: Any, recordings: Recordings) -> Rows:
    """What the network reads of recordings."""
    if not isinstance(front, LogMelFrontEnd) or config.song_weight == 1:
        return Rows([front.rows(wave) for wave in recordings], None)
    spectra = [spectrogram.log_mel(wave) for wave in recordings]
    cells = np.concatenate([counted(config, one, front.window) for one in spectra])
    return Rows([front.rows_of(one) for one in spectra], cells.reshape(-1, front.window, spectrogram.BANDS, 1))


def scale_of(config: AutoencodeConfig, heard: Sequence[Wave]) -> tuple[float, float]:
    """(mean, standard deviation) of the training spectrograms; those that given weights were trained with."""
    if config.inherited is not None:
        return float(config.inherited.kept("mean")), float(config.inherited.kept("deviation"))
    count = sum(map(len, heard)) * spectrogram.BANDS
    mean = sum(float(one.sum(dtype=np.float64)) for one in heard) / count
    squared = sum(float(np.square(one - mean, dtype=np.float64).sum()) for one in heard)
    return mean, float(np.sqrt(squared / count))


def build(config: AutoencodeConfig) -> Any:
    """The network, not compiled; the same for training and for ``predict``."""
    from nnlab.models import autoencoders

    code = code_of_window(config)
    if config.net == "dense":
        shape: tuple[int, ...] = (WaveformFrontEnd.numbers,)
        return autoencoders.dense_autoencoder(shape, code, config.activation, hidden=config.hidden)
    shape = (LogMelFrontEnd.window, spectrogram.BANDS, 1)
    if config.conv_design == "corrected":
        return autoencoders.residual_autoencoder(shape, code, widths=(24, 48), down_blocks=(0, 1), up_blocks=(0, 0))
    return autoencoders.sound_autoencoder(shape, code)


def tasks(config: AutoencodeConfig, data: Heard) -> list[Task]:
    """The one network, measured on recordings it is not trained on."""
    from nnlab.models.autoencoders import init_from_pca
    from nnlab.training.batches import predict_in_batches

    front, test = data.front, data.sounds.test

    def begun() -> Any:
        model = build(config)
        if isinstance(front, LogMelFrontEnd):
            fitted = data.baselines.log_mel
            mean = (fitted.mean - front.mean) / front.deviation
            init_from_pca(model, mean, fitted.components, fitted.deviation / front.deviation)
        return model

    def evaluate(model: Any) -> dict[str, float]:
        given = predict_in_batches(model, np.concatenate(data.watched.parts), size=50)
        return of_part(data.sounds.watched, {"loss": data.watched.loss(config.loss, given)})

    def outputs(model: Any) -> dict[str, Any]:
        rows = [predict_in_batches(model, part, size=50) for part in data.tested.parts]
        waves = sounds_of([partial(front.sound, part, wave) for part, wave in zip(rows, test, strict=True)])
        decoded = None
        if isinstance(front, LogMelFrontEnd):
            pairs = zip(rows, test, strict=True)
            decoded = [front.decibels(part, spectrogram.frame_count(len(wave))) for part, wave in pairs]
        figures = measured(config, data, waves, decoded, rows)
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


def measured(
    config: AutoencodeConfig,
    data: Heard,
    waves: Sequence[Wave],
    decoded: Sequence[Wave] | None = None,
    rows: Sequence[Any] | None = None,
) -> dict[str, Any]:
    """What a code is worth on the test recordings: means over them.

    ``waves``: the sound that came back of each; ``decoded``: the log-mel spectrograms before they became sound (where
    there are none, those of the sounds); ``rows``: as the network would have read them (else of one of the two).
    """
    front, test = data.front, data.sounds.test
    pairs = list(zip(test, waves, strict=True))
    if rows is None and isinstance(front, LogMelFrontEnd):
        rows = [front.rows_of(one) for one in decoded or map(spectrogram.log_mel, waves)]
    elif rows is None:
        rows = [front.rows(made, like=wave) for wave, made in pairs]
    heard = [(spectrogram.log_mel(wave), spectrogram.log_mel(made)) for wave, made in pairs]
    before = heard if decoded is None else [(one, back) for (one, _), back in zip(heard, decoded, strict=True)]
    songs = [value for one, back in before if (value := song_distance_db(one, back)) is not None]
    return {
        "test_loss": data.tested.loss(config.loss, np.concatenate(rows)),
        "snr_db": float(np.mean([snr_db(wave, made) for wave, made in pairs])),
        "log_mel_distance_db": float(np.mean([spectral_distance_db(one, back) for one, back in heard])),
        "song_distance_db": float(np.mean(songs)) if songs else None,
        "decoded_distance_db": float(np.mean([spectral_distance_db(one, back) for one, back in before])),
    }


def of_baselines(config: AutoencodeConfig, data: Heard) -> dict[str, tuple[dict[str, Any], list[Wave]]]:
    """Measures and sounds of each linear code: PCA also of what the network reads, where that is neither."""
    test, baselines, front = data.sounds.test, data.baselines, data.front
    samples = [baselines.reconstruct_waveform(wave) for wave in test]
    decoded = [baselines.reconstruct_log_mel(wave) for wave in test]
    spoken = sounds_of([partial(spectrogram.sound, one, len(wave)) for one, wave in zip(decoded, test, strict=True)])
    found = {
        "waveform_pca": (measured(config, data, samples), samples),
        "log_mel_pca": (measured(config, data, spoken, decoded), spoken),
    }
    if isinstance(front, WaveformFrontEnd):
        train = np.concatenate([front.rows(wave) for wave in data.sounds.train])
        fitted = fit_pca(lambda: iter([train]), code_of_window(config))
        rows = [fitted.reconstruct(part) for part in data.tested.parts]
        waves = [front.sound(part, wave) for part, wave in zip(rows, test, strict=True)]
        found["input_pca"] = measured(config, data, waves, rows=rows), waves
    return found


def examples(test: Recordings) -> list[int]:
    """The recordings to listen to: those whose spectrogram moves most, where something sings."""
    moves = [float(np.diff(spectrogram.log_mel(wave), axis=0).std()) for wave in test]
    return sorted(range(len(moves)), key=lambda place: (-moves[place], place))[:EXAMPLES]


# ---- present -----------------------------------------------------------------------------------------


def present(
    config: AutoencodeConfig, data: Heard, results: Results, terminal: Terminal, folder: RunFolder
) -> dict[str, Any]:
    """Small spectrograms, the table, figures, WAV files, and the ``results`` of the JSON document."""
    from nnlab.output import figures, sound_figures

    runs, test = results[""], data.sounds.test
    linear = of_baselines(config, data)
    found: dict[str, Any] = {
        **{name: over_runs([run.history.best[name] for run in runs]) for name in seen(runs)},
        **{name: over_runs([run.outputs[name] for run in runs]) for name in MEASURES},
        "code_size": config.code,
        "baselines": {name: {key: figures[key] for key in MEASURES} for name, (figures, _) in linear.items()},
        "sample_rate": RATE,
    }
    decoded = {place: runs[0].outputs[f"made-{place}"] for place in examples(test)}
    first = next(iter(decoded))
    pictures = [sound_figures.thumbnail(spectrogram.log_mel(wave)) for wave in (test[first], decoded[first])]
    terminal.show(ColourRow(pictures, [test.names[first][:38], "reconstruction"], columns=38), "")
    terminal.show(
        measures_table(found),
        "",
        summary(config, data.sounds, data.baselines, code_of_window(config), found),
        "",
        beyond_pca(found),
        save_sounds(folder, test, decoded),
    )
    with figures.optional(terminal):
        sounds = {BASELINES[name]: waves for name, (_, waves) in linear.items()}
        save_figures(folder, test, sounds, decoded, config.runs)
        figure = loss_figure(config, results, f"nnlab autoencode ({config.preset})")
        folder.write("figures/loss.png", figures.png(figure))
    return found


def seen(runs: Sequence[RunResult]) -> list[str]:
    """The losses of the epoch whose weights were kept that are told: not of the test recordings."""
    return [name for name in ("loss", "val_loss") if name in runs[0].history.best]


def headline(results: Mapping[str, Any]) -> str:
    """The one figure of a finished run for the listing of ``nnlab runs``."""
    name = "song_distance_db" if results.get("song_distance_db") is not None else "log_mel_distance_db"
    return f"{'song' if name == 'song_distance_db' else 'log-mel'} distance {number(results[name], '.2f')} dB"


# ---- predict -----------------------------------------------------------------------------------------


def predictor(config: AutoencodeConfig, run: FinishedRun, options: Mapping[str, Any]) -> SoundAutoencoder | SoundCodes:
    """Gives sounds back through the run's code; or their codes and errors."""
    if options.get("codes") or options.get("scores"):
        return SoundCodes(config, run, build(config), options)
    return SoundAutoencoder(config, run, build(config))
