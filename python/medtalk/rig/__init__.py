"""Rigs of a MetaHuman face: the 174 channels, what boards call them, sequences of them and their files. No torch."""

from __future__ import annotations

from medtalk.rig.arkit import ARKIT, ARKIT_NAMES, from_arkit, to_arkit
from medtalk.rig.boards import BOARDS, EXPRESSIONS, MH3, MH4, board_rows, to_expressions
from medtalk.rig.channels import CHANNEL_HASH, CHANNELS, N_CHANNELS, NAMES, REGIONS, Channel, indices
from medtalk.rig.formats import RIG_ENDINGS, check_output, read_rig, rig_ending, write_rig
from medtalk.rig.sequence import RigSequence, Timed

__all__ = [
    "ARKIT",
    "ARKIT_NAMES",
    "BOARDS",
    "CHANNELS",
    "CHANNEL_HASH",
    "EXPRESSIONS",
    "MH3",
    "MH4",
    "NAMES",
    "N_CHANNELS",
    "REGIONS",
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
