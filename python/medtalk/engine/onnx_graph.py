"""A graph of a bundle in ONNX Runtime on the CPU, run with a check of what goes in and comes out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

# The library starts to collect events for its maker when it is imported, and makes files in the user's home for them.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

from medtalk.engine.borrowed import with_weights_of
from medtalk.errors import BundleError
from medtalk.watch import checkpoint, interruptible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.bundle import Bundle

Shape = tuple[int | None, ...]

_QUIET = 4  # what is wrong is raised as well, and warnings about graphs and devices mean nothing to a user
_ELSEWHERE = b"location"  # what a graph calls the name of another file with weights


class OnnxGraph:
    """A graph of a bundle."""

    def __init__(self, bundle: Bundle, name: str, threads: int | None = None, lender: str = "") -> None:
        """
        Args:
            bundle: a verified bundle.
            name: the file.
            threads: how many cores a run may use; None is one thread a physical core.
            lender: another file, whose weights it borrows.

        Raises:
            BundleError: ONNX Runtime cannot load it.
        """
        onnxruntime.set_default_logger_severity(_QUIET)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _QUIET
        options.intra_op_num_threads = threads or 0
        options.inter_op_num_threads = 1
        # Threads that spin between two operators would burn a whole core beside the user's editor.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # The arena keeps the largest clip's activations for ever; memory matters more than a few per cent of speed.
        options.enable_cpu_mem_arena = False
        self._name, self._folder = name, bundle.folder
        data = bundle.read(name)  # not by its path: only what was verified is run
        try:
            data = with_weights_of(bundle.read(lender), data) if lender else data
        except ValueError as error:
            raise BundleError(f"{lender} of bundle {bundle.folder} is damaged: {error}.", "Get it again.") from error
        if _ELSEWHERE in data:
            raise BundleError(f"{name} of bundle {bundle.folder} has weights in another file.", "Use another bundle.")
        try:
            self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own exceptions have no common base but this
            raise BundleError(
                f"ONNX Runtime {onnxruntime.__version__} cannot load {name} of bundle {bundle.folder}: "
                f"{str(error)[:200]}",
                "Update onnxruntime or get the bundle again.",
            ) from error

    def inputs(self) -> dict[str, tuple[int | str | None, ...]]:
        """The shapes of its inputs by their names, a name for a size that moves."""
        return {each.name: tuple(each.shape) for each in self._session.get_inputs()}

    def outputs(self) -> dict[str, tuple[int | str | None, ...]]:
        """The same of its outputs."""
        return {each.name: tuple(each.shape) for each in self._session.get_outputs()}

    def run(self, wanted: Sequence[Shape] | Mapping[str, Shape], **inputs: NDArray) -> list[NDArray]:
        """Its outputs, all or those named; `BundleError` unless it takes these inputs and gives these shapes, None for
        any."""
        names, shapes = (list(wanted), list(wanted.values())) if isinstance(wanted, Mapping) else (None, wanted)
        options = onnxruntime.RunOptions()

        def stop() -> None:
            options.terminate = True  # looked at between two operators

        with interruptible(stop):
            try:
                outputs = cast("list[NDArray]", self._session.run(names, inputs, options))
            except MemoryError:
                raise
            except Exception as error:  # ONNX Runtime's own exceptions have no common base but this
                checkpoint()  # raises the error that cancelling means
                if "allocate memory" in str(error) or "bad_alloc" in str(error):
                    raise MemoryError(f"The graph {self._name} needs more memory.") from error
                raise self.unfit(f"does not run: {str(error)[:200]}") from error
        actual = [np.shape(values) for values in outputs]
        fits = len(actual) == len(shapes) and all(
            len(one) == len(other) and all(size in (None, own) for own, size in zip(one, other, strict=True))
            for one, other in zip(actual, shapes, strict=True)
        )
        if not fits:
            raise self.unfit(f"gives arrays of the shapes {str(actual)[:80]}, not {list(shapes)}.")
        return outputs

    def unfit(self, why: str) -> BundleError:
        """The error of a graph that is not what it should be."""
        return BundleError(f"The graph {self._name} of bundle {self._folder} {why}", "Use another bundle.")
