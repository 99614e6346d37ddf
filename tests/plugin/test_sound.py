"""Sounds of the project as bytes for the sidecar."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.helpers.sounds import babble


def written(path: Path, seconds: float = 1.0, rate: int = 16000, channels: int = 1) -> Path:
    voice = babble(seconds, rate) if seconds else np.zeros(0, np.float32)
    soundfile.write(path, np.repeat(voice[:, None], channels, 1), rate, subtype="PCM_16")
    return path


def test_a_sound_and_its_facts(editor: Any, tmp_path: Path) -> None:
    from medtalk_unreal import sound

    file = written(tmp_path / "line.wav")
    asset = editor.add_sound(file).get_path_name()
    facts = sound.look(asset, 300.0)
    assert (facts.name, facts.spoken) == ("line", "") and facts.seconds == pytest.approx(1.0)
    assert sound.read(asset) == (file.read_bytes(), [])


@pytest.mark.parametrize("change", ["gone", "longer", "stereo", "no WAV", "cut", "empty"])
def test_its_import_file_does_not_matter_and_no_file_is_left(editor: Any, tmp_path: Path, change: str) -> None:
    from medtalk_unreal import settings, sound

    file = written(tmp_path / "line.wav")
    asset = editor.add_sound(file).get_path_name()
    match change:
        case "gone":
            file.unlink()
        case "longer":
            written(file, 1.5)
        case "stereo":
            written(file, 1.0, channels=2)
        case "no WAV":
            file.write_bytes(b"ID3" + bytes(32000))
        case "cut":
            file.write_bytes(file.read_bytes()[:8000])
        case "empty":
            file.write_bytes(b"")
    data, _ = sound.read(asset)
    samples, rate = soundfile.read(io.BytesIO(data))
    assert rate == 16000
    np.testing.assert_allclose(samples, babble(1.0), atol=1e-4)
    assert not list(settings.folder().glob("*.wav"))


def test_float_and_24_bit_import_files_are_known(editor: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read where Unreal cannot export."""
    from medtalk_unreal import sound

    monkeypatch.setattr(editor.unreal.Exporter, "run_asset_export_task", staticmethod(lambda task: False))
    for subtype in ("FLOAT", "PCM_24"):
        file = written(tmp_path / f"{subtype}.wav")
        asset = editor.add_sound(file).get_path_name()
        soundfile.write(file, babble(1.0), 16000, subtype=subtype)  # as it was before the import made 16 bit of it
        assert sound.read(asset)[0] == file.read_bytes()


@pytest.mark.parametrize(
    ("seconds", "channels", "said"),
    [(0.0, 1, "at least 0.1 s"), (0.05, 1, "at least 0.1 s"), (600.0, 1, "at most 300 s"), (1.0, 8, "8 channels")],
)
def test_what_no_face_can_speak_is_refused(
    editor: Any, tmp_path: Path, seconds: float, channels: int, said: str
) -> None:
    from medtalk_unreal import sound
    from medtalk_unreal.errors import PluginError

    asset = editor.add_sound(written(tmp_path / "line.wav", seconds, 8000, channels)).get_path_name()
    with pytest.raises(PluginError, match=said) as caught:
        sound.look(asset, 300.0)
    assert "line" in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_no_sound_is_refused(editor: Any) -> None:
    from medtalk_unreal import sound
    from medtalk_unreal.errors import PluginError

    with pytest.raises(PluginError, match="not in the project"):
        sound.look("/Game/Nowhere/Line", 300.0)
    with pytest.raises(PluginError, match="not a SoundWave"):
        sound.look(editor.new_sequence(30).get_path_name(), 300.0)


def test_waveform_edits_are_told(editor: Any, tmp_path: Path) -> None:
    import unreal

    from medtalk_unreal import sound

    wave = editor.add_sound(written(tmp_path / "line.wav"))
    wave.set_editor_property("transformations", [unreal.new_object(unreal.WaveformTransformationBase)])
    notes = sound.read(wave.get_path_name())[1]
    assert len(notes) == 1 and "line" in notes[0]
