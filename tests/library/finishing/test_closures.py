"""Closures and bites: decided from posteriors, laid over a rig."""

import numpy as np
import pytest

from medtalk.features.phones import N_PHONES, PHONE_INDEX
from medtalk.finishing import closures, presence
from medtalk.rig.channels import INDEX, N_CHANNELS, indices

JAW = INDEX["CTRL_C_jaw-translateY"]
SEAL, BITE = indices("?_mouth_lipsTogether[DU]"), indices("?_mouth_lipBiteD")


def posteriors(*phones: tuple[str, int, float], frames: int = 60) -> np.ndarray:
    """(frames, 35): (phone, first frame, how sure) for six frames each, an open vowel elsewhere."""
    out = np.zeros((frames, N_PHONES), np.float32)
    out[:, PHONE_INDEX["aa"]] = 1.0
    for name, first, sure in phones:
        out[first : first + 6] *= 1.0 - sure
        out[first : first + 6, PHONE_INDEX[name]] += sure
    return out


def test_what_is_sure_closes_and_what_is_doubt_does_not() -> None:
    found = closures.decide(posteriors(("m", 10, 0.9), ("b", 30, 0.4)))
    assert found.seal[10:16].min() == pytest.approx(1.0, abs=0.02)
    assert found.seal[30:36].max() <= closures.DOUBT * 0.4 + 1e-6
    assert found.seal[[3, 22, 50]].max() == 0.0


def test_a_single_frame_is_no_closure() -> None:
    heard = posteriors()
    heard[20] = np.eye(N_PHONES)[PHONE_INDEX["p"]]
    assert closures.decide(heard).seal.max() <= closures.DOUBT


def test_one_closure_lasts_through_a_dip() -> None:
    heard = posteriors(("m", 10, 0.9), ("m", 16, 0.3), ("m", 22, 0.9))
    assert closures.decide(heard).seal[10:28].min() > 0.95


def test_p_presses_harder_than_m_and_f_bites_deeper_than_v() -> None:
    found = closures.decide(posteriors(("p", 5, 0.9), ("m", 20, 0.9), ("f", 35, 0.9), ("v", 50, 0.9)))
    assert found.press[5:11].max() > found.press[20:26].max() > 0.2
    assert found.bite[35:41].max() > found.bite[50:56].max() > 0.5
    assert not found.bite[5:26].any() and not found.press[33:].any()


def test_a_plosive_opens_faster_than_it_closes() -> None:
    seal = closures.decide(posteriors(("p", 20, 1.0))).seal
    assert 0.0 < seal[26:].sum() < 0.7 * seal[:20].sum()


def test_laid_over_a_rig_lips_meet_whatever_the_rig_does() -> None:
    found = closures.decide(posteriors(("b", 20, 0.9)))
    rig = np.full((60, N_CHANNELS), 0.5, np.float32)
    shown = found.over(rig)
    assert shown[21:25][:, SEAL].min() > 0.98 and shown[21:25, JAW].max() <= closures.JAW_SHUT + 0.01
    assert shown[45:][:, SEAL].max() == 0.0 and (shown[45:, JAW] == 0.5).all()
    assert (rig == 0.5).all()


def test_no_frames() -> None:
    found = closures.decide(np.zeros((0, N_PHONES), np.float32))
    assert found.over(np.zeros((0, N_CHANNELS), np.float32)).shape == (0, N_CHANNELS)


def test_speech_is_where_phones_are() -> None:
    heard = posteriors(frames=300)
    heard[:120] = heard[200:] = np.eye(N_PHONES)[PHONE_INDEX["sil"]]
    active = presence.activity(heard)
    gate = presence.gate(active)
    assert not active[:110].any() and active[130:190].min() > 0.9 and not active[210:].any()
    assert gate[110:210].min() > 0.9  # a breath before it, lips that settle after it
    assert gate[:80].max() == 0.0 and gate[240:].max() == 0.0
