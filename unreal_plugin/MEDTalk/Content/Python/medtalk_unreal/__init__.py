"""MEDTalk in Unreal Editor: editable keys on a MetaHuman's face board, made from sounds by the sidecar.

    menus -> forms -> generate -> sound, sidecar (medtalk_wire), take
    headless, blueprint -> generate
    menus -> liveform -> livestream (a process of `medtalk live`), livelink, livetake -> take

Everything runs on the game thread and nothing waits: what takes time is a generator that `ticks` goes on with. Between
two ticks only paths and ids are kept, no objects of the editor: a level may be left, an asset deleted.
"""

from __future__ import annotations

import re
from typing import Any

import unreal

OLDEST = (5, 4)
"""The first Unreal that the plugin works in. An older one has another Python, so nothing but this file may be read."""

_shutdown: Any = None  # the handle of the callback, while the plugin is started


def startup() -> None:
    """Start the plugin. May be called again; never raises, a failure is one line in the log."""
    global _shutdown
    engine = unreal.SystemLibrary.get_engine_version()
    numbers = re.match(r"(\d+)\.(\d+)", engine)
    if numbers is not None and tuple(map(int, numbers.groups())) < OLDEST:
        unreal.log_error("MEDTalk needs Unreal {}.{} or later; this is {}.".format(*OLDEST, engine.partition("-")[0]))
        return
    try:
        # Blueprints with our nodes are also compiled by commandlets. Nothing else is wanted there.
        from medtalk_unreal import blueprint, compat  # noqa: F401

        if _shutdown is None and not compat.is_commandlet():
            if not unreal.SystemLibrary.is_unattended():
                from medtalk_unreal import livetake, menus

                menus.install()
                livetake.remind()
            _shutdown = unreal.register_python_shutdown_callback(shutdown)
    except Exception as error:
        unreal.log_error(f"MEDTalk could not start: {type(error).__name__}: {' '.join(str(error).split())}")


def shutdown() -> None:
    """Stop the plugin: the live preview ends, running work is cancelled, the sidecar that we started ends."""
    global _shutdown
    if _shutdown is None:
        return
    handle, _shutdown = _shutdown, None
    try:
        from medtalk_unreal import menus, ticks
        from medtalk_unreal.livestream import the_stream
        from medtalk_unreal.sidecar import the_sidecar

        unreal.unregister_python_shutdown_callback(handle)
        the_stream.close()
        ticks.cancel_all()
        the_sidecar.close()
        menus.remove()
    except Exception as error:
        unreal.log_error(f"MEDTalk could not end well: {type(error).__name__}: {' '.join(str(error).split())}")
