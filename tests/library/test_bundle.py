import hashlib
import json
from pathlib import Path

import pytest

from medtalk.bundle import REQUIRED_FILES, TORCH_FILES, load_bundle, write_bundle
from medtalk.errors import BundleError, OutputError

FIELDS = {"kind": "compact", "name": "fake", "sizes": {}, "text_mode": "words", "licence": "MIT"}
FILES = {name: f"content of {name}".encode() for name in REQUIRED_FILES["compact"]}
MORE = {
    name: f"content of {name}".encode() for name in ("text.onnx", "text.safetensors", "live.onnx", "live.safetensors")
}


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


@pytest.mark.parametrize("name", TORCH_FILES)
def test_weights_that_only_torch_reads_may_be_absent(tmp_path, name):
    whole = write_bundle(tmp_path / "b", FIELDS, {**FILES, **MORE})
    assert set(whole.files) == set(whole.manifest["files"])
    path = whole.folder / name
    content, size = path.read_bytes(), whole.bytes
    path.unlink()
    lean = load_bundle(whole.folder)
    assert set(whole.manifest["files"]) - set(lean.files) == {name} and lean.sha256 == whole.sha256
    assert lean.bytes == size - len(content)
    for use in (lean.file, lean.read):
        with pytest.raises(BundleError, match=rf"came without {name}, which torch needs\. Run pip install 'medtalk\[f"):
            use(name)
    path.write_bytes(content[::-1])  # such as those of another version
    with pytest.raises(BundleError, match=f"{name} of bundle .* has changed .* Run pip install 'medtalk"):
        load_bundle(whole.folder)
    path.write_bytes(content)
    assert load_bundle(whole.folder).bytes == size


def test_a_full_bundle_is_nothing_without_its_weights(tmp_path):
    names = REQUIRED_FILES["medtalk"]
    fields = {**FIELDS, "kind": "medtalk", "text_mode": "constant", "backbones": {"emotion2vec": "x"}}
    folder = write_bundle(tmp_path / "b", fields, dict.fromkeys(names, b"x")).folder
    (folder / "weights.safetensors").unlink()
    with pytest.raises(BundleError, match=r"lacks its file weights\.safetensors"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "has format 2; this version reads format 1"),
        ({"format": None}, "has format unknown"),
        ({"kind": "huge"}, "of kind 'huge'; this version runs compact"),
        ({"kind": ["compact"]}, "this version runs compact"),
        ({"name": None}, "has no name"),
        ({"channel_hash": "0" * 64}, "a different channel list"),
        ({"channels": ["CTRL_L_brow_down-translateY"]}, "a different channel list"),
        ({"fps": 30}, "different fps"),
        ({"labels": ["happy"]}, "different labels"),
        ({"text_mode": "sung"}, "text mode 'sung'; this version knows words, constant"),
        ({"backbones": {"gpt": "x"}}, "names a backbone 'gpt'; valid are none"),
        ({"features": {}}, "different features"),
        ({"files": []}, "names no files"),
        ({"files": {}}, r"names no listen\.onnx"),
    ],
)
def test_a_manifest_that_does_not_fit(folder, changes, message):
    edit(folder, **changes)
    with pytest.raises(BundleError, match=message):
        load_bundle(folder)


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "/etc/hostname",
        "..",
        ".",
        "a\\b",
        "",
        "C:x",
        "x:stream",
        "NUL",
        "con.onnx",
        "Com1.txt",
        "a.",
        "a ",
        "a\nb",
    ],
)
def test_a_file_name_may_not_lead_out_of_the_folder(folder, name):
    manifest = json.loads((folder / "bundle.json").read_text("utf-8"))
    edit(folder, files={**manifest["files"], name: {"sha256": "", "bytes": 0}})
    with pytest.raises(BundleError, match="outside its folder"):
        load_bundle(folder)


def windows(path: Path) -> None:
    """Gives a text the ends of lines that Git for Windows gives it."""
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def test_prose_may_change_its_ends_of_lines(tmp_path):
    prose = {"README.md": b"# A bundle\n\nof no use.\n", "LICENSE.whisper": b"MIT\nby OpenAI\n"}
    bundle = write_bundle(tmp_path / "b", FIELDS, {**FILES, **prose})
    assert "README.md" not in bundle.manifest["files"] and "LICENSE.whisper" in bundle.manifest["files"]
    for name in (*prose, "bundle.json"):
        windows(bundle.folder / name)
    again = load_bundle(bundle.folder)
    assert again.sha256 == bundle.sha256
    (bundle.folder / "README.md").write_text("Something else.")
    load_bundle(bundle.folder)
    (bundle.folder / "LICENSE.whisper").write_text("None")
    with pytest.raises(BundleError, match=r"LICENSE\.whisper of bundle .* has changed"):
        load_bundle(bundle.folder)


def test_a_bundle_of_before_that_verifies_its_prose(folder):
    text = b"# A bundle\n\nof no use.\n"
    (folder / "README.md").write_bytes(text)
    files = json.loads((folder / "bundle.json").read_text("utf-8"))["files"]
    edit(folder, files={**files, "README.md": {"sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text)}})
    load_bundle(folder)
    windows(folder / "README.md")
    load_bundle(folder)
    (folder / "README.md").write_bytes(text + b"more")
    with pytest.raises(BundleError, match=r"README\.md of bundle .* has changed"):
        load_bundle(folder)


def test_only_what_was_verified_is_read(folder):
    bundle = load_bundle(folder)
    assert bundle.read("decode.onnx") == FILES["decode.onnx"]
    (folder / "decode.onnx").write_bytes(FILES["decode.onnx"][::-1])
    with pytest.raises(BundleError, match="has changed"):
        bundle.read("decode.onnx")
    with pytest.raises(BundleError, match=r"holds no README\.md"):
        bundle.read("README.md")


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
    with pytest.raises(BundleError, match=r"the folder .* does not exist"):
        load_bundle(tmp_path / "nowhere")


def test_the_bundle_that_ships(shipped_bundle):
    bundle = load_bundle()
    assert bundle.folder == shipped_bundle
    assert bundle.bytes < 67_000_000
    assert (bundle.folder / "README.md").is_file()
    assert bundle.manifest["licence"] and bundle.manifest["training_data"] and bundle.manifest["metrics"]
