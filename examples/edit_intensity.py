"""Let the emotion grow: take the intensity that the model heard, reshape it, and decode again.

python examples/edit_intensity.py line.wav line.npz
"""

import sys

import numpy as np

import medtalk

recording, output = sys.argv[1:]
performance = medtalk.load().perform(recording)

curve = performance.intensity  # (T,), 60 values a second
growth = np.linspace(0.3, 1.5, len(curve))  # held back at first, too much at the end
edited = performance.with_intensity(curve * growth)  # no audio work: milliseconds

rig = edited.decode("angry")
medtalk.write_rig(output, rig)
print(f"mean intensity: {curve.mean():.2f} heard, {edited.intensity.mean():.2f} edited")
