"""Answers that the sidecar gives in more than one place."""

from __future__ import annotations

from medtalk.errors import MedtalkError, ServiceError
from medtalk_wire.protocol import Message

LONGEST_MESSAGE = 400
"""Characters of an error: what a client sent may be quoted in it."""


def stopping() -> ServiceError:
    """Why no job or stream begins, or goes on, any more."""
    return ServiceError("stopping", "The sidecar is shutting down.", "Start it again and ask again, with the same id.")


def refusal(parent: str, error: MedtalkError, stream: str = "") -> Message:
    """The message `error` that answers the request `parent`; `stream` is the one that the request was for."""
    message = error.message.encode("utf-8", "replace").decode()  # names of files may hold what is not Unicode
    if len(message) > LONGEST_MESSAGE:
        message = message[: LONGEST_MESSAGE - 1] + "…"
    more = {"about": error.about.encode("utf-8", "replace").decode()} if error.about else {}
    if stream:
        more["stream"] = stream
    return Message("error", {"code": error.code, "message": message, "hint": error.hint, **more}, parent=parent)
