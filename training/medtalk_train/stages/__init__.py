"""The four stages of the paper's training, what they learn by and from, whatever the data."""
