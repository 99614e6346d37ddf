"""The quality of a bundle: the paper's metrics, the mouth on real recordings, and what it must reach to ship."""
