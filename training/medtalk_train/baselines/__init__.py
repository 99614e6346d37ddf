"""The methods that the paper is compared with (Table 1), trained on the ground of a run: its features, data and split.

The networks are in `medtalk.model.baselines`, since their bundles run without this package.
"""

from __future__ import annotations

from medtalk.model.baselines import METHODS
from medtalk.model.baselines.method import Method

BASELINES = METHODS
"""The network of each method by name: "faceformer", "emotalk", "emoface", "diffposetalk"."""

__all__ = ["BASELINES", "Method"]
