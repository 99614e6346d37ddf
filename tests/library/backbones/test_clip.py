from __future__ import annotations

import io
import json
import shutil
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from medtalk.backbones.clip import Clip
from medtalk.backbones.picture import open_picture
from medtalk.backbones.pretrained import CLIP, Pretrained
from medtalk.errors import BackboneError, GuidanceError, SettingError
from tests.helpers.checkpoints import CLIP_WIDTH


@pytest.fixture(scope="module")
def model(folders: Path) -> Clip:
    return Clip(Pretrained("c", folders / "clip", offline=True))


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    values = np.random.default_rng(3).integers(0, 255, (8, 11, 3), np.uint8)
    return Image.fromarray(values).resize((110, 80))


def encoded(picture: Image.Image, kind: str = "PNG", **settings: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **settings)
    return stream.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is this large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0" * 99)) + chunk(b"IEND", b"")
    )


@torch.no_grad()
def test_features_are_the_librarys_and_not_of_unit_length(
    model: Clip, folders: Path, picture: Image.Image, network: list[str]
) -> None:
    name = f"local-dir:{folders / 'clip'}"
    own: Any
    prepare: Any
    own, _, prepare = open_clip.create_model_and_transforms(name)
    own.eval()
    text, image = model.encode_text("slightly angry"), model.encode_image(picture)
    assert text.shape == image.shape == (CLIP_WIDTH,) == (model.width,) and text.dtype == image.dtype == np.float32
    np.testing.assert_allclose(text, own.encode_text(open_clip.get_tokenizer(name)(["slightly angry"]))[0], atol=1e-5)
    np.testing.assert_allclose(image, own.encode_image(prepare(picture)[None])[0], atol=1e-5)
    for features in (text, image):
        assert abs(np.linalg.norm(features) - 1.0) > 0.1
    assert network == []


def test_a_picture_as_file_bytes_or_image(model: Clip, picture: Image.Image, tmp_path: Path) -> None:
    expected = model.encode_image(picture)
    path = tmp_path / "face.png"
    path.write_bytes(encoded(picture))
    for same in (path, str(path), path.read_bytes(), encoded(picture, "WEBP", lossless=True), picture.convert("RGBA")):
        np.testing.assert_allclose(model.encode_image(same), expected, atol=1e-5)
    assert np.abs(model.encode_image(encoded(picture, "JPEG", quality=95)) - expected).max() < 0.2


def test_a_picture_is_turned_as_the_camera_was(picture: Image.Image) -> None:
    lying = picture.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it turned by 90 degrees clockwise
    assert (np.asarray(open_picture(encoded(lying, exif=exif))) == np.asarray(picture)).all()


def test_text_of_any_length_and_script(model: Clip) -> None:
    long = model.encode_text("furious " * 1_000_000)
    assert (long == model.encode_text("  furious\n" * 80)).all()
    for text in ("", "생气的 ⲡⲉ 𐎠 🙂", "\udc80", "x" * 100_000):
        assert np.isfinite(model.encode_text(text)).all()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cannot be read as a picture"),
        (b"RIFF....WAVEfmt nothing of a picture", "cannot be read as a picture"),
        (b"<svg/>", "Valid are PNG, JPEG, WEBP"),
        (bomb(100, 100), "cannot be read as a picture"),
        (bomb(8_000, 8_000), "8000 x 8000 pixels; the limit is 50000000"),
        (bomb(12_000, 9_000), "the limit is 50000000"),  # PIL would warn
        (bomb(60_000, 60_000), "cannot be read as a picture|the limit is"),  # PIL refuses
        (bomb(1, 1_000_000), "one side may be 20 times the other"),
    ],
)
def test_what_is_no_picture_or_too_much_of_one(model: Clip, data: bytes, words: str) -> None:
    with pytest.raises(GuidanceError, match=words) as caught:
        model.encode_image(data)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_other_kinds_of_pictures_and_damaged_ones(model: Clip, picture: Image.Image) -> None:
    for data in (encoded(picture, "GIF"), encoded(picture, "BMP"), encoded(picture)[:-300]):
        with pytest.raises(GuidanceError, match="cannot be read as a picture"):
            model.encode_image(data)


def test_limits(model: Clip, picture: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GuidanceError, match="110 x 80 pixels; the limit is 8799"):
        model.encode_image(picture, max_pixels=8799)
    model.encode_image(picture, max_pixels=8800)
    with pytest.raises(GuidanceError, match="is a folder"):
        model.encode_image(tmp_path)
    with pytest.raises(GuidanceError, match="cannot be read"):
        model.encode_image("a\0b")
    monkeypatch.setattr("medtalk.guidance.MAX_PICTURE_BYTES", 100)
    with pytest.raises(GuidanceError, match="more than"):
        model.encode_image(encoded(picture))


def test_names_that_cannot_be(folders: Path) -> None:
    for name in ("ViT-B-32-quickgelu", "ViT-B-32-quickgelu/nobody", "nothing/openai"):
        with pytest.raises(SettingError, match=f"valid are names such as {CLIP}"):
            Clip(Pretrained(name, offline=True))
    with pytest.raises(SettingError, match="not made for the architecture ViT-B-32"):
        Clip(Pretrained("ViT-B-32/openai", offline=True))


def test_folders_that_do_not_fit(folders: Path, tmp_path: Path, network: list[str]) -> None:
    with pytest.raises(BackboneError, match=r"has no open_clip_config\.json"):
        Clip(Pretrained("c", tmp_path))
    folder = Path(shutil.copytree(folders / "clip", tmp_path / "clip"))
    path = folder / "open_clip_config.json"
    config = json.loads(path.read_text())
    for change in ({"width": 48}, {"hf_model_name": "somebody/elses"}):
        text = {**config["model_cfg"]["text_cfg"], **change}
        path.write_text(json.dumps({**config, "model_cfg": {**config["model_cfg"], "text_cfg": text}}))
        with pytest.raises(BackboneError, match=r"width changed|of transformers") as caught:
            Clip(Pretrained("c", folder))
        assert "\n" not in str(caught.value)
    path.write_text(json.dumps(config))
    (folder / "open_clip_model.safetensors").unlink()
    with pytest.raises(BackboneError, match="cannot be used as c"):
        Clip(Pretrained("c", folder))
    assert network == []
