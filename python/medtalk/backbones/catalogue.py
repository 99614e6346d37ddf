"""The pretrained backbones that bundles use: which are on this machine, and downloading the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from medtalk.backbones.pretrained import CLIP, EMOTION2VEC, EMOTION2VEC_PLUS, ROBERTA, WAV2VEC2, WHISPER, Pretrained
from medtalk.bundle import load_bundle
from medtalk.errors import BackboneError, SettingError

Locate = Callable[[Pretrained, bool], Path]


@dataclass(frozen=True)
class Backbone:
    """A backbone that the paper or a bundle of the kind medtalk uses.

    Attributes:
        part: what it is to a bundle, as in `--backbone NAME=DIR`.
        name: what its library calls it.
        locate: finds its weights, and downloads them if `update`, by the adapter of its library.
        use: what it serves.
        licence: as stated by its makers when this was written; "" where it has to be looked up there.
    """

    part: str
    name: str
    locate: Locate
    use: str
    licence: str

    def location(self) -> Path | None:
        """Its place on this machine, or None. Nothing is downloaded."""
        try:
            return self.locate(Pretrained(self.name, offline=True), False)
        except BackboneError:
            return None

    def download(self) -> Path:
        """Its place once its library has downloaded it to its usual cache; the library shows the progress.

        Raises:
            BackboneError: it cannot be downloaded or written there.
        """
        return self.locate(Pretrained(self.name), True)


# Each adapter is imported when it is needed: its library takes seconds to load and may be missing.


def _emotion2vec(source: Pretrained, update: bool) -> Path:
    from medtalk.backbones.emotion2vec import locate

    return locate(source, update)


def _clip(source: Pretrained, update: bool) -> Path:
    from medtalk.backbones.clip import locate

    return locate(source, update)


def _wav2vec2(source: Pretrained, update: bool) -> Path:
    from medtalk.backbones.wav2vec2 import locate

    return locate(source, update)


def _roberta(source: Pretrained, update: bool) -> Path:
    from medtalk.backbones.roberta import locate

    return locate(source, update)


def _whisper(source: Pretrained, update: bool) -> Path:
    from medtalk.backbones.whisper import locate

    return locate(source, update)


KNOWN = (
    Backbone("emotion2vec", EMOTION2VEC, _emotion2vec, "the intensity of bundles of the kind medtalk", ""),
    Backbone(
        "emotion2vec_plus", EMOTION2VEC_PLUS, _emotion2vec, "--emotion auto, in place of the bundle's own ear", ""
    ),
    Backbone("clip", CLIP, _clip, "--text and --image of bundles of the kind medtalk", "MIT"),
    Backbone("wav2vec2", WAV2VEC2, _wav2vec2, "training; a bundle of the kind medtalk has its own", "Apache-2.0"),
    Backbone("roberta", ROBERTA, _roberta, "the words, in bundles that use them; training", "Apache-2.0"),
    Backbone("whisper", WHISPER, _whisper, "transcription, where no transcript is given", "MIT"),
)


def known(name: str) -> Backbone:
    """A backbone by its part, or by its library's name; `SettingError` for an unknown name."""
    for backbone in KNOWN:
        if name in (backbone.part, backbone.name):
            return backbone
    raise SettingError(
        f"Unknown backbone {name[:60]!r}; valid are {', '.join(backbone.part for backbone in KNOWN)}.",
        "Download those of your own bundle with --bundle DIR.",
    )


def needed(bundle: str | Path) -> list[Backbone]:
    """The backbones that a bundle uses, by the names that it gives them; `BundleError` if it is not a bundle."""
    backbones = []
    for part, name in load_bundle(bundle).backbones.items():
        usual = known(part)
        backbones.append(usual if name == usual.name else replace(usual, name=name, licence=""))
    return backbones


def size(place: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(file.stat().st_size for file in ([place] if place.is_file() else place.rglob("*")) if file.is_file())
