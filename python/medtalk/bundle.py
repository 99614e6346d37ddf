"""A model on disk: a folder with `bundle.json` and the files that it names, checked before any of them is used.

`bundle.json` holds the format version, kind, sizes, channel list and its hash, frame rate, text mode, labels, licence,
training data, metrics, and the size and SHA-256 of every file but README.md; of a compact bundle also its feature
settings, of one of the kind medtalk the pretrained backbones that it needs beside it and the parts that no data has
reached, of one of the kind baseline its method. Nothing in it is executed and nothing is unpickled: networks are ONNX
graphs, weights are safetensors. Those of a compact bundle are for torch alone: a light installation leaves them out.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

from medtalk.errors import BundleError, require
from medtalk.features import listening, whisper_mel
from medtalk.features.phones import PHONES
from medtalk.features.prosody import PROSODY
from medtalk.files import write_folder_atomic
from medtalk.guidance import LABELS
from medtalk.inputs import open_input, read_input
from medtalk.rates import FPS, RATE
from medtalk.rig.channels import CHANNEL_HASH, CHANNEL_NAMES

FORMAT = 1
MANIFEST = "bundle.json"
DEFAULT_NAME = "compact"

GRAPHS = ("listen", "content", "intensity", "label", "decode")
WEIGHTS = "weights.safetensors"
WAV2VEC2_CONFIG, WAV2VEC2_WEIGHTS = "wav2vec2.json", "wav2vec2.safetensors"
GUIDED_WAV2VEC2_WEIGHTS = "wav2vec2-guided.safetensors"
"""Only in bundles whose networks for texts and pictures were trained on another wav2vec2 than those for labels."""
REQUIRED_FILES = {
    "compact": (*(f"{graph}.onnx" for graph in GRAPHS), WEIGHTS),
    "medtalk": (WEIGHTS, WAV2VEC2_CONFIG, WAV2VEC2_WEIGHTS),
    "baseline": (WEIGHTS,),
}
"""Each kind of bundle that this version runs, with the files that it cannot do without."""
METHODS = ("faceformer", "emotalk", "emoface", "diffposetalk")
"""The methods that the paper is compared with, in bundles of the kind baseline (`medtalk.model.baselines`)."""
TEXT_MODES = ("words", "constant")
"""The use of a transcript to a bundle: words that shape the intensity, or none (the authors' release: always the same
three tokens)."""
BACKBONES = {
    "constant": ({"emotion2vec"}, {"clip"}),
    "words": ({"emotion2vec", "roberta"}, {"whisper", "clip"}),
}
"""Pretrained networks that a bundle of the kind medtalk names beside its own files, by its text mode: those that it
needs, and those that it may have more. roberta reads the words, whisper hears them where no transcript is given."""
BASELINE_BACKBONES: tuple[set[str], set[str]] = (set(), {"emotion2vec"})
"""The same of a bundle of the kind baseline."""
GUIDANCE_MAPS = {"text": "clip_text_map", "image": "clip_image_map"}
"""The part of the networks that follows each kind of guidance by CLIP."""
TEXT_GRAPH, TEXT_WEIGHTS, TEXT_WORDS = "text.onnx", "text.safetensors", "text.words.json"
"""In a bundle that understands descriptions: the text encoder, the weights that it came from, the words it knows."""
VOICE_GRAPH = "voice.onnx"
"""In a bundle that hears emotions in voices: from the mean state of a clip to the labels."""
LIVE_GRAPH, LIVE_WEIGHTS = "live.onnx", "live.safetensors"
"""In a bundle whose ear hears streams step by step: its graph, which borrows Whisper's weights from `listen.onnx`, and
the weights of its own head."""
TORCH_FILES = (WEIGHTS, TEXT_WEIGHTS, LIVE_WEIGHTS)
"""Files of a compact bundle that only torch reads, and that may be absent: see `medtalk-weights` in setup.py."""

README = "README.md"
"""For people, and no part of what is verified."""

_MANIFEST_BYTES = 4 << 20
_WHAT = "file of a bundle"
_GET_WEIGHTS = "Run pip install 'medtalk[full]', or use a whole bundle."
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?<!\.)")
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # on Windows, in any folder


@dataclass(frozen=True)
class Bundle:
    """A verified bundle: its folder and what `bundle.json` says."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.manifest["name"])

    @property
    def kind(self) -> str:
        return str(self.manifest["kind"])

    @property
    def hears_words(self) -> bool:
        """Whether a transcript makes a difference."""
        return self.manifest["text_mode"] == "words"

    @property
    def hears_emotion(self) -> bool:
        """Whether it hears the emotion in a voice by itself."""
        return VOICE_GRAPH in self.manifest["files"]

    @property
    def backbones(self) -> Mapping[str, str]:
        """Names of the pretrained backbones that it uses, by their part: `{"emotion2vec": "iic/emotion2vec_base"}`."""
        return self.manifest.get("backbones", {})

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of `bundle.json`, and so of the whole bundle, whose file hashes it holds."""
        return _fingerprint(self.folder, MANIFEST)[0]

    @property
    def files(self) -> list[str]:
        """Names of the files that it has: all that the manifest names, but for `TORCH_FILES` that are absent."""
        named = self.manifest["files"]
        return [name for name in named if not self.may_lack(name) or os.path.lexists(self.folder / name)]

    @property
    def bytes(self) -> int:
        """Size of the files that it has."""
        return sum(self.manifest["files"][name]["bytes"] for name in self.files)

    def may_lack(self, name: str) -> bool:
        """Whether it is whole enough for ONNX Runtime without this file."""
        return self.kind == "compact" and name in TORCH_FILES

    @property
    def guidance(self) -> tuple[str, ...]:
        """Kinds of guidance: "label", "text" if it understands descriptions, "image" if it understands pictures."""
        if self.kind == "compact":
            return ("label", "text") if TEXT_GRAPH in self.manifest["files"] else ("label",)
        if self.kind == "baseline":
            return ("label",)
        untrained = self.manifest.get("untrained", [])
        follows = [kind for kind, part in GUIDANCE_MAPS.items() if part not in untrained]
        return ("label", *follows) if "clip" in self.backbones else ("label",)

    def file(self, name: str) -> Path:
        """Path of a file that it has (see `files`); `BundleError` for any other."""
        if name not in self.manifest["files"]:
            raise BundleError(f"Bundle {self.folder} holds no {name}.", "Use a whole bundle of this kind.")
        if name not in self.files:
            raise BundleError(f"Bundle {self.folder} came without {name}, which torch needs.", _GET_WEIGHTS)
        return self.folder / name

    def read(self, name: str) -> bytes:
        """The bytes of a file that it has, which are those that were verified; `BundleError` for any other file."""
        entry = self.manifest["files"][self.file(name).name]
        data = read_input(self.folder / name, _WHAT, BundleError, entry["bytes"])
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise _changed(self, name)
        return data


def default_bundle() -> Path:
    """Folder of the bundle that ships with the package (`medtalk_assets/models/compact`)."""
    try:
        return Path(str(package_files("medtalk_assets"))) / "models" / DEFAULT_NAME
    except ModuleNotFoundError:
        raise BundleError("The bundle that ships is not installed.", "Install medtalk again.") from None


def load_bundle(path: str | Path | None = None) -> Bundle:
    """Read and verify a bundle, by default the one that ships.

    Raises:
        BundleError: no bundle there, another format or kind, another channel list, other features or labels than this
            version computes, backbones or a text mode that it does not know, or a file that is missing (`TORCH_FILES`
            of a compact bundle may be) or whose bytes changed.
    """
    require(path, str | os.PathLike | None, "The bundle", "the path of its folder", BundleError)
    folder = default_bundle() if path is None else Path(path)
    manifest = _read_manifest(folder)
    _check_fields(folder, manifest)
    bundle = Bundle(folder, manifest)
    for name in bundle.files:
        _check_file(bundle, name)
    return bundle


def write_bundle(folder: str | Path, fields: Mapping[str, Any], files: Mapping[str, bytes | Path]) -> Bundle:
    """Write a bundle as a whole, replacing the folder if there is one, and load it again as a check.

    Args:
        folder: where to; it appears complete or not at all.
        fields: `kind`, `name`, `sizes`, `text_mode`, `licence`, `training_data`, `metrics`, `created_by`;
            `backbones`, `wav2vec2_layer` and `untrained` of the kind medtalk; `method` of the kind baseline. Format
            version, channels, frame rate, features, labels and file hashes are filled in here.
        files: content, or path of a file to copy, of each file by its name in the bundle.
    """

    def fill(temporary: Path) -> None:
        entries = {}
        for name, content in files.items():
            target = temporary / name
            if isinstance(content, Path):
                shutil.copyfile(content, target)
            else:
                target.write_bytes(content)
            if name != README:
                sha256, size = _fingerprint(temporary, name)
                entries[name] = {"sha256": sha256, "bytes": size}
        manifest = {"format": FORMAT, **fields, **_own_fields(fields), "files": entries}
        (temporary / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", "utf-8")

    return load_bundle(write_folder_atomic(folder, fill))


def _own_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Values that a bundle must share with the code that runs it: others would give silently wrong faces."""
    own = {"channels": list(CHANNEL_NAMES), "channel_hash": CHANNEL_HASH, "fps": FPS, "labels": list(LABELS)}
    sizes = fields.get("sizes")
    if fields["kind"] == "compact" or (fields["kind"] == "baseline" and isinstance(sizes, dict) and "ear" in sizes):
        own["features"] = {
            "mel": {
                "of": "whisper",
                "rate": RATE,
                "fps": whisper_mel.FPS,
                "window": whisper_mel.N_FFT,
                "bands": whisper_mel.N_MELS,
                "loud_dbfs": listening.LOUD_DBFS,
            },
            "prosody": list(PROSODY),
            "phones": list(PHONES),
        }
    return own


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not os.path.lexists(path):
        what = f"{folder} has no {MANIFEST}" if folder.is_dir() else f"the folder {folder} does not exist"
        raise BundleError(f"Not a bundle: {what}.", f"Give the folder that holds {MANIFEST}.")
    try:
        manifest = json.loads(read_input(path, "manifest of a bundle", BundleError, _MANIFEST_BYTES).decode("utf-8"))
    except (ValueError, RecursionError):
        raise BundleError(f"{path} is not valid JSON.", "Get the bundle again.") from None
    if not isinstance(manifest, dict):
        raise BundleError(f"{path} is not a JSON object.", "Get the bundle again.")
    return manifest


def _check_fields(folder: Path, manifest: dict[str, Any]) -> None:
    if manifest.get("format") != FORMAT:
        raise BundleError(
            f"Bundle {folder} has format {_short(manifest.get('format'))}; this version reads format {FORMAT}.",
            "Use a bundle made for this version, or another version of medtalk.",
        )
    kind = manifest.get("kind")
    if not isinstance(kind, str) or kind not in REQUIRED_FILES:
        raise BundleError(
            f"Bundle {folder} is of kind {_short(kind)}; this version runs {', '.join(REQUIRED_FILES)}.",
            "Use another bundle.",
        )
    if not isinstance(manifest.get("name"), str):
        raise BundleError(f"Bundle {folder} has no name in its {MANIFEST}.", "Get the bundle again.")
    own = _own_fields(manifest)
    if manifest.get("channel_hash") != CHANNEL_HASH or manifest.get("channels") != own["channels"]:
        raise BundleError(
            f"Bundle {folder} was made for a different channel list than the {len(CHANNEL_NAMES)} of this version.",
            "Export it again with medtalk-train of this version.",
        )
    for field in ("fps", "features", "labels"):
        if field in own and manifest.get(field) != own[field]:
            raise BundleError(
                f"Bundle {folder} was trained with different {field} than this version computes.",
                "Export it again with medtalk-train of this version.",
            )
    if manifest.get("text_mode") not in TEXT_MODES:
        raise BundleError(
            f"Bundle {folder} has the text mode {_short(manifest.get('text_mode'))}; this version knows "
            f"{', '.join(TEXT_MODES)}.",
            "Use another bundle, or another version of medtalk.",
        )
    if kind == "baseline" and manifest.get("method") not in METHODS:
        raise BundleError(
            f"Bundle {folder} holds the method {_short(manifest.get('method'))}; this version runs "
            f"{', '.join(METHODS)}.",
            "Use another bundle, or another version of medtalk.",
        )
    _check_backbones(folder, manifest)
    entries = manifest.get("files")
    if not isinstance(entries, dict):
        raise BundleError(f"Bundle {folder} names no files in its {MANIFEST}.", "Get the bundle again.")
    for name in REQUIRED_FILES[kind]:
        if name not in entries:
            raise BundleError(f"Bundle {folder} of kind {kind} names no {name}.", "Get the bundle again.")


def _check_backbones(folder: Path, manifest: dict[str, Any]) -> None:
    backbones, untrained = manifest.get("backbones", {}), manifest.get("untrained", [])
    if not isinstance(backbones, dict) or not all(name and isinstance(name, str) for name in backbones.values()):
        raise BundleError(f"Bundle {folder} does not name its backbones by their parts.", "Get the bundle again.")
    kinds = {"medtalk": BACKBONES[manifest["text_mode"]], "baseline": BASELINE_BACKBONES}
    needed, spare = kinds.get(manifest["kind"], (set(), set()))
    for part in sorted(needed - set(backbones)):
        raise BundleError(f"Bundle {folder} does not name its backbone {part}.", "Get the bundle again.")
    for part in sorted(set(backbones) - needed - spare):
        raise BundleError(
            f"Bundle {folder} names a backbone {part[:40]!r}; valid are {', '.join(sorted(needed | spare)) or 'none'}.",
            "Use another bundle, or another version of medtalk.",
        )
    if not isinstance(untrained, list) or not all(isinstance(part, str) for part in untrained):
        raise BundleError(f"Bundle {folder} has no list of its untrained parts.", "Get the bundle again.")


def _check_file(bundle: Bundle, name: str) -> None:
    folder, entry = bundle.folder, bundle.manifest["files"][name]
    # A manifest may come from anywhere: no name in it may lead out of the folder, on any system.
    if not _NAME.fullmatch(name) or _DEVICE.fullmatch(name):
        raise BundleError(f"Bundle {folder} names a file {name[:60]!r} outside its folder.", "Do not use this bundle.")
    if not isinstance(entry, dict) or not isinstance(entry.get("bytes"), int) or "sha256" not in entry:
        raise BundleError(f"Bundle {folder} gives no size and sha256 for {name}.", "Get the bundle again.")
    if not os.path.lexists(folder / name):
        raise BundleError(f"Bundle {folder} lacks its file {name}.", "Get the bundle again.")
    if _fingerprint(folder, name) != (entry["sha256"], entry["bytes"]):
        raise _changed(bundle, name)


def _fingerprint(folder: Path, name: str) -> tuple[str, int]:
    """SHA-256 and size of a file. Git for Windows may have changed the ends of lines of texts, which makes no
    difference."""
    with open_input(folder / name, _WHAT, BundleError) as (stream, size, _):
        if name in (MANIFEST, README) or name.startswith("LICENSE"):
            text = stream.read(_MANIFEST_BYTES).replace(b"\r\n", b"\n")
            return hashlib.sha256(text).hexdigest(), len(text)
        return hashlib.file_digest(stream, "sha256").hexdigest(), size


def _changed(bundle: Bundle, name: str) -> BundleError:
    # weights may be those of another version, which pip leaves where they are
    hint = _GET_WEIGHTS if bundle.may_lack(name) else "Get it again."
    return BundleError(f"The file {name} of bundle {bundle.folder} has changed since it was written.", hint)


def _short(value: object) -> str:
    return "unknown" if value is None else repr(value)[:40]
