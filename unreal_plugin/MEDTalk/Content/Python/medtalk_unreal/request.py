"""A request: sounds, how to animate them, and where the keys go. Only texts and numbers."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, make_dataclass, replace
from pathlib import Path
from typing import Any

from medtalk_board.moods import NEUTRAL
from medtalk_unreal.errors import PluginError
from medtalk_unreal.interpreter import SETTINGS
from medtalk_unreal.places import SEQUENCE_NAME, filled
from medtalk_unreal.settings import PluginSettings, checked, fitting
from medtalk_unreal.take import Target
from medtalk_wire import settings as wire
from medtalk_wire.settings import AUTO

CHANNELS = ("mix", "left", "right")
"""What is heard of a stereo sound."""
OF_ONCE = (
    "sounds", "sound_start", "sound_end", "moods_over_time",
    "actor", "sequence", "start_frame", "skeleton", "blueprint",
)  # fmt: skip
"""Of the fields of a request, those that belong to its sounds or its target: they are not remembered."""
_PLACEHOLDERS = {"sequence_name": ("face", "sound"), "sequence_folder": ("folder",)}
_PICTURE = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|RIFF....WEBP", re.DOTALL)  # how such a file begins
_HOURS = 1e6  # seconds: no sound is longer
_BEGINNING = 16  # bytes: enough to recognize it

_OWN = ("emotion", "text", "image", "intensity", "region", "persona", "blink", "gaze", "head")
"""Settings of a take that `Request` has as fields of its own, two of them by Epic's words."""
NOT_IN_UNREAL = {
    "image_name": "the name of the picture's file",
    "transcript": "the Spoken Text of the SoundWave",
    "timeline": "marked frames of the sequence (marked_frames), or moods_over_time",
    "curve": "keys are what an animator edits here",
    "curve_mode": "there is no curve",
    "span": "sound_start and sound_end",
    "fps": "that of the sequence",
    "smoothing": "of the paper's finishing, which is for comparisons",
    "closures": "of the paper's finishing, which is for comparisons",
    "amounts": "of a persona, or of a program",
}
"""Settings of a take that are not to be chosen in Unreal, and what takes their place."""
MORE = tuple(
    knob
    for knob in (*wire.knobs(wire.Settings), *wire.knobs(wire.Finishing))
    if knob.name not in (*_OWN, *NOT_IN_UNREAL)
)
"""All other settings of a take: they are in a request, a job file and the form by themselves."""
# A choice or an optional value needs a field and a property of its own, in `_OWN`.
assert not any(knob.choices or knob.optional for knob in MORE)
_More = make_dataclass("_More", [(knob.name, knob.kind, knob.default) for knob in MORE], frozen=True)


@dataclass(frozen=True)
class Request(_More):
    """`sounds` are asset paths of SoundWaves; each becomes a take, one after the other from `start_frame` on.

    The mood is `text` or `image` (a file with a picture) if the sidecar takes such, else `mixture`
    ("happy:0.7,surprised:0.3"), else `emotion`: a label, "auto" for what is heard in the voice, or "" for the same
    where the sidecar hears moods, and neutral where it does not. A `mixture` of less than 1 beside a text or picture is
    mixed with it. With `marked_frames` the marked frames of the sequence set the
    mood, each up to the next (`marks`); with `moods_over_time` spans of the sound do, as in "0-2 angry, 2- happy:0.5".
    `actor` is the path name of an actor in the level, "" the one that `sequence` has already; `sequence` an asset path,
    "" makes a new one in `sequence_folder`, where {folder} is that of the sound.
    With `one_each` every sound gets a new sequence, in place of all one behind the other in the same; then, and with
    `skeleton`, `resume` saves each asset as it is done, and leaves those that are done. With `skeleton`
    (the path of the face's Skeleton or SkeletalMesh) an AnimSequence is made there in place of a sequence; this needs
    no level. `head` is off until it is wanted: the body may turn the head already. `sound_channel` is what is heard of
    a stereo sound; `sound_start` and `sound_end` are the seconds of it that are animated, of every sound, with 0 for
    its end. `persona` is the name of one that the sidecar has, which gives what is left at its default. The
    rest is that of `take.Target` and of `medtalk_wire.Settings`.
    """

    sounds: tuple[str, ...] = ()
    emotion: str = ""
    mixture: str = ""
    text: str = ""
    image: str = ""
    mood_intensity: float = 1.0
    marked_frames: bool = False
    moods_over_time: str = ""
    actor: str = ""
    sequence: str = ""
    sequence_folder: str = "/Game/MEDTalk"
    start_frame: int = 0
    frame_step: int = 1
    blink: bool = True
    gaze: bool = True
    head: str = "off"
    process_mask: str = "full"
    tolerance: float = 0.002
    replace: bool = True
    writer: str = "channels"
    skeleton: str = ""
    persona: str = ""
    layers: str = "one"
    hand_edits: str = "offset"
    blueprint: str = ""
    camera: bool = False
    frame_rate: str = "project"
    sequence_name: str = SEQUENCE_NAME
    one_each: bool = False
    resume: bool = False
    mute_animation: bool = False
    sound_channel: str = "mix"
    sound_start: float = 0.0
    sound_end: float = 0.0

    @classmethod
    def read(cls, content: Any) -> Request:
        """The request that a job file or a Blueprint gives; `PluginError` for names and values that are none."""
        if not isinstance(content, dict):
            raise PluginError("A request must be a JSON object.", f"Its names are: {', '.join(_names())}.")
        return cls(**checked(cls, _as_now(content), "a request"))

    @classmethod
    def remembered(cls, settings: PluginSettings) -> Request:
        """As the form was last used; what does not fit any more is the default."""
        good, _ = fitting(cls, _as_now(settings.form))
        request = cls(**{name: value for name, value in good.items() if name not in OF_ONCE})
        if not Path(request.image).is_file():
            request = replace(request, image="")
        try:
            request.check(settings)
        except PluginError:
            return cls()
        return request

    def to_remember(self) -> dict[str, Any]:
        """What the form shows the next time: everything but what is of these sounds, or this sequence."""
        return {name: value for name, value in asdict(self).items() if name not in OF_ONCE}

    def check(self, settings: PluginSettings) -> None:
        """Raise `PluginError` for a value outside its range, as far as that can be checked without the editor."""
        if not 0 <= self.mood_intensity <= wire.MAX_INTENSITY:
            raise PluginError(f"Mood intensity is {self.mood_intensity:g}; valid are 0 to {wire.MAX_INTENSITY:g}.")
        for knob in MORE:
            low, high = knob.limits or (-math.inf, math.inf)
            if knob.kind in (int, float) and not low <= getattr(self, knob.name) <= high:
                raise PluginError(f"{knob.name} is {getattr(self, knob.name):g}; valid are {low:g} to {high:g}.")
        if not 0 <= self.sound_start < (self.sound_end or _HOURS) <= _HOURS:
            part = f"{self.sound_start:g} to {self.sound_end:g} s"
            raise PluginError(f"The part of the sound is {part}.", "It must begin before it ends.")
        if self.sound_channel not in CHANNELS:
            raise PluginError(f"The sound channel must be one of {', '.join(CHANNELS)}.")
        for name, valid in _PLACEHOLDERS.items():
            filled(name, getattr(self, name), dict.fromkeys(valid, ""))
        self.target()
        self._check_mood(settings)

    @property
    def bulk(self) -> bool:
        """Whether each sound has an asset of its own that is saved as it is done, and left where it is done."""
        return self.resume and (self.one_each or bool(self.skeleton))

    def target(self) -> Target:
        """Where the keys go."""
        return Target(
            sequence=self.sequence or None, sequence_folder=self.sequence_folder, actor=self.actor or None,
            start_frame=self.start_frame, frame_step=self.frame_step, process_mask=self.process_mask,
            tolerance=self.tolerance, replace=self.replace, writer=self.writer, layers=self.layers,
            hand_edits=self.hand_edits, head=self.head, blueprint=self.blueprint or None, camera=self.camera,
            frame_rate=self.frame_rate, sequence_name=self.sequence_name, mute_animation=self.mute_animation,
        )  # fmt: skip

    def _check_mood(self, settings: PluginSettings) -> None:
        if self.text and self.image:
            raise PluginError("Text and picture are both set.", "Clear one.")
        if (self.text or self.image) and self.mixture.strip().lower() == AUTO:
            raise PluginError("The mood from the voice cannot be mixed with a text or picture.", "Clear one.")
        if self.marked_frames and self.moods_over_time.strip():
            raise PluginError("Moods at Marked Frames and Moods Over Time are both set.", "Choose one.")
        longest = settings.limits.get("max_text", 65536)
        for name in ("text", "mixture", "moods_over_time"):
            if len(getattr(self, name).encode("utf-8", "replace")) > longest:
                what = f"The {name.replace('_', ' ')} has {len(getattr(self, name))} characters"
                raise PluginError(f"{what}; at most {longest:.0f} bytes are allowed.")
        if len(self.text) > wire.MAX_TEXT:
            raise PluginError(f"The text has {len(self.text)} characters; at most {wire.MAX_TEXT} are read.", "Cut it.")
        if self.image:
            self._check_picture(settings)

    def heard(self, settings: PluginSettings) -> Request:
        """This request with a mood where it leaves that to the voice: `settings` know what the sidecar hears."""
        if self.emotion or (self.persona and "emotion" in settings.personas.get(self.persona, {})):
            return self
        return replace(self, emotion=AUTO if settings.hears else NEUTRAL)

    def check_guidance(self, settings: PluginSettings) -> None:
        """Raise `PluginError` for a mood of a kind that the sidecar, as it was last greeted, does not take."""
        if self._kind not in settings.guidance:
            what, hint = _LACKING[self._kind]
            raise PluginError(what, hint)
        if self.persona and self.persona not in settings.personas:
            known = ", ".join(settings.personas) or "none: MEDTalk is older on its side"
            raise PluginError(f"The sidecar has no persona called {self.persona[:60]!r}.", f"It has {known}.")

    def wire_settings(
        self,
        picture: bytes,
        fps: float,
        transcript: str,
        timeline: Sequence[Any] | None = None,
        personas: Mapping[str, Any] | None = None,
    ) -> wire.Settings:
        """The settings to send. picture: of `read_picture`. A `transcript` of "" is unknown. timeline: of `marks`.
        personas: those of the sidecar."""
        guided = self.text or self.image
        chosen = {"intensity": self.mood_intensity, "region": self.process_mask}
        chosen |= {name: getattr(self, name) for name in ("blink", "gaze", *(knob.name for knob in MORE))}
        chosen["head"] = self.head != "off"
        steps = {each.name: chosen.pop(each.name) for each in fields(wire.Finishing) if each.name in chosen}
        return wire.Settings(
            emotion=self.mixture.strip() or (None if guided else self.emotion) or None, text=self.text,
            persona=(personas or {}).get(self.persona),
            image=picture, image_name=Path(self.image).name if picture else "",
            transcript=transcript.strip() or None, fps=fps, timeline=timeline or None,
            span=(self.sound_start, self.sound_end or None) if self.sound_start or self.sound_end else None,
            finishing=wire.Finishing(**steps), **chosen,
        )  # fmt: skip

    @property
    def _kind(self) -> str:
        """The kind of guidance (docs/protocol.md)."""
        if self.text or self.image:
            return "text" if self.text else "image"
        return AUTO if (self.mixture.strip() or self.emotion).lower() == AUTO else "label"

    def read_picture(self, settings: PluginSettings) -> bytes:
        """The bytes of the picture's file, b"" without one. `PluginError` if it is no longer a picture."""
        if not self.image:
            return b""
        most = _most_bytes(settings)
        return self._open_picture(most, most + 1)

    def _check_picture(self, settings: PluginSettings) -> None:
        """Raise `PluginError` if it is not a picture, by its size and first bytes."""
        self._open_picture(_most_bytes(settings), _BEGINNING)

    def _open_picture(self, most: int, count: int) -> bytes:
        """Up to `count` bytes of the picture's file, which may have `most`."""
        path, valid = Path(self.image), "Valid are PNG, JPEG and WEBP files."
        try:
            if path.exists() and not path.is_file():  # to open a device or a pipe could block
                raise PluginError(f"{path} is not a picture.", valid)
            with open(path, "rb") as file:
                size, data = os.fstat(file.fileno()).st_size, file.read(count)
        except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
            reason = getattr(error, "strerror", None) or error
            raise PluginError(f"The picture {path} cannot be read: {reason}.", valid) from error
        if not _PICTURE.match(data):
            raise PluginError(f"{path} is not a picture.", valid)
        if max(size, len(data)) > most:
            raise PluginError(f"The picture {path} has more than {most} bytes.", "Make it smaller.")
        return data


def _as_now(content: dict[str, Any]) -> dict[str, Any]:
    """A request of before as it is written now: the head was only on or off."""
    head = content.get("head")
    return {**content, "head": "control" if head else "off"} if isinstance(head, bool) else content


def _most_bytes(settings: PluginSettings) -> int:
    """Bytes of the largest picture that the sidecar accepts."""
    return int(settings.limits.get("max_image_bytes", wire.MAX_PICTURE_BYTES))


_LACKING = {
    "label": ("The sidecar's model does not accept a label as the mood.", "Choose another model."),
    "text": ("The sidecar's model does not accept a text as the mood.", "Choose an emotion, or another model."),
    "image": (
        "The sidecar's model does not accept a picture as the mood.",
        f"Choose an emotion, or set Model in {SETTINGS} to one that does.",
    ),
    AUTO: (
        "The sidecar cannot hear the mood in the voice.",
        "Choose an emotion, or run pip install 'medtalk[full]' with the sidecar's Python.",
    ),
}


def _names() -> list[str]:
    return [entry.name for entry in fields(Request)]
