"""Bundles whose graphs are not what they should be end in one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import medtalk
from medtalk.audio import Speech
from medtalk.bundle import load_bundle, write_bundle
from medtalk.errors import BundleError
from tests.helpers.sounds import babble


def graph(inputs: Sequence[str], nodes: Sequence[Any], outputs: Sequence[str], weights: Sequence[Any] = ()) -> bytes:
    def told(names: Sequence[str]) -> list[Any]:
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]

    whole = helper.make_graph(nodes, "g", told(inputs), told(outputs), list(weights))
    return helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()


def external(data: bytes) -> bytes:
    """The graph with its first weights in a file beside it."""
    model = onnx.load_from_string(data)
    weights = model.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    entry = weights.external_data.add()
    entry.key, entry.value = "location", "elsewhere.bin"
    return model.SerializeToString()


_SAME = helper.make_node("Identity", ["content"], ["rig"])
_SCALAR = helper.make_node("ReduceSum", ["content"], ["rig"], keepdims=0)
SPOILT: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "external": ("decode", external, "has weights in another file"),
    "no graph": ("decode", lambda _: b"a graph", "cannot load decode.onnx"),
    "other inputs": ("label", lambda _: graph(["a"], [helper.make_node("Neg", ["a"], ["b"])], ["b"]), "does not run"),
    "missing inputs": ("decode", lambda _: graph(["content"], [_SAME], ["rig"]), "does not run"),
    "another shape": ("decode", lambda _: graph(["content", "emotion", "intensity"], [_SAME], ["rig"]), "gives arrays"),
    "a scalar": ("decode", lambda _: graph(["content", "emotion", "intensity"], [_SCALAR], ["rig"]), "gives arrays"),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_graphs_that_are_not_what_they_should_be(
    tiny_bundle: Path, tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    name, spoil, words = SPOILT[kind]
    bundle = load_bundle(tiny_bundle)
    files: dict[str, bytes | Path] = {each: bundle.file(each) for each in bundle.manifest["files"]}
    files[f"{name}.onnx"] = spoil(bundle.read(f"{name}.onnx"))
    spoilt = write_bundle(tmp_path / "spoilt", bundle.manifest, files)
    (spoilt.folder / "elsewhere.bin").write_bytes(bytes(1 << 20))
    with pytest.raises(BundleError, match=words) as caught:
        medtalk.load(spoilt.folder).perform(Speech.from_array(babble(1.0), 16000)).decode("happy")
    line = str(caught.value)
    assert f"{name}.onnx" in line and str(spoilt.folder) in line and "\n" not in line
    assert capfd.readouterr() == ("", "")


def test_a_whole_bundle_runs(tiny_bundle: Path) -> None:
    rig = medtalk.load(tiny_bundle).perform(Speech.from_array(babble(1.0), 16000)).decode("happy")
    assert rig.values.shape == (60, 174) and np.abs(rig.values).max() > 0.0


def with_kinds(source: Path, folder: Path, kinds: object) -> Path:
    """A copy of a bundle whose label graph answers three ids for each label, and whose manifest says `kinds`."""
    bundle = load_bundle(source)
    files: dict[str, bytes | Path] = {each: bundle.file(each) for each in bundle.manifest["files"]}
    sizes = bundle.manifest["sizes"]
    about = {**bundle.manifest, "sizes": {**sizes, "model": {**sizes["model"], "kinds": kinds}}}
    return write_bundle(folder, about, files).folder


@pytest.mark.parametrize("kinds", [0, 1000, True, "three", None, [3]])
def test_impossible_kinds_of_face(tiny_bundle: Path, tmp_path: Path, kinds: object) -> None:
    with pytest.raises(BundleError, match="kinds of face") as caught:
        medtalk.load(with_kinds(tiny_bundle, tmp_path / "b", kinds))
    assert "\n" not in str(caught.value)


def test_a_bundle_that_does_not_say_has_one_kind(tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    sizes = bundle.manifest["sizes"]
    older = {name: value for name, value in sizes["model"].items() if name != "kinds"}
    files: dict[str, bytes | Path] = {each: bundle.file(each) for each in bundle.manifest["files"]}
    plain = write_bundle(tmp_path / "b", {**bundle.manifest, "sizes": {**sizes, "model": older}}, files)
    assert medtalk.load(plain.folder).engine.label_vectors().shape == (7, 1, 256)
