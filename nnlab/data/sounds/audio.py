"""Sounds: the birds, the user's own recordings in a folder, or chirps made on the spot.

Every recording becomes mono at 22,050 Hz, and loses its constant offset and what is below 250 Hz: in field
recordings those two hold nearly all the energy and nothing of the song. Recordings, not windows, are
held out: by its folder where there are folders ``train`` and ``test``, else by contents, one in five.
"""

from __future__ import annotations

import functools
import hashlib
import math
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.config import Inherited
from nnlab.data import decoded, folders, npz
from nnlab.data.decoded import HELD_OUT, Part
from nnlab.data.folders import PICTURES, SOUNDS
from nnlab.data.random import Stream, rng
from nnlab.data.seen import Keys, keys_of, unseen
from nnlab.data.sounds.sound_files import SoundFile, Wave, read_sound
from nnlab.data.sources import datasets
from nnlab.errors import InputError, UsageError

RATE = 22_050  # Hz
LOWEST = 250.0  # Hz
LEAST = 5  # recordings: one is held out
SHORTEST = 0.05  # seconds
SILENT = 1e-7  # of full scale
ROUNDING = 1e-6  # of a recording's loudest sample: less, between the ends, is no sound
EDGE, EDGES = RATE // 10, 0.05  # samples at either end, where a hum that begins leaves up to 3.5 % of its level
CANCELLED = 0.4  # of the loudest channel's energy; the mean of a channel and a silent one keeps 0.25
MOST_BYTES, RATIO = 1 << 30, 100  # of decoded recordings, or so many per byte of their files
BLOCK = 600 * RATE  # samples that are filtered at once
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
    """Training and test recordings, where they came from, and what is to be told of them.

    ``validation``: those that :func:`with_validation` took from the training recordings, if it did.
    ``skipped`` names each file that could not be used, and why.
    """

    train: Recordings
    test: Recordings
    source: str
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    validation: Recordings | None = None

    @property
    def watched(self) -> Part:
        """What is measured after each epoch: ``validation`` where there is one, else ``test``."""
        return "test" if self.validation is None else "validation"

    @property
    def digest(self) -> str:
        """SHA-256 of the recordings as they were read and conditioned, before any were taken for validation."""
        parts = [array for part in (self.train, self.test) for array in (part.samples, np.array(part.starts, np.int64))]
        return decoded.digest(*parts)

    def record(self) -> dict[str, Any]:
        """What a run keeps of its data: name, number of recordings, digest."""
        return {"name": self.source, "items": len(self.train) + len(self.test), "digest": self.digest}


def with_validation(sounds: Sounds, share: float, data_seed: int) -> Sounds:
    """The recordings with a share of the training recordings as validation; copies of one are never on both sides.

    InputError where all training recordings are copies of one.
    """
    if share == 0:
        return sounds
    train = sounds.train
    taken = decoded.validation_part([hashlib.sha256(wave.tobytes()).digest() for wave in train], share, data_seed)
    return replace(sounds, train=_those(train, ~taken), validation=_those(train, taken))


def keys_of_waves(waves: Iterable[Wave]) -> Keys:
    """A key per recording."""
    return keys_of(np.ascontiguousarray(wave).tobytes() for wave in waves)


def without_seen(sounds: Sounds, inherited: Inherited | None) -> tuple[Sounds, int]:
    """(sounds, how many left): test and validation recordings that an ancestor was trained on leave, and are told."""
    held_out = {"test": sounds.test} | ({} if sounds.validation is None else {"validation": sounds.validation})
    parts = {part: functools.partial(keys_of_waves, waves) for part, waves in held_out.items()}
    found = unseen(parts, inherited, "recordings")
    if found is None:
        return sounds, 0
    kept: dict[str, Any] = {part: _those(held_out[part], mask) for part, mask in found.masks.items()}
    return replace(sounds, **kept, notes=(*sounds.notes, *found.notes)), found.left_out


def _those(recordings: Recordings, mask: decoded.Mask) -> Recordings:
    numbers = [int(number) for number in np.flatnonzero(mask)]
    return Recordings.of([recordings[number] for number in numbers], [recordings.names[number] for number in numbers])


def load(data: str) -> Sounds:
    """Recordings by name or path.

    Args:
        data: ``birds``; ``sample``; or a folder of sound files.

    Raises:
        UsageError: there is no such folder.
        InputError: fewer than 5 recordings can be used.
        DataUnavailable: the birds are not at hand and cannot be downloaded.
    """
    if data == datasets.SAMPLE:
        return sing_sample()
    path = datasets.find("birds") if data == "birds" else Path(data)
    if path.is_file():
        hint = f"Put the sounds, unpacked, into a folder: at least {LEAST} recordings"
        raise UsageError(f"expected a folder of sound files, {path} is one file", hint)
    if not path.is_dir():
        raise UsageError(f"expected a folder of sound files, {path} is none", HINT)
    return read_folder(path)


def is_of_sounds(path: Path) -> bool:
    """Whether a folder or a zip holds more sound files than pictures, at any depth; or a file is called as a sound."""
    listed = folders.list_files(path, (*SOUNDS, *PICTURES)).files if path.is_dir() else ()
    names = [file.name for file in listed] or (npz.members(path) if path.is_file() else [])
    sounds, pictures = (sum(name.lower().endswith(kind) for name in names) for kind in (SOUNDS, PICTURES))
    return sounds > pictures


def read_folder(path: Path) -> Sounds:
    """All sound files of a folder."""
    listing = folders.list_files(path, SOUNDS)
    names, left_out = folders.without_written(
        [file.relative_to(path).as_posix() for file in listing.files], listing.left_out
    )
    note = replace(listing, left_out=left_out).note
    if not names:
        raise InputError(
            f"expected sound files ({', '.join(SOUNDS[:5])}, …), found none{f' ({note})' if note else ''}",
            HINT,
            path=path,
        )
    settings = ("sounds", 4, RATE, LOWEST, decoded.versions("soundfile", "scipy", "numpy"))
    key = datasets.content_key(settings, [(name, path / name) for name in names])
    arrays, record = decoded.cached("sounds", key, lambda: _decode(path, names))
    train, test = (
        Recordings(arrays[f"{part}_samples"], tuple(arrays[f"{part}_starts"].tolist()), tuple(record[part]))
        for part in ("train", "test")
    )
    notes = tuple(f"{path}: {text}" for text in (note, *record["notes"]) if text)
    return Sounds(train, test, str(path), tuple(record["skipped"]), notes)


def _decode(path: Path, names: Sequence[str]) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, Any]]:
    """Samples and starts of both parts, and what :class:`Sounds` says of them."""
    waves, skipped, remarks = _conditioned(path, names)
    if len(waves) < LEAST:
        named = f"; the first that cannot be used: {skipped[0]}" if skipped else ""
        raise InputError(
            f"expected at least {LEAST} recordings, {len(waves)} of {len(names)} can be used{named}", HINT, path=path
        )
    contents = [hashlib.sha256(wave.tobytes()).digest() for wave in waves.values()]
    train, test, notes = decoded.split(list(waves), contents, 1)
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    record: dict[str, Any] = {"skipped": skipped}
    for part, mask in (("train", train), ("test", test)):
        if not mask.any():
            why = "".join(f"; {note}" for note in (*decoded.copies_told(contents), *notes))
            raise InputError(
                f"expected recordings to train and to test with, all are on one side{why}", HINT, path=path
            )
        chosen = [name for name, wanted in zip(waves, mask, strict=True) if wanted]
        recordings = Recordings.of([waves[name] for name in chosen], chosen)
        arrays[f"{part}_samples"], arrays[f"{part}_starts"] = recordings.samples, np.array(recordings.starts, np.int64)
        record[part] = chosen
    if skipped:
        notes.insert(0, f"{len(skipped):,} of {len(names):,} files cannot be used, the first: {skipped[0]}")
    record["notes"] = [*notes, *(f"{count:,} recordings: {remark}" for remark, count in remarks.items())]
    return arrays, record


def _conditioned(path: Path, names: Sequence[str]) -> tuple[dict[str, Wave], list[str], Counter[str]]:
    """The recordings that can be used by name, those that cannot and why, and how many have which remarks."""
    from tqdm import tqdm

    waves: dict[str, Wave] = {}
    skipped: list[str] = []
    remarks: Counter[str] = Counter()
    size = on_disk = 0
    for name in tqdm(names, "decoding", file=sys.stderr, leave=False, disable=None, unit=" files"):
        try:
            wave, remark = mono(read_sound(path / name))
        except InputError as error:
            skipped.append(f"{name} ({error.message.removeprefix(f'{path / name}: ')})")
            continue
        waves[name] = wave
        size, on_disk = size + wave.nbytes, on_disk + os.path.getsize(path / name)
        if size > max(MOST_BYTES, RATIO * on_disk):
            raise InputError(
                f"expected recordings of the size of their files, {on_disk / 1e6:.1f} MB unpack to more than "
                f"{size / 1e9:.1f} GB",
                "Give fewer of them",
                path=path,
            )
        if remark:
            remarks[remark] += 1
    return waves, skipped, remarks


# ---- conditioning ------------------------------------------------------------------------------------


def mono(sound: SoundFile) -> tuple[Wave, str]:
    """A recording as one channel, conditioned, and what is to be told of how.

    The mean of the channels; or the loudest one where they cancel each other or the others are silent, so that the
    mean has less than 0.4 of its energy.

    Raises:
        InputError: it is shorter than 0.05 s, or silent above 250 Hz.
    """
    if sound.samples.shape[1] == 1:
        return condition(sound.samples[:, 0], sound.rate), _remarks(sound)
    channels = condition_channels(sound)
    mix: Wave = np.mean(np.stack(channels), axis=0, dtype=np.float32)
    energy = [float(np.square(wave, dtype=np.float64).sum()) for wave in (mix, *channels)]
    if energy[0] >= CANCELLED * max(energy[1:]):
        return mix, _remarks(sound)
    loudest = int(np.argmax(energy[1:]))
    return channels[loudest], _remarks(sound, "one channel is silent, or they cancel each other: the loudest is read")


def _remarks(sound: SoundFile, of_channels: str = "") -> str:
    """What is to be told of how a file was read."""
    scaled = "" if sound.scale == 1 else f"its numbers are on another scale: divided by {sound.scale:,.0f}"
    return "; ".join(remark for remark in (sound.remark, of_channels or scaled) if remark)


def condition_channels(sound: SoundFile) -> list[Wave]:
    """Each channel of a file, conditioned; one that is silent is silence.

    Raises:
        InputError: all are silent above 250 Hz, or shorter than 0.05 s.
    """
    channels: list[Wave | InputError] = []
    for channel in sound.samples.T:
        try:
            channels.append(condition(channel, sound.rate))
        except InputError as error:
            channels.append(error)
    heard = [channel for channel in channels if not isinstance(channel, InputError)]
    if not heard:
        raise next(channel for channel in channels if isinstance(channel, InputError))
    return [np.zeros_like(heard[0]) if isinstance(channel, InputError) else channel for channel in channels]


def resample(wave: Wave, rate: int, to: int) -> Wave:
    """``wave`` ``(samples,)`` from one rate to another, both in Hz (polyphase filter of scipy)."""
    from scipy.signal import resample_poly

    if rate == to:
        return wave
    common = math.gcd(rate, to)
    resampled: Wave = resample_poly(wave, to // common, rate // common).astype(np.float32)
    return resampled


def condition(wave: Wave, rate: int) -> Wave:
    """Mono ``(samples,)`` at 22,050 Hz, without offset and without what is below 250 Hz.

    The filter (Butterworth, order 6) runs both ways: no delay.

    Raises:
        InputError: it is shorter than 0.05 s, or nothing is left: silence, an offset or a hum alone.
    """
    samples = resample(np.asarray(wave, np.float32) - np.float32(wave.mean()), rate, RATE)
    if len(samples) < RATE * SHORTEST:
        raise InputError(
            f"expected at least {SHORTEST} s of sound, got {len(samples) / RATE:.3f} s", "Give a longer one"
        )
    filtered = _highpass(samples)
    if _is_silent(filtered, _loudest(wave)):
        raise InputError("expected a sound, it is silent above 250 Hz", "Give one in which something is heard")
    return filtered


def _is_silent(filtered: Wave, loudest: float) -> bool:
    """Whether what is left of a recording, whose loudest sample this was, is rounding and the filter's own edges."""
    inner = filtered[EDGE:-EDGE] if len(filtered) > 4 * EDGE else filtered
    return _loudest(inner) < max(SILENT, ROUNDING * loudest) and _loudest(filtered) < max(SILENT, EDGES * loudest)


def _loudest(wave: Wave) -> float:
    return max(float(wave.max()), -float(wave.min()))


def _highpass(samples: Wave) -> Wave:
    """What is above 250 Hz; of long recordings ten minutes at a time, which overlap by a second."""
    from scipy.signal import butter, sosfiltfilt

    sections = butter(6, LOWEST, "highpass", fs=RATE, output="sos")
    if len(samples) <= BLOCK + 2 * RATE:
        filtered: Wave = sosfiltfilt(sections, samples).astype(np.float32)
        return filtered
    parts = []
    for first in range(0, len(samples), BLOCK):
        before = min(first, RATE)
        part = sosfiltfilt(sections, samples[first - before : first + BLOCK + RATE]).astype(np.float32)
        parts.append(part[before : before + BLOCK])
    return np.concatenate(parts)


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
