"""The forms as an artist sees them, as text. `python -m tests.plugin.draw_forms` writes forms.txt anew: look at it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tests.fake_unreal.details import draw

FILE = Path(__file__).with_name("forms.txt")
GUIDANCE = ["label", "text", "image", "auto"]
SAID = "Listening to Line1, 55%."
FAILED = "Generating Line3: The sound Line3 cannot be exported. Import it again from its WAV file."

BAKED = (
    "2997 assets made; 2 failed: en/L17: The rig D:/VO/rigs/en/L17.npz cannot be read: No such file or directory. "
    "Bake it again."
)

LIVE = "Live for 42 s. Speaking, -21 dB. The face follows after 118 ms. Recording, 12 s."

SET_UP = (
    "Step 'Python': no Python with the package medtalk is set. Press Set Up.",
    "Step 1 of 4: Python 3.11 is here: C:/UE_5.6/Engine/Binaries/ThirdParty/Python3/Win64/python.exe.",
    "Step 2 of 4: making an environment in C:/Users/Ada/AppData/Local/MEDTalk/env-1a2b3c4d.",
    "Step 3 of 4: installing medtalk-0.1.0 and what it needs. This takes some minutes.",
    "Step 4 of 4: medtalk 0.1.0 runs.",
    "The connection works.",
)


def drawn(editor: Any) -> str:
    """All forms: the one of a request, at its first use and with all it may show; settings; a test."""
    from dataclasses import replace

    from medtalk_unreal import (
        bakeform,
        connectionform,
        details,
        filling,
        forms,
        liveform,
        reports,
        settings,
        settingsform,
    )
    from medtalk_unreal.request import Request

    pictures = []
    form = details.make(forms.MEDTalkGenerateForm, forms.TITLE)
    filling.fill(form, Request(), settings.load())
    pictures.append(("The first click on Generate", draw(form)))
    knows = replace(settings.load(), guidance=GUIDANCE, personas={"host": {"emotion": "happy"}})
    editor.select_actors(editor.add_metahuman("mh4"))
    sounds = [editor.add_samples(f"/Game/Voice/Line{number}", b"\0" * 9600) for number in (1, 2, 3)]
    editor.open(editor.new_sequence(24, "/Game/Shots/SH010"))
    asked = Request(sounds=tuple(one.get_path_name() for one in sounds), persona="host", text="slightly annoyed")
    form = details.make(forms.MEDTalkGenerateForm, forms.TITLE)
    filling.fill(form, asked, knows)
    form.set_editor_property("status", SAID)
    pictures.append(("Three sounds, a MetaHuman and a shot, while it works", draw(form)))
    form.set_editor_property("status", _at_the_end(asked, knows))
    status = draw(form).partition("v Generate\n")[2].partition("v ")[0]
    pictures.append(("The same at the end, only its status", status))

    def look(shown: Any) -> bool:
        pictures.append(("Settings", draw(shown)))
        return False

    editor.dialogs.forms.append(look)
    settingsform.open_settings()
    form = bakeform.filled()
    form.set_editor_property("results", editor.unreal.DirectoryPath("D:/VO/rigs"))
    form.set_editor_property("sound_folder", editor.unreal.DirectoryPath("/Game/VO/{language}"))
    form.set_editor_property("status", BAKED)
    pictures.append(("A folder of results", draw(form)))
    form = liveform.filled()
    form.set_editor_property("status", LIVE)
    form.set_editor_property("written", "Recording Live_01.")
    pictures.append(("A face that follows a voice", draw(form)))
    tell = reports.open_report(connectionform.MEDTalkConnectionForm, connectionform.TITLE)
    for line in SET_UP:
        tell(line)
    pictures.append(("Test Connection", draw(editor.tabs[-1])))
    return "\n".join(f"--- {title}\n\n{picture}" for title, picture in pictures)


def _at_the_end(asked: Any, settings: Any) -> str:
    """What a generation says of two takes and a failure."""
    from medtalk_unreal import generate, take, ticks

    generation = generate.Generation(asked, settings=settings)
    for name, keys in (("Line1", 3920), ("Line2", 3927)):
        generation.status.reports.append(take.TakeReport(name, "/Game/Shots/SH010", keys, (), {}, (), 0, 47))
    generation.status.failures.append(FAILED)
    generation.ended(ticks.Task(generation.steps()))
    return generation.status.text


if __name__ == "__main__":
    from tests.fake_unreal.editor import Editor, stand_in

    with stand_in() as unreal, tempfile.TemporaryDirectory() as place:
        FILE.write_text(drawn(Editor(unreal, Path(place) / "project")), "utf-8")
