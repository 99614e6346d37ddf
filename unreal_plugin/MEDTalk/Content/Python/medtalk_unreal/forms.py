"""The two forms, as details views of classes of ours: what to generate, and the settings.

Epic's own words are used where there are such: mood, mood intensity, process mask. Details views show the properties of
a Python class in reverse; DisplayPriority puts them in order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import unreal

from medtalk_unreal import compat, dialogs, facerig, generate
from medtalk_unreal import settings as settings_file
from medtalk_unreal.errors import PluginError
from medtalk_unreal.generate import Status
from medtalk_unreal.request import MORE, Request
from medtalk_unreal.settings import PluginSettings
from medtalk_unreal.take import CHOICES
from medtalk_wire.settings import AUTO, MAX_INTENSITY

SELECTED, IN_SEQUENCE, NO_SEQUENCE = "Selected actor", "The one in the sequence", "None: an Anim Sequence"
FROM_THE_VOICE = "From the voice"
MASKS = {"Full Face": "full", "Mouth Only": "mouth", "Upper Face": "upper"}
WRITERS = {"Channel keys": "channels", "Array setters": "arrays", "CSV import": "import"}
LAYERS = {"One section": "one", "Emotion as a layer": "emotion"}
HAND_EDITS = {"Keep as an offset": "offset", "Keep as they are": "replace", "Drop": "drop"}
HEADS = {"Off": "off", "Head of the face board": "control", "Head of the body's rig": "body"}
RATES = {"Project's": "project"} | {f"{rate} fps": rate for rate in CHOICES["frame_rate"] if rate != "project"}
CHANNELS = {"Both, mixed": "mix", "Left": "left", "Right": "right"}
NO_PERSONA = "None"
GENERATE_TITLE, SETTINGS_TITLE = "Generate Face Animation (MEDTalk)", "MEDTalk Settings"
_WIDTH, _HEIGHT = 560, 640

_open: dict[str, str] = {}  # class of a form -> path name of the one that was opened last


def _meta(category: str, name: str, priority: int, tip: str, **more: str) -> dict[str, str]:
    return {"Category": category, "DisplayName": name, "DisplayPriority": str(priority), "ToolTip": tip, **more}


@unreal.uclass()
class MEDTalkGenerateForm(unreal.Object):
    """The form of a request."""

    sounds = unreal.uproperty(
        unreal.Array(unreal.SoundWave),
        meta=_meta("1 Sound", "Sounds", 1, "Each becomes a take, one after the other."),
    )
    sound_channel = unreal.uproperty(
        str,
        meta=_meta("1 Sound", "Stereo Channel", 2, "What is heard of a stereo sound.", GetOptions="channel_choices"),
    )
    persona = unreal.uproperty(
        str,
        meta=_meta(
            "2 Mood", "Persona", 7, "How this character usually is. It gives the mood, and what else is left as it is.",
            GetOptions="persona_choices",
        ),
    )  # fmt: skip
    emotion = unreal.uproperty(
        str, meta=_meta("2 Mood", "Mood", 1, "The emotion of the voice.", GetOptions="emotion_choices")
    )
    mixture = unreal.uproperty(
        str,
        meta=_meta(
            "2 Mood", "Mixture", 2,
            "Instead of Mood: several, such as happy:0.7,surprised:0.3. With a Text or Picture: mixed into it.",
        ),
    )  # fmt: skip
    text = unreal.uproperty(
        str,
        meta=_meta(
            "2 Mood", "Text", 3, "Instead of Mood: a sentence.", EditCondition="takes_text", EditConditionHides=""
        ),
    )
    image = unreal.uproperty(
        unreal.FilePath,
        meta=_meta(
            "2 Mood", "Picture", 4, "Instead of Mood: a picture of a face, as PNG, JPEG or WEBP.",
            EditCondition="takes_image", EditConditionHides="", FilePathFilter="png;*.jpg;*.jpeg;*.webp",
            RelativeToGameDir="",
        ),
    )  # fmt: skip
    mood_intensity = unreal.uproperty(
        float,
        meta=_meta(
            "2 Mood", "Mood Intensity", 5, "1 is as strong as the voice, 0 shows no emotion.",
            ClampMin="0", ClampMax=f"{MAX_INTENSITY:g}", UIMax="2",
        ),
    )  # fmt: skip
    marked_frames = unreal.uproperty(
        bool,
        meta=_meta(
            "2 Mood", "Moods at Marked Frames", 6,
            "Marked frames of the Level Sequence, labelled as angry or happy:0.5, set the mood up to the next one.",
        ),
    )  # fmt: skip
    target = unreal.uproperty(
        str,
        meta=_meta("3 Target", "Target MetaHuman", 1, "The MetaHuman to animate.", GetOptions="target_choices"),
    )
    sequence = unreal.uproperty(
        unreal.LevelSequence,
        meta=_meta("3 Target", "Level Sequence", 2, "Where the keys go. Leave empty to create a new one."),
    )
    sequence_folder = unreal.uproperty(
        unreal.DirectoryPath,
        meta=_meta("3 Target", "Folder of New Sequences", 3, "Where a new sequence is created.", ContentDir=""),
    )
    face_mesh = unreal.uproperty(
        unreal.SkeletalMesh,
        meta=_meta("3 Target", "Face Mesh", 4, "Which skeleton the Anim Sequence is for. Ignored otherwise."),
    )
    start_frame = unreal.uproperty(
        int, meta=_meta("3 Target", "Start Frame", 5, "Where the first sound begins, in frames of the sequence.")
    )
    replace = unreal.uproperty(
        bool, meta=_meta("3 Target", "Replace Take", 6, "Replace an earlier take of the sound instead of adding one.")
    )
    blueprint = unreal.uproperty(
        unreal.Blueprint,
        meta=_meta("3 Target", "MetaHuman Blueprint", 7, "Spawned in the sequence, in place of one in the level."),
    )
    camera = unreal.uproperty(
        bool, meta=_meta("3 Target", "Camera", 8, "Add a camera that frames the face to a new sequence.")
    )
    one_each = unreal.uproperty(
        bool, meta=_meta("3 Target", "One for Each Sound", 9, "A new sequence for each sound, not one for all.")
    )
    sequence_name = unreal.uproperty(
        str,
        meta=_meta("3 Target", "Name of New Sequences", 10, "{face} is the MetaHuman's name, {sound} the sound's."),
    )
    frame_rate = unreal.uproperty(
        str, meta=_meta("3 Target", "Frame Rate", 11, "Of a new sequence.", GetOptions="rate_choices")
    )
    hand_edits = unreal.uproperty(
        str,
        meta=_meta(
            "3 Target", "Hand Edits", 12, "What becomes of your changes to a take that is generated again.",
            GetOptions="edit_choices",
        ),
    )  # fmt: skip
    layers = unreal.uproperty(
        str,
        meta=_meta(
            "3 Target", "Layers", 13, "The emotion as a section of its own has a Weight curve in Sequencer.",
            GetOptions="layer_choices",
        ),
    )  # fmt: skip
    process_mask = unreal.uproperty(
        str,
        meta=_meta("4 Animation", "Process Mask", 1, "The part of the face that gets keys.", GetOptions="mask_choices"),
    )
    blink = unreal.uproperty(bool, meta=_meta("4 Animation", "Blink", 2, "Blinks in the pauses of the speech."))
    gaze = unreal.uproperty(bool, meta=_meta("4 Animation", "Gaze", 3, "Small movements of the eyes."))
    head = unreal.uproperty(
        str,
        meta=_meta(
            "4 Animation", "Head Movement", 4, "What turns the head. In an Anim Sequence: curves.",
            GetOptions="head_choices",
        ),
    )  # fmt: skip
    for _priority, _knob in enumerate(MORE, start=5):
        _title, _range = _knob.name.replace("_", " ").title(), _knob.limits or ()
        _clamp = dict(zip(("ClampMin", "ClampMax"), map("{:g}".format, _range), strict=False))
        vars()[_knob.name] = unreal.uproperty(
            _knob.kind, meta=_meta("4 Animation", _title, _priority, _knob.help, **_clamp)
        )
    del _priority, _knob, _title, _range, _clamp
    frame_step = unreal.uproperty(
        int,
        meta=_meta("5 Keys", "Frame Step", 1, "1 sets a key on every frame, 2 on every second frame.", ClampMin="1"),
    )
    tolerance = unreal.uproperty(
        float,
        meta=_meta(
            "5 Keys", "Key Reduction Tolerance", 2, "Keys that change the animation by less are left out. 0 keeps all.",
            ClampMin="0", ClampMax="0.5",
        ),
    )  # fmt: skip
    writer = unreal.uproperty(
        str, meta=_meta("5 Keys", "Writer", 3, "How keys are written.", GetOptions="writer_choices")
    )
    status = unreal.uproperty(str, meta=_meta("6 Status", "Status", 1, "The current state.", EditCondition="false"))
    takes_text = unreal.uproperty(bool, meta={"EditCondition": "false", "EditConditionHides": ""})
    takes_image = unreal.uproperty(bool, meta={"EditCondition": "false", "EditConditionHides": ""})

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def emotion_choices(self):
        settings = settings_file.load()
        return [*settings.labels, *([FROM_THE_VOICE] if AUTO in settings.guidance else [])]

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def target_choices(self):
        return [SELECTED, IN_SEQUENCE, NO_SEQUENCE]

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def mask_choices(self):
        regions = settings_file.load().regions
        return [name for name, region in MASKS.items() if region in regions]

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def writer_choices(self):
        return [name for name, writer in WRITERS.items() if writer in CHOICES["writer"]]

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def channel_choices(self):
        return list(CHANNELS)

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def persona_choices(self):
        return [NO_PERSONA, *settings_file.load().personas]

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def rate_choices(self):
        return list(RATES)

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def edit_choices(self):
        return list(HAND_EDITS)

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def layer_choices(self):
        return list(LAYERS)

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def head_choices(self):
        return list(HEADS)

    @unreal.ufunction(meta=_meta("6 Status", "Generate", 2, "Create the takes.", CallInEditor="true"))
    def generate(self):
        dialogs.guarded(lambda: submit(self))

    @unreal.ufunction(
        meta=_meta("6 Status", "Cancel", 3, "Stop. Takes that are already written stay.", CallInEditor="true")
    )
    def cancel(self):
        generate.cancel()


@unreal.uclass()
class MEDTalkSettingsForm(unreal.Object):
    """The settings of this machine and user."""

    python = unreal.uproperty(
        unreal.FilePath,
        meta=_meta("Sidecar", "Python", 1, "The Python that has the package medtalk.", RelativeToGameDir=""),
    )
    bundle = unreal.uproperty(
        unreal.DirectoryPath,
        meta=_meta("Sidecar", "Model", 2, "Folder of the model. Leave empty for the one that ships."),
    )
    backbones = unreal.uproperty(
        unreal.Array(str),
        meta=_meta(
            "Sidecar", "Backbones", 3, "Folders of networks that the model needs, such as emotion2vec=C:/weights/e2v"
        ),
    )
    offline = unreal.uproperty(
        bool,
        meta=_meta("Sidecar", "Offline", 4, "Never download such networks. Otherwise that happens when first needed."),
    )
    device = unreal.uproperty(str, meta=_meta("Sidecar", "Device", 5, "auto, cpu or cuda:0."))
    idle_exit = unreal.uproperty(
        float,
        meta=_meta("Sidecar", "End When Idle", 6, "Seconds without a request before it ends.", ClampMin="10"),
    )
    server = unreal.uproperty(
        str, meta=_meta("Sidecar", "Server", 7, "HOST:PORT of a sidecar elsewhere. Leave empty to start one here.")
    )
    keys = unreal.uproperty(
        unreal.DirectoryPath, meta=_meta("Sidecar", "Keys", 8, "Folder of the keys for a sidecar elsewhere.")
    )
    max_seconds = unreal.uproperty(
        float, meta=_meta("Sounds", "Longest Sound", 1, "In seconds. Longer sounds are refused.", ClampMin="1")
    )


@unreal.uclass()
class MEDTalkReportForm(unreal.Object):
    """Lines that come one by one while the editor goes on."""

    lines = unreal.uproperty(
        unreal.Array(str), meta=_meta("Report", "Steps", 1, "Also in the Output Log.", EditCondition="false")
    )


def open_report() -> Callable[[str], None]:
    """Open a tab for lines; the function that adds one, also long after. They are in the log too."""
    form = unreal.new_object(MEDTalkReportForm)
    path = form.get_path_name()
    _open_tab(form)

    def tell(line: str) -> None:
        unreal.log(f"MEDTalk: {line}")
        report = unreal.find_object(None, path)
        if report is not None:
            report.set_editor_property("lines", [*_get(report, "lines"), line])

    return tell


def report_is_open() -> bool:
    """Whether there is a tab with lines."""
    return _opened(MEDTalkReportForm) is not None


def open_generate(sounds: Sequence[str] = ()) -> None:
    """Show the generate form with these sounds (asset paths): a tab, or a dialog where there are no tabs."""
    settings = settings_file.load()
    request = replace(Request.remembered(settings), sounds=tuple(sounds))
    form = unreal.new_object(MEDTalkGenerateForm)
    fill(form, request, settings)
    if _open_tab(form):
        return
    if unreal.EditorDialog.show_object_details_view(GENERATE_TITLE, form, _options()):
        submit(form)


def submit(form: Any) -> None:
    """The action of the button Generate. Raises `PluginError` if it cannot be done."""
    request = read(form)
    settings = settings_file.load()
    generate.start(request, show, settings)
    settings_file.save(replace(settings, form=request.to_remember()))


def open_settings() -> bool:
    """Show the settings; they are saved with OK. Whether a sidecar would now be started otherwise than before."""
    settings = settings_file.load()
    form = unreal.new_object(MEDTalkSettingsForm)
    form.set_editor_properties(
        {
            "python": unreal.FilePath(settings.python),
            "bundle": unreal.DirectoryPath(settings.bundle),
            "backbones": settings.backbones,
            "offline": settings.offline,
            "device": settings.device,
            "idle_exit": settings.idle_exit,
            "server": settings.server,
            "keys": unreal.DirectoryPath(settings.keys),
            "max_seconds": settings.max_seconds,
        }
    )
    if not unreal.EditorDialog.show_object_details_view(SETTINGS_TITLE, form, _options()):
        return False
    now = replace(
        settings,
        python=_path(form, "python", "file_path"),
        bundle=_path(form, "bundle", "path"),
        backbones=[entry.strip() for entry in map(str, _get(form, "backbones")) if entry.strip()],
        offline=_get(form, "offline"),
        device=_get(form, "device").strip() or "auto",
        idle_exit=_get(form, "idle_exit"),
        server=_get(form, "server").strip(),
        keys=_path(form, "keys", "path"),
        max_seconds=_get(form, "max_seconds"),
    )
    settings_file.save(now)
    return not now.server and now.starting != settings.starting


def fill(form: Any, request: Request, settings: PluginSettings) -> None:
    """Put a request into a form; sequence and target are what the editor shows."""
    current = unreal.LevelSequenceEditorBlueprintLibrary.get_focused_level_sequence()
    faces = [face for actor in selected_faces() if (face := facerig.find_face(actor)) is not None]
    form.set_editor_properties(
        {
            "sounds": [wave for wave in map(compat.load, request.sounds) if wave is not None],
            "emotion": FROM_THE_VOICE if request.emotion == AUTO else request.emotion,
            "mixture": request.mixture,
            "text": request.text,
            "image": unreal.FilePath(request.image),
            "mood_intensity": request.mood_intensity,
            "marked_frames": request.marked_frames,
            "target": SELECTED if faces or current is None else IN_SEQUENCE,
            "sequence": current,
            "sequence_folder": unreal.DirectoryPath(request.sequence_folder),
            "face_mesh": compat.mesh(faces[0]) if faces else None,
            "start_frame": request.start_frame,
            "replace": request.replace,
            "process_mask": _key(MASKS, request.process_mask),
            "blink": request.blink,
            "gaze": request.gaze,
            "head": _key(HEADS, request.head),
            "sound_channel": _key(CHANNELS, request.sound_channel),
            "persona": request.persona or NO_PERSONA,
            "blueprint": compat.load(request.blueprint) if request.blueprint else None,
            "camera": request.camera,
            "one_each": request.one_each,
            "sequence_name": request.sequence_name,
            "frame_rate": _key(RATES, request.frame_rate),
            "hand_edits": _key(HAND_EDITS, request.hand_edits),
            "layers": _key(LAYERS, request.layers),
            **{knob.name: getattr(request, knob.name) for knob in MORE},
            "frame_step": request.frame_step,
            "tolerance": request.tolerance,
            "writer": _key(WRITERS, request.writer),
            "status": "Ready.",
            "takes_text": "text" in settings.guidance,
            "takes_image": "image" in settings.guidance,
        }
    )


def read(form: Any) -> Request:
    """The request in a form. `PluginError` if it is not clear whose face is meant."""
    sequence, blueprint = _get(form, "sequence"), _get(form, "blueprint")
    actor = ""
    if _get(form, "target") == SELECTED:
        actors = selected_faces()
        if not actors:
            raise PluginError(
                "No MetaHuman is selected in the level.", f"Select one, or set Target MetaHuman to: {IN_SEQUENCE}."
            )
        if len(actors) > 1:
            labels = ", ".join(found.get_actor_label() for found in actors)
            raise PluginError(f"{len(actors)} MetaHumans are selected: {labels}.", "Select one.")
        actor = actors[0].get_path_name()
    mesh = _get(form, "face_mesh") if _get(form, "target") == NO_SEQUENCE else None
    if mesh is None and _get(form, "target") == NO_SEQUENCE:
        raise PluginError("No face mesh is chosen.", "An Anim Sequence is for a skeleton: choose the Face Mesh.")
    return Request(
        sounds=tuple(wave.get_path_name() for wave in _get(form, "sounds") if wave is not None),
        emotion=AUTO if _get(form, "emotion") == FROM_THE_VOICE else _get(form, "emotion"),
        mixture=_get(form, "mixture").strip(),
        text=_get(form, "text").strip() if _get(form, "takes_text") else "",
        image=_path(form, "image", "file_path") if _get(form, "takes_image") else "",
        mood_intensity=_get(form, "mood_intensity"),
        marked_frames=_get(form, "marked_frames"),
        actor=actor,
        sequence=sequence.get_path_name() if sequence is not None else "",
        sequence_folder=_get(form, "sequence_folder").path or Request.sequence_folder,
        skeleton=mesh.get_path_name() if mesh is not None else "",
        start_frame=_get(form, "start_frame"),
        frame_step=_get(form, "frame_step"),
        blink=_get(form, "blink"),
        gaze=_get(form, "gaze"),
        head=HEADS.get(_get(form, "head"), "off"),
        sound_channel=CHANNELS.get(_get(form, "sound_channel"), "mix"),
        persona="" if _get(form, "persona") == NO_PERSONA else _get(form, "persona"),
        blueprint=blueprint.get_path_name() if blueprint is not None else "",
        camera=_get(form, "camera"),
        one_each=_get(form, "one_each"),
        sequence_name=_get(form, "sequence_name").strip() or Request.sequence_name,
        frame_rate=RATES.get(_get(form, "frame_rate"), "project"),
        hand_edits=HAND_EDITS.get(_get(form, "hand_edits"), "offset"),
        layers=LAYERS.get(_get(form, "layers"), "one"),
        **{knob.name: _get(form, knob.name) for knob in MORE},
        process_mask=MASKS.get(_get(form, "process_mask"), "full"),
        tolerance=_get(form, "tolerance"),
        replace=_get(form, "replace"),
        writer=WRITERS.get(_get(form, "writer"), "channels"),
    )


def show(status: Status) -> None:
    """Put a status into the form, if it is still there."""
    form = _opened(MEDTalkGenerateForm)
    if form is not None and _get(form, "status") != status.text:
        form.set_editor_property("status", status.text)


def selected_faces() -> list[unreal.Actor]:
    """The actors selected in the level that have a MetaHuman's face."""
    actors = unreal.get_editor_subsystem(unreal.EditorActorSubsystem)
    selected = actors.get_selected_level_actors() if actors is not None else []
    return [actor for actor in selected if facerig.find_face(actor) is not None]


def _open_tab(form: Any) -> bool:
    """Show a form in a tab, in place of the one of its class that was opened before; False where there are no tabs."""
    tabs = unreal.get_editor_subsystem(unreal.AssetEditorSubsystem)
    before = _opened(type(form))
    if tabs is not None and before is not None:
        tabs.close_all_editors_for_asset(before)
    opened = tabs is not None and tabs.open_editor_for_assets([form])
    _open[type(form).__name__] = form.get_path_name() if opened else ""
    return opened


def _opened(kind: type) -> Any:
    """The form of a class that was opened last, or None if its tab was closed since. Not kept: it is looked up anew."""
    path = _open.get(kind.__name__)
    return unreal.find_object(None, path) if path else None


def _get(form: Any, name: str) -> Any:
    return form.get_editor_property(name)


def _path(form: Any, name: str, field: str) -> str:
    """A path of a picker: those inside the project are given relative to it, others perhaps to the editor's program."""
    text = getattr(_get(form, name), field).strip()
    if not text or Path(text).is_absolute():
        return text
    full = unreal.Paths.convert_relative_path_to_full
    places = [Path(full(unreal.Paths.project_dir())) / text, Path(full(text))]
    return next((place for place in places if place.exists()), places[0]).as_posix()


def _key(table: dict[str, str], value: str) -> str:
    return next(name for name, entry in table.items() if entry == value)


def _options() -> unreal.EditorDialogLibraryObjectDetailsViewOptions:
    return unreal.EditorDialogLibraryObjectDetailsViewOptions(False, True, True, _WIDTH, _HEIGHT, 0.6)
