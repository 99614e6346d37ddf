"""A torch module as an ONNX file, and such a file with weights of 8 bits."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
import torch
from torch import Tensor, nn

OPSET = 17
TOLERANCE = 1e-5
"""Largest difference between a graph and its torch module, relative to 1 or to the largest value."""

Axes = Mapping[str, dict[int, str]]
"""The inputs or outputs of a graph, in order, with their moving axes."""


def graph_of(module: nn.Module, examples: tuple[Tensor, ...], inputs: Axes, outputs: Axes) -> bytes:
    """The module's graph, as it runs on `examples`."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        # The exporter warns of its own age, and of GRUs with several texts at once; the newer one needs a package more
        # and gives the same graph, and one text is what is read here.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            examples,
            out,  # type: ignore[arg-type]  # the annotation forgets file objects
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: axes for name, axes in {**inputs, **outputs}.items() if axes},
            opset_version=OPSET,
            dynamo=False,
        )
    return out.getvalue()


def eight_bits(graph: bytes) -> bytes:
    """The ear's graph with the weights of Whisper's layers in 8 bits; docs/training/compact.md says what that costs."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with TemporaryDirectory() as folder:
        wide, narrow = Path(folder) / "wide.onnx", Path(folder) / "narrow.onnx"
        wide.write_bytes(graph)
        nodes = onnx.load_model_from_string(graph).graph.node
        head = [node.name for node in nodes if node.op_type == "MatMul" and "/whisper/" not in node.name]
        logging.disable(logging.WARNING)  # it tells of every product of two activations that it leaves alone
        try:
            quantize_dynamic(
                wide, narrow, op_types_to_quantize=["MatMul"], nodes_to_exclude=head, weight_type=QuantType.QInt8
            )
        finally:
            logging.disable(logging.NOTSET)
        return narrow.read_bytes()
