"""Put the pictures of the forms into docs/unreal.md: as the stand-in editor draws them (tests/plugin/draw_forms.py).

    python -m docs.make_unreal

after a change of a form, and after `python -m tests.plugin.draw_forms`.
"""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parent / "unreal.md"
FORMS = Path(__file__).parents[1] / "tests" / "plugin" / "forms.txt"
_BLOCK = re.compile(r"(<!-- picture: ([^\n]+) -->\n```\n).*?^(```\n)", re.DOTALL | re.MULTILINE)


def page() -> str:
    """The page with the pictures as they are now."""
    drawn = FORMS.read_text("utf-8")
    pictures = {title: text.strip("\n") for title, text in re.findall(r"^--- (.+)\n((?:(?!--- ).*\n)*)", drawn, re.M)}
    return _BLOCK.sub(lambda found: f"{found[1]}{pictures[found[2]]}\n{found[3]}", PAGE.read_text("utf-8"))


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
