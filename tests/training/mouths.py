"""A sentence with known phone times, and the teacher's mouth for it."""

import numpy as np

from medtalk_train.measure.recordings import lips_of

PHONES = tuple(
    (round(0.12 * k, 2), round(0.12 * (k + 1), 2), name)
    for k, name in enumerate("sil m aa t b ah l uw k s f ao r v iy g w aa n t p eh s sil".split())
)
FRAMES = 180


def taught() -> np.ndarray:
    """(180, 174)"""
    return lips_of(PHONES, FRAMES / 60, FRAMES)
