"""The form of the live preview: what is streamed, how Live Link takes it, and what becomes of a recording."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import unreal

from medtalk_unreal import (
    choices,
    compat,
    details,
    dialogs,
    generate,
    interpreter,
    livelink,
    livetake,
    ticks,
    toast,
)
from medtalk_unreal import settings as settings_file
from medtalk_unreal.choices import IN_SEQUENCE, NO_PERSONA, OWN_MOOD, SELECTED, SYSTEM_MICROPHONE
from medtalk_unreal.details import get, key, path
from medtalk_unreal.errors import PluginError
from medtalk_unreal.filling import selected_face, selected_faces
from medtalk_unreal.liveorder import LOOK_AHEAD, PORTS, LiveOrder, devices_in
from medtalk_unreal.livestream import Recorded, Streaming, the_stream
from medtalk_unreal.take import TakeReport
from medtalk_unreal.work import Status
from medtalk_wire.settings import MAX_INTENSITY

TITLE = "MEDTalk Live Preview"
_COMBOS = {"head": choices.HEADS, "process_mask": choices.MASKS}
_PLAIN = ("look_ahead", "mood_intensity", "port", "start_frame", "import_sound", "tolerance")
_TEXTS = ("text", "subject", "host", "take_name")
_FOLDERS = ("sequence_folder", "sound_folder")
_HIDDEN = {"EditCondition": "false", "EditConditionHides": ""}
_row = details.rows()

_pending: dict[str, LiveOrder] = {}  # rig file of a recording -> what becomes of it


@unreal.uclass()
class MEDTalkLiveForm(unreal.Object):
    """The form of an order. Its rows are shown in the order in which they stand here."""

    microphone = unreal.uproperty(
        str, meta=_row("Voice", "Microphone", "What is heard. Read at Start.", GetOptions="microphone_choices")
    )
    sound = unreal.uproperty(
        unreal.FilePath,
        meta=_row(
            "Voice", "Sound File", "Instead of the microphone: a recording, to try it all out.",
            FilePathFilter="wav;*.flac;*.ogg", RelativeToGameDir="",
        ),
    )  # fmt: skip
    look_ahead = unreal.uproperty(
        float,
        meta=_row(
            "Voice", "Look-Ahead",
            "How much sound a frame waits for. Below 0.04 closed lips are mostly missed. Read at Start.",
            ClampMin=f"{LOOK_AHEAD[0]:g}", ClampMax=f"{LOOK_AHEAD[1]:g}", Units="s",
        ),
    )  # fmt: skip
    emotion = unreal.uproperty(
        str, meta=_row("Mood", "Mood", "The emotion of the face. It may change at any time.",
                       GetOptions="emotion_choices")
    )  # fmt: skip
    mood_intensity = unreal.uproperty(
        float,
        meta=_row(
            "Mood", "Mood Intensity", "1 is as strong as the voice, 0 shows no emotion. It may change at any time.",
            ClampMin="0", ClampMax=f"{MAX_INTENSITY:g}", UIMax="2",
        ),
    )  # fmt: skip
    text = unreal.uproperty(
        str, meta=_row("Mood", "Text", "Instead of Mood: a sentence.", EditCondition="takes_text",
                       EditConditionHides="")
    )  # fmt: skip
    persona = unreal.uproperty(
        str, meta=_row("Mood", "Persona", "How this character usually is. Read at Start.", GetOptions="persona_choices")
    )
    status = unreal.uproperty(
        str, meta=_row("Live", "Status", "The current state.", EditCondition="false", MultiLine="true")
    )
    subject = unreal.uproperty(str, meta=_row("Live Link", "Subject", "The name in Live Link. Read at Start."))
    host = unreal.uproperty(str, meta=_row("Live Link", "Host", "The machine whose Live Link listens."))
    port = unreal.uproperty(
        int, meta=_row("Live Link", "Port", "That of the source in Live Link.", ClampMin=f"{PORTS[0]}",
                       ClampMax=f"{PORTS[1]}")
    )  # fmt: skip
    steps = unreal.uproperty(
        str,
        meta=_row("Live Link", "Steps", "What is done and what is left.", EditCondition="false", MultiLine="true"),
    )
    target = unreal.uproperty(
        str, meta=_row("Recording", "MetaHuman", "Who gets the keys of a recording.", GetOptions="target_choices")
    )
    sequence = unreal.uproperty(
        unreal.LevelSequence,
        meta=_row("Recording", "Level Sequence", "Where the keys go. Leave empty to create a new one."),
    )
    start_frame = unreal.uproperty(
        int, meta=_row("Recording", "Start Frame", "Where the take begins, in frames of the sequence.")
    )
    take_name = unreal.uproperty(str, meta=_row("Recording", "Take", "Its name; each recording gets the next number."))
    sequence_folder = unreal.uproperty(
        unreal.DirectoryPath, meta=_row("Recording", "Folder", "Where new sequences are created.", ContentDir="")
    )
    import_sound = unreal.uproperty(
        bool, meta=_row("Recording", "Import Sound", "Import what was heard, and lay it beside the keys.")
    )
    sound_folder = unreal.uproperty(
        unreal.DirectoryPath, meta=_row("Recording", "Sounds", "Where it is imported to.", ContentDir="")
    )
    head = unreal.uproperty(
        str, meta=_row("Recording", "Head Movement", "What turns the head in the take.", GetOptions="head_choices")
    )
    process_mask = unreal.uproperty(
        str, meta=_row("Recording", "Process Mask", "The part of the face that gets keys.", GetOptions="mask_choices")
    )
    tolerance = unreal.uproperty(
        float,
        meta=_row(
            "Recording", "Key Reduction", "Keys that change the animation by less are left out. 0 keeps all.",
            ClampMin="0", ClampMax="0.5",
        ),
    )  # fmt: skip
    recording = unreal.uproperty(
        unreal.FilePath,
        meta=_row(
            "Recording", "File", "A recording that is no take yet: press Write Take.", FilePathFilter="npz",
            RelativeToGameDir="",
        ),
    )  # fmt: skip
    written = unreal.uproperty(
        str, meta=_row("Recording", "Written", "What became of it.", EditCondition="false", MultiLine="true")
    )
    takes_text = unreal.uproperty(bool, meta=_HIDDEN)
    action = unreal.uproperty(str, meta=_HIDDEN)

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def microphone_choices(self):
        return [SYSTEM_MICROPHONE, *settings_file.load().microphones]

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def emotion_choices(self):
        return [OWN_MOOD, *settings_file.load().labels]

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def persona_choices(self):
        return [NO_PERSONA, *settings_file.load().personas]

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def target_choices(self):
        return [SELECTED, IN_SEQUENCE]

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def head_choices(self):
        return list(choices.HEADS)

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def mask_choices(self):
        return list(choices.MASKS)

    @unreal.ufunction(meta=_row("Live", "Start", "Listen, and send the face to Live Link.", CallInEditor="true"))
    def start(self):
        _press(self, "start")

    @unreal.ufunction(meta=_row("Live", "Stop", "End it. What is being recorded is kept.", CallInEditor="true"))
    def stop(self):
        _press(self, "stop")

    @unreal.ufunction(meta=_row("Live", "Record", "Record face and voice from now on.", CallInEditor="true"))
    def record(self):
        _press(self, "record")

    @unreal.ufunction(
        meta=_row("Live", "Stop Recording", "Write what was recorded as a take. It stays live.", CallInEditor="true")
    )
    def stop_recording(self):
        _press(self, "stop_recording")

    @unreal.ufunction(meta=_row("Live Link", "Check", "Look what is done and what is left.", CallInEditor="true"))
    def check(self):
        dialogs.guarded(lambda: _show_steps(self))

    @unreal.ufunction(
        meta=_row("Live Link", "Set Up MetaHuman", "Let the selected one listen to the subject.", CallInEditor="true")
    )
    def set_up(self):
        dialogs.guarded(lambda: _set_up(self))

    @unreal.ufunction(meta=_row("Recording", "Write Take", "Write the file as a take.", CallInEditor="true"))
    def write(self):
        _press(self, "write")


def open_live() -> None:
    """Show the form: a tab, or a dialog where there are no tabs. What is streamed goes on."""
    form = filled()
    _find_microphones()
    details.present(form, TITLE, submit)


def submit(form: Any) -> None:
    """Do what was pressed in a form: Start, where it was shown as a dialog and nothing was. Raises `PluginError`."""
    _ACTIONS[get(form, "action") or "start"](form)


def filled() -> Any:
    """A form as it was last used, with the state of what is streamed, and a recording that is no take yet."""
    settings = settings_file.load()
    order, current, faces = LiveOrder.remembered(settings), compat.focused_sequence(), selected_faces()
    rigs = livetake.left(the_stream.state.recording)
    known = [SYSTEM_MICROPHONE, *settings.microphones]
    form = details.make(MEDTalkLiveForm, TITLE)
    form.set_editor_properties(
        {
            **{name: getattr(order, name) for name in (*_PLAIN, *_TEXTS)},
            **{name: key(table, getattr(order, name)) for name, table in _COMBOS.items()},
            **{name: unreal.DirectoryPath(getattr(order, name)) for name in _FOLDERS},
            "microphone": order.microphone if order.microphone in known else SYSTEM_MICROPHONE,
            "sound": unreal.FilePath(order.sound),
            "emotion": order.emotion or OWN_MOOD,
            "persona": order.persona or NO_PERSONA,
            "target": SELECTED if faces or current is None else IN_SEQUENCE,
            "sequence": current,
            "start_frame": 0,
            "takes_text": "text" in settings.guidance,
            "recording": unreal.FilePath(rigs[-1].as_posix() if rigs else ""),
            "written": f"{rigs[-1].stem} is no take yet. Press Write Take." if rigs else "",
            "status": the_stream.state.text,
        }
    )
    _show_steps(form)
    return form


def read(form: Any) -> LiveOrder:
    """The order in a form, without the MetaHuman of a recording: that is asked for only when there is one."""
    sequence, microphone = get(form, "sequence"), get(form, "microphone")
    usual = LiveOrder()
    return LiveOrder(
        microphone="" if microphone == SYSTEM_MICROPHONE else microphone,
        sound=path(form, "sound", "file_path"),
        emotion="" if get(form, "emotion") == OWN_MOOD else get(form, "emotion"),
        persona="" if get(form, "persona") == NO_PERSONA else get(form, "persona"),
        text=get(form, "text").strip() if get(form, "takes_text") else "",
        sequence=sequence.get_path_name() if sequence is not None else "",
        **{name: get(form, name).strip() or getattr(usual, name) for name in _TEXTS if name != "text"},
        **{name: get(form, name).path.strip() or getattr(usual, name) for name in _FOLDERS},
        **{name: table.get(get(form, name), getattr(usual, name)) for name, table in _COMBOS.items()},
        **{name: get(form, name) for name in _PLAIN},
    )


# --- the buttons


def _press(form: Any, action: str) -> None:
    """A button: it acts now, or after the dialog that shows the form, behind which nothing of ours ticks."""

    def act() -> None:
        form.set_editor_property("action", action)
        if details.later(True):
            form.set_editor_property("status", "It begins when this window closes.")
        else:
            submit(form)

    dialogs.guarded(act)


def _start(form: Any) -> None:
    settings, order = settings_file.load(), read(form)
    the_stream.watch, the_stream.recorded, the_stream.missed = show, _recorded, _missed
    the_stream.start(order.led(settings), _mood)
    settings_file.save(replace(settings, live=order.to_remember()))


def _record(form: Any) -> None:
    if the_stream.state.phase != "live":
        raise PluginError("Nothing is streamed.", "Press Start, and wait until it listens.")
    order = _for_take(form)
    file = livetake.begin(order)
    try:
        the_stream.record(file)
    except PluginError:
        livetake.drop(file)
        raise
    _pending[file.as_posix()] = order
    _show({"written": f"Recording {file.stem}."})
    settings_file.save(replace(settings_file.load(), live=order.to_remember()))


def _write(form: Any) -> None:
    file = path(form, "recording", "file_path")
    if not file:
        raise PluginError("No recording is chosen.", "Press Record while it is live, or choose a file.")
    livetake.write(Path(file), _for_take(form), _watching())


def _for_take(form: Any) -> LiveOrder:
    """The order in a form, with the MetaHuman of a recording. Raises `PluginError` if it is not clear who is meant."""
    order = read(form)
    actor = ""
    if get(form, "target") == SELECTED:
        actor = selected_face(f"Select the one that gets the keys, or set MetaHuman to: {IN_SEQUENCE}.")
    elif not order.sequence:
        raise PluginError("No Level Sequence is chosen.", f"Choose one, or set MetaHuman to: {SELECTED}.")
    return replace(order, actor=actor)


_ACTIONS: dict[str, Callable[[Any], None]] = {
    "start": _start,
    "stop": lambda form: the_stream.stop(),
    "record": _record,
    "stop_recording": lambda form: the_stream.stop_recording(),
    "write": _write,
}


def _set_up(form: Any) -> None:
    said = livelink.set_up(read(form).subject)
    unreal.log(f"MEDTalk: {said}")
    _show_steps(form)


# --- what the stream tells


def _mood() -> dict[str, Any] | None:
    """The guidance in the form, None where it was closed, or holds none that can be shown."""
    form = details.opened(MEDTalkLiveForm)
    if form is None:
        return None
    order = read(form)
    try:
        order.check_guidance()
    except PluginError:
        return None
    return order.led(settings_file.load()).guidance


def show(state: Streaming) -> None:
    """Put the state of the stream into the form, if it is still there; its end is a notification, too."""
    form = details.opened(MEDTalkLiveForm)
    if form is not None:
        _put(form, {"status": state.text})
        _show_steps(form)
    if state.phase == "failed":
        toast.note(state.text, good=False)
        _find_microphones()  # that one may be gone


def _recorded(recorded: Recorded) -> None:
    """A recording is written: it becomes a take."""
    order = _pending.pop(recorded.rig.as_posix(), None)
    if order is None:
        return
    _show({"recording": unreal.FilePath(recorded.rig.as_posix())})
    try:
        livetake.write(recorded.rig, order, _watching())
    except PluginError as error:
        unreal.log_error(f"MEDTalk: {error}")
        _show({"written": f"{error} The recording stays: {recorded.rig}. {livetake.AGAIN}"})


def _missed(file: str, why: str) -> None:
    """A recording came to nothing."""
    _pending.pop(file, None)
    rig = Path(file)
    livetake.drop(rig)
    there = f" What was heard of it is {rig}." if rig.is_file() else ""
    _show({"written": f"{rig.stem} was not recorded: {why}{there}"})


def _watching() -> Callable[[Status], None]:
    def watch(status: Status) -> None:
        _show({"written": status.text})
        form = details.opened(MEDTalkLiveForm)
        if form is not None and status.state == "done":
            form.set_editor_property("recording", unreal.FilePath(""))
            report = status.reports[-1]
            if get(form, "sequence") is not None and isinstance(report, TakeReport):
                form.set_editor_property("start_frame", report.next_frame)  # the next one lies behind it

    return toast.watching(watch, generate.cancel, settings_file.load().progress)


def _show(values: dict[str, Any]) -> None:
    form = details.opened(MEDTalkLiveForm)
    if form is not None:
        _put(form, values)


def _put(form: Any, values: dict[str, Any]) -> None:
    """Set what is new: a details view is drawn again for each value."""
    for name, value in values.items():
        if not isinstance(value, str) or get(form, name) != value:
            form.set_editor_property(name, value)


def _show_steps(form: Any) -> None:
    order = read(form)
    lines = livelink.steps(order.subject, order.port, the_stream.state.phase == "live")
    _put(form, {"steps": "\n".join(lines)})


# --- the microphones


def _find_microphones() -> None:
    """Ask the Python of MEDTalk for the microphones, in the tick; without one the list stays as it is."""

    def steps() -> ticks.Steps:
        settings = settings_file.load()
        words = ["-m", "medtalk", "live", "--devices", "--json"]
        line = yield from interpreter.ask(interpreter.find(settings), words, "microphones.log")
        return devices_in(line)

    def ended(task: ticks.Task) -> None:
        settings = settings_file.load()
        if task.error is not None:
            unreal.log_warning(f"MEDTalk: the microphones could not be listed: {task.error}")
        elif task.result != settings.microphones:
            settings_file.save(replace(settings, microphones=task.result))

    ticks.begin(steps(), ended)
