"""A page of the worst lines of a production: what is wrong, and how the head looks then (needs the extra `report`)."""

from __future__ import annotations

import base64
import html
import io
import os
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from medtalk.batch.audit import WEIGHTS, Remark
from medtalk.batch.plan import Job
from medtalk.errors import MedtalkError
from medtalk.face.draw import Drawing, camera
from medtalk.face.pillow import pillow
from medtalk.files import write_atomic
from medtalk.rig import RigSequence, read_rig
from medtalk.rig.head import load_head

MOST_LINES = 100
_PIXELS = 200
_TIME = re.compile(r"\b(\d\d):(\d\d)\.(\d\d)\b")
_STYLE = """
:root { color-scheme: dark }
body { background: #18191d; color: #e8e8ec; font: 15px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem;
  padding: 0 1rem; overflow-wrap: anywhere }
td { padding: .1rem 1rem .1rem 0; vertical-align: top } td:nth-child(-n+2) { white-space: nowrap }
article { display: flex; gap: 1rem; border-top: 1px solid #33353c; padding: .8rem 0 }
@media (max-width: 500px) { article { display: block } }
img { width: 200px; height: 200px; flex: none; border-radius: 4px }
h1 { font-size: 1.3rem } h2 { font-size: 1rem; margin: 0 }
ul { margin: .3rem 0; padding-left: 1.1rem } .none { width: 200px; color: #777 } small { color: #9a9ea8 }
"""


def write_audit_page(
    path: str | Path, remarks: Sequence[Remark], jobs: Sequence[Job], folder: Path, *, force: bool = False
) -> Path:
    """Write the page of the worst hundred lines, whole or not at all; returns its path.

    Each line has the head at the first moment that a remark names, or at its middle. Lines without a rig have none to
    show, and are a list before them.
    """
    text = audit_page(remarks, jobs, folder)
    return write_atomic(path, lambda temporary: temporary.write_text(text, "utf-8", newline="\n"), force=force)


def audit_page(remarks: Sequence[Remark], jobs: Sequence[Job], folder: Path) -> str:
    """The HTML of `write_audit_page`."""
    by_line: dict[str, list[Remark]] = defaultdict(list)
    for remark in remarks:
        by_line[remark.out].append(remark)
    general = by_line.pop("", [])
    ranked = sorted(by_line, key=lambda out: -sum(remark.weight for remark in by_line[out]))
    worst = [out for out in ranked if os.path.isfile(folder / out)][:MOST_LINES]
    known = {job.out[0]: job for job in jobs}
    head = load_head()
    drawing = Drawing(head, camera(head), _PIXELS, _PIXELS)
    articles = []
    for out in worst:
        job = known.get(out)
        said = job.settings.transcript if job is not None and job.settings.transcript else ""
        picture = _picture(folder / out, by_line[out], drawing)
        shown = f'<img alt="" src="data:image/webp;base64,{picture}">' if picture else '<div class="none">no face</div>'
        row = f" <small>row {job.number}</small>" if job is not None else ""
        words = f"<div>{html.escape(said)}</div>" if said else ""
        facts = _list(by_line[out])
        articles.append(f"<article>{shown}<div><h2>{html.escape(out)}{row}</h2>{words}{facts}</div></article>")
    without = [remark for out in ranked if not os.path.isfile(folder / out) for remark in by_line[out]]
    return (
        "<!DOCTYPE html>\n<html lang=en><meta charset=utf-8><meta name=viewport content=width=device-width>"
        "<title>MEDTalk audit</title><meta http-equiv=Content-Security-Policy "
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
        f"<style>{_STYLE}</style><h1>{len(by_line)} lines with remarks</h1>{_counts(remarks)}{_list(general)}"
        f"{f'<h1>Without a rig</h1>{_named(without)}' * bool(without)}"
        f"<h1>With a rig: the worst {len(worst)}</h1>{''.join(articles)}</html>\n"
    )


def _counts(remarks: Sequence[Remark]) -> str:
    counts = Counter(remark.kind for remark in remarks)
    rows = (f"<tr><td>{kind}<td>{counts[kind]}<td>{WEIGHTS[kind][1]}" for kind in WEIGHTS if counts[kind])
    return f"<table>{''.join(rows)}</table>"


def _list(remarks: Sequence[Remark]) -> str:
    rows = (html.escape(f"{each.kind}: {each.why}") for each in remarks)
    return f"<ul>{''.join(f'<li>{row}</li>' for row in rows)}</ul>"


def _named(remarks: Sequence[Remark]) -> str:
    """Remarks on lines that have no face to show, the first of them."""
    rows = (f"<li>{html.escape(f'{each.out}: {each.kind}: {each.why}')}</li>" for each in remarks[:MOST_LINES])
    more = f"<li>and {len(remarks) - MOST_LINES} more</li>" if len(remarks) > MOST_LINES else ""
    return f"<ul>{''.join(rows)}{more}</ul>"


def _picture(path: Path, remarks: Sequence[Remark], drawing: Drawing) -> str:
    """The head as WEBP in base64; "" for a line without a rig that can be read."""
    if not path.is_file():
        return ""
    try:
        rig = read_rig(path)
    except MedtalkError:  # a format that is only written, or a damaged file, which is a remark of its own
        return ""
    pixels = drawing.draw(drawing.head.pose(*rig.frame(_frame(rig, remarks))))
    stream = io.BytesIO()
    pillow("Image").fromarray(pixels).save(stream, "WEBP", quality=80)
    return base64.b64encode(stream.getvalue()).decode()


def _frame(rig: RigSequence, remarks: Sequence[Remark]) -> int:
    found = next((match for remark in remarks if (match := _TIME.search(remark.why))), None)
    if found is None:
        return len(rig) // 2
    minutes, seconds, hundredths = map(int, found.groups())
    return min(len(rig) - 1, round((60 * minutes + seconds + hundredths / 100) * rig.fps))
