"""The preview: a page with a head that speaks, and a project that stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from medtalk.rig import read_rig
from tests.plugin.clicking import SOUNDS, TOOLS, open_form
from tests.plugin.running import saved, tick_until
from tests.plugin.takes import a_sound, moving, on_board, write
from tests.plugin.test_menus import report


def shown(editor: Any) -> Path:
    """The page that the browser was given, once it is there."""
    tick_until(editor, lambda: "The browser shows" in "".join(report(editor)[-1:]), "the page")
    (url,) = editor.state.urls
    page = saved(editor) / "preview" / url.rpartition("/")[2]
    assert url == page.as_uri()
    return page


def test_the_selected_sound(configured: Any, tmp_path: Path) -> None:
    import medtalk_unreal

    medtalk_unreal.startup()
    configured.select_assets(a_sound(configured, tmp_path, 0.5))
    before = configured.assets()
    configured.click(SOUNDS, "MEDTalk.preview")
    page = shown(configured)
    assert b'data-blob="sound"' in page.read_bytes(), "the page has the sound"
    assert read_rig(page.with_suffix(".npz")).values.shape == (30, 174) and page.with_suffix(".wav").is_file()
    assert configured.assets() == before and configured.log.errors == [] and configured.undo_steps == []


def test_the_button_of_the_form_takes_its_values(configured: Any, tmp_path: Path) -> None:
    import medtalk_unreal

    medtalk_unreal.startup()
    sound = a_sound(configured, tmp_path, 0.5)
    rigs = []
    for mood in ("happy", "sad"):
        configured.state.urls.clear()
        form = open_form(configured, [sound], emotion=mood)
        configured.press(form, "preview")
        rigs.append(read_rig(shown(configured).with_suffix(".npz")).values)
    assert np.abs(rigs[0] - rigs[1]).max() > 1e-3
    assert configured.dialogs.messages == [] and configured.log.errors == []


def test_the_take_at_the_playhead(configured: Any, tmp_path: Path) -> None:
    import medtalk_unreal

    medtalk_unreal.startup()
    actor, sequence = configured.add_metahuman("mh4"), configured.new_sequence(60, "/Game/Shots/LS_Shot")
    for number, start in enumerate((0, 100)):
        sound = a_sound(configured, tmp_path, 0.5, f"line{number}")
        place = {"sequence": sequence, "actor": actor, "start_frame": start}
        write(configured, moving(30), name=f"line{number}", sound=sound, **place)
    configured.open(sequence)
    configured.state.position = 110.0
    configured.click(TOOLS, "MEDTalk.look")
    assert shown(configured).stem == "line1"


def test_the_take_at_the_playhead_of_a_sound_that_is_laid_twice(editor: Any, tmp_path: Path) -> None:
    from medtalk_unreal import preview

    actor, sequence = editor.add_metahuman("mh4"), editor.new_sequence(60, "/Game/Shots/LS_Shot")
    place = {"sequence": sequence, "actor": actor, "sound": a_sound(editor, tmp_path, 0.5), "replace": False}
    for seed, start in enumerate((0, 100)):
        write(editor, moving(30, seed), start_frame=start, **place)
    editor.open(sequence)
    for position, start in ((110.0, 100), (10.0, 0), (500.0, 0)):
        editor.state.position = position
        with editor.plugin_code():
            rig, heard = preview.take_at_playhead("/Game/Shots/LS_Shot")
        there = on_board(editor, sequence, 30, start=start)
        np.testing.assert_allclose(read_rig(rig).values, there, atol=1e-6)
        assert heard.is_file()


def test_without_sound_or_take_it_says_so(configured: Any) -> None:
    import medtalk_unreal

    medtalk_unreal.startup()
    configured.click(SOUNDS, "MEDTalk.preview")
    tick_until(configured, lambda: report(configured), "the line")
    assert report(configured) == ["No sound is selected. Select a SoundWave in the Content Browser."]
    configured.click(TOOLS, "MEDTalk.look")
    assert "No sequence is open." in configured.dialogs.messages[0][1]
