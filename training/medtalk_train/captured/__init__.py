"""The captured ground: recorded faces and the paper's pretrained backbones; makes bundles of the kind medtalk."""
