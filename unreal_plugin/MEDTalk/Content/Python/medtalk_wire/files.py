"""Files that are whole or absent: written beside their target under another name, then renamed."""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from contextlib import suppress
from pathlib import Path

_WINDOWS = os.name != "posix"


def write_whole(path: str | Path, content: bytes | str, *, private: bool = False) -> None:
    """Write a file whole or not at all, over what was there; a text as UTF-8. Makes its folder. Raises `OSError`.

    private: only this user can read the file, before anything is in it, and a folder that is made here.
    """
    path = Path(path)
    path.parent.mkdir(mode=0o700 if private else 0o777, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    try:
        if private:
            make_private(beside)
        beside.write_bytes(content.encode() if isinstance(content, str) else content)
        try:
            os.replace(beside, path)
        except PermissionError:  # on Windows, while somebody reads the old one
            time.sleep(0.1)
            os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def make_private(path: Path) -> None:
    """Make an empty file that only this user can read, from the moment it exists. Raises `OSError`.

    On Windows, where a mode means nothing, a folder may let others read what is put into it: the file gets a list of
    its own that names this user alone, before anything is in it.
    """
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    if not _WINDOWS:
        return
    user = "\\".join(filter(None, (os.environ.get("USERDOMAIN"), os.environ.get("USERNAME"))))
    program = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "icacls.exe")  # no other of that name
    words = [str(program), str(path), "/inheritance:r", "/grant:r", f"{user}:F"]
    hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # no console flashes up
    done = subprocess.run(words, capture_output=True, creationflags=hidden)
    if done.returncode:
        raise OSError(f"icacls cannot take it from others' reach ({done.returncode})")
