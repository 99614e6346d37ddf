"""Join two rigs into one scene, mirror the second, and write key frames by ARKit shape, as JSON for Blender or a game.

    python examples/rig_to_shapes.py first.npz second.npz scene.json

In Blender, with the shape keys of a head in `keys`:

    for name, values in json.load(open("scene.json"))["shapes"].items():
        for frame, value in enumerate(values):
            keys[name].value = value
            keys[name].keyframe_insert("value", frame=frame)
"""

import json
import sys
from pathlib import Path

import medtalk
from medtalk.rig.arkit import to_arkit

first, second, output = sys.argv[1:]
parts = [medtalk.read_rig(first).resample(30), medtalk.read_rig(second).resample(30).mirror()]
scene = medtalk.RigSequence.concatenate(parts, crossfade_s=0.2)

names, weights = to_arkit(scene)  # 52 names, (T, 52) from 0 to 1
names = [name[0].lower() + name[1:] for name in names]  # as Apple and most heads spell them: jawOpen
shapes = dict(zip(names, weights.T.round(4).tolist(), strict=True))
Path(output).write_text(json.dumps({"fps": scene.fps, "shapes": shapes}))
print(f"{output}: {len(scene)} frames of {len(shapes)} shapes")
