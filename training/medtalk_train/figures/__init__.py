"""The paper's figures 4 to 8 of a bundle of ours: a file for each, and the numbers that belong beside a picture."""
