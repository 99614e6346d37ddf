"""A client with a stream, which a test kills: `little_streamer.py CONNECTION_FILE`. It says when frames come."""

import sys
import time

from medtalk_wire import Client, find_connection

with Client(find_connection(sys.argv[1])) as client:
    stream = client.stream(live=True)
    stream.push(bytes(32000))
    while not stream.frames(1.0):
        pass
    print("frames", flush=True)
    while True:
        stream.push(bytes(1280))
        stream.frames(0.04)
        time.sleep(0.0)
