"""A client that asks for one job and then does what the test does to it: `little_client.py CONNECTION_FILE SECONDS`.

It sends SECONDS of sound, prints the id of its job when that is accepted, and then reads nothing more.
"""

import hashlib
import sys
import time

import numpy as np

from medtalk_wire.connection import find_connection
from medtalk_wire.protocol import Buffer, Message
from tests.helpers.sidecars import Raw
from tests.helpers.sounds import babble

client = Raw(find_connection(sys.argv[1]))
data = np.resize(babble(10.0), round(float(sys.argv[2]) * 16000)).tobytes()
sound = {"kind": "pcm", "rate": 16000, "sha256": hashlib.sha256(data).hexdigest()}
samples = Buffer("samples", "float32", (len(data) // 4,), data)
job = client.send(Message("generate", {"sound": sound}, buffers=[samples]))
while client.receive().type != "accepted":
    pass
print(job.id, flush=True)
time.sleep(600)
