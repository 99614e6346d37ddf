"""A preview: a head that speaks in the browser, on the page that `medtalk preview` makes. The project stays as it is.

Rig, sound and page are files in `Saved/MEDTalk/preview`.
"""

from __future__ import annotations

from array import array
from dataclasses import replace
from pathlib import Path

import unreal

from medtalk_unreal import generate, interpreter, marks, readback, rigfile, sound, ticks
from medtalk_unreal import settings as settings_file
from medtalk_unreal.errors import PluginError
from medtalk_unreal.request import Request
from medtalk_unreal.sidecar import Tell, the_sidecar
from medtalk_wire.files import write_whole
from medtalk_wire.settings import DEFAULT


def of_sound(request: Request, tell: Tell) -> ticks.Steps:
    """Steps that show the first sound of a request as a head that speaks it; a line about that."""
    from medtalk_wire import RequestError, Sound

    settings = settings_file.load()
    request.check(settings)
    if not request.sounds:
        raise PluginError("No sound is selected.", "Select a SoundWave in the Content Browser.")
    facts = sound.look(request.sounds[0], settings.max_seconds)
    data = sound.only(sound.read(facts.path)[0], facts.name, request.sound_channel)
    request = replace(request, sound_start=0.0, sound_end=0.0)  # the page plays the whole sound
    client = yield from the_sidecar.connect(tell, settings)
    known = settings.with_sidecar(the_sidecar.about)
    request = request.heard(known)
    request.check_guidance(known)
    picture = request.read_picture(known)
    moods = request.moods_over_time.strip()
    timeline = marks.written(moods, facts.seconds, known) if moods else None
    tell(f"Animating {facts.name}.")
    try:
        wanted = request.wire_settings(picture, DEFAULT.fps, facts.spoken, timeline, known.personas)
        sent = Sound.from_bytes(data, facts.name)
    except RequestError as error:
        raise PluginError(error.message, error.hint) from error
    waits: list[str] = []

    def say(phase: str, _: float, text: str) -> None:
        if phase == "queue" and not waits:  # once: it asks again every few seconds
            waits.append(text)
            tell(text)

    result = yield from generate.answer(client, sent, wanted, facts.name, say)
    rig = rigfile.Rig(array("f", result.rig.cast("B").cast("f")), result.fps, dict(result.meta))
    files = _place(facts.name, ".npz"), _place(facts.name, ".wav")
    _write(files[0], rigfile.npz(rig))
    _write(files[1], data)
    return (yield from of_files(*files, tell))


def take_at_playhead(sequence: str, actor: str | None = None) -> tuple[Path, Path]:
    """Write the take of a sequence that is at the playhead of Sequencer, else the first: its rig and its sound.

    actor: path name of the MetaHuman, None for the one in the sequence. Raises `PluginError` where there is no take.
    """
    takes = readback.find_takes(sequence, actor)
    if not takes:
        raise PluginError(f"{sequence} has no take with a sound.", "Generate one first.")
    unit = unreal.MovieSceneTimeUnit.DISPLAY_RATE
    position = unreal.LevelSequenceEditorBlueprintLibrary.get_local_position(unit)
    frame = position.get_editor_property("frame").get_editor_property("frame_number").value
    here = next((take for take in takes if take.first_frame <= frame < take.end_frame), takes[0])
    rig, heard = readback.export_takes(sequence, actor, _folder(), [here])
    return rig, heard


def of_files(rig: Path, heard: Path, tell: Tell) -> ticks.Steps:
    """Steps from the files of a rig and its sound to their page in the browser; a line about that."""
    python = interpreter.find(settings_file.load())
    page = rig.with_suffix(".html")
    tell(f"Drawing {rig.stem}.")
    words = ["-m", "medtalk", "preview", rig.as_posix(), "--audio", heard.as_posix(), "-o", page.as_posix(), "--force"]
    yield from interpreter.ask(python, words)
    unreal.SystemLibrary.launch_url(page.as_uri())
    return f"The browser shows {page}."


def _folder() -> Path:
    return settings_file.folder() / "preview"


def _place(name: str, ending: str) -> Path:
    return _folder() / f"{name}{ending}"


def _write(path: Path, content: bytes) -> None:
    try:
        write_whole(path, content)
    except OSError as error:
        raise PluginError(f"{path} cannot be written: {error.strerror}.", "Is the disk full?") from error
