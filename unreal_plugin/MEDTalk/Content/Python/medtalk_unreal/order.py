"""What to make of the results of `medtalk bake`: which lines, for whom, into which assets. Only texts and numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medtalk_unreal import bake, compat, facerig, spawned
from medtalk_unreal.edits import asset_path, check_editable
from medtalk_unreal.errors import PluginError
from medtalk_unreal.places import filled
from medtalk_unreal.results import Line, ledgers
from medtalk_unreal.settings import PluginSettings, checked, fitting
from medtalk_unreal.take import Target

SEQUENCE_NAME, ANIMATION_NAME = "LS_{name}", "AS_{name}"
_NAME = ("name", "id", "character", "language")
_FOLDER = ("folder", "character", "language")
_IN_FOLDERS = re.compile(r"[^\w+/-]+")
OF_ONCE = ("actor", "blueprint", "skeleton")
"""Of the fields of an order, those that belong to its target: they are not remembered."""


@dataclass(frozen=True)
class Order:
    """`results` is a folder that `medtalk bake` has written, or one of its ledgers. Of its lines those of `character`
    and `language` are meant, all where these are "".

    Each becomes a Level Sequence of `actor` (the path name of an actor in the level) or of a `blueprint` that is
    spawned in it; or, with `skeleton`, an AnimSequence, which needs no level. It is called `sequence_name`, with {name}
    (of the rig's file), {id}, {character} and {language}, and lies in `sequence_folder`, with {folder} (of the rig's
    file, below the results), {character} and {language}.

    `sound_folder` has the SoundWaves, which are called like the sounds or the ids of the lines; the same names in
    braces are for it. With `import_sounds`, what is missing there is imported from the line's file. `again` makes also
    what is done. The rest is that of `take.Target`.
    """

    results: str = ""
    character: str = ""
    language: str = ""
    actor: str = ""
    blueprint: str = ""
    skeleton: str = ""
    sequence_name: str = SEQUENCE_NAME
    sequence_folder: str = "/Game/MEDTalk/{folder}"
    frame_rate: str = "project"
    start_frame: int = 0
    frame_step: int = 1
    process_mask: str = "full"
    tolerance: float = 0.002
    head: str = "off"
    hand_edits: str = "offset"
    writer: str = "channels"
    camera: bool = False
    sound_folder: str = ""
    import_sounds: bool = False
    again: bool = False

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Order:
        """The order that a job file gives; `PluginError` for names and values that are none."""
        return cls(**checked(cls, dict(content), "a bake of results"))

    @classmethod
    def remembered(cls, settings: PluginSettings) -> Order:
        """As the form was last used; what does not fit any more is the default."""
        good, _ = fitting(cls, settings.bake)
        return cls(**{name: value for name, value in good.items() if name not in OF_ONCE})

    def to_remember(self) -> dict[str, Any]:
        """What the form shows the next time."""
        return {name: value for name, value in asdict(self).items() if name not in OF_ONCE}

    def check(self) -> None:
        """Check all but the lines. Raises `PluginError`."""
        if not self.results.strip():
            raise PluginError("No results are chosen.", "Choose the folder that medtalk bake has written.")
        ledgers(Path(self.results))
        check_editable()
        if self.import_sounds and not self.sound_folder:
            raise PluginError("No folder is chosen for the sounds.", "It says where they are imported to.")
        self.asset(_NOBODY)
        self.sounds(_NOBODY)
        self.target(_NOBODY)
        if self.skeleton:
            bake.find_skeleton(self.skeleton)
        elif compat.is_commandlet():  # AddControlRig would end it with an assert: it closes open menus first
            raise PluginError(
                "A commandlet has no Sequencer, so it cannot put a face board into a sequence.",
                "Give a skeleton for AnimSequences, or start the editor without -run.",
            )
        elif self.blueprint:
            spawned.actor_class(self.blueprint)
        else:
            facerig.resolve(None, self.actor or None)

    def wants(self, line: Line) -> bool:
        """Whether a line is meant."""
        pairs = ((self.character, line.character), (self.language, line.language))
        return all(not wanted or wanted.casefold() == has.casefold() for wanted, has in pairs)

    def asset(self, line: Line) -> str:
        """The path of the asset of a line. Raises `PluginError` if the name or folder is not valid in Unreal."""
        rule = ANIMATION_NAME if self.skeleton and self.sequence_name == SEQUENCE_NAME else self.sequence_name
        title = filled("sequence_name", rule, {name: getattr(line, name) for name in _NAME})
        return asset_path(self._folder("sequence_folder", line), title)

    def sounds(self, line: Line) -> str:
        """The folder of a line's SoundWave; "" if there is none. Raises `PluginError` if it is not valid in Unreal."""
        return asset_path(self._folder("sound_folder", line)) if self.sound_folder else ""

    def target(self, line: Line) -> Target:
        """Where the keys of a line go."""
        folder, _, title = self.asset(line).rpartition("/")
        return Target(
            sequence_folder=folder, sequence_name=title, actor=self.actor or None, blueprint=self.blueprint or None,
            start_frame=self.start_frame, frame_step=self.frame_step, process_mask=self.process_mask,
            tolerance=self.tolerance, head=self.head, hand_edits=self.hand_edits, writer=self.writer,
            camera=self.camera, frame_rate=self.frame_rate,
        )  # fmt: skip

    def writing(self) -> dict[str, Any]:
        """What an asset depends on beside its rig and its sound: another one makes it anew."""
        apart = ("results", "character", "language", "sequence_name", "sequence_folder", "sound_folder", "again")
        facts = {name: value for name, value in asdict(self).items() if name not in (*apart, "import_sounds")}
        return {**facts, "actor": self.actor.rpartition(".")[2]}  # its path has the name of the level in it

    def _folder(self, field: str, line: Line) -> str:
        """A folder of the project with the names in braces replaced, by what may stand in a path."""
        values = {name: _IN_FOLDERS.sub("_", getattr(line, name)).strip("/") for name in _FOLDER}
        return re.sub("//+", "/", filled(field, getattr(self, field), values))


_NOBODY = Line("line", "line", "", "", "", Path(), {})
"""A line to check names with."""
