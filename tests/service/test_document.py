"""The exchange in docs/protocol.md, played against a real sidecar."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack

from tests.helpers.sidecars import PATIENCE, SEES, Raw, Sidecar
from tests.helpers.sounds import babble


def same(written: Any, came: Any, where: str) -> None:
    """`came` is what the document says, apart from what it leaves open."""
    if written == "…":
        return
    if isinstance(written, dict):
        assert written.keys() == came.keys(), where
        for name in written:
            same(written[name], came[name], f"{where}.{name}")
    elif isinstance(written, list):
        assert len(written) == len(came), where
        for number, pair in enumerate(zip(written, came, strict=True)):
            same(*pair, f"{where}[{number}]")
    elif isinstance(written, float):
        assert isinstance(came, float), where
    elif where.endswith(".pid"):
        assert isinstance(came, int), where
    else:
        assert written == came, where


def is_shown(came: dict[str, Any], written: dict[str, Any]) -> bool:
    """Whether frames are those that the document shows: the first, not those after them or a sign of life."""
    return written["type"] == "stream_frames" and bool(came["buffers"])


def test_the_exchange_in_the_document(root: Path, start: Callable[..., Sidecar], tiny_bundle: Path) -> None:
    document = (root / "docs/protocol.md").read_text("utf-8")
    part = document[document.index("## An exchange") : document.index("## Jobs")]
    steps = [
        step
        for block in re.findall(r"```json\n(.*?)```", part, re.S)
        for step in re.split(r"^(?=[→←])", block, flags=re.M)
    ]
    steps = [(step[0], json.loads(step[1:])) for step in steps if step.strip()]
    assert len(steps) == 27
    if SEES:  # it would take the picture
        steps = [step for step in steps if "c0ffee07" not in (step[1]["id"], step[1]["parent"])]
    sidecar = start("--bundle", tiny_bundle)
    client = Raw(sidecar.connection)
    samples, picture = babble(1.0).tobytes(), bytes(68)
    heard = ""
    for direction, header in steps:
        if direction == "→":
            if "sound" in header["body"]:
                header["body"]["sound"]["sha256"] = hashlib.sha256(samples).hexdigest()
            if "heard" in header["body"]:
                header["body"]["heard"] = heard
            if header["body"].get("guidance", {}).get("kind") == "image":
                header["body"]["guidance"]["sha256"] = hashlib.sha256(picture).hexdigest()
            packed: Any = msgpack.packb(header)
            data = {"samples": samples, "image": picture}
            sent = [
                data[buffer["name"]][: 4 * buffer["shape"][0]] for buffer in header.get("buffers", [])
            ]  # a part of the sound
            client.socket.send_multipart([packed, *sent])
            continue
        came: dict[str, Any] = {"type": "progress"}
        # On a busy machine there is progress, and more frames come whenever they are made.
        while came["type"] == "progress" or (came["type"] == "stream_frames" and not is_shown(came, header)):
            assert client.socket.poll(1000 * PATIENCE)
            frames = client.socket.recv_multipart()
            came = msgpack.unpackb(frames[0])
        same(header, came, header["type"])
        assert len(frames) == 1 + len(header["buffers"])
        for buffer, frame in zip(came["buffers"], frames[1:], strict=True):
            rows, *columns = buffer["shape"]
            assert len(frame) == 4 * rows * (columns[0] if columns else 1)
        heard = came["body"]["heard"] if came["type"] == "result" else heard
    client.close()
    assert sidecar.process.wait(PATIENCE) == 0
