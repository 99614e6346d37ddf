"""The form of the settings."""

from __future__ import annotations

from dataclasses import replace

import unreal

from medtalk_unreal import details
from medtalk_unreal import settings as settings_file
from medtalk_unreal.details import get, path

TITLE = "MEDTalk Settings"
_row = details.rows()


@unreal.uclass()
class MEDTalkSettingsForm(unreal.Object):
    """The settings of this machine and user."""

    python = unreal.uproperty(
        unreal.FilePath,
        meta=_row(
            "Sidecar", "Python", "The Python that has MEDTalk. Leave empty for the one that was installed.",
            RelativeToGameDir="",
        ),
    )  # fmt: skip
    bundle = unreal.uproperty(
        unreal.DirectoryPath,
        meta=_row("Sidecar", "Model", "Folder of the model. Leave empty for the one that ships."),
    )
    device = unreal.uproperty(str, meta=_row("Sidecar", "Device", "auto, cpu or cuda:0."))
    idle_exit = unreal.uproperty(
        float,
        meta=_row("Sidecar", "End When Idle", "Seconds without work before it ends.", ClampMin="10", Units="s"),
    )
    max_seconds = unreal.uproperty(
        float,
        meta=_row("Editor", "Longest Sound", "Longer sounds are refused.", ClampMin="1", Units="s"),
    )
    progress = unreal.uproperty(
        bool,
        meta=_row(
            "Editor", "Progress Notification",
            "Show the progress in the corner of the editor, with Cancel. While it shows, Unreal opens no dialogs and "
            "answers its own questions with their defaults. Off: a notification comes at the end.",
        ),
    )  # fmt: skip
    server = unreal.uproperty(
        str,
        meta=_row("Another Machine", "Server", "HOST:PORT of a sidecar elsewhere. Leave empty to start one here."),
    )
    keys = unreal.uproperty(
        unreal.DirectoryPath, meta=_row("Another Machine", "Keys", "Folder of your keys for that sidecar.")
    )
    backbones = unreal.uproperty(
        unreal.Array(str),
        meta=_row("Advanced", "Backbones", "Folders of networks that a model needs, such as clip=C:/weights/clip"),
    )
    offline = unreal.uproperty(
        bool, meta=_row("Advanced", "Offline", "Never download such networks. Off: when they are first needed.")
    )


def open_settings() -> bool:
    """Show the settings; they are saved with OK. Whether a sidecar would now be started otherwise than before."""
    settings = settings_file.load()
    form = details.make(MEDTalkSettingsForm, TITLE)
    form.set_editor_properties(
        {
            "python": unreal.FilePath(settings.python),
            "bundle": unreal.DirectoryPath(settings.bundle),
            "backbones": settings.backbones,
            "offline": settings.offline,
            "device": settings.device,
            "idle_exit": settings.idle_exit,
            "server": settings.server,
            "keys": unreal.DirectoryPath(settings.keys),
            "max_seconds": settings.max_seconds,
            "progress": settings.progress,
        }
    )
    if not details.ask(form, TITLE):
        return False
    now = replace(
        settings,
        python=path(form, "python", "file_path"),
        bundle=path(form, "bundle", "path"),
        backbones=[entry.strip() for entry in map(str, get(form, "backbones")) if entry.strip()],
        offline=get(form, "offline"),
        device=get(form, "device").strip() or "auto",
        idle_exit=get(form, "idle_exit"),
        server=get(form, "server").strip(),
        keys=path(form, "keys", "path"),
        max_seconds=get(form, "max_seconds"),
        progress=get(form, "progress"),
    )
    settings_file.save(now)
    return not now.server and now.starting != settings.starting
