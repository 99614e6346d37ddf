"""Every error that MEDTalk raises on purpose.

    Exception
    └── MedtalkError              one clear line: what was wrong, what is valid, what to do next
        ├── AudioError            a sound that cannot be read or used
        │   └── LimitError        a sound (or request) beyond a limit that is a setting
        ├── RigError              a rig, rig file or channel that does not fit
        ├── BundleError           a model on disk that is missing, changed or made for other channels
        ├── BackboneError         a pretrained backbone whose weights are missing or do not fit
        ├── GuidanceError         an unknown emotion, an impossible weight or prompt
        ├── SettingError          an option outside its range
        │   └── PortError         the sidecar cannot listen there
        ├── OutputError           a result that cannot be written
        │   ├── DiskFullError     the disk is full: no other result fits either
        │   └── ConnectionFileError   the file by which clients find the sidecar
        ├── MissingExtraError     an optional dependency that is not installed
        ├── CancelledError        work that was cancelled
        ├── ServiceError          the sidecar: out of reach, or it will not do it
        ├── InstallError          the Unreal plugin cannot be put into a project, or taken out
        ├── StudyError            a user study whose takes, key or votes cannot be used
        └── TrainingError         a recipe, corpus or checkpoint that training cannot use

A caller that catches `MedtalkError` catches all of them; anything else is a bug of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from medtalk_wire.errors import OneLineError


class MedtalkError(OneLineError):
    """Base of all deliberate errors: `message`, `hint`, and `about`, the file or name that the message is about.

    `code` is a stable short word for machines (JSON output, the sidecar's protocol).
    """

    code: str = "error"

    def facts(self) -> dict[str, str]:
        """The error for machines: `code`, `message`, `hint`, `about`."""
        return {name: getattr(self, name) for name in ("code", "message", "hint", "about")}


@contextmanager
def about(name: str) -> Iterator[None]:
    """Errors of the block are about `name`, which their messages name too, unless they say otherwise."""
    try:
        yield
    except MedtalkError as error:
        error.about = error.about or name
        raise


class AudioError(MedtalkError):
    """A sound that cannot be read or used."""

    code = "audio"


class LimitError(AudioError):
    """A sound beyond a limit that is a setting (`medtalk.limits.AudioLimits`)."""

    code = "limit"


class RigError(MedtalkError):
    """A rig, rig file or channel that does not fit the 174 channels."""

    code = "rig"


class BundleError(MedtalkError):
    """A model on disk that is missing, damaged or made for other channels."""

    code = "bundle"


class BackboneError(MedtalkError):
    """A pretrained backbone whose weights are missing, damaged or of another model."""

    code = "backbone"


class GuidanceError(MedtalkError):
    """An unknown emotion label, or impossible weights."""

    code = "guidance"


class SettingError(MedtalkError):
    """An option outside its range."""

    code = "setting"


class PortError(SettingError):
    """A port or address at which the sidecar cannot listen."""

    code = "port"


class OutputError(MedtalkError):
    """A result that cannot be written."""

    code = "output"


class DiskFullError(OutputError):
    """A result for which the disk has no room."""

    code = "disk_full"


class ConnectionFileError(OutputError):
    """The connection file, by which clients find the sidecar, cannot be written."""

    code = "connection_file"


class MissingExtraError(MedtalkError):
    """An optional dependency that is not installed."""

    code = "missing_extra"


class CancelledError(MedtalkError):
    """Work that was cancelled (`medtalk.watch`)."""

    code = "cancelled"


class ServiceError(MedtalkError):
    """The sidecar is out of reach or will not do it.

    `code` says which: "unreachable", "refused", "silent", "protocol", or one of the sidecar's own (docs/protocol.md).
    """

    def __init__(self, code: str, message: str, hint: str = "", about: str = "") -> None:
        super().__init__(message, hint, about)
        self.code = code


class InstallError(MedtalkError):
    """The Unreal plugin cannot be put into a project, or taken out."""

    code = "install"


class StudyError(MedtalkError):
    """A user study whose takes, key or votes cannot be used."""

    code = "study"


class TrainingError(MedtalkError):
    """A recipe, corpus or checkpoint that training cannot use."""

    code = "training"


def require(value: object, kind: Any, what: str, valid: str, error: type[MedtalkError] = SettingError) -> None:
    """Raise `error` unless `value` is of a type, for what a caller in Python may mix up. A bool is not a number."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise error(f"{what} is {repr(value)[:40]}; valid is {valid}.")
