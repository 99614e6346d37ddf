"""Every error that the client raises on purpose, and the base of all such errors of MEDTalk.

Exception
└── OneLineError                one clear line: what is wrong, what to do, and what it is about
    └── SidecarError            with a `code`
        ├── UnreachableError    nobody listens: no connection file, nothing at the address, the sidecar has died
        ├── RefusedError        somebody listens and does not let us in: another token or key
        ├── SilentError         somebody listened and has not answered for longer than our patience
        ├── ProtocolError       what came is not our protocol, or of another major version
        └── RequestError        the sidecar answered with an error; `code` is its own (docs/protocol.md, Error codes)
"""

from __future__ import annotations


class OneLineError(Exception):
    """One line for a person: `message` says what is wrong and what is valid, `hint` what to do next.

    `str()` joins the two. `about` is for programs: the path or name that the error is about, "" where there is none.
    """

    def __init__(self, message: str, hint: str = "", about: str = "") -> None:
        super().__init__(message, hint)
        self.message = " ".join(message.split())  # a file name may hold a line break
        self.hint = " ".join(hint.split())
        self.about = about

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class SidecarError(OneLineError):
    """Base of all deliberate errors of the client. `code` is a stable short word for machines."""

    code = "sidecar"


class UnreachableError(SidecarError):
    """Nobody listens."""

    code = "unreachable"


class RefusedError(SidecarError):
    """The sidecar does not let us in."""

    code = "refused"


class SilentError(SidecarError):
    """No answer for longer than the client's patience."""

    code = "silent"


class ProtocolError(SidecarError):
    """A message that is not of this protocol, or of another major version."""

    code = "protocol"


class RequestError(SidecarError):
    """The sidecar's own answer to a request that it cannot or will not do."""

    def __init__(self, code: str, message: str, hint: str = "", about: str = "") -> None:
        super().__init__(message, hint, about)
        self.code = code
