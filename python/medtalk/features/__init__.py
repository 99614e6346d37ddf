"""What is computed from samples, words and phones in numpy, without a network: every install has it."""
