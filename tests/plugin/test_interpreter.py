"""Why a program of the sidecar's Python ended: by the code in its last line, never by our own words."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from medtalk.errors import BackboneError, BundleError, MissingExtraError


def ended(words: list[str], code: int = 1) -> Any:
    """A program that said some lines on stderr, and ended."""
    from medtalk_unreal.interpreter import Program

    said = f"import sys; print(*{words!r}, sep='\\n', file=sys.stderr); sys.exit({code})"
    program = Program(sys.executable, ["-c", said], "sidecar.log")
    program.process.wait(60)
    return program


def line(code: str, message: str = "It is so.", hint: str = "Do that.", about: str = "") -> str:
    return json.dumps({"error": {"code": code, "message": message, "hint": hint, "about": about}})


@pytest.mark.parametrize(
    ("code", "step"),
    [
        (BundleError.code, "bundle"),
        (BackboneError.code, "backbones"),
        (MissingExtraError.code, "package"),
        ("port", "port"),
        ("connection_file", "connection file"),
        ("setting", "start"),
        ("a new one", "start"),
    ],
)
def test_the_code_tells_the_step_and_the_words_do_not(editor: Any, code: str, step: str) -> None:
    message = "Port, bundle, backbone, connection file, The weights of: No module named x."
    program = ended(["medtalk: a note", line(code, message, "Do that.", "/a/b")])
    error = program.failure()
    assert str(error) == f"Step '{step}': {message} Do that. All that it said is in {program.log}."
    assert error.about == "/a/b" and program.last_line() == f"{message} Do that."


def test_a_python_without_the_package(editor: Any) -> None:
    said = "/usr/bin/python3: No module named medtalk"
    assert str(ended([said]).failure()).startswith(f"Step 'package': {said}.")
    assert str(ended([said], code=3).failure()).startswith(f"Step 'start': {said}")


@pytest.mark.parametrize(
    "said",
    [
        "medtalk: No such option: --json (--help tells what there is)",
        "MemoryError: bundle",
        '{"error": "bundle"}',
        '{"error": {"code": "bundle"}}',
        "[" * 20_000,
        "null",
    ],
)
def test_a_line_of_another_kind_is_shown_as_it_is(editor: Any, said: str) -> None:
    """An old package, a crash, a line that only looks like ours."""
    program = ended([said], code=2)
    shown = said.removeprefix("medtalk: ")
    assert str(program.failure()).startswith(f"Step 'start': {shown}") and program.last_line() == shown


def test_one_that_says_nothing(editor: Any) -> None:
    from medtalk_unreal.interpreter import Program

    program = Program(sys.executable, ["-c", "raise SystemExit(7)"], "sidecar.log")
    program.process.wait(60)
    assert "it ended with code 7 and said nothing" in str(program.failure())
