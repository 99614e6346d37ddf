"""The details view in text: the rules of order and of what one sees."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fake_unreal.details import categories, draw, order


@pytest.fixture
def form(editor: Any, unreal: Any) -> Any:
    """Priorities that begin anew in each category, as one may think they do."""

    class Upside(unreal.Object):
        sounds = unreal.uproperty(unreal.Array(str), meta={"Category": "Sound", "DisplayName": "Sounds"})
        one = unreal.uproperty(str, meta={"Category": "A", "DisplayName": "One", "DisplayPriority": "1"})
        two = unreal.uproperty(
            str, meta={"Category": "A", "DisplayName": "Two", "DisplayPriority": "2", "MultiLine": "true"}
        )
        three = unreal.uproperty(
            bool, meta={"Category": "B", "DisplayName": "Three", "DisplayPriority": "1", "EditCondition": "false"}
        )
        four = unreal.uproperty(
            bool, meta={"Category": "B", "DisplayName": "4", "EditCondition": "three", "EditConditionHides": ""}
        )

        @unreal.ufunction(
            meta={"Category": "B", "DisplayName": "Later", "DisplayPriority": "9", "CallInEditor": "true"}
        )
        def later(self):
            pass

        @unreal.ufunction(
            meta={"Category": "B", "DisplayName": "Press", "DisplayPriority": "8", "CallInEditor": "true"}
        )
        def press(self):
            pass

    return unreal.new_object(unreal.uclass()(Upside), name="Upside")


def test_priorities_count_over_all_categories_and_equal_ones_come_in_reverse(form: Any) -> None:
    assert order(form) == ["three", "one", "two", "sounds"] and categories(form) == ["B", "A", "Sound"]
    form.set_editor_property("three", True)
    assert order(form) == ["three", "one", "two", "four", "sounds"], "shown when its condition holds"


def test_what_one_sees(form: Any) -> None:
    form.set_editor_properties({"sounds": ["a", "b"], "one": "x" * 60, "two": "first\n" + "word " * 12})
    assert draw(form) == (
        "[ Upside ]\n"
        "v B\n"
        "  [Press]  [Later]\n"
        "  Three                   [ ]                                          (grey)\n"
        "v A\n"
        "  One                     |xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx>|\n"
        "  Two                     |first\n"
        "                          |word word word word word word word word\n"
        "                          |word word word word\n"
        "v Sound\n"
        "  Sounds                  2 Array elements  (+)\n"
    )
