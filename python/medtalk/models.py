"""The pretrained backbones on this machine: what is there, and fetching what is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from medtalk.backbones.pretrained import CLIP, EMOTION2VEC, ROBERTA, WAV2VEC2, WHISPER, Pretrained
from medtalk.errors import BackboneError, SettingError


@dataclass(frozen=True)
class KnownModel:
    """A backbone that the paper or a bundle of the kind medtalk uses.

    Attributes:
        part: what it is to a bundle, as in `--backbone PART=DIR`.
        name: what its library calls it.
        module: of the adapter that loads it.
        use: what it serves.
        licence: as its makers' pages told it when this was written; "" where it has to be looked up there.
    """

    part: str
    name: str
    module: str
    use: str
    licence: str

    def place(self) -> Path | None:
        """Where it lies on this machine, or None. Nothing is fetched."""
        try:
            return _locate(self, Pretrained(self.name, offline=True), update=False)
        except BackboneError:
            return None


KNOWN = (
    KnownModel("emotion2vec", EMOTION2VEC, "emotion2vec", "the intensity of bundles of the kind medtalk", ""),
    KnownModel("clip", CLIP, "clip", "--text and --image of bundles that were imported with --clip", "MIT"),
    KnownModel("wav2vec2", WAV2VEC2, "wav2vec2", "training; an imported bundle has its own", "Apache-2.0"),
    KnownModel("roberta", ROBERTA, "roberta", "training with words", "Apache-2.0"),
    KnownModel("whisper", WHISPER, "transcript", "transcripts", "MIT"),
)


def pull(names: Sequence[str]) -> list[tuple[KnownModel, Path]]:
    """Fetch backbones, named by part or by their libraries' names, into their libraries' usual caches.

    Their libraries show the progress. Raises `SettingError` for a name that is none, `BackboneError` for one that
    cannot be fetched; those before it are there then.
    """
    wanted = [_known(name) for name in names]
    return [(model, _locate(model, Pretrained(model.name), update=True)) for model in wanted]


def size(place: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(file.stat().st_size for file in ([place] if place.is_file() else place.rglob("*")) if file.is_file())


def _known(name: str) -> KnownModel:
    for model in KNOWN:
        if name in (model.part, model.name):
            return model
    raise SettingError(f"Unknown model {name[:60]!r}; valid are {', '.join(model.part for model in KNOWN)}.")


def _locate(model: KnownModel, source: Pretrained, update: bool) -> Path:
    return import_module(f"medtalk.backbones.{model.module}").locate(source, update)
