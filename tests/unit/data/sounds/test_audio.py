"""Sounds: any format, rate and length; conditioned as said; held out by recording; what is not read is told."""

from __future__ import annotations

import zipfile
from typing import Any

import numpy as np
import pytest
import soundfile

from nnlab.configs.autoencode import AutoencodeConfig
from nnlab.data.sounds import audio
from nnlab.data.sounds.audio import RATE, condition, condition_channels, mono
from nnlab.data.sounds.sound_files import SoundFile
from nnlab.errors import InputError, UsageError
from nnlab.evaluation.metrics import snr_db
from nnlab.experiments import entry


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NNLAB_CACHE", str(tmp_path / "cache"))


def tone(hertz, rate=RATE, seconds=1.0, level=0.2):
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def sound(*channels, rate=RATE):
    return SoundFile(np.stack(channels, axis=1).astype(np.float32), rate)


def fill(folder, count=6, first=0, ending="wav"):
    """Some recordings of half a second in a folder, no two alike."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        soundfile.write(folder / f"{number}.{ending}", tone(1000 + 100 * number, seconds=0.5), RATE)
    return folder


def total(data: audio.Sounds) -> int:
    return len(data.train) + len(data.test)


def test_a_folder_of_mixed_sounds(tmp_path):
    folder = tmp_path / "mine"
    (folder / "more").mkdir(parents=True)
    for number, (ending, rate) in enumerate(
        [("wav", 8000), ("flac", 44_100), ("ogg", 48_000), ("mp3", 44_100), ("wav", 22_050), ("WAV", 22_000)]
    ):
        wave = tone(1000 + 100 * number, rate, 0.5 + 0.1 * number)
        stereo = np.stack([wave, wave], axis=1) if number % 2 else wave
        soundfile.write(folder / "more" / f"{number}.{ending}", stereo, rate)
    (folder / "broken.wav").write_bytes(b"RIFF nothing")
    (folder / "notes.txt").write_text("no sound")
    soundfile.write(folder / "silent.wav", np.zeros(20_000), 22_050)
    soundfile.write(folder / "offset.wav", np.full(20_000, 0.3), 22_050)
    data = audio.load(str(folder))
    assert total(data) == 6
    assert sorted(name.partition(" ")[0] for name in data.skipped) == ["broken.wav", "offset.wav", "silent.wav"]
    assert data.notes[0] == f"{folder}: not read: 1 .txt"
    assert "3 of 9 files cannot be used, the first: broken.wav" in data.notes[1]
    lengths = {name: len(wave) for part in (data.train, data.test) for name, wave in zip(part.names, part, strict=True)}
    assert abs(lengths["more/0.wav"] - 0.5 * RATE) <= 2
    assert abs(lengths["more/5.WAV"] - RATE) <= 2
    again = audio.load(str(folder))  # now from the cache
    assert again.test.names == data.test.names
    assert (again.digest, again.notes, again.skipped) == (data.digest, data.notes, data.skipped)
    assert again.record() == {"name": str(folder), "items": 6, "digest": data.digest}


def test_what_is_no_folder_of_sounds(tmp_path):
    with pytest.raises(UsageError, match="expected a folder of sound files"):
        audio.load(str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="found none"):
        audio.load(str(tmp_path))
    for number in range(6):
        (tmp_path / f"{number}.wav").write_bytes(b"RIFF nothing")
    with pytest.raises(InputError, match=r"0 of 6 can be used; the first that cannot be used: 0\.wav"):
        audio.load(str(tmp_path))


def test_one_file_that_is_silent_or_short_is_not_told_of_folders():
    for wave, says, hint in (
        (np.zeros(RATE, np.float32), "it is silent above 250 Hz", "Give one in which something is heard"),
        (np.ones(100, np.float32), "expected at least 0.05 s of sound, got 0.005 s", "Give a longer one"),
    ):
        with pytest.raises(InputError, match=says) as told:
            audio.condition(wave, RATE)
        assert told.value.hint == hint


def test_copies_of_one_recording_are_told(tmp_path):
    folder = fill(tmp_path / "mine", 6)
    for number in range(1, 6):
        (folder / f"{number}.wav").write_bytes((folder / "0.wav").read_bytes())
    with pytest.raises(InputError, match="all are on one side; all 6 are copies of one"):
        audio.load(str(folder))


def test_a_folder_is_of_what_it_holds_most_of(tmp_path):
    fill(tmp_path / "mine", 2)
    assert audio.is_of_sounds(tmp_path / "mine")
    for number in range(3):
        (tmp_path / "mine" / f"{number}.png").write_bytes(b"")
    assert not audio.is_of_sounds(tmp_path / "mine")
    fill(tmp_path / "mine" / ".hidden", 9)
    assert not audio.is_of_sounds(tmp_path / "mine")
    assert audio.is_of_sounds(tmp_path / "mine" / "0.wav")  # which says why it is not enough


def test_what_nnlab_wrote_is_left_out(tmp_path):
    folder = fill(tmp_path / "mine")
    run = fill(folder / "runs" / "a" / "audio")
    (run.parent / "config.json").write_text("{}")
    (run.parent / "results.json").write_text("{}")
    (folder / "0-reconstructed.wav").write_bytes((folder / "0.wav").read_bytes())
    data = audio.load(str(folder))
    assert total(data) == 6
    assert data.notes == (f"{folder}: not read: 1 nnlab run folder, 1 written by predict (rename it to use it)",)


def test_copies_of_a_recording_are_never_on_both_sides(tmp_path):
    folder = fill(tmp_path / "mine", 10)
    for number in range(10):  # the same samples, packed otherwise
        wave, rate = soundfile.read(folder / f"{number}.wav", dtype="int16")
        soundfile.write(folder / f"again-{number}.flac", np.stack([wave, wave], axis=1), rate)
    data = audio.load(str(folder))
    assert total(data) == 20
    assert not {wave.tobytes() for wave in data.train} & {wave.tobytes() for wave in data.test}
    both = tmp_path / "both"
    fill(both / "train", 6)
    fill(both / "test", 2, first=5)
    data = audio.load(str(both))
    assert (len(data.train), len(data.test)) == (5, 2)
    assert "1 of 6 files in train are copies of held-out ones" in data.notes[0]
    fill(both / "test", 6)
    assert "6 of 6 files in train are copies of held-out ones: they stay, and" in audio.load(str(both)).notes[0]


def test_recordings_that_are_mostly_air_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(audio, "MOST_BYTES", 100_000)
    monkeypatch.setattr(audio, "RATIO", 2)
    folder = fill(tmp_path / "mine", 4)
    for number in range(4):
        quiet = np.zeros(200_000)
        quiet[::5000] = 0.5
        soundfile.write(folder / f"bomb{number}.flac", quiet, RATE)
    with pytest.raises(InputError, match="expected recordings of the size of their files"):
        audio.load(str(folder))


# ---- channels ----------------------------------------------------------------------------------------


def test_a_dead_channel_is_not_listened_to():
    song = tone(3000)
    for channels in ((song, 0 * song), (0 * song, song), (0 * song, song, 0 * song)):
        wave, remark = mono(sound(*channels))
        assert np.array_equal(wave, condition(song, RATE))
        assert "the loudest is read" in remark


def test_channels_that_cancel_each_other_are_heard():
    song, rumble = tone(3000), tone(60, level=0.5)
    wave, remark = mono(sound(song + rumble, rumble - song))  # in phase below 250 Hz, where nobody listens
    assert snr_db(condition(song, RATE)[2000:-2000], wave[2000:-2000]) > 40
    assert "cancel each other" in remark


def test_other_channels_are_mixed():
    rng = np.random.default_rng(0)
    left, right = (rng.normal(0, 0.1, RATE) for _ in range(2))
    wave, remark = mono(sound(left, right))
    expected = (condition(left.astype(np.float32), RATE) + condition(right.astype(np.float32), RATE)) / 2
    assert np.abs(wave - expected).max() < 1e-6
    assert remark == ""
    wave, remark = mono(sound(left, left))
    assert np.array_equal(wave, condition(left.astype(np.float32), RATE))
    assert remark == ""


def test_remarks_are_counted(tmp_path):
    folder = fill(tmp_path / "mine", 5)
    song = tone(5000, seconds=0.5)
    for number in range(2):
        soundfile.write(folder / f"stereo{number}.wav", np.stack([song, -song], axis=1) * (number + 1), RATE)
    soundfile.write(folder / "loud.wav", tone(4000, seconds=0.5, level=20_000), RATE, subtype="FLOAT")
    notes = " ".join(audio.load(str(folder)).notes)
    assert "2 recordings: one channel is silent, or they cancel each other" in notes
    assert "1 recordings: its numbers are on another scale: divided by 32,768" in notes


def test_recordings_that_are_cut_short_are_named_and_the_others_are_read(tmp_path):
    folder = fill(tmp_path / "mine", 7)
    for name in ("2.wav", "5.wav"):
        (folder / name).write_bytes((folder / name).read_bytes()[:10_044])
    data = audio.load(str(folder))
    assert total(data) == 5
    says = "expected 22,050 bytes of samples, as its header says, the file ends after 10,000: it was cut short"
    assert data.skipped == (f"2.wav ({says})", f"5.wav ({says})")
    assert data.notes == (f"{folder}: 2 of 7 files cannot be used, the first: 2.wav ({says})",)


def test_recordings_on_the_scale_of_integers_keep_their_levels(tmp_path):
    levels = {f"{number}.wav": 0.003 * 3**number for number in range(6)}  # from peaks of 98 to 23,887
    (tmp_path / "mine").mkdir()
    for name, level in levels.items():
        wave = tone(3000, level=level) * 32_767
        soundfile.write(tmp_path / "mine" / name, wave.astype("f4"), RATE, subtype="FLOAT")
    data = audio.load(str(tmp_path / "mine"))
    assert data.notes == (f"{tmp_path / 'mine'}: 6 recordings: its numbers are on another scale: divided by 32,768",)
    for part in (data.train, data.test):
        for name, wave in zip(part.names, part, strict=True):
            assert np.abs(wave[2000:-2000]).max() == pytest.approx(levels[name], rel=0.01)


def test_each_channel_for_predict():
    song = tone(3000)
    left, right = condition_channels(sound(song, 0 * song))
    assert np.array_equal(left, condition(song, RATE))
    assert not right.any()
    with pytest.raises(InputError, match="silent above 250 Hz"):
        condition_channels(sound(0 * song, tone(10)))


# ---- conditioning ------------------------------------------------------------------------------------


def test_offset_and_rumble_are_taken_away_and_the_song_stays():
    song, rumble = tone(3000, seconds=2.0), tone(60, seconds=2.0)
    wave = condition(song + rumble + 0.4, RATE)
    inner = slice(RATE // 4, -RATE // 4)
    assert snr_db(song[inner], wave[inner]) > 40
    assert abs(float(wave.mean())) < 1e-4


@pytest.mark.parametrize("rate", [8000, 11_025, 22_001, 44_101, 96_000, 192_001, 384_000])
def test_odd_rates(rate):
    wave = condition(tone(2000, rate, 0.5), rate)
    assert abs(len(wave) - RATE // 2) <= 2
    spectrum = np.abs(np.fft.rfft(wave))
    assert abs(spectrum.argmax() * RATE / len(wave) - 2000) < 5


@pytest.mark.parametrize(
    ("wave", "says"),
    [
        (np.zeros(5000, np.float32), "silent above 250 Hz"),
        (np.full(5000, 0.7, np.float32), "silent above 250 Hz"),
        (np.full(5000, 1e6, np.float32), "silent above 250 Hz"),
        (tone(50, seconds=3.0, level=0.9), "silent above 250 Hz"),
        (tone(3, seconds=0.6, level=1e-3) + np.float32(0.2), "silent above 250 Hz"),
        (np.ones(500, np.float32), "expected at least 0.05 s of sound"),
        (np.ones(1, np.float32), "expected at least 0.05 s of sound"),
    ],
)
def test_what_is_no_sound(wave, says):
    with pytest.raises(InputError, match=says):
        condition(wave, RATE)


def test_a_click_at_the_beginning_is_a_sound():
    wave = np.zeros(RATE, np.float32)
    wave[100:110] = 0.5
    assert np.abs(condition(wave, RATE)).max() > 0.1


def test_a_quiet_song_over_a_large_offset_is_a_sound():
    song = tone(3000, level=3e-5)  # one step of 16 bits
    wave = condition(song + np.float32(0.03), RATE)
    assert snr_db(song[2000:-2000], wave[2000:-2000]) > 30


def test_long_recordings_are_filtered_in_parts(monkeypatch):
    wave = np.random.default_rng(0).normal(0, 0.1, 5 * RATE).astype(np.float32)
    whole = condition(wave, RATE)
    monkeypatch.setattr(audio, "BLOCK", RATE // 2)
    assert np.abs(condition(wave, RATE) - whole).max() < 1e-6


def test_the_sample_is_the_same_each_time():
    one, two = audio.sing_sample(6, 0.5), audio.sing_sample(6, 0.5)
    assert one.digest == two.digest != audio.sing_sample(6, 0.5, seed=1).digest
    assert (len(one.train), len(one.test), one.train.names[0]) == (5, 1, "wood-00")


def test_real_birds(birds):
    assert len(birds.train) + len(birds.test) == 97
    assert not set(birds.train.names) & set(birds.test.names)
    assert (birds.skipped, birds.notes) == ((), ())


def test_validation_is_of_whole_recordings():
    drawn = audio.sing_sample(12, 0.5)
    split = audio.with_validation(drawn, 0.2, 0)
    assert split.validation is not None
    assert len(split.validation) == 2
    assert sorted([*split.train.names, *split.validation.names]) == sorted(drawn.train.names)
    for part in (split.train, split.validation):
        for name, wave in zip(part.names, part, strict=True):
            assert np.array_equal(wave, drawn.train[drawn.train.names.index(name)])
    assert split.test is drawn.test
    assert audio.with_validation(drawn, 0.0, 0) is drawn


@pytest.mark.parametrize("name", ["song.wav", "sounds.zip"])
def test_one_file_in_place_of_a_folder_of_sounds_is_told(tmp_path, name):
    """Of ``autoencode``: a zip of pictures is read, a zip of sounds is not."""
    fill(tmp_path / "set")
    path = tmp_path / name
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            for file in (tmp_path / "set").iterdir():
                archive.write(file, f"in/{file.name}")
    else:
        soundfile.write(path, tone(1000), RATE)
    experiment: Any = entry("autoencode").experiment(AutoencodeConfig.from_options({"data": str(path)}))
    assert experiment.__name__.endswith("autoencode_sounds")
    with pytest.raises(UsageError, match="is one file") as caught:
        audio.load(str(path))
    assert caught.value.hint == "Put the sounds, unpacked, into a folder: at least 5 recordings"
