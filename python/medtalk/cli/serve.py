"""The command `serve`: the sidecar."""

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
from medtalk.service import PORT
from medtalk.signals import Stopping


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; any but loopback needs --keys.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 picks a free one.")] = PORT,
    bundle: OtherBundle = None,
    device: Device = "auto",
    threads: Threads = None,
    idle_exit: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="End after this time without a request.")
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(
            readable=False,
            metavar="DIR",
            help="Folder of keys: only clients with one may connect. See `medtalk keys new`.",
        ),
    ] = None,
    sounds: Annotated[
        list[Path] | None,
        typer.Option(
            readable=False, metavar="DIR", help="Clients may name sounds by path only in this folder; may be repeated."
        ),
    ] = None,
    connection_file: Annotated[
        Path | None,
        typer.Option(readable=False, metavar="FILE", help="Connection file to write; clients find the sidecar by it."),
    ] = None,
    log: Annotated[
        str | None,
        typer.Option(metavar="FILE|-", help="Write a log, one JSON object per line, to a file or to stderr (-)."),
    ] = None,
    metrics: Annotated[
        int | None, typer.Option(metavar="PORT", help="Serve Prometheus metrics on this port, to this machine only.")
    ] = None,
    limit: Limits = None,
    backbone: Backbones = None,
    offline: Offline = False,
    as_json: JsonErrors = False,
    debug: Debug = False,
) -> None:
    """Keep the model loaded for other programs: start the sidecar. Ctrl-C or `medtalk stop` ends it."""
    stopping = Stopping()

    from medtalk.limits import ServiceLimits
    from medtalk.service.listener import allow_files
    from medtalk.service.log import open_log
    from medtalk.service.server import Server, ServiceSettings

    settings = ServiceSettings(
        host=host,
        port=port,
        bundle=bundle,
        device=device,
        threads=threads,
        idle_exit=idle_exit,
        keys=keys,
        sounds=tuple(sounds or ()),
        connection_file=connection_file,
        metrics=metrics,
        limits=ServiceLimits.parse(limit or ()),
        backbones=backbone_folders(backbone or ()),
        offline=offline,
    )
    allow_files()
    with open_log(log):
        server = Server(settings)
        with server:
            stopping.by(server.stop)
            print(server.ready_line(), flush=True)
            server.run()
            ended = server.close()
    if not ended:
        os._exit(0)  # a network that cannot be interrupted still computes; Python cannot end beside it
