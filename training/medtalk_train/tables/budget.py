"""What a method may spend on its training, as the command line writes it: "90s", "30m", "2h", or "500 steps"."""

from __future__ import annotations

import math
import re

from medtalk.errors import TrainingError
from medtalk_train.baselines.learning import Budget

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
LONGEST = 30 * 24 * 3600.0
MOST_STEPS = 10**9
_WRITTEN = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(s|m|h|steps?)")
_VALID = "Write seconds, minutes or hours, such as 90s, 30m or 2h, or the same steps for all, such as 500steps."


def read_budget(text: str) -> Budget:
    """The budget of a method and seed.

    Raises:
        TrainingError: it is not understood, not above 0, or longer than a month.
    """
    found = _WRITTEN.fullmatch(text.strip().lower())
    if found is None:
        raise TrainingError(f"The budget {text[:40]!r} is not understood.", _VALID)
    amount, unit = float(found[1]), found[2]
    steps = unit.startswith("step")
    if steps and amount != int(amount):
        raise TrainingError(f"The budget {text[:40]!r} is no whole number of steps.", _VALID)
    spent = amount * (1.0 if steps else UNITS[unit])
    if not 0.0 < spent <= (MOST_STEPS if steps else LONGEST):
        raise TrainingError(f"The budget {text[:40]!r} is out of range: above 0, and 720h at most.", _VALID)
    return Budget(steps=int(amount)) if steps else Budget(seconds=spent)


def written(budget: Budget) -> str:
    """The budget as a reader has it, such as "30 min"."""
    if math.isinf(budget.seconds):
        return f"{budget.steps} steps"
    for unit, name in (("h", "h"), ("m", "min")):
        amount = budget.seconds / UNITS[unit]
        if amount >= 1.0 and amount == round(amount, 2):
            return f"{amount:g} {name}"
    return f"{budget.seconds:g} s"
