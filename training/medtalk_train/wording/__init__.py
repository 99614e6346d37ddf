"""Descriptions in words for the compact bundle's text encoder: lexicon, grammar, held-out sentences, training."""
