"""Sounds: the birds, the user's own recordings in a folder, or chirps made on the spot.

Every recording becomes mono at 22,050 Hz, and loses its constant offset and what is below 250 Hz: in field
recordings those two hold nearly all the energy and nothing of the song. Recordings, not windows, are
held out: by its folder where there are folders ``train`` and ``test``, else by contents, one in five.
"""

from __future__ import annotations

import hashlib
import math
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nnlab.data import datasets, decoded
from nnlab.data.images import HELD_OUT
from nnlab.data.random import Stream, rng
from nnlab.errors import InputError, UsageError

Wave: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]
RATE = 22_050  # Hz
LOWEST = 250.0  # Hz
ENDINGS = (".wav", ".flac", ".ogg", ".oga", ".mp3", ".aif", ".aiff", ".au", ".opus")
LEAST = 5  # recordings
HINT = "Give a folder of WAV, FLAC, OGG or MP3 files"


@dataclass(frozen=True)
class Recordings:
    """Some recordings, one after the other in ``samples`` (float32, full scale 1); each begins at its start."""

    samples: Wave
    starts: tuple[int, ...]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, number: int) -> Wave:
        if number >= len(self):
            raise IndexError(number)
        end = self.starts[number + 1] if number + 1 < len(self) else len(self.samples)
        return self.samples[self.starts[number] : end]

    def __iter__(self) -> Iterator[Wave]:
        return (self[number] for number in range(len(self)))

    @classmethod
    def of(cls, waves: Sequence[Wave], names: Sequence[str]) -> Recordings:
        """Recordings from arrays."""
        starts = np.cumsum([0, *(len(wave) for wave in waves)])[:-1]
        samples = np.concatenate(waves) if waves else np.zeros(0, np.float32)
        return cls(samples, tuple(map(int, starts)), tuple(names))


@dataclass(frozen=True)
class Sounds:
    """Training and held-out recordings, where they came from, and what could not be read."""

    train: Recordings
    test: Recordings
    source: str
    skipped: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the recordings as they were read and conditioned."""
        parts = [array for part in (self.train, self.test) for array in (part.samples, np.array(part.starts, np.int64))]
        return decoded.digest(*parts)


def load(data: str) -> Sounds:
    """``birds``; ``sample``; or a folder of sound files."""
    if data == datasets.SAMPLE:
        return sing_sample()
    path = datasets.find("birds") if data == "birds" else Path(data)
    if not path.is_dir():
        raise UsageError(f"expected a folder of sound files, {path} is none", HINT)
    return read_folder(path)


def is_folder_of_sounds(path: Path) -> bool:
    """Whether a folder holds a sound file, at any depth."""
    return path.is_dir() and any(_is_sound(entry) for entry in path.rglob("*"))


def _is_sound(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS and not path.name.startswith(".") and path.is_file()


def read_folder(path: Path) -> Sounds:
    """All sound files of a folder; those that cannot be read are named in ``skipped``."""
    files = sorted(entry for entry in path.rglob("*") if _is_sound(entry))
    if not files:
        raise InputError(f"expected sound files ({', '.join(ENDINGS[:5])}, …), found none", HINT, path=path)
    names = [file.relative_to(path).as_posix() for file in files]
    key = datasets.content_key((RATE, LOWEST), zip(names, files, strict=True))
    kept = datasets.cache() / "decoded" / f"sounds-{key}.npz"
    try:
        with open(kept, "rb") as file, np.load(file, allow_pickle=False) as archive:
            made = [
                Recordings(
                    archive[f"{part}_samples"],
                    tuple(archive[f"{part}_starts"].tolist()),
                    tuple(archive[f"{part}_names"].tolist()),
                )
                for part in ("train", "test")
            ]
            return Sounds(made[0], made[1], str(path), tuple(archive["skipped"].tolist()))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        pass  # not decoded yet, or damaged: do it now
    found = _decode(path, files, names)
    arrays: dict[str, np.ndarray[Any, Any]] = {"skipped": np.array(found.skipped, dtype=str)}
    for part, recordings in (("train", found.train), ("test", found.test)):
        arrays[f"{part}_samples"] = recordings.samples
        arrays[f"{part}_starts"] = np.array(recordings.starts, np.int64)
        arrays[f"{part}_names"] = np.array(recordings.names, dtype=str)
    datasets.keep(kept, arrays)
    return found


def _decode(path: Path, files: Sequence[Path], names: Sequence[str]) -> Sounds:
    from tqdm import tqdm

    waves: dict[str, Wave] = {}
    skipped: list[str] = []
    shown = zip(names, files, strict=True)
    for name, file in tqdm(shown, "decoding", len(files), file=sys.stderr, leave=False, disable=None, unit=" files"):
        try:
            wave, rate = read_sound(file)
            waves[name] = condition(wave.mean(axis=1), rate)
        except InputError as error:
            skipped.append(f"{name} ({error.message.removeprefix(f'{file}: ')})")
    if len(waves) < LEAST:
        named = f"; the first that cannot be used: {skipped[0]}" if skipped else ""
        raise InputError(
            f"expected at least {LEAST} recordings, {len(waves)} of {len(files)} can be used{named}", HINT, path=path
        )
    test = held_out(waves)
    parts = [[name for name in waves if (name in test) == wanted] for wanted in (False, True)]
    if not all(parts):
        raise InputError("expected recordings to train and to test with, all are on one side", HINT, path=path)
    train, tested = (Recordings.of([waves[name] for name in part], part) for part in parts)
    return Sounds(train, tested, str(path), tuple(skipped))


def held_out(waves: dict[str, Wave]) -> set[str]:
    """The names that are held out; copies of one recording go together."""
    folders = {name: {part.lower() for part in Path(name).parts[:-1]} for name in waves}
    if all(("test" in parts) != ("train" in parts) for parts in folders.values()):
        return {name for name, parts in folders.items() if "test" in parts}
    digests = {name: hashlib.sha256(wave.tobytes()).digest() for name, wave in waves.items()}
    order = {digest: place for place, digest in enumerate(sorted(set(digests.values())))}
    return {name for name, digest in digests.items() if order[digest] % HELD_OUT == 0}


def read_sound(path: Path) -> tuple[Wave, int]:
    """A sound file as ``(samples, channels)`` and its rate in Hz; InputError where it cannot be read."""
    import soundfile

    if not path.is_file():
        raise InputError("there is no such file", HINT, path=path)
    try:
        wave, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        reason = str(error).rpartition(": ")[2].rstrip(".").lower()
        raise InputError(f"expected a sound file, it cannot be read ({reason})", HINT, path=path) from error
    if len(wave) == 0:
        raise InputError("expected a sound, the file is empty", HINT, path=path)
    if not np.isfinite(wave).all():
        raise InputError("expected a sound, some samples are not numbers", HINT, path=path)
    return wave, int(rate)


def resample(wave: Wave, rate: int, to: int) -> Wave:
    """``wave`` ``(samples,)`` from one rate to another, both in Hz (polyphase filter of scipy)."""
    from scipy.signal import resample_poly

    if rate == to:
        return wave
    common = math.gcd(rate, to)
    made: Wave = resample_poly(wave, to // common, rate // common).astype(np.float32)
    return made


def condition(wave: Wave, rate: int) -> Wave:
    """Mono ``(samples,)`` at 22,050 Hz, without offset and without what is below 250 Hz.

    InputError where nothing is left: silence. The filter (Butterworth, order 6) runs both ways: no delay.
    """
    from scipy.signal import butter, sosfiltfilt

    made = resample(np.asarray(wave, np.float32) - np.float32(wave.mean()), rate, RATE)
    if len(made) < RATE // 20:
        raise InputError(f"expected at least 0.05 s of sound, got {len(made) / RATE:.3f} s", HINT)
    filtered: Wave = sosfiltfilt(butter(6, LOWEST, "highpass", fs=RATE, output="sos"), made).astype(np.float32)
    if float(np.abs(filtered).max()) < 1e-7:
        raise InputError("expected a sound, it is silent above 250 Hz", HINT)
    return filtered


# ---- the sample: bird-like chirps the project makes itself -------------------------------------------


def sing_sample(recordings: int = 20, seconds: float = 4.0, seed: int = 0) -> Sounds:
    """Recordings of an imaginary wood: a few species of swept, trilled and harmonic notes over soft noise."""
    draws = rng(seed, Stream.SAMPLE_SOUNDS)
    species = [
        {
            "base": float(draws.uniform(1500, 5000)),
            "sweep": float(draws.uniform(-1500, 1500)),
            "trill": float(draws.uniform(8, 30)),
            "depth": float(draws.uniform(0, 500)),
            "length": float(draws.uniform(0.06, 0.25)),
            "gap": float(draws.uniform(0.05, 0.3)),
        }
        for _ in range(5)
    ]
    waves = []
    for _ in range(recordings):
        total = int(seconds * RATE)
        white = np.fft.rfft(draws.normal(size=total))
        pink = np.fft.irfft(white / np.sqrt(np.maximum(1, np.arange(len(white)) / 200)), total)
        wave = pink * (draws.uniform(0.0005, 0.002) / pink.std())
        for kind in draws.choice(len(species), size=int(draws.integers(1, 3)), replace=False):
            bird, loud = species[int(kind)], draws.uniform(0.01, 0.05)
            start = draws.uniform(0, 1.0)
            while start < seconds:
                for _ in range(int(draws.integers(2, 7))):  # a strophe
                    length = bird["length"] * draws.uniform(0.8, 1.2)
                    first, n = int(start * RATE), int(length * RATE)
                    if first + n > total:
                        break
                    t = np.arange(n) / RATE
                    pitch = bird["base"] * draws.uniform(0.95, 1.05) + bird["sweep"] * t / length
                    pitch = pitch + bird["depth"] * np.sin(2 * np.pi * bird["trill"] * t)
                    phase = 2 * np.pi * np.cumsum(pitch) / RATE
                    note = np.sin(phase) + 0.2 * np.sin(2 * phase)
                    wave[first : first + n] += loud * note * np.sin(np.pi * t / length) ** 2
                    start += length + bird["gap"]
                start += draws.uniform(0.3, 1.5)
        waves.append(condition(wave.astype(np.float32), RATE))
    names = [f"wood-{number:02d}" for number in range(recordings)]
    cut = recordings - recordings // HELD_OUT
    train, test = Recordings.of(waves[:cut], names[:cut]), Recordings.of(waves[cut:], names[cut:])
    return Sounds(train, test, datasets.SAMPLE)
