"""One sound file, of anybody: its size is read before its samples; and written back in the format of its samples."""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeAlias

import numpy as np

from nnlab.data.file_kinds import no_file
from nnlab.data.sounds.sound_streams import CUT_SHORT, after_tag, part, recordings_of
from nnlab.errors import InputError
from nnlab.machine import quiet_native_stderr

Wave: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]
MOST_SAMPLES = 100_000_000  # of all channels: 35 minutes of mono at 48,000 Hz, for which conditioning takes 1.1 GB
SLOWEST, FASTEST = 1000, 1_000_000  # Hz; below, there is nothing of what is listened to
HEADROOM = 8.0  # a float beyond so many times full scale is on another scale
SCALES = (2.0**15, 2.0**23, 2.0**31)  # of floats that hold integers; 8 bits are not among them: quiet 16 are likelier
LOUDEST = 2.0**32  # of a float: one step beyond the scale of 32 bits
BLOCK = 1 << 20  # samples that are scaled and written at once
FLOATS = ("FLOAT", "DOUBLE")
HINT = "Give a WAV, FLAC, OGG or MP3 file"
UNKNOWN_LENGTH = "It was written into a pipe: convert it to a file, for example with sox or ffmpeg"
SLACK = 64  # bytes: some programs count the header as samples, or a padding byte that they do not write
SAMPLE_FORMATS = {  # of a file that is read -> of the WAV that is written; PCM_16 for those that are compressed
    **{name: name for name in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", *FLOATS)},
    **{"PCM_S8": "PCM_U8", "ALAC_20": "PCM_24", "ALAC_24": "PCM_24", "ALAC_32": "PCM_32"},
}
OF_MP3 = (b"ID3", *(bytes([0xFF, second]) for second in (0xE2, 0xE3, 0xF2, 0xF3, 0xFA, 0xFB)))  # MPEG audio, layer 3
BEGINNINGS = (b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b"fLaC", b"OggS", b".snd", b"dns.", b"caff", *OF_MP3)
SEVERAL = "several recordings in one file, of different rates or channels: those like the first are read"


class Layout(NamedTuple):
    """How a format arranges its chunks: a name, a size, contents, and bytes up to the next multiple of ``step``."""

    first: int  # the byte where the first begins
    name: int  # bytes of a name
    size: str  # how the size is written, for struct
    counted: int  # bytes of name and size, where the size counts them too
    step: int


LAYOUTS = {
    **{name: Layout(12, 4, "<I", 0, 2) for name in (b"RIFF", b"RF64")},  # WAV
    **{name: Layout(12, 4, ">I", 0, 2) for name in (b"RIFX", b"FORM")},  # WAV, AIFF
    b"riff": Layout(40, 16, "<Q", 24, 8),  # W64
    b"caff": Layout(8, 4, ">Q", 0, 1),
}
AU = {b".snd": ">4xII", b"dns.": "<4xII"}  # where the samples begin, and their bytes
SAMPLES = (b"data", b"SSND", b"BODY")  # the chunk that holds them
MOST_CHUNKS = 1000  # before it
MP3_LENIENCE = 2 * 1152  # samples, two frames: encoders differ by one in what they count


@dataclass(frozen=True)
class SoundFile:
    """The samples ``(n, channels)`` of a file, full scale 1, and what it takes to write such a file again."""

    samples: Wave
    rate: int  # Hz
    subtype: str = "PCM_16"  # the format of its samples, as libsndfile names it
    scale: float = 1.0  # what the file's own numbers were divided by
    remark: str = ""  # what of the file was not read

    @property
    def peak(self) -> float:
        """The largest absolute value in the file; beyond 1 floats have headroom, or are on another scale."""
        return self.scale * _peak(self.samples)


def read_sound(path: Path) -> SoundFile:
    """A sound file of any format, rate and number of channels.

    Floats up to 8 times full scale stay as they are: that is headroom. Larger ones are on the scale of integers:
    they are divided by full scale of 16, 24 or 32 bits, the smallest that holds them, which ``scale`` keeps.

    Raises:
        InputError: it cannot be read, is empty, ends before its header says, has a rate below 1,000 or above
            1,000,000 Hz, more than 100 million samples, or some that are no numbers of any scale.
    """
    import soundfile

    if other := no_file(path):
        raise InputError(*other, path=path)
    if not path.is_file():
        raise InputError("there is no such file", HINT, path=path)
    try:
        with open(path, "rb") as opened:
            beginning = opened.read(4)
            if not beginning:
                raise InputError("expected a sound, the file is empty", HINT, path=path)
            if not beginning.startswith(BEGINNINGS):  # else the decoder of MP3 searches for one, and says so on stderr
                raise InputError("expected a sound file, it cannot be read (format not recognised)", HINT, path=path)
            with quiet_native_stderr(enabled=beginning.startswith(OF_MP3), shown=False):
                parts = _decoded(opened, beginning, path)
    except (soundfile.SoundFileError, OSError, ValueError, AssertionError) as error:
        after_path = str(error).rpartition(": ")[2]  # in an OSError the path comes last
        reason = (getattr(error, "strerror", None) or after_path).rstrip(".").lower()
        if "lost sync" in reason:
            raise InputError(
                f"expected a whole FLAC file, it was cut short or is damaged ({reason})", CUT_SHORT, path=path
            ) from error
        raise InputError(f"expected a sound file, it cannot be read ({reason})", HINT, path=path) from error
    _, rate, subtype = parts[0]
    same = [samples for samples, *of in parts if of == [rate, subtype] and samples.shape[1] == parts[0][0].shape[1]]
    samples = np.concatenate(same) if len(same) > 1 else same[0]
    if len(samples) == 0:
        raise InputError("expected a sound, the file is empty", HINT, path=path)
    peak = _peak(samples)
    if not peak <= LOUDEST:
        raise InputError("expected a sound, some samples are not numbers, or larger than any sound", HINT, path=path)
    scale = _scale(peak) if subtype in FLOATS else 1.0
    if scale != 1:
        samples /= np.float32(scale)
    return SoundFile(samples, rate, subtype, scale, SEVERAL if len(same) < len(parts) else "")


def _decoded(opened: BinaryIO, beginning: bytes, path: Path) -> list[tuple[Wave, int, str]]:
    """Samples, rate and their format of each recording in a file; InputError where one is not whole, or too large."""
    import soundfile

    source = _whole(opened, beginning, path)
    places = recordings_of(opened, beginning, opened.seek(0, io.SEEK_END), path)
    parts: list[tuple[Wave, int, str]] = []
    left = MOST_SAMPLES
    for place in places:
        content = part(opened, place) if len(places) > 1 else source
        with soundfile.SoundFile(content or path) as file:
            _check_size(file, path, left)
            samples = file.read(file.frames, dtype="float32", always_2d=True)  # of GSM it wants to be told
            _check_frames(file, len(samples), content or opened, path)
            parts.append((samples, int(file.samplerate), str(file.subtype)))
            left -= samples.size
    return parts


def _scale(peak: float) -> float:
    """Full scale of floats with this peak; not the next power of two, which would give each recording its own level."""
    if peak <= HEADROOM:
        return 1.0
    return next((scale for scale in SCALES if peak <= scale), SCALES[-1])


# ---- whether a file is whole -------------------------------------------------------------------------


def _whole(file: BinaryIO, beginning: bytes, path: Path) -> io.BytesIO | None:
    """Its contents with the size put right where libsndfile would take a streamed WAV for an empty one, else None.

    Raises:
        InputError: it ends before its samples do. libsndfile reads what there is and says nothing.
    """
    end = file.seek(0, io.SEEK_END)
    start, size = _samples(file, beginning, end)
    there = max(0, end - start)
    if there + SLACK < size and not _is_placeholder(size):
        raise InputError(
            f"expected {size:,} bytes of samples, as its header says, the file ends after {there:,}: it was cut short",
            CUT_SHORT,
            path=path,
        )
    if size or not there or beginning not in (b"RIFF", b"RIFX") or end > 8 * MOST_SAMPLES:
        return None
    file.seek(4)
    (riff,) = struct.unpack(LAYOUTS[beginning].size, file.read(4))
    if riff > start - 8 and not _is_placeholder(riff):
        return None  # what follows is counted, and is no samples
    file.seek(0)
    content = bytearray(file.read())
    content[start - 4 : start] = b"\xff" * 4
    return io.BytesIO(content)


def _is_placeholder(size: int) -> bool:
    """Whether this stands where a size was not known yet: what is written into a pipe cannot be put right at the end.

    ffmpeg writes 2**32 - 1, sox 2**31 - 4096 (AIFF: 127 * 2**24), arecord 2**31, some less their header; in 64 bits -1
    or the largest number. So many bytes are more samples than are read at all. 0 is written too, and asks for no more.
    """
    return 127 << 24 <= size <= 1 << 31 or (1 << 32) - 4096 <= size < 1 << 32 or size >= 1 << 62


def _samples(file: BinaryIO, beginning: bytes, end: int) -> tuple[int, int]:
    """(the byte where the samples begin, how many bytes they are); ``end`` and 0 where the header does not say."""
    file.seek(0)
    try:
        if beginning in AU:
            start, size = struct.unpack(AU[beginning], file.read(12))
            return start, size
        if beginning in LAYOUTS:
            return _sample_chunk(file, LAYOUTS[beginning], end)
    except struct.error:
        pass  # it ends within its header, which libsndfile says
    return end, 0


def _sample_chunk(file: BinaryIO, layout: Layout, end: int) -> tuple[int, int]:
    """The same, of a format of chunks; struct.error where the file ends within the head of one."""
    place, large = layout.first, 0
    for _ in range(MOST_CHUNKS):
        if place >= end:
            break
        file.seek(place)
        name = file.read(layout.name)[:4]
        (size,) = struct.unpack(layout.size, file.read(struct.calcsize(layout.size)))
        start, size = file.tell(), max(0, size - layout.counted)
        if name in SAMPLES:
            return start, large if large and size == 0xFFFFFFFF else size
        if name == b"ds64":  # of RF64: sizes that do not fit into 32 bits
            (large,) = struct.unpack("<8xQ", file.read(16))
        place = start + size + -size % layout.step
    return end, 0


def _check_frames(file: Any, got: int, opened: BinaryIO, path: Path) -> None:
    """InputError where an MP3 or OGG says that it has more samples than came out; of FLAC, libsndfile says it."""
    lenience = {"OGG": 0, "MP3": MP3_LENIENCE}.get(file.format)
    if lenience is not None and file.frames - got > lenience and (file.format == "OGG" or _says_length(opened)):
        raise InputError(
            f"expected {file.frames:,} samples per channel, as its header says, got {got:,}: it was cut short",
            CUT_SHORT,
            path=path,
        )


def _says_length(file: BinaryIO) -> bool:
    """Whether the first frame of an MP3 says how many follow; else their number is a guess of the decoder."""
    file.seek(after_tag(file, 0))
    found = re.search(rb"(?:Xing|Info)...(.)", file.read(64), re.DOTALL)
    return found is not None and bool(found[1][0] & 1)


def _check_size(file: Any, path: Path, left: int) -> None:
    """InputError where what a file says of itself is out of all bounds; ``left``: samples that it may have."""
    if not SLOWEST <= file.samplerate <= FASTEST:
        raise InputError(
            f"expected a rate of {SLOWEST:,} to {FASTEST:,} Hz, got {file.samplerate:,}", "Resample it", path=path
        )
    if file.frames >= 1 << 62:
        raise InputError("expected a length in its header, it does not say one", UNKNOWN_LENGTH, path=path)
    if file.frames * file.channels > left:
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
