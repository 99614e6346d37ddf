"""The commands of the sidecar: `serve`, `ping`, `stop`, `keys new`."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medtalk.options import AsJson, Backbones, Debug, Offline, backbone_folders
from medtalk.service import PORT
from medtalk.signals import on_stop

if TYPE_CHECKING:
    from medtalk.service.server import Server

STOP_SECONDS = 10.0

ServerAddress = Annotated[
    str | None,
    typer.Option(
        "--server", metavar="ADDRESS", help="HOST:PORT or connection file of the sidecar; left out: the one that runs."
    ),
]
Keys = Annotated[Path | None, typer.Option(readable=False, metavar="DIR", help="Keys for a sidecar elsewhere.")]

keys_app = typer.Typer(help="Keys for a sidecar that others may reach.", no_args_is_help=True, rich_markup_mode=None)


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen at; any but this machine's own needs --keys.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at; 0 takes a free one.")] = PORT,
    bundle: Annotated[
        Path | None, typer.Option(readable=False, help="Folder of another model than the one that ships.")
    ] = None,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda[:N]", help="Where to compute.")] = "auto",
    threads: Annotated[int | None, typer.Option(metavar="N", help="Cores to use; all if left out.")] = None,
    idle_exit: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="End after so long without a request.")
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(readable=False, metavar="DIR", help="Let in who has a key: see `medtalk keys new`.")
    ] = None,
    sounds: Annotated[
        list[Path] | None,
        typer.Option(readable=False, metavar="DIR", help="Read sounds by their path only in here; may be repeated."),
    ] = None,
    connection_file: Annotated[
        Path | None, typer.Option(readable=False, metavar="FILE", help="Where to tell clients how to connect.")
    ] = None,
    log: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="Write a log, a JSON object a line, to a file or stderr (-).")
    ] = None,
    metrics: Annotated[
        int | None, typer.Option(metavar="PORT", help="Serve Prometheus metrics at this port of this machine.")
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Change a limit, as max_seconds=600; may be repeated."),
    ] = None,
    backbone: Backbones = None,
    offline: Offline = False,
    debug: Debug = False,
) -> None:
    """Keep the model loaded for other programs: the sidecar. Ctrl-C or `medtalk stop` ends it."""
    server: Server | None = None
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True
        if server is not None:  # else it is still loading, which takes less than a second
            server.stop()

    on_stop(stop)

    from medtalk.service.limits import ServiceLimits
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
            if stopped:
                server.stop()
            print(server.ready_line(), flush=True)
            server.run()
            ended = server.close()
    if not ended:
        os._exit(0)  # a network that cannot be interrupted still computes; Python cannot end beside it


def ping(server: ServerAddress = None, keys: Keys = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """Ask a sidecar how it is."""
    from medtalk.service import remote

    connection = remote.find(server, keys)
    with remote.connected(connection) as client:
        about = client.wait(client.hello())
        asked = time.perf_counter()
        state = client.wait(client.ping())
        milliseconds = 1000.0 * (time.perf_counter() - asked)
    facts: dict[str, Any] = {
        "address": connection.address,
        **{name: about[name] for name in ("version", "instance", "pid", "bundle", "device", "limits")},
        **{name: state[name] for name in ("uptime", "queued", "working")},
        "round_trip_ms": milliseconds,
    }
    if as_json:
        print(json.dumps(facts))
        return
    print(
        f"{facts['address']}: medtalk {facts['version']}, bundle {facts['bundle']['name']} on {facts['device']}, "
        f"up {facts['uptime']:.0f} s, {facts['queued']} waiting, {facts['working']} working, {milliseconds:.1f} ms"
    )


def stop(server: ServerAddress = None, keys: Keys = None, debug: Debug = False) -> None:
    """End a sidecar, and wait until it has gone."""
    from medtalk.service import remote

    connection = remote.find(server, keys)
    with remote.connected(connection) as client:
        client.wait(client.shutdown())
    remote.wait_until_gone(connection, STOP_SECONDS)
    print(f"{connection.address}: the sidecar has ended")


@keys_app.command("new")
def keys_new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", readable=False, help="Folder of the keys; made if missing.")],
    client: Annotated[str, typer.Option(metavar="NAME", help="Who the keys are for.")] = "client",
    debug: Debug = False,
) -> None:
    """Make keys for a sidecar and a client.

    The sidecar's are made once. The client gets the folder DIR/NAME.
    """
    from medtalk.service.keys import new_keys

    for path in new_keys(folder, client):
        print(path)
