"""The form of a request: what to generate, and where it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import unreal

from medtalk_unreal import choices, compat, details, dialogs, generate, presets, preview, reports, toast
from medtalk_unreal import settings as settings_file
from medtalk_unreal.choices import CHOSEN, FROM_THE_VOICE, IN_SEQUENCE, NO_PERSONA, NO_PRESET, NO_SEQUENCE, SELECTED
from medtalk_unreal.details import get
from medtalk_unreal.errors import PluginError
from medtalk_unreal.filling import fill, put, read, selected_faces, sounds_of, values
from medtalk_unreal.request import MORE, OF_ONCE, Request
from medtalk_unreal.take import CHOICES
from medtalk_unreal.work import Status
from medtalk_wire.settings import MAX_INTENSITY

TITLE = "MEDTalk Generate Face"
_STARTS = 100  # sequences whose last Start Frame is remembered
_IN_FACE = ("life", "lean")  # of the settings that have rows by themselves, those that are not for experts
_row = details.rows()


def _knobs(category: str, *names: str) -> dict[str, Any]:
    """The rows of settings of a take that need none of their own."""
    found = {}
    for knob in (each for each in MORE if each.name in names):
        clamp = dict(zip(("ClampMin", "ClampMax"), map("{:g}".format, knob.limits or ()), strict=False))
        meta = _row(category, choices.TITLES.get(knob.name, knob.name.replace("_", " ").title()), knob.help, **clamp)
        found[knob.name] = unreal.uproperty(knob.kind, meta=meta)
    return found


@unreal.uclass()
class MEDTalkGenerateForm(unreal.Object):
    """The form of a request. Its rows are shown in the order in which they stand here."""

    sounds = unreal.uproperty(unreal.Array(unreal.SoundWave), meta=_row("Sound", "Sounds", "Each becomes a take."))
    sound_start = unreal.uproperty(
        float, meta=_row("Sound", "From Second", "Where in the sound it begins.", ClampMin="0", Units="s")
    )
    sound_end = unreal.uproperty(
        float, meta=_row("Sound", "To Second", "Where in the sound it ends. 0: at its end.", ClampMin="0", Units="s")
    )
    emotion = unreal.uproperty(
        str,
        meta=_row("Mood", "Mood", "The emotion of the face.", GetOptions="emotion_choices"),
    )
    mood_intensity = unreal.uproperty(
        float,
        meta=_row(
            "Mood", "Mood Intensity", "1 is as strong as the voice, 0 shows no emotion.",
            ClampMin="0", ClampMax=f"{MAX_INTENSITY:g}", UIMax="2",
        ),
    )  # fmt: skip
    persona = unreal.uproperty(
        str,
        meta=_row(
            "Mood", "Persona", "How this character usually is. It leads the mood where that is From the voice.",
            GetOptions="persona_choices",
        ),
    )  # fmt: skip
    text = unreal.uproperty(
        str,
        meta=_row("Mood", "Text", "Instead of Mood: a sentence.", EditCondition="takes_text", EditConditionHides=""),
    )
    image = unreal.uproperty(
        unreal.FilePath,
        meta=_row(
            "Mood", "Picture", "Instead of Mood: a picture of a face, as PNG, JPEG or WEBP.",
            EditCondition="takes_image", EditConditionHides="", FilePathFilter="png;*.jpg;*.jpeg;*.webp",
            RelativeToGameDir="",
        ),
    )  # fmt: skip
    mixture = unreal.uproperty(
        str,
        meta=_row(
            "Mood", "Mixture",
            "Instead of Mood: several, such as happy:0.7,surprised:0.3. With a Text or Picture: mixed into it.",
        ),
    )  # fmt: skip
    marked_frames = unreal.uproperty(
        bool,
        meta=_row(
            "Mood", "Moods at Marked Frames",
            "Marked frames of the Level Sequence, labelled as angry or happy:0.5, set the mood up to the next one.",
        ),
    )  # fmt: skip
    moods_over_time = unreal.uproperty(
        str,
        meta=_row(
            "Mood", "Moods Over Time",
            "Moods in seconds of the sound, such as: 0-2 angry, 2-5 happy:0.7+sad:0.3, 5- sad",
        ),
    )  # fmt: skip
    target = unreal.uproperty(
        str, meta=_row("Target", "MetaHuman", "The MetaHuman to animate.", GetOptions="target_choices")
    )
    blueprint = unreal.uproperty(
        unreal.Blueprint,
        meta=_row("Target", "MetaHuman Blueprint", "Spawned in the sequence, in place of one in the level."),
    )
    camera = unreal.uproperty(bool, meta=_row("Target", "Camera", "Add a camera that frames the face."))
    sequence = unreal.uproperty(
        unreal.LevelSequence,
        meta=_row("Target", "Level Sequence", "Where the keys go. Leave empty to create a new one."),
    )
    start_frame = unreal.uproperty(
        int, meta=_row("Target", "Start Frame", "Where the first sound begins, in frames of the sequence.")
    )
    status = unreal.uproperty(
        str, meta=_row("Generate", "Status", "The current state.", EditCondition="false", MultiLine="true")
    )
    preset = unreal.uproperty(
        str,
        meta=_row("Preset", "Preset", "Values of this form under a name. Press Use.", GetOptions="preset_choices"),
    )
    preset_name = unreal.uproperty(
        str, meta=_row("Preset", "Save As", "The name to save under. Empty: that of the preset above.")
    )
    one_each = unreal.uproperty(
        bool, meta=_row("New Sequence", "One for Each Sound", "Off: all sounds one behind the other in the same.")
    )
    resume = unreal.uproperty(
        bool,
        meta=_row(
            "New Sequence", "Leave Finished",
            "With one for each sound, or Anim Sequences: save each as it is done, and leave those that are.",
        ),
    )  # fmt: skip
    sequence_name = unreal.uproperty(
        str, meta=_row("New Sequence", "Name", "{face} is the MetaHuman's name, {sound} the sound's.")
    )
    sequence_folder = unreal.uproperty(
        unreal.DirectoryPath,
        meta=_row("New Sequence", "Folder", "Where it is created. {folder} is the folder of the sound.", ContentDir=""),
    )
    frame_rate = unreal.uproperty(
        str, meta=_row("New Sequence", "Frame Rate", "Its display rate.", GetOptions="rate_choices")
    )
    process_mask = unreal.uproperty(
        str, meta=_row("Face", "Process Mask", "The part of the face that gets keys.", GetOptions="mask_choices")
    )
    blink = unreal.uproperty(bool, meta=_row("Face", "Blink", "Blinks in the pauses of the speech."))
    gaze = unreal.uproperty(bool, meta=_row("Face", "Gaze", "Small movements of the eyes."))
    head = unreal.uproperty(
        str,
        meta=_row(
            "Face", "Head Movement", "What turns the head. In an Anim Sequence: curves.", GetOptions="head_choices"
        ),
    )
    vars().update(_knobs("Face", *_IN_FACE))
    layers = unreal.uproperty(
        str,
        meta=_row(
            "Keys", "Emotion Layer",
            "The emotion in a section of its own, whose Weight in Sequencer is how strong it is.",
            GetOptions="layer_choices",
        ),
    )  # fmt: skip
    replace = unreal.uproperty(
        bool, meta=_row("Keys", "Replace Take", "Replace an earlier take of the sound instead of adding one.")
    )
    hand_edits = unreal.uproperty(
        str,
        meta=_row(
            "Keys", "Hand Edits", "What becomes of your changes to a take that is replaced.",
            GetOptions="edit_choices",
        ),
    )  # fmt: skip
    mute_animation = unreal.uproperty(
        bool,
        meta=_row("Keys", "Mute Animation", "Make other animation of the face inactive where the take lies."),
    )
    tolerance = unreal.uproperty(
        float,
        meta=_row(
            "Keys", "Key Reduction", "Keys that change the animation by less are left out. 0 keeps all.",
            ClampMin="0", ClampMax="0.5",
        ),
    )  # fmt: skip
    frame_step = unreal.uproperty(
        int,
        meta=_row("Keys", "Frame Step", "1 sets a key on every frame, 2 on every second frame.", ClampMin="1"),
    )
    face_mesh = unreal.uproperty(
        unreal.SkeletalMesh,
        meta=_row("Advanced", "Face Mesh", "Which skeleton an Anim Sequence is for. Ignored otherwise."),
    )
    sound_channel = unreal.uproperty(
        str,
        meta=_row("Advanced", "Stereo Channel", "What is heard of a stereo sound.", GetOptions="channel_choices"),
    )
    vars().update(_knobs("Advanced", *(knob.name for knob in MORE if knob.name not in _IN_FACE)))
    writer = unreal.uproperty(
        str, meta=_row("Advanced", "Writer", "How keys are written.", GetOptions="writer_choices")
    )
    actor = unreal.uproperty(str, meta={"EditCondition": "false", "EditConditionHides": ""})
    found = unreal.uproperty(str, meta={"EditCondition": "false", "EditConditionHides": ""})
    takes_text = unreal.uproperty(bool, meta={"EditCondition": "false", "EditConditionHides": ""})
    takes_image = unreal.uproperty(bool, meta={"EditCondition": "false", "EditConditionHides": ""})

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def emotion_choices(self):
        return [FROM_THE_VOICE, *settings_file.load().labels]

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def persona_choices(self):
        return [NO_PERSONA, *settings_file.load().personas]

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def target_choices(self):
        return [*([CHOSEN] if get(self, "actor") else []), SELECTED, IN_SEQUENCE, NO_SEQUENCE]

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def mask_choices(self):
        regions = settings_file.load().regions
        return [name for name, region in choices.MASKS.items() if region in regions]

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def writer_choices(self):
        return [name for name, writer in choices.WRITERS.items() if writer in CHOICES["writer"]]

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def channel_choices(self):
        return list(choices.CHANNELS)

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def rate_choices(self):
        return list(choices.RATES)

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def edit_choices(self):
        return list(choices.HAND_EDITS)

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def layer_choices(self):
        return list(choices.LAYERS)

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def head_choices(self):
        return list(choices.HEADS)

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def preset_choices(self):
        return [NO_PRESET, *presets.load().saved]

    @unreal.ufunction(meta=_row("Generate", "Generate", "Create the takes.", CallInEditor="true"))
    def generate(self):
        dialogs.guarded(lambda: _press(self))

    @unreal.ufunction(
        meta=_row("Generate", "Cancel", "Stop. Takes that are already written stay.", CallInEditor="true")
    )
    def cancel(self):
        details.later(False)
        generate.cancel()

    @unreal.ufunction(
        meta=_row("Generate", "Preview", "The first sound on a head in the browser. Nothing is written.",
                  CallInEditor="true")
    )  # fmt: skip
    def preview(self):
        dialogs.guarded(lambda: show_preview(self))

    @unreal.ufunction(meta=_row("Preset", "Use", "Put the values of the preset into the form.", CallInEditor="true"))
    def use_preset(self):
        dialogs.guarded(lambda: _use(self))

    @unreal.ufunction(meta=_row("Preset", "Save", "Save the values of the form as a preset.", CallInEditor="true"))
    def save_preset(self):
        dialogs.guarded(lambda: _save(self))

    @unreal.ufunction(meta=_row("Preset", "Delete", "Forget the preset.", CallInEditor="true"))
    def delete_preset(self):
        dialogs.guarded(lambda: _delete(self))


def open_generate(sounds: Sequence[str] = (), note: str = "Ready.", **more: Any) -> None:
    """Show the form with these sounds (asset paths) and `more` of a request: a tab, or a dialog where there are no
    tabs."""
    details.present(filled(sounds, note, **more), TITLE, submit)


def _press(form: Any) -> None:
    """The button Generate."""
    read(form)  # what is wrong with it is said now
    if details.later(True):
        form.set_editor_property("status", "It begins when this window closes.")
    else:
        submit(form)


def show_preview(form: Any) -> None:
    """Show the first sound of a form on a head in the browser, wherever the keys would go."""
    request = replace(values(form), sounds=sounds_of(form)[:1])
    reports.follow(lambda tell: preview.of_sound(request, tell))


def again(sounds: Sequence[str], target: str = "", **more: Any) -> None:
    """Begin with the values that the form would show, and `more` of a request. target: another than its own.

    Raises `PluginError` if it cannot be done.
    """
    form = filled(sounds)
    if target:
        form.set_editor_property("target", target)
    request = read(form)
    start(replace(request, **more), request)


def submit(form: Any) -> None:
    """The action of the button Generate. Raises `PluginError` if it cannot be done."""
    request = read(form)
    start(request)
    if request.actor:
        actor = unreal.find_object(None, request.actor)
        if isinstance(actor, unreal.Actor):
            name = get(form, "preset")
            presets.remember(actor.get_actor_label(), "" if name == NO_PRESET else name)


def start(request: Request, shown: Request | None = None) -> None:
    """Begin a request, whose status the form and a notification show. Raises `PluginError` if it cannot be done.

    shown: the values of the form, to be remembered, where the request has others that only one menu entry asks for.
    """
    settings = settings_file.load()
    generate.start(request, toast.watching(show, generate.cancel, settings.progress), settings)
    starts = settings.starts
    if request.sequence:
        starts = {**starts, request.sequence: request.start_frame}
    kept = dict([*starts.items()][-_STARTS:])
    settings_file.save(replace(settings, form=(shown or request).to_remember(), starts=kept))


def filled(sounds: Sequence[str], note: str = "Ready.", **more: Any) -> Any:
    """A form as it was last used, or as the preset of the selected actor says."""
    settings, kept = settings_file.load(), presets.load()
    request, name = Request.remembered(settings), ""
    faces = selected_faces()
    if len(faces) == 1 and (name := kept.of_actor(faces[0].get_actor_label())):
        try:
            request = kept.request(name, settings)
        except PluginError as error:
            name, note = "", str(error)
    current = compat.focused_sequence()
    if current is not None and not more.get("sequence"):  # so that a take is generated again where it was
        start = settings.starts.get(current.get_path_name(), 0)
        more = {"start_frame": start if isinstance(start, int) else 0, **more}
    form = details.make(MEDTalkGenerateForm, TITLE)
    fill(form, replace(request, **{"sounds": tuple(sounds), **more}), settings)
    form.set_editor_properties({"preset": name or NO_PRESET, "status": note})
    return form


def _use(form: Any) -> None:
    settings, name = settings_file.load(), get(form, "preset")
    if name == NO_PRESET:
        raise PluginError("No preset is chosen.", "Choose one in Preset.")
    request, shown = presets.load().request(name, settings), values(form)
    put(form, replace(request, **{once: getattr(shown, once) for once in OF_ONCE}))
    form.set_editor_property("status", f"The form now has the values of the preset {name}.")


def _save(form: Any) -> None:
    chosen = get(form, "preset")
    name = get(form, "preset_name").strip() or ("" if chosen == NO_PRESET else chosen)
    presets.save(name, values(form))
    form.set_editor_properties({"preset": name, "preset_name": "", "status": f"The preset {name} is saved."})


def _delete(form: Any) -> None:
    name = get(form, "preset")
    presets.delete(name)
    form.set_editor_properties({"preset": NO_PRESET, "status": f"The preset {name} is deleted."})


def show(status: Status) -> None:
    """Put a status into the form, if it is still there."""
    form = details.opened(MEDTalkGenerateForm)
    if form is not None and get(form, "status") != status.text:
        form.set_editor_property("status", status.text)
