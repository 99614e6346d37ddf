"""The Unreal plugin as it ships: the folder MEDTalk. Only data; `medtalk.cli.unreal_plugin` copies it into projects."""
