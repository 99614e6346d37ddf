"""The synthetic ground: speech with phone times, faces made by rules, and an ear of our own; makes compact bundles."""
