"""The main path in editors of other versions than 5.6, in which all other tests run: clicks, keys, a clean log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medtalk.rig import read_rig
from medtalk.rig.channels import CHANNELS
from tests.fake_unreal import inside
from tests.helpers.sidecars import Sidecar
from tests.plugin.clicking import TOOLS, asked, make
from tests.plugin.running import saved
from tests.plugin.takes import KEYED, a_sound, board_section, moving, on_board, state_of, write

pytestmark = pytest.mark.parametrize("engine", ["5.4", "5.5", "5.7", "5.8"])


def the_sequence(editor: Any) -> Any:
    """The one that there is."""
    (path,) = editor.sequences()
    return editor.asset(path)


def assert_clean(editor: Any) -> None:
    """No error, no warning, as of something deprecated, and no window."""
    assert (editor.log.errors, editor.log.warnings, editor.dialogs.messages) == ([], [], [])


def test_a_face_in_a_new_sequence_again_and_again(desk: Any, serving: Sidecar, sample: Path, engine: str) -> None:
    desk.select_actors(desk.add_metahuman("mh4" if engine >= "5.6" else "mh3"))
    board = "mh4" if engine >= "5.6" else "mh3"
    sound = desk.add_sound(sample)
    for emotion in ("happy", "angry"):
        make(desk, [sound], emotion=emotion)
        assert_clean(desk)
    sequence = the_sequence(desk)
    fps = float(inside.display_rate(sequence))
    rig = asked(serving.connection, sample, fps=fps, emotion="angry")
    found = on_board(desk, sequence, len(rig), fps, board=board)
    np.testing.assert_allclose(found[:, KEYED], rig[:, KEYED], rtol=0, atol=1e-6)
    assert len(inside.tracks(sequence)) == 1 and len(desk.undo_steps) == 2
    desk.undo()
    rig = asked(serving.connection, sample, fps=fps, emotion="happy")
    found = on_board(desk, sequence, len(rig), fps, board=board)
    np.testing.assert_allclose(found[:, KEYED], rig[:, KEYED], rtol=0, atol=1e-6)


def test_a_second_sound_a_bake_and_an_export(desk: Any, tmp_path: Path) -> None:
    desk.select_actors(desk.add_metahuman("mh4"))
    sounds = [desk.asset(a_sound(desk, tmp_path, 0.5, name)) for name in ("one", "two")]
    make(desk, sounds)
    assert_clean(desk)
    sequence = the_sequence(desk)
    assert len(inside.tracks(sequence)) == 2
    desk.open(sequence)
    desk.click(TOOLS, "MEDTalk.bake")
    assert desk.asset(f"/Game/MEDTalk/{sequence.get_name().replace('LS_', 'AS_')}") is not None
    desk.click(TOOLS, "MEDTalk.export")
    files = sorted((saved(desk) / "recorded").rglob("*.npz"))
    assert [file.stem for file in files] == ["one", "two"]
    tick = inside.tick_rate(sequence)
    sections = sorted(desk.sections(sequence), key=lambda section: section.get_start_frame())
    for file, section in zip(files, sections, strict=True):
        rig, start = read_rig(file), section.get_start_frame_seconds()
        ticks = [round((start + frame / rig.fps) * tick) for frame in range(len(rig))]
        names = [desk.unreal.boards.channel_of(CHANNELS[index].name, "mh4") for index in KEYED]
        keyed = np.array([desk.values_at(section, name, ticks) for name in names]).T
        assert np.ptp(keyed, axis=0).max() > 0.01, "a face that does not move proves nothing"
        np.testing.assert_allclose(rig.values[:, KEYED], keyed, atol=1e-6)
    assert (desk.log.errors, desk.log.warnings) == ([], [])


def test_a_board_that_is_there_already(desk: Any, sample: Path) -> None:
    """That of a user, in a sequence of theirs: it is found and keyed, and nothing is made beside it."""
    actor, sequence = desk.add_metahuman("mh4"), desk.new_sequence(24)
    desk.add_board(sequence, actor)
    desk.select_actors(actor)
    before = inside.bindings(sequence)
    make(desk, [desk.add_sound(sample)], sequence=sequence)
    assert_clean(desk)
    assert inside.bindings(sequence) == before
    assert len(desk.keyed(board_section(desk, sequence))) == len(KEYED)


def test_a_part_or_another_rate_is_baked_where_the_version_can(editor: Any, tmp_path: Path, engine: str) -> None:
    """AnimSeqExportOption takes a range from 5.5 on, and a rate from 5.6 on; before, that is one line."""
    from medtalk_unreal import bake
    from medtalk_unreal.errors import PluginError

    actor, sequence = editor.add_metahuman("mh4"), editor.new_sequence(30)
    write(editor, moving(30), sequence=sequence, actor=actor, sound=a_sound(editor, tmp_path))
    before = state_of(editor)
    cases: list[tuple[dict[str, Any], str]] = [({"frames": (0, 10)}, "5.5"), ({"fps": 60.0}, "5.6")]
    for more, since in cases:
        with editor.plugin_code():
            if engine >= since:
                report = bake.bake_sequence(sequence.get_path_name(), None, "/Game/Anims", f"AS_{since}", **more)
                assert report.curves > 50
                continue
            with pytest.raises(PluginError, match="can only bake whole sequences at their own rate"):
                bake.bake_sequence(sequence.get_path_name(), None, "/Game/Anims", f"AS_{since}", **more)
    if engine == "5.4":
        assert state_of(editor) == before


def test_marked_frames(editor: Any) -> None:
    """5.4 gives them in ticks, by another function."""
    from medtalk_unreal import compat

    sequence = editor.new_sequence(24)
    for frame, label in ((0, "sad"), (30, "happy:0.8")):
        inside.mark(sequence, frame, label)
    with editor.plugin_code():
        assert compat.marked_frames(sequence) == [(0, "sad"), (30_000, "happy:0.8")]
    assert_clean(editor)
