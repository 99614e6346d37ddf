"""The command `studio`: takes made by hand, in a browser."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from medtalk.cli.options import (
    Backbones,
    Debug,
    Device,
    JsonErrors,
    Limits,
    Offline,
    OtherBundle,
    Threads,
    backbone_folders,
)
from medtalk.signals import Stopping


def studio(
    sound: Annotated[
        Path | None, typer.Argument(metavar="[SOUND]", readable=False, help="Sound to begin with.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port of this machine to serve on; 0 picks a free one.")] = 0,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in your browser.")] = True,
    bundle: OtherBundle = None,
    device: Device = "auto",
    threads: Threads = None,
    limit: Limits = None,
    backbone: Backbones = None,
    offline: Offline = False,
    as_json: JsonErrors = False,
    debug: Debug = False,
) -> None:
    """Direct a take in your browser: change the emotion and see it at once. Ctrl-C ends it."""
    stopping = Stopping()

    from medtalk.errors import AudioError, MissingExtraError
    from medtalk.inputs import path_text, read_input
    from medtalk.limits import ServiceLimits
    from medtalk.perform import load

    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
        import websockets  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"The studio needs {error.name}, which is not installed.", "Run pip install 'medtalk[studio]'."
        ) from error

    from medtalk.audio import read_speech
    from medtalk.studio.server import Server, listen
    from medtalk.studio.session import Session

    limits = ServiceLimits.parse(limit or ())
    with listen(port) as listener:
        data = b"" if sound is None else read_input(sound, "sound file", AudioError, limits.audio.max_bytes)
        if sound is not None:
            read_speech(data, limits=limits.audio, name=path_text(sound))
        model = load(
            bundle, threads=threads, device=device, backbones=backbone_folders(backbone or ()), offline=offline
        )
        session = Session(model, limits)
        server = Server(listener, session, None if sound is None else session.keep(path_text(sound.name), data))
        stopping.by(server.stop)
        print(f"medtalk studio: {server.address}", flush=True)
        if open_browser:
            server.open_browser()
        server.run()
        ended = session.close()
    if not ended:
        os._exit(0)  # a network that cannot be interrupted still computes; Python cannot end beside it
