"""Live Link, as far as Python sees of it, and the plugin whose source listens for a face.

What it receives is a list of names that a test fills: `editor.state.subjects`. That Python has these classes where the
plugins are enabled is Epic's page of LiveLinkBlueprintLibrary (docs 5.1), and the header of the face mesh component.
"""

from __future__ import annotations

from typing import Any

from .actors import MeshComponent
from .objects import BlueprintFunctionLibrary
from .state import EDITOR
from .values import StructBase


class LiveLinkSubjectName(StructBase):
    pass


class LiveLinkBlueprintLibrary(BlueprintFunctionLibrary):
    @staticmethod
    def get_live_link_enabled_subject_names(include_virtual_subject: bool) -> Any:
        return [LiveLinkSubjectName(name) for name in EDITOR.subjects]


class AppleARKitFaceMeshComponent(MeshComponent):
    """Of the plugin Apple ARKit Face Support: where Python has it, Live Link has Apple ARKit Source."""
