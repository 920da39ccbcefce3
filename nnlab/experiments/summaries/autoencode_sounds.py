"""What ``nnlab autoencode`` shows of sounds at the end of a run: tables, a sentence, figures and WAV files."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.configs.autoencode import AutoencodeConfig
from nnlab.data.assets import report_2018
from nnlab.data.sounds import audio, spectrogram
from nnlab.data.sounds.audio import RATE, Recordings, Sounds
from nnlab.data.sounds.sound_files import Wave
from nnlab.evaluation.baselines import PcaBaselines
from nnlab.evaluation.intervals import mean_of, undecided
from nnlab.experiments.summaries import add_runs
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import number, table

PAUSE = 0.5  # seconds between original and reconstruction
BASELINES = {
    "waveform_pca": "PCA of the waveform",
    "log_mel_pca": "PCA of the log-mel spectrogram",
    "input_pca": "PCA of what the network reads",
}
MEASURES = ("test_loss", "snr_db", "log_mel_distance_db", "song_distance_db", "decoded_distance_db")
HEADS = {"waveform_pca": "PCA, waveform", "log_mel_pca": "PCA, log-mel", "input_pca": "PCA, input"}
SHOWN = {  # of what: the figures, and as what they are shown
    "of the sound that comes back:": {"snr_db": "SNR", "log_mel_distance_db": "log-mel distance"},
    "as decoded, before it is sound:": {"decoded_distance_db": "log-mel distance", "song_distance_db": "song distance"},
}
DISTANCES = {
    "log_mel_distance_db": "log-mel distance of the sound",
    "decoded_distance_db": "log-mel distance as decoded",
    "song_distance_db": "song distance as decoded",
}


def measures_table(found: Mapping[str, Any]) -> Any:
    """What the network and each baseline are worth on the test recordings, in dB: the sound, and the spectrogram."""
    baselines = found["baselines"]
    shown = table("test recordings (dB)", "network", *(HEADS[name] for name in baselines))
    for of, measures in SHOWN.items():
        shown.add_row(of)
        for key, label in measures.items():
            shown.add_row(f"  {label}", *(number(one[key], ".2f") for one in (found, *baselines.values())))
    return shown


def beyond_pca(found: Mapping[str, Any]) -> str:
    """What the network is worth beyond the linear code that comes nearest in what the ear can tell."""
    name, best = min(found["baselines"].items(), key=lambda item: item[1]["log_mel_distance_db"])
    changed, same = [], []
    for key, what in DISTANCES.items():
        mine = found[key]
        if mine is None or not best[key]:
            continue
        if untold := undecided(mine, best[key], lambda figure: number(figure, ".2f"), " dB"):
            same.append(f"in the {what} they {untold}")
        else:
            changed.append(f"the {what} by {100 * (mean_of(mine) / best[key] - 1):+.1f} %")
    if not changed + same:
        return f"The best baseline ({BASELINES[name]}) leaves a network nothing to win."
    told = f"the network changes {listing(changed)}" if changed else ""
    return f"Compared with the best baseline ({BASELINES[name]}), {'; '.join(filter(None, [told, *same]))}."


def listing(parts: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def summary(
    config: AutoencodeConfig,
    sounds: Sounds,
    baselines: PcaBaselines,
    code: int,
    found: Mapping[str, Any],
) -> Any:
    """The table at the end; a window goes through ``code`` numbers."""
    seconds = baselines.window / spectrogram.FRAMES
    parts = [sounds.train, *([] if sounds.validation is None else [sounds.validation]), sounds.test]
    named = "training / test" if sounds.validation is None else "training / validation / test"
    listed = table(f"{named} recordings", " / ".join(f"{len(part):,}" for part in parts))
    add_runs(listed, config, "sounds, waveforms, spectrograms")
    listed.add_row("numbers in the code", f"{code} for {seconds:.3g} s")
    listed.add_row("  of PCA: waveform / log-mel", f"{baselines.waveform.size} / {baselines.log_mel.size}")
    loss = config.loss if config.song_weight == 1 else f"{config.loss}, cells of song × {config.song_weight:g}"
    listed.add_row(f"training loss ({loss})", number(found["loss"], ".4f"))
    if "val_loss" in found:
        listed.add_row(f"validation loss ({loss})", number(found["val_loss"], ".4f"))
    listed.add_row(f"test loss ({loss})", number(found["test_loss"], ".4f"))
    for name, values in found["baselines"].items():
        listed.add_row(f"  baseline: {BASELINES[name]}", f"{values['test_loss']:.4f}")
    listed.add_row("taken away before", f"offset, below {audio.LOWEST:g} Hz")
    if config.net == "dense" and config.data == "birds":
        published = report_2018("birds")
        both = f"{published['loss']:g} / {published['test_loss']:g}, unnormalised"
        listed.add_row("the 2018 report, loss / test loss", both)
    return listed


def save_sounds(folder: RunFolder, test: Recordings, decoded: Mapping[int, Wave]) -> str:
    """WAV files of the examples: the original, what came back, and both after each other; what was done to their level.

    A recording and what came back are made louder alike, so that it is heard where the network gives back less.
    """
    gains = []
    for count, (place, wave) in enumerate(decoded.items(), start=1):
        gain = gain_to_hear(test[place], wave)
        gains.append(f"{20 * math.log10(gain):+.1f}")
        original, back = test[place] * gain, wave * gain
        pause = np.zeros(int(PAUSE * RATE), np.float32)
        files = {"original": original, "reconstructed": back, "both": np.concatenate([original, pause, back])}
        for name, samples in files.items():
            folder.write(f"audio/{count}-{name}.wav", wav(samples, RATE))
    return f"To be heard, each recording in audio/ and what came back are saved at {listing(gains)} dB."


def save_figures(
    folder: RunFolder, test: Recordings, linear: Mapping[str, Sequence[Wave]], decoded: Mapping[int, Wave], runs: int
) -> None:
    """Waveforms (the report's Figure 3) and spectrograms of the examples, of the first of the runs."""
    from nnlab.output import figures, sound_figures

    names = {place: Path(test.names[place]).stem for place in decoded}
    pairs = [(names[place], test[place], wave) for place, wave in decoded.items()]
    figure = sound_figures.waveforms(pairs, RATE, title=figures.first_of("Test recordings", runs))
    folder.write("figures/waveforms.png", figures.png(figure))
    rows = []
    for place, wave in decoded.items():
        others = [(what, waves[place]) for what, waves in linear.items()]
        ways = [("", test[place]), ("network", wave), *others]
        rows.append((names[place], [(what, spectrogram.log_mel(one), len(one) / RATE) for what, one in ways]))
    title = figures.first_of("Test recordings and what comes back", runs)
    figure = sound_figures.spectrograms(rows, spectrogram.centres(), title=title)
    folder.write("figures/spectrograms.png", figures.png(figure))


def gain_to_hear(original: Wave, made: Wave) -> np.float32:
    """By which to multiply both ``(samples,)``, so that the louder peak is 0.9 of full scale."""
    return np.float32(0.9 / max(float(np.abs(original).max()), float(np.abs(made).max()), 1e-9))


def wav(wave: Any, rate: int) -> bytes:
    """``(samples[, channels])`` as the bytes of a WAV file of 16 bits."""
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, wave, rate, format="WAV", subtype="PCM_16")
    return buffer.getvalue()
