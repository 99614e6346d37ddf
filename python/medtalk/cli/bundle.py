"""The commands `bundle info` and `bundle import-official`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from medtalk.cli.options import AsJson, Debug, Offline
from medtalk.cli.printing import human

app = typer.Typer(help="Models on disk.", no_args_is_help=True, rich_markup_mode=None)


@app.command("info")
def bundle_info(
    path: Annotated[Path | None, typer.Argument(metavar="[PATH]", readable=False, help="Folder of a bundle.")] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Verify a bundle and show what it is."""
    from medtalk.bundle import load_bundle

    bundle = load_bundle(path)
    facts = {
        **bundle.manifest,
        "guidance": list(bundle.guidance),
        "folder": str(bundle.folder),
        "sha256": bundle.sha256,
    }
    if as_json:
        print(json.dumps(facts))
        return
    facts["channels"] = f"{len(bundle.manifest['channels'])} (hash {bundle.manifest['channel_hash'][:12]})"
    facts["files"] = f"{len(bundle.files)}, {bundle.bytes / 1e6:.1f} MB, all verified"
    if absent := sorted(bundle.manifest["files"].keys() - bundle.files):
        facts["files"] += f"; without {', '.join(absent)}, which torch needs (extra full)"
    for name in ("features", "channel_hash"):
        facts.pop(name, None)
    if imported := facts.get("imported"):
        facts["imported"] = {
            part: f"{source['file']}, {source['used']} tensors used, {len(source['unused'])} not"
            for part, source in imported.items()
        }
    for name, value in facts.items():
        print(f"{name:>16}: {human(value)}")


@app.command("import-official")
def bundle_import_official(
    label: Annotated[Path, typer.Option(metavar="FILE", readable=False, help="The authors' audio_semantic.pth.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="BUNDLE", help="Folder of the bundle to make.")],
    clip: Annotated[
        Path | None,
        typer.Option(metavar="FILE", readable=False, help="Their clip_emotion.pth, for --text and --image."),
    ] = None,
    wav2vec2: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", readable=False, help="Folder with config.json of their wav2vec2; downloaded if left out."
        ),
    ] = None,
    roberta: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            readable=False,
            help="Folder with config.json and vocab.txt of their RoBERTa; downloaded if left out.",
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the bundle.")] = "medtalk",
    offline: Offline = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Make a bundle from the authors' weights, and list those that are left out."""
    from medtalk.official import import_official, unused_lines

    done = import_official(label, output, clip=clip, wav2vec2=wav2vec2, roberta=roberta, name=name, offline=offline)
    if as_json:
        print(json.dumps({"folder": str(done.bundle.folder), **done.bundle.manifest["imported"]}))
        return
    for file, unused in done.unused.items():
        print(f"{file}: {done.used[file]} tensors used, {len(unused)} not:")
        for line in unused_lines(unused):
            print(f"    {line}")
    print(f"{done.bundle.folder}: {len(done.bundle.manifest['files'])} files, {done.bundle.bytes / 1e6:.1f} MB")
