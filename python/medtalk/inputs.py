"""Files that a user names: opened without blocking, and refused unless they are files of a size that fits."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from medtalk.errors import MedtalkError, about


@contextmanager
def open_input(
    path: str | Path, what: str, error: type[MedtalkError], limit: int | None = None
) -> Iterator[tuple[BufferedReader, int, str]]:
    """The open file, its size in bytes and how to call it in messages.

    Raises `error` if it is not a readable file, also while it is read; `what` is what it should be, as in "Give a
    rig file". Devices and pipes may never end, and are refused. So is a file of more than `limit` bytes.
    """
    try:
        shown = path_text(path)
    except TypeError:
        raise error(f"{path!r} is not a path to a {what}.", "Give its name.") from None
    with about(shown), _opened(path, shown, what, error, limit) as (stream, size):
        yield stream, size, shown


def path_text(path: str | Path) -> str:
    """A path as it stands in messages: a name that is not valid Unicode must still fit in one."""
    return os.fsencode(path).decode("utf-8", "replace")


@contextmanager
def _opened(
    path: str | Path, shown: str, what: str, error: type[MedtalkError], limit: int | None
) -> Iterator[tuple[BufferedReader, int]]:
    try:
        stream = open(path, "rb", opener=_open_at_once)  # noqa: SIM115
    except (OSError, ValueError) as problem:  # ValueError: a null byte in the path
        raise _refusal(problem, path, shown, what, error) from problem
    with stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise _refusal(None, path, shown, what, error)
        if limit is not None and status.st_size > limit:
            raise error(f"{shown} has {status.st_size} bytes; a {what} may have at most {limit}.")
        try:
            yield stream, status.st_size
        except OSError as problem:
            raise _refusal(problem, path, shown, what, error) from problem


def read_input(path: str | Path, what: str, error: type[MedtalkError], limit: int) -> bytes:
    """All bytes of a file, at most `limit`; raises what `open_input` does."""
    with open_input(path, what, error, limit) as (stream, size, shown):
        data = read_at_most(stream, size, limit + 1)
        if len(data) > limit:  # it has grown
            raise error(f"{shown} has over {limit} bytes; a {what} may have at most {limit}.")
        return data


def read_at_most(stream: BufferedReader, size: int, most: int) -> bytes:
    """All of an open file of about `size` bytes, at most `most`: no memory is taken for more than it holds."""
    data = stream.read(min(size + 1, most))
    return data if len(data) <= size else data + stream.read(most - len(data))


def _open_at_once(path: str, flags: int) -> int:
    # Without the flag, opening a pipe waits until somebody writes into it. It has no effect on files.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _refusal(
    problem: Exception | None, path: str | Path, shown: str, what: str, error: type[MedtalkError]
) -> MedtalkError:
    """The error for a file that could not be opened (`problem`) or, without one, is not a regular file."""
    match problem:
        case None | OSError(errno=errno.ENXIO):  # a socket
            return error(f"{shown} is a device or pipe, not a file.", f"Give a {what}.")
        case IsADirectoryError():
            return error(f"{shown} is a folder.", f"Give a {what}.")
        case FileNotFoundError():
            return error(f"The {what} {shown} does not exist.", "Check the path.")
        case PermissionError() if os.path.isdir(path):  # Windows says so of a folder
            return error(f"{shown} is a folder.", f"Give a {what}.")
        case PermissionError():
            return error(f"{shown} cannot be read: permission denied.", "Check its permissions.")
        case _:
            reason = getattr(problem, "strerror", None) or problem
            return error(f"{shown} cannot be read: {reason}.", "Check the path.")
