"""An Open Job Description template (specification 2023-09) of a bake, for farms that read it: a task for each chunk.

Every farm that takes no such file can run the same line of a shell itself: `--rows A-B` is all that there is to it.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medtalk.errors import SettingError
from medtalk.files import write_atomic

SPECIFICATION = "jobtemplate-2023-09"
NAME = "template.json"
"""A template may be YAML or JSON; JSON needs no library."""
_WORDS = ("{{Param.Manifest}}", "{{Param.Out}}", "{{Task.Param.Chunk}}")
_BRACES = re.compile(r"(?<=\{)(?=\{)|(?<=\})(?=\})")


def template(source: Path, output: Path, words: Sequence[str], rows: int, chunk: int) -> dict[str, Any]:
    """The template of a bake.

    Args:
        source: the manifest, as every machine of the farm sees it.
        output: the folder of the rigs, likewise.
        words: the other words of the command.
        rows: of the manifest.
        chunk: rows in a task.

    Raises:
        SettingError: no rows in a chunk.
    """
    if chunk < 1:
        raise SettingError(f"The chunk has {chunk} rows; it must have at least 1.")
    # Paths come as words, which need no quotes, and chunks as a number. A template knows no quotes for "{{" either, but
    # the shell does: between the two quotes of {''{ is nothing.
    options = _BRACES.sub("''", shlex.join(words))
    script = (
        "manifest=$1 out=$2 chunk=$3\n"
        f"first=$(( (chunk - 1) * {chunk} + 1 ))\n"
        f"last=$(( first + {chunk} - 1 ))\n"
        f'exec medtalk bake "$manifest" -o "$out" --rows "$first-$last" {options}\n'
    )
    called = re.sub(r"[{}\x00-\x1f\x7f-\x9f]", "", source.name)
    return {
        "specificationVersion": SPECIFICATION,
        "name": f"medtalk bake {called}"[:128],
        # Not of type PATH: a farm that moves such a file to its workers would leave its sounds behind.
        "parameterDefinitions": [
            {"name": "Manifest", "type": "STRING", "default": str(source)},
            {"name": "Out", "type": "STRING", "default": str(output)},
        ],
        "steps": [
            {
                "name": "Bake",
                "parameterSpace": {
                    "taskParameterDefinitions": [{"name": "Chunk", "type": "INT", "range": f"1-{-(-rows // chunk)}"}]
                },
                "script": {
                    "embeddedFiles": [{"name": "run", "type": "TEXT", "filename": "bake.sh", "data": script}],
                    "actions": {"onRun": {"command": "bash", "args": ["{{Task.File.run}}", *_WORDS]}},
                },
            }
        ],
    }


def write_template(folder: Path, content: dict[str, Any]) -> Path:
    """Write a template into a folder; returns its file."""
    text = json.dumps(content, indent=2)
    return write_atomic(folder / NAME, lambda temporary: temporary.write_text(text + "\n", "utf-8"))
