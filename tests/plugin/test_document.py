"""docs/unreal.md and the plugin say the same: menus, forms, requests, job files, questions of the self-test, pins."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import Any

from docs import make_unreal
from medtalk.cli.unreal_plugin import _PIP_PLATFORMS, RECORD, _pip_options, plugin_source, requirements
from tests.fake_unreal import inside
from tests.fake_unreal.editor import Editor

PLUGIN = plugin_source() / "Content" / "Python" / "medtalk_unreal"


def document(root: Any) -> str:
    return (root / "docs" / "unreal.md").read_text("utf-8")


def table(text: str, first: str) -> list[str]:
    """The words in backticks, or the bare words, of the first column of the table whose first column is called so."""
    rows = re.search(rf"^ *\| {first} \|.*\n *\|[-|]+\|\n((?: *\|.*\n)+)", text, re.MULTILINE)
    assert rows, first
    cells = [row.split("|")[1].strip() for row in rows[1].splitlines()]
    return [name.strip("` ") for cell in cells for name in cell.split(", ")]


def test_menus(editor: Editor, root):
    from medtalk_unreal import menus

    text = document(root)
    assert table(text, "entry") == [entry.label for entry in menus.ENTRIES if entry.menu == menus.TOOLS_MENU]
    assert all(entry.label in text for entry in menus.ENTRIES)
    assert "The connection works." in text


def test_the_menu_is_named_in_one_way(editor: Editor, root):
    """It is a section of the menu Tools, no menu of its own."""
    from medtalk_unreal import interpreter, menus

    labels = [entry.label for entry in menus.ENTRIES if entry.menu == menus.TOOLS_MENU]
    code = [*(root / "python" / "medtalk" / "cli").glob("*.py"), *PLUGIN.glob("*.py")]
    texts = [path.read_text("utf-8") for path in (root / "docs" / "unreal.md", root / "README.md", *code)]
    named = [name for text in texts for name in re.findall(r"Tools, section MEDTalk: ([\w -]+)", text)]
    assert len(named) > 5 and all(any(name.startswith(label.rstrip(".")) for label in labels) for name in named)
    assert not any(re.search(r"Tools\W+>\W+MEDTalk", text) for text in texts)
    assert interpreter.SETTINGS == "Tools, section MEDTalk: Settings" and interpreter.SETTINGS in texts[0]


def test_forms(editor: Editor, root):
    from medtalk_unreal import bakeform, forms, liveform, settingsform

    kinds = forms.MEDTalkGenerateForm, settingsform.MEDTalkSettingsForm
    fields, settings = (
        {meta["DisplayName"] for meta in inside.metas(kind).values() if "Category" in meta} for kind in kinds
    )
    text = document(root)
    rows = {meta["DisplayName"] for meta in inside.metas(bakeform.MEDTalkBakeForm).values() if "Category" in meta}
    assert set(table(text, "row")) == rows - {"Status"}
    rows = {meta["DisplayName"] for meta in inside.metas(liveform.MEDTalkLiveForm).values() if "Category" in meta}
    assert set(table(text, "live row")) == rows - {"Status"}
    assert set(table(text, "field")) == fields - {"Status"} and set(table(text, "setting")) == settings


def test_requests_and_jobs(editor: Editor, root):
    from medtalk_unreal import headless
    from medtalk_unreal.order import Order
    from medtalk_unreal.request import Request

    text = document(root)
    assert sorted(table(text, "name")) == sorted(entry.name for entry in fields(Request))
    assert sorted(name.strip("`") for name in table(text, "key")) == sorted(entry.name for entry in fields(Order))
    job = re.search(r"<!-- a job -->\n```json\n(.*?)```", text, re.S)
    assert job
    content = json.loads(job[1])
    for request in content["requests"]:
        Request.read(request)
    assert Order.read(content["bakes"][1]).sound_folder == "/Game/VO/{language}"
    assert set(headless._NAMES) == {*content, "selftest"} and headless.VARIABLE in text
    for name in ("headless.py", "blueprint.py", "bake.py", "readback.py"):
        assert (PLUGIN / name).is_file()


def test_nodes(editor: Editor, root):
    functions = re.findall(r"    def (\w+)\(", (PLUGIN / "blueprint.py").read_text("utf-8"))
    assert table(document(root), "node") == [name.replace("_", " ").title() for name in functions]


def test_functions_for_the_console(editor: Editor, root):
    for module, function in re.findall(r"from medtalk_unreal import (\w+); \1\.(\w+)\(", document(root)):
        assert re.search(rf"^def {function}\(", (PLUGIN / f"{module}.py").read_text("utf-8"), re.MULTILINE)


def test_questions(editor: Editor, root):
    from medtalk_unreal.questions import scratch
    from medtalk_unreal.questions.every import all_of_them

    text = document(root)
    assert table(text, "question") == list(all_of_them(())) and scratch.FOLDER in text


def test_pictures_of_the_forms(root):
    """They are those of tests/plugin/forms.txt, which another test holds to the forms."""
    text = document(root)
    assert make_unreal.page() == text, "python -m docs.make_unreal"
    assert text.count("<!-- picture: ") == 4 and "[Set Up]  [Cancel Set Up]" in text


def test_steps_that_may_fail(editor: Editor, root):
    from medtalk_unreal import interpreter

    code = "".join(path.read_text("utf-8") for path in sorted(PLUGIN.rglob("*.py")))
    named = re.findall(r"PluginError\(\s*f?\"Step '(\w[\w -]*)'", code)
    rows = re.findall(r"^\| Step '([\w -]+)'", document(root), re.MULTILINE)
    assert named and {*rows} == {*named, *interpreter.STEPS.values()}


def test_packages(root):
    text = document(root)
    commands = re.search(r"<!-- the packages -->\n```bat\n(.*?)```", text, re.S)
    assert commands
    wheel, download = [line.partition(r"\Scripts\pip ")[2] for line in commands[1].splitlines()[1:]]
    assert wheel == "wheel . -w wheels"
    assert download.split()[-2:] == [one.pin for one in requirements("win64")]
    assert download.split()[3:-2] == _pip_options("win64")
    assert all(name in text for name in _PIP_PLATFORMS.values()) and RECORD in text
