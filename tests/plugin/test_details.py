"""The forms as the editor draws them: order, titles, what one sees of a value."""

from __future__ import annotations

from typing import Any

from tests.fake_unreal import details as view
from tests.plugin.draw_forms import FILE, drawn


def test_the_forms_look_as_they_were_looked_at(editor: Any) -> None:
    picture = FILE.read_text("utf-8")
    assert drawn(editor) == picture, "python -m tests.plugin.draw_forms, then look at tests/plugin/forms.txt"


def test_a_form_stands_in_the_order_in_which_it_is_declared(editor: Any) -> None:
    """Though Unreal meets the properties in reverse, and orders those of all categories together."""
    import unreal

    from medtalk_unreal import connectionform, details, forms, reports, settingsform
    from tests.fake_unreal import inside

    test, settings = connectionform.MEDTalkConnectionForm, settingsform.MEDTalkSettingsForm
    for kind in (forms.MEDTalkGenerateForm, settings, reports.MEDTalkReportForm, test):
        form = unreal.new_object(kind)
        metas = {name: meta for name, meta in inside.metas(kind).items() if "Category" in meta}
        for name in ("takes_text", "takes_image"):
            if name in inside.metas(kind):
                form.set_editor_property(name, True)
        assert view.order(form) == list(metas)
        assert view.categories(form) == list(dict.fromkeys(meta["Category"] for meta in metas.values()))
        places = [meta["DisplayPriority"] for meta in metas.values()]
        assert len(set(places)) == len(places) and all(meta["ToolTip"] for meta in metas.values())
        titles = [meta["DisplayName"] for meta in metas.values()]
        assert all(len(title) <= view.NAME - 2 for title in titles), "a title that is cut"
    assert details.rows()("A", "B", "C") == {
        "Category": "A",
        "DisplayName": "B",
        "DisplayPriority": "10",
        "ToolTip": "C",
    }


def test_each_form_has_a_name_of_its_own_that_can_be_read(editor: Any) -> None:
    """A tab is called as its object is; an object of a name that is taken would be replaced."""
    from medtalk_unreal import connectionform, details, reports

    names = []
    for _ in range(3):
        names.append(details.make(reports.MEDTalkReportForm, "MEDTalk Report").get_name())
        reports.open_report()
    assert names == ["MEDTalk-Report", "MEDTalk-Report-2", "MEDTalk-Report"], "the one before is closed"
    assert len(editor.tabs) == 1
    reports.open_report(connectionform.MEDTalkConnectionForm, connectionform.TITLE)
    assert editor.tabs[-1].get_name() == "MEDTalk-Connection"


def test_what_is_usually_looked_at_comes_first(editor: Any) -> None:
    import unreal

    from medtalk_unreal import forms

    form = unreal.new_object(forms.MEDTalkGenerateForm)
    assert view.categories(form)[:4] == ["Sound", "Mood", "Target", "Generate"]
    order = view.order(form)
    assert order[order.index("target") :][:4] == ["target", "blueprint", "camera", "sequence"], "who, then where"
    assert order.index("face_mesh") > order.index("frame_step"), "only for an Anim Sequence"


def test_a_report_is_one_text_with_the_newest_line_last(editor: Any) -> None:
    from medtalk_unreal import reports

    tell = reports.open_report()
    for line in ("One.", "Two."):
        tell(line)
    assert editor.tabs[-1].get_editor_property("report") == "One.\nTwo." and reports.report_is_open()
    editor.tabs.clear()
