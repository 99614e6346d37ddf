import numpy as np
import pytest

from medtalk.backbones.phones import PHONE_INDEX
from medtalk_train.articulation import articulation, auc, closures, frame_phones, jitter
from medtalk_train.teacher.lips import lip_curves

PHONES = [(0.0, 0.2, "sil"), (0.2, 0.3, "m"), (0.3, 0.5, "aa"), (0.5, 0.6, "f"), (0.6, 0.8, "uw"), (0.8, 1.0, "s")]


def test_auc_against_counting_pairs() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, 30).astype(float), rng.integers(0, 4, 40).astype(float)
    pairs = np.mean([(x > y) + 0.5 * (x == y) for x in a for y in b])
    assert auc(a, b) == pytest.approx(pairs)
    assert auc(np.ones(3), np.zeros(2)) == 1.0 and auc(np.zeros(3), np.zeros(2)) == 0.5
    with pytest.raises(ValueError, match="positives"):
        auc(np.array([]), np.ones(2))


def test_true_phones_score_high_and_wrong_ones_low() -> None:
    rig = lip_curves([(a, b, PHONE_INDEX[p]) for a, b, p in PHONES], 60)
    good = articulation([(rig, PHONES)])
    assert good.mean > 0.95 and good.closures == 1.0
    assert articulation([(np.full_like(rig, 0.2) + np.eye(60, 174, dtype=np.float32), PHONES)]).mean < 0.8
    wrong = articulation([(rig[::-1], PHONES)])
    assert wrong.mean < good.mean - 0.2


def test_closures_counts_events_within_two_frames() -> None:
    rig = np.zeros((60, 174), np.float32)
    assert closures([(rig, PHONES)]) == 0.0
    late = lip_curves([(a, b, PHONE_INDEX[p]) for a, b, p in PHONES], 60)
    assert closures([(np.roll(late, 30, axis=0), PHONES)]) == 0.0
    assert closures([(np.roll(late, 2, axis=0), PHONES)]) == 1.0


def test_frame_phones_and_jitter() -> None:
    names = frame_phones(PHONES, 70)
    assert names[12] == "m" and names[11] == "sil" and names[17] == "m" and names[18] == "aa" and names[65] == ""
    t = np.arange(600)[:, None] / 60
    slow = np.broadcast_to(np.sin(2 * np.pi * 0.5 * t), (600, 174))
    noisy = slow + 0.1 * np.random.default_rng(0).standard_normal((600, 174))
    assert jitter([slow]) < 0.01 < 0.2 < jitter([noisy])
