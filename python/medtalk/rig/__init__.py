"""Rigs of a MetaHuman face: the 174 channels, what boards call them, sequences of them and their files. No torch."""

from __future__ import annotations

from medtalk.rig.arkit import ARKIT, ARKIT_NAMES, from_arkit, to_arkit
from medtalk.rig.boards import BOARDS, EXPRESSIONS, MH3, MH4, board_rows, to_expressions
from medtalk.rig.channels import AREAS, CHANNEL_HASH, CHANNEL_NAMES, CHANNELS, N_CHANNELS, Channel, indices
from medtalk.rig.formats import RIG_ENDINGS, check_output, read_rig, rig_ending, write_rig
from medtalk.rig.sequence import RigSequence, Timed

__all__ = [
    "AREAS",
    "ARKIT",
    "ARKIT_NAMES",
    "BOARDS",
    "CHANNELS",
    "CHANNEL_HASH",
    "CHANNEL_NAMES",
    "EXPRESSIONS",
    "MH3",
    "MH4",
    "N_CHANNELS",
    "RIG_ENDINGS",
    "Channel",
    "RigSequence",
    "Timed",
    "board_rows",
    "check_output",
    "from_arkit",
    "indices",
    "read_rig",
    "rig_ending",
    "to_arkit",
    "to_expressions",
    "write_rig",
]
