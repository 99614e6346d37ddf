"""Features of samples, words and phones, computed in numpy without a network: every install has them."""
