"""What came out of verifying recorded rigs, as an HTML page: a table, and for what changed the heads beside each other.

The page asks for nothing and runs no script. The heads are pages of their own (`medtalk.face.page`): those of
report.html lie in the folder report-heads beside it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, unquote

from medtalk.errors import MedtalkError
from medtalk.face.judged import judge
from medtalk.face.packed import Fact, Mark, pack_sound, pack_take
from medtalk.face.page import write_page
from medtalk.files import make_folder, write_atomic
from medtalk.inputs import path_text
from medtalk.recorded.report import details, errors_line, headline, seen, summary
from medtalk.recorded.verify import Verdict, farthest, on_heads, speech_of

_STYLE = """
:root { color-scheme: dark; font: 14px/1.5 system-ui, sans-serif; background: #17181b; color: #e8e8ec; }
body { max-width: 1000px; margin: 32px auto; padding: 0 20px; }
h1 { font-size: 20px; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: 8px 12px; border-bottom: 1px solid #2c2e33; }
th { color: #a0a4ac; font-weight: normal; }
a { color: #d18a4a; }
ul { margin: 6px 0 0; padding-left: 18px; color: #a0a4ac; }
td { overflow-wrap: anywhere; } td:nth-child(2) { white-space: nowrap; }
@media (max-width: 640px) {
  table, tbody, tr, td { display: block; } tr:first-child { display: none; }
  td { padding: 4px 0; border: 0; } tr { padding: 8px 0; border-bottom: 1px solid #2c2e33; }
}
.changed, .failed { color: #e5786d; } .same { color: #7fb77e; } .updated { color: #d9b36c; }
"""


def write_report(path: Path, verdicts: Sequence[Verdict], *, force: bool = False) -> Path:
    """Write the page, and those of the heads; those of its last run go. Raises OutputError."""
    ordered = farthest(verdicts)
    folder = path.with_name(f"{path.stem}-heads")
    wanted = on_heads(verdicts)
    links: dict[int, str] = {}
    ours = _written(path, folder)
    if wanted:
        make_folder(folder)
    for old in folder.glob("[0-9][0-9][0-9]-*.html"):
        if old.name in ours:
            old.unlink(missing_ok=True)
    for number, verdict in enumerate(wanted, start=1):
        target = folder / f"{number:03d}-{re.sub(r'[^0-9A-Za-z._-]', '_', verdict.file.stem)[:60]}.html"
        if _write_heads(target, verdict, force):
            links[id(verdict)] = f"{quote(folder.name)}/{quote(target.name)}"
    rows = "\n".join(_row(verdict, links.get(id(verdict), "")) for verdict in ordered)
    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Recorded rigs</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>{_STYLE}</style></head><body>
<h1>{html.escape(summary(verdicts))}</h1>
<table><tr><th>recorded rig</th><th>state</th><th>what moved most, and when</th></tr>
{rows}
</table></body></html>
"""
    return write_atomic(path, lambda place: place.write_text(text, "utf-8", "backslashreplace", "\n"), force=force)


def _written(path: Path, folder: Path) -> set[str]:
    """The names of the pages of heads that the page of the last run leads to."""
    try:
        last = path.read_text("utf-8", "replace") if path.is_file() else ""
    except OSError:
        return set()
    return {unquote(name) for name in re.findall(rf'<a href="{re.escape(quote(folder.name))}/([^"/]+)"', last)}


def _row(verdict: Verdict, link: str) -> str:
    name = html.escape(path_text(verdict.file))
    shown = f'<a href="{html.escape(link)}">{name}</a>' if link else name
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in details(verdict))
    return (
        f'<tr><td>{shown}</td><td class="{verdict.state}">{verdict.state}</td>'
        f"<td>{html.escape(headline(verdict))}{f'<ul>{lines}</ul>' if lines else ''}</td></tr>"
    )


def _write_heads(target: Path, verdict: Verdict, force: bool) -> bool:
    """Whether a page with the recorded and the new take could be written."""
    recording, comparison = verdict.recording, verdict.comparison
    if recording is None or comparison is None or verdict.rig is None:
        return False
    speech = speech_of(verdict)
    takes = []
    for name, rig in (("recorded", recording.rig), ("now", verdict.rig)):
        marks, facts = judge(rig, speech)
        if name == "now":
            marks += [Mark(each.start, each.end, each.kind, each.message) for each in comparison.events]
            lines = [headline(verdict), *seen(comparison), errors_line(comparison)]
            facts = [*(Fact("change", line, "look") for line in lines if line), *facts]
        takes.append(pack_take(rig, name, marks=marks, summary=facts, level=6))
    try:
        sound = None if verdict.sound is None else pack_sound(verdict.sound)
    except MedtalkError:  # that it cannot be read is said elsewhere
        sound = None
    write_page(target, takes, sound, f"{recording.name}: recorded, now", force=force)
    return True
