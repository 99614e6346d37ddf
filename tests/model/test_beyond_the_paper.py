"""What compact models do beyond the paper: content smoothed, closures sharpened, the upper face at rest in calm."""

import torch

from medtalk.model.config import ModelConfig
from medtalk.model.medtalk import MEDTalk, sealing
from medtalk.rig.channels import INDEX, N_CHANNELS, S_UP

TOGETHER = INDEX["CTRL_L_mouth_lipsTogetherU-translateY"]
PRESS = INDEX["CTRL_R_mouth_lipsPressU-translateY"]


def test_sealing_moves_closures_only_and_keeps_their_order() -> None:
    rig = torch.linspace(-0.2, 1.2, 50)[:, None].repeat(1, N_CHANNELS)
    added = sealing(rig)
    moved = added.abs().sum(0) > 0
    assert moved.sum() == 4 + 2 + 2 and moved[TOGETHER] and moved[PRESS]
    sharp = (rig + 0.8 * added)[:, TOGETHER]
    assert (sharp.diff() > 0).all()  # strictly: no frame loses its rank
    assert sharp[rig[:, 0] > 0.62].min() > 0.7 and sharp[rig[:, 0] < 0.3].max() < 0.2


def test_a_closed_mouth_stays_closed_and_an_open_one_open() -> None:
    rig = torch.zeros(2, N_CHANNELS)
    rig[1, TOGETHER], rig[1, PRESS] = 1.0, 0.4
    torch.testing.assert_close(sealing(rig), torch.zeros_like(rig), atol=1e-6, rtol=0)


def test_content_is_smoothed_in_time_and_constant_content_stays() -> None:
    torch.manual_seed(0)
    plain = MEDTalk(ModelConfig()).eval()
    smooth = MEDTalk(ModelConfig(content_smoothing=2)).eval()
    smooth.load_state_dict(plain.state_dict())
    features, posteriors = torch.randn(1, 40, 160), torch.rand(1, 40, 35)
    rough, even = plain.content(features, posteriors), smooth.content(features, posteriors)
    assert even.shape == rough.shape and even.diff(dim=1).abs().mean() < 0.4 * rough.diff(dim=1).abs().mean()
    weights = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    torch.testing.assert_close(even[0, 20], (rough[0, 18:23] * weights[:, None]).sum(0), atol=1e-5, rtol=1e-5)
    same = features[:, :1].expand(-1, 40, -1), posteriors[:, :1].expand(-1, 40, -1)
    torch.testing.assert_close(smooth.content(*same), plain.content(*same), atol=1e-5, rtol=1e-5)


def test_the_upper_face_rests_at_intensity_0() -> None:
    torch.manual_seed(0)
    plain, still = MEDTalk(ModelConfig()).eval(), MEDTalk(ModelConfig(still_upper_face=True)).eval()
    still.load_state_dict(plain.state_dict())
    content, vector = torch.randn(1, 9, 256), torch.randn(1, 9, 256)
    calm, felt = torch.zeros(1, 9), torch.ones(1, 9)
    upper = torch.from_numpy(S_UP.copy())
    rest = torch.ones(N_CHANNELS, dtype=torch.bool)
    rest[upper] = False
    assert still.decode(content, vector, calm)[..., upper].abs().max() < 1e-6
    moved = plain.decode(content, vector, felt) - plain.decode(content, vector, calm)
    torch.testing.assert_close(still.decode(content, vector, felt)[..., upper], moved[..., upper], atol=1e-6, rtol=0)
    torch.testing.assert_close(
        still.decode(content, vector, felt)[..., rest], plain.decode(content, vector, felt)[..., rest]
    )


def test_sharpening_is_off_by_default_and_for_the_authors() -> None:
    assert ModelConfig().closure_sharpening == 0 == ModelConfig.paper().closure_sharpening
    assert ModelConfig.paper().content_smoothing == 0
