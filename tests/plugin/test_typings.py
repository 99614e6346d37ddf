"""pyright knows what Unreal has: without it, "0 errors" over the plugin would say nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.plugin.typings import lay_typings

# Every line that is marked is wrong.
CODE = """
import unreal


def all_that_can_be_wrong(section: unreal.MovieSceneSection, sequence: unreal.LevelSequence) -> None:
    section.get_start_frames()                                                  # wrong: no such method
    section.get_start_frame(3)                                                  # wrong: takes nothing
    sequence.get_bindings()[0].get_nonsense()                                   # wrong: no such method
    unreal.MovieSceneTimeUnit.TICKS                                             # wrong: no such member
    unreal.EditorDialog.show_message("title")                                   # wrong: too little
    unreal.MoviePipelineQueueSubsystem()                                        # wrong: not in every editor
    sequence.set_playback_start("0")                                            # wrong: not a number
    for binding in sequence.get_bindings():
        binding.find_tracks_by_type(unreal.MovieSceneAudioTrack.static_class())
    unreal.log(f"{section.get_start_frame() + 1}")


def what_unreal_converts(channel: unreal.MovieSceneScriptingFloatChannel, rig: unreal.ControlRig) -> None:
    channel.add_key(3, 0.5)                                                     # wrong: no FrameNumber
    channel.add_key(unreal.FrameNumber(3), 0.5, 0.0, unreal.MovieSceneTimeUnit.TICK_RESOLUTION)
    unreal.ToolMenus.get().extend_menu("LevelEditor.MainMenu.Tools").add_section("MEDTalk", "MEDTalk")
    unreal.EditorUtilityLibrary.get_selected_assets_of_class(unreal.SoundWave)
    frames, sequence = [unreal.FrameNumber(3)], unreal.LevelSequence()
    unreal.ControlRigSequencerLibrary.set_local_control_rig_floats(sequence, rig, "CTRL_C_jaw", frames, [0.5])
    unreal.ControlRigSequencerLibrary.set_local_control_rig_floats(sequence, rig, "CTRL_C_jaw", [3], [0.5])  # wrong
    rig.get_editor_property("anything").goes
"""


def test_pyright_sees_what_unreal_has_not(tmp_path: Path) -> None:
    lay_typings(tmp_path / "typings")
    (tmp_path / "code.py").write_text(CODE, "utf-8")
    settings = {"include": ["code.py"], "stubPath": "typings", "pythonVersion": "3.11", "typeCheckingMode": "basic"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), "utf-8")
    words = [Path(sys.executable).with_name("pyright"), "--pythonpath", sys.executable, "--outputjson"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    found = json.loads(done.stdout)["generalDiagnostics"]
    wrong = [number for number, line in enumerate(CODE.splitlines()) if re.search("# wrong", line)]
    assert {entry["range"]["start"]["line"] for entry in found} == set(wrong), found
