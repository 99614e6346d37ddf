"""The `.glb` of a take, read by another library: its parts, its animation, and how near it is to the head's pose."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pygltflib
import pytest
import soundfile
from PIL import Image

from medtalk.errors import RigError
from medtalk.rig import RigSequence, gltf, indices, write_rig
from medtalk.rig.head import load_head

KINDS = {5126: np.float32, 5123: np.uint16}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


def talking(frames: int = 40, fps: float = 30.0) -> RigSequence:
    """Lips that open, seal on one side, bite and stick, a smile on the left, and eyes that look about."""
    t = np.linspace(0.0, 1.0, frames)[:, None]
    values = np.zeros((frames, 174), np.float32)
    for names, curve in (
        (("C_jaw.Y",), 0.3 * np.abs(np.sin(7 * t))),
        (("L_mouth_lipsTogether[DU]",), np.clip(np.sin(11 * t), 0, 1)),
        (("R_mouth_lipsTogether[DU]",), np.clip(np.sin(11 * t + 0.3), 0, 1)),
        (("?_mouth_lipBiteD",), np.clip(np.sin(5 * t + 2), 0, 1)),
        (("C_mouth_stickyU",), np.clip(np.cos(9 * t), 0, 0.6)),
        (("L_mouth_cornerPull", "?_brow_down"), t),
        (("L_eye.X", "R_eye.X"), np.sin(3 * t)),
        (("?_eye.Y",), 0.5 * np.cos(4 * t)),
        (("?_eye_blink",), np.clip(np.sin(20 * t), 0, 1)),
    ):
        values[:, indices(*names)] = curve
    return RigSequence(values, fps)


class Reader:
    """A file as pygltflib has it, and its numbers."""

    def __init__(self, path: Path) -> None:
        self.file: Any = pygltflib.GLTF2().load(str(path))
        self.data: bytes = self.file.binary_blob()

    def bytes(self, view: int) -> bytes:
        entry = self.file.bufferViews[view]
        return self.data[entry.byteOffset : entry.byteOffset + entry.byteLength]

    @cache  # noqa: B019
    def array(self, accessor: int) -> np.ndarray:
        """(n, k), sparse ones filled with zeros."""
        entry = self.file.accessors[accessor]
        kind, width = KINDS[entry.componentType], WIDTHS[entry.type]
        if entry.sparse is None:
            return np.frombuffer(self.bytes(entry.bufferView), kind).reshape(entry.count, width)
        out = np.zeros((entry.count, width), kind)
        rows = np.frombuffer(self.bytes(entry.sparse.indices.bufferView), np.uint16)
        assert (np.diff(rows.astype(int)) > 0).all(), "indices rise"
        out[rows] = np.frombuffer(self.bytes(entry.sparse.values.bufferView), kind).reshape(-1, width)
        return out

    def moves(self) -> dict[tuple[int, str], np.ndarray]:
        """(node, path) -> values of the animation."""
        (animation,) = self.file.animations
        return {
            (channel.target.node, channel.target.path): self.array(animation.samplers[channel.sampler].output)
            for channel in animation.channels
        }

    def frame(self, number: int) -> list[np.ndarray]:
        """Positions of the nodes with a mesh in mm, as a viewer computes them."""
        head, *nodes = self.file.nodes
        moves, placed = self.moves(), []
        for at, node in enumerate(nodes, start=1):
            primitive = self.file.meshes[node.mesh].primitives[0]
            position = self.array(primitive.attributes.POSITION).astype(np.float64)
            targets = primitive.targets or []
            if targets:
                weights = moves[at, "weights"].reshape(-1, len(targets))[number]
                for weight, target in zip(weights, targets, strict=True):
                    position = position + weight * self.array(target["POSITION"])
            if (at, "rotation") in moves:
                position = position @ rotation(moves[at, "rotation"][number]).T
            position = position + node.translation
            if (0, "rotation") in moves:
                position = position @ rotation(moves[0, "rotation"][number]).T
            placed.append(1000.0 * (position + head.translation))
        return placed


def rotation(quaternion: np.ndarray) -> np.ndarray:
    """(3, 3) of x y z w."""
    x, y, z, w = quaternion
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def written(tmp_path: Path, rig: RigSequence) -> Reader:
    return Reader(write_rig(tmp_path / "take.glb", rig))


def test_every_frame_is_the_heads_pose(tmp_path: Path) -> None:
    rig, head = talking(), load_head()
    reader = written(tmp_path, rig)
    eyes = [eye.vertices for eye in head.eyes.values()]
    face = np.setdiff1d(np.arange(len(head.vertices)), np.concatenate(eyes))
    error = reader.file.asset.extras["error_mm"]
    assert 0.0 < error <= gltf.TOLERANCE_MM
    pose, worst = head.pose(rig.values), 0.0
    for number in range(len(rig)):
        for place, vertices in zip(reader.frame(number), (face, *eyes), strict=True):
            worst = max(worst, float(np.linalg.norm(place - pose[number, vertices], axis=1).max()))
    assert worst == pytest.approx(error, abs=0.01)


def test_a_head_that_turns_is_a_key_of_its_node(tmp_path: Path) -> None:
    rig, head = talking(6), load_head()
    turn = np.linspace((-20.0, 10.0, 5.0), (15.0, -12.0, -8.0), len(rig))
    reader = written(tmp_path, replace(rig, head=turn))
    eyes = [eye.vertices for eye in head.eyes.values()]
    face = np.setdiff1d(np.arange(len(head.vertices)), np.concatenate(eyes))
    pose = head.pose(rig.values, turn)
    for number in range(len(rig)):
        for place, vertices in zip(reader.frame(number), (face, *eyes), strict=True):
            apart = np.linalg.norm(place - pose[number, vertices], axis=1)
            above = head.vertices[vertices, 1] > head.neck[1]  # below, the neck of `pose` bends
            assert apart[above].max() <= gltf.TOLERANCE_MM + 0.01
    assert (0, "rotation") not in written(tmp_path, rig).moves()


def test_without_the_correctives_lips_would_be_millimetres_off(tmp_path: Path) -> None:
    """So the test above can fail."""
    rig, head = talking(), load_head()
    linear = head._shaped(head.weights(rig.values), head.pulled)
    assert np.linalg.norm(linear - head.trace(rig.values, head.pulled), axis=-1).max() > 2.0


def test_names_keys_and_parts(tmp_path: Path) -> None:
    reader = written(tmp_path, talking(fps=24.0))
    file = reader.file
    assert [node.name for node in file.nodes] == ["head", "face", "eye_left", "eye_right"]
    names = file.meshes[0].extras["targetNames"]
    assert {"jawOpen", "mouthSmileLeft", "eyeBlinkRight", "lips01"} <= set(names) and "tongueOut" not in names
    assert all(len(primitive.targets) == len(names) for primitive in file.meshes[0].primitives)
    (animation,) = file.animations
    times = reader.array(animation.samplers[0].input)[:, 0]
    np.testing.assert_allclose(times, np.arange(40) / 24.0, atol=1e-6)
    assert {sampler.interpolation for sampler in animation.samplers} == {"LINEAR"}
    weights = reader.moves()[1, "weights"]
    assert len(weights) == 40 * len(names) and np.abs(weights).max() < 1.5
    assert not file.extensionsRequired and file.asset.extras["fps"] == 24.0
    assert {material.name for material in file.materials} == {"skin", "mouth", "tongue", "teeth", "lash", "eye"}


def test_it_lies_in_metres_with_colours_and_pictures(tmp_path: Path) -> None:
    reader = written(tmp_path, talking(2))
    file = reader.file
    position = file.accessors[file.meshes[0].primitives[0].attributes.POSITION]
    height = position.max[1] - position.min[1]
    assert 0.2 < height < 0.5
    np.testing.assert_allclose(reader.array(file.meshes[0].primitives[0].attributes.POSITION).max(axis=0), position.max)
    colors = reader.array(file.meshes[0].primitives[0].attributes.COLOR_0)
    assert colors.dtype == np.uint16 and colors[:, 0].mean() > colors[:, 2].mean(), "skin is red"
    brows, iris = (np.asarray(Image.open(io.BytesIO(reader.bytes(image.bufferView)))) for image in file.images)
    assert brows.shape == (128, 448, 3) and brows.min() < 160 and brows.max() == 255
    assert (iris[64, 64] < 40).all() and (iris[64, 2] > 200).all(), "a pupil in the white"


@pytest.mark.parametrize("frames", [1, 2])
def test_a_face_at_rest_has_no_targets(tmp_path: Path, frames: int) -> None:
    reader = written(tmp_path, RigSequence(np.zeros((frames, 174))))
    assert all(not primitive.targets for primitive in reader.file.meshes[0].primitives)
    assert {path for _, path in reader.moves()} == {"rotation"}
    np.testing.assert_allclose(reader.frame(0)[0].max(), load_head().vertices.max(), atol=0.01)


def test_a_long_take_is_posed_in_blocks_to_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = written(tmp_path, talking()).frame(25)
    monkeypatch.setattr(gltf, "_BLOCK", 7)
    for here, there in zip(written(tmp_path, talking()).frame(25), whole, strict=True):
        np.testing.assert_allclose(here, there, atol=0.01)


def test_too_long_a_take_is_refused_before_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gltf, "MAX_BYTES", 1 << 20)
    with pytest.raises(RigError, match=r"20000 frames are too many for \.glb.*lower frame rate"):
        write_rig(tmp_path / "take.glb", RigSequence(np.zeros((20_000, 174), np.float32)))
    assert not list(tmp_path.iterdir())


def test_generate_puts_the_sound_beside_and_leaves_what_is_there(
    medtalk: Any, tiny_bundle: Path, sound: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / "line.glb"
    assert medtalk("generate", sound, "--bundle", tiny_bundle, "-o", out, "-q").code == 0
    beside = out.with_suffix(".wav")
    assert beside.read_bytes() == sound.read_bytes() and soundfile.info(str(beside)).duration == 2.0
    assert sorted(path.name for path in out.parent.iterdir()) == ["line.glb", "line.wav"]
    beside.write_bytes(b"mine")
    assert medtalk("generate", sound, "--bundle", tiny_bundle, "-o", out, "-q").code == 0
    assert beside.read_bytes() == b"mine"
