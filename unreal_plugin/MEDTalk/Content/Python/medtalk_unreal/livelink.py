"""Live Link, which takes the stream to a MetaHuman: what Unreal needs for that, and how much of it is there.

A source of Live Link cannot be made from Python, so the user adds it: the steps say how. The rest is looked at, and
where a MetaHuman has the usual variables, set.

The source is *Apple ARKit Source* of the plugin Apple ARKit Face Support (AppleARKitLiveLinkSourceFactory), in all of
5.4 to 5.8: it listens at a UDP port for what the app Live Link Face sends in its ARKit mode of old. The source *Live
Link Face* of 5.6 and later speaks another protocol, at another port.
"""

from __future__ import annotations

from collections.abc import Iterator

import unreal

from medtalk_unreal.dialogs import TITLE
from medtalk_unreal.edits import check_editable
from medtalk_unreal.errors import PluginError
from medtalk_unreal.filling import selected_face, selected_faces

_SUBJECTS = ("ARKitFaceSubj", "LLink Face Subj")
"""The variable of a MetaHuman's Blueprint for the subject of its face; the second before 5.0."""
_USED = ("UseARKitFace",)
"""The variable that switches it on, where there is one."""
_OTHERS = ("UseLiveLink", "LiveLinkSubject", "LiveLinkSubjectName", "LLink_Face_Subj", "LLink Face Head")
"""Variables that some MetaHumans are said to have: the self-test looks for them."""
_DETAILS = "in its Details, category Live Link: tick Use ARKit Face, and choose {subject} as ARKit Face Subj"

_LACKING = "Look in its Details for a Live Link subject, and choose {subject}."


def missing() -> list[str]:
    """The plugins of Unreal that are not enabled. Known by a class of theirs: what is enabled, Python has."""
    wanted = {"Live Link": "LiveLinkBlueprintLibrary", "Apple ARKit Face Support": "AppleARKitFaceMeshComponent"}
    return [title for title, name in wanted.items() if not hasattr(unreal, name)]


def subjects() -> list[str]:
    """The subjects that Live Link receives; none where it is not enabled."""
    library = getattr(unreal, "LiveLinkBlueprintLibrary", None)
    try:
        found = library.get_live_link_enabled_subject_names(True) if library is not None else ()
        return [str(one.get_editor_property("name")) for one in found]
    except Exception:  # a version in which it is another: the preview goes on without this look
        return []


def steps(subject: str, port: int, live: bool) -> list[str]:
    """What is done and what is left until the stream moves a MetaHuman, a line each. live: whether it streams."""
    return [*_plugin_step(), _source_step(subject, port, live), *_actor_steps(subject)]


def _plugin_step() -> Iterator[str]:
    if lacks := missing():
        yield f"1. To do: Edit > Plugins: tick {' and '.join(lacks)}, and start the editor again."
    else:
        yield "1. Done: the plugins Live Link and Apple ARKit Face Support are enabled."


def _source_step(subject: str, port: int, live: bool) -> str:
    if subject in subjects():
        return f"2. Done: Live Link receives {subject}."
    when = "" if live else " It shows the subject while the preview is live."
    return (
        f"2. To do: Window > Virtual Production > Live Link: Source (or Add Source), Apple ARKit Source, Port {port}, "
        f"Add. Not Live Link Face, and not Message Bus Source: these speak other protocols.{when}"
    )


def _actor_steps(subject: str) -> Iterator[str]:
    by_hand = _DETAILS.format(subject=subject)
    actors = selected_faces()
    if not actors:
        yield f"3. To do: select the MetaHuman in the level, and press Set Up MetaHuman; or {by_hand}."
    for actor in actors:
        name, heard = actor.get_actor_label(), _heard(actor)
        if heard is None:
            yield f"3. To do by hand: {name} lacks the usual variables. {_LACKING.format(subject=subject)}"
        elif heard == subject:
            yield f"3. Done: {name} listens to {subject}. Play the level, or look at it in the viewport."
        else:
            yield f"3. To do: press Set Up MetaHuman for {name}; or {by_hand}."


def variables(actor: unreal.Actor) -> list[str]:
    """The variables for Live Link that a MetaHuman has, of all that are known or talked of."""
    return [name for name in (*_SUBJECTS, *_USED, *_OTHERS) if _variable(actor, (name,)) is not None]


def set_up(subject: str) -> str:
    """Let the MetaHuman that is selected listen to a subject, as one undo step; a line about it.

    Raises `PluginError` where none or several are selected, or it lacks the usual variables.
    """
    check_editable()
    actor = unreal.find_object(None, selected_face("Select it, then press Set Up MetaHuman."))
    name, variable = actor.get_actor_label(), _variable(actor, _SUBJECTS)
    if variable is None:
        raise PluginError(f"{name} lacks the usual variables for Live Link.", _LACKING.format(subject=subject))
    with unreal.ScopedEditorTransaction(f"{TITLE}: Live Link of {name}"):
        actor.modify()
        actor.set_editor_property(variable, unreal.LiveLinkSubjectName(subject))
        if (used := _variable(actor, _USED)) is not None:
            actor.set_editor_property(used, True)
    actor = unreal.find_object(None, actor.get_path_name())  # its construction script has run: its parts are new
    for part in actor.get_components_by_class(unreal.SkeletalMeshComponent):
        part.set_update_animation_in_editor(True)  # else the viewport shows it only while the level is played
    return f"{name} listens to {subject} now. Save the level to keep it."


def _heard(actor: unreal.Actor) -> str | None:
    """The subject that a MetaHuman listens to, "" for none; None where it lacks the variables."""
    variable = _variable(actor, _SUBJECTS)
    if variable is None:
        return None
    used = _variable(actor, _USED)
    if used is not None and not actor.get_editor_property(used):
        return ""
    return str(actor.get_editor_property(variable).get_editor_property("name"))


def _variable(actor: unreal.Actor, names: tuple[str, ...]) -> str | None:
    """The first of some variables that an actor has. Unreal raises a plain Exception for one that is not there."""
    for name in names:
        try:
            actor.get_editor_property(name)
        except Exception:
            continue
        return name
    return None
