"""The process that talks to Ray: actors, each of which loads the model once, and the lines that they are at.

Placing actors, starting those anew that died, and trying their lines once more is Ray's own business. An actor has one
line at a time, so that its death costs no other line a try. Actors come as lines wait for them, and go as soon as none
does: an idle one could hold the CPU that Ray needs to start a lost one anew.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import time
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from medtalk.batch.plan import Job
from medtalk.batch.pool import Died
from medtalk.batch.work import Maker, Making
from medtalk.errors import MedtalkError, OutputError, ServiceError
from medtalk.signals import STOPPING
from medtalk.version import __version__

MORE, DONE, BROKEN, END = "more", "done", "broken", "end"
"""What the driver sends: it asks for a job (and gets one, or None); (number, record); an error; all is done."""

_RETRIES = 1
_START_SECONDS = 600.0  # for a first actor: a free CPU, and a model from a slow disk
_LOST_SECONDS = 5.0
_OBJECT_BYTES = 80_000_000  # Ray's least; records are small


@dataclass(frozen=True)
class Errand:
    """What a driver is to do.

    Attributes:
        making: how lines are made.
        mark: a file in the output folder, by which each machine knows it.
        size: actors; None takes one for each CPU or GPU of the cluster.
        address: of the cluster; None starts one in the folder `own`.
        timeout: seconds that a line may take; None for as long as it takes.
        own: folder of the cluster's files.
    """

    making: Making
    mark: Path
    size: int | None
    address: str | None
    timeout: float | None
    own: str | None


def drive(pipe: Connection, errand: Errand, verbose: bool) -> None:
    """A process: do an errand. It ends when its pipe is closed, and with it a cluster of its own."""
    if sys.platform != "win32":  # the signals of a terminal are for the one that began it, and not for Ray's processes
        os.setsid()
        for number in STOPPING:
            signal.signal(number, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)  # Ray ends its own processes by SIGTERM
    if not verbose:  # what Ray prints, it prints from C++ too
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
    try:
        driver = _Driver(pipe, errand)
        driver.run()
        driver.ray.shutdown()
        pipe.send((END, None))
    except MedtalkError as error:
        pipe.send((BROKEN, error))
        os._exit(1)  # a lost cluster would keep `ray.shutdown` busy for a minute; its own one ends with this process
    except (EOFError, OSError):  # the bake is gone and cannot clean up any more
        if errand.own:
            import ray

            ray.shutdown()
            remove(errand.own)
        os._exit(1)


def remove(folder: str) -> None:
    """Remove a cluster's folder, to which processes that are about to end may still write."""
    deadline = time.monotonic() + _LOST_SECONDS
    while os.path.exists(folder) and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.1)


class _Driver:
    def __init__(self, pipe: Connection, errand: Errand) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        if errand.address is None:
            os.environ.setdefault("RAY_worker_niceness", "0")  # as fast as the engine `processes`
            if "RAY_AUTH_MODE" not in os.environ:  # other users can reach its ports
                os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        import ray
        import ray.exceptions

        self.ray, self._pipe, self._errand = ray, pipe, errand
        if errand.address is None:
            where: dict[str, Any] = {
                "address": "local", "_temp_dir": errand.own, "num_cpus": errand.size,
                "object_store_memory": _OBJECT_BYTES, "include_dashboard": False,
            }  # fmt: skip
        else:
            where = {"address": errand.address}
            if (place := _place(errand.address)) and not _answers(place):
                raise _unreachable(errand.address, "nobody answers there.")
        try:
            ray.init(logging_level=logging.ERROR, log_to_driver=False, **where)
        except (OSError, ValueError, RuntimeError, AssertionError, ray.exceptions.RayError) as error:
            raise _unreachable(errand.address, _first_line(error)) from None
        self._remote = (errand.address or "").startswith("ray://")
        place = _place(errand.address or "") or _place(ray.get_runtime_context().gcs_address)
        assert place is not None
        self._place = place
        gpu = errand.making.device.startswith("cuda")
        self._making = replace(errand.making, device="cuda") if gpu else errand.making  # an actor sees only its own GPU
        self._size = errand.size or int(ray.cluster_resources().get("GPU" if gpu else "CPU", 1)) or 1
        self._kind = ray.remote(num_cpus=1, num_gpus=int(gpu), max_restarts=-1, max_task_retries=_RETRIES)(Actor)
        self._nodes: dict[Any, str] = {}  # of the actors that have begun
        self._idle: list[Any] = []
        # By Ray's reference: the actor, its job (None while it opens), and since when.
        self._at_work: dict[Any, tuple[Any, Job | None, float]] = {}
        self._waiting: list[Job] = []  # for an actor that is not there yet
        self._more = True
        self._begun = self._looked = time.monotonic()

    def run(self) -> None:
        """Do all jobs.

        Raises:
            ServiceError: the cluster has gone, or has no room for an actor.
            MedtalkError: an actor cannot be used.
        """
        while True:
            self._hand_out()
            if not self._at_work:
                return
            try:
                ready, _ = self.ray.wait(list(self._at_work), timeout=1.0)
            except ConnectionError:
                raise _gone() from None
            for ref in ready:
                self._take(ref)
            if not ready or time.monotonic() - self._looked > 1.0:
                self._look_round()

    def _hand_out(self) -> None:
        """Give a job to each idle actor, and open an actor for each job beyond."""
        while self._more and len(self._waiting) < self._size - len(self._at_work) + self._opening():
            self._pipe.send((MORE, None))
            job = self._pipe.recv()
            self._more = job is not None
            if job is not None:
                self._waiting.append(job)
        while self._waiting and self._idle:
            job, actor = self._waiting.pop(0), self._idle.pop()
            self._at_work[actor.make.remote(job)] = actor, job, time.monotonic()
        while self._opening() < len(self._waiting) and len(self._at_work) < self._size:
            actor = self._kind.remote(self._making, self._errand.mark, __version__)
            self._at_work[actor.open.remote()] = actor, None, time.monotonic()
        if not self._waiting:
            self._dismiss()

    def _opening(self) -> int:
        return sum(job is None for _, job, _ in self._at_work.values())

    def _drop(self, actor: Any) -> None:
        self.ray.kill(actor)
        self._nodes.pop(actor, None)

    def _dismiss(self) -> None:
        """End the actors without a job."""
        starting = [ref for ref, (_, job, _) in self._at_work.items() if job is None]
        for actor in [*self._idle, *(self._at_work.pop(ref)[0] for ref in starting)]:
            self._drop(actor)
        self._idle.clear()

    def _take(self, ref: Any) -> None:
        """Take what has come of a reference."""
        actor, job, _ = self._at_work.pop(ref)
        answer: Any
        try:
            answer = self.ray.get(ref)
        except ConnectionError:
            raise _gone() from None
        except self.ray.exceptions.RayError as error:
            machines, fault = self._machines(), getattr(error, "cause", None)
            if job is None:
                self._drop(actor)
                if not self._nodes and not self._opening():
                    raise ServiceError(
                        "unreachable",
                        f"No process of the Ray cluster could load the model: {_first_line(fault or error)}",
                        "Perhaps the memory was full: use fewer --jobs.",
                    ) from None
                return
            if fault is not None:  # of ours: it costs a line, not the night
                answer = Died(f"A fault of MEDTalk: {type(fault).__name__}: {fault}")
            elif self._nodes[actor] in machines:
                answer = Died(
                    "The process that made it was ended twice. Perhaps the memory was full: use fewer --jobs."
                )
            else:
                self._waiting.append(job)
                self._drop(actor)
                return
        if isinstance(answer, MedtalkError):
            raise answer
        if job is None:
            self._nodes[actor] = answer
        else:
            self._pipe.send((DONE, (job.number, answer)))
        self._idle.append(actor)

    def _look_round(self) -> None:
        """Is everything there still, and in time?"""
        if self._pipe.poll():  # nothing was asked, so the other end has gone
            raise EOFError
        self._machines()
        self._looked = now = time.monotonic()
        limit = self._errand.timeout
        if not self._nodes and now - self._begun > _START_SECONDS:
            raise ServiceError(
                "unreachable", f"The Ray cluster had no room for a process in {_START_SECONDS:.0f} s.",
                "See `ray status`: an actor needs a CPU, and for --device cuda a GPU.",
            )  # fmt: skip
        for ref, (actor, job, since) in list(self._at_work.items()):
            if job is not None and limit is not None and now - since > limit:
                del self._at_work[ref]
                self._drop(actor)
                self._pipe.send((DONE, (job.number, Died(f"It took more than {limit:g} s."))))

    def _machines(self) -> set[str]:
        """The cluster's machines, but those of ours that no longer answer; raises where none is left."""
        deadline = time.monotonic() + _LOST_SECONDS
        ours = set(self._nodes.values())
        while True:
            if _answers(self._place):  # else Ray would wait for it
                found = {
                    node["NodeID"]
                    for node in self.ray.nodes()
                    if node["Alive"]
                    and (
                        self._remote  # whose machines only the cluster itself can reach
                        or node["NodeID"] not in ours
                        or _answers((node["NodeManagerAddress"], node["NodeManagerPort"]))
                    )
                }
                if found:
                    return found
            if time.monotonic() > deadline:
                raise _gone()
            time.sleep(0.5)


class Actor:
    """A maker in a process of Ray. Errors that no line can mend are answers: the driver raises them."""

    def __init__(self, making: Making, mark: Path, version: str) -> None:
        self._making, self._mark, self._version = making, mark, version
        self._maker: Maker | None = None  # Ray starts an actor anew for ever, so nothing may fail here

    def open(self) -> str | MedtalkError:
        """The machine's id in Ray, after the model was loaded."""
        import ray

        try:
            self._opened()
        except MedtalkError as error:
            return error
        return ray.get_runtime_context().get_node_id()

    def make(self, job: Job) -> Any:
        """The record of a line, or `Died`."""
        try:
            return self._opened().make(job)
        except MedtalkError as error:
            return error

    def _opened(self) -> Maker:
        if self._maker is None:
            host = socket.gethostname()
            if self._version != __version__:
                raise ServiceError(
                    "refused", f"The machine {host} has MEDTalk {__version__}; this one has {self._version}.",
                    "Install the same version on all machines of the cluster.",
                )  # fmt: skip
            if not self._mark.exists():
                raise OutputError(
                    f"The folder {self._mark.parent} on the machine {host} is not the output folder of this one.",
                    "Give one that all machines of the cluster share, under the same path.",
                )
            try:
                self._maker = self._making.open()
            except MedtalkError as error:
                error.message = f"On the machine {host}: {error.message}"
                raise
        return self._maker


def _place(address: str) -> tuple[str, int] | None:
    """Host and port of an address such as `HOST:6379` or `ray://HOST:10001`; None for others, such as `auto`."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    return (host.strip("[]"), int(port)) if colon and port.isdecimal() else None


def _answers(place: tuple[str, int]) -> bool:
    try:
        socket.create_connection(place, timeout=2.0).close()
    except (OSError, OverflowError):
        return False
    return True


def _unreachable(address: str | None, why: str) -> ServiceError:
    if address is None:
        return ServiceError("unreachable", f"Ray does not start here: {why}", "Bake with --engine processes.")
    return ServiceError(
        "unreachable", f"The Ray cluster {address} cannot be reached: {why}",
        "Check --address, and RAY_AUTH_MODE if the cluster asks for a token.",
    )  # fmt: skip


def _gone() -> ServiceError:
    return ServiceError(
        "unreachable", "The Ray cluster has gone. What was done is in the ledger.", "Run the same command again."
    )


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{(lines or [type(error).__name__])[0][:200].rstrip('.')}."
