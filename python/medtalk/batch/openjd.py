"""An Open Job Description template (specification 2023-09) of a bake, for farms that read it: a task for each chunk.

Every farm that takes no such file can run the same line of a shell itself: `--rows A-B` is all that there is to it.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medtalk.errors import SettingError
from medtalk.files import write_atomic

SPECIFICATION = "jobtemplate-2023-09"
NAME = "template.json"
"""A template may be YAML or JSON; JSON needs no library."""


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
    tasks = -(-rows // chunk)
    command = f'medtalk bake "{{{{Param.Manifest}}}}" -o "{{{{Param.Out}}}}" {shlex.join(words)}'.rstrip()
    script = (
        f"first=$(( ({{{{Task.Param.Chunk}}}} - 1) * {chunk} + 1 ))\n"
        f"last=$(( first + {chunk} - 1 ))\n"
        f'exec {command} --rows "$first-$last"\n'
    )
    return {
        "specificationVersion": SPECIFICATION,
        "name": f"medtalk bake {source.name}"[:128],
        "parameterDefinitions": [
            {"name": "Manifest", "type": "PATH", "objectType": "FILE", "dataFlow": "IN", "default": str(source)},
            {"name": "Out", "type": "PATH", "objectType": "DIRECTORY", "dataFlow": "OUT", "default": str(output)},
        ],
        "steps": [
            {
                "name": "Bake",
                "parameterSpace": {
                    "taskParameterDefinitions": [{"name": "Chunk", "type": "INT", "range": f"1-{tasks}"}]
                },
                "script": {
                    "embeddedFiles": [{"name": "run", "type": "TEXT", "filename": "bake.sh", "data": script}],
                    "actions": {"onRun": {"command": "bash", "args": ["{{Task.File.run}}"]}},
                },
            }
        ],
    }


def write_template(folder: Path, content: dict[str, Any]) -> Path:
    """Write a template into a folder; returns its file."""
    text = json.dumps(content, indent=2)
    return write_atomic(folder / NAME, lambda temporary: temporary.write_text(text + "\n", "utf-8"))
