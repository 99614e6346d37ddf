"""Ask a running sidecar (`medtalk serve`) for a face. Needs pyzmq and msgpack only.

python examples/sidecar_client.py line.wav angry
"""

import sys

from medtalk_board.channels import CHANNEL_NAMES
from medtalk_wire import Client, Settings, SidecarError, Sound, find_connection

recording, emotion = sys.argv[1:]
try:
    with Client(find_connection()) as client:
        result = client.wait(client.generate(Sound.from_file(recording), Settings(emotion=emotion)))
except SidecarError as error:
    sys.exit(str(error))
column = CHANNEL_NAMES.index("CTRL_C_jaw-translateY")
jaw = [frame[column] for frame in result.rig.tolist()]
print(f"{len(jaw)} frames at {result.fps:g} fps, jaw opens to {max(jaw):.2f}")
