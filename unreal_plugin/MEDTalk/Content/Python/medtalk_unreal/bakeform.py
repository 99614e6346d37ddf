"""The form of an order: the results of `medtalk bake`, and the assets that they become."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import unreal

from medtalk_unreal import choices, compat, details, dialogs, facerig, generate, lines, toast
from medtalk_unreal import settings as settings_file
from medtalk_unreal.choices import NO_SEQUENCE, SELECTED
from medtalk_unreal.details import get, key, path
from medtalk_unreal.errors import PluginError
from medtalk_unreal.filling import selected_face, selected_faces
from medtalk_unreal.order import Order
from medtalk_unreal.work import Status

TITLE = "MEDTalk Bake Results"
_COMBOS = {"frame_rate": choices.RATES, "head": choices.HEADS, "hand_edits": choices.HAND_EDITS}
_PLAIN = ("import_sounds", "camera", "tolerance", "frame_step", "again")
_TEXTS = ("character", "language", "sequence_name")
_FOLDERS = ("sequence_folder", "sound_folder")
_row = details.rows()


@unreal.uclass()
class MEDTalkBakeForm(unreal.Object):
    """The form of an order. Its rows are shown in the order in which they stand here."""

    results = unreal.uproperty(
        unreal.DirectoryPath, meta=_row("Results", "Results", "The folder that medtalk bake has written.")
    )
    character = unreal.uproperty(
        str, meta=_row("Results", "Character", "Only the lines of this character. Empty: all of them.")
    )
    language = unreal.uproperty(
        str, meta=_row("Results", "Language", "Only the lines of this language. Empty: all of them.")
    )
    target = unreal.uproperty(
        str, meta=_row("Target", "MetaHuman", "The MetaHuman to animate.", GetOptions="target_choices")
    )
    blueprint = unreal.uproperty(
        unreal.Blueprint,
        meta=_row("Target", "MetaHuman Blueprint", "Spawned in each sequence, in place of one in the level."),
    )
    face_mesh = unreal.uproperty(
        unreal.SkeletalMesh,
        meta=_row("Target", "Face Mesh", "Which skeleton Anim Sequences are for. Ignored otherwise."),
    )
    camera = unreal.uproperty(bool, meta=_row("Target", "Camera", "Add a camera that frames the face."))
    status = unreal.uproperty(
        str, meta=_row("Bake", "Status", "The current state.", EditCondition="false", MultiLine="true")
    )
    sequence_name = unreal.uproperty(
        str,
        meta=_row("Assets", "Name", "{name} is that of the rig's file; also {id}, {character} and {language}."),
    )
    sequence_folder = unreal.uproperty(
        unreal.DirectoryPath,
        meta=_row(
            "Assets", "Folder", "{folder} is that of the rig's file; also {character} and {language}.", ContentDir=""
        ),
    )
    frame_rate = unreal.uproperty(
        str, meta=_row("Assets", "Frame Rate", "The display rate of new sequences.", GetOptions="rate_choices")
    )
    sound_folder = unreal.uproperty(
        unreal.DirectoryPath,
        meta=_row("Assets", "Sounds", "Where the SoundWaves of the lines are. Empty: without sound.", ContentDir=""),
    )
    import_sounds = unreal.uproperty(
        bool, meta=_row("Assets", "Import Sounds", "Import those that are missing there from their files.")
    )
    head = unreal.uproperty(
        str,
        meta=_row(
            "Keys", "Head Movement", "What turns the head. In an Anim Sequence: curves.", GetOptions="head_choices"
        ),
    )
    hand_edits = unreal.uproperty(
        str,
        meta=_row(
            "Keys", "Hand Edits", "What becomes of your changes to an asset whose line was baked anew.",
            GetOptions="edit_choices",
        ),
    )  # fmt: skip
    tolerance = unreal.uproperty(
        float,
        meta=_row(
            "Keys", "Key Reduction", "Keys that change the animation by less are left out. 0 keeps all.",
            ClampMin="0", ClampMax="0.5",
        ),
    )  # fmt: skip
    frame_step = unreal.uproperty(
        int, meta=_row("Keys", "Frame Step", "1 sets a key on every frame, 2 on every second frame.", ClampMin="1")
    )
    again = unreal.uproperty(bool, meta=_row("Keys", "Make All Again", "Also those that are done."))

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def target_choices(self):
        return [SELECTED, NO_SEQUENCE]

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def rate_choices(self):
        return list(choices.RATES)

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def head_choices(self):
        return list(choices.HEADS)

    @unreal.ufunction(ret=unreal.Array(str), pure=True)
    def edit_choices(self):
        return list(choices.HAND_EDITS)

    @unreal.ufunction(meta=_row("Bake", "Bake", "Make the assets.", CallInEditor="true"))
    def bake(self):
        dialogs.guarded(lambda: _press(self))

    @unreal.ufunction(meta=_row("Bake", "Cancel", "Stop. Assets that are made stay.", CallInEditor="true"))
    def cancel(self):
        details.later(False)
        generate.cancel()


def open_bake() -> None:
    """Show the form: a tab, or a dialog where there are no tabs."""
    details.present(filled(), TITLE, submit)


def _press(form: Any) -> None:
    """The button Bake."""
    order = read(form)  # what is wrong with it is said now
    if details.later(True):
        order.check()
        form.set_editor_property("status", "It begins when this window closes.")
    else:
        submit(form)


def submit(form: Any) -> None:
    """Begin what a form says. Raises `PluginError` if it cannot be done."""
    order, settings = read(form), settings_file.load()
    lines.start(order, toast.watching(show, generate.cancel, settings.progress))
    settings_file.save(replace(settings, bake=order.to_remember()))


def filled() -> Any:
    """A form as it was last used."""
    order, faces = Order.remembered(settings_file.load()), selected_faces()
    face = facerig.find_face(faces[0]) if len(faces) == 1 else None
    form = details.make(MEDTalkBakeForm, TITLE)
    form.set_editor_properties(
        {
            **{name: getattr(order, name) for name in (*_TEXTS, *_PLAIN)},
            **{name: key(table, getattr(order, name)) for name, table in _COMBOS.items()},
            **{name: unreal.DirectoryPath(getattr(order, name)) for name in _FOLDERS},
            "results": unreal.DirectoryPath(order.results),
            "target": SELECTED,
            "face_mesh": compat.mesh(face) if face is not None else None,
            "status": "Ready.",
        }
    )
    return form


def read(form: Any) -> Order:
    """The order in a form. Raises `PluginError` if it is not clear whose face is meant."""
    blueprint, mesh, actor = get(form, "blueprint"), None, ""
    if get(form, "target") == NO_SEQUENCE:
        blueprint, mesh = None, get(form, "face_mesh")
        if mesh is None:
            raise PluginError("No face mesh is chosen.", "It says for which skeleton: choose one in Target.")
    elif blueprint is None:
        actor = selected_face("Select one, or choose a MetaHuman Blueprint.")
    usual = Order()
    return Order(
        results=path(form, "results", "path"),
        actor=actor,
        blueprint=blueprint.get_path_name() if blueprint is not None else "",
        skeleton=mesh.get_path_name() if mesh is not None else "",
        **{name: get(form, name).strip() or getattr(usual, name) for name in _TEXTS},
        **{name: get(form, name).path.strip() or getattr(usual, name) for name in _FOLDERS},
        **{name: table.get(get(form, name), getattr(usual, name)) for name, table in _COMBOS.items()},
        **{name: get(form, name) for name in _PLAIN},
    )


def show(status: Status) -> None:
    """Put a status into the form, if it is still there."""
    form = details.opened(MEDTalkBakeForm)
    if form is not None and get(form, "status") != status.text:
        form.set_editor_property("status", status.text)
