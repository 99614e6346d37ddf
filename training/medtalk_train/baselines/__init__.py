"""The methods that the paper is compared with (Table 1), trained on the ground of a run: its features, data and split.

The networks are in `medtalk.model.baselines`, since their bundles run without this package.
"""

from __future__ import annotations

from medtalk.model.baselines import BASELINES

__all__ = ["BASELINES"]
