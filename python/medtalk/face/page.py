"""One HTML file on which the head speaks takes: sound, rigs, head, script and style lie in it, and it asks for nothing.

The script is plain JavaScript without modules, because browsers load none from file://. A policy in the page forbids
every request, and every script but the page's own by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from medtalk.face import look
from medtalk.files import write_atomic
from medtalk.rig import CHANNELS
from medtalk.rig import head_table as table
from medtalk.rig.head import LID_MM, TOOTH_LIP, UPPER_SHARE, head_bytes, load_head
from medtalk.rig.sequence import HEAD, HEAD_DEGREES

# in the order in which they need each other
_FACE = ("elements.js", "take.js", "clock.js", "head.js", "stage.js")
_SCRIPTS = (*_FACE, "timeline.js", "curves.js", "cards.js", "controls.js", "player.js")


def write_page(
    path: str | Path,
    takes: Sequence[bytes],
    sound: bytes | None = None,
    title: str = "MEDTalk",
    *,
    force: bool = False,
) -> Path:
    """Write the page of takes and the sound that they belong to (`medtalk.face.packed`), whole or not at all.

    The title may be any text. Raises OutputError where the file cannot be written, DiskFullError where it does not fit.
    A file that is read-only is replaced with `force` only.
    """
    text = page(takes, sound, title)
    return write_atomic(path, lambda temporary: temporary.write_text(text, "utf-8", newline="\n"), force=force)


def page(takes: Sequence[bytes], sound: bytes | None = None, title: str = "MEDTalk") -> str:
    """The HTML of `write_page`."""
    blobs = [blob("take", take) for take in takes]
    if sound is not None:
        blobs.append(blob("sound", sound))
    return assemble(title, style(), f"{script()}\n{_web('page.js')}", blobs)


def assemble(title: str, look: str, code: str, data: Sequence[str]) -> str:
    """The HTML of a page with an empty `main`: its style sheet, its script, and the head and `data` (`blob`, `record`)
    beside the board. It may ask for nothing, and runs no script but `code`."""
    policy = (
        f"default-src 'none'; script-src '{_hash(code)}'; style-src '{_hash(look)}'; "
        "img-src data: blob:; media-src blob:; form-action 'none'; base-uri 'none'"
    )
    parts = {
        "policy": policy,
        "title": html.escape(title),
        "style": look,
        "blobs": "\n".join([record("board", board()), blob("head", head_bytes()), *data]),
        "script": code,
    }
    text = _web("page.html")
    before, *rest = text.split("{")
    return before + "".join(parts[name] + after for name, _, after in (each.partition("}") for each in rest))


@cache
def script() -> str:
    """The script of the player: its classes, as one text."""
    return '"use strict";\n' + "\n".join(map(_web, _SCRIPTS))


@cache
def face_script() -> str:
    """The part of `script` that draws heads and keeps the time: for a page with controls of its own."""
    return '"use strict";\n' + "\n".join(map(_web, _FACE))


@cache
def style() -> str:
    """The style sheet of the player."""
    return _web("page.css")


@cache
def board() -> dict[str, Any]:
    """What the player has to know of the face, as JSON can say it: the channels and behind them the turn of the head,
    how channels move the head (`medtalk.rig.head_table`), and how it looks (`medtalk.face.look`)."""
    at = np.linspace(-1.0, 1.0, len(load_head().marks["lip_upper"]))

    def columns(pulls: Sequence[tuple[int, str]]) -> list[tuple[int, list[float]]]:
        return [(channel, table.columns(where, at).tolist()) for channel, where in pulls]

    return {
        "channels": [
            *([each.short, each.area, each.minimum, each.maximum] for each in CHANNELS),
            *([name, "head", -HEAD_DEGREES, HEAD_DEGREES] for name in HEAD),
        ],
        "table": {
            "linear": table.LINEAR,
            "closed_lids": table.CLOSED_LIDS,
            "seal_upper": columns(table.SEAL_UPPER),
            "seal_lower": columns(table.SEAL_LOWER),
            "bite": columns(table.BITE),
            "left_eye": table.LEFT_EYE,
            "right_eye": table.RIGHT_EYE,
            "both_eyes": table.BOTH_EYES,
            "eye_degrees": table.EYE_DEGREES,
            "upper_share": UPPER_SHARE,
            "tooth_lip": TOOTH_LIP,
            "lid_mm": LID_MM,
        },
        "look": {name: value for name, value in vars(look).items() if name.isupper() and name != "BACKGROUND"},
    }


def _web(name: str) -> str:
    return files("medtalk.face").joinpath("web", name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def record(name: str, value: Any) -> str:
    """An element `script[data-NAME]` that holds a value as JSON, which ends no script element."""
    text = json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" data-{name}>{text}</script>'


def blob(name: str, data: bytes, key: str = "") -> str:
    """An element `script[data-blob=NAME]` that holds bytes as base64, found by `data-key` where there are several."""
    which = f' data-key="{html.escape(key)}"' if key else ""
    return f'<script type="text/plain" data-blob="{name}"{which}>{base64.b64encode(data).decode()}</script>'
