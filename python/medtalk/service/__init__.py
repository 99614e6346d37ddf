"""The sidecar: one warm process holds the model, and clients talk to it over ZeroMQ (`docs/protocol.md`)."""

PORT = 5717
"""The port that a sidecar listens on by default."""
