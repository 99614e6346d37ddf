"""`medtalk doctor`: what it finds, and that it says what to do."""

from __future__ import annotations

import json
import re

import pytest

from medtalk.cli.unreal_plugin import install_plugin

pytestmark = [pytest.mark.process, pytest.mark.torch]  # it imports what there is


@pytest.fixture
def found(medtalk, tmp_path, monkeypatch):
    """Runs the doctor in an empty folder of an empty home; gives its findings by part, and the exit code."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MEDTALK_RUNTIME", str(tmp_path / "run"))
    monkeypatch.chdir(tmp_path)

    def run() -> tuple[dict[str, dict[str, str]], int]:
        done = medtalk("doctor", "--json")
        assert done.err == ""
        return {line["part"]: line for line in map(json.loads, done.out.splitlines())}, done.code

    return run


def test_a_sound_installation(found, medtalk):
    findings, code = found()
    assert code == 0
    for part in ("medtalk", "python", "system", "libraries", "bundle", "extra full", "extra report"):
        assert findings[part]["state"] == "ok", findings[part]
    assert findings["sidecar"]["state"] == "absent" and "medtalk serve" in findings["sidecar"]["advice"]
    assert findings["unreal"]["state"] == "absent"
    lines = medtalk("doctor").out.splitlines()
    assert len(lines) == len(findings) and lines[0].startswith("ok      medtalk")


def test_a_damaged_bundle(found, own_bundle, monkeypatch):
    (own_bundle / "decode.onnx").write_bytes(b"damaged")
    monkeypatch.setattr("medtalk.bundle.default_bundle", lambda: own_bundle)
    findings, code = found()
    assert code == 1 and findings["bundle"]["state"] == "bad" and "decode.onnx" in findings["bundle"]["what"]


def test_a_library_that_is_broken(found, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "soxr", None)
    findings, code = found()
    assert code == 1 and findings["libraries"]["what"].startswith("soxr: ")


def test_microphones(found, booth, monkeypatch):
    findings, code = found()
    assert code == 0 and findings["microphones"]["state"] == "ok" and " booth" in findings["microphones"]["what"]
    with monkeypatch.context() as without:
        without.setitem(__import__("sys").modules, "sounddevice", None)
        findings, code = found()
    assert code == 0 and findings["microphones"]["state"] == "absent"
    assert "pip install 'medtalk[live]'" in findings["microphones"]["advice"]


def test_unreal_projects(found, medtalk, tmp_path):
    project = tmp_path / "home" / "Documents" / "Unreal Projects" / "Game" / "Game.uproject"
    project.parent.mkdir(parents=True)
    project.write_text(json.dumps({"FileVersion": 3, "EngineAssociation": "5.6"}))
    findings, code = found()
    assert (code, findings["unreal"]["state"]) == (0, "absent")
    assert findings["unreal"]["advice"] == f'medtalk plugin install "{project}"'
    broken = project.parents[1] / "Broken" / "Broken.uproject"
    broken.parent.mkdir()
    broken.write_text("{")
    (project.parents[1] / "Folder.uproject").mkdir()
    done = medtalk("doctor")
    assert done.code == 1 and re.search(r"^bad +unreal .*Broken\.uproject", done.out, re.MULTILINE)
    assert "Folder.uproject" not in done.out
    broken.unlink()
    install_plugin(project, ())
    findings, code = found()
    assert (code, findings["unreal"]["state"]) == (0, "ok")
    record = project.parent / "Plugins" / "MEDTalk" / "Content" / "Python" / "medtalk_install.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "python": "/gone/python"}))
    findings, code = found()
    assert code == 1 and "This Python no longer exists" in findings["unreal"]["advice"]
