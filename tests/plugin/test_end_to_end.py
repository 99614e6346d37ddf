"""A click on a recording, a real sidecar, keys on the board: they are the rig that the sidecar gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from medtalk.rig.channels import INDEX
from medtalk_board.channels import in_region
from medtalk_wire import Finishing
from tests.fake_unreal import inside
from tests.helpers.sidecars import Sidecar
from tests.plugin.clicking import TOOLS, asked, finish, make, press, status
from tests.plugin.running import pid_of_sidecar, tick_until
from tests.plugin.takes import KEYED, board_section, on_board, state_of

JAW = INDEX["CTRL_C_jaw-translateY"]
MOOD = {"emotion": "happy", "mood_intensity": 1.5}
THE_SAME = {"emotion": "happy", "intensity": 1.5}


@pytest.fixture(scope="session")
def studio(speech_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two pieces of real recordings as a studio gives them: 48 kHz, 24 bits, one of them stereo."""
    folder, out = tmp_path_factory.mktemp("studio"), []
    for name, channels in (("jfk", 1), ("sonnet", 2)):
        samples, rate = soundfile.read(speech_data / f"{name}.flac", frames=3 * 16000 + 123, start=3 * 16000)
        wide = np.repeat(soxr.resample(samples, rate, 48000)[:, None], channels, axis=1)
        out.append(folder / f"{name}.wav")
        soundfile.write(out[-1], wide, 48000, subtype="PCM_24")
    return out


@pytest.fixture(params=["sample", "jfk", "sonnet"])
def recording(request: pytest.FixtureRequest, sample: Path, studio: list[Path]) -> Path:
    """The one of 16 kHz that ships, or one of 48 kHz."""
    return next(path for path in (sample, *studio) if path.stem == request.param)


def a_shot(editor: Any, fps: Any = 30, board: str = "mh4") -> Any:
    """A sequence, while a MetaHuman of the level is selected."""
    editor.select_actors(editor.add_metahuman(board))
    return editor.new_sequence(fps)


def as_held(file: Path, folder: Path) -> Path:
    """A sound file as Unreal holds it and exports it: with 16 bits."""
    samples, rate = soundfile.read(file, dtype="int16")
    held = folder / f"held-{file.name}"
    soundfile.write(held, samples, rate, subtype="PCM_16")
    return held


def keys_of(editor: Any, sequence: Any) -> dict[str, list[tuple[int, Any]]]:
    section = board_section(editor, sequence)
    return {name: editor.keys(section, name) for name in editor.keyed(section)}


def shot_of(sequence: Any) -> tuple[Any, ...]:
    """All that a sequence holds, whatever the names of its sections are."""
    *facts, tracks = inside.whole(sequence)
    return *facts, [(title, rows, sections) for title, rows, _, sections in tracks]


def user_keys(editor: Any, section: Any, channel: str, values: dict[int, float]) -> None:
    for tick, value in values.items():
        inside.add_key(section, channel, tick, value)


@pytest.mark.parametrize("start", [0, 1001])
@pytest.mark.parametrize("fps", [24, 30, 60])
@pytest.mark.parametrize("board", ["mh3", "mh4"])
def test_the_keys_are_the_rig_of_the_sidecar(
    desk: Any, serving: Sidecar, sample: Path, board: str, fps: int, start: int
) -> None:
    sequence = a_shot(desk, fps, board)
    line = make(desk, [desk.add_sound(sample)], sequence=sequence, start_frame=start, **MOOD)
    rig = asked(serving.connection, sample, fps=fps, **THE_SAME)
    found = on_board(desk, sequence, len(rig), fps, start, board)
    np.testing.assert_allclose(found[:, KEYED], rig[:, KEYED], rtol=0, atol=1e-6)
    assert rig[:, KEYED].std(axis=0).max() > 0.01, "a face that does not move proves nothing"
    ticks = inside.tick_rate(sequence) / inside.display_rate(sequence)
    first = round(start * ticks)
    last = first + round((len(rig) - 1) * ticks)
    for times in keys_of(desk, sequence).values():
        assert times[0][0] == first and times[-1][0] <= last
    assert line.startswith("1 take written, ") and desk.log.errors == [] and desk.dialogs.messages == []


def test_a_rate_that_is_changed_while_the_sidecar_is_looked_for(desk: Any, serving: Sidecar, sample: Path) -> None:
    """Keys lie on the frames that the sequence has when the rig is asked for, not on those at the click."""
    import unreal

    sequence = a_shot(desk, 30)
    form = press(desk, [desk.add_sound(sample)], sequence=sequence)
    sequence.set_display_rate(unreal.FrameRate(24, 1))
    finish(desk)
    assert " written, " in status(form), status(form)
    rig = asked(serving.connection, sample, fps=24.0)
    found = on_board(desk, sequence, len(rig), 24)
    np.testing.assert_allclose(found[:, KEYED], rig[:, KEYED], rtol=0, atol=1e-6)


@pytest.mark.parametrize("gone", [False, True])
def test_real_recordings_also_where_only_the_asset_is_left(
    desk: Any, serving: Sidecar, recording: Path, tmp_path: Path, gone: bool
) -> None:
    """The face speaks the sound as Unreal holds it, whether or not the file that it was imported from is there."""
    sequence = a_shot(desk)
    source = tmp_path / "gone.wav" if gone else recording
    make(desk, [desk.add_sound(recording, source=source)], sequence=sequence)
    rig = asked(serving.connection, as_held(recording, tmp_path), fps=30.0)
    keyed = on_board(desk, sequence, len(rig), 30)[:, KEYED]
    np.testing.assert_allclose(keyed, rig[:, KEYED], rtol=0, atol=1e-6)
    # The editor holds 16 of 24 bits, and the ear's graph has 8-bit weights, which makes more of what was rounded.
    whole = asked(serving.connection, recording, fps=30.0)
    np.testing.assert_allclose(keyed, whole[:, KEYED], rtol=0, atol=5e-4)


@pytest.mark.parametrize("writer", ["Channel keys", "Array setters"])
@pytest.mark.parametrize("tolerance", [0.002, 0.05])
def test_reduced_keys_are_fewer_and_as_near_as_the_form_says(
    desk: Any, serving: Sidecar, sample: Path, tolerance: float, writer: str
) -> None:
    sequence = a_shot(desk, 60)
    make(desk, [desk.add_sound(sample)], sequence=sequence, tolerance=tolerance, writer=writer)
    rig = asked(serving.connection, sample, fps=60.0)
    found = on_board(desk, sequence, len(rig), 60)
    np.testing.assert_allclose(found[:, KEYED], rig[:, KEYED], rtol=0, atol=tolerance + 1e-6)
    assert sum(map(len, keys_of(desk, sequence).values())) < 0.8 * rig[:, KEYED].size


def test_what_the_form_says_is_what_the_sidecar_is_asked(desk: Any, serving: Sidecar, sample: Path) -> None:
    sequence = a_shot(desk)
    form = {"mixture": "sad:0.7,angry:0.3", "mood_intensity": 0.5, "blink": False, "gaze": False}
    make(desk, [desk.add_sound(sample)], sequence=sequence, process_mask="Mouth Only", **form)
    rig = asked(
        serving.connection, sample, fps=30.0, emotion="sad:0.7,angry:0.3", intensity=0.5, region="mouth",
        finishing=Finishing(blink=False, gaze=False),
    )  # fmt: skip
    of_the_mouth, found = list(in_region("mouth")), on_board(desk, sequence, len(rig), 30)
    np.testing.assert_allclose(found[:, of_the_mouth], rig[:, of_the_mouth], rtol=0, atol=1e-6)
    assert len(keys_of(desk, sequence)) == len(of_the_mouth)


def test_several_recordings_are_takes_one_after_the_other(
    desk: Any, serving: Sidecar, sample: Path, studio: list[Path], tmp_path: Path
) -> None:
    files = [sample, *studio]
    sequence, start = a_shot(desk, 24), 1001
    make(desk, [desk.add_sound(file) for file in files], sequence=sequence, start_frame=start)
    titles = []
    for track in inside.tracks(desk.asset("/Game/Cinematics/Shot")):
        (section,) = inside.sections(track)
        titles.append((section.get_start_frame(), section.get_sound().get_name()))
    for file in files:
        rig = asked(serving.connection, as_held(file, tmp_path), fps=24.0)
        np.testing.assert_allclose(
            on_board(desk, sequence, len(rig), 24, start)[:, KEYED], rig[:, KEYED], rtol=0, atol=1e-6
        )
        assert (start, file.stem) in titles
        start = 1 + max(end for end in _ends(desk) if end >= start and _starts(desk)[end] == start)


def _starts(editor: Any) -> dict[int, int]:
    """Last frame of each sound in the sequence -> its first."""
    sections = [inside.sections(track)[0] for track in inside.tracks(editor.asset("/Game/Cinematics/Shot"))]
    return {section.get_end_frame() - 1: section.get_start_frame() for section in sections}


def _ends(editor: Any) -> list[int]:
    return list(_starts(editor))


@pytest.mark.parametrize("start", [0, 1001])
def test_undo_restores(desk: Any, sample: Path, start: int) -> None:
    """In a shot on whose board the user has worked, right where the take goes; Redo, or a new click, brings it back."""
    sequence, sound = a_shot(desk, 24), desk.add_sound(sample)
    section = desk.add_board(sequence, desk.state.selected_actors[0])
    user_keys(desk, section, "CTRL_C_jaw.Y", {(start + at) * 1000: 0.1 * at for at in (*range(9), 500)})
    before = state_of(desk)
    make(desk, [sound], sequence=sequence, start_frame=start)
    after, shot = state_of(desk), shot_of(sequence)
    assert after != before and desk.undo_steps == ["MEDTalk: sample"]
    desk.undo()
    assert state_of(desk) == before
    desk.redo()
    assert state_of(desk) == after
    desk.undo()
    for _ in range(2):  # as a new take, and in its place
        make(desk, [sound], sequence=sequence, start_frame=start)
        assert shot_of(sequence) == shot
        assert inside.track_of(section).get_section_to_key() == desk.sections(sequence)[-1]


@pytest.mark.parametrize("new", [False, True])
def test_a_second_run_replaces_the_first(desk: Any, serving: Sidecar, sample: Path, new: bool) -> None:
    """In a sequence of the user, and in the one that the first run made."""
    sequence, sound = a_shot(desk), desk.add_sound(sample)
    fields = {"sequence": None if new else sequence, "start_frame": 12}
    make(desk, [sound], emotion="happy", **fields)
    make(desk, [sound], emotion="angry", **fields)
    assert desk.sequences() == ["/Game/Cinematics/Shot", *(["/Game/MEDTalk/LS_BP_Ada_sample"] if new else [])]
    found, fps = (
        desk.asset("/Game/MEDTalk/LS_BP_Ada_sample") if new else sequence,
        30,
    )  # of the project, and of the shot
    rig = asked(serving.connection, sample, fps=fps, emotion="angry")
    np.testing.assert_allclose(on_board(desk, found, len(rig), fps, 12)[:, KEYED], rig[:, KEYED], rtol=0, atol=1e-6)
    assert {len(times) for times in keys_of(desk, found).values()} <= {1, len(rig)}
    assert len(inside.tracks(found)) == 1 and len(desk.sections(found)) == 1, "one sound, one board"


def test_keys_of_the_user_survive(desk: Any, serving: Sidecar, sample: Path) -> None:
    """The take lies above the section that the user keyed, which leads before and behind it, and where it is muted.

    Unreal before 5.6 has nothing above: there the keys of the take are in that section, in place of those in its span.
    """
    sequence, start = a_shot(desk), 100
    rig = asked(serving.connection, sample, fps=30.0)
    first, end = start * 800, (start + len(rig)) * 800
    section = desk.add_board(sequence, desk.state.selected_actors[0])
    mine = {0: 0.1, first - 1: 0.2, first: 0.3, first + 400: 0.4, end - 1: 0.5, end: 0.6, end + 99_999: 0.7}
    user_keys(desk, section, "CTRL_C_jaw.Y", mine)
    user_keys(desk, section, "CTRL_lookAtSwitch", {first + 3: 0.0})
    before = desk.values_at(section, "CTRL_C_jaw.Y", range(0, first, 800))
    after = desk.values_at(section, "CTRL_C_jaw.Y", range(end, end + 120_000, 800))
    make(desk, [desk.add_sound(sample)], sequence=sequence, start_frame=start)
    np.testing.assert_allclose(on_board(desk, sequence, len(rig), 30, start)[:, KEYED], rig[:, KEYED], atol=1e-6)
    assert desk.keys(section, "CTRL_lookAtSwitch") == [(first + 3, 0.0)]
    keys = dict(desk.keys(section, "CTRL_C_jaw.Y"))
    if not hasattr(desk.unreal.MovieSceneBlendType, "OVERRIDE"):
        assert {at: keys[at] for at in keys if not first <= at < end} == pytest.approx(
            {at: mine[at] for at in (0, first - 1, end, end + 99_999)}
        )
        return
    assert keys == pytest.approx(mine) and len(desk.sections(sequence)) == 2
    np.testing.assert_allclose(on_board(desk, sequence, start, 30)[:, JAW], before, atol=1e-6)
    np.testing.assert_allclose(on_board(desk, sequence, 150, 30, start + len(rig))[:, JAW], after, atol=1e-6)
    desk.sections(sequence)[-1].set_is_active(False)
    muted = on_board(desk, sequence, len(rig), 30, start)[:, JAW]
    np.testing.assert_allclose(muted, desk.values_at(section, "CTRL_C_jaw.Y", range(first, end, 800)), atol=1e-6)


def test_the_first_click_of_all_starts_the_sidecar(configured: Any, sample: Path) -> None:
    """Nothing runs, there is no sequence; and what the form shows on the way is told once each."""
    import medtalk_unreal

    medtalk_unreal.startup()
    configured.select_actors(configured.add_metahuman("mh3"))
    form = press(configured, [configured.add_sound(sample)])
    finish(configured)
    assert status(form).startswith("1 take written, ") and pid_of_sidecar(configured)
    assert configured.sequences() == ["/Game/MEDTalk/LS_BP_Ada_sample"]
    assert configured.log.errors == [] and configured.dialogs.messages == []


def test_a_description_in_the_form(editor: Any, sample: Path, tmp_path: Path) -> None:
    """The bundle that ships takes it: the field is there after the first greeting, and what was understood is told."""
    import medtalk_unreal
    from medtalk_unreal import settings, sidecar

    serving = Sidecar(tmp_path).wait_until_ready()
    try:
        settings.save(settings.PluginSettings(server=str(serving.file)))
        medtalk_unreal.startup()
        editor.click(TOOLS, "MEDTalk.start")
        tick_until(editor, lambda: "text" in settings.load().guidance, "the greeting")
        sequence = a_shot(editor)
        make(editor, [editor.add_sound(sample)], sequence=sequence, text="furious, close to tears", emotion="happy")
        rig = asked(serving.connection, sample, fps=30.0, text="furious, close to tears")
        np.testing.assert_allclose(on_board(editor, sequence, len(rig), 30)[:, KEYED], rig[:, KEYED], rtol=0, atol=1e-6)
        assert "MEDTalk: The text is understood as angry 0." in editor.log.text and editor.log.errors == []
        assert editor.log.warnings == []
        make(editor, [editor.add_sound(sample)], sequence=a_shot(editor), text="surullinen ja väsynyt, mutta toiveikas")
        assert "MEDTalk: The text is understood as neutral 1.00; strength 1.00." in editor.log.text
        assert len(editor.log.warnings) == 1 and "The description seems to be Finnish;" in editor.log.warnings[0]
    finally:
        sidecar.the_sidecar.leave()
        serving.close()
