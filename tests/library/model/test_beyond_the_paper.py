"""What compact models do beyond the paper: content that sees its neighbours, the upper face at rest in calm."""

import torch

from medtalk.model.config import ModelConfig
from medtalk.model.medtalk import MEDTalk
from medtalk.rig.channels import N_CHANNELS, S_UP


def test_content_sees_its_neighbours_and_nothing_beyond() -> None:
    torch.manual_seed(0)
    model = MEDTalk(ModelConfig(content_context=3)).eval()
    features, posteriors = torch.randn(1, 40, 65), torch.rand(1, 40, 35)
    moved = features.clone()
    moved[0, 20] += 1.0
    change = (model.content(moved, posteriors) - model.content(features, posteriors)).abs().sum(-1)[0]
    assert torch.nonzero(change > 1e-6).flatten().tolist() == list(range(17, 24))


def test_without_context_content_is_the_papers_frame_by_frame() -> None:
    torch.manual_seed(0)
    model = MEDTalk(ModelConfig()).eval()
    features, posteriors = torch.randn(2, 9, 65), torch.rand(2, 9, 35)
    alone = torch.stack([model.content(features[:, t], posteriors[:, t]) for t in range(9)], dim=1)
    torch.testing.assert_close(model.content(features, posteriors), alone)
    assert isinstance(model.audio_content_map.fc1, torch.nn.Linear)


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


def test_what_we_add_is_off_for_the_authors() -> None:
    paper = ModelConfig.paper()
    assert paper.content_context == 0 and not paper.still_upper_face
