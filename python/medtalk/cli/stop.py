"""The command `stop`."""

from __future__ import annotations

from medtalk.cli.options import Debug, Keys, ServerAddress

STOP_SECONDS = 10.0


def stop(server: ServerAddress = None, keys: Keys = None, debug: Debug = False) -> None:
    """Stop a sidecar, and wait until it has ended."""
    from medtalk.cli import remote

    connection = remote.find(server, keys)
    with remote.connected(connection) as client:
        client.wait(client.shutdown())
    remote.wait_until_gone(connection, STOP_SECONDS)
    print(f"{connection.address}: the sidecar has ended")
