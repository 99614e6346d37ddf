"""The questions of the self-test, by what they are about. Each answers with facts, which nobody has to interpret.

A question is a function of the path name of a MetaHuman ("" for none). It gives an answer, or steps to one. It raises
`SkippedError` where what it needs is not there, and `PluginError` where the editor does what the plugin cannot live
with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from medtalk_unreal.ticks import Steps

Answer = dict[str, Any]
Question = tuple[str, Callable[[str], Answer | Steps]]
