"""Every error that the plugin raises on purpose.

    Exception
    └── PluginError            one clear line: what is wrong, and what to do
        └── CancelledError     the user pressed Cancel; nothing is left of what was begun

Anything else is a fault of the plugin.
"""

from __future__ import annotations


class PluginError(Exception):
    """One line for the user: `message` says what is wrong, `hint` what to do; `str()` joins the two."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = " ".join(message.split())
        self.hint = " ".join(hint.split())

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class CancelledError(PluginError):
    """The user cancelled."""
