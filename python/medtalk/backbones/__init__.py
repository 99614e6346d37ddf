"""What turns sound and words into features: the compact backbone (ours) in numpy, its trained parts in torch or ONNX."""
