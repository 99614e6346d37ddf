"""The editor around the plugin: log, paths, command line, ticks, subsystems, scripts."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from pathlib import Path
from typing import Any

from .actors import UnrealEditorSubsystem
from .bind import api, nullable, raw
from .enums import PythonCommandExecutionMode
from .objects import BlueprintFunctionLibrary, EditorSubsystem
from .state import EDITOR
from .structs import SoftObjectPath


@api
def log(arg: Any) -> None:
    EDITOR.log.add("Display", str(arg))


@api
def log_warning(arg: Any) -> None:
    EDITOR.log.add("Warning", str(arg))


@api
def log_error(arg: Any) -> None:
    EDITOR.log.add("Error", str(arg))


@api
def log_flush() -> None:
    """The log's file is written with the lines that waited."""
    EDITOR.log.write(EDITOR.project_dir / "Saved" / "Logs" / "Show.log")


@api
def is_editor() -> bool:
    return True


@api
def get_interpreter_executable_path() -> str:
    return sys.executable


@api
def collect_garbage() -> None:
    """Nothing is collected that Python can still reach."""
    EDITOR.objects = 0


@api
def get_engine_subsystem(subsystem: Any) -> Any:
    return EDITOR.single(subsystem._python if hasattr(subsystem, "_python") else subsystem)


@api
def get_editor_subsystem(subsystem: Any) -> Any:
    kind = subsystem._python if hasattr(subsystem, "_python") else subsystem
    if not issubclass(kind, EditorSubsystem) and kind is not UnrealEditorSubsystem:
        raise TypeError(f"{kind.__name__} is no EditorSubsystem")
    return EDITOR.single(kind)


class _Handle:
    """What a registration gives back."""


def _register(callbacks: dict[Any, Any], callable: Any) -> Any:
    handle = _Handle()
    callbacks[handle] = callable
    return handle


@api
def register_slate_post_tick_callback(callable: Any) -> Any:
    return _register(EDITOR.post_ticks, callable)


@api
def unregister_slate_post_tick_callback(handle: Any) -> None:
    EDITOR.post_ticks.pop(handle, None)


@api
def register_slate_pre_tick_callback(callable: Any) -> Any:
    return _register(EDITOR.pre_ticks, callable)


@api
def unregister_slate_pre_tick_callback(handle: Any) -> None:
    EDITOR.pre_ticks.pop(handle, None)


@api
def register_python_shutdown_callback(callable: Any) -> Any:
    return _register(EDITOR.shutdowns, callable)


@api
def unregister_python_shutdown_callback(handle: Any) -> None:
    EDITOR.shutdowns.pop(handle, None)


class SystemLibrary(BlueprintFunctionLibrary):
    """The machine and the process."""

    @staticmethod
    def launch_url(url: str) -> None:
        EDITOR.urls.append(url)

    @staticmethod
    @raw
    def is_valid(object: Any) -> bool:
        """Looks at any wrapper without touching what it stands for."""
        EDITOR.state.check_thread("SystemLibrary.is_valid")
        return object is not None and "_dead" not in object.__dict__

    @staticmethod
    def get_command_line() -> str:
        return EDITOR.command_line

    @staticmethod
    def parse_command_line(cmd_line: str) -> Any:
        words = [word.replace('"', "") for word in re.findall(r'(?:[^\s"]|"[^"]*")+', cmd_line)]
        switches = [word[1:] for word in words if word.startswith("-")]
        params = {name: value for name, _, value in (word.partition("=") for word in switches) if value}
        return [word for word in words if not word.startswith("-")], switches, params

    @staticmethod
    def is_unattended() -> bool:
        return EDITOR.unattended

    @staticmethod
    def get_engine_version() -> str:
        return EDITOR.engine_version

    @staticmethod
    def get_system_path(object: Any) -> str:
        """The file of an asset, saved or not; "" for anything else. (docs 5.6)"""
        package = object.__dict__.get("_package", "") if object is not None else ""
        if not package.startswith("/Game/"):
            return ""
        return (EDITOR.project_dir / "Content" / f"{package.removeprefix('/Game/')}.uasset").as_posix()

    @staticmethod
    def get_project_directory() -> str:
        return EDITOR.project_dir.as_posix() + "/"

    @staticmethod
    def get_project_saved_directory() -> str:
        return EDITOR.project_dir.as_posix() + "/Saved/"

    @staticmethod
    def get_project_content_directory() -> str:
        return EDITOR.project_dir.as_posix() + "/Content/"

    @staticmethod
    def get_path_name(object: Any) -> str:
        return object._path()

    @staticmethod
    def get_object_name(object: Any) -> str:
        return object._name

    @staticmethod
    def get_soft_object_path(object: Any) -> Any:
        return SoftObjectPath(object._path())

    @staticmethod
    @nullable("primary_object")
    def begin_transaction(context: str, description: Any, primary_object: Any) -> int:
        before = EDITOR.transaction_depth + EDITOR.dragging
        EDITOR.transaction_depth += 1
        return before

    @staticmethod
    def end_transaction() -> int:
        EDITOR.transaction_depth -= 1
        return EDITOR.transaction_depth + EDITOR.dragging + 1

    @staticmethod
    def cancel_transaction(index: int) -> None:
        if index == EDITOR.transaction_depth + EDITOR.dragging - 1:
            EDITOR.transaction_depth -= 1

    @staticmethod
    def collect_garbage() -> None:
        """Queued: at the end of the frame. (docs 5.6)"""
        EDITOR.garbage_waits = True

    @staticmethod
    def quit_editor() -> None:
        EDITOR.quit = True

    @staticmethod
    def get_console_variable_string_value(variable_name: str) -> str:
        return str(EDITOR.console_variables.get(variable_name, ""))

    @staticmethod
    @nullable("world_context_object", "specific_player")
    def execute_console_command(world_context_object: Any, command: str, specific_player: Any) -> None:
        EDITOR.console.append(command)
        if command.upper() == "TRANSACTION UNDO":
            if EDITOR.transaction is None and EDITOR.undo_stack and not EDITOR.dragging:
                EDITOR.undo()
            else:
                EDITOR.log.add("Warning", "Undo: nothing to take back, or a transaction is open")


class Paths(BlueprintFunctionLibrary):
    """Where things lie. As in the real editor a path may be relative to the folder of the program."""

    @staticmethod
    def project_dir() -> str:
        return _relative(EDITOR.project_dir)

    @staticmethod
    def project_saved_dir() -> str:
        return _relative(EDITOR.project_dir / "Saved")

    @staticmethod
    def project_content_dir() -> str:
        return _relative(EDITOR.project_dir / "Content")

    @staticmethod
    def project_intermediate_dir() -> str:
        return _relative(EDITOR.project_dir / "Intermediate")

    @staticmethod
    def project_plugins_dir() -> str:
        return _relative(EDITOR.project_dir / "Plugins")

    @staticmethod
    def project_log_dir() -> str:
        return _relative(EDITOR.project_dir / "Saved" / "Logs")

    @staticmethod
    def get_project_file_path() -> str:
        return _relative(EDITOR.project_dir / "Show.uproject").rstrip("/")

    @staticmethod
    def convert_relative_path_to_full(path: str, base_path: str) -> str:
        start = Path(base_path) if base_path else EDITOR.binaries
        tail = "/" if path.endswith("/") else ""
        return Path(os.path.normpath(start / path)).as_posix() + tail

    @staticmethod
    def is_relative(path: str) -> bool:
        return not Path(path).is_absolute()

    @staticmethod
    def file_exists(path: str) -> bool:
        return (EDITOR.binaries / path).is_file()

    @staticmethod
    def directory_exists(path: str) -> bool:
        return (EDITOR.binaries / path).is_dir()


def _relative(path: Path) -> str:
    return Path(os.path.relpath(path, EDITOR.binaries)).as_posix() + "/"


class EditorPythonScripting(BlueprintFunctionLibrary):
    @staticmethod
    def set_keep_python_script_alive(new_keep_alive: bool) -> None:
        EDITOR.keep_alive = new_keep_alive

    @staticmethod
    def get_keep_python_script_alive() -> bool:
        return EDITOR.keep_alive


class PythonScriptLibrary(BlueprintFunctionLibrary):
    """Runs Python as Blueprints do."""

    @staticmethod
    def is_python_available() -> bool:
        return True

    @staticmethod
    def execute_python_command(python_command: str) -> bool:
        return run_python(python_command)[0]

    @staticmethod
    def execute_python_command_ex(python_command: str, execution_mode: Any, file_execution_scope: Any) -> Any:
        done, result = run_python(python_command, execution_mode is PythonCommandExecutionMode.EVALUATE_STATEMENT)
        return (result, []) if done else None


def run_python(command: str, evaluate: bool = False) -> tuple[bool, str]:
    """A command of a menu entry or a Blueprint; what it raises goes to the log as an error."""
    names: dict[str, Any] = {"__name__": "__main__"}
    shown = io.StringIO()
    try:
        with EDITOR.state.plugin_code(), contextlib.redirect_stderr(shown):
            if evaluate:
                return True, repr(eval(command, names))
            exec(command, names)
        return True, "None"
    except Exception as error:
        EDITOR.log.add("Error", f"{type(error).__name__}: {error}")
        return False, str(error)
    finally:
        if shown.getvalue():
            EDITOR.log.add("Error", shown.getvalue())
