"""What turns sound and words into features: the compact backbone (ours), in numpy, with trained parts in torch."""
