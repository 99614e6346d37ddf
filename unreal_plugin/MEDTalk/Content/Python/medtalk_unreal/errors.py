"""Every error that the plugin raises on purpose.

    OneLineError (medtalk_wire.errors)
    └── PluginError            one clear line: what is wrong, and what to do
        └── CancelledError     the user pressed Cancel; nothing is left of what was begun

Anything else is a fault of the plugin.
"""

from __future__ import annotations

from medtalk_wire.errors import OneLineError


class PluginError(OneLineError):
    """One line for the user."""


class CancelledError(PluginError):
    """The user cancelled."""
