"""The two spaces of a bundle (Sec. 3.2): E_e and E_c of an existing face, and the decoder D behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from medtalk.bundle import WEIGHTS
from medtalk.errors import BundleError, MissingExtraError, RigError
from medtalk.rig.channels import N_CHANNELS
from medtalk.watch import checkpoint

try:
    from medtalk.engine.device import tensors, torch
except MissingExtraError as error:
    raise MissingExtraError(
        "E_e, E_c and D of a bundle run in torch, which is not installed.", "Run pip install 'medtalk[full]'."
    ) from error

from medtalk.model.config import ModelConfig
from medtalk.model.disentangle import Decoder, MotionEncoder
from medtalk.model.fusion import FusionEncoder, adjust

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from medtalk.bundle import Bundle

_AT_ONCE = 1 << 13  # frames: the values between the layers would take 2 GB for an hour
_PARTS = {"emo_encoder": MotionEncoder, "cont_encoder": MotionEncoder, "decoder": Decoder,
          "semantic_emotion_map": FusionEncoder}  # fmt: skip
_MODEL, _GUIDED = "model.", "clip."
_KINDS = ("compact", "medtalk")


class Spaces:
    """E_e, E_c, D and E_fuse of a bundle, on the CPU. Every frame stands for itself, so any rate of frames will do.

    All arrays are numpy, float32. Faces are as a decoder makes them: without blinks and looks around, which are
    neither emotion nor content (`medtalk.restyle.bare` takes them away).
    """

    latent: int
    """Width of both spaces: 256."""

    def __init__(self, bundle: Bundle, guided: bool = False) -> None:
        """Load the networks of a verified bundle of either kind.

        Args:
            bundle: with its weights.
            guided: of a bundle imported from the authors' weights, those for texts and pictures, whose spaces are
                apart from those for labels (`has_guided`).

        Raises:
            BundleError: the bundle came without its weights, they do not fit, or its kind has no such spaces.
        """
        if bundle.kind not in _KINDS:
            raise BundleError(
                f"Bundle {bundle.folder} of the kind {bundle.kind} has no spaces of emotion and content.",
                f"Use one of the kind {' or '.join(_KINDS)}.",
            )
        state = tensors(bundle, WEIGHTS, torch.device("cpu"))
        prefix = _GUIDED if guided else _MODEL
        try:
            config = ModelConfig.from_dict(bundle.manifest["sizes"]["model"])
            for name, kind in _PARTS.items():
                network = kind(config)
                network.load_state_dict(_under(f"{prefix}{name}.", state))
                setattr(self, f"_{name}", network.float().eval().requires_grad_(False))
        except (KeyError, TypeError, RuntimeError) as error:
            raise BundleError(
                f"The sizes and weights of bundle {bundle.folder} do not fit: {str(error)[:200]}", "Get it again."
            ) from error
        self.latent = config.latent
        self.has_guided = any(name.startswith(_GUIDED) for name in state)

    def emotion(self, rig: NDArray) -> NDArray[np.float32]:
        """E_e: a rig (T, 174) -> emotion embedding (T, 256)."""
        return self._over(self._emo_encoder, _faces(rig))

    def content(self, rig: NDArray) -> NDArray[np.float32]:
        """E_c: a rig (T, 174) -> content embedding (T, 256)."""
        return self._over(self._cont_encoder, _faces(rig))

    def decode(self, emotion: NDArray, content: NDArray) -> NDArray[np.float32]:
        """D: emotion (T, 256), or (256,) for all frames, and content (T, 256) -> rig (T, 174), before finishing.

        What `medtalk.load().engine.decode` gives differs where a bundle keeps the upper face of a calm voice still
        (`still_upper_face`): it takes away what D leaves there.
        """
        content = np.asarray(content, np.float32)
        return self._over(self._decoder, np.broadcast_to(np.asarray(emotion, np.float32), content.shape), content)

    def rebuild(self, rig: NDArray) -> NDArray[np.float32]:
        """D(E_e(R), E_c(R)), the self-reconstruction of a rig (T, 174) (Eq. 2)."""
        return self.decode(self.emotion(rig), self.content(rig))

    def guided(self, vector: NDArray, intensity: NDArray) -> NDArray[np.float32]:
        """E_fuse of an emotion vector at a strength (Eq. 9): (256,) or (T, 256), and (T,) -> E_e's space, (T, 256)."""
        strength = np.asarray(intensity, np.float32)
        vectors = np.broadcast_to(np.asarray(vector, np.float32), (len(strength), self.latent))
        return self._over(lambda f, i: self._semantic_emotion_map(adjust(f, i)), vectors, strength)

    def _over(self, network: Callable[..., Tensor], *rows: NDArray) -> NDArray[np.float32]:
        """The output (T, ...) of a network that looks at each frame alone, for rows (T, ...)."""
        parts = []
        with torch.inference_mode():
            for start in range(0, max(len(rows[0]), 1), _AT_ONCE):
                checkpoint()
                part = (torch.tensor(np.asarray(row[start : start + _AT_ONCE], np.float32)) for row in rows)
                parts.append(network(*part).numpy())
        return np.concatenate(parts)

    _emo_encoder: MotionEncoder
    _cont_encoder: MotionEncoder
    _decoder: Decoder
    _semantic_emotion_map: FusionEncoder


def _under(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: tensor for name, tensor in state.items() if name.startswith(prefix)}


def _faces(rig: NDArray) -> NDArray[np.float32]:
    faces = np.asarray(rig, np.float32)
    if faces.ndim != 2 or faces.shape[1] != N_CHANNELS or not np.isfinite(faces).all():
        raise RigError(f"A rig of shape {faces.shape} has no embedding; valid are finite numbers (T, {N_CHANNELS}).")
    return faces
