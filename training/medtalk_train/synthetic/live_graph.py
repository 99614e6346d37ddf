"""The graph of a bundle that hears streams, `live.onnx`: exported, held equal to torch, and without Whisper's weights,
which lie in `listen.onnx` (`medtalk.engine.borrowed`)."""

from __future__ import annotations

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from medtalk.engine.borrowed import with_weights_of
from medtalk.errors import TrainingError
from medtalk.features.whisper_mel import N_MELS
from medtalk.model.ear import Ear, EarHead
from medtalk.model.live_ear import AROUND, BESIDE, LiveGraph
from medtalk_train.onnx_graph import TOLERANCE, eight_bits, graph_of

_INPUTS = {"mel": {0: "frames"}, "places": {0: "states"}, "keys": {0: "history"}, "values": {0: "history"},
           "hidden": {}}  # fmt: skip
_OUTPUTS = {name: {0: "states"} for name in ("features", "logits", "new_keys", "new_values", "new_hidden")}


def live_graph(ear: Ear, head: EarHead, listen: bytes) -> bytes:
    """`live.onnx` of an ear with its live head, beside the `listen.onnx` of the same ear.

    Raises:
        TrainingError: it differs from torch, or `listen` has other weights of Whisper.
    """
    module = LiveGraph(ear.whisper, head).eval()
    graph = graph_of(module, _examples(ear, 6, 40), _INPUTS, _OUTPUTS)
    _check(ear, module, graph)
    return borrowing(eight_bits(graph), listen)


def borrowing(graph: bytes, lender: bytes) -> bytes:
    """A graph without the weights that `lender` has, and with other names for whatever else bears one of its names.

    Raises:
        TrainingError: none of the large weights is there.
    """
    model, other = (onnx.load_model_from_string(data) for data in (graph, lender))
    there = {_content(each): each.name for each in other.graph.initializer}
    own = model.graph.initializer
    taken = {each.name: there[_content(each)] for each in own if _content(each) in there}
    sizes = {each.name: len(each.raw_data) for each in own}
    if not taken or sum(sizes[name] for name in taken) < sum(sizes.values()) / 2:
        raise TrainingError("listen.onnx has other weights than the live ear.", "Export the bundle again.")
    names = {name for node in model.graph.node for name in (*node.input, *node.output)}
    lent = {each.name for each in other.graph.initializer}
    renamed = {name: f"live.{name}" for name in names & lent} | taken
    for node in model.graph.node:
        for part in (node.input, node.output):
            part[:] = [renamed.get(name, name) for name in part]
    kept = [each for each in own if each.name not in taken]
    for each in kept:
        each.name = renamed.get(each.name, each.name)
    del own[:]
    own.extend(kept)
    onnx.checker.check_model(onnx.load_model_from_string(with_weights_of(lender, model.SerializeToString())))
    return model.SerializeToString()


def _content(tensor: onnx.TensorProto) -> tuple[int, tuple[int, ...], bytes]:
    return tensor.data_type, tuple(tensor.dims), numpy_helper.to_array(tensor).tobytes()


def _examples(ear: Ear, states: int, history: int) -> tuple[Tensor, ...]:
    rng, config = np.random.default_rng(states), ear.config

    def noise(*shape: int) -> Tensor:
        return torch.from_numpy(rng.standard_normal(shape).astype(np.float32))

    kept = (history, config.layers, config.heads, config.width // config.heads)
    mel = noise(2 * states + BESIDE, N_MELS).abs()
    return mel, torch.arange(7, 7 + states), noise(*kept), noise(*kept), noise(AROUND, config.hidden)


def _check(ear: Ear, module: LiveGraph, graph: bytes) -> None:
    from medtalk.engine.onnx_graph import onnxruntime  # which has switched its telemetry off

    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    for states, history in ((1, 0), (6, 100), (25, 3)):
        inputs = _examples(ear, states, history)
        with torch.no_grad():
            expected = module(*inputs)
        found = session.run(None, {name: part.numpy() for name, part in zip(_INPUTS, inputs, strict=True)})
        for truth, values in zip(expected, found, strict=True):
            worst = float(np.abs(truth.numpy() - np.asarray(values)).max()) / max(1.0, float(truth.abs().max()))
            if worst > TOLERANCE:
                raise TrainingError(f"The exported graph live differs from torch by {worst:.1e}.")
