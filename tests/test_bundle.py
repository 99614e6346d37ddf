import json
from pathlib import Path

import pytest

from medtalk.bundle import REQUIRED_FILES, load_bundle, write_bundle
from medtalk.errors import BundleError, OutputError

FIELDS = {"kind": "compact", "name": "fake", "sizes": {}, "text_mode": "words", "licence": "MIT"}
FILES = {name: f"content of {name}".encode() for name in REQUIRED_FILES["compact"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "fake", FIELDS, FILES).folder


def edit(folder: Path, **changes: object) -> None:
    path = folder / "bundle.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest.update(changes)
    path.write_text(json.dumps(manifest), "utf-8")


def test_what_is_written_is_loaded(folder):
    bundle = load_bundle(folder)
    assert (bundle.name, bundle.kind, bundle.bytes) == ("fake", "compact", sum(map(len, FILES.values())))
    assert bundle.file("decode.onnx").read_bytes() == FILES["decode.onnx"]
    assert len(bundle.manifest["channels"]) == 174 and bundle.manifest["fps"] == 60
    assert len(bundle.manifest["labels"]) == 7 and len(bundle.manifest["features"]["phones"]) == 35


def test_a_path_is_copied_into_the_bundle(tmp_path):
    source = tmp_path / "graph"
    source.write_bytes(b"a graph")
    bundle = write_bundle(tmp_path / "b", FIELDS, {**FILES, "extra.bin": source})
    assert bundle.file("extra.bin").read_bytes() == b"a graph" and source.exists()


def test_writing_replaces_the_whole_folder(folder):
    (folder / "stray").touch()
    write_bundle(folder, {**FIELDS, "name": "second"}, FILES)
    assert load_bundle(folder).name == "second"
    assert not (folder / "stray").exists()


def test_writing_into_a_missing_folder_leaves_nothing(tmp_path):
    with pytest.raises(OutputError):
        write_bundle(tmp_path / "missing" / "b", FIELDS, FILES)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_the_manifest_does_not_name(folder):
    with pytest.raises(BundleError, match=r"holds no other\.onnx"):
        load_bundle(folder).file("other.onnx")


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_is_found_in_every_file(folder, name):
    content = bytearray(FILES[name])
    content[3] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(BundleError, match=f"{name} of bundle .* has changed"):
        load_bundle(folder)


def test_a_missing_file(folder):
    (folder / "decode.onnx").unlink()
    with pytest.raises(BundleError, match=r"lacks its file decode\.onnx"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "has format 2; this version reads format 1"),
        ({"format": None}, "has format unknown"),
        ({"kind": "huge"}, "of kind 'huge'; this version runs compact"),
        ({"kind": ["compact"]}, "this version runs compact"),
        ({"name": None}, "has no name"),
        ({"channel_hash": "0" * 64}, "another channel list"),
        ({"channels": ["CTRL_L_brow_down-translateY"]}, "another channel list"),
        ({"fps": 30}, "other fps"),
        ({"labels": ["happy"]}, "other labels"),
        ({"text_mode": "sung"}, "text mode 'sung'; this version knows words, constant"),
        ({"backbones": {"gpt": "x"}}, "names a backbone 'gpt'; valid are none"),
        ({"features": {}}, "other features"),
        ({"files": []}, "names no files"),
        ({"files": {}}, r"names no listen\.onnx"),
    ],
)
def test_a_manifest_that_does_not_fit(folder, changes, message):
    edit(folder, **changes)
    with pytest.raises(BundleError, match=message):
        load_bundle(folder)


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "..", "a\\b", ""])
def test_a_file_name_may_not_lead_out_of_the_folder(folder, name):
    manifest = json.loads((folder / "bundle.json").read_text("utf-8"))
    edit(folder, files={**manifest["files"], name: {"sha256": "", "bytes": 0}})
    with pytest.raises(BundleError, match="outside its folder"):
        load_bundle(folder)


@pytest.mark.parametrize("entry", [None, 3, {"bytes": "3"}, {"bytes": 3}, {"sha256": "x"}])
def test_a_file_entry_that_says_too_little(folder, entry):
    manifest = json.loads((folder / "bundle.json").read_text("utf-8"))
    edit(folder, files={**manifest["files"], "decode.onnx": entry})
    with pytest.raises(BundleError, match="no size and sha256"):
        load_bundle(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00", "[" * 100_000])
def test_a_manifest_that_is_no_json_object(folder, text):
    (folder / "bundle.json").write_text(text, "utf-8")
    with pytest.raises(BundleError, match="JSON"):
        load_bundle(folder)


def test_a_folder_without_a_manifest(tmp_path):
    with pytest.raises(BundleError, match=r"has no bundle\.json"):
        load_bundle(tmp_path)
    with pytest.raises(BundleError, match="there is no folder"):
        load_bundle(tmp_path / "nowhere")


def test_the_bundle_that_ships(shipped_bundle):
    bundle = load_bundle()
    assert bundle.folder == shipped_bundle
    assert bundle.bytes < 60_000_000
    assert (bundle.folder / "README.md").is_file()
    assert bundle.manifest["licence"] and bundle.manifest["training_data"] and bundle.manifest["metrics"]
