"""The version of the editor that is played now: engines.py sets it, all others ask."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_BUILDS = {
    "5.4": "5.4.4-35576357+++UE5+Release-5.4",
    "5.5": "5.5.4-40574608+++UE5+Release-5.5",
    "5.6": "5.6.1-44394996+++UE5+Release-5.6",
    "5.7": "5.7.1-48512491+++UE5+Release-5.7",
    "5.8": "5.8.0-50000000+++UE5+Release-5.8",  # the number of the build is made up
}
VERSIONS = tuple(_BUILDS)


def order(version: str) -> tuple[int, ...]:
    """A version as something that can be compared."""
    return tuple(map(int, version.split(".")))


class Playing:
    """deprecated: `Class.member` of what warns when it is used. earlier: the arguments that a method takes in it,
    where those of the signatures came later.
    """

    version = "5.6"
    deprecated: frozenset[str] = frozenset()
    earlier: Mapping[str, str] = MappingProxyType({})

    @property
    def build(self) -> str:
        """As SystemLibrary.get_engine_version() has it."""
        return _BUILDS[self.version]

    def at_least(self, version: str) -> bool:
        return order(self.version) >= order(version)


PLAYING = Playing()
