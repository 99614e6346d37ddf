"""The sidecar of this project: found, started, greeted, stopped; and our one client of it. Nothing here waits.

The sidecar writes its address to `Saved/MEDTalk/sidecar.json`, so that all editors of a project share one. A sidecar
that is found there must answer hello before it is used. If it does not (it was killed, is frozen, has another
version), we start one in its place. We kill only a sidecar that we started.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import unreal

from medtalk_unreal import interpreter
from medtalk_unreal import settings as settings_file
from medtalk_unreal.errors import PluginError
from medtalk_unreal.interpreter import Program
from medtalk_unreal.settings import PluginSettings, folder
from medtalk_unreal.ticks import Patience

if TYPE_CHECKING:
    from medtalk_wire import Client, Connection, Job

START_SECONDS = 180.0  # a large model on a slow disk
GREETING_SECONDS = 6.0
FAREWELL_SECONDS = 1.0  # for which the editor may wait when it ends
PATIENCE_SECONDS = 10.0  # without a word of a job

Tell = Callable[[str], None]


class Sidecar:
    """One for each editor; see `the_sidecar`."""

    def __init__(self) -> None:
        self.about: dict[str, Any] = {}
        """The sidecar's last reply to hello (docs/protocol.md)."""
        self._program: Program | None = None  # that we started
        self._started = ""  # its instance
        self._client: Client | None = None
        self._connection: Connection | None = None  # of the client
        self._connecting = False

    def connect(self, tell: Tell, settings: PluginSettings | None = None) -> Generator[None, None, Client]:
        """Steps to a client of a sidecar that answers; one is started if need be. `tell` hears of each step.

        settings: those of the request; by default they are read. Raises `PluginError` that names the step which failed
        and what to do.
        """
        while self._connecting:  # another button was pressed a moment ago
            yield
        self._connecting = True
        try:
            settings = settings or settings_file.load()
            tell(_check_packages())
            connection = self._find(settings)
            if connection is not None:
                try:
                    return (yield from self._greet(settings, connection, tell))
                except PluginError as error:
                    if settings.server:
                        raise
                    unreal.log_warning(f"MEDTalk: {error} Starting another sidecar in its place.")
            connection = yield from self._start(settings, tell)
            return (yield from self._greet(settings, connection, tell))
        finally:
            self._connecting = False

    def test(self, tell: Tell) -> Generator[None, None, None]:
        """Steps of "Test connection": as `connect`, and the Python is looked into before it is used."""
        settings = settings_file.load()
        if not settings.server and self._find(settings) is None:
            python = interpreter.find(settings)
            version = yield from interpreter.ask(python, ["-c", "import sys; print(sys.version.split()[0])"])
            tell(f"Step 'Python': {python} is Python {version}.")
            package = yield from interpreter.ask(python, ["-m", "medtalk", "--version"])
            tell(f"Step 'package': {package}.")
        yield from self.connect(tell, settings)
        name, known = (self.about.get("bundle") or {}).get("name"), settings.with_sidecar(self.about)
        tell(
            f"Step 'bundle': {name} on {self.about.get('device')}; moods: {', '.join(known.labels)}; "
            f"led by: {', '.join(known.guidance)}."
        )

    def stop(self, settings: PluginSettings | None = None) -> Generator[None, None, str]:
        """Steps that end the sidecar of this project; a line about what became of it. settings: as of `connect`."""
        settings = settings or settings_file.load()
        _check_packages()
        if settings.server:
            raise PluginError(
                f"The sidecar at {settings.server} was not started here.", "Stop it where it was started."
            )
        connection = self._find(settings)
        if connection is None:
            return "No sidecar is running."
        try:
            client = yield from self._greet(settings, connection, lambda _: None)
            state = yield from _answer(client, client.ping())
            if state["queued"] or state["working"]:
                return "The sidecar is working for another editor; it ends by itself when nobody uses it."
            yield from _answer(client, client.shutdown())
            patience = Patience(GREETING_SECONDS)
            while self._is_ours(connection):
                if patience.over:
                    raise PluginError(f"It has not ended within {GREETING_SECONDS:g} s.")
                yield
            return "The sidecar has ended."
        except PluginError as error:
            if not self._is_ours(connection):
                raise
            self._kill()
            return f"The sidecar was stopped by force. {error}"
        finally:
            self.leave()

    def restart(self, tell: Tell) -> Generator[None, None, str]:
        """Steps that end the sidecar of this project, and start one as the settings are now; a line about that."""
        settings = settings_file.load()
        before = self._find(settings)
        try:
            tell((yield from self.stop(settings)))
        except PluginError as error:
            tell(str(error))  # `connect` starts another in its place
        yield from self.connect(tell, settings)
        if before is not None and before == self._connection:
            return "The sidecar still runs with the old settings. Choose Stop Sidecar when nobody uses it any more."
        return "The sidecar now runs with the new settings."

    @property
    def is_there(self) -> bool:
        """Whether this project has a connection file."""
        return (folder() / "sidecar.json").is_file()

    def check_alive(self) -> None:
        """Raise `PluginError` if the sidecar that we started has ended: nobody needs to wait for it."""
        program, connection = self._program, self._connection
        if program is None or connection is None or program.running or connection.instance != self._started:
            return
        self.leave()
        raise PluginError(
            "The sidecar has ended.",
            f"The next click starts it again. Its last output: {program.last_line() or 'nothing'}",
        )

    def leave(self) -> None:
        """Drop the client: what it has begun fails, the next `connect` makes another."""
        client, self._client, self._connection = self._client, None, None
        if client is not None:
            client.close()

    def close(self) -> None:
        """The end of the editor. A sidecar that we started is asked to end too, unless it works for another editor."""
        program = self._program
        # Ours is known by the project's own file, whatever server has been named in the settings since.
        connection = self._find(settings_file.PluginSettings()) if program is not None else None
        if program is not None and connection is not None and self._is_ours(connection):
            client, end = self._client_of(connection), time.monotonic() + FAREWELL_SECONDS
            answers, busy = False, True
            while busy and time.monotonic() < end:  # what we have cancelled may take a moment
                state = _hurry(client, client.ping(), end)
                if state is not None:
                    answers, busy = True, bool(state["queued"] or state["working"])
                time.sleep(0.02)
            if not answers:
                program.process.terminate()
            elif not busy:
                _hurry(client, client.shutdown(), end + FAREWELL_SECONDS)
        self.leave()

    def _find(self, settings: PluginSettings) -> Connection | None:
        """The sidecar that should be there; None if there is none."""
        from medtalk_wire import SidecarError, find_connection

        try:
            if settings.server:
                return find_connection(settings.server, settings.keys or None)
            connection = find_connection((folder() / "sidecar.json").as_posix())
        except SidecarError as error:
            if settings.server:
                raise PluginError(f"Step 'sidecar': {error.message}", error.hint) from error
            return None
        # It may have been killed, and could not remove its file.
        gone = self._program is not None and not self._program.running and connection.instance == self._started
        return None if gone else connection

    def _is_ours(self, connection: Connection) -> bool:
        return self._program is not None and self._program.running and connection.instance == self._started

    def _start(self, settings: PluginSettings, tell: Tell) -> Generator[None, None, Connection]:
        """Steps that start a sidecar and wait for its connection file."""
        before = self._find(settings)
        known = {before.instance if before else "", self._started}  # whose file may still be there
        self._kill()
        python = interpreter.find(settings)
        words = ["-m", "medtalk", "serve", "--json", "--port", "0", "--idle-exit", f"{settings.idle_exit:g}",
                 "--connection-file", (folder() / "sidecar.json").as_posix(), "--device", settings.device]  # fmt: skip
        if settings.bundle:
            words += ["--bundle", settings.bundle]
        for folder_of in settings.backbones:
            words += ["--backbone", folder_of]
        if settings.offline:
            words.append("--offline")
        tell(f"Step 'start': a sidecar is being started with {python}.")
        program = self._program = Program(python, words, "sidecar.log")
        self._started = ""
        patience = Patience(START_SECONDS)
        try:
            while True:
                yield
                connection = self._find(settings)
                if connection is not None and connection.instance not in known:
                    if not _is_of(program, connection):
                        tell("Step 'start': another editor was faster; its sidecar is used.")
                        return connection  # and ours is ended: nobody would find it
                    self._started = connection.instance
                    tell(f"Step 'start': it is running; its output is in {program.log}.")
                    return connection
                if not program.running:
                    raise program.failure()
                if patience.over:
                    raise PluginError(
                        f"Step 'time-out': the sidecar was not ready after {START_SECONDS:g} s.",
                        f"Its output is in {program.log}. Is the machine busy?",
                    )
        finally:
            if not self._started:  # also if it was cancelled
                self._kill()

    def _greet(self, settings: PluginSettings, connection: Connection, tell: Tell) -> Generator[None, None, Client]:
        """Steps to a client that the sidecar answers."""
        from medtalk_wire import SidecarError

        client = self._client_of(connection)
        try:
            self.about = yield from _answer(client, client.hello())
        except (PluginError, SidecarError) as error:
            self.leave()
            raise PluginError(f"Step 'greeting': {error.message}", error.hint) from error
        _remember(settings, self.about)
        tell(f"Step 'greeting': the sidecar at {connection.address} answers; medtalk {self.about.get('version')}.")
        return client

    def _client_of(self, connection: Connection) -> Client:
        """Our client of that sidecar; it is kept, for the next job finds its sounds heard."""
        from medtalk_board.channels import CHANNEL_HASH
        from medtalk_wire import Client

        if connection != self._connection:
            self.leave()
        if self._client is None:
            engine = unreal.SystemLibrary.get_engine_version().partition("-")[0]
            self._client = Client(
                connection, name=f"Unreal Editor {engine}", channel_hash=CHANNEL_HASH, patience=PATIENCE_SECONDS
            )
            self._connection = connection
        return self._client

    def _kill(self) -> None:
        """End the one that we started, if it has not ended: it does not do, or nobody finds it any more."""
        if self._program is not None and self._program.running:
            self._program.kill()


def _is_of(program: Program, connection: Connection) -> bool:
    """Whether the program that we started is the sidecar of that connection, or (on Windows) its launcher."""
    try:
        record = json.loads(connection.file.read_text("utf-8")) if connection.file else {}
    except (OSError, ValueError):
        return False
    return program.process.pid in (record.get("pid"), record.get("parent"))


the_sidecar = Sidecar()


def _check_packages() -> str:
    """Import the client's packages; `PluginError` if the editor's Python lacks them."""
    try:
        import msgpack
        import zmq
    except ImportError as error:
        raise PluginError(
            f"Step 'client': the editor's Python {sys.version.split()[0]} has no pyzmq or msgpack ({error}).",
            "Run `medtalk plugin install PROJECT.uproject`, and start the editor again.",
        ) from error
    return f"Step 'client': pyzmq {zmq.__version__} and msgpack {'.'.join(map(str, msgpack.version))} are installed."


def _answer(client: Client, job: Job) -> Generator[None, None, dict[str, Any]]:
    """Steps to the answer to a question that a sidecar can answer at any time."""
    patience = Patience(GREETING_SECONDS)
    while not job.ended:
        if patience.over:
            raise PluginError(f"The sidecar has not answered within {GREETING_SECONDS:g} s.", "Is it frozen?")
        yield
        client.poll()
    if job.error:
        raise PluginError(job.error.message, job.error.hint)
    return job.result


def _hurry(client: Client, job: Job, end: float) -> Any:
    while not job.ended and time.monotonic() < end:
        client.poll(0.02)
    return job.result


def _remember(settings: PluginSettings, about: dict[str, Any]) -> None:
    """Keep what the form needs before the sidecar is asked the next time."""
    if settings.with_sidecar(about) != settings:
        settings_file.save(settings_file.load().with_sidecar(about))  # the user may have changed others meanwhile
