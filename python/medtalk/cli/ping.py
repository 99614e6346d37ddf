"""The command `ping`."""

from __future__ import annotations

import json
import time
from typing import Any

from medtalk.cli.options import AsJson, Debug, Keys, ServerAddress


def ping(server: ServerAddress = None, keys: Keys = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """Ask a sidecar for its status."""
    from medtalk.cli import remote

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
