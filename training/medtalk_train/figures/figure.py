"""A figure that was drawn: its pictures, its numbers, and what is to be seen; and how it is kept on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtalk.errors import MissingExtraError, TrainingError
from medtalk.files import write_atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

DPI = 110


@dataclass(frozen=True)
class Drawn:
    """A figure.

    Attributes:
        number: of the paper's figure.
        title: a few words.
        pictures: names of its files, in order.
        shown: what is to be seen, sentences of Markdown.
        numbers: figures by name; tables are mappings of mappings, a row each.
    """

    number: int
    title: str
    pictures: tuple[str, ...]
    shown: tuple[str, ...]
    numbers: Mapping[str, Any]

    def write(self, folder: Path) -> Path:
        """Keep all but the pictures in FOLDER/figureN.json."""
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"
        return write_atomic(folder / f"figure{self.number}.json", lambda to: to.write_text(text, "utf-8"))

    @classmethod
    def read(cls, path: Path) -> Drawn:
        """What `write` kept. Raises TrainingError for anything else."""
        try:
            kept = json.loads(path.read_text("utf-8"))
            return cls(**{**kept, "pictures": tuple(kept["pictures"]), "shown": tuple(kept["shown"])})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TrainingError(f"{path} is no figure: {error}.", "Draw it again.") from error


def canvas(width: float, height: float) -> Canvas:
    """An empty figure of matplotlib, inches wide and high. MissingExtraError without it."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise MissingExtraError("Drawing needs matplotlib.", "Run pip install 'medtalk[report]'.") from None
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def pixels(figure: Canvas) -> Any:
    """(H, W, 3) uint8 of a figure of matplotlib."""
    import numpy as np

    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()  # type: ignore[attr-defined]
