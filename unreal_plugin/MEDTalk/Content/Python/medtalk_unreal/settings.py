"""The plugin's settings: `Saved/MEDTalk/settings.json` of the project. Belongs to one machine and one user."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import unreal

from medtalk_board.moods import MOODS, NEUTRAL
from medtalk_unreal.errors import PluginError
from medtalk_wire.files import write_whole

_KINDS = {str: "a text", bool: "true or false", int: "a whole number", float: "a number", tuple: "a list of texts"}
LABELS = (NEUTRAL, *(mood for mood in MOODS if mood != NEUTRAL))
"""Moods to choose from before a sidecar has sent its own."""


@dataclass
class PluginSettings:
    """`python` has the package `medtalk`; `backbones` are the folders of pretrained networks that the bundle needs, as
    "emotion2vec=FOLDER", and `offline` keeps the sidecar from downloading others; `server` is the address of a sidecar
    that we do not start (HOST:PORT or a connection file), with `keys`, the folder of its keys; `max_seconds` the
    longest sound that is written into a sequence; `progress` shows it as a notification (`toast`); `form` the generate
    form as it was last used, `bake` that of results, `live` that of the live preview with the `microphones` that were
    found last, `starts` the Start Frame that was used last in a sequence. The
    last six come from a sidecar: `hears` is whether it hears moods in voices without any further network.
    """

    python: str = ""
    bundle: str = ""
    backbones: list[str] = field(default_factory=list)
    offline: bool = False
    device: str = "auto"
    idle_exit: float = 1800.0
    server: str = ""
    keys: str = ""
    max_seconds: float = 300.0
    progress: bool = False
    form: dict[str, Any] = field(default_factory=dict)
    bake: dict[str, Any] = field(default_factory=dict)
    live: dict[str, Any] = field(default_factory=dict)
    microphones: list[str] = field(default_factory=list)
    starts: dict[str, Any] = field(default_factory=dict)
    labels: list[str] = field(default_factory=lambda: list(LABELS))
    regions: list[str] = field(default_factory=lambda: ["full", "mouth", "upper"])
    guidance: list[str] = field(default_factory=lambda: ["label"])
    limits: dict[str, float] = field(default_factory=dict)
    personas: dict[str, Any] = field(default_factory=dict)
    hears: bool = False

    @property
    def starting(self) -> tuple[Any, ...]:
        """The settings that decide how a sidecar is started here."""
        return self.python, self.bundle, self.backbones, self.offline, self.device, self.idle_exit

    def with_sidecar(self, about: dict[str, Any]) -> PluginSettings:
        """These settings with what a sidecar says of itself (docs/protocol.md, hello)."""
        return replace(
            self,
            labels=[str(mood) for mood in about.get("moods") or about.get("labels") or self.labels],
            regions=[str(region) for region in about.get("regions") or self.regions],
            guidance=[str(kind) for kind in about["capabilities"].get("guidance") or ["label"]],
            hears=about["capabilities"].get("hears") is True,
            personas={
                str(name): one for name, one in dict(about.get("personas") or {}).items() if isinstance(one, dict)
            },
            limits={str(name): value for name, value in about["limits"].items() if isinstance(value, (int, float))},
        )


def folder() -> Path:
    """`Saved/MEDTalk` of the project; made if it is missing. Raises `PluginError` where that cannot be."""
    saved = unreal.Paths.convert_relative_path_to_full(unreal.Paths.project_saved_dir())
    path = Path(saved) / "MEDTalk"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PluginError(
            f"The folder {path} of the project cannot be made: {error.strerror}.",
            "Give yourself the right to write into the project's folder.",
        ) from error
    return path


def load() -> PluginSettings:
    """The settings as they were saved; the default for whatever is missing or damaged."""
    settings = PluginSettings()
    path = folder() / "settings.json"
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return settings
    except (OSError, ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        unreal.log_warning(f"MEDTalk: {path} cannot be read; the settings are the default ones.")
        return settings
    good, _ = fitting(PluginSettings, content)
    return PluginSettings(**good)


def save(settings: PluginSettings) -> None:
    """Write the settings, whole or not at all. A disk that is full or read-only costs a line in the log, no more."""
    path = folder() / "settings.json"
    try:
        write_whole(path, json.dumps(asdict(settings), indent=1))
    except OSError as error:
        unreal.log_warning(f"MEDTalk: {path} cannot be written: {error.strerror}.")


def fitting(kind: type, content: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The values of `content` that fit the fields of the dataclass `kind`, and the names that do not."""
    default = kind()
    known = {entry.name: getattr(default, entry.name) for entry in fields(kind)}
    good, bad = {}, []
    for name, value in content.items():
        fits = name in known and _same_kind(known[name], value)
        if fits:
            good[name] = type(known[name])(value)
        else:
            bad.append(name)
    return good, bad


def checked(kind: type, content: dict[str, Any], what: str) -> dict[str, Any]:
    """The values that a program gives for the fields of the dataclass `kind`; `PluginError` for names and values that
    are none."""
    good, bad = fitting(kind, content)
    if not bad:
        return good
    name, defaults = bad[0], {entry.name: getattr(kind(), entry.name) for entry in fields(kind)}
    if name in defaults:
        raise PluginError(f"{name} is {content[name]!r:.60}; it must be {_KINDS[type(defaults[name])]}.")
    raise PluginError(f"Unknown name {name[:60]!r} in {what}.", f"Valid are {', '.join(defaults)}.")


def _same_kind(default: Any, value: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, (int, float)) and abs(value) < 1e9  # also no NaN, which JSON lets through
    if isinstance(default, (list, tuple)):
        return isinstance(value, (list, tuple)) and all(isinstance(entry, str) for entry in value)
    return isinstance(value, type(default))
