"""One sound file, of anybody: its size is read before its samples; and written back in the format of its samples."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nnlab.errors import InputError

Wave: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]
MOST_SAMPLES = 100_000_000  # of all channels: 35 minutes of mono at 48,000 Hz, for which conditioning takes 1.1 GB
SLOWEST, FASTEST = 1000, 1_000_000  # Hz; below, there is nothing of what is listened to
HEADROOM = 8.0  # a float beyond so many times full scale is on another scale
LOUDEST = 2.0**32  # of a float: one step beyond the scale of 32 bits
BLOCK = 1 << 20  # samples that are scaled and written at once
FLOATS = ("FLOAT", "DOUBLE")
HINT = "Give a WAV, FLAC, OGG or MP3 file"
SAMPLE_FORMATS = {  # of a file that is read -> of the WAV that is written; PCM_16 for those that are compressed
    **{name: name for name in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", *FLOATS)},
    **{"PCM_S8": "PCM_U8", "ALAC_20": "PCM_24", "ALAC_24": "PCM_24", "ALAC_32": "PCM_32"},
}
BEGINNINGS = (
    *(b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b"fLaC", b"OggS", b".snd", b"dns.", b"caff", b"ID3"),
    *(bytes([0xFF, second]) for second in (0xE2, 0xE3, 0xF2, 0xF3, 0xFA, 0xFB)),  # MPEG audio, layer 3
)


@dataclass(frozen=True)
class SoundFile:
    """The samples ``(n, channels)`` of a file, full scale 1, and what it takes to write such a file again."""

    samples: Wave
    rate: int  # Hz
    subtype: str = "PCM_16"  # the format of its samples, as libsndfile names it
    scale: float = 1.0  # what the file's own numbers were divided by

    @property
    def peak(self) -> float:
        """The largest absolute value in the file; beyond 1 floats have headroom, or are on another scale."""
        return self.scale * _peak(self.samples)


def read_sound(path: Path) -> SoundFile:
    """A sound file of any format, rate and number of channels.

    Floats up to 8 times full scale stay as they are: that is headroom. Larger ones are on another scale (that of 16
    bits, say): they are divided by the power of two that brings them within 1, which ``scale`` keeps.

    Raises:
        InputError: it cannot be read, is empty, has a rate below 1,000 or above 1,000,000 Hz, more than 100 million
            samples, or some that are no numbers of any scale.
    """
    import soundfile

    if not path.is_file():
        raise InputError("there is no such file", HINT, path=path)
    try:
        with open(path, "rb") as opened:
            beginning = opened.read(4)
        if not beginning:
            raise InputError("expected a sound, the file is empty", HINT, path=path)
        if not beginning.startswith(BEGINNINGS):  # else the decoder of MP3 searches for one, and says so on stderr
            raise InputError("expected a sound file, it cannot be read (format not recognised)", HINT, path=path)
        with soundfile.SoundFile(path) as file:
            _check_size(file, path)
            samples = file.read(dtype="float32", always_2d=True)
            rate, subtype = int(file.samplerate), str(file.subtype)
    except (soundfile.SoundFileError, OSError, ValueError, AssertionError) as error:
        reason = str(error).rpartition(": ")[2].rstrip(".").lower()
        raise InputError(f"expected a sound file, it cannot be read ({reason})", HINT, path=path) from error
    if len(samples) == 0:
        raise InputError("expected a sound, the file is empty", HINT, path=path)
    peak = _peak(samples)
    if not peak <= LOUDEST:
        raise InputError("expected a sound, some samples are not numbers, or larger than any sound", HINT, path=path)
    scale = float(2 ** np.ceil(np.log2(peak))) if subtype in FLOATS and peak > HEADROOM else 1.0
    if scale != 1:
        samples /= np.float32(scale)
    return SoundFile(samples, rate, subtype, scale)


def _check_size(file: Any, path: Path) -> None:
    """InputError where what a file says of itself is out of all bounds."""
    if not SLOWEST <= file.samplerate <= FASTEST:
        raise InputError(
            f"expected a rate of {SLOWEST:,} to {FASTEST:,} Hz, got {file.samplerate:,}", "Resample it", path=path
        )
    if file.frames * file.channels > MOST_SAMPLES:
        raise InputError(
            f"expected at most {MOST_SAMPLES:,} samples, got {file.frames:,} in each of {file.channels} channels",
            "Cut it into shorter files",
            path=path,
        )


def _peak(samples: Wave) -> float:
    """The largest absolute value; NaN where there is one."""
    return float(np.maximum(samples.max(initial=0), -samples.min(initial=0)))


def write_sound(path: Path, samples: Wave, like: SoundFile) -> str:
    """Write a WAV with the rate, the format of the samples and the scale of a file that was read.

    Nothing is clipped: where the format has no headroom and a sample is beyond full scale, all are made quieter.

    Args:
        path: of the WAV.
        samples: ``(n, channels)`` or ``(n,)``, on the scale of ``like.samples``.
        like: the file that was read.

    Returns:
        What is to be told: that it was made quieter; empty for nothing.

    Raises:
        InputError: a sample is not a finite number.
        OSError: it cannot be written.
    """
    import soundfile

    peak = _peak(samples)
    if not np.isfinite(peak):
        raise InputError("expected numbers to write, some samples are NaN or infinite", path=path)
    subtype = SAMPLE_FORMATS.get(like.subtype, "PCM_16")
    gain, note = like.scale, ""
    if subtype not in FLOATS and peak > 1:
        gain, note = 1 / peak, f"{20 * np.log10(peak):.1f} dB quieter than it came out, to fit into {subtype}"
    buffer = io.BytesIO()
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(buffer, "w", like.rate, channels, subtype, format="WAV") as file:
        for first in range(0, len(samples), BLOCK):
            file.write(samples[first : first + BLOCK] * np.float32(gain))
    path.write_bytes(buffer.getbuffer())  # encoded in memory: libsndfile does not say that a disk is full
    return note
