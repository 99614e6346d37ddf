"""Whole productions: the lines of a manifest, baked by many processes or machines, with a ledger of what was done.

manifest   the lines: rows of a loc table, or the sounds of a folder
plan       what is to be done: each line's settings and files, checked; what is done already, and why something is not
work       one line, done in a process that has loaded the model
pool       processes that do lines
ledger     results.jsonl: what was done, so that nothing is done twice and nothing is lost
"""
