"""Whatever is wrong with the input: one clear line, exit code 1, and nothing written."""

from __future__ import annotations

import json
import os
import pickle
import resource
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from medtalk.cli.batch import MAX_TRANSCRIPT_BYTES
from medtalk.guidance import LABELS
from tests.helpers import checkpoints
from tests.helpers.pickles import Trap
from tests.helpers.pictures import bomb


def pcm_header(data_bytes: int, rate: int = 16000) -> bytes:
    form = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)
    return (b"RIFF" + struct.pack("<I", 36 + data_bytes) + b"WAVEfmt " + struct.pack("<I", 16) + form
            + b"data" + struct.pack("<I", data_bytes))  # fmt: skip


def cut(path: Path) -> None:
    soundfile.write(path, np.full(32000, 0.1), 16000)
    path.write_bytes(path.read_bytes()[:20000])


def cut_flac(path: Path) -> None:
    whole = path.with_suffix(".flac")
    soundfile.write(whole, np.random.default_rng(1).normal(0, 0.1, 32000), 16000)
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    whole.unlink()


def with_nan(path: Path) -> None:
    samples = np.zeros(16000, np.float32)
    samples[8000] = np.nan
    soundfile.write(path, samples, 16000, subtype="FLOAT")


def two_hours(path: Path) -> None:
    with open(path, "wb") as file:
        file.write(pcm_header(2 * 3600 * 16000 * 2))
        file.truncate(44 + 2 * 3600 * 16000 * 2)  # a hole in the file: takes no room on the disk


BAD_SOUNDS = {
    "empty": (lambda path: path.touch(), "is empty"),
    "cut": (cut, "is cut"),
    "cut FLAC": (cut_flac, "cut"),
    "text as WAV": (lambda path: path.write_text("RIFF you are a sound\n"), "is text"),
    "random bytes": (lambda path: path.write_bytes(bytes(range(128, 256)) * 40), "no sound format"),
    "NaN": (with_nan, "NaN"),
    "zero samples": (lambda path: path.write_bytes(pcm_header(0)), "no samples"),
    "IMA ADPCM": (
        lambda path: soundfile.write(path, np.full(16000, 0.1), 16000, subtype="IMA_ADPCM", format="WAV"),
        "compressed WAV (IMA ADPCM)",
    ),
    "0.05 s": (lambda path: soundfile.write(path, np.full(800, 0.1), 16000), "at least 0.1 s"),
    "2 hours": (two_hours, "the limit is 3600 s"),
    "missing": (lambda path: None, "does not exist"),
    "a folder": (lambda path: path.mkdir(), "holds no sound"),
}


@pytest.fixture
def refused(medtalk, tmp_path):
    """Runs `medtalk` with words that it must refuse, and returns its one line; no file may appear or change."""

    def files() -> dict[Path, tuple[int, int]]:
        return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")}

    def run(*words: object) -> str:
        before = files()
        done = medtalk(*words)
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith("medtalk: ") and len(done.err.splitlines()) == 1
        assert files() == before
        return done.err

    return run


@pytest.mark.parametrize("kind", BAD_SOUNDS)
def test_bad_sounds(refused, tiny_bundle, tmp_path, kind):
    make, message = BAD_SOUNDS[kind]
    path = tmp_path / "bad.wav"
    make(path)
    line = refused("generate", path, "--bundle", tiny_bundle, "-o", tmp_path / "out.csv")
    assert message in line and "bad.wav" in line


def test_silence_is_no_error(medtalk, tiny_bundle, silence, tmp_path):
    done = medtalk("generate", silence, "--bundle", tiny_bundle, "-o", tmp_path / "out.npz")
    assert done.code == 0 and (tmp_path / "out.npz").exists()
    assert done.err == f"medtalk: {silence.name} is silent: the face rests.\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--emotion", "sleepy"], ", ".join(LABELS)),
        (["--emotion", ""], "Empty emotion"),
        (["--emotion", "happy:nan"], "finite"),
        (["--emotion", "happy:-1"], "0 or more"),
        (["--intensity", "nan"], "intensity is nan; valid are 0 to 4"),
        (["--intensity", "inf"], "intensity is inf"),
        (["--intensity=-0.5"], "intensity is -0.5"),
        (["--intensity", "40"], "intensity is 40"),
        (["--fps", "0"], "fps is 0; valid are 1 to 240"),
        (["--fps", "nan"], "fps is nan"),
        (["--fps", "inf"], "fps is inf"),
        (["--fps=-24"], "fps is -24"),
        (["--fps", "241"], "1 to 240"),
        (["--seed=-1"], "seed"),
        (["--threads", "0"], "threads is 0; valid are 1 to 256"),
        (["--threads", "100000"], "threads is 100000"),
        (["--channel", "1"], "has no channel 1"),
        (["--channel=-1"], "has no channel -1"),
        (["--transcript", "missing.txt"], "The transcript missing.txt does not exist"),
        (["--transcript", "x" * (MAX_TRANSCRIPT_BYTES + 1)], "larger than"),
        (["--bundle", "/nonexistent"], "Not a bundle"),
    ],
)
def test_bad_options(refused, tiny_bundle, sound, tmp_path, options, message):
    bundle = [] if options[0] == "--bundle" else ["--bundle", tiny_bundle]
    assert message in refused("generate", sound, *bundle, "-o", tmp_path / "out.csv", *options)


def test_a_transcript_that_is_no_text(refused, sound, tmp_path):
    (tmp_path / "words.txt").write_bytes(b"\xff\xfe\x00")
    line = refused("generate", sound, "-o", tmp_path / "out.csv", "--transcript", tmp_path / "words.txt")
    assert "not UTF-8" in line


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("missing/out.csv", "does not exist"),
        ("voice.wav/rigs/", "is not a folder"),
        ("voice.wav/out.csv", "is not a folder"),
        ("out.xyz", ".expressions.csv"),
        ("out", ".expressions.csv"),
        ("out.wav", ".expressions.csv"),
    ],
)
def test_bad_outputs_are_told_before_any_work(refused, sound, tmp_path, monkeypatch, output, message):
    def refuse(*_args, **_options):
        raise AssertionError("work was begun")

    monkeypatch.setattr("medtalk.perform.load", refuse)
    assert message in refused("generate", sound, "-o", f"{tmp_path}/{output}")


def test_several_sounds_need_a_folder_and_names_of_their_own(refused, sound, tmp_path):
    assert "cannot go into the one file" in refused("generate", sound, sound, "-o", tmp_path / "out.csv")
    assert "is given twice" in refused("generate", sound, sound, "-o", tmp_path)
    assert "Unknown format 'wav'" in refused("generate", sound, "-o", tmp_path, "--format", "wav")
    other = tmp_path / "other.wav"
    other.write_bytes(sound.read_bytes())
    line = refused("generate", sound, other, "-o", tmp_path, "--transcript", "hello")
    assert "One transcript cannot fit several sounds" in line


def without_root_powers(*words: object, **options) -> subprocess.CompletedProcess[str]:
    """Runs a command that file permissions bind, also where the tests run as root."""
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    return subprocess.run([*drop, *map(str, words)], capture_output=True, text=True, **options)


MEDTALK = (sys.executable, "-m", "medtalk")


def test_a_read_only_folder(tiny_bundle, sound, tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    done = without_root_powers(*MEDTALK, "generate", sound, "--bundle", tiny_bundle, "-o", folder / "out.csv")
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1 and "read-only" in done.stderr
    assert list(folder.iterdir()) == []


def test_a_sound_that_may_not_be_read(tiny_bundle, sound, tmp_path):
    sound.chmod(0)
    done = without_root_powers(*MEDTALK, "generate", sound, "--bundle", tiny_bundle, "-o", tmp_path / "out.csv")
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1 and "cannot be read: permission denied" in done.stderr
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("ending", [".csv", ".npz", ".json"])
def test_a_full_disk(medtalk, tiny_bundle, long_sound, full_disk, ending):
    done = medtalk("generate", long_sound, "--bundle", tiny_bundle, "-o", full_disk / f"out{ending}")
    assert (done.code, done.out) == (1, "")
    assert len(done.err.splitlines()) == 1 and "the disk is full" in done.err
    assert list(full_disk.iterdir()) == []


@pytest.mark.parametrize("ending", [".csv", ".npz", ".json", ".expressions.csv"])
def test_a_write_that_fails_half_way(tiny_bundle, sound, tmp_path, ending):
    out = tmp_path / f"out{ending}"
    out.write_text("from yesterday")
    done = subprocess.run(
        [*MEDTALK, "generate", sound, "--bundle", tiny_bundle, "-o", out],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000)),
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith(f"medtalk: Cannot write {out}")
    assert out.read_text() == "from yesterday"
    assert sorted(path.name for path in tmp_path.iterdir()) == [out.name, sound.name]


def test_a_changed_byte_in_a_bundle(refused, own_bundle, sound, tmp_path):
    weights = own_bundle / "decode.onnx"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    assert "decode.onnx" in refused("generate", sound, "--bundle", own_bundle, "-o", tmp_path / "out.csv")
    assert "has changed" in refused("bundle", "info", own_bundle)


def test_a_changed_byte_in_a_bundle_of_the_kind_medtalk(refused, full_bundle, sound, tmp_path):
    own = shutil.copytree(full_bundle, tmp_path / "own")
    content = bytearray((own / "weights.safetensors").read_bytes())
    content[-100] ^= 1
    (own / "weights.safetensors").write_bytes(content)
    line = refused("generate", sound, "--bundle", own, "-o", tmp_path / "out.csv")
    assert "weights.safetensors" in line and "has changed" in line


def test_a_bundle_of_another_channel_list(refused, own_bundle, sound, tmp_path):
    path = own_bundle / "bundle.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["channels"][25] = "CTRL_C_tongue_tip-translateX"  # the well-known mistake
    path.write_text(json.dumps(manifest), "utf-8")
    line = refused("generate", sound, "--bundle", own_bundle, "-o", tmp_path / "out.csv")
    assert "a different channel list" in line


def test_rig_files_that_do_not_fit(refused, tmp_path):
    (tmp_path / "short.csv").write_text("time,a\n0,1\n")
    (tmp_path / "rig.txt").write_text("1,2,3\n")
    (tmp_path / "nan.txt").write_text(",".join(["nan"] * 174) + "\n")
    (tmp_path / "wrong.npz").write_bytes(b"PK\x03\x04 this is no archive")
    (tmp_path / "empty.json").touch()
    for path in sorted(tmp_path.iterdir()):
        assert path.name in refused("convert", path, tmp_path / "out.npz")
        assert path.name in refused("info", path)
    assert "does not exist" in refused("info", tmp_path / "nowhere.csv")
    assert "fps is 0" in refused("convert", tmp_path / "rig.txt", tmp_path / "out.npz", "--fps", 0)
    assert ".expressions.csv" in refused("convert", tmp_path / "rig.txt", tmp_path / "out.bin")


@pytest.mark.parametrize("text", ["أنا غاضب جدا!", "אני כועס", "ΘΥΜΟΣ", "😡😡", "!!! ...", "4 711"])
def test_a_description_in_an_unknown_script(medtalk, sound, tmp_path, text):
    done = medtalk("generate", sound, "--text", text, "-o", tmp_path / "out.csv")
    assert done.code == 0 and "understood as neutral 1.00; strength 1.00" in done.out
    assert done.err.count("\n") == 1 and "treated as neutral" in done.err


def test_a_description_with_one_word_that_can_be_read(medtalk, sound, tmp_path):
    done = medtalk("generate", sound, "--text", "angry очень 😡", "-o", tmp_path / "out.csv")
    assert done.code == 0 and "understood as angry" in done.out


@pytest.mark.parametrize("part", ["emotion2vec", "roberta"])
def test_a_backbone_of_another_width(refused, small_backbones, sound, tmp_path, part):
    made = {"emotion2vec": checkpoints.make_emotion2vec, "roberta": checkpoints.make_roberta}
    bundle, wide = checkpoints.make_own(tmp_path / "own"), made[part](tmp_path / "wide", width=64)
    folders = {**small_backbones, part: wide}
    words = [word for name, place in folders.items() for word in ("--backbone", f"{name}={place}")]
    line = refused("generate", sound, "--bundle", bundle, "--offline", "-o", tmp_path / "out.csv", *words)
    assert f"The features of {wide} are 64 wide; the bundle own needs 48" in line


def test_pictures_that_are_none(refused, full_bundle, small_backbones, sound, tmp_path):
    words = ["generate", sound, "--bundle", full_bundle, "--offline", "-o", tmp_path / "out.csv"]
    for part in ("emotion2vec", "clip"):
        words += ["--backbone", f"{part}={small_backbones[part]}"]
    bad = {
        "bomb.png": (bomb(12_000), "12000 x 12000 pixels; the limit is 50000000"),
        "giant.png": (bomb(60_000), "giant.png cannot be read as a picture"),
        "text.png": (b"a face", "cannot be read as a picture"),
        "empty.png": (b"", "is empty"),
    }
    for name, (content, message) in bad.items():
        (tmp_path / name).write_bytes(content)
        assert message in refused(*words, "--image", tmp_path / name)
    assert "is a folder. Give a picture." in refused(*words, "--image", tmp_path)


def test_weights_that_are_a_pickle_of_something_else(refused, official, tmp_path):
    file = tmp_path / "audio_semantic.pth"
    file.write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    words = ["--wav2vec2", official / "wav2vec2", "--roberta", official / "roberta", "--offline"]
    line = refused("bundle", "import-official", "--label", file, "-o", tmp_path / "bundle", *words)
    assert "is not a complete file of PyTorch weights" in line and "Nothing in it was executed" in line
