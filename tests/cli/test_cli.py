import json
import os
import pty
import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from medtalk import read_rig
from medtalk.guidance import LABELS

RIG_ENDINGS = [".csv", ".txt", ".npz", ".json"]


@pytest.fixture
def three_sounds(tmp_path, sound):
    paths = [tmp_path / f"line{n}.wav" for n in (1, 2, 3)]
    for path in paths:
        path.write_bytes(sound.read_bytes())
    (tmp_path / "rigs").mkdir()
    return paths


@pytest.mark.parametrize("ending", [*RIG_ENDINGS, ".arkit.csv", ".a2f.json", ".expressions.csv", ".curves.csv", ".glb"])
def test_generate_writes_every_format(medtalk, tiny_bundle, sound, tmp_path, ending):
    out = tmp_path / f"line{ending}"
    done = medtalk("generate", sound, "--bundle", tiny_bundle, "--emotion", "angry", "-o", out)
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(rf"{re.escape(str(out))}: 2\.0 s, 120 frames at 60 fps, angry, \d+ times real time\n", done.out)
    assert out.stat().st_size > 1000
    if ending in RIG_ENDINGS:
        assert read_rig(out).values.shape == (120, 174)


def test_the_options_reach_the_rig(medtalk, tiny_bundle, long_sound, tmp_path):
    def generate(*options):
        out = tmp_path / "line.npz"
        assert medtalk("generate", long_sound, "--bundle", tiny_bundle, "-o", out, "-q", *options).code == 0
        return read_rig(out)

    plain = generate()
    assert np.array_equal(generate().values, plain.values)
    off = ("--no-blink", "--no-gaze", "--no-limits", "--no-smooth", "--no-life")
    for options in [("--emotion", "sad"), ("--emotion", "happy:.2,fear:.1"), ("--intensity", "3"), ("--seed", "5"),
                    ("--transcript", "I hate this!"), ("--region", "mouth"), *((flag,) for flag in off)]:  # fmt: skip
        assert not np.array_equal(generate(*options).values, plain.values), options
    slow = generate("--fps", "23.976")
    assert slow.fps == pytest.approx(23.976) and len(slow) == round(12 * 23.976)
    assert generate("--emotion", "anger", "--seed", "7").meta["emotion"] == {"angry": 1.0}


def test_a_transcript_from_a_file_is_its_text(medtalk, tiny_bundle, sound, tmp_path):
    text = tmp_path / "words.txt"
    text.write_text("what a day", "utf-8")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "voice.txt").write_text("what a day\n", "utf-8")
    values = []
    for transcript in ("what a day", text, folder):
        medtalk("generate", sound, "--bundle", tiny_bundle, "-o", tmp_path / "a.npz", "--transcript", transcript)
        values.append(read_rig(tmp_path / "a.npz").values)
    assert np.array_equal(values[0], values[1]) and np.array_equal(values[0], values[2])


def test_a_channel_of_a_sound(medtalk, sound, tmp_path):
    voice = soundfile.read(sound, dtype="float32")[0]
    soundfile.write(tmp_path / "two.wav", np.stack([0 * voice, voice], axis=1), 16000)
    for channel in (0, 1):
        done = medtalk("generate", tmp_path / "two.wav", "--channel", channel,
                       "-o", tmp_path / f"{channel}.npz", "--no-blink", "--no-gaze", "--no-life")  # fmt: skip
        assert done.code == 0
    assert not read_rig(tmp_path / "0.npz").values.any()
    assert read_rig(tmp_path / "1.npz").values.any()


def test_several_sounds_go_into_a_folder(medtalk, tiny_bundle, three_sounds, tmp_path):
    done = medtalk("generate", *three_sounds, "--bundle", tiny_bundle, "-o", f"{tmp_path}/rigs/", "--format", "npz")
    assert done.code == 0
    assert len(done.out.splitlines()) == 3
    assert sorted(path.name for path in (tmp_path / "rigs").iterdir()) == ["line1.npz", "line2.npz", "line3.npz"]


def test_a_bad_sound_among_good_ones(medtalk, tiny_bundle, three_sounds, tmp_path):
    three_sounds[1].write_text("this is no sound")
    done = medtalk("generate", *three_sounds, "--bundle", tiny_bundle, "-o", tmp_path / "rigs", "--json")
    assert done.code == 1
    assert len(done.err.splitlines()) == 1 and done.err.startswith("medtalk: ") and "line2.wav" in done.err
    first, second, third = map(json.loads, done.out.splitlines())
    assert first["sound"].endswith("line1.wav") and third["file"].endswith("line3.csv")
    assert second["error"]["code"] == "audio" and second["error"]["message"]
    assert sorted(path.name for path in (tmp_path / "rigs").iterdir()) == ["line1.csv", "line3.csv"]


def test_a_description_in_place_of_a_label(medtalk, sound, tmp_path):
    out = tmp_path / "line.npz"
    done = medtalk("generate", sound, "--text", "absolutely furious", "-o", out)
    assert done.code == 0 and "understood as angry 1.00; strength " in done.out
    assert read_rig(out).meta["guidance"] == {"text": "absolutely furious"}
    result = json.loads(medtalk("generate", sound, "--text", "slightly sad", "-o", out, "--json").out)
    assert max(result["emotion"], key=result["emotion"].get) == "sad" and result["strength"] < 0.8
    for words in (["--text", "sad", "--emotion", "happy"], ["--text", " "], ["--text", "x" * 10_001]):
        refused = medtalk("generate", sound, *words, "-o", tmp_path / "no.npz")
        assert refused.code == 1 and len(refused.err.splitlines()) == 1 and not (tmp_path / "no.npz").exists()


def test_a_bundle_that_understands_no_descriptions(medtalk, tiny_bundle, sound, tmp_path):
    done = medtalk("generate", sound, "--bundle", tiny_bundle, "--text", "furious", "-o", tmp_path / "no.npz")
    assert done.code == 1 and "does not understand descriptions" in done.err and not (tmp_path / "no.npz").exists()


def test_json_result(medtalk, tiny_bundle, sound, tmp_path):
    out = tmp_path / "line.csv"
    done = medtalk("generate", sound, "--bundle", tiny_bundle, "--fps", 30, "-o", out, "--json")
    result = json.loads(done.out)
    assert (result["seconds"], result["frames"], result["fps"], result["file"]) == (2.0, 60, 30.0, str(out))
    assert result["speed"] == pytest.approx(2.0 / result["elapsed"])
    assert result["emotion"] == {"neutral": 1.0}


def test_quiet_prints_nothing(medtalk, tiny_bundle, sound, tmp_path):
    done = medtalk("generate", sound, "--bundle", tiny_bundle, "-o", tmp_path / "a.csv", "-q")
    assert done == (0, "", "")


def test_progress_is_for_terminals_and_results_for_stdout(tiny_bundle, sound, tmp_path):
    terminal, screen = pty.openpty()
    words = [sys.executable, "-m", "medtalk", "generate", sound, "--bundle", tiny_bundle, "-o", tmp_path / "a.npz"]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=screen, text=True, env={**os.environ, "TERM": "xterm"})
    os.close(screen)
    with open(terminal, "rb", buffering=0) as shown:
        drawn = shown.read(100_000).decode()
    assert done.returncode == 0
    assert done.stdout.startswith(str(tmp_path / "a.npz")) and "\x1b" not in done.stdout
    assert "%" in drawn and "times real time" not in drawn


@pytest.mark.parametrize("board", ["mh3", "mh4", "expressions", "arkit", "head"])
def test_channels(medtalk, board):
    rows = json.loads(medtalk("channels", "--board", board, "--json").out)
    assert len(rows) == 174 and [row["index"] for row in rows] == list(range(174))
    assert all({"index", "name", "control", "axis", "region", "min", "max", "target"} <= set(row) for row in rows)
    assert any(row["target"] is None for row in rows)  # the switch at least
    table = medtalk("channels", "--board", board)
    assert table.code == 0 and len(table.out.splitlines()) == 175


def test_convert_and_info(medtalk, tiny_bundle, sound, tmp_path):
    medtalk("generate", sound, "--bundle", tiny_bundle, "-o", tmp_path / "a.npz", "--emotion", "fear")
    done = medtalk("convert", tmp_path / "a.npz", tmp_path / "b.csv", "--fps", 30)
    assert done == (0, f"{tmp_path}/b.csv: 2.0 s, 60 frames at 30 fps\n", "")
    facts = json.loads(medtalk("info", tmp_path / "b.csv", "--json").out)
    assert (facts["frames"], facts["fps"], facts["seconds"]) == (60, pytest.approx(30.0), pytest.approx(2.0, abs=0.02))
    assert 0 < facts["moving_channels"] <= 174 and facts["most_moving"]
    kept = json.loads(medtalk("info", tmp_path / "a.npz", "--json").out)
    assert kept["meta"]["emotion"] == {"fear": 1.0}
    text = medtalk("info", tmp_path / "a.npz")
    assert text.code == 0 and "120" in text.out and "fear" in text.out


def test_info_of_a_sound(medtalk, sound):
    facts = json.loads(medtalk("info", sound, "--json").out)
    assert (facts["seconds"], facts["rig_frames"], facts["rate"], facts["channels"]) == (2.0, 120, 16000, 1)
    assert "seconds: 2" in medtalk("info", sound).out


def test_bundle_info(medtalk, tiny_bundle):
    facts = json.loads(medtalk("bundle", "info", tiny_bundle, "--json").out)
    assert facts["name"] == "tiny" and tuple(facts["labels"]) == LABELS and len(facts["channels"]) == 174
    text = medtalk("bundle", "info", tiny_bundle)
    assert text.code == 0 and "tiny" in text.out and "all verified" in text.out


def test_the_bundle_that_ships_is_the_default(medtalk, shipped_bundle):
    facts = json.loads(medtalk("bundle", "info", "--json").out)
    assert facts["folder"] == str(shipped_bundle) and facts["kind"] == "compact"


def test_version_and_help(medtalk):
    import medtalk as package

    assert medtalk("--version").out == f"medtalk {package.__version__}\n"
    for words in ([], ["generate"], ["convert"], ["channels"], ["info"], ["bundle", "info"], ["serve"], ["ping"],
                  ["stop"], ["keys", "new"], ["doctor"]):  # fmt: skip
        assert "Usage: medtalk" in medtalk(*words, "--help").out


@pytest.mark.parametrize("words", [[], ["bundle"], ["keys"]])
def test_a_command_that_lacks_its_rest_shows_the_help(medtalk, words):
    done = medtalk(*words)
    assert done.code == 2 and done.out == "" and f"Usage: {' '.join(['medtalk', *words])}" in done.err


@pytest.mark.parametrize("words, address", [
    ("render7 line.wav", True), ("render7:5717 line.wav", True), ("auto", True), ("my.json", True), ("10.0.0.7", True),
    ("line.wav", False), ("takes", False), ("-o a.csv", False), ("", False),
])  # fmt: skip
def test_the_word_after_server_is_an_address_or_a_sound(tmp_path, monkeypatch, words, address):
    from medtalk.cli.app import _with_server

    monkeypatch.chdir(tmp_path)
    (tmp_path / "takes").mkdir()
    given = ["generate", "--server", *words.split()]
    assert (_with_server(given) == given) == address


@pytest.mark.parametrize(
    "words",
    [["generate"], ["generate", "a.wav"], ["nonsense"], ["channels", "--board", "mh5"], ["convert", "a.csv"],
     ["generate", "a.wav", "-o", "a.csv", "--fps", "fast"], ["generate", "a.wav", "-o", "a.csv", "--region", "nose"],
     ["serve", "--port", "http"], ["keys", "new"]],
)  # fmt: skip
def test_a_command_that_is_not_understood_is_code_2(medtalk, words):
    done = medtalk(*words)
    assert done.code == 2 and done.out == "" and len(done.err.splitlines()) == 1 and done.err.startswith("medtalk: ")


def test_debug_shows_the_traceback(tmp_path):
    words = [sys.executable, "-m", "medtalk", "info", str(tmp_path / "missing.csv")]
    plain, debug = (subprocess.run([*words, *more], capture_output=True, text=True) for more in ([], ["--debug"]))
    assert plain.returncode == debug.returncode == 1
    assert len(plain.stderr.splitlines()) == 1
    assert "Traceback" in debug.stderr and "RigError" in debug.stderr


def test_our_own_mistakes_are_one_line_too(medtalk, sound, tmp_path, monkeypatch):
    def broken(*_args, **_options):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("medtalk.perform.load", broken)
    done = medtalk("generate", sound, "-o", tmp_path / "a.csv")
    assert done.code == 1
    assert done.err == "medtalk: internal error, please report it: ZeroDivisionError: a bug (--debug shows where)\n"


def test_names_outside_the_code_page_of_the_output(sound, tmp_path):
    (tmp_path / "音声.wav").write_bytes(sound.read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "medtalk", "generate", "音声.wav", "voice.wav", "-o", "u/"], cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "cp1252"}, capture_output=True, text=True, encoding="cp1252",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [f"u{os.sep}\\u97f3\\u58f0.csv", "u/voice.csv"]
    assert sorted(path.name for path in (tmp_path / "u").iterdir()) == ["voice.csv", "音声.csv"]


def test_completion(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "medtalk"], capture_output=True, text=True,
        env={**os.environ, "_MEDTALK_COMPLETE": "complete_bash", "COMP_WORDS": "medtalk gen", "COMP_CWORD": "1"},
    )  # fmt: skip
    assert done.stdout.split() == ["generate"]
