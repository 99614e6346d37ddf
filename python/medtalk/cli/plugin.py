"""The command `plugin install`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medtalk.cli.options import Debug
from medtalk.errors import SettingError
from medtalk.version import __version__

app = typer.Typer(help="The plugin for Unreal Editor.", no_args_is_help=True, rich_markup_mode=None)


@app.command("install")
def plugin_install(
    project: Annotated[Path, typer.Argument(metavar="PROJECT.uproject", readable=False, help="Project of Unreal 5.")],
    platform: Annotated[
        list[str] | None,
        typer.Option(
            metavar="win64|linux|mac|all",
            help="Platforms whose editors need no download; may be repeated. Default: this machine's.",
        ),
    ] = None,
    wheels: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", readable=False, help="Take all packages from this folder, without a network."),
    ] = None,
    no_wheels: Annotated[
        bool, typer.Option("--no-wheels", help="Leave pyzmq and msgpack to Unreal, which downloads them at its start.")
    ] = False,
    with_sidecar: Annotated[
        bool,
        typer.Option(
            "--with-sidecar",
            help="Bring the packages with which the editor makes the sidecar's Python (Set Up), without a network.",
        ),
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the plugin from the project.")] = False,
    debug: Debug = False,
) -> None:
    """Install the plugin in an Unreal project, or update it there."""
    from medtalk.cli.unreal_plugin import PLATFORMS, install_plugin, remove_plugin

    if remove:
        if platform or wheels is not None or no_wheels or with_sidecar:
            raise SettingError("--remove removes the whole plugin.", "Leave the other options out.")
        print(f"{remove_plugin(project)}: removed")
        return
    if no_wheels and (platform or wheels is not None or with_sidecar):
        raise SettingError(
            "--no-wheels cannot be used with --platform, --wheels or --with-sidecar.", "Leave one of them out."
        )
    done = install_plugin(project, () if no_wheels else platform, wheels=wheels, sidecar=with_sidecar)
    update = f"replaced the newer {done.newer}" if done.newer else "brought up to date"
    print(f"{done.folder}: {update if done.updated else 'installed'}, MEDTalk {__version__}")
    names = ", ".join(PLATFORMS[name] for name in done.platforms)
    print(f"pyzmq and msgpack: {f'with the plugin, for {names}' if names else 'Unreal downloads them at its start'}")
    print(f"Python of the sidecar: {done.python}")
    if done.sidecar:
        print("Other machines need no Python: there, Test Connection offers Set Up.")
    for note in done.notes:
        print(note)
    print("Now start Unreal Editor, again if it is open. Then Tools, section MEDTalk: Test Connection.")
