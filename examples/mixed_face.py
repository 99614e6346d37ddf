"""A polite smile under worried brows: the mouth from one emotion, brows and eyes from another.

python examples/mixed_face.py line.wav line.npz
"""

import sys

import numpy as np

import medtalk

recording, output = sys.argv[1:]
performance = medtalk.load().perform(recording)
smile, worry = performance.decode("happy"), performance.decode("fear")  # same length, same blinks

# The worry comes over one second, so that the upper face does not jump.
weight = np.clip(smile.times / 1.0, 0.0, 1.0)
rig = smile.blend(worry, ["brow", "eye"], weight)

medtalk.write_rig(output, rig)
print(f"{output}: {len(rig)} frames, brows and eyes afraid from {smile.times[weight >= 1.0][0]:.1f} s on")
