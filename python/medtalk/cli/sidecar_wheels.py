"""Wheels of MEDTalk and all that it needs, with which Unreal Editor makes the sidecar's Python by itself.

They are for Unreal's own Python (its version is in `unreal_plugin`) on some platforms. MEDTalk's own wheel comes from
a folder of wheels, or is packed from this installation; the others come from the same folder, or pip downloads them.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path

from medtalk.errors import InstallError
from medtalk.version import __version__

# Newer ones are not implied by older ones, where pip is asked for another platform than its own.
_PIP_PLATFORMS = {
    "win64": ("win_amd64",),
    "linux": ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "mac": ("macosx_14_0_arm64", "macosx_13_0_universal2", "macosx_14_0_universal2"),
}
# pip reads the conditions of requirements as those of the machine it runs on: this one holds on Windows only.
_CONDITIONAL = {"win64": ("colorama",)}
_EXTRA = "live"  # what the live preview needs: a microphone
# pip writes these files when it installs a wheel, or they are about this installation only.
_NOT_PACKED = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}


def collect(platforms: Iterable[str], python: str, folder: Path, wheels: Path | None) -> None:
    """Fill `folder` with the wheels for Unreal's `python` (such as "3.11") on `platforms` (win64, linux, mac).

    `wheels` is a folder that has them all; None: pip downloads what MEDTalk needs. Raises `InstallError` for what
    cannot be had.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = sorted(wheels.glob(f"medtalk-{__version__}-*.whl")) if wheels else []
    own = found[0] if found else pack(distribution("medtalk"), folder)
    source = ["--no-index", "--find-links", str(wheels)] if wheels else []
    for platform in platforms:
        names = [f"--platform={name}" for name in _PIP_PLATFORMS[platform]]
        words = ["download", "--quiet", "--no-input", "--disable-pip-version-check", "--dest", str(folder), *source,
                 "--only-binary=:all:", "--implementation=cp", f"--python-version={python}", *names]  # fmt: skip
        done = _pip(*words, f"{own}[{_EXTRA}]", *_CONDITIONAL.get(platform, ()))
        if done.returncode:  # without a microphone all else works
            done = _pip(*words, str(own), *_CONDITIONAL.get(platform, ()))
        if done.returncode:
            errors = [
                line for line in done.stderr.splitlines() if line.startswith("ERROR: ")
            ] or done.stderr.splitlines()
            reason = errors[-1].removeprefix("ERROR: ").rstrip(". ") if errors else f"exit code {done.returncode}"
            raise InstallError(
                f"pip could not get the packages of the sidecar for {platform}: {reason}.",
                "Check the network, give them with --wheels FOLDER, or leave --with-sidecar out.",
            )


def _pip(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pip", *words],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", errors="replace",
    )  # fmt: skip


def pack(installed: Distribution, folder: Path) -> Path:
    """The wheel of a distribution that is installed here, put into `folder`.

    Raises `InstallError` for one that lies in its sources (`pip install -e`).
    """
    name, version = installed.metadata["Name"], installed.version
    url = json.loads(installed.read_text("direct_url.json") or "{}")
    if url.get("dir_info", {}).get("editable"):
        raise InstallError(
            f"{name} is installed from its sources here (pip install -e), and has no wheel.",
            "Make one with `make wheels`, and give its folder with --wheels.",
        )
    tags = [line.partition(": ")[2] for line in (installed.read_text("WHEEL") or "").splitlines() if line[:4] == "Tag:"]
    stem = f"{name.replace('-', '_')}-{version}"
    wheel = folder / f"{stem}-{tags[0] if len(tags) == 1 else _joined(tags)}.whl"
    lines = io.StringIO()
    rows = csv.writer(lines, lineterminator="\n")
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(installed.files or (), key=str):
            if file.parts[0] == ".." or "__pycache__" in file.parts or file.name in _NOT_PACKED:
                continue  # pip makes the programs of an environment itself
            content = file.read_binary()
            archive.writestr(file.as_posix(), content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            rows.writerow((file.as_posix(), f"sha256={digest}", len(content)))
        record = f"{_info(installed)}/RECORD"
        rows.writerow((record, "", ""))
        archive.writestr(record, lines.getvalue())
    return wheel


def _joined(tags: list[str]) -> str:
    """Tags of one wheel as its file name has them: `py2-none-any`, `py3-none-any` -> `py2.py3-none-any`."""
    return "-".join(".".join(dict.fromkeys(part)) for part in zip(*(tag.split("-") for tag in tags), strict=True))


def _info(installed: Distribution) -> str:
    return next(file.parts[0] for file in installed.files or () if file.parts[0].endswith(".dist-info"))
