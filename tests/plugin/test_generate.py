"""From a click to keys on the board, with a real sidecar; and everything that can go wrong in between."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.fake_unreal import inside
from tests.helpers.sounds import babble
from tests.plugin.running import is_alive, pid_of_sidecar, stops, tick_until


def add_sounds(editor: Any, tmp_path: Path, *seconds: float) -> tuple[str, ...]:
    """SoundWaves of these lengths; their asset paths."""
    paths = []
    for number, length in enumerate(seconds):
        file = tmp_path / f"line{number}.wav"
        soundfile.write(file, babble(length, seed=number + 1), 16000)
        paths.append(editor.add_sound(file).get_path_name())
    return tuple(paths)


@pytest.fixture
def request_for(configured: Any, tmp_path: Path) -> Any:
    """Makes requests for sounds of the given lengths, for a MetaHuman of the level."""
    from medtalk_unreal.request import Request

    actor = configured.add_metahuman("mh4").get_path_name()

    def make(*seconds: float, **values: Any) -> Request:
        return Request(sounds=add_sounds(configured, tmp_path, *seconds), actor=actor, **values)

    return make


def run(editor: Any, request: Any) -> Any:
    """The status of a request that was brought to its end."""
    from medtalk_unreal import generate

    generation = generate.start(request)
    tick_until(editor, lambda: generate.running() is None, "the end of the generation")
    return generation.status


def test_one_sound_becomes_keys(configured: Any, request_for: Any) -> None:
    status = run(configured, request_for(1.0, emotion="happy"))
    assert (status.state, status.fraction, status.failures) == ("done", 1.0, [])
    assert len(status.reports) == 1 and status.reports[0].keys > 174
    assert status.text.startswith("1 take written, ")
    assert configured.log.errors == []


def test_several_sounds_become_takes_one_after_the_other(configured: Any, request_for: Any) -> None:
    status = run(configured, request_for(1.0, 0.5, 0.8, start_frame=1001))
    first, second, third = status.reports
    assert first.first_frame == 1001
    assert (second.first_frame, third.first_frame) == (first.last_frame + 1, second.last_frame + 1)
    assert first.sequence == second.sequence == third.sequence


def test_memory_is_freed_between_the_sounds(configured: Any, request_for: Any) -> None:
    """Every key was an object, and Unreal collects garbage only once a minute."""
    from medtalk_unreal import generate

    before: list[int] = []

    def watch(status: Any) -> None:
        if status.phase == "sound":
            before.append(configured.state.objects)

    generate.start(request_for(1.0, 1.0, 1.0), watch)
    tick_until(configured, lambda: generate.running() is None, "the end")
    _, of_first, of_second = before
    assert of_second < 2 * of_first, "those of the first take are gone by then"
    assert configured.state.objects < of_first / 10


def test_progress_never_falls_and_the_log_is_short(configured: Any, request_for: Any) -> None:
    from medtalk_unreal import generate

    seen: list[tuple[str, float]] = []
    generate.start(request_for(1.0, 1.0), lambda status: seen.append((status.phase, status.fraction)))
    tick_until(configured, lambda: generate.running() is None, "the end")
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert {"sidecar", "sound", "writing", "done"} <= {phase for phase, _ in seen}
    assert len(configured.log.lines) < 60


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"mood_intensity": 5.0}, "Mood intensity is 5; valid are 0 to 4."),
        ({"frame_step": 0}, "frame step"),
        ({"tolerance": float("nan")}, "tolerance"),
        ({"process_mask": "nose"}, "full, mouth, upper"),
        ({"writer": "pen"}, "channels, arrays"),
        ({"text": "x" * 100_000}, "65536 bytes"),
        ({"mixture": "x" * 100_000}, "65536 bytes"),
        ({"text": "sad", "image": "/nowhere.png"}, "Text and picture are both set."),
        ({"image": "/nowhere.png"}, "/nowhere.png cannot be read: No such file"),
        ({"image": "/"}, "/ is not a picture. Valid are PNG"),
        ({"sequence": "/Game/Nowhere"}, ""),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_begins(
    configured: Any, request_for: Any, values: dict[str, Any], said: str
) -> None:
    from medtalk_unreal import generate
    from medtalk_unreal.errors import PluginError

    with pytest.raises(PluginError) as caught:
        generate.start(request_for(1.0, **values))
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert generate.running() is None and configured.sequences() == []


def test_the_sequence_of_an_earlier_run_is_looked_at_before_anything_begins(configured: Any, request_for: Any) -> None:
    from medtalk_unreal import generate
    from medtalk_unreal.errors import PluginError

    request = request_for(0.5)
    run(configured, request)
    (path,) = configured.sequences()
    configured.asset(path).set_read_only(True)
    with pytest.raises(PluginError, match="read-only"):
        generate.start(request)


def test_a_mood_that_the_sidecar_does_not_know_is_one_line(configured: Any, request_for: Any) -> None:
    status = run(configured, request_for(1.0, emotion="hapy"))
    assert status.state == "failed" and "Did you mean happy?" in status.text
    assert configured.sequences() == [] and len(configured.log.errors) == 1
    assert run(configured, request_for(1.0, emotion="happy")).state == "done"


def test_one_bad_sound_does_not_spoil_the_others(configured: Any, request_for: Any, tmp_path: Path) -> None:
    from medtalk_unreal import generate

    request = request_for(1.0, 1.0, 1.0)
    generation = generate.start(request)
    tick_until(configured, lambda: generation.status.phase == "sound", "the first sound")
    configured.delete(request.sounds[1])
    tick_until(configured, lambda: generate.running() is None, "the end")
    status = generation.status
    assert status.state == "done" and len(status.reports) == 2
    assert len(status.failures) == 1 and "line1" in status.failures[0]
    assert "2 takes written" in status.text and "1 failed" in status.text


def test_a_second_one_is_refused_while_one_is_on_its_way(configured: Any, request_for: Any) -> None:
    from medtalk_unreal import generate
    from medtalk_unreal.errors import PluginError

    request = request_for(1.0)
    generation = generate.start(request)
    with pytest.raises(PluginError, match="already"):
        generate.start(request)
    tick_until(configured, lambda: generate.running() is None, "the end")
    assert generation.status.state == "done"


@pytest.mark.parametrize("phase", ["waiting", "sidecar", "sound", "sent", "writing"])
def test_it_can_be_cancelled_in_every_phase(configured: Any, request_for: Any, phase: str) -> None:
    from medtalk_unreal import generate

    generation = generate.start(request_for(60.0 if phase == "sent" else 1.0))
    if phase != "waiting":
        tick_until(configured, lambda: generation.status.phase == phase, phase)
    generate.cancel()
    assert generate.running() is None
    assert generation.status.state == "cancelled" and generation.status.text == "Cancelled."
    for _ in range(50):
        configured.tick()
    assert configured.sequences() == [] and configured.log.errors == []
    assert run(configured, request_for(0.5)).state == "done"


def test_cancel_in_the_progress_window_of_the_keys(
    configured: Any, request_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medtalk_unreal import edits

    monkeypatch.setattr(edits, "LONG", 0)
    configured.state.cancel_slow_task_after = 3
    status = run(configured, request_for(1.0))
    (new,) = configured.sequences()
    assert status.state == "cancelled" and f"The new {new} stays" in status.text
    configured.state.cancel_slow_task_after = None
    assert run(configured, request_for(1.0)).state == "done"


def test_a_sidecar_that_dies_at_work_is_one_line_and_the_next_click_works(configured: Any, request_for: Any) -> None:
    from medtalk_unreal import generate

    assert run(configured, request_for(0.5)).state == "done"
    before = configured.sequences()
    generation = generate.start(request_for(120.0))
    tick_until(configured, lambda: generation.status.phase == "sent", "the request's leaving")
    os.kill(pid_of_sidecar(configured), signal.SIGKILL)
    tick_until(configured, lambda: generate.running() is None, "the failure")
    assert generation.status.state == "failed" and "\n" not in generation.status.text
    assert len(configured.log.errors) == 1 and configured.sequences() == before
    assert run(configured, request_for(0.5)).state == "done"


@stops
def test_a_sidecar_that_freezes_at_work(configured: Any, request_for: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from medtalk_unreal import generate, sidecar

    monkeypatch.setattr(sidecar, "GREETING_SECONDS", 1.0)
    monkeypatch.setattr(sidecar, "PATIENCE_SECONDS", 2.0)
    assert run(configured, request_for(0.5)).state == "done"
    generation = generate.start(request_for(120.0))
    tick_until(configured, lambda: generation.status.phase == "sent", "the request's leaving")
    os.kill(pid_of_sidecar(configured), signal.SIGSTOP)
    tick_until(configured, lambda: generate.running() is None, "the failure")
    assert generation.status.state == "failed" and "has sent nothing" in generation.status.text
    assert run(configured, request_for(0.5)).state == "done"


def test_a_pause_without_ticks_harms_nothing(
    configured: Any, request_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medtalk_unreal import generate, sidecar

    monkeypatch.setattr(sidecar, "GREETING_SECONDS", 1.5)
    monkeypatch.setattr(sidecar, "PATIENCE_SECONDS", 1.5)
    generation = generate.start(request_for(1.0))
    for phase in ("sidecar", "sent"):
        tick_until(configured, lambda phase=phase: generation.status.phase == phase, phase)
        time.sleep(2.5)
    tick_until(configured, lambda: generate.running() is None, "the end")
    assert generation.status.state == "done"


@pytest.mark.parametrize("what", ["actor", "level", "sequence", "sound"])
def test_what_goes_away_in_between_is_one_line(configured: Any, request_for: Any, what: str) -> None:
    from medtalk_unreal import generate

    sequence = configured.new_sequence(30).get_path_name()
    request = request_for(1.0, sequence=sequence)
    generation = generate.start(request)
    tick_until(configured, lambda: generation.status.phase == "writing", "the writing")
    match what:
        case "actor":
            configured.delete(request.actor)
        case "level":
            configured.reload_level()
        case "sequence":
            configured.delete(sequence)
        case "sound":
            configured.delete(request.sounds[0])
    tick_until(configured, lambda: generate.running() is None, "the end")
    status = generation.status
    assert status.state in ("failed", "done") and "\n" not in status.text
    assert (status.state == "done") == (what == "level"), status.text
    assert len(configured.log.errors) == (status.state == "failed")


def test_the_editor_closes_in_the_middle(configured: Any, request_for: Any) -> None:
    from medtalk_unreal import generate

    configured.start_plugin()
    generation = generate.start(request_for(60.0))
    tick_until(configured, lambda: generation.status.phase == "sent", "the request's leaving")
    pid = pid_of_sidecar(configured)
    configured.shut_down()
    assert generation.status.state == "cancelled" and configured.sequences() == []
    assert configured.log.errors == []
    tick_until(configured, lambda: not is_alive(pid), "the sidecar's end")


def test_sounds_without_a_file_are_exported(configured: Any, request_for: Any, tmp_path: Path) -> None:
    request = request_for(1.0, 1.0)
    shutil.rmtree(tmp_path / "nothing", ignore_errors=True)
    for file in tmp_path.glob("line*.wav"):
        file.unlink()  # so that the sounds are exported
    status = run(configured, request)
    assert status.state == "done" and len(status.reports) == 2


@pytest.mark.parametrize("fps", [24, 30, 60])
@pytest.mark.parametrize("own", [False, True])
def test_the_rig_comes_at_the_rate_of_the_sequence(configured: Any, request_for: Any, fps: int, own: bool) -> None:
    """Of the one that is named, and of the one that an earlier run has made."""
    if own:
        run(configured, request_for(0.5))
        (path,) = configured.sequences()
        configured.asset(path).set_display_rate(configured.unreal.FrameRate(fps, 1))
        request = request_for(0.5)
    else:
        path = configured.new_sequence(fps).get_path_name()
        request = request_for(0.5, sequence=path)
    run(configured, request)
    (section,) = [one for one in configured.sections(path) if inside.channels(one)]
    ticks = [tick for name in configured.keyed(section) for tick, _ in configured.keys(section, name)]
    assert len(set(ticks)) > 4 and all(tick % (24000 // fps) == 0 for tick in ticks)
