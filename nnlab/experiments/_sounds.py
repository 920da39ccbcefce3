"""What ``predict`` does with sounds: files through a trained autoencoder, or their codes and errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.configs.autoencode import AutoencodeConfig
from nnlab.data.sounds import audio, spectrogram
from nnlab.data.sounds.audio import RATE
from nnlab.data.sounds.sound_files import SoundFile, Wave, read_sound, write_sound
from nnlab.data.sounds.spectrogram import LogMelFrontEnd, WaveformFrontEnd
from nnlab.errors import InputError
from nnlab.experiments import FinishedRun, Predictor
from nnlab.experiments._codes import CodePredictor
from nnlab.experiments._output_files import OutputFiles

MOST_LOST = 0.5  # of the energy of a sound, before it is told
Recording = tuple[Path, SoundFile, list[Wave]]  # path, the file, its channels as the network wants them


def front_end(config: AutoencodeConfig, run: FinishedRun) -> LogMelFrontEnd | WaveformFrontEnd:
    """What makes rows of a sound, as in training."""
    if config.net == "conv":
        return LogMelFrontEnd(run.number("mean"), run.number("deviation"))
    return WaveformFrontEnd()


def unheard(given: Wave, rate: int, heard: Sequence[Wave]) -> list[str]:
    """What is to be told where the network hears less than half of a sound's energy.

    Args:
        given: ``(n, channels)``, as in the file.
        rate: of the file, in Hz.
        heard: the channels at 22,050 Hz, without what is below 250 Hz.
    """
    whole = float(np.var(given, axis=0, dtype=np.float64).sum())  # a constant offset is no sound
    lost = 1 - sum(float(np.mean(np.square(wave, dtype=np.float64))) for wave in heard) / max(whole, 1e-30)
    if lost <= MOST_LOST:
        return []
    above = f" or above {RATE // 2:,} Hz" if rate > RATE else ""
    return [
        f"{100 * lost:.0f} % of its energy lies below {audio.LOWEST:.0f} Hz{above}, which the network does not hear"
    ]


class SoundAutoencoder(Predictor[Recording]):
    """Sound files of any length, rate and channels through a trained autoencoder."""

    batch_size = 1  # a file is many windows, and may be long
    takes_files = makes_files = True
    asks = "the path of a sound file"

    def __init__(self, config: AutoencodeConfig, run: FinishedRun, model: Any) -> None:
        self._notes: list[str] = []
        self.model, self.outputs = run.fill(model), OutputFiles(run.out)
        self.front = front_end(config, run)

    def read(self, text: str) -> Recording:
        """A sound file; InputError where it cannot be read."""
        path = self.path(text)
        sound = read_sound(path)
        try:
            channels = audio.condition_channels(sound)
        except InputError as error:
            raise InputError(error.message, error.hint, path=path) from error
        self.remarks = [*([sound.remark] if sound.remark else []), *unheard(sound.samples, sound.rate, channels)]
        return path, sound, channels

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

    def __init__(self, config: AutoencodeConfig, run: FinishedRun, model: Any, options: Mapping[str, Any]) -> None:
        self.front = front_end(config, run)
        super().__init__(config, run, model, options)

    def read(self, text: str) -> tuple[str, Any]:
        """A sound file as rows; InputError where it cannot be read."""
        path = self.path(text)
        sound = read_sound(path)
        try:
            wave, remark = audio.mono(sound)
        except InputError as error:
            raise InputError(error.message, error.hint, path=path) from error
        self.remarks = [remark] if remark else []  # how the channels became one, where it is not their mean; the scale
        self.remarks += unheard(sound.samples.mean(axis=1, keepdims=True), sound.rate, [wave])
        if self.scores and sound.rate < self.front.rate:
            nothing = f"a sound at {sound.rate:,} Hz has nothing above {sound.rate / 2:,.0f} Hz"
            self.remarks += [f"{nothing}; the score compares up to {self.front.rate // 2:,} Hz"]
        return text, self.front.rows(wave)

    def columns(self, rows: int) -> dict[str, list[str]]:
        """When each window begins, in seconds."""
        seconds = self.front.window / spectrogram.FRAMES
        return {"second": [f"{number * seconds:.3f}" for number in range(rows)]}
