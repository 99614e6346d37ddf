"""Every error that the client raises on purpose.

Exception
└── SidecarError            one clear line with `code`, `message`, `hint`
    ├── UnreachableError    nobody listens: no connection file, nothing at the address, the sidecar has died
    ├── RefusedError        somebody listens and does not let us in: another token or key
    ├── SilentError         somebody listened and has not answered for longer than our patience
    ├── ProtocolError       what came is not our protocol, or of another major version
    └── RequestError        the sidecar answered with an error; `code` is its own (docs/protocol.md, Error codes)
"""

from __future__ import annotations


class SidecarError(Exception):
    """Base of all deliberate errors.

    `code` is a stable short word for machines, `message` says what was wrong and what is valid, `hint` what to do
    next; `str()` joins the two into one line.
    """

    code = "sidecar"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = " ".join(message.split())
        self.hint = " ".join(hint.split())

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


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

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.code = code
