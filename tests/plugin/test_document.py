"""docs/unreal.md and the plugin say the same: menus, forms, requests, job files, questions of the self-test, pins."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import Any

from medtalk.plugin import _PIP_PLATFORMS, RECORD, plugin_source, requirements
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
    for entry in menus.ENTRIES:
        if entry.action not in ("cancel", "start"):
            assert entry.label.removesuffix("...") in text, entry.label
    assert "The connection is good." in text


def test_forms(editor: Editor, root):
    names = re.findall(r'_meta\(\s*"[^"]+", "([^"]+)"', (PLUGIN / "forms.py").read_text("utf-8"))
    buttons_and_reports = {"Status", "Generate", "Cancel", "Steps"}
    text = document(root)
    assert names and {*table(text, "field"), *table(text, "setting")} == {*names} - buttons_and_reports


def test_requests_and_jobs(editor: Editor, root):
    from medtalk_unreal import headless
    from medtalk_unreal.request import Request

    text = document(root)
    assert sorted(table(text, "name")) == sorted(entry.name for entry in fields(Request))
    job = re.search(r"<!-- a job -->\n```json\n(.*?)```", text, re.S)
    assert job
    content = json.loads(job[1])
    for request in content["requests"]:
        Request.read(request)
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
    from medtalk_unreal import selftest

    text = document(root)
    assert table(text, "question") == list(selftest.QUESTIONS) and selftest.SCRATCH in text


def test_steps_that_may_fail(root):
    code = "".join(path.read_text("utf-8") for path in sorted(PLUGIN.glob("*.py")))
    steps = {*re.findall(r"PluginError\(\s*f?\"Step '(\w[\w -]*)'", code)} - {"sidecar"}
    assert steps and all(f"Step '{step}'" in document(root) for step in steps), steps


def test_packages(root):
    text = document(root)
    command = re.search(r"<!-- the packages -->\n```sh\n(pip download .*)\n", text)
    assert command
    assert command[1].split()[-2:] == [one.pin for one in requirements("win64")]
    assert all(name in text for name in _PIP_PLATFORMS.values()) and RECORD in text
