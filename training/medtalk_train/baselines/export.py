"""A trained baseline to a bundle that `generate`, `preview`, `sheet` and `bake` run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save
from torch import Tensor

from medtalk.bundle import README, WAV2VEC2_CONFIG, WAV2VEC2_WEIGHTS, WEIGHTS, Bundle, write_bundle
from medtalk.engine.baseline import EAR, NETWORK
from medtalk.errors import TrainingError
from medtalk.version import __version__
from medtalk_train.baselines.learning import Learned, read
from medtalk_train.captured.ground import CapturedGround
from medtalk_train.synthetic.ground import SyntheticGround

if TYPE_CHECKING:
    from medtalk_train.run import Run

PAPERS = {
    "faceformer": "FaceFormer (Fan, Lin, Saito, Wang, Komura, CVPR 2022)",
    "emotalk": "EmoTalk (Peng, Wu, Song, Xu, Zhu, He, Liu, Fan, ICCV 2023)",
    "emoface": "EmoFace (Liu, Lin, Zeng, Pan, IEEE VR 2024)",
    "diffposetalk": "DiffPoseTalk (Sun, Lv, Ye, Lin, Sheng, Wen, Yu, Liu, ACM TOG 2024)",
}


def export(learned: Learned | Path, run: Run, folder: Path, metrics: Mapping[str, float]) -> Bundle:
    """Write a bundle of the kind baseline.

    Args:
        learned: what `learn` gave, or its folder.
        run: that it learned on; what hears for it goes into the bundle, or is named there.
        folder: where to; replaced as a whole if it exists.
        metrics: figures for the manifest and the card.

    Raises:
        TrainingError: the training is not done, or its weights are not finite.
        OutputError: the folder cannot be written.
    """
    learned = read(learned) if isinstance(learned, Path) else learned
    network, ground = learned.network.cpu(), run.ground
    state = {f"{NETWORK}{name}": tensor.contiguous() for name, tensor in network.state_dict().items()}
    if broken := [name for name, tensor in state.items() if not torch.isfinite(tensor).all()]:
        raise TrainingError(f"The weights {broken[0]} are not finite.", "Train again.")
    if isinstance(ground, SyntheticGround):
        fields, own, files = _own_ear(ground)
    else:
        assert isinstance(ground, CapturedGround)
        fields, own, files = _backbones(ground, network.hears_emotion)
    fields = {
        "kind": "baseline",
        "method": network.name,
        "name": f"{run.recipe.name}-{network.name}",
        "text_mode": "constant",
        "metrics": dict(metrics),
        "created_by": f"medtalk-train {__version__}",
        "trained": {"steps": learned.steps, "seconds": round(learned.seconds, 1), "validation": learned.best},
        **fields,
    }
    fields["sizes"] = {"network": network.sizes.to_dict(), **fields["sizes"]}
    return write_bundle(folder, fields, {**files, WEIGHTS: save({**state, **own}), README: _card(fields).encode()})


_Parts = tuple[dict[str, Any], dict[str, Tensor], dict[str, bytes | Path]]


def _own_ear(ground: SyntheticGround) -> _Parts:
    """Fields, tensors and files of a bundle that hears by our own ear."""
    ear = ground.data.ear
    hours = [json.loads((corpus / "corpus.json").read_text("utf-8"))["hours_by_engine"] for corpus in ground.corpora]
    named = ", ".join(f"{n:.1f} h of {engine}" for about in hours for engine, n in about.items())
    fields = {
        "sizes": {"ear": ear.config.to_dict()},
        "licence": "MIT",
        "training_data": f"speech with phone times ({named}); faces made by rules, no captured one",
    }
    # The ear as compact bundles have it: in half precision.
    state = {f"{EAR}{name}": tensor.half().contiguous() for name, tensor in ear.cpu().state_dict().items()}
    licence = resources.files("medtalk_train.synthetic").joinpath("whisper_license.txt").read_bytes()
    return fields, state, {"LICENSE.whisper": licence}


def _backbones(ground: CapturedGround, hears_emotion: bool) -> _Parts:
    """The same of a bundle that hears by the pretrained backbones of captured faces."""
    from medtalk_train.captured.export import front_end
    from medtalk_train.captured.frozen import Frozen

    frozen = Frozen(ground.options, ground.cache, ground.device)
    config, front = front_end(frozen.source("wav2vec2"), ground.options.layer)
    rows = ground.data.recorded(3).rows
    fields = {
        "sizes": {},
        "licence": "that of the data and backbones that it was trained on",
        "training_data": f"{len(rows)} takes of {len({row.speaker for row in rows})} speakers",
        "backbones": {"emotion2vec": frozen.name("emotion2vec")} if hears_emotion else {},
        "wav2vec2_layer": ground.options.layer,
    }
    return fields, {}, {WAV2VEC2_CONFIG: config.encode(), WAV2VEC2_WEIGHTS: save(front)}


def _card(fields: Mapping[str, Any]) -> str:
    """README.md of the bundle."""
    figures = "\n".join(f"| {name} | {value:.4g} |" for name, value in fields["metrics"].items())
    trained = fields["trained"]
    return "\n\n".join([
        f"# {fields['name']}",
        f"{PAPERS[fields['method']]} at 174 MetaHuman channels: a baseline for MEDTalk (its paper, Table 1), written "
        "from the method's paper and trained anew. It is for comparisons: seven emotions guide it, and nothing else. "
        "It needs the extra `full`. What differs from its paper: docs/training/baselines.md.",
        "## Training",
        f"Data: {fields['training_data']}. {trained['steps']} steps in {trained['seconds']:.0f} s, stopped by a mean "
        f"square error of {trained['validation']:.3g} on sentences that it did not learn from.",
        *(["## Measured", f"| what | value |\n|---|---|\n{figures}"] if figures else []),
        "## Licence",
        f"{fields['licence']}.",
    ]) + "\n"  # fmt: skip
