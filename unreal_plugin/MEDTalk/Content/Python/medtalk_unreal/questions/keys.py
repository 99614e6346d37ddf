"""Questions about keys: what a second one does, how long many take, whether they can be taken back."""

from __future__ import annotations

import time
from typing import Any

import unreal

from medtalk_unreal import compat, facerig
from medtalk_unreal.errors import PluginError
from medtalk_unreal.questions import Answer, Question
from medtalk_unreal.questions.scratch import JAW, again, jaw, key, keyed
from medtalk_unreal.ticks import Steps

KEYS, ARRAY_KEYS, MANY = 2000, 50, 20_000
"""Keys that are written to take the time. A key of the array setters may take a thousand times as long."""
_CONTROL = JAW.partition(".")[0]
_AT_ONCE = 500
_LONGEST = 60.0  # seconds for many keys, then what is there is the answer


def _add_key_twice(actor: str) -> Answer:
    face = keyed(actor, 0.25)[1]
    channel = jaw(face.section)
    before = channel.get_num_keys()
    key(channel, 0, 0.75)
    found = compat.keys(channel)
    return {"keys_before": before, "keys_after": len(found), "values": [one.get_value() for one in found]}


def _speed(actor: str) -> Answer:
    sequence, face = keyed(actor, 0.0)
    channel = jaw(face.section)
    start = time.perf_counter()
    for frame in range(KEYS):
        key(channel, 1000 * frame, 0.5)
    by_key = time.perf_counter() - start
    unreal.LevelSequenceEditorBlueprintLibrary.open_level_sequence(sequence)
    rig = facerig.live_rig(sequence, face)
    by_array = None
    if rig is not None:
        frames = [unreal.FrameNumber(1000 * frame) for frame in range(ARRAY_KEYS)]
        points = [unreal.Vector2D(0.0, 0.5)] * ARRAY_KEYS
        start = time.perf_counter()
        unreal.ControlRigSequencerLibrary.set_local_control_rig_vector2_ds(
            sequence, rig, _CONTROL, frames, points, compat.ticks()
        )
        by_array = 1e6 * (time.perf_counter() - start) / ARRAY_KEYS
    return {"microseconds_per_key_channels": 1e6 * by_key / KEYS, "microseconds_per_key_arrays": by_array}


def _many(actor: str, is_open: bool) -> Steps:
    """Steps that write many keys into one channel; a key may take the longer the more there are."""
    sequence = keyed(actor, 0.0)[0]
    path = sequence.get_path_name()
    library = unreal.LevelSequenceEditorBlueprintLibrary
    if is_open:
        library.open_level_sequence(sequence)
    else:
        library.close_level_sequence()
    del sequence
    seconds: list[float] = []  # of each part
    while not seconds or (len(seconds) * _AT_ONCE < MANY and sum(seconds) < _LONGEST):
        yield
        channel = jaw(again(path, actor)[1].section)
        first = len(seconds) * _AT_ONCE
        start = time.perf_counter()
        for frame in range(first, first + _AT_ONCE):
            key(channel, 1000 * (frame + 1), 0.5)
        seconds.append(time.perf_counter() - start)
        del channel
    parts = [1e6 * part / _AT_ONCE for part in seconds]
    return {
        "keys": len(seconds) * _AT_ONCE, "seconds_2000": sum(seconds[: KEYS // _AT_ONCE]), "seconds_all": sum(seconds),
        "microseconds_per_key_first": parts[0], "microseconds_per_key_last": parts[-1],
    }  # fmt: skip


def _undo(actor: str) -> Answer:
    sequence, face = keyed(actor, 0.25)
    before = jaw(face.section).get_num_keys()
    with unreal.ScopedEditorTransaction("MEDTalk self-test"):
        face.section.modify()
        key(jaw(face.section), 4000, 0.75)
    compat.undo()
    after = jaw(facerig.resolve(sequence, actor).section).get_num_keys()
    if after != before:
        raise PluginError("The console command TRANSACTION UNDO undoes nothing: a failed take leaves its keys.")
    return {"undone": True}


def _array_while_closed(actor: str) -> Answer:
    sequence, face = keyed(actor, 0.0)
    unreal.LevelSequenceEditorBlueprintLibrary.close_level_sequence()
    rig = facerig.rig_of(sequence, face.track) if face.track is not None else None
    if rig is None:
        return {"rig_found": False, "written": False}
    unreal.ControlRigSequencerLibrary.set_local_control_rig_vector2d(
        sequence, rig, _CONTROL, unreal.FrameNumber(0), unreal.Vector2D(0.0, 0.5), compat.ticks()
    )
    values: list[Any] = [one.get_value() for one in compat.keys(jaw(face.section))]
    return {"rig_found": True, "written": 0.5 in values}


QUESTIONS: dict[str, Question] = {
    "add_key_twice": ("What does a second add_key on a frame do?", _add_key_twice),
    "undo": ("Is what we take back taken back?", _undo),
    "speed": ("How long do channel keys and array setters take?", _speed),
    "many_keys_closed": ("Does a key take longer the more a channel has?", lambda actor: _many(actor, False)),
    "many_keys_open": ("And while the sequence is open in Sequencer?", lambda actor: _many(actor, True)),
    "closed_sequence": ("Do array setters write into a closed sequence?", _array_while_closed),
}
