import numpy as np
import pytest

from medtalk.quality.articulation import articulation, auc, jitter, measure
from medtalk.rig.channels import INDEX, S_LIP
from tests.training.mouths import FRAMES, PHONES, taught


def test_auc_against_counting_pairs() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, 30).astype(float), rng.integers(0, 4, 40).astype(float)
    pairs = np.mean([(x > y) + 0.5 * (x == y) for x in a for y in b])
    assert auc(a, b) == pytest.approx(pairs)
    assert auc(np.ones(3), np.zeros(2)) == 1.0 and auc(np.zeros(3), np.zeros(2)) == 0.5
    with pytest.raises(ValueError, match="positives"):
        auc(np.array([]), np.ones(2))


def test_true_phones_score_high_and_wrong_ones_low() -> None:
    good = articulation([(taught(), PHONES)])
    assert good.mean_auc > 0.95
    assert all(events.f1 > 0.9 and events.false == 0 and abs(events.lag) <= 2 for events in good.seen.values())
    wrong = articulation([(taught()[::-1], PHONES)])
    assert wrong.mean_auc < good.mean_auc - 0.2 and wrong.seen["closure"].f1 < 0.7


def test_a_mouth_that_is_always_shut_is_no_good() -> None:
    """What counted hits alone took for perfect."""
    shut = np.ones((FRAMES, 174), np.float32)
    found = articulation([(shut, PHONES)])
    assert found.seen["closure"].recall == 1.0 and found.open_vowels_shut == 1.0
    assert found.auc["close"] == 0.5, "ties"
    flapping = taught().copy()
    flapping[::6, :] = 1.0
    flapping[1::6, :] = 1.0
    assert articulation([(flapping, PHONES)]).seen["closure"].precision < 0.6


def test_jaw_rest_and_amplitude_by_hand() -> None:
    """1 s: silence with the jaw at .1, then aa with the jaw at .4 and .2, half and half."""
    rig = np.zeros((60, 174), np.float32)
    jaw = INDEX["CTRL_C_jaw-translateY"]
    rig[:20, jaw], rig[20:40, jaw], rig[40:, jaw] = 0.1, 0.4, 0.2
    found = articulation([(rig, [(0.0, 20 / 60, "sil"), (20 / 60, 1.0, "aa")])])
    assert found.rest_jaw == pytest.approx(0.1) and found.minutes == pytest.approx(40 / 3600)
    assert found.jaw == pytest.approx((0.3, 0.1, 0.4))
    assert found.lips == pytest.approx(rig[:, jaw].std() / len(S_LIP), rel=1e-5) and jaw in S_LIP
    assert found.auc == {} and "AUC mean" not in found.to_dict(), "there is no close sound to compare with"
    assert all(np.isfinite(list(found.to_dict().values())))


def test_open_vowels_shut_by_hand() -> None:
    rig = np.zeros((60, 174), np.float32)
    closing = [i for name, i in INDEX.items() if "lipsTogether" in name or "lipsPressU" in name]
    rig[10:25, closing] = 0.6
    rig[25:30, closing] = 0.4  # ajar
    # 30 frames of ae, 15 of which are shut, and 30 of iy, which is no open vowel
    assert articulation([(rig, [(0.0, 0.5, "ae"), (0.5, 1.0, "iy")])]).open_vowels_shut == pytest.approx(0.5)
    assert measure(rig, "close")[12] == pytest.approx(0.6)


def test_nothing_to_judge() -> None:
    with pytest.raises(ValueError, match="needs clips"):
        articulation([])


def test_jitter() -> None:
    t = np.arange(600)[:, None] / 60
    slow = np.broadcast_to(np.sin(2 * np.pi * 0.5 * t), (600, 174))
    noisy = slow + 0.1 * np.random.default_rng(0).standard_normal((600, 174))
    assert jitter([slow]) < 0.01 < 0.2 < jitter([noisy])
    assert jitter([np.full((60, 174), 0.3)]) == 0.0 and jitter([np.zeros((2, 174))]) == 0.0
