"""A MetaHuman's face: its 174 channels, what boards call them, and the raw expressions that they drive.

The one table of the project: the library (`medtalk.rig`) and the Unreal plugin take everything about a channel from
here. Standard library only. It lies in the plugin's folder, so that this folder can be dropped into a project as it is
(docs/decisions).
"""
