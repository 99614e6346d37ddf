"""Small wheels, made in no time."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import zipfile
from pathlib import Path


def make_wheel(
    folder: Path, name: str, version: str, files: dict[str, str], requires: str = "", extra: tuple[str, str] = ("", "")
) -> Path:
    """A wheel of a pure package. extra: the name of one, and what it requires."""
    info = f"{name}-{version}.dist-info"
    whole = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        + (f"Requires-Dist: {requires}\n" if requires else "")
        + (f'Provides-Extra: {extra[0]}\nRequires-Dist: {extra[1]}; extra == "{extra[0]}"\n' if extra[0] else ""),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }

    def digest(text: str) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()

    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    rows.writerows((path, f"sha256={digest(text)}", len(text.encode())) for path, text in whole.items())
    rows.writerow((f"{info}/RECORD", "", ""))
    whole[f"{info}/RECORD"] = record.getvalue()
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in whole.items():
            archive.writestr(path, text)
    return wheel
