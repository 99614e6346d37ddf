"""The networks of the paper, one readable file a part. Training and the torch engine use the same modules."""
