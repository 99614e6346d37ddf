"""Pretrained networks of other people (extra `full`): loading them, and hearing an hour in bounded memory."""
