"""The Unreal plugin as it ships: the folder MEDTalk. Only data; `medtalk.plugin` copies it into projects."""
