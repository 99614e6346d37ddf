"""Sounds read by their path: what lies outside the folders is never read, whenever a link is put in the way."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medtalk.audio import AudioLimits
from medtalk.errors import AudioError, MedtalkError
from medtalk.service import folders as module
from medtalk.service.folders import reachable, read_inside
from tests.helpers.requests import generate, path_request, wav
from tests.helpers.sidecars import Raw, Sidecar
from tests.helpers.sounds import babble

LIMITS = AudioLimits(max_bytes=100)
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="making links needs rights there")

_at_open: list[Callable[[str], None]] = []


def _hook(event: str, args: tuple) -> None:
    if event == "open" and _at_open:
        _at_open[-1](str(args[0]))


sys.addaudithook(_hook)  # once: it cannot be taken away again


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    """A folder that may be read, with `deep/line.wav` in it; outside there is a `line.wav` too."""
    (tmp_path / "inside" / "deep").mkdir(parents=True)
    (tmp_path / "inside" / "deep" / "line.wav").write_bytes(b"inside")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "line.wav").write_bytes(b"outside")
    return (tmp_path / "inside").resolve()


@pytest.fixture
def at_open() -> Iterator[Callable[[str, Callable[[], object]], None]]:
    """Has something done once, just before a file whose path ends so is opened."""

    def wait(ending: str, do: Callable[[], object]) -> None:
        def look(path: str) -> None:
            if path.endswith(ending):
                _at_open.clear()
                do()

        _at_open.append(look)

    yield wait
    _at_open.clear()


@pytest.fixture(params=[True, False], ids=["stepwise", "whole"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Both ways to open a file, the one of POSIX and that of Windows."""
    monkeypatch.setattr(module, "_STEPWISE", request.param)
    return request.param


def swap(path: Path, target: Path) -> None:
    """Put a link to `target` in the place of a file or folder."""
    path.rename(path.with_name("aside"))
    path.symlink_to(target)


def refusal(path: Path, inside: Path) -> str:
    with pytest.raises(MedtalkError) as caught:
        read_inside(path, [inside], LIMITS)
    return caught.value.code


def test_what_is_inside_is_read(inside: Path, way: bool) -> None:
    line = inside / "deep" / "line.wav"
    (inside / "link.wav").symlink_to(line)
    for asked in (line, inside / "link.wav", inside / "deep" / ".." / "deep" / "line.wav"):
        assert read_inside(reachable(str(asked), [inside]), [inside], LIMITS) == b"inside"
    line.write_bytes(bytes(200))
    assert len(read_inside(line, [inside], LIMITS)) == 101, "enough to tell that it is too much"


def test_what_is_no_file_is_told(inside: Path, way: bool) -> None:
    os.mkfifo(inside / "pipe")
    for path in (inside, inside / "deep", inside / "pipe", inside / "gone.wav", inside / "gone" / "line.wav"):
        assert refusal(path, inside) == "audio"
    assert refusal(inside / "deep" / "line.wav" / "x", inside) == "path"
    files = len(os.listdir("/dev/fd"))
    assert refusal(inside / "deep", inside) == "audio" and len(os.listdir("/dev/fd")) == files


@pytest.mark.parametrize("part", ["deep", "deep/line.wav"])
def test_a_link_made_after_the_look(inside: Path, tmp_path: Path, way: bool, part: str) -> None:
    path = reachable(str(inside / "deep" / "line.wav"), [inside])
    swap(inside / part, tmp_path / "outside" / ("" if part == "deep" else "line.wav"))
    assert refusal(path, inside) == "path"


@pytest.mark.parametrize("back", [False, True])
def test_a_link_made_as_it_is_opened(inside: Path, tmp_path: Path, way: bool, back: bool, at_open: Callable) -> None:
    """And, the second time, taken away again before anybody looks."""
    path = reachable(str(inside / "deep" / "line.wav"), [inside])

    def forth() -> None:
        swap(path, tmp_path / "outside" / "line.wav")

    at_open("line.wav", forth)
    if back:
        resolve = Path.resolve

        def undo(self: Path, *args: bool, **more: bool) -> Path:
            if path.is_symlink():
                path.unlink()
                path.with_name("aside").rename(path)
            return resolve(self, *args, **more)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Path, "resolve", undo)
            assert refusal(path, inside) == "path"
    else:
        assert refusal(path, inside) == "path"


def test_a_folder_swapped_between_two_steps(inside: Path, tmp_path: Path, at_open: Callable) -> None:
    path = reachable(str(inside / "deep" / "line.wav"), [inside])
    at_open("line.wav", lambda: swap(inside / "deep", tmp_path / "outside"))  # when its folder is open already
    assert read_inside(path, [inside], LIMITS) == b"inside"


def test_a_path_that_waits_in_the_queue(start: Callable[..., Sidecar], tiny_bundle: Path, tmp_path: Path) -> None:
    inside = tmp_path / "sounds"
    inside.mkdir()
    for path in (inside / "line.wav", tmp_path / "outside.wav"):
        path.write_bytes(wav(babble(0.5)))
    client = Raw(start("--bundle", tiny_bundle, "--sounds", inside).connection)
    busy = client.send(generate(babble(300.0)))
    while client.receive().type != "progress":
        pass
    waiting = client.send(path_request(inside / "line.wav"))
    while client.receive().parent != waiting.id:
        pass
    swap(inside / "line.wav", tmp_path / "outside.wav")
    client.ask("cancel", {"job": busy.id})
    assert client.last(waiting).body.get("code") == "path"
    (inside / "line.wav").unlink()
    (inside / "aside").rename(inside / "line.wav")
    assert client.last(client.send(path_request(inside / "line.wav"))).type == "result"
    client.close()


def test_a_missing_sound_is_told_as_ever(inside: Path) -> None:
    with pytest.raises(AudioError, match="does not exist"):
        read_inside(inside / "gone.wav", [], LIMITS)
