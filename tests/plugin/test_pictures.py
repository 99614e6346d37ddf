"""A picture and the voice itself as the mood, from the form and from job files; the settings that this needs."""

from __future__ import annotations

import builtins
import io
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medtalk.rig import read_rig
from tests.helpers.pictures import picture
from tests.helpers.sidecars import SEES, Sidecar
from tests.plugin.clicking import TOOLS, asked, finish, make, open_form, press, status
from tests.plugin.running import do, pid_of_sidecar, tick_until
from tests.plugin.takes import KEYED, on_board, state_of
from tests.plugin.test_generate import add_sounds
from tests.plugin.test_headless import run


def change(**values: Any) -> None:
    from medtalk_unreal import settings

    settings.save(replace(settings.load(), **values))


@pytest.fixture
def face(tmp_path: Path) -> Path:
    path = tmp_path / "face.png"
    path.write_bytes(picture())
    return path


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch, face: Path) -> list[int]:
    """How many bytes each read of the picture took, from here on."""
    counts: list[int] = []
    opened = builtins.open

    class Counted(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(-1 if size is None else size)
            counts.append(len(data))
            return data

    def counting(file: Any, *arguments: Any, **more: Any) -> Any:
        return Counted(file) if Path(str(file)) == face else opened(file, *arguments, **more)

    monkeypatch.setattr(builtins, "open", counting)
    return counts


@pytest.fixture
def studio(desk: Any, seeing: Sidecar) -> Iterator[Any]:
    """An editor that has met a sidecar which takes pictures and hears the emotion in a voice."""
    from medtalk_unreal.sidecar import the_sidecar

    change(server=str(seeing.file))
    assert do(desk, the_sidecar.connect(lambda _: None)).error is None
    desk.select_actors(desk.add_metahuman())
    yield desk


def keys_are(editor: Any, sequence: Any, rig: np.ndarray) -> None:
    """The keys on the board are the rig, which moves."""
    found = on_board(editor, sequence, len(rig), 30)
    np.testing.assert_allclose(found[:, KEYED], rig[:, KEYED], rtol=0, atol=1e-6)
    assert rig[:, KEYED].std(axis=0).max() > 1e-3


def test_a_picture_in_the_form_leads_the_take(
    studio: Any, seeing: Sidecar, sample: Path, face: Path, tmp_path: Path
) -> None:
    import unreal

    from medtalk_unreal import edits, readback

    sequence, sound = studio.new_sequence(30), studio.add_sound(sample)
    form = open_form(studio, [sound])
    assert form.get_editor_property("takes_image") and "From the voice" in form.emotion_choices()
    make(studio, [sound], sequence=sequence, image=unreal.FilePath(str(face)))
    rig = asked(seeing.connection, sample, fps=30.0, image=face.read_bytes())
    keys_are(studio, sequence, rig)
    assert np.abs(rig - asked(seeing.connection, sample, fps=30.0)).max() > 1e-3
    assert "The mood is that of the picture face.png." in studio.log.text and studio.log.errors == []
    name = sound.get_name()
    told = edits.described(sequence, name)
    assert told["guidance"] == {"image": "face.png"} and told["bundle"]["name"] == "full"
    path, _ = readback.export(sequence.get_path_name(), None, tmp_path / "rigs")
    assert read_rig(path).meta["generated"] == told


def test_the_voice_leads_the_take(studio: Any, seeing: Sidecar, sample: Path) -> None:
    from medtalk_unreal import edits, settings
    from medtalk_unreal.request import Request

    sequence, sound = studio.new_sequence(30), studio.add_sound(sample)
    make(studio, [sound], sequence=sequence, emotion="From the voice")
    keys_are(studio, sequence, asked(seeing.connection, sample, fps=30.0, emotion="auto"))
    told = edits.described(sequence, sound.get_name())
    assert told["guidance"]["voice"] == "auto" and sum(told["emotion"].values()) == pytest.approx(1.0)
    assert "The voice sounds " in studio.log.text
    assert Request.remembered(settings.load()).emotion == "", "which is the voice where it is heard"
    assert open_form(studio, [sound]).get_editor_property("emotion") == "From the voice"


def test_a_job_file_with_a_picture_and_with_the_voice(
    studio: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, face: Path
) -> None:
    """Also of a project that has met no sidecar yet, as on a build machine."""
    from medtalk_unreal import edits

    change(guidance=["label"], limits={})
    sounds = list(add_sounds(studio, tmp_path, 0.5, 0.4))
    skeleton = {"skeleton": "/Game/MetaHumans/Ada/Face/SKM_Ada_Face", "sequence_folder": "/Game/Baked"}
    job = {
        "requests": [
            {"sounds": sounds, "actor": "BP_Ada", "image": face.as_posix()},
            {"sounds": sounds[:1], "emotion": "auto", **skeleton},
            {"sounds": sounds[:1], "actor": "BP_Ada", "image": (tmp_path / "gone.png").as_posix()},
        ]
    }
    first, second, third = run(studio, monkeypatch, job, tmp_path)["requests"]
    assert (first["state"], second["state"], third["state"]) == ("done", "done", "failed")
    assert len(first["takes"]) == 2, "each sound of a batch is led by the picture"
    tags = [edits.described(studio.asset(take["sequence"]), take["take"]) for take in first["takes"]]
    assert [tag["guidance"] for tag in tags] == [{"image": "face.png"}] * 2
    assert edits.described(studio.asset(second["takes"][0]["asset"]), "line0")["guidance"]["voice"] == "auto"
    assert "gone.png cannot be read: No such file" in third["text"]


@pytest.mark.parametrize(
    ("content", "limits", "said"),
    [
        (None, {}, "cannot be read: No such file or directory. Valid are PNG, JPEG and WEBP files."),
        (b"", {}, "is not a picture. Valid are PNG, JPEG and WEBP files."),
        (b"GIF89a" + bytes(100), {}, "is not a picture."),
        (picture(), {"max_image_bytes": 1000.0}, "has more than 1000 bytes. Make it smaller."),
    ],
)
def test_a_picture_that_cannot_be_sent_is_one_line(
    studio: Any, sample: Path, tmp_path: Path, content: bytes | None, limits: dict[str, float], said: str
) -> None:
    import unreal

    path, sound = tmp_path / "face.png", studio.add_sound(sample)
    if content is not None:
        path.write_bytes(content)
    change(limits=limits)
    before = state_of(studio)
    press(studio, [sound], image=unreal.FilePath(str(path)))
    (message,) = studio.dialogs.messages
    assert f"face.png {said}" in message[1] and "\n" not in message[1] and state_of(studio) == before


@pytest.mark.parametrize("count", [1, 3])
def test_a_picture_is_read_once_for_all_sounds(
    studio: Any, tmp_path: Path, face: Path, reads: list[int], count: int
) -> None:
    """Before, for the form and for the click, only how it begins."""
    import unreal

    change(form={"image": face.as_posix()})
    waves = [studio.asset(path) for path in add_sounds(studio, tmp_path, *[0.4] * count)]
    form = open_form(studio, waves)
    assert form.get_editor_property("image") == unreal.FilePath(face.as_posix()) and reads == [16]
    studio.press(form, "generate")
    finish(studio)
    assert f"{count} take" in status(form) and reads == [16, 16, face.stat().st_size]


def test_a_file_that_is_much_too_large_is_not_read(studio: Any, sample: Path, face: Path, reads: list[int]) -> None:
    import unreal

    os.truncate(face, 65 << 20)
    press(studio, [studio.add_sound(sample)], image=unreal.FilePath(str(face)))
    assert "Make it smaller." in studio.dialogs.messages[0][1] and reads == [16]


def test_a_picture_that_the_sidecar_refuses_is_one_line(studio: Any, sample: Path, tmp_path: Path) -> None:
    """The plugin sees how a file begins; what is wrong behind that the sidecar finds."""
    import unreal

    path = tmp_path / "face.png"
    path.write_bytes(picture()[:200])
    form = press(studio, [studio.add_sound(sample)], image=unreal.FilePath(str(path)))
    finish(studio)
    assert "The picture cannot be read as a picture" in status(form) and "\n" not in status(form)
    assert studio.sequences() == []


@pytest.mark.parametrize(
    ("mood", "said"),
    [
        (
            {"image": "face.png"},
            "The sidecar's model does not accept a picture as the mood. Choose an emotion, or set Model",
        )
        if not SEES
        else ({"text": "sad"}, "The sidecar's model does not accept a text as the mood."),
        ({"text": "so sad"}, "The sidecar's model does not accept a text as the mood."),
    ],
)
def test_a_model_that_takes_no_such_mood_is_one_line(
    desk: Any, face: Path, tmp_path: Path, mood: dict[str, Any], said: str
) -> None:
    """It is told by the sidecar that is there, whatever an earlier one took; no sound is sent."""
    from medtalk_unreal import generate
    from medtalk_unreal.request import Request

    change(guidance=["label", "text", "image"])
    mood = {kind: str(face) if kind == "image" else value for kind, value in mood.items()}
    actor = desk.add_metahuman().get_path_name()
    generation = generate.start(Request(sounds=add_sounds(desk, tmp_path, 0.5), actor=actor, **mood))
    finish(desk)
    assert generation.status.state == "failed" and generation.status.text.startswith(said)
    assert generation.status.phase == "sidecar" and desk.sequences() == []


def test_a_voice_that_the_sidecar_cannot_hear_is_one_line(editor: Any) -> None:
    from medtalk_unreal import settings
    from medtalk_unreal.errors import PluginError
    from medtalk_unreal.request import Request

    for request in (Request(emotion="auto"), Request(emotion="sad", mixture=" Auto ")):
        with pytest.raises(PluginError, match=r"cannot hear the mood in the voice.*medtalk\[full\]"):
            request.check_guidance(settings.PluginSettings())
        request.check_guidance(settings.PluginSettings(guidance=["label", "auto"]))


def test_words_that_nobody_has_written_are_heard(editor: Any) -> None:
    """None tells the sidecar to listen; "" would tell that they are unknown."""
    from medtalk_unreal.request import Request

    told = [Request().wire_settings(b"", 60.0, spoken).transcript for spoken in ("", " \n", " We say it. ")]
    assert told == [None, None, "We say it."]


def test_a_remembered_picture_that_is_gone_does_not_spoil_the_rest(editor: Any, face: Path) -> None:
    from medtalk_unreal import settings
    from medtalk_unreal.request import Request

    change(form=Request(image=str(face), frame_step=3).to_remember())
    assert Request.remembered(settings.load()) == Request(image=str(face), frame_step=3)
    face.unlink()
    assert Request.remembered(settings.load()) == Request(frame_step=3)


def test_the_settings_start_a_sidecar_with_backbones(configured: Any, tmp_path: Path) -> None:
    from medtalk_unreal import settings
    from medtalk_unreal.sidecar import the_sidecar

    change(backbones=[f"emotion2vec_plus={tmp_path}"], offline=True, device="cpu")
    lines: list[str] = []
    assert do(configured, the_sidecar.test(lines.append)).error is None
    assert settings.load().guidance == ["label", *SEES, "auto"]
    assert lines[-1].endswith(f"led by: {', '.join(['label', *SEES, 'auto'])}.")
    assert the_sidecar._program
    words = the_sidecar._program.process.args
    assert isinstance(words, list) and words[-3:] == ["--backbone", f"emotion2vec_plus={tmp_path}", "--offline"]


@pytest.mark.parametrize(
    ("entry", "said"), [("clip", "valid is NAME=DIR"), ("clip=/nowhere", "is not at"), ("clip=/", "no backbone called")]
)
def test_backbones_that_cannot_be_are_a_step_of_their_own(configured: Any, entry: str, said: str) -> None:
    from medtalk_unreal.sidecar import the_sidecar

    change(backbones=[entry])
    error = str(do(configured, the_sidecar.connect(lambda _: None)).error)
    assert error.startswith("Step 'backbones': ") and said in error and "\n" not in error


@pytest.mark.parametrize(
    ("changed", "starts"),
    [
        ({"backbones": [" roberta=/b ", " ", ""]}, True),
        ({"offline": False}, True),
        ({"device": "cuda:0"}, True),
        ({"idle_exit": 60.0}, True),
        ({"max_seconds": 60.0}, False),
        ({"offline": False, "server": "studio:7000"}, False),
        ({}, False),
    ],
)
def test_the_dialog_shows_and_keeps_the_settings(editor: Any, changed: dict[str, Any], starts: bool) -> None:
    """It tells which of them make another sidecar."""
    from medtalk_unreal import settings, settingsform

    before = settings.PluginSettings(backbones=["clip=/a", "emotion2vec=/e"], offline=True, device="cpu")
    settings.save(before)

    def ok(form: Any) -> bool:
        assert list(form.get_editor_property("backbones")) == before.backbones and form.get_editor_property("offline")
        form.set_editor_properties(changed)
        return True

    editor.dialogs.forms.append(ok)
    assert settingsform.open_settings() is starts
    kept = {**changed, **({"backbones": ["roberta=/b"]} if "backbones" in changed else {})}
    assert settings.load() == replace(before, **kept)


def test_changed_settings_take_effect_at_once(
    configured: Any, own_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import unreal

    from medtalk_unreal import generate, settings
    from medtalk_unreal.sidecar import the_sidecar

    configured.start_plugin()

    def ok(form: Any) -> bool:
        form.set_editor_property("bundle", unreal.DirectoryPath(str(own_bundle)))
        form.set_editor_property("backbones", [" ", ""])
        return True

    configured.dialogs.forms.append(ok)
    configured.click(TOOLS, "MEDTalk.settings")
    assert settings.load().backbones == [] and settings.load().bundle == str(own_bundle)
    assert not the_sidecar.is_there and configured.log.lines == [], "none runs: none is started"
    change(bundle="")
    assert do(configured, the_sidecar.connect(lambda _: None)).error is None
    pid = pid_of_sidecar(configured)
    configured.dialogs.forms.append(lambda form: True)
    configured.click(TOOLS, "MEDTalk.settings")
    assert pid_of_sidecar(configured) == pid, "nothing has changed"
    with monkeypatch.context() as during:
        during.setattr(generate, "running", lambda: "a generation")
        configured.dialogs.forms.append(lambda form: form.set_editor_property("device", "cpu") or True)
        configured.click(TOOLS, "MEDTalk.settings")
    assert settings.load().device == "cpu" and configured.tabs == [], "nothing is ended while a take is generated"
    configured.dialogs.forms.append(ok)
    configured.click(TOOLS, "MEDTalk.settings")
    tick_until(configured, lambda: "now runs with the new settings" in configured.log.text, "the other sidecar")
    assert pid_of_sidecar(configured) != pid
    assert the_sidecar._program and str(own_bundle) in str(the_sidecar._program.process.args)
