"""Animate every WAV file in a folder, each in two moods; the audio work is done once per recording.

python examples/batch_folder.py recordings/ rigs/
"""

import sys
from pathlib import Path

import medtalk

recordings, rigs = map(Path, sys.argv[1:])
rigs.mkdir(parents=True, exist_ok=True)
model = medtalk.load()
for path in sorted(recordings.glob("*.wav")):
    try:
        performance = model.perform(path)
    except medtalk.MedtalkError as error:  # one bad recording does not end the batch
        print(f"{path.name}: {error}")
        continue
    for emotion in ("happy", "angry"):
        written = medtalk.write_rig(rigs / f"{path.stem}_{emotion}.npz", performance.decode(emotion))
        print(f"{written.name}: {performance.seconds:.1f} s")
