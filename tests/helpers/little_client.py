"""A client that asks for one job and then does what the test does to it: `little_client.py CONNECTION_FILE SECONDS`.

It sends SECONDS of sound, prints the id of its job when that is accepted, and then reads nothing more.
"""

import sys
import time

import numpy as np

from medtalk_wire.connection import find_connection
from tests.helpers.requests import generate
from tests.helpers.sidecars import Raw
from tests.helpers.sounds import babble

client = Raw(find_connection(sys.argv[1]))
job = client.send(generate(np.resize(babble(10.0), round(float(sys.argv[2]) * 16000))))
while client.receive().type != "accepted":
    pass
print(job.id, flush=True)
time.sleep(600)
