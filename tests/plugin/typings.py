"""Lays the classes of Unreal where pyright looks for them: build/typings/unreal/__init__.pyi.

    python -m tests.plugin.typings

The package `unreal-stub` has them as a .py file, in which pyright takes a class that is derived from a later one for a
class that may have any method. In a .pyi file the order of classes does not matter, and nothing goes unseen. Its 26 MB
cost pyright 5 s and 600 MB.

The stub names the types that Unreal gives. Those that it takes are wider, and are made so here: a str for a name or a
text, a list for an array, a Python class for a class. Nothing else: an int for a FrameNumber stays an error.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.fake_unreal.stub import stub_text

ROOT = Path(__file__).parents[2]

_HEAD = "from types import TracebackType\nfrom typing import AbstractSet, Any, Sequence\n"  # the stub forgot to
_METHOD = re.compile(r"^    def \w+\((?:self|cls), .*", re.MULTILINE)
_TAKEN = (
    (r"\b(Name|Text)\b", r"Union[\1, str]"),
    (r"\bClass\b", "Union[Class, type]"),
    (r"\bArray\[", "Sequence["),
    (r"\bSet\[", "AbstractSet["),
    (r"\bMap\[", "Mapping["),
)
_FIXES = (
    # a property that is asked for by its name may be anything; `object` would have to be cast at each use
    (r"(def get_editor_property\(.*\)) -> object:", r"\1 -> Any:"),
    # the methods that make it a sequence whole are there, but not written down
    (
        r"^class Array\(.*\):$",
        r"\g<0>\n    def __delitem__(self, index: Any) -> None: ...\n    def __len__(self) -> int: ...",
    ),
)


def typings() -> str:
    """The stub as pyright is to read it. Raises PackageNotFoundError where unreal-stub is not installed."""
    text = _METHOD.sub(_widened, stub_text())
    for pattern, replacement in _FIXES:
        text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        assert count, f"unreal-stub has no {pattern} any more"
    future, rest = text.split("\n", 1)
    return f"{future}\n{_HEAD}{rest}"


def _widened(method: re.Match[str]) -> str:
    taken, arrow, given = method[0].rpartition(" -> ")
    for pattern, replacement in _TAKEN:
        taken = re.sub(pattern, replacement, taken)
    return f"{taken}{arrow}{given}"


def lay_typings(folder: Path) -> None:
    """Write `unreal/__init__.pyi` into `folder`."""
    file = folder / "unreal" / "__init__.pyi"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(typings(), "utf-8")


if __name__ == "__main__":
    lay_typings(Path(*sys.argv[1:2]) if sys.argv[1:] else ROOT / "build" / "typings")
