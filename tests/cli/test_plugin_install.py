"""The Unreal plugin into a project and out again: with the real pip, real wheels, real file systems."""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import Distribution
from pathlib import Path

import pytest

import medtalk as library
from medtalk.cli.sidecar_wheels import pack
from medtalk.cli.unreal_plugin import DESCRIPTOR, PLATFORMS, RECORD, plugin_source, requirements, this_platform
from medtalk.errors import InstallError
from tests.helpers.wheels import make_wheel

MEDTALK = (sys.executable, "-m", "medtalk")
UNREALS_PYTHON = sys.version_info[:2] == (3, 11)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """`Game/Game.uproject`, as Unreal writes it for a project without plugins of its own."""
    path = tmp_path / "Game" / "Game.uproject"
    path.parent.mkdir()
    path.write_text(json.dumps({"FileVersion": 3, "EngineAssociation": "5.6", "Category": ""}), "utf-8")
    return path


@pytest.fixture
def plugin(project: Path) -> Path:
    """Where the plugin is to be."""
    return project.parent / "Plugins" / "MEDTalk"


@pytest.fixture
def install(medtalk, project: Path) -> Callable[..., str]:
    """Runs `medtalk plugin install PROJECT ...`, which must succeed; gives what it printed."""

    def run(*options: object) -> str:
        done = medtalk("plugin", "install", project, *options)
        assert (done.code, done.err) == (0, "")
        return done.out

    return run


@pytest.fixture
def refused(medtalk, project: Path) -> Callable[..., str]:
    """Runs `medtalk plugin install PROJECT ...`, which must refuse and change nothing; gives its one line."""

    def run(*options: object, project: Path = project) -> str:
        before = tree(project.parent)
        done = medtalk("plugin", "install", project, *options)
        assert (done.code, done.out) == (1, "")
        assert len(done.err.splitlines()) == 1 and done.err.startswith("medtalk: ")
        assert tree(project.parent) == before
        return done.err

    return run


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the wheels for Linux and Mac, as somebody with a network would fill it."""
    folder = tmp_path_factory.mktemp("wheels")
    project = folder / "Empty.uproject"
    project.write_text('{"FileVersion": 3}', "utf-8")
    for _ in range(2 * len(requirements("linux"))):
        words = [*MEDTALK, "plugin", "install", project, "--platform", "linux", "--platform", "mac", "--wheels", folder]
        done = subprocess.run(words, capture_output=True, text=True)
        command = shlex.split(done.stderr.partition("Get it with: ")[2])
        assert command[:2] == ["pip", "download"], done.stderr
        subprocess.run([sys.executable, "-m", *command, "--quiet"], check=True, stderr=subprocess.DEVNULL)
    project.unlink()
    return folder


def tree(folder: Path) -> dict[str, bytes | None]:
    """All below `folder`, with the contents of files."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }  # fmt: skip


def record(plugin: Path) -> dict:
    return json.loads((plugin / RECORD).read_text("utf-8"))


def packages(plugin: Path) -> set[str]:
    return {f"{path.parts[-4]} {path.name}" for path in plugin.glob("Content/Python/*/Lib/site-packages/*")}


def environment(**changes: str) -> dict[str, str]:
    """This one's, with nothing that tells pip where packages are but `changes`."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return {**plain, "PIP_CONFIG_FILE": os.devnull, **changes}


# The plugin as it ships


def test_the_descriptor_is_one_for_unreal():
    descriptor = json.loads((plugin_source() / DESCRIPTOR).read_text("utf-8"))
    assert descriptor["FileVersion"] == 3 and descriptor["VersionName"] == library.__version__
    assert descriptor["CanContainContent"] is True  # else Content/Python is not looked at
    assert "EngineVersion" not in descriptor and "Modules" not in descriptor
    assert all(entry["Enabled"] and "Optional" not in entry for entry in descriptor["Plugins"])
    assert [entry["Platform"] for entry in descriptor["PythonRequirements"]] == list(PLATFORMS.values())


def test_all_platforms_get_the_same_versions_with_hashes():
    for platform in PLATFORMS:
        for needed in requirements(platform):
            # what Unreal's strict hash check asks for
            assert re.fullmatch(r"[a-z]+==[\d.]+( --hash=sha256:[0-9a-f]{64})+", needed.line)
        assert [one.pin for one in requirements(platform)] == [one.pin for one in requirements("linux")]
    assert [one.pin.partition("==")[0] for one in requirements("linux")] == ["pyzmq", "msgpack"]


# Installing


@pytest.mark.process
def test_a_first_installation(install, project, plugin):
    here = this_platform()
    out = install()
    for name, content in tree(plugin_source()).items():
        if "__pycache__" not in name and name != DESCRIPTOR:
            assert tree(plugin)[name] == content
    assert {f"{PLATFORMS[here]} zmq", f"{PLATFORMS[here]} msgpack"} <= packages(plugin)
    assert len(list((plugin / "Content/Python").glob("*/Lib"))) == 1
    assert record(plugin)["python"] == sys.executable and record(plugin)["medtalk"] == library.__version__
    written = {name for name, content in tree(plugin).items() if content is not None}
    assert set(record(plugin)["files"]) == written - {RECORD}
    assert out.splitlines()[:3] == [
        f"{plugin}: installed, MEDTalk {library.__version__}",
        f"pyzmq and msgpack: with the plugin, for {PLATFORMS[here]}",
        f"Python of the sidecar: {sys.executable}",
    ]
    assert "Test Connection" in out and not list(plugin.rglob("__pycache__"))
    assert sorted(path.name for path in project.parent.iterdir()) == ["Game.uproject", "Plugins"]
    assert [path.name for path in plugin.parent.iterdir()] == ["MEDTalk"]


@pytest.mark.skipif(not UNREALS_PYTHON, reason="the packages are for Unreal's Python, 3.11")
def test_the_client_runs_from_the_plugin_alone(install, plugin):
    install()
    code = """
import sys
content, packages = sys.argv[1:]
sys.path += [content, packages]
import medtalk_wire, msgpack, zmq
assert all(module.__file__.startswith(content) for module in (medtalk_wire, msgpack, zmq))
with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
    socket.setsockopt(zmq.LINGER, 0)
print(msgpack.unpackb(msgpack.packb({"works": True})))
"""
    content = plugin / "Content" / "Python"
    # an interpreter that knows no packages but those of the plugin
    vendored = content / PLATFORMS[this_platform()] / "Lib" / "site-packages"
    words = [sys.executable, "-I", "-S", "-B", "-c", code, content, vendored]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("{'works': True}\n", "")


@pytest.mark.process
def test_packages_of_other_platforms(install, plugin):
    assert "for Win64, Mac\n" in install("--platform", "mac", "--platform", "win64")
    assert {"Win64 zmq", "Win64 msgpack", "Mac zmq", "Mac msgpack"} <= packages(plugin)
    assert not any(name.startswith("Linux") for name in packages(plugin))
    assert list(plugin.glob("Content/Python/Win64/**/*.pyd")) and list(plugin.glob("Content/Python/Mac/**/*darwin.so"))
    descriptor = json.loads((plugin / DESCRIPTOR).read_text("utf-8"))
    assert [entry["Platform"] for entry in descriptor["PythonRequirements"]] == ["Linux"]  # Unreal is to fetch these


def test_packages_of_a_folder_need_no_network(project, plugin, wheels):
    for options in (["--platform", "linux"], ["--platform", "mac"]):
        done = subprocess.run(
            [*MEDTALK, "plugin", "install", project, *options, "--wheels", wheels],
            env=environment(PIP_NO_INDEX="1"), capture_output=True, text=True,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
    assert {"Mac zmq", "Mac msgpack"} <= packages(plugin) and record(plugin)["platforms"] == ["mac"]


@pytest.fixture
def sidecar_wheels(wheels: Path, tmp_path: Path) -> Path:
    """A folder of wheels that also has MEDTalk's own and what that needs."""
    folder = tmp_path / "sidecar_wheels"
    shutil.copytree(wheels, folder)
    make_wheel(folder, "needed", "1.0", {"needed.py": ""})
    make_wheel(folder, "colorama", "1.0", {"colorama.py": ""})
    make_wheel(folder, "medtalk", library.__version__, {"medtalk/__init__.py": ""}, "needed")
    return folder


@pytest.mark.process
def test_the_packages_of_the_sidecar_come_along(install, plugin, sidecar_wheels, wheels):
    out = install("--platform", "linux", "--wheels", sidecar_wheels, "--with-sidecar")
    assert "Test Connection offers Set Up" in out
    own, needed = f"medtalk-{library.__version__}-py3-none-any.whl", "needed-1.0-py3-none-any.whl"
    assert sorted(path.name for path in (plugin / "Wheels").iterdir()) == [own, needed]
    assert {f"Wheels/{own}", f"Wheels/{needed}"} <= set(record(plugin)["files"]) and record(plugin)["sidecar"] is True
    install("--wheels", sidecar_wheels)  # an update brings them again
    assert (plugin / "Wheels" / own).is_file()
    install("--remove")
    assert not plugin.exists()


@pytest.mark.process
@pytest.mark.parametrize("there", [True, False])
def test_so_does_what_a_microphone_needs_where_it_is(install, plugin, sidecar_wheels, there):
    if there:
        make_wheel(sidecar_wheels, "microphone", "1.0", {"microphone.py": ""})
    extra = ("live", "microphone")
    make_wheel(sidecar_wheels, "medtalk", library.__version__, {"medtalk/__init__.py": ""}, "needed", extra)
    install("--platform", "linux", "--wheels", sidecar_wheels, "--with-sidecar")
    assert len(list((plugin / "Wheels").iterdir())) == 2 + there


def test_a_sidecar_whose_packages_are_not_all_there(refused, sidecar_wheels):
    (sidecar_wheels / "needed-1.0-py3-none-any.whl").unlink()
    line = refused("--platform", "linux", "--wheels", sidecar_wheels, "--with-sidecar")
    assert "pip could not get the packages of the sidecar for linux" in line and "--with-sidecar" in line


def test_an_installation_becomes_a_wheel_again(tmp_path):
    """As MEDTalk's own does, where it was installed from a clone: no source is needed."""
    files = {"packed/__init__.py": "x = 1\n", "packed/data, odd.txt": "y\n", "packed/__main__.py": "print('runs')\n"}
    wheel = make_wheel(tmp_path / "first", "packed", "1.0", files)
    pip = [sys.executable, "-m", "pip", "--quiet", "install", "--no-index", "--no-deps", "--target"]
    subprocess.run([*pip, tmp_path / "one", wheel], check=True)
    (installed,) = Distribution.discover(path=[str(tmp_path / "one")])
    (tmp_path / "second").mkdir()
    again = pack(installed, tmp_path / "second")
    assert again.name == wheel.name
    subprocess.run([*pip, tmp_path / "two", again], check=True)
    left, right = (
        {name: content for name, content in tree(tmp_path / place).items() if "__pycache__" not in name}
        for place in ("one", "two")
    )
    for one in (left, right):  # what only tells where it came from
        one.pop("packed-1.0.dist-info/direct_url.json", None)
        one.pop("packed-1.0.dist-info/RECORD")
    assert left == right and "packed/data, odd.txt" in left


def test_an_installation_that_lies_in_its_sources_is_no_wheel(tmp_path):
    info = tmp_path / "packed-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: packed\nVersion: 1.0\n")
    (info / "direct_url.json").write_text('{"url": "file:///src", "dir_info": {"editable": true}}')
    (installed,) = Distribution.discover(path=[str(tmp_path)])
    with pytest.raises(InstallError, match="pip install -e"):
        pack(installed, tmp_path)


def test_without_packages_unreal_fetches_them(install, plugin):
    out = install("--no-wheels")
    assert "Unreal downloads them" in out and not packages(plugin)
    shipped, installed = (json.loads((place / DESCRIPTOR).read_text("utf-8")) for place in (plugin_source(), plugin))
    assert installed == shipped


@pytest.mark.process
def test_all_platforms(install, plugin):
    install("--platform", "linux", "--platform", "all")
    assert record(plugin)["platforms"] == list(PLATFORMS)
    assert "PythonRequirements" not in json.loads((plugin / DESCRIPTOR).read_text("utf-8"))
    assert {f"{folder} zmq" for folder in PLATFORMS.values()} <= packages(plugin)


def test_a_project_that_switches_the_plugin_off_is_told(install, project):
    project.write_text('{"FileVersion": 3, "Plugins": [{"Name": "MEDTalk", "Enabled": false}]}', "utf-16")
    assert "Edit > Plugins" in install("--no-wheels")
    project.write_text('{"FileVersion": 3, "Plugins": [{"Name": "MEDTalk", "Enabled": true}]}', "utf-8-sig")
    assert "Edit > Plugins" not in install("--no-wheels")


def test_a_plugins_folder_in_other_letters_is_used(install, project):
    (project.parent / "plugins").mkdir()
    assert f"{project.parent / 'plugins' / 'MEDTalk'}: installed" in install("--no-wheels")
    assert sorted(path.name for path in project.parent.iterdir()) == ["Game.uproject", "plugins"]
    install("--remove")
    assert not list((project.parent / "plugins").iterdir())
    (project.parent / "Plugins").mkdir()
    assert f"{project.parent / 'Plugins' / 'MEDTalk'}: installed" in install("--no-wheels")


def test_a_plugins_folder_that_is_a_link(install, project, plugin, tmp_path):
    (tmp_path / "elsewhere" / "shared").mkdir(parents=True)
    plugin.parent.symlink_to(tmp_path / "elsewhere" / "shared")
    install("--no-wheels")
    install("--no-wheels")
    assert [path.name for path in plugin.parent.iterdir()] == ["MEDTalk"]
    left = tmp_path / "elsewhere" / ".medtalk-plugin-0123456789ab"
    left.mkdir()
    install("--remove")
    assert plugin.parent.is_symlink() and not list(plugin.parent.iterdir()) and not left.exists()


# Updating


def test_an_older_medtalk_says_what_it_replaces(install, plugin):
    install("--no-wheels")
    for version, newer in (("99.0.0", True), ("0.0.9", False), (library.__version__ + ".dev1", False), ("", False)):
        (plugin / RECORD).write_text(json.dumps({**record(plugin), "medtalk": version}), "utf-8")
        out = install("--no-wheels")
        assert ("replaced the newer 99.0.0, MEDTalk " in out) is newer
        assert ("brought up to date, MEDTalk " in out) is not newer


def test_an_update_keeps_nothing_stale_and_the_platforms(install, plugin, wheels):
    install("--platform", "mac", "--platform", "linux", "--wheels", wheels)
    fresh = tree(plugin)
    # as if an older release had had a file more, and another content of one
    older = record(plugin)
    for name in ("Content/Python/old.py", "Content/Python/medtalk_wire/job.py"):
        (plugin / name).write_bytes(b"x = 1\n")
        older["files"][name] = hashlib.sha256(b"x = 1\n").hexdigest()
    (plugin / RECORD).write_text(json.dumps(older), "utf-8")
    (plugin / "Content/Python/__pycache__").mkdir()
    (plugin / "Content/Python/__pycache__/init_unreal.cpython-311.pyc").write_bytes(b"x")
    (plugin / DESCRIPTOR).chmod(0o444)  # as version control leaves it
    assert "brought up to date" in install("--wheels", wheels)
    assert tree(plugin) == fresh
    assert [path.name for path in plugin.parent.iterdir()] == ["MEDTalk"]


def test_line_breaks_of_another_machine_are_no_change(install, plugin):
    install("--no-wheels")
    file = plugin / "Content/Python/medtalk_wire/job.py"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    install("--no-wheels")
    assert b"\r" not in file.read_bytes()


@pytest.mark.parametrize("option", ["--no-wheels", "--remove"])
def test_what_the_user_put_into_the_plugin_is_not_lost(install, refused, plugin, option):
    install("--no-wheels")
    note = plugin / "Content" / "notes.txt"
    note.write_text("mine")
    assert "Content/notes.txt" in refused(option)
    note.unlink()
    note.symlink_to(plugin / DESCRIPTOR)
    assert "Content/notes.txt" in refused(option)
    note.unlink()
    with open(plugin / "Content/Python/medtalk_wire/job.py", "a") as file:
        file.write("# mine\n")
    assert "medtalk_wire/job.py" in refused(option)


@pytest.mark.parametrize("option", ["--no-wheels", "--remove"])
def test_a_folder_that_is_not_ours(refused, plugin, option):
    plugin.parent.mkdir()
    for make in (
        lambda: plugin.write_text("a file"),
        lambda: plugin.symlink_to(plugin_source()),
        lambda: shutil.copytree(plugin_source(), plugin),
    ):
        make()
        assert "was not made by" in refused(option)
        plugin.unlink() if not plugin.is_dir() or plugin.is_symlink() else shutil.rmtree(plugin)
    for damaged in ("", "[]", "null", '{"platforms": [[]], "made_plugins": true, "files": {}}', '{"platforms": ["x"]}'):
        (plugin / RECORD).parent.mkdir(parents=True, exist_ok=True)
        (plugin / RECORD).write_text(damaged)
        assert "was not made by" in refused(option)


# Removing


@pytest.mark.parametrize("others", [(), ("Plugins",), ("Plugins", "Plugins/Other")])
def test_removing_undoes_exactly_the_installation(install, project, others):
    for folder in others:
        (project.parent / folder).mkdir()
    before = tree(project.parent)
    install("--no-wheels")
    install("--no-wheels")
    assert tree(project.parent) != before
    assert install("--remove") == f"{project.parent / 'Plugins' / 'MEDTalk'}: removed\n"
    assert tree(project.parent) == before


def test_a_plugins_folder_that_others_use_by_now_stays(install, project):
    install("--no-wheels")
    (project.parent / "Plugins" / "Other").mkdir()
    install("--remove")
    assert [path.name for path in (project.parent / "Plugins").iterdir()] == ["Other"]


def test_what_is_not_there_cannot_be_removed(refused, project):
    assert "not installed" in refused("--remove")


# What killed processes leave


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("option", ["--no-wheels", "--remove"])
def test_what_killed_installations_left_is_cleared(install, project, plugin, there, option):
    original = tree(project.parent)
    install("--no-wheels")
    fresh = tree(project.parent)
    # as an earlier MEDTalk left it, and as this one does
    left = [plugin.with_name(".medtalk-0123456789ab"), project.parent / ".medtalk-plugin-0123456789ab"]
    for folder in left:
        shutil.copytree(plugin, folder / "before" if folder.parent == project.parent else folder)
        next(folder.rglob(DESCRIPTOR)).chmod(0o444)
    left[0].with_name(".medtalk-ba9876543210").mkdir()
    if not there:
        shutil.rmtree(plugin)
        shutil.rmtree(left[1])
    install(option)
    assert tree(project.parent) == (original if option == "--remove" else fresh)


def test_what_only_looks_like_left_stays(install, project, plugin):
    plugin.parent.mkdir()
    mine = [plugin.parent / ".medtalk-notes", project.parent / ".medtalk-plugin-notes"]
    for folder in mine:
        folder.mkdir()
    (plugin.parent / ".medtalk-0123456789ab").write_text("a file")
    (project.parent / ".medtalk-plugin-0123456789ab").symlink_to(mine[0])
    before = tree(project.parent)
    install("--no-wheels")
    install("--remove")
    assert tree(project.parent) == before


def test_what_cannot_be_cleared_is_named(refused, project, plugin):
    left = plugin.with_name(".medtalk-0123456789ab")
    left.mkdir(parents=True)
    (left / DESCRIPTOR).write_text("{}")
    left.chmod(0o555)
    done = without_root_powers(*MEDTALK, "plugin", "install", project, "--no-wheels")
    left.chmod(0o755)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert f"left {left}, which cannot be deleted" in done.stderr


KILLED = """
import os, signal, sys
from pathlib import Path
from medtalk.cli.unreal_plugin import install_plugin, remove_plugin
action, project, left = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
def watch(event, args):
    global left
    # of the many files that are copied, which are all the same to us, the first
    if event in ("os.rename", "os.rmdir") or (event == "os.mkdir" and "Content" not in str(args[0])):
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
remove_plugin(project) if action == "remove" else install_plugin(project, ())
"""


@pytest.mark.parametrize("action", ["install", "update", "remove"])
def test_killed_at_any_moment(medtalk, install, project, plugin, tmp_path, action):
    """Killed before each of its steps: Unreal finds a whole plugin or none, and the next run leaves nothing."""
    original = tree(project.parent)
    install("--no-wheels")
    fresh = tree(project.parent)
    whole = {name: content for name, content in fresh.items() if name.startswith("Plugins")}
    if action == "install":
        install("--remove")
    start = tmp_path / "start"
    shutil.copytree(project.parent, start)

    def put(state: Path) -> None:
        shutil.rmtree(project.parent)
        shutil.copytree(state, project.parent)

    moment, code, left = 0, -signal.SIGKILL, 0
    while code == -signal.SIGKILL:
        moment += 1
        put(start)
        words = [sys.executable, "-B", "-c", KILLED, action, project, str(moment)]
        code = subprocess.run(words).returncode
        found = tree(project.parent)
        unreal_sees = {name: content for name, content in found.items() if name.startswith("Plugins")}
        assert unreal_sees in ({}, {"Plugins": None}, whole)
        left += any(name.startswith(".medtalk-plugin-") for name in found)
        state = tmp_path / f"state{moment}"
        shutil.copytree(project.parent, state)
        install("--no-wheels")
        assert tree(project.parent) == fresh
        put(state)
        done = medtalk("plugin", "install", project, "--remove")
        assert done.code == 0 or "not installed" in done.err
        assert tree(project.parent) == original
    assert code == 0 and left > 3


# What cannot be done


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("Game.uproject", None, "There is no project"),
        ("Game.txt", "{}", "is not a .uproject file"),
        ("Game.uproject", "hello", "is not a project of Unreal"),
        ("Game.uproject", "[3]", "is not a project of Unreal"),
        ("Game.uproject", "{}", "is not a project of Unreal"),
        ("Game.uproject", b"\xff\xfe\x00", "is not a project of Unreal"),
        ("Game.uproject", '{"FileVersion": 3, "EngineAssociation": "4.27"}', "needs 5.4 or later"),
        ("Game.uproject", '{"FileVersion": 3, "EngineAssociation": "5.3"}', "needs 5.4 or later"),
    ],
)
@pytest.mark.parametrize("option", ["--no-wheels", "--remove"])
def test_what_is_no_project(refused, tmp_path, name, content, message, option):
    project = tmp_path / "other" / name
    project.parent.mkdir()
    if content is not None:
        project.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert message in refused(option, project=project)


def test_the_folder_of_a_project(refused, project):
    assert f"Give {project}." in refused(project=project.parent)


@pytest.mark.parametrize(
    ("engine", "known"),
    [("5.4", True), ("5.8", True), ("5.9", False), ("5.10", False), ("6.0", False), ("", True),
     ("{0F4A2D1B-3B1C-4E7A-9C55-2B1A5C5E9A11}", True)],
)  # fmt: skip
def test_engines_that_will_do(install, project, engine, known):
    project.write_text(json.dumps({"FileVersion": 3, "EngineAssociation": engine}), "utf-8")
    assert ("is made for 5.4 to 5.8" not in install("--no-wheels")) is known


@pytest.mark.parametrize("option", ["--no-wheels", "--remove"])
def test_a_name_longer_than_a_file_system_takes(refused, tmp_path, option):
    assert "There is no project" in refused(option, project=tmp_path / ("x" * 300 + ".uproject"))
    assert "is not a .uproject file" in refused(option, project=tmp_path / ("x" * 300))


def test_options_that_make_no_sense(refused, tmp_path):
    assert "Unknown platform 'windows'; valid are win64, linux, mac, all." in refused("--platform", "windows")
    assert "Unknown platform 'windows'" in refused("--platform", "all", "--platform", "windows")
    assert "--remove removes the whole" in refused("--remove", "--platform", "linux")
    assert "cannot be used with" in refused("--no-wheels", "--wheels", tmp_path)
    assert "cannot be used with" in refused("--no-wheels", "--with-sidecar")
    assert "--remove removes the whole" in refused("--remove", "--with-sidecar")
    assert "There is no folder" in refused("--wheels", tmp_path / "missing")
    assert "There is no folder" in refused("--wheels", tmp_path / ("x" * 300))


def test_a_wheel_of_another_content_is_not_taken(refused, wheels, tmp_path):
    shutil.copytree(wheels, tmp_path / "wheels")
    spoilt = next((tmp_path / "wheels").glob("pyzmq*manylinux*"))
    content = bytearray(spoilt.read_bytes())
    content[len(content) // 2] ^= 1
    spoilt.write_bytes(content)
    line = refused("--platform", "linux", "--wheels", tmp_path / "wheels")
    assert "has no wheel of pyzmq==" in line and "for Linux" in line and "Get it with: pip download" in line


def test_no_network(project):
    before = tree(project.parent)
    with socket.socket() as closed:  # bound, but nobody listens
        closed.bind(("127.0.0.1", 0))
        index = f"http://127.0.0.1:{closed.getsockname()[1]}/simple"
        done = subprocess.run(
            [*MEDTALK, "plugin", "install", project],
            env=environment(PIP_INDEX_URL=index, PIP_RETRIES="0"), capture_output=True, text=True,
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert "pip could not get pyzmq==" in done.stderr and "--wheels" in done.stderr
    assert tree(project.parent) == before


def test_no_pip(project):
    code = "import sys; sys.modules['pip'] = None; from medtalk.cli.app import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "plugin", "install", project], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1 and "This Python has no pip" in done.stderr
    assert not (project.parent / "Plugins").exists()


def test_ended_while_pip_downloads(project, tmp_path):
    before = tree(project.parent)
    (tmp_path / "temporary").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        variables = environment(PIP_INDEX_URL=index, TMPDIR=str(tmp_path / "temporary"))
        process = subprocess.Popen([*MEDTALK, "plugin", "install", project], env=variables)
        silent.settimeout(60)
        with silent.accept()[0]:  # pip has asked, and waits
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 128 + signal.SIGTERM
    assert tree(project.parent) == before
    assert not [path for path in (tmp_path / "temporary").iterdir() if path.name.startswith("medtalk-")]


def without_root_powers(*words: object) -> subprocess.CompletedProcess[str]:
    """Runs a command that file permissions bind, also where the tests run as root."""
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    return subprocess.run([*drop, *map(str, words)], capture_output=True, text=True)


def test_a_read_only_folder(install, project):
    def assert_refused(folder: Path, option: str) -> None:
        before = tree(project.parent)
        folder.chmod(0o555)
        done = without_root_powers(*MEDTALK, "plugin", "install", project, option)
        folder.chmod(0o755)
        assert (done.returncode, done.stdout) == (1, "")
        assert len(done.stderr.splitlines()) == 1 and re.search("is read-only|Permission denied", done.stderr)
        assert tree(project.parent) == before

    plugins = project.parent / "Plugins"
    assert_refused(project.parent, "--no-wheels")
    plugins.mkdir()
    assert_refused(plugins, "--no-wheels")
    install("--no-wheels")
    assert_refused(plugins, "--no-wheels")
    assert_refused(plugins, "--remove")


def test_a_file_where_the_plugins_should_be(refused, project):
    (project.parent / "Plugins").write_text("x")
    assert "is not a folder" in refused("--no-wheels")


@pytest.mark.parametrize("there", [False, True])
def test_a_disk_that_takes_no_more(install, project, wheels, there):
    if there:
        install("--platform", "linux", "--wheels", wheels)
    before = tree(project.parent)
    done = subprocess.run(
        [*MEDTALK, "plugin", "install", project, "--platform", "linux", "--wheels", wheels],
        capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("medtalk: Cannot write ")
    assert ("close it first" in done.stderr) is there
    assert tree(project.parent) == before
