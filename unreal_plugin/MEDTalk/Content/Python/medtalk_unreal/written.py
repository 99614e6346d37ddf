"""What was written into the section of a take, stored with the sequence, so that hand edits can be told from it.

The keys are packed as 16-bit numbers into the metadata of the asset: they go where the asset goes. The last two
versions are stored, because Undo takes keys back, but not the metadata, which belong to the package of the asset.
"""

from __future__ import annotations

import base64
import json
import sys
import zlib
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import accumulate
from typing import Any

import unreal

from medtalk_unreal import sections
from medtalk_unreal.keys import Curve

_TAG = "MEDTalk.written."  # of a section, with its path in the sequence behind it
_VERSIONS = 2
_FULL = 32767


@dataclass(frozen=True)
class Written:
    """What a run wrote into a section. asked: the start frame that it was asked for. start_frame, end_frame: how the
    section was laid, in display frames. first: tick of the start of the take, of `resolution` a second; the ticks of
    the curves count from there. length: of the take in ticks. straight: the keys lead to each other in straight lines.
    behind: the animator's changes that lie behind the end of the take, for one that is longer: the difference on each
    channel, and his values.
    """

    asked: int
    start_frame: int
    end_frame: int
    first: int
    length: int
    resolution: Fraction
    straight: bool = True
    curves: Mapping[str, Curve] = field(default_factory=dict)
    behind: Mapping[str, tuple[Curve, Curve]] = field(default_factory=dict)

    def at(self, resolution: Fraction) -> Written:
        """The same in a sequence whose tick resolution was changed."""
        if resolution == self.resolution:
            return self
        scale = resolution / self.resolution

        def scaled(curve: Curve) -> Curve:
            return Curve(curve.name, [round(tick * scale) for tick in curve.ticks], curve.values)

        curves = {name: scaled(curve) for name, curve in self.curves.items()}
        behind = {name: (scaled(by), scaled(values)) for name, (by, values) in self.behind.items()}
        first, length = round(self.first * scale), round(self.length * scale)
        return replace(self, first=first, length=length, resolution=resolution, curves=curves, behind=behind)


def stored(sequence: unreal.LevelSequence, section: unreal.MovieSceneSection) -> list[Written]:
    """The versions that are stored with a section, the newest first; none where there are none that can be read."""
    try:
        text = str(unreal.EditorAssetLibrary.get_metadata_tag(sequence, _TAG + sections.path_of(section)))
        return [_unpacked(version) for version in json.loads(text or "[]")]
    except (KeyError, TypeError, ValueError, zlib.error):
        return []


def store(
    sequence: unreal.LevelSequence, section: unreal.MovieSceneSection, written: Written, before: Written | None
) -> None:
    """Store what was written into a section, and the version before it."""
    versions = [written, *([before] if before is not None else [])]
    text = json.dumps([_packed(version) for version in versions[:_VERSIONS]])
    unreal.EditorAssetLibrary.set_metadata_tag(sequence, _TAG + sections.path_of(section), text)


def _packed(written: Written) -> dict[str, Any]:
    rate = [written.resolution.numerator, written.resolution.denominator]
    packed = {
        "asked": written.asked, "start_frame": written.start_frame, "end_frame": written.end_frame,
        "first": written.first, "length": written.length, "resolution": rate, "straight": written.straight,
        **_packed_curves(written.curves),
    }  # fmt: skip
    if written.behind:
        by = {name: by for name, (by, _) in written.behind.items()}
        packed["behind"] = [_packed_curves(by), _packed_curves({n: own for n, (_, own) in written.behind.items()})]
    return packed


def _packed_curves(curves: Mapping[str, Curve]) -> dict[str, Any]:
    names, steps, values = {}, array("i"), array("h")
    for name, curve in curves.items():
        largest = max(map(abs, curve.values), default=0.0) or 1.0
        names[name] = [len(curve.ticks), largest]
        steps.extend(b - a for a, b in zip([0, *curve.ticks], curve.ticks, strict=False))
        values.extend(round(value / largest * _FULL) for value in curve.values)
    data = b"".join(map(_little, (steps, values)))
    return {"names": names, "keys": base64.b85encode(zlib.compress(data, 9)).decode("ascii")}


def _unpacked(packed: Mapping[str, Any]) -> Written:
    facts = dict(packed)
    curves = _unpacked_curves(facts.pop("names"), facts.pop("keys"))
    behind = {}
    if packed.get("behind"):
        by, values = (_unpacked_curves(**some) for some in facts.pop("behind"))
        behind = {name: (by[name], values[name]) for name in by}
    return Written(**{**facts, "resolution": Fraction(*facts["resolution"])}, curves=curves, behind=behind)


def _unpacked_curves(names: Mapping[str, Any], keys: str) -> dict[str, Curve]:
    data = zlib.decompress(base64.b85decode(keys))
    count = sum(number for number, _ in names.values())
    steps, values = array("i", data[: 4 * count]), array("h", data[4 * count :])
    if sys.byteorder == "big":
        steps.byteswap()
        values.byteswap()
    curves, at = {}, 0
    for name, (number, largest) in names.items():
        some = slice(at, at + number)
        at += number
        curves[name] = Curve(name, list(accumulate(steps[some])), [value / _FULL * largest for value in values[some]])
    return curves


def _little(numbers: array[int]) -> bytes:
    """The bytes of numbers, the least significant first."""
    if sys.byteorder == "big":
        numbers = array(numbers.typecode, numbers)
        numbers.byteswap()
    return numbers.tobytes()
