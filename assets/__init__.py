"""What ships with MEDTalk: bundles, pose tables and a sample recording. Only data; `medtalk.bundle` knows the way."""
