"""Whether a process lives, asked without touching it."""

from __future__ import annotations

import os

WINDOWS = os.name != "posix"
_QUERY_LIMITED_INFORMATION, _ACCESS_DENIED, _STILL_ACTIVE = 0x1000, 5, 259  # of the Windows API


def is_alive(pid: int) -> bool:
    """Whether a process of this machine has that number, whoever owns it."""
    if WINDOWS:
        return _is_alive_on_windows(pid)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return not _has_ended(pid)


def _has_ended(pid: int) -> bool:
    """Whether a number that Linux knows is that of a process that nobody has buried, as in a container without an init,
    or of a thread of another process."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            lines = [line.partition(":") for line in file]
    except OSError:  # another system
        return False
    fields = {name: value.strip() for name, _, value in lines}
    return fields.get("State", "")[:1] in ("Z", "X") or fields.get("Tgid", str(pid)) != str(pid)


def _is_alive_on_windows(pid: int) -> bool:
    """The same where `os.kill` would end the process."""
    import ctypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # pyright: ignore
    kernel.OpenProcess.restype = ctypes.c_void_p  # a handle has the size of a pointer
    handle = kernel.OpenProcess(_QUERY_LIMITED_INFORMATION, False, ctypes.c_uint32(pid))
    if not handle:  # there is none, unless we may not ask
        return ctypes.get_last_error() == _ACCESS_DENIED  # pyright: ignore
    code = ctypes.c_uint32()
    success = kernel.GetExitCodeProcess(ctypes.c_void_p(handle), ctypes.byref(code))
    kernel.CloseHandle(ctypes.c_void_p(handle))
    return not success or code.value == _STILL_ACTIVE
