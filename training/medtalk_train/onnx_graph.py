"""A torch module as an ONNX file."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping

import torch
from torch import Tensor, nn

OPSET = 17

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
