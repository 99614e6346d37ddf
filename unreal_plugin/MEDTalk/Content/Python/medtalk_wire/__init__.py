"""The sidecar's protocol and its client, in pure Python: the standard library, pyzmq and msgpack."""
