"""Networks trained on pretrained backbones to a bundle of the kind medtalk: torch weights, wav2vec2 up to its layer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save
from torch import Tensor
from transformers import Wav2Vec2Config, Wav2Vec2Model

from medtalk.backbones import wav2vec2
from medtalk.backbones.pretrained import Pretrained, load_transformers, loading
from medtalk.bundle import WAV2VEC2_CONFIG, WAV2VEC2_WEIGHTS, WEIGHTS, Bundle, write_bundle
from medtalk.engine.full import CONSTANT_TEXT, MODEL
from medtalk.errors import TrainingError
from medtalk.model.medtalk import MEDTalk
from medtalk.version import __version__

if TYPE_CHECKING:
    from numpy.typing import NDArray


_MEASURED = (
    "On held-out takes: Eq. 15 to 18, and how well the networks of stage 1 rebuild the faces. R2 rebuilt is 1 for the "
    "face itself and 0 for a face that stands still at the mean of each take; pose error rebuilt is how far that mean "
    "is off."
)


def export_paper(
    model: MEDTalk,
    source: Pretrained,
    layer: int,
    backbones: Mapping[str, str],
    folder: str | Path,
    meta: Mapping[str, Any],
    no_words: NDArray | None = None,
) -> Bundle:
    """Write a bundle of the kind medtalk.

    Args:
        model: the trained networks.
        source: the wav2vec2 that they were trained on; what `layer` needs of it goes into the bundle.
        layer: the state of it that they hear.
        backbones: names of the others, by part.
        folder: where to; replaced as a whole if it exists.
        meta: `name`, `training_data`, `metrics`, `untrained`, `notes` (lines for the model card), and if known
            `licence`.
        no_words: for networks that met no words in training, what they met instead (N, W); such a bundle hears none.

    Raises:
        TrainingError: weights that are not finite.
        BackboneError: the wav2vec2 is missing.
        OutputError: the folder cannot be written.
    """
    state = {f"{MODEL}{name}": tensor.contiguous() for name, tensor in model.cpu().state_dict().items()}
    if no_words is not None:
        state[CONSTANT_TEXT] = torch.from_numpy(no_words.astype("float32"))
        backbones = {part: name for part, name in backbones.items() if part not in ("roberta", "whisper")}
    broken = [name for name, tensor in state.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise TrainingError(f"The weights {', '.join(broken[:3])} are not finite.", "Train again with a smaller rate.")
    config, front = front_end(source, layer)
    fields = {
        "kind": "medtalk",
        "name": meta["name"],
        "sizes": {"model": model.config.to_dict()},
        "text_mode": "words" if no_words is None else "constant",
        "backbones": dict(backbones),
        "wav2vec2_layer": layer,
        "licence": meta.get("licence", "that of the data and backbones that it was trained on"),
        "training_data": meta["training_data"],
        "metrics": dict(meta["metrics"]),
        "untrained": list(meta["untrained"]),
        "created_by": f"medtalk-train {__version__}",
    }
    files: dict[str, bytes | Path] = {
        WEIGHTS: save(state),
        WAV2VEC2_CONFIG: config.encode(),
        WAV2VEC2_WEIGHTS: save(front),
        "README.md": _card(fields, meta["notes"]).encode(),
    }
    return write_bundle(folder, fields, files)


def front_end(source: Pretrained, layer: int) -> tuple[str, dict[str, Tensor]]:
    """A wav2vec2 up to a layer: its configuration as JSON, and its tensors."""
    folder = wav2vec2.locate(source)
    with loading(source, folder):
        config = Wav2Vec2Config.from_json_file(folder / "config.json")
        text = config.to_json_string(use_diff=False)
        needed = wav2vec2.empty_model(config, source, layer).state_dict()  # which cuts the config to the layer
        after = r"^encoder\.layer_norm" if config.do_stable_layer_norm else r"^$"
        whole = load_transformers(Wav2Vec2Model, folder, config, unused=after).state_dict()
    return text, {name: whole[name].contiguous() for name in needed}


def _card(fields: Mapping[str, Any], notes: list[str]) -> str:
    """README.md of the bundle."""
    figures = "\n".join(f"| {name} | {value:.4g} |" for name, value in fields["metrics"].items())
    backbones = ", ".join(f"{part} ({name})" for part, name in fields["backbones"].items())
    return "\n\n".join([
        f"# {fields['name']}",
        "A MEDTalk bundle of the kind medtalk: speech in, 174 MetaHuman rig channels at 60 fps out, in seven emotions. "
        f"Beside it, it needs the extra `full` and the pretrained backbones {backbones}.",
        "## Training",
        f"Data: {fields['training_data']}.",
        *([f"Untrained parts: {', '.join(fields['untrained'])}."] if fields["untrained"] else []),
        *notes,
        *([f"## Measured\n\n{_MEASURED}\n\n| what | value |\n|---|---|\n{figures}"] if figures else []),
        "## Licence",
        f"{fields['licence']}.",
    ]) + "\n"  # fmt: skip
