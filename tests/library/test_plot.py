import numpy as np

from medtalk.audio import Speech
from medtalk.plot import PANELS, draw
from medtalk.rig import RigSequence
from medtalk.rig.channels import indices


def test_a_picture_is_drawn(tmp_path, sound):
    from PIL import Image

    rig = RigSequence(np.zeros((120, 174), np.float32), 60, {"emotion": {"happy": 0.7, "sad": 0.3}})
    speech = Speech.from_array(np.sin(np.arange(32000) / 30).astype(np.float32), 16000)
    draw(rig, speech, tmp_path / "a.png")
    still = np.asarray(Image.open(tmp_path / "a.png"))
    assert still.shape[0] > 600 and still.shape[1] > 900 and still.std() > 5.0
    draw(RigSequence(np.tile(np.sin(np.arange(120) / 9.0)[:, None], 174), 60), speech, tmp_path / "b.png")
    assert (np.asarray(Image.open(tmp_path / "b.png")) != still).any()


def test_every_curve_names_channels():
    for curves in PANELS.values():
        for patterns in curves.values():
            assert all(len(indices(pattern)) for pattern in patterns)
