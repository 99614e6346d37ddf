"""The container of a binary glTF 2.0: JSON that describes, and the bytes of arrays and pictures."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.version import __version__

if TYPE_CHECKING:
    from numpy.typing import NDArray

ARRAY, ELEMENTS = 34962, 34963
"""What a bufferView is for: attributes of vertices, or the corners of triangles."""
_FLOAT, _SHORT = 5126, 5123  # componentType
_KINDS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}


class GlbFile:
    """A glTF as it grows: its JSON, and its bytes."""

    def __init__(self) -> None:
        self.json: dict[str, Any] = {"asset": {"version": "2.0", "generator": f"medtalk {__version__}"}}
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, what: str, entry: Mapping[str, Any]) -> int:
        """Its number in the list `what`."""
        entries = self.json.setdefault(what, [])
        entries.append(entry)
        return len(entries) - 1

    def view(self, data: bytes, target: int | None = None) -> int:
        """A bufferView; it begins at a multiple of 4."""
        view = {"buffer": 0, "byteOffset": self._size, "byteLength": len(data)}
        self._parts.append(data + b"\0" * (-len(data) % 4))
        self._size += len(self._parts[-1])
        return self.add("bufferViews", view | ({} if target is None else {"target": target}))

    def array(
        self, array: NDArray, target: int | None = None, *, bounds: bool = False, normalized: bool = False
    ) -> int:
        """An accessor of an array (n, k) of float32 or uint16."""
        array = np.ascontiguousarray(array)
        view = self.view(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes(), target)
        entry = {"bufferView": view} | _described(array, len(array))
        entry |= {"normalized": True} if normalized else {}
        return self.add("accessors", entry | (_bounds(array) if bounds else {}))

    def sparse(self, place: NDArray, of: NDArray, values: NDArray, count: int, *, bounds: bool = False) -> int:
        """An accessor of `count` rows of zeros but for `values` (n, 3) in the rows `place[of]`; below 0 is left out."""
        rows = place[of]
        values = values[rows >= 0].astype(np.float32)
        rows = rows[rows >= 0]
        order = np.argsort(rows)
        rows, values = rows[order].astype(np.uint16), values[order]
        if not len(rows):  # an empty list is not valid
            rows, values = np.zeros(1, np.uint16), np.zeros((1, 3), np.float32)
        entry = _described(values, count) | {
            "sparse": {
                "count": len(rows),
                "indices": {"bufferView": self.view(rows.astype("<u2").tobytes()), "componentType": _SHORT},
                "values": {"bufferView": self.view(values.astype("<f4").tobytes())},
            }
        }
        whole = np.concatenate([values, np.zeros((int(len(rows) < count), 3), np.float32)])
        return self.add("accessors", entry | (_bounds(whole) if bounds else {}))

    def material(self, name: str, roughness: float, picture: bytes | None = None, *, sheer: bool = False) -> int:
        """The material of that name, made at first use; sheer: the alpha of its vertices counts, from both sides."""
        known = [each["name"] for each in self.json.get("materials", [])]
        if name in known:
            return known.index(name)
        look: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": roughness}
        if picture is not None:
            image = self.add("images", {"name": name, "mimeType": "image/png", "bufferView": self.view(picture)})
            if "samplers" not in self.json:
                self.add("samplers", {"wrapS": 33071, "wrapT": 33071, "magFilter": 9729, "minFilter": 9987})
            look["baseColorTexture"] = {"index": self.add("textures", {"source": image, "sampler": 0})}
        more = {"alphaMode": "BLEND", "doubleSided": True} if sheer else {}
        return self.add("materials", {"name": name, "pbrMetallicRoughness": look} | more)

    def animate(self, times: int, moves: Sequence[tuple[int, str, NDArray]]) -> None:
        """The animation: what of a node takes which values (n, k), at the accessor of times."""
        samplers = [
            {"input": times, "output": self.array(values), "interpolation": "LINEAR"}
            for _, _, values in moves
            if len(values)
        ]
        targets = [{"node": node, "path": path} for node, path, values in moves if len(values)]
        channels = [{"sampler": number, "target": target} for number, target in enumerate(targets)]
        self.add("animations", {"name": "take", "samplers": samplers, "channels": channels})

    def bytes(self) -> bytes:
        """The `.glb`: a header, the JSON, the bytes."""
        self.json["buffers"] = [{"byteLength": self._size}]
        text = json.dumps(self.json, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        length = 12 + 8 + len(text) + 8 + self._size
        head = struct.pack("<4sII", b"glTF", 2, length) + struct.pack("<I4s", len(text), b"JSON")
        return b"".join([head, text, struct.pack("<I4s", self._size, b"BIN\0"), *self._parts])


def _described(array: NDArray, count: int) -> dict[str, Any]:
    kind = {np.dtype(np.float32): _FLOAT, np.dtype(np.uint16): _SHORT}[array.dtype]
    return {"componentType": kind, "count": count, "type": _KINDS[array.shape[1]]}


def _bounds(array: NDArray) -> dict[str, list[float]]:
    return {"min": array.min(axis=0).tolist(), "max": array.max(axis=0).tolist()}
