"""The pretrained backbones on this machine: what is there, and fetching what is not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from medtalk.backbones.pretrained import CLIP, EMOTION2VEC, EMOTION2VEC_PLUS, ROBERTA, WAV2VEC2, WHISPER, Pretrained
from medtalk.bundle import load_bundle
from medtalk.errors import BackboneError, SettingError


@dataclass(frozen=True)
class KnownModel:
    """A backbone that the paper or a bundle of the kind medtalk uses.

    Attributes:
        part: what it is to a bundle, as in `--backbone NAME=DIR`.
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
            return self._locate(offline=True)
        except BackboneError:
            return None

    def fetch(self) -> Path:
        """Where it lies once its library has fetched it into its usual cache; the library shows the progress.

        Raises:
            BackboneError: it cannot be fetched, or not be written there.
        """
        return self._locate(offline=False)

    def _locate(self, offline: bool) -> Path:
        locate = import_module(f"medtalk.backbones.{self.module}").locate
        return locate(Pretrained(self.name, offline=offline), update=not offline)


KNOWN = (
    KnownModel("emotion2vec", EMOTION2VEC, "emotion2vec", "the intensity of bundles of the kind medtalk", ""),
    KnownModel("emotion2vec_plus", EMOTION2VEC_PLUS, "emotion2vec", "--emotion auto, with any bundle", ""),
    KnownModel("clip", CLIP, "clip", "--text and --image of bundles of the kind medtalk", "MIT"),
    KnownModel("wav2vec2", WAV2VEC2, "wav2vec2", "training; a bundle of the kind medtalk has its own", "Apache-2.0"),
    KnownModel("roberta", ROBERTA, "roberta", "the words of bundles that hear them; training", "Apache-2.0"),
    KnownModel("whisper", WHISPER, "transcript", "the words, where no transcript is given", "MIT"),
)


def known(name: str) -> KnownModel:
    """A backbone by its part, or by its library's name; `SettingError` for a name that is none."""
    for model in KNOWN:
        if name in (model.part, model.name):
            return model
    raise SettingError(
        f"Unknown model {name[:60]!r}; valid are {', '.join(model.part for model in KNOWN)}.",
        "Those of a bundle of your own are fetched with --bundle DIR.",
    )


def needed(bundle: str | Path) -> list[KnownModel]:
    """The backbones that a bundle uses, by the names that it gives them; `BundleError` for what is no bundle."""
    models = []
    for part, name in load_bundle(bundle).backbones.items():
        usual = known(part)
        models.append(usual if name == usual.name else replace(usual, name=name, licence=""))
    return models


def size(place: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(file.stat().st_size for file in ([place] if place.is_file() else place.rglob("*")) if file.is_file())
