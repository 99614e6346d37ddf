"""Questions about AnimSequences: what Unreal records, what it takes back, and who wins over whom."""

from __future__ import annotations

import time

import unreal

from medtalk_unreal import compat, facerig
from medtalk_unreal.questions import Answer, Question
from medtalk_unreal.questions.scratch import JAW_CURVE, SkippedError, asset, keyed, needed, sequence, shown
from medtalk_unreal.ticks import Steps

_LOW, _HIGH = 0.1, 0.9  # of the jaw: of the animation, of the board


def _exported(actor: str, value: float = 0.5) -> tuple[bool, unreal.AnimSequence]:
    """What Unreal records of a face with an open jaw in 30 frames, and whether it says that it did."""
    made, face = keyed(actor, value)
    made.set_playback_start(0)
    made.set_playback_end(30)
    factory = unreal.AnimSequenceFactory()
    factory.set_editor_property("target_skeleton", face.in_level[2].get_editor_property("skeleton"))
    animation = asset(unreal.AnimSequence, factory)
    options = unreal.AnimSeqExportOption()
    options.set_editor_property("evaluate_all_skeletal_mesh_components", True)
    assert face.binding is not None
    done = unreal.SequencerTools.export_anim_sequence(compat.world(), made, animation, options, face.binding, False)
    return done, animation


def _export(actor: str) -> Answer:
    done, animation = _exported(actor)
    library = unreal.AnimationLibrary
    names = [str(name) for name in library.get_animation_curve_names(animation, unreal.RawCurveTrackTypes.RCT_FLOAT)]
    value = library.get_float_value_at_time(animation, JAW_CURVE, 0.0) if JAW_CURVE in names else None
    return {"done": done, "curves": len(names), "jaw": value, "names": names[:400]}


def _load_animation(actor: str) -> Answer:
    """A third way to keys, for the time it takes: what was recorded, solved back onto the board."""
    _, animation = _exported(actor)
    made = sequence()
    compat.show(made)
    face = facerig.make(made, facerig.resolve(None, actor))
    start = time.perf_counter()
    done = unreal.ControlRigSequencerLibrary.load_anim_sequence_into_control_rig_section(
        face.section, animation, face.in_level[1], unreal.FrameNumber(0)
    )
    seconds = time.perf_counter() - start
    keys = sum(channel.get_num_keys() for channel in facerig.section_channels(face.section).values())
    return {"done": done, "keys": keys, "microseconds_per_key": 1e6 * seconds / keys if keys else None}


def _who_wins(actor: str) -> Steps:
    """Steps to whether an animation on the face or the board moves it, where both are in the sequence."""
    done, animation = _exported(needed(actor), _LOW)
    if not done:
        raise SkippedError("Unreal records no animation here.")
    made, face = keyed(actor, _HIGH)
    path = made.get_path_name()
    assert face.binding is not None
    section = face.binding.add_track(unreal.MovieSceneSkeletalAnimationTrack).add_section()
    params = section.get_editor_property("params")
    params.set_editor_property("animation", animation)
    section.set_editor_property("params", params)
    section.set_range(0, 30)
    low = unreal.AnimationLibrary.get_float_value_at_time(animation, JAW_CURVE, 0.0)
    del made, face, section, params, animation
    value = yield from shown(path, actor)
    if not value:
        raise SkippedError(f"{JAW_CURVE} is {value}: is the face animated in this editor?", "Not so without a screen.")
    return {"shown": value, "animation": low, "wins": "animation" if abs(value - low) < 0.02 else "board"}


QUESTIONS: dict[str, Question] = {
    "export": ("Which curves does an export to AnimSequence write?", _export),
    "load_animation": ("How long does an AnimSequence take onto the board?", _load_animation),
    "animation_wins": ("Does an animation on the face win over the board?", _who_wins),
}
