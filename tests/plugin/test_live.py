"""The live preview: from clicks in its form to a real process, its packets, and a take of what it recorded."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from medtalk.rig import read_rig
from tests.fake_unreal import inside
from tests.helpers.booth import TONE, Booth
from tests.helpers.sounds import babble
from tests.plugin.clicking import TOOLS, finish
from tests.plugin.running import is_alive, saved, stops, tick_until
from tests.plugin.takes import KEYED, on_board


@pytest.fixture
def port() -> Iterator[socket.socket]:
    """Where a Live Link source would listen."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.setblocking(False)
        yield listening


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    """Speech that outlasts a test."""
    path = tmp_path / "voice.wav"
    soundfile.write(path, babble(120.0), 16000)
    return path


@pytest.fixture
def stage(configured: Any) -> Iterator[Any]:
    """An editor with the plugin started, whose stream ends with the test."""
    import medtalk_unreal

    medtalk_unreal.startup()
    yield configured
    from medtalk_unreal.livestream import the_stream

    the_stream.close()


@pytest.fixture
def live(stage: Any, port: socket.socket, voice: Path) -> Any:
    """The form of a stream that listens to `voice`."""
    form = open_form(stage, sound=voice, port=port.getsockname()[1])
    stage.press(form, "start")
    until_live(stage)
    return form


def open_form(editor: Any, sound: Path | None = None, **values: Any) -> Any:
    editor.click(TOOLS, "MEDTalk.live")
    (form,) = [one for one in editor.tabs if type(one).__name__ == "MEDTalkLiveForm"]
    if sound is not None:
        values["sound"] = editor.unreal.FilePath(sound.as_posix())
    form.set_editor_properties(values)
    return form


def until(editor: Any, true: Callable[[Any], bool], what: str) -> Any:
    """Ticks until `true(state)` of the stream; the state."""
    from medtalk_unreal.livestream import the_stream

    tick_until(editor, lambda: true(the_stream.state), f"{what}; {the_stream.state}")
    return the_stream.state


def until_live(editor: Any) -> Any:
    state = until(editor, lambda state: state.phase not in ("starting", "off"), "the start")
    assert state.phase == "live", f"{state.text}\n{editor.log.text}"
    return state


def until_heard(editor: Any, seconds: float) -> None:
    """Ticks until it has streamed for so long."""
    until(editor, lambda state: state.heard.get("seconds", 0.0) >= seconds, f"{seconds} s")


def process() -> int:
    from medtalk_unreal.livestream import the_stream

    assert the_stream._program is not None
    return the_stream._program.process.pid


def said(form: Any, row: str = "status") -> str:
    return str(form.get_editor_property(row))


def received(port: socket.socket) -> list[bytes]:
    found = []
    try:
        while True:
            found.append(port.recv(2048))
    except BlockingIOError:
        return found


def record(editor: Any, form: Any, seconds: float) -> Path:
    """Records for so long; the file of the rig."""
    from medtalk_unreal.livestream import the_stream

    editor.press(form, "record")
    assert editor.dialogs.messages == [], editor.dialogs.messages
    until(editor, lambda state: state.heard.get("recording", 0.0) >= seconds, "the recording")
    file = Path(the_stream.state.recording)
    editor.press(form, "stop_recording")
    return file


def until_written(editor: Any, form: Any) -> str:
    """Ticks until something became of the recording; what."""
    tick_until(editor, lambda: re.search(r"keys in|stays|was not", said(form, "written")), said(form, "written"))
    finish(editor)
    return said(form, "written")


def wait_for_end(editor: Any, pid: int) -> None:
    tick_until(editor, lambda: not is_alive(pid), "the end of the process")


# --- the stream


def test_from_a_click_to_packets_and_back(stage: Any, live: Any, port: socket.socket) -> None:
    until_heard(stage, 1.5)
    packets = received(port)
    assert len(packets) > 10 and all(b"MEDTalk" in packet for packet in packets)
    assert re.match(r"Live for \d+ s\. (Speaking|Silent), -\d+ dB\. The face follows after \d+ ms\.", said(live))
    assert not stage.log.errors and not stage.dialogs.messages
    pid = process()
    stage.press(live, "stop")
    assert said(live) == "Stopping."
    wait_for_end(stage, pid)
    until(stage, lambda state: state.phase == "off", "the end")
    stage.tick(n=3)
    assert said(live) == "Stopped." and not stage.state.post_ticks, "nothing ticks for it any more"
    stage.press(live, "start")
    until_live(stage)
    assert process() != pid


def test_the_mood_of_the_form_goes_to_the_stream(stage: Any, live: Any) -> None:
    stage.select_actors(stage.add_metahuman())
    live.set_editor_property("emotion", "happy")
    live.set_editor_property("mood_intensity", 1.5)
    until_heard(stage, 1.0)
    live.set_editor_property("emotion", "no such mood")
    tick_until(stage, lambda: "no such mood" in said(live), "what is said of it")
    live.set_editor_property("emotion", "sad")
    file = record(stage, live, 0.5)
    assert "no such mood" not in said(live), "the next mood is fine"
    until_written(stage, live)
    meta = read_rig(file).meta
    # The mood is sent in the next quarter of a second, by which the recording may have begun.
    steered = [(one["emotion"], one["intensity"]) for one in meta.get("steered", [])]
    assert meta["emotion"] == {"sad": 1.0} and steered in ([], [("sad", 1.5)])
    assert any("no such mood" in line for line in stage.log.warnings)


def test_it_says_when_nobody_listens(stage: Any, live: Any, port: socket.socket) -> None:
    """As where the source was not added yet, or at another port."""
    number = port.getsockname()[1]
    port.close()
    where = f"127.0.0.1:{number} does not take the frames (nobody listens there)."
    tick_until(stage, lambda: where in said(live), "what is said of it")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(("127.0.0.1", number))
        tick_until(stage, lambda: "nobody listens" not in said(live), "that it is well again")
    assert not stage.log.errors


def test_it_is_as_it_was_the_next_time(stage: Any, live: Any, voice: Path) -> None:
    live.set_editor_property("subject", "Ada")
    stage.press(live, "start")
    assert "is running already" in stage.dialogs.messages.pop()[1]
    stage.close_tab(live)
    stage.tick(n=20)
    form = open_form(stage)
    assert said(form).startswith("Live for") and said(form, "subject") == "MEDTalk", "as it was started"
    assert Path(form.get_editor_property("sound").file_path) == voice
    stage.click(TOOLS, "MEDTalk.live_stop")
    until(stage, lambda state: state.phase == "off", "the end")
    assert said(form) == "Stopped."
    stage.click(TOOLS, "MEDTalk.live_stop")
    assert len(stage.log.errors) == 1, "nothing to stop is no fault"


def test_a_sound_has_an_end(stage: Any, port: socket.socket, tmp_path: Path) -> None:
    short = tmp_path / "short.wav"
    soundfile.write(short, babble(1.0), 16000)
    form = open_form(stage, sound=short, port=port.getsockname()[1])
    stage.press(form, "start")
    until(stage, lambda state: state.phase == "off", "the end")
    assert said(form) == "The sound has ended." and len(received(port)) > 10 and not stage.log.errors


# --- a take


@pytest.mark.parametrize("rate", [30, 60])
def test_a_recording_becomes_a_take(stage: Any, live: Any, rate: int) -> None:
    from medtalk_unreal.livestream import the_stream

    actor, sequence = stage.add_metahuman(), stage.new_sequence(rate)
    stage.select_actors(actor)
    live.set_editor_properties({"sequence": sequence, "tolerance": 0.0, "start_frame": 10, "head": "Off"})
    until_heard(stage, 0.5)
    file = record(stage, live, 1.0)
    assert "keys in" in until_written(stage, live), stage.log.text
    rig, (samples, hz) = read_rig(file), soundfile.read(file.with_suffix(".wav"))
    assert rig.fps == 60 and abs(len(samples) / hz - len(rig.values) / 60) < 1 / 60, "face and voice are of one length"
    wave = stage.asset("/Game/MEDTalk/Live/Live_01")
    assert wave is not None and wave.get_editor_property("duration") == pytest.approx(len(samples) / hz, abs=1e-3)
    shown = rig.resample(rate).values
    keys = on_board(stage, sequence, len(shown), rate, 10)
    np.testing.assert_allclose(keys[:, KEYED], shown[:, KEYED], atol=1e-5)
    assert not list(file.parent.glob("*.take")) and not list(file.parent.glob("*.fps.npz"))
    assert live.get_editor_property("recording").file_path == ""
    behind = live.get_editor_property("start_frame") - (10 + len(shown))
    assert behind in (0, 1), "the next lies behind it; a sound ends within a frame"
    assert not stage.log.errors
    the_stream.state.heard["recording"] = 9.0  # as the status says that comes just before the end
    file = record(stage, live, 0.3)
    assert file.stem == "Live_02" and "keys in" in until_written(stage, live)
    assert len(stage.sections(sequence)) == 2
    stage.undo()
    assert len(stage.sections(sequence)) == 1


def test_the_face_of_a_recording_is_that_of_its_voice(stage: Any, live: Any, tiny_bundle: Path, voice: Path) -> None:
    """The recording begins at the sound that is heard then, not at the frame that is shown then."""
    stage.select_actors(stage.add_metahuman())
    until_heard(stage, 1.0)
    file = record(stage, live, 1.0)
    until_written(stage, live)
    heard, _ = soundfile.read(file.with_suffix(".wav"), dtype="float32")
    whole, _ = soundfile.read(voice, dtype="float32")
    piece, early = heard[2000:5000], whole[: 16000 * 40]
    power = np.convolve(early.astype(np.float64) ** 2, np.ones(len(piece)), "valid")
    at = int(np.argmin(power - 2 * np.correlate(early, piece, "valid"))) - 2000
    same = np.abs(heard - whole[at : at + len(heard)]) < 1e-4
    assert same.mean() > 0.9, "but for what a busy machine has lost"
    import medtalk

    face = medtalk.load(tiny_bundle, threads=1).live()
    shown = np.concatenate([face.push(whole[: at + len(heard) + 16000]).values, face.finish().values])
    rig, first = read_rig(file), at * 60 / 16000
    assert first == pytest.approx(round(first), abs=0.01)
    moves = rig.values.std(axis=0) > 1e-4
    begin, count = round(first), len(rig.values)
    # A machine that is busy hears some of it in larger pieces, so that a few frames differ a little.
    apart = {
        by: float(np.median(np.abs(rig.values - shown[begin + by : begin + by + count])[:, moves]))
        for by in (-2, -1, 0, 1, 2)
    }
    assert apart[0] < 2e-3 and min(apart, key=lambda by: apart[by]) == 0, apart


def test_stop_ends_a_recording_too_and_it_becomes_a_take(stage: Any, live: Any) -> None:
    stage.select_actors(stage.add_metahuman())
    stage.press(live, "record")
    until(stage, lambda state: state.heard.get("recording", 0.0) >= 0.5, "the recording")
    stage.press(live, "stop")
    assert "keys in" in until_written(stage, live) and len(stage.sequences()) == 1
    until(stage, lambda state: state.phase == "off", "the end")
    assert said(live) == "Stopped." and not stage.log.errors


def test_what_was_said_while_the_editor_was_blocked_is_heard_at_its_end(stage: Any, live: Any) -> None:
    """More than is read at once, and behind it what became of the recording."""
    from medtalk_unreal.livestream import the_stream

    stage.select_actors(stage.add_metahuman())
    stage.press(live, "record")
    until(stage, lambda state: state.heard.get("recording", 0.0) >= 0.4, "the recording")
    pid, program = process(), the_stream._program
    assert program is not None
    stage.press(live, "stop")
    while is_alive(pid):
        time.sleep(0.05)
    log, at = program.log.read_bytes(), the_stream._read
    program.log.write_bytes(log[:at] + 20_000 * b'{"seconds": 9.0}\n' + log[at:])
    assert "keys in" in until_written(stage, live) and not stage.log.errors


def test_the_reason_of_an_end_outlives_what_is_said_after_it(stage: Any) -> None:
    from medtalk_unreal.livestream import LiveStream

    stream = LiveStream()
    error = {"code": "device", "message": "The microphone is gone.", "hint": "Plug it in.", "about": ""}
    stream._hear(json.dumps({"error": error}))
    stream._hear(json.dumps({"seconds": 3.0}))
    assert stream._error is not None and stream._error.message == "The microphone is gone."


def test_what_is_wrong_with_a_target_is_said_before_it_is_recorded(stage: Any, live: Any) -> None:
    stage.press(live, "record")
    assert "No MetaHuman is selected in the level. Select the one" in stage.dialogs.messages.pop()[1]
    live.set_editor_property("target", "The one in the sequence")
    stage.press(live, "record")
    assert "No Level Sequence is chosen." in stage.dialogs.messages.pop()[1]
    stage.press(live, "stop_recording")
    assert "Nothing is being recorded." in stage.dialogs.messages.pop()[1]
    assert not list((saved(stage) / "live").glob("*"))
    stage.press(live, "write")
    assert "No recording is chosen." in stage.dialogs.messages.pop()[1]


def test_an_import_that_fails_leaves_the_files_and_can_be_done_again(stage: Any, live: Any) -> None:
    actor = stage.add_metahuman()
    stage.select_actors(actor)
    stage.press(live, "record")
    until(stage, lambda state: state.heard.get("recording", 0.0) >= 0.4, "the recording")
    stage.delete(actor)
    stage.press(live, "stop_recording")
    line = until_written(stage, live)
    file = saved(stage) / "live" / "Live_01.npz"
    assert f"The recording stays: {file}. Press Write Take to try again." in line and file.is_file()
    stage.select_actors(stage.add_metahuman())
    assert Path(live.get_editor_property("recording").file_path) == file
    live.set_editor_property("import_sound", False)
    stage.press(live, "write")
    finish(stage)
    assert "keys in" in said(live, "written") and stage.asset("/Game/MEDTalk/Live/Live_01") is None
    assert not file.with_suffix(".take").exists() and file.is_file() and file.with_suffix(".wav").is_file()


def test_while_the_level_is_played_it_streams_and_the_take_waits(stage: Any, live: Any) -> None:
    stage.select_actors(stage.add_metahuman())
    stage.press(live, "record")
    stage.state.playing = True
    until(stage, lambda state: state.heard.get("recording", 0.0) >= 0.4, "the recording")
    stage.press(live, "stop_recording")
    tick_until(stage, lambda: "Play In Editor" in said(live, "written"), "the wait")
    assert stage.sequences() == []
    stage.state.playing = False
    assert "keys in" in until_written(stage, live) and len(stage.sequences()) == 1
    stage.state.playing = True
    stage.press(live, "record")
    assert "The editor is playing the level." in stage.dialogs.messages.pop()[1]


def test_a_take_waits_for_another(stage: Any, live: Any) -> None:
    from medtalk_unreal import generate

    class Other:
        going = True

        def check(self) -> None: ...
        def steps(self) -> Any:
            while self.going:
                yield

        def ended(self, task: Any) -> None: ...

    stage.select_actors(stage.add_metahuman())
    other = Other()
    stage.press(live, "record")
    generate.begin(other)  # type: ignore[arg-type]
    until(stage, lambda state: state.heard.get("recording", 0.0) >= 0.3, "the recording")
    stage.press(live, "stop_recording")
    tick_until(stage, lambda: "waits until the other take" in said(live, "written"), "the wait")
    other.going = False
    assert "keys in" in until_written(stage, live)


# --- what goes wrong


def test_a_process_that_dies_is_one_notice_and_start_works_again(stage: Any, live: Any) -> None:
    stage.select_actors(stage.add_metahuman())
    stage.press(live, "record")
    until(stage, lambda state: state.heard.get("recording", 0.0) > 0.2, "the recording")
    os.kill(process(), signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    until(stage, lambda state: state.phase == "failed", "the end")
    stage.tick(n=3)
    assert re.search(r"The process of the live preview has ended with code -9\. Its log is .*Press Start", said(live))
    assert len(stage.log.errors) == 1 and [one.success for one in stage.state.notifications] == [False]
    assert said(live, "written").startswith("Live_01 was not recorded:")
    assert not list((saved(stage) / "live").glob("*")), "nor anything left of it"
    stage.press(live, "start")
    until_live(stage)


def test_the_end_of_the_editor_ends_it_and_what_it_records_is_written(stage: Any, live: Any) -> None:
    """And the next start says so."""
    import medtalk_unreal

    stage.select_actors(stage.add_metahuman())
    pid = process()
    stage.press(live, "record")
    until(stage, lambda state: state.heard.get("recording", 0.0) >= 0.4, "the recording")
    stage.restart()
    file = saved(stage) / "live" / "Live_01.npz"
    tick_until(stage, lambda: not is_alive(pid) and file.is_file(), "the end of the process")
    assert file.with_suffix(".wav").is_file() and len(read_rig(file).values) > 20
    stage.log.lines.clear()

    medtalk_unreal.startup()
    assert [line for line in stage.log.warnings if "Live_01 of the live preview is no take yet." in line]
    form = open_form(stage)
    assert said(form, "written") == "Live_01 is no take yet. Press Write Take."
    stage.select_actors(stage.add_metahuman())
    stage.press(form, "write")
    finish(stage)
    assert "keys in" in said(form, "written") and len(stage.sequences()) == 1


def test_an_editor_that_is_killed_leaves_no_microphone_open(stage: Any, live: Any) -> None:
    """All that the process sees of that is the end of its input."""
    from medtalk_unreal.livestream import the_stream

    stage.select_actors(stage.add_metahuman())
    pid = process()
    stage.press(live, "record")
    until(stage, lambda state: state.heard.get("recording", 0.0) >= 0.4, "the recording")
    assert the_stream._program is not None
    the_stream._program.end_input()
    tick_until(stage, lambda: not is_alive(pid), "the end of the process")
    assert (saved(stage) / "live" / "Live_01.npz").is_file()


def test_without_a_recording_the_editor_ends_it_at_once(stage: Any, live: Any) -> None:
    pid = process()
    stage.shut_down()
    assert not is_alive(pid)


@stops
def test_a_process_that_hangs_is_told_of_and_ends_by_force(
    stage: Any, live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medtalk_unreal import livestream

    monkeypatch.setattr(livestream, "SILENT_SECONDS", 1.5)
    monkeypatch.setattr(livestream, "STOP_SECONDS", 0.3)
    pid = process()
    os.kill(pid, signal.SIGSTOP)
    tick_until(stage, lambda: "It has not answered for" in said(live), "what is said of it")
    stage.select_actors(stage.add_metahuman())
    stage.press(live, "record")
    assert "The live preview hangs." in stage.dialogs.messages.pop()[1] and not list((saved(stage) / "live").glob("*"))
    os.kill(pid, signal.SIGCONT)
    tick_until(stage, lambda: said(live).startswith("Live for"), "the answer")
    os.kill(pid, signal.SIGSTOP)
    stage.press(live, "stop")
    wait_for_end(stage, pid)
    until(stage, lambda state: state.phase == "off", "the end")


def test_no_python(editor: Any) -> None:
    import medtalk_unreal

    medtalk_unreal.startup()
    form = open_form(editor)
    editor.press(form, "start")
    assert "no Python with the package medtalk is set" in editor.dialogs.messages.pop()[1]
    editor.tick(n=3)
    assert any("The microphones could not be listed" in line for line in editor.log.warnings) is False
    assert any("the microphones could not be listed" in line for line in editor.log.warnings)


def test_a_python_without_the_package(editor: Any, empty_python: str, voice: Path) -> None:
    import medtalk_unreal
    from medtalk_unreal import settings

    settings.save(settings.PluginSettings(python=empty_python))
    medtalk_unreal.startup()
    form = open_form(editor, sound=voice)
    editor.press(form, "start")
    until(editor, lambda state: state.phase == "failed", "the end")
    assert (
        "Step 'package'" in said(form) and "Set Up" in said(form) and said(form).endswith("Press Start to try again.")
    )


def test_a_medtalk_that_is_too_old(editor: Any, empty_python: str, voice: Path) -> None:
    """It knows no such command."""
    import medtalk_unreal
    from medtalk_unreal import settings

    package = next(Path(empty_python).parents[1].rglob("site-packages")) / "medtalk"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "import sys; print('Error: No such command live', file=sys.stderr); sys.exit(2)"
    )
    settings.save(settings.PluginSettings(python=empty_python))
    medtalk_unreal.startup()
    form = open_form(editor, sound=voice)
    editor.press(form, "start")
    until(editor, lambda state: state.phase == "failed", "the end")
    assert said(form).startswith(
        "The MEDTalk of that Python is too old, or not whole. Choose Tools, section MEDTalk: Set Up"
    )


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"look_ahead": 2.0}, "The look-ahead is 2 s; valid are 0 to 0.5 s."),
        ({"port": 0}, "The port is 0; valid are 1 to 65535."),
        ({"port": 70000}, "The port is 70000"),
        ({"host": "127.0.0.1:99"}, "The host is '127.0.0.1:99'"),
        ({"host": "[::1]:99"}, "The host is '[::1]:99'"),
        ({"subject": "x" * 65}, "The subject is"),
        ({"mood_intensity": 5.0}, "Mood intensity is 5; valid are 0 to 4."),
        ({"persona": "nobody"}, "There is no persona called 'nobody'."),
    ],
)
def test_values_that_are_not_valid(stage: Any, voice: Path, values: dict[str, Any], line: str) -> None:
    form = open_form(stage, sound=voice, **values)
    stage.press(form, "start")
    assert line in stage.dialogs.messages.pop()[1] and "\n" not in line
    assert said(form) == "Ready."


def test_a_sound_or_a_host_that_is_not_there(stage: Any, voice: Path, tmp_path: Path) -> None:
    form = open_form(stage, sound=tmp_path / "gone.wav")
    stage.press(form, "start")
    assert "gone.wav is not there" in stage.dialogs.messages.pop()[1]
    (tmp_path / "gone.wav").write_bytes(b"no sound")
    stage.press(form, "start")
    until(stage, lambda state: state.phase == "failed", "the end")
    assert "gone.wav" in said(form) and "Traceback" not in stage.log.text
    form.set_editor_properties({"sound": stage.unreal.FilePath(voice.as_posix()), "host": "no-such-host.invalid"})
    stage.press(form, "start")
    until(stage, lambda state: state.phase == "failed", "the end")
    assert "no-such-host.invalid" in said(form)


def test_a_dialog_where_there_are_no_tabs(stage: Any, voice: Path, port: socket.socket) -> None:
    stage.state.tabs_work = False

    def fill(form: Any) -> bool:
        form.set_editor_property("sound", stage.unreal.FilePath(voice.as_posix()))
        form.set_editor_property("port", port.getsockname()[1])
        stage.press(form, "start")
        assert said(form) == "It begins when this window closes."
        return False

    def stop(form: Any) -> bool:
        assert said(form).startswith("Live for")
        stage.press(form, "stop")
        return False

    stage.dialogs.forms += [fill, stop]
    stage.click(TOOLS, "MEDTalk.live")
    until_live(stage)
    stage.click(TOOLS, "MEDTalk.live")
    until(stage, lambda state: state.phase == "off", "the end")
    assert stage.dialogs.messages == [] and stage.log.errors == []


# --- what it is told


def test_a_persona_leads_where_nothing_else_is_chosen(editor: Any) -> None:
    from medtalk_unreal.liveorder import LiveOrder
    from medtalk_unreal.settings import PluginSettings

    settings = PluginSettings(personas={"host": {"emotion": {"happy": 0.7, "surprised": 0.3}, "intensity": 0.8}})
    led = LiveOrder(persona="host").led(settings)
    assert led.guidance == {"emotion": "happy:0.7,surprised:0.3", "intensity": 0.8}
    assert LiveOrder(persona="host", emotion="sad", mood_intensity=2.0).led(settings).guidance == {
        "emotion": "sad", "intensity": 2.0
    }  # fmt: skip
    assert LiveOrder(text="tired").led(settings).guidance == {"text": "tired", "intensity": 1.0}
    assert LiveOrder().led(settings).guidance["emotion"] == "neutral"


def test_a_host_may_be_an_address_of_ipv6(editor: Any) -> None:
    from medtalk.senders.udp import Address, read_address
    from medtalk_unreal.liveorder import LiveOrder
    from medtalk_unreal.settings import PluginSettings

    for host in ("::1", "fe80::1%3", "127.0.0.1", "stage-pc"):
        order = LiveOrder(host=host, port=99)
        order.check(PluginSettings())
        words = order.words(PluginSettings())
        assert read_address(words[words.index("--to") + 1], "--to", 11111) == Address(host, 99)


def test_what_is_gone_is_not_remembered_but_all_else_is(editor: Any, voice: Path) -> None:
    from medtalk_unreal.liveorder import LiveOrder
    from medtalk_unreal.settings import PluginSettings

    order = LiveOrder(sound=str(voice), persona="host", emotion="sad", subject="Ada", start_frame=7, actor="a", port=9)
    settings = PluginSettings(live=order.to_remember(), personas={"host": {}})
    assert LiveOrder.remembered(settings) == replace(order, start_frame=0, actor="")
    voice.unlink()
    settings.personas.clear()
    assert LiveOrder.remembered(settings) == LiveOrder(emotion="sad", subject="Ada", port=9)
    settings.live.update(port=0, look_ahead="soon")
    assert LiveOrder.remembered(settings) == LiveOrder()


def test_the_microphones(editor: Any) -> None:
    from medtalk_unreal.errors import PluginError
    from medtalk_unreal.liveorder import LiveOrder, devices_in
    from medtalk_unreal.settings import PluginSettings

    rows = [{"name": "Camera", "usual": False}, {"name": "Head set", "usual": True}, {"name": "Camera", "usual": False}]
    assert devices_in(json.dumps(rows)) == ["Head set", "Camera"] and devices_in("[]") == []
    for bad in ("", "{}x", '["a"]', '[{"usual": true}]', "7"):
        with pytest.raises(PluginError, match="cannot be read"):
            devices_in(bad)
    words = LiveOrder(microphone="Head set").words(PluginSettings(bundle="/models/mine"))
    at = words.index("--microphone")
    assert words[at + 1 : at + 3] == ["--device", "Head set"] and words[-2:] == ["--bundle", "/models/mine"]
    assert "--device" not in LiveOrder().words(PluginSettings())


def test_a_microphone_is_chosen_by_its_name_and_missed_when_it_goes(
    stage: Any, port: socket.socket, booth: Booth
) -> None:
    form = open_form(stage, port=port.getsockname()[1])
    tick_until(stage, lambda: "booth" in list(form.microphone_choices()), "the list")
    assert form.microphone_choices()[0] == "The system's own" and said(form, "microphone") == "The system's own"
    form.set_editor_property("microphone", "booth")
    stage.press(form, "start")
    until_live(stage)
    tick_until(stage, lambda: re.search(r", -1\d dB", said(form)) is not None, "its tone, of -15 dB")
    until_heard(stage, 2.0)
    assert received(port)
    stage.select_actors(stage.add_metahuman())
    file = record(stage, form, 1.0)
    assert "keys in" in until_written(stage, form)
    heard, rate = soundfile.read(file.with_suffix(".wav"))
    tone = np.abs(np.fft.rfft(heard)).argmax() * rate / len(heard)
    assert tone == pytest.approx(TONE, abs=3)
    booth.unplug()
    tick_until(stage, lambda: "The microphone is gone: plug it in again." in said(form), "the end of the cable")
    booth.plug()
    tick_until(stage, lambda: "gone" not in said(form), "the return")
    assert not stage.log.errors


def test_a_microphone_that_is_not_there(stage: Any, booth: Booth) -> None:
    """Those that are there are said, and the list of the form is made anew."""
    form = open_form(stage, microphone="piano")
    tick_until(stage, lambda: "booth" in list(form.microphone_choices()), "the list")
    from medtalk_unreal import settings

    settings.save(replace(settings.load(), microphones=["piano"]))
    stage.press(form, "start")
    until(stage, lambda state: state.phase == "failed", "the end")
    assert re.match(r"No microphone called 'piano'\. Valid are .* booth", said(form)), said(form)
    tick_until(stage, lambda: "booth" in list(form.microphone_choices()), "the list")


def test_a_python_without_what_a_microphone_needs(editor: Any, empty_python: str) -> None:
    """As of a MEDTalk that was installed without the extra."""
    import medtalk_unreal
    from medtalk_unreal import settings

    package = next(Path(empty_python).parents[1].rglob("site-packages")) / "medtalk"
    package.mkdir()
    (package / "__init__.py").touch()
    facts = {"code": "missing_extra", "message": "It is not there.", "hint": "pip install 'medtalk[live]'", "about": ""}
    line = json.dumps({"error": facts})
    (package / "__main__.py").write_text(f"import sys; print({line!r}, file=sys.stderr); sys.exit(1)")
    settings.save(settings.PluginSettings(python=empty_python))
    medtalk_unreal.startup()
    form = open_form(editor)
    editor.press(form, "start")
    until(editor, lambda state: state.phase == "failed", "the end")
    assert said(form).startswith("Step 'package': It is not there. pip install 'medtalk[live]' Or choose Tools,")
    assert "Set Up, which installs it." in said(form)


# --- recordings of several editors


def test_names_of_recordings_are_never_taken_twice(stage: Any) -> None:
    import subprocess

    from medtalk_unreal import livetake
    from medtalk_unreal.liveorder import LiveOrder

    actor = stage.add_metahuman()
    order = LiveOrder(actor=actor.get_path_name(), take_name="Line 7!")
    with stage.plugin_code():
        first, second = livetake.begin(order), livetake.begin(order)
    assert [first.name, second.name] == ["Line_7__01.npz", "Line_7__02.npz"]
    assert livetake.left() == []
    for file in (first, second):
        file.write_bytes(b"a rig")
    assert livetake.left() == [first, second] and livetake.left(first.as_posix()) == [second]
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        first.with_suffix(".take").write_text(json.dumps({"pid": other.pid}))
        assert livetake.left() == [second], "another editor is at the first"
        other.communicate(b"\n")
    assert livetake.left() == [first, second]
    first.with_suffix(".take").write_text("[")
    assert livetake.left() == [first, second]
    livetake.drop(first)
    assert first.with_suffix(".take").exists(), "there is something, so it is not forgotten"


# --- Live Link


BOTH = ("LiveLink", "AppleARKitFaceSupport")


@pytest.mark.engine("5.8", *BOTH)
def test_another_live_link_than_expected_stops_nothing(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(stage.unreal.LiveLinkBlueprintLibrary, "get_live_link_enabled_subject_names")
    assert "2. To do" in said(open_form(stage), "steps") and not stage.log.errors


@pytest.mark.parametrize("engine", ["5.4", "5.8"])
@pytest.mark.parametrize("engine_plugins", [(), BOTH[:1], BOTH])
def test_the_steps_say_what_is_done(stage: Any, engine: str, engine_plugins: tuple[str, ...]) -> None:
    actor = stage.add_metahuman()
    stage.add_live_link(actor)
    form = open_form(stage)
    first, second, third = said(form, "steps").splitlines()
    titles = ("Live Link", "Apple ARKit Face Support")
    if lacks := titles[len(engine_plugins) :]:
        assert first == f"1. To do: Edit > Plugins: tick {' and '.join(lacks)}, and start the editor again."
    else:
        assert first.startswith("1. Done:")
    assert "Apple ARKit Source, Port 11111, Add." in second and third.startswith("3. To do: select the MetaHuman")
    stage.press(form, "set_up")
    assert "No MetaHuman is selected" in stage.dialogs.messages.pop()[1]
    stage.select_actors(actor)
    stage.press(form, "check")
    assert said(form, "steps").splitlines()[2].startswith("3. To do: press Set Up MetaHuman for BP_Ada")
    stage.press(form, "set_up")
    assert said(form, "steps").splitlines()[2].startswith("3. Done: BP_Ada listens to MEDTalk.")
    assert actor.get_editor_property("UseARKitFace") is True
    assert inside.updates_in_editor(stage.face_of(actor))
    assert stage.undo() == "MEDTalk: Live Link of BP_Ada"
    assert actor.get_editor_property("UseARKitFace") is False
    stage.state.subjects = ["iPhone", "MEDTalk"]
    stage.press(form, "check")
    done = said(form, "steps").splitlines()[1] == "2. Done: Live Link receives MEDTalk."
    assert done == bool(engine_plugins) and not stage.log.errors[1:]


def test_metahumans_with_other_variables(stage: Any) -> None:
    old, none = stage.add_metahuman(name="Old"), stage.add_metahuman(name="Bare")
    stage.add_live_link(old, "LLink Face Subj", "")
    form = open_form(stage, subject="Host")
    stage.select_actors(old)
    stage.press(form, "set_up")
    assert old.get_editor_property("LLink Face Subj").get_editor_property("name") == "Host"
    stage.select_actors(none)
    stage.press(form, "set_up")
    assert "BP_Bare lacks the usual variables for Live Link. Look in its Details" in stage.dialogs.messages.pop()[1]
    stage.state.playing = True
    stage.select_actors(old)
    stage.press(form, "set_up")
    assert "is playing the level" in stage.dialogs.messages.pop()[1]
