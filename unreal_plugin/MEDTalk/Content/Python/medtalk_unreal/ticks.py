"""Work that takes time, in small steps: the editor's tick goes on with it, so that the editor never waits."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Generator
from typing import Any

import unreal

from medtalk_unreal.errors import CancelledError, PluginError

Steps = Generator[None, None, Any]
"""A function that yields where the editor may go on. It must not keep objects of the editor over a `yield`."""

_tasks: list[Task] = []
_handle: Any = None  # of the tick's callback, while there are tasks
_busy = False


class Task:
    """Steps on their way. `ended`, then `result` or `error`; `ended_by` is called once, with the task."""

    def __init__(self, steps: Steps, ended_by: Callable[[Task], None] | None = None) -> None:
        self.ended = False
        self.result: Any = None
        self.error: PluginError | None = None
        self._steps, self._ended_by = steps, ended_by
        self._cancelled = self._stepping = False

    def cancel(self) -> None:
        """End it now; or after its step, where that shows progress and so lets the editor's buttons live."""
        self._cancelled = True
        if not self._stepping:
            self.advance()

    def advance(self) -> None:
        """Do the next step. Nothing that goes wrong in it is raised: it ends the task."""
        if self.ended or self._stepping:
            return
        self._stepping = True
        try:
            if self._cancelled:
                self._steps.close()
                self.ended, self.error = True, CancelledError("Cancelled.")
            else:
                next(self._steps)
        except StopIteration as stop:
            self.ended, self.result = True, stop.value
        except PluginError as error:
            error.__cause__ = error.__context__ = None  # no frame of the steps may live on, with what it holds
            self.ended, self.error = True, error.with_traceback(None)
        except Exception as error:
            self.ended, self.error = True, fault(error)
        finally:
            self._stepping = False
        if self.ended and self._ended_by:
            try:
                self._ended_by(self)
            except Exception as error:  # nobody is left to hear of it but the log
                unreal.log_error(f"MEDTalk: {fault(error)}")


class Patience:
    """A time-out by the wall clock, for which only time counts in which the editor ticks.

    An editor that is minimised for a minute does not tick, and has its whole patience still afterwards.
    """

    def __init__(self, seconds: float) -> None:
        self._left, self._looked = seconds, time.monotonic()

    @property
    def over(self) -> bool:
        """Whether the time is over; to be asked at every tick."""
        now = time.monotonic()
        self._left -= min(now - self._looked, 1.0)
        self._looked = now
        return self._left <= 0


def begin(steps: Steps, ended_by: Callable[[Task], None] | None = None) -> Task:
    """Have the editor's tick go on with `steps` until they end. The first step is done in the next tick."""
    global _handle
    task = Task(steps, ended_by)
    _tasks.append(task)
    if _handle is None:
        _handle = unreal.register_slate_post_tick_callback(_tick)
    return task


def drain(steps: Steps, ended_by: Callable[[Task], None] | None = None) -> Task:
    """Do all steps here and now: for commandlets, which have no tick and nobody who waits for the editor."""
    task = Task(steps, ended_by)
    while not task.ended:
        task.advance()
        time.sleep(0.005)
    return task


def cancel_all() -> None:
    """End everything."""
    for task in list(_tasks):
        task.cancel()
    _tick(0.0)


def fault(error: Exception) -> PluginError:
    """A fault of this plugin as one line for an artist; what it is, and where, is written into the log."""
    for line in "".join(traceback.format_exception(error)).splitlines():
        unreal.log(f"MEDTalk: {line}")
    return PluginError(
        "Something went wrong in MEDTalk; this take was not written.",
        "Please report it, with the lines before this one in the Output Log.",
    )


def _tick(_: float) -> None:
    global _busy, _handle
    if _busy:  # a step shows its progress, and with it the editor ticks
        return
    _busy = True
    try:
        for task in list(_tasks):
            task.advance()
    finally:
        _busy = False
        _tasks[:] = [task for task in _tasks if not task.ended]
        if not _tasks and _handle is not None:
            handle, _handle = _handle, None
            unreal.unregister_slate_post_tick_callback(handle)
