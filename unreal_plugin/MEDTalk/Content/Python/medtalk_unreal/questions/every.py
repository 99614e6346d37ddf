"""All questions of the self-test, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Sequence

from medtalk_unreal.questions import Question, animations, board, editor, keys, sections


def all_of_them(menus: Sequence[str]) -> dict[str, Question]:
    """Name -> the question in words, and what answers it. menus: names of those that the plugin extends."""
    return {
        **board.QUESTIONS, **keys.QUESTIONS, **sections.QUESTIONS, **animations.QUESTIONS, **editor.questions(menus)
    }  # fmt: skip
