"""A user study of takes, as the paper's Table 2: a page that shows them blind, and a report of the votes."""

from __future__ import annotations

from medtalk.study.clips import Clip, find_clips
from medtalk.study.key import Key, new_key, read_key, write_key
from medtalk.study.page import study_page
from medtalk.study.report import Report, report
from medtalk.study.votes import Ballot, Votes, read_votes

__all__ = [
    "Ballot",
    "Clip",
    "Key",
    "Report",
    "Votes",
    "find_clips",
    "new_key",
    "read_key",
    "read_votes",
    "report",
    "study_page",
    "write_key",
]
